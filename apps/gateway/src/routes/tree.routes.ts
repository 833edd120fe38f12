import * as h from '@strowger/contracts-hierarchy';
import { hierarchyRpc as rpc } from '@strowger/contracts-hierarchy';
import { routes } from './route.js';
import { deletionStarted, previewDeletion, searchEverything } from './tree-answers.js';

const page = (view: new () => object) => ({ view, as: 'page' as const });
const noReseller = { 'reseller-not-found': 'not-found' } as const;
const noGroup = { 'group-not-found': 'not-found' } as const;
const noUser = { 'user-not-found': 'not-found' } as const;
const noRoom = {
  'insufficient-group-licenses': 'conflict',
  'insufficient-reseller-licenses': 'conflict',
  'insufficient-provider-licenses': 'conflict',
} as const;
const DELETION =
  'Nothing is lost by looking first: the preview under `/deletion` counts what goes. The answer is an operation: it has ' +
  'succeeded when the numbers, too, have been released at the carriers.';

const tree = routes('Resellers, groups and users');
tree.add('PUT /v1/system-providers/:systemProviderId/paths', rpc.ensurePath, {
  summary: 'Make sure that a user exists, with its reseller and group',
  description:
    'One transaction makes what is missing; what exists stays as it is, whatever names are given. `result` says for ' +
    'each level whether it was `created` or `kept`. Safe to repeat, also many at once. A new reseller is of the kind ' +
    'that the system provider’s settings say.',
  access: 'write',
  response: { view: h.PathView },
  errors: { 'provider-not-found': 'not-found', 'user-in-other-group': 'conflict' },
});

tree.add('POST /v1/system-providers/:systemProviderId/resellers', rpc.createReseller, {
  summary: 'Create a reseller (enterprise or service provider)',
  access: 'write',
  status: 201,
  response: { view: h.ResellerView },
  idempotent: true,
  errors: { 'provider-not-found': 'not-found', 'reseller-exists': 'conflict' },
});
tree.add('GET /v1/system-providers/:parentId/resellers', rpc.listResellers, {
  summary: 'List the resellers of a system provider',
  access: 'read',
  response: page(h.ResellerView),
  errors: { 'provider-not-found': 'not-found' },
});
tree.add('GET /v1/resellers', rpc.listResellers, {
  summary: 'List resellers',
  access: 'read',
  response: page(h.ResellerView),
});
tree.add('GET /v1/resellers/:id', rpc.getReseller, {
  summary: 'Read a reseller',
  access: 'read',
  response: { view: h.ResellerView },
  versioned: true,
  errors: noReseller,
});
tree.add('PATCH /v1/resellers/:id', rpc.updateReseller, {
  summary: 'Rename a reseller',
  description: 'Its name, its reseller id (`key`), or both. Groups and users stay under it.',
  access: 'write',
  response: { view: h.ResellerView },
  versioned: true,
  errors: { ...noReseller, 'reseller-exists': 'conflict' },
});
tree.add('GET /v1/resellers/:id/deletion', rpc.previewResellerDeletion, {
  summary: 'What would go with a reseller',
  access: 'read',
  response: { view: h.DeletionPreview },
  compose: previewDeletion(rpc.previewResellerDeletion),
  errors: noReseller,
});
tree.add('DELETE /v1/resellers/:id', rpc.deleteReseller, {
  summary: 'Delete a reseller',
  description: `All its groups, users and portal users go with it, and their licenses are free at once. ${DELETION}`,
  access: 'write',
  ...deletionStarted,
  errors: noReseller,
});

tree.add('POST /v1/resellers/:resellerId/groups', rpc.createGroup, {
  summary: 'Create a group',
  access: 'write',
  status: 201,
  response: { view: h.GroupView },
  idempotent: true,
  errors: { ...noReseller, 'group-exists': 'conflict' },
});
tree.add('GET /v1/resellers/:parentId/groups', rpc.listGroups, {
  summary: 'List the groups of a reseller',
  access: 'read',
  response: page(h.GroupView),
  errors: noReseller,
});
tree.add('GET /v1/groups', rpc.listGroups, { summary: 'List groups', access: 'read', response: page(h.GroupView) });
tree.add('GET /v1/groups/:id', rpc.getGroup, {
  summary: 'Read a group',
  access: 'read',
  response: { view: h.GroupView },
  versioned: true,
  errors: noGroup,
});
tree.add('PATCH /v1/groups/:id', rpc.updateGroup, {
  summary: 'Rename a group',
  description: 'Its name, its group id (`key`), or both. The users stay in it.',
  access: 'write',
  response: { view: h.GroupView },
  versioned: true,
  errors: { ...noGroup, 'group-exists': 'conflict' },
});
tree.add('GET /v1/groups/:id/deletion', rpc.previewGroupDeletion, {
  summary: 'What would go with a group',
  access: 'read',
  response: { view: h.DeletionPreview },
  compose: previewDeletion(rpc.previewGroupDeletion),
  errors: noGroup,
});
tree.add('DELETE /v1/groups/:id', rpc.deleteGroup, {
  summary: 'Delete a group',
  description: `Its users and portal users go with it, and their licenses are free at once. ${DELETION}`,
  access: 'write',
  ...deletionStarted,
  errors: noGroup,
});

