import { newId } from '@strowger/kernel';
import { canary, phone } from './security.fixtures.js';
import { b } from './security-system.fixtures.js';

const PRODUCT = { application: 'UnityDesktop', licenseType: 'Pro' };
const switches = { technicalEmails: false, alerts: false, invoicesAndReceipts: false, licenseExpiryAlerts: false };

/** What a request needs beside its ids, so that it would succeed for somebody who may. */
export const BODIES: Record<string, () => object> = {
  'POST /v1/system-providers': () => ({ name: 'Stolen' }),
  'PATCH /v1/system-providers/:id': () => ({ name: 'Stolen' }),
  'POST /v1/system-providers/:id/host-names': () => ({ hostName: `${newId()}.security.example` }),
  'PATCH /v1/system-providers/:id/settings': () => ({ brandingReference: 'stolen' }),
  'PATCH /v1/resellers/:id/settings': () => ({ brandingReference: 'stolen' }),
  'PATCH /v1/groups/:id/settings': () => ({ brandingReference: 'stolen' }),
  'PATCH /v1/users/:id/settings': () => ({ brandingReference: 'stolen' }),
  'PUT /v1/system-providers/:systemProviderId/paths': () => ({
    ...{ reseller: { key: 'stolen', name: 'Stolen' }, group: { key: 'stolen' } },
    user: { broadworksUserId: `stolen-${newId()}@security.example` },
  }),
  'POST /v1/system-providers/:systemProviderId/resellers': () => ({
    ...{ key: 'stolen', name: 'Stolen', kind: 'enterprise' },
  }),
  'PATCH /v1/resellers/:id': () => ({ name: 'Stolen' }),
  'POST /v1/resellers/:resellerId/groups': () => ({ key: 'stolen', name: 'Stolen' }),
  'PATCH /v1/groups/:id': () => ({ name: 'Stolen' }),
  'POST /v1/groups/:groupId/users': () => ({
    ...{ broadworksUserId: `stolen-${newId()}@security.example`, name: 'Stolen' },
  }),
  'PATCH /v1/users/:id': () => ({ name: 'Stolen' }),

  'POST /v1/portal-users': () => ({
    ...{ level: 'group', email: `${newId()}@security.example`, name: 'Stolen', password: canary('password') },
    ...{ role: 'administrator', notifications: switches },
  }),
  'PATCH /v1/portal-users/:id': () => ({ name: 'Stolen', password: canary('password') }),
  'POST /v1/me/password': () => ({ currentPassword: canary('wrong'), newPassword: canary('password') }),
  'POST /v1/password-resets': () => ({ email: `${newId()}@security.example` }),
  'POST /v1/password-resets/confirm': () => ({ token: canary('token'), newPassword: canary('password') }),
  'POST /v1/system-providers/:systemProviderId/interface-users': () => ({
    ...{ userName: `stolen-${newId()}`, email: 'stolen@security.example', addresses: [{ address: '192.0.2.1' }] },
  }),
  'PATCH /v1/interface-users/:id': () => ({ description: 'Stolen' }),
  'POST /v1/interface-users/:id/password': () => ({ password: canary('password') }),
  'POST /v1/interface-users/:id/addresses': () => ({ address: '192.0.2.1' }),
  'POST /v1/api-keys': () => ({ level: 'group', name: 'Stolen', permissions: ['read'] }),
  'PATCH /v1/api-keys/:id': () => ({ name: 'Stolen' }),
  'POST /v1/api-keys/:id/rotate': () => ({ overlapHours: 0 }),

  'PUT /v1/system-providers/:systemProviderId/purchases/:application/:licenseType': () => ({ quantity: 7 }),
  'POST /v1/system-providers/:systemProviderId/purchases': () => ({ ...PRODUCT, quantity: 7 }),
  'PATCH /v1/purchases/:id': () => ({ quantity: 7 }),
  'POST /v1/resellers/:resellerId/sub-purchases': () => ({ ...PRODUCT, quantity: 7 }),
  'PUT /v1/resellers/:resellerId/sub-purchases/:application/:licenseType': () => ({ quantity: 7 }),
  'PUT /v1/resellers/:resellerId/oversell': () => ({ oversell: 'PROVIDER_BACKED' }),
  'POST /v1/groups/:groupId/sub-purchases': () => ({ ...PRODUCT, quantity: 1 }),
  'PUT /v1/groups/:groupId/sub-purchases/:application/:licenseType': () => ({ quantity: 1 }),
  'POST /v1/users/:userId/licenses': () => PRODUCT,
  'POST /v1/license-requests': () => ({
    ...{ serverHostName: 'b.security.example', broadworksUserId: `stolen-${newId()}@security.example` },
    ...{ resellerId: 'stolen', groupId: 'stolen', application: 'UnityDesktop' },
  }),

  'POST /v1/resellers/:resellerId/queues': () => ({ name: `Stolen ${newId()}` }),
  'POST /v1/groups/:groupId/queues': () => ({ name: `Stolen ${newId()}` }),
  'PATCH /v1/queues/:id': () => ({ name: `Stolen ${newId()}` }),
  'POST /v1/queues/:queueId/media-streams': () => ({ name: `Stolen ${newId()}`, type: 'WebChat' }),
  'PATCH /v1/media-streams/:id': () => ({ name: `Stolen ${newId()}` }),
  'POST /v1/groups/:groupId/agents': () => ({ portalUserId: newId() }),

  'POST /v1/system-providers/:systemProviderId/platforms': () => ({
    kind: 'restcomm',
    credentials: { account: b.account.sid, secret: b.account.token },
  }),
  'PATCH /v1/platforms/:id': () => ({ name: 'Stolen' }),
  'POST /v1/users/:userId/numbers': () => ({ number: phone('0001') }),
  'PATCH /v1/numbers/:id': () => ({ friendlyName: 'Stolen' }),
  'POST /v1/client/messages': () => ({ to: `+1${phone()}`, text: 'Stolen' }),
  'POST /v1/users/:userId/messages': () => ({ to: `+1${phone()}`, text: 'Stolen' }),
  'POST /v1/client/blocks': () => ({ number: `+1${phone()}` }),
  'POST /v1/client/acks': () => ({ cursor: 1 }),
  'POST /v1/messages::batch': () => ({ items: [{ userId: newId(), to: `+1${phone()}`, text: 'Stolen' }] }),
  'POST /v1/client/messages::batch': () => ({ items: [{ to: `+1${phone()}`, text: 'Stolen' }] }),
  'POST /v1/messages/preview': () => ({ text: 'Hello' }),
  'POST /v1/client/messages/preview': () => ({ text: 'Hello' }),
};

/** Likewise in the address. */
export const QUERIES: Record<string, object> = {
  'GET /v1/search': { search: 'security' },
  'DELETE /v1/interface-users/:id/addresses': { address: '127.0.0.1' },
};
