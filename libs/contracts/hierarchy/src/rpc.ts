import { rpc, type Page, type RpcContract } from '@strowger/kernel';
import * as r from './requests.js';
import type * as v from './views.js';

const define = <B extends object, R>(verbNoun: string, body: new () => B): RpcContract<B, R> =>
  rpc<B, R>(`rpc.hierarchy.${verbNoun}.v1`, body);

export const signIn = define<r.SignIn, v.SessionGrant>('sign-in', r.SignIn);
export const refreshSession = define<r.RefreshSession, v.SessionGrant>('refresh-session', r.RefreshSession);
export const endSession = define<r.RefreshSession, null>('end-session', r.RefreshSession);

export const createSystemProvider = define<r.CreateSystemProvider, v.SystemProviderView>(
  'create-system-provider',
  r.CreateSystemProvider,
);
export const updateSystemProvider = define<r.UpdateSystemProvider, v.SystemProviderView>(
  'update-system-provider',
  r.UpdateSystemProvider,
);
export const getSystemProvider = define<r.ById, v.SystemProviderView>('get-system-provider', r.ById);
export const listSystemProviders = define<r.ListQuery, Page<v.SystemProviderView>>(
  'list-system-providers',
  r.ListQuery,
);

export const createReseller = define<r.CreateReseller, v.ResellerView>('create-reseller', r.CreateReseller);
export const renameReseller = define<r.RenameNode, v.ResellerView>('rename-reseller', r.RenameNode);
export const getReseller = define<r.ById, v.ResellerView>('get-reseller', r.ById);
export const listResellers = define<r.ListUnder, Page<v.ResellerView>>('list-resellers', r.ListUnder);

export const createGroup = define<r.CreateGroup, v.GroupView>('create-group', r.CreateGroup);
export const renameGroup = define<r.RenameNode, v.GroupView>('rename-group', r.RenameNode);
export const getGroup = define<r.ById, v.GroupView>('get-group', r.ById);
export const listGroups = define<r.ListUnder, Page<v.GroupView>>('list-groups', r.ListUnder);

export const createUser = define<r.CreateUser, v.UserView>('create-user', r.CreateUser);
export const updateUser = define<r.UpdateUser, v.UserView>('update-user', r.UpdateUser);
export const getUser = define<r.ById, v.UserView>('get-user', r.ById);
export const listUsers = define<r.ListUnder, Page<v.UserView>>('list-users', r.ListUnder);
export const deleteUser = define<r.ById, null>('delete-user', r.ById);

export const createPortalUser = define<r.CreatePortalUser, v.PortalUserView>('create-portal-user', r.CreatePortalUser);
export const updatePortalUser = define<r.UpdatePortalUser, v.PortalUserView>('update-portal-user', r.UpdatePortalUser);
export const getPortalUser = define<r.ById, v.PortalUserView>('get-portal-user', r.ById);
export const listPortalUsers = define<r.ListUnder, Page<v.PortalUserView>>('list-portal-users', r.ListUnder);
export const deletePortalUser = define<r.ById, null>('delete-portal-user', r.ById);

export const listProducts = define<r.Empty, v.ProductView[]>('list-products', r.Empty);
export const setPurchase = define<r.SetPurchase, v.PurchaseView>('set-purchase', r.SetPurchase);
export const listPurchases = define<r.ById, v.PurchaseView[]>('list-purchases', r.ById);
export const assignLicense = define<r.AssignLicense, v.LicenseView>('assign-license', r.AssignLicense);
export const removeLicense = define<r.RemoveLicense, null>('remove-license', r.RemoveLicense);
export const listUserLicenses = define<r.ById, v.LicenseView[]>('list-user-licenses', r.ById);

/** Records in the history that a portal user took a client token for a user, and answers who that user is. */
export const recordClientToken = define<r.ById, v.UserView>('record-client-token', r.ById);
export const listHistory = define<r.ListHistory, Page<v.HistoryEntryView>>('list-history', r.ListHistory);

export const holdAlertGuard = define<r.HoldAlertGuard, null>('hold-alert-guard', r.HoldAlertGuard);
export const releaseAlertGuard = define<r.ReleaseAlertGuard, null>('release-alert-guard', r.ReleaseAlertGuard);
