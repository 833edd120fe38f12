import * as h from '@strowger/contracts-hierarchy';
import { hierarchyRpc as rpc } from '@strowger/contracts-hierarchy';
import type { Principal } from '../auth/tokens.js';
import { routes } from './route.js';

const page = (view: new () => object) => ({ view, as: 'page' as const });
const list = (view: new () => object) => ({ view, as: 'list' as const });
const byPeople = { 'portal-user-needed': 'forbidden' } as const;
const guarded = { 'alert-recipient-required': 'conflict' } as const;

const people = routes('Portal users');
people.add('POST /v1/portal-users', rpc.createPortalUser, {
  summary: 'Create a portal user',
  description:
    'The portal user sees the node and what is below it: an administrator changes it, support and agents read it. ' +
    'Only an administrator who is signed in to the portal makes accounts; an API key does not.',
  access: 'write',
  status: 201,
  response: { view: h.PortalUserView },
  idempotent: true,
  errors: { ...byPeople, 'portal-user-exists': 'conflict' },
});
people.add('GET /v1/portal-users', rpc.listPortalUsers, {
  summary: 'List portal users',
  access: 'read',
  response: page(h.PortalUserView),
});
people.add('GET /v1/system-providers/:parentId/portal-users', rpc.listPortalUsers, {
  summary: 'List the portal users of a system provider and of what is below it',
  access: 'read',
  response: page(h.PortalUserView),
});
people.add('GET /v1/portal-users/:id', rpc.getPortalUser, {
  summary: 'Read a portal user',
  access: 'read',
  response: { view: h.PortalUserView },
  versioned: true,
});
people.add('PATCH /v1/portal-users/:id', rpc.updatePortalUser, {
  summary: 'Change a portal user',
  description:
    'With another password or role every session of theirs ends. An API key sets no password, e-mail address or role.',
  access: 'write',
  response: { view: h.PortalUserView },
  versioned: true,
  errors: { ...byPeople, ...guarded, 'portal-user-exists': 'conflict', 'last-operator': 'conflict' },
});
people.add('DELETE /v1/portal-users/:id', rpc.deletePortalUser, {
  summary: 'Delete a portal user',
  access: 'write',
  response: null,
  errors: { ...guarded, 'last-operator': 'conflict' },
});
people.add('POST /v1/portal-users/:id/lock', rpc.lockPortalUser, {
  summary: 'Lock a portal user out',
  description:
    'Every session ends, and no mail is sent to them any more. So the last portal user who receives the alerts of a ' +
    'system provider with a platform can’t be locked. Safe to repeat.',
  access: 'write',
  response: { view: h.PortalUserView },
  errors: { ...guarded, 'last-operator': 'conflict', 'own-account': 'conflict' },
});
people.add('POST /v1/portal-users/:id/unlock', rpc.unlockPortalUser, {
  summary: 'Let a locked portal user in again',
  description:
    'The password stays what it was. An API key unlocks only those who have fewer rights than it. Safe to repeat.',
  access: 'write',
  response: { view: h.PortalUserView },
  errors: byPeople,
});
people.add('GET /v1/portal-users/:portalUserId/sessions', rpc.listSessions, {
  summary: 'Where a portal user is signed in',
  access: 'read',
  response: list(h.SessionView),
  fill: (principal) => ({ currentSessionId: sessionOf(principal) }),
});
people.add('DELETE /v1/portal-users/:portalUserId/sessions/:sessionId', rpc.revokeSession, {
  summary: 'End one session of a portal user',
  access: 'write',
  response: null,
});
people.add('DELETE /v1/portal-users/:portalUserId/sessions', rpc.revokeSessions, {
  summary: 'Sign a portal user out everywhere',
  access: 'write',
  response: null,
  fill: () => ({ currentSessionId: undefined }),
});
people.add('GET /v1/portal-users/:accountId/login-history', rpc.listLoginHistory, {
  summary: 'When and from where a portal user signed in, or tried to; newest first',
  access: 'read',
  response: page(h.LoginHistoryView),
});