tree.add('POST /v1/groups/:groupId/users', rpc.createUser, {
  summary: 'Create a user',
  description: 'The BroadWorks user id must match exactly; it is stored as given.',
  access: 'write',
  status: 201,
  response: { view: h.UserView },
  idempotent: true,
  errors: { ...noGroup, 'user-exists': 'conflict' },
});
tree.add('GET /v1/groups/:parentId/users', rpc.listUsers, {
  summary: 'List the users of a group',
  access: 'read',
  response: page(h.UserView),
  errors: noGroup,
});
tree.add('GET /v1/users', rpc.listUsers, { summary: 'List users', access: 'read', response: page(h.UserView) });
tree.add('GET /v1/users/:id', rpc.getUser, {
  summary: 'Read a user',
  access: 'read',
  response: { view: h.UserView },
  versioned: true,
  errors: noUser,
});
tree.add('PATCH /v1/users/:id', rpc.updateUser, {
  summary: 'Change, rename or move a user',
  description:
    'Another `broadworksUserId` must be free at the system provider. Another `groupId` moves the user with its ' +
    'licenses, for which the group and its reseller must have room; where they haven’t, nothing changes.',
  access: 'write',
  response: { view: h.UserView },
  versioned: true,
  errors: { ...noUser, ...noGroup, ...noRoom, 'user-exists': 'conflict' },
});
tree.add('GET /v1/users/:id/deletion', rpc.previewUserDeletion, {
  summary: 'What would go with a user',
  access: 'read',
  response: { view: h.DeletionPreview },
  compose: previewDeletion(rpc.previewUserDeletion),
  errors: noUser,
});
tree.add('DELETE /v1/users/:id', rpc.deleteUser, {
  summary: 'Delete a user',
  description: `The licenses are free at once. ${DELETION}`,
  access: 'write',
  ...deletionStarted,
  errors: noUser,
});

const search = routes('Search');
search.add('GET /v1/search', rpc.searchTree, {
  summary: 'Search system providers, resellers, groups, users, portal users and numbers',
  description:
    'Whatever in the caller’s scope holds the text in its name, id, e-mail address or number, capital and small letters ' +
    'alike. Kind after kind from the top of the tree, each by name; numbers last. A text of one or two characters is ' +
    'looked for at the beginning only.',
  access: 'read',
  response: page(h.SearchHit),
  compose: searchEverything,
});

const history = routes('History');
const newestFirst = 'Newest first, also of what has been deleted meanwhile. `since` and `until` bound the time.';
history.add('GET /v1/history', rpc.listHistory, {
  summary: 'Who did what to which object',
  description: `Everything in the caller’s scope. ${newestFirst}`,
  access: 'read',
  response: page(h.HistoryEntryView),
});
history.add('GET /v1/system-providers/:systemProviderId/history', rpc.listHistory, {
  summary: 'What happened at a system provider and below it',
  description: newestFirst,
  access: 'read',
  response: page(h.HistoryEntryView),
  errors: { 'provider-not-found': 'not-found' },
});
history.add('GET /v1/resellers/:resellerId/history', rpc.listHistory, {
  summary: 'What happened at a reseller and below it',
  description: newestFirst,
  access: 'read',
  response: page(h.HistoryEntryView),
  errors: noReseller,
});
history.add('GET /v1/groups/:groupId/history', rpc.listHistory, {
  summary: 'What happened in a group',
  description: newestFirst,
  access: 'read',
  response: page(h.HistoryEntryView),
  errors: noGroup,
});
history.add('GET /v1/users/:userId/history', rpc.listHistory, {
  summary: 'What happened to a user',
  description: newestFirst,
  access: 'read',
  response: page(h.HistoryEntryView),
  errors: noUser,
});

const imports = routes('Imports');
const noImport = { 'import-not-found': 'not-found' } as const;
imports.add('GET /v1/system-providers/:systemProviderId/imports', rpc.listImports, {
  summary: 'List the imports of a system provider',
  description: 'Newest first. Finished ones are kept for 30 days unless configured otherwise.',
  access: 'read',
  response: page(h.ImportView),
  errors: { 'provider-not-found': 'not-found' },
});
imports.add('GET /v1/imports/:id', rpc.getImport, {
  summary: 'How an import stands',
  description: 'Rows not counted as created, kept or failed are still to be done.',
  access: 'read',
  response: { view: h.ImportView },
  errors: noImport,
});
imports.add('GET /v1/imports/:id/rows', rpc.listImportRows, {
  summary: 'How the rows of an import fared',
  description: 'In the order of the file; with `state=failed` only those to look at. As CSV under `/results.csv`.',
  access: 'read',
  response: page(h.ImportRowView),
  errors: noImport,
});
imports.add('POST /v1/imports/:id/cancel', rpc.cancelImport, {
  summary: 'Cancel an import',
  description: 'Rows that are done stay done.',
  access: 'write',
  response: { view: h.ImportView },
  errors: { ...noImport, 'import-over': 'conflict' },
});

export const treeRoutes = [tree, search, history, imports].flatMap((r) => r.all);
