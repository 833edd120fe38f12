import type { Page } from '@strowger/kernel';
import * as a from './accounts.js';
import { define } from './define.js';
import { ById, ListUnder } from './requests.js';
import type { PortalUserView } from './views.js';

export const createInterfaceUser = define<a.CreateInterfaceUser, a.InterfaceUserWithPassword>(
  'create-interface-user',
  a.CreateInterfaceUser,
);
export const updateInterfaceUser = define<a.UpdateInterfaceUser, a.InterfaceUserView>(
  'update-interface-user',
  a.UpdateInterfaceUser,
);
export const getInterfaceUser = define<ById, a.InterfaceUserView>('get-interface-user', ById);
export const listInterfaceUsers = define<ListUnder, Page<a.InterfaceUserView>>('list-interface-users', ListUnder);
export const deleteInterfaceUser = define<ById, null>('delete-interface-user', ById);
export const lockInterfaceUser = define<ById, a.InterfaceUserView>('lock-interface-user', ById);
export const unlockInterfaceUser = define<ById, a.InterfaceUserView>('unlock-interface-user', ById);
export const setInterfaceUserPassword = define<a.SetInterfaceUserPassword, a.InterfaceUserWithPassword>(
  'set-interface-user-password',
  a.SetInterfaceUserPassword,
);
export const addInterfaceUserAddress = define<a.AddInterfaceUserAddress, a.InterfaceUserView>(
  'add-interface-user-address',
  a.AddInterfaceUserAddress,
);
export const removeInterfaceUserAddress = define<a.RemoveInterfaceUserAddress, a.InterfaceUserView>(
  'remove-interface-user-address',
  a.RemoveInterfaceUserAddress,
);
export const listLoginHistory = define<a.ListLoginHistory, Page<a.LoginHistoryView>>(
  'list-login-history',
  a.ListLoginHistory,
);
export const lockPortalUser = define<ById, PortalUserView>('lock-portal-user', ById);
export const unlockPortalUser = define<ById, PortalUserView>('unlock-portal-user', ById);
export const changeOwnPassword = define<a.ChangeOwnPassword, null>('change-own-password', a.ChangeOwnPassword);
export const requestPasswordReset = define<a.RequestPasswordReset, null>(
  'request-password-reset',
  a.RequestPasswordReset,
);
export const confirmPasswordReset = define<a.ConfirmPasswordReset, null>(
  'confirm-password-reset',
  a.ConfirmPasswordReset,
);
export const recordTextsRead = define<a.RecordTextsRead, null>('record-texts-read', a.RecordTextsRead);
export const listSessions = define<a.OfPortalUser, a.SessionView[]>('list-sessions', a.OfPortalUser);
export const revokeSession = define<a.RevokeSession, null>('revoke-session', a.RevokeSession);
export const revokeSessions = define<a.OfPortalUser, null>('revoke-sessions', a.OfPortalUser);
export const createApiKey = define<a.CreateApiKey, a.ApiKeyWithSecret>('create-api-key', a.CreateApiKey);
export const updateApiKey = define<a.UpdateApiKey, a.ApiKeyView>('update-api-key', a.UpdateApiKey);
export const getApiKey = define<ById, a.ApiKeyView>('get-api-key', ById);
export const listApiKeys = define<ListUnder, Page<a.ApiKeyView>>('list-api-keys', ListUnder);
export const rotateApiKey = define<a.RotateApiKey, a.ApiKeyWithSecret>('rotate-api-key', a.RotateApiKey);
export const revokeApiKey = define<ById, null>('revoke-api-key', ById);
export const authenticateApiKey = define<a.AuthenticateApiKey, a.ApiKeyGrant>(
  'authenticate-api-key',
  a.AuthenticateApiKey,
);