const own = routes('Own account');
/** The same fields for every caller, so that the document knows them as filled. */
const self = (principal: Principal) => ({ portalUserId: principal.actor.id });
const sessionOf = (principal: Principal): string | undefined =>
  principal.kind === 'portal-user' ? principal.sessionId : undefined;
own.add('POST /v1/me/password', rpc.changeOwnPassword, {
  summary: 'Change your own password',
  description: 'Every other session of yours ends. A wrong current password counts as a failed attempt to sign in.',
  access: 'self',
  response: null,
  fill: (principal) => ({ sessionId: sessionOf(principal) }),
  errors: { 'invalid-credentials': 'unauthenticated', 'too-many-login-attempts': 'rate-limited' },
});
own.add('GET /v1/me/sessions', rpc.listSessions, {
  summary: 'Where you are signed in',
  access: 'self',
  response: list(h.SessionView),
  fill: (principal) => ({ ...self(principal), currentSessionId: sessionOf(principal) }),
});
own.add('DELETE /v1/me/sessions/:sessionId', rpc.revokeSession, {
  summary: 'End one of your sessions',
  access: 'self',
  response: null,
  fill: self,
});
own.add('GET /v1/me/login-history', rpc.listLoginHistory, {
  summary: 'When and from where you signed in, or somebody tried to with your e-mail address; newest first',
  access: 'self',
  response: page(h.LoginHistoryView),
  fill: (principal) => ({ accountId: principal.actor.id }),
});
own.add('POST /v1/password-resets', rpc.requestPasswordReset, {
  summary: 'Ask for a new password by mail',
  description:
    'Answers the same whether or not there is such a portal user. The mailed link is good for one hour and one use.',
  access: 'public',
  status: 202,
  response: null,
  answer: () => ({ status: 202, body: {} }),
  errors: { 'too-many-password-resets': 'rate-limited' },
});
own.add('POST /v1/password-resets/confirm', rpc.confirmPasswordReset, {
  summary: 'Set a new password with the token of a mailed link',
  description: 'Every session of the portal user ends.',
  access: 'public',
  response: null,
  errors: { 'reset-token-refused': 'invalid' },
});

