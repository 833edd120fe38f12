import type { Page } from '@strowger/kernel';
import { define } from './define.js';
import { ById } from './requests.js';
import * as t from './tree.js';
import type { GroupView, ResellerView } from './views.js';

export const ensurePath = define<t.EnsurePath, t.PathView>('ensure-path', t.EnsurePath);

export const updateReseller = define<t.UpdateReseller, ResellerView>('update-reseller', t.UpdateReseller);
export const updateGroup = define<t.UpdateGroup, GroupView>('update-group', t.UpdateGroup);

export const previewResellerDeletion = define<ById, t.DeletionPreview>('preview-reseller-deletion', ById);
export const previewGroupDeletion = define<ById, t.DeletionPreview>('preview-group-deletion', ById);
export const previewUserDeletion = define<ById, t.DeletionPreview>('preview-user-deletion', ById);
export const deleteReseller = define<ById, t.DeletionView>('delete-reseller', ById);
export const deleteGroup = define<ById, t.DeletionView>('delete-group', ById);
export const deleteUser = define<ById, t.DeletionView>('delete-user', ById);
/** What was deleted under this id; not found for what exists or never did. */
export const getDeletion = define<ById, t.DeletionView>('get-deletion', ById);

/** Hierarchy knows no numbers: for those the gateway asks provisioning. */
export const searchTree = define<t.SearchTree, Page<t.SearchHit>>('search-tree', t.SearchTree);
