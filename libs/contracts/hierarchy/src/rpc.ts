import type { Page } from '@strowger/kernel';
import { define } from './define.js';
import * as r from './requests.js';
import type * as v from './views.js';

export const signIn = define<r.SignIn, v.SessionGrant>('sign-in', r.SignIn);
export const refreshSession = define<r.RefreshSession, v.SessionGrant>('refresh-session', r.RefreshSession);
export const endSession = define<r.RefreshSession, null>('end-session', r.RefreshSession);

export {
  addServerHostName,
  changeGroupSettings,
  changeProviderSettings,
  changeResellerSettings,
  changeUserSettings,
  createSystemProvider,
  deleteSystemProvider,
  getSettings,
  getSystemProvider,
  listProviderIds,
  listServerHostNames,
  listSystemProviders,
  removeServerHostName,
  updateSystemProvider,
} from './structure.js';

export const createReseller = define<r.CreateReseller, v.ResellerView>('create-reseller', r.CreateReseller);
export const getReseller = define<r.ById, v.ResellerView>('get-reseller', r.ById);
export const listResellers = define<r.ListUnder, Page<v.ResellerView>>('list-resellers', r.ListUnder);

export const createGroup = define<r.CreateGroup, v.GroupView>('create-group', r.CreateGroup);
export const getGroup = define<r.ById, v.GroupView>('get-group', r.ById);
export const listGroups = define<r.ListUnder, Page<v.GroupView>>('list-groups', r.ListUnder);

export const createUser = define<r.CreateUser, v.UserView>('create-user', r.CreateUser);
export const updateUser = define<r.UpdateUser, v.UserView>('update-user', r.UpdateUser);
export const getUser = define<r.ById, v.UserView>('get-user', r.ById);
export const listUsers = define<r.ListUnder, Page<v.UserView>>('list-users', r.ListUnder);

export const createPortalUser = define<r.CreatePortalUser, v.PortalUserView>('create-portal-user', r.CreatePortalUser);
export const updatePortalUser = define<r.UpdatePortalUser, v.PortalUserView>('update-portal-user', r.UpdatePortalUser);
export const getPortalUser = define<r.ById, v.PortalUserView>('get-portal-user', r.ById);
export const listPortalUsers = define<r.ListUnder, Page<v.PortalUserView>>('list-portal-users', r.ListUnder);
export const deletePortalUser = define<r.ById, null>('delete-portal-user', r.ById);

export const listProducts = define<r.Empty, v.ProductView[]>('list-products', r.Empty);

export {
  addGroupSubPurchase,
  addPurchase,
  addResellerSubPurchase,
  assignLicense,
  getOversell,
  getPurchase,
  listGroupLicenses,
  listGroupSubPurchases,
  listProviderLicenses,
  listPurchases,
  listResellerLicenses,
  listResellerSubPurchases,
  listUserLicenses,
  removeGroupSubPurchase,
  removeLicense,
  removeLicenses,
  removePurchase,
  removeResellerSubPurchase,
  setGroupSubPurchase,
  setOversell,
  setPurchase,
  setResellerSubPurchase,
  updatePurchase,
} from './licensing.js';
export { getLicenseForecast, listLicenseHoldings, listTrials, requestLicense } from './license-terms.js';

/** Records in the history that a portal user took a client token for a user, and answers who that user is. */
export const recordClientToken = define<r.ById, v.UserView>('record-client-token', r.ById);
export const listHistory = define<r.ListHistory, Page<v.HistoryEntryView>>('list-history', r.ListHistory);

export const holdAlertGuard = define<r.HoldAlertGuard, null>('hold-alert-guard', r.HoldAlertGuard);
export const releaseAlertGuard = define<r.ReleaseAlertGuard, null>('release-alert-guard', r.ReleaseAlertGuard);

export * from './accounts-rpc.js';
export {
  addImportPart,
  cancelImport,
  finishImport,
  getImport,
  listImportRows,
  listImports,
  startImport,
} from './imports.js';
export * from './tree-rpc.js';

export { provision } from './provision.js';