const robots = routes('Interface users');
robots.add('POST /v1/system-providers/:systemProviderId/interface-users', rpc.createInterfaceUser, {
  summary: 'Create an interface user: the login of a back office at the SOAP API',
  description:
    'Only operators of the installation create them, always at a system provider, where they have full control. They ' +
    'cannot sign in to the portal. Calls are accepted from the addresses on the list only; an empty list allows nobody. ' +
    'Without a password one is made and shown in this answer only.',
  access: 'operator',
  status: 201,
  response: { view: h.InterfaceUserWithPassword },
  idempotent: true,
  shownOnce: 'password',
  errors: { ...byPeople, 'operator-only': 'forbidden', 'interface-user-exists': 'conflict' },
});
robots.add('GET /v1/interface-users', rpc.listInterfaceUsers, {
  summary: 'List interface users',
  access: 'read',
  response: page(h.InterfaceUserView),
});
robots.add('GET /v1/system-providers/:parentId/interface-users', rpc.listInterfaceUsers, {
  summary: 'List the interface users of a system provider',
  access: 'read',
  response: page(h.InterfaceUserView),
});
robots.add('GET /v1/interface-users/:id', rpc.getInterfaceUser, {
  summary: 'Read an interface user',
  access: 'read',
  response: { view: h.InterfaceUserView },
  versioned: true,
});
robots.add('PATCH /v1/interface-users/:id', rpc.updateInterfaceUser, {
  summary: 'Change an interface user',
  description: '`addresses` is the whole list: those left out are taken away.',
  access: 'write',
  response: { view: h.InterfaceUserView },
  versioned: true,
  errors: byPeople,
});
robots.add('DELETE /v1/interface-users/:id', rpc.deleteInterfaceUser, {
  summary: 'Delete an interface user',
  access: 'write',
  response: null,
  errors: byPeople,
});
robots.add('POST /v1/interface-users/:id/lock', rpc.lockInterfaceUser, {
  summary: 'Lock an interface user',
  description: 'Calls under way finish; later ones are refused. Safe to repeat.',
  access: 'write',
  response: { view: h.InterfaceUserView },
  errors: byPeople,
});
robots.add('POST /v1/interface-users/:id/unlock', rpc.unlockInterfaceUser, {
  summary: 'Unlock an interface user',
  description:
    'The first failed login locks an interface user. Only an administrator at its system provider or above, signed in ' +
    'to the portal, unlocks it; the login history shows what happened. Safe to repeat.',
  access: 'write',
  response: { view: h.InterfaceUserView },
  errors: byPeople,
});
robots.add('POST /v1/interface-users/:id/password', rpc.setInterfaceUserPassword, {
  summary: 'Set the password of an interface user',
  description: 'Without one, a password is made and shown in this answer only. A locked account stays locked.',
  access: 'write',
  response: { view: h.InterfaceUserWithPassword },
  errors: byPeople,
});
robots.add('POST /v1/interface-users/:id/addresses', rpc.addInterfaceUserAddress, {
  summary: 'Add an address to the access control list',
  description: 'An IPv4 or IPv6 address, or a network of at least /24 or /56. Safe to repeat.',
  access: 'write',
  response: { view: h.InterfaceUserView },
  errors: byPeople,
});
robots.add('DELETE /v1/interface-users/:id/addresses', rpc.removeInterfaceUserAddress, {
  summary: 'Take an address off the access control list',
  access: 'write',
  response: { view: h.InterfaceUserView },
  errors: byPeople,
});
robots.add('GET /v1/interface-users/:accountId/login-history', rpc.listLoginHistory, {
  summary: 'Logins of an interface user, newest first',
  description: 'Successes are counted per address and hour; every failed login has a row of its own.',
  access: 'read',
  response: page(h.LoginHistoryView),
});
robots.add('GET /v1/login-history', rpc.listLoginHistory, {
  summary: 'All logins, also under names that nobody has; newest first',
  access: 'operator',
  response: page(h.LoginHistoryView),
});

const keys = routes('API keys');
keys.add('POST /v1/api-keys', rpc.createApiKey, {
  summary: 'Create an API key for a REST integrator',
  description:
    'The key sees its node and what is below it, and may do what its permissions say: `read` and `write` everywhere, ' +
    '`<area>:read` and `<area>:write` in one part of the API. It is shown in this answer only. Send it as `X-API-Key` ' +
    'or as `Authorization: Bearer`. Keys cannot manage keys.',
  access: 'write',
  status: 201,
  response: { view: h.ApiKeyWithSecret },
  idempotent: true,
  shownOnce: 'key',
  errors: byPeople,
});
keys.add('GET /v1/api-keys', rpc.listApiKeys, {
  summary: 'List API keys',
  description: 'With `parentId`, those of that node and of what is below it.',
  access: 'read',
  response: page(h.ApiKeyView),
});
keys.add('GET /v1/api-keys/:id', rpc.getApiKey, {
  summary: 'Read an API key, without its secret',
  access: 'read',
  response: { view: h.ApiKeyView },
  versioned: true,
});
keys.add('PATCH /v1/api-keys/:id', rpc.updateApiKey, {
  summary: 'Change the name, permissions or expiry of an API key',
  access: 'write',
  response: { view: h.ApiKeyView },
  versioned: true,
  errors: byPeople,
});
keys.add('POST /v1/api-keys/:id/rotate', rpc.rotateApiKey, {
  summary: 'Give an API key a new secret',
  description: 'The secret before works on for `overlapHours`, so that its users can be changed over one by one.',
  access: 'write',
  response: { view: h.ApiKeyWithSecret },
  idempotent: true,
  shownOnce: 'key',
  errors: byPeople,
});
keys.add('DELETE /v1/api-keys/:id', rpc.revokeApiKey, {
  summary: 'Revoke an API key at once',
  access: 'write',
  response: null,
  errors: byPeople,
});

export const accountsRoutes = [people, own, robots, keys].flatMap((r) => r.all);
