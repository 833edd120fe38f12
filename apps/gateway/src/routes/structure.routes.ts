import * as h from '@strowger/contracts-hierarchy';
import { hierarchyRpc as rpc, type SettingLevel } from '@strowger/contracts-hierarchy';
import { routes } from './route.js';

const page = (view: new () => object) => ({ view, as: 'page' as const });
const found = { 'provider-not-found': 'not-found' } as const;
const names = { 'hostname-in-use': 'conflict', 'last-server-host-name': 'conflict' } as const;

const providers = routes('System providers');
providers.add('POST /v1/system-providers', rpc.createSystemProvider, {
  summary: 'Create a system provider',
  description:
    'With `parentId` a child of that one, created by its administrators, by those of a system provider above it, or by ' +
    'the operator; without, one at the top, which only the operator may add. Settings not given are as the parent has ' +
    'them. A parent manages its children and all below them; a child sees neither its parent nor its siblings.',
  access: 'write',
  status: 201,
  response: { view: h.SystemProviderView },
  idempotent: true,
  changesProviders: true,
  errors: { ...found, 'hostname-in-use': 'conflict', 'provider-exists': 'conflict', 'operator-only': 'forbidden' },
});
providers.add('GET /v1/system-providers', rpc.listSystemProviders, {
  summary: 'List system providers',
  description: "The caller's own and all below it, by name; with `parentId` as under `/children`.",
  access: 'read',
  response: page(h.SystemProviderView),
});
providers.add('GET /v1/system-providers/:parentId/children', rpc.listSystemProviders, {
  summary: 'List the child system providers of one',
  description: 'Only the next level, or with `descendants=true` everything below.',
  access: 'read',
  response: page(h.SystemProviderView),
  errors: found,
});
providers.add('GET /v1/system-providers/:id', rpc.getSystemProvider, {
  summary: 'Read a system provider',
  description: 'Timezone, language, accounts reference and trial duration as they apply, set here or above.',
  access: 'read',
  response: { view: h.SystemProviderView },
  versioned: true,
  errors: found,
});
providers.add('PATCH /v1/system-providers/:id', rpc.updateSystemProvider, {
  summary: 'Change a system provider',
  description: '`null` for a setting takes it back, so that it is as the system provider above has it.',
  access: 'write',
  response: { view: h.SystemProviderView },
  versioned: true,
  errors: { ...found, ...names },
});
providers.add('DELETE /v1/system-providers/:id', rpc.deleteSystemProvider, {
  summary: 'Delete a system provider',
  description:
    'Only one without resellers, child system providers and CPaaS platforms, and never the caller’s own. Its portal ' +
    'users are signed out, and its server host names are free for others.',
  access: 'write',
  response: null,
  changesProviders: true,
  errors: { ...found, 'provider-not-empty': 'conflict', 'own-provider': 'forbidden' },
});

providers.add('GET /v1/system-providers/:id/host-names', rpc.listServerHostNames, {
  summary: 'List the server host names of a system provider',
  description: 'Clients and back offices name the system provider by any of them.',
  access: 'read',
  response: page(h.ServerHostNameView),
  errors: found,
});
providers.add('POST /v1/system-providers/:id/host-names', rpc.addServerHostName, {
  summary: 'Add a server host name',
  description: 'Kept as given, compared without case; each belongs to one system provider only.',
  access: 'write',
  status: 201,
  response: { view: h.ServerHostNameView },
  idempotent: true,
  errors: { ...found, 'hostname-in-use': 'conflict', 'too-many-server-host-names': 'conflict' },
});
providers.add('DELETE /v1/system-providers/:id/host-names/:hostName', rpc.removeServerHostName, {
  summary: 'Remove a server host name',
  description: 'The last one can’t go: clients could not find the system provider any more.',
  access: 'write',
  response: null,
  errors: { ...found, 'server-host-name-not-found': 'not-found', 'last-server-host-name': 'conflict' },
});

const settings = routes('Settings');
const unknownProduct = { 'unknown-application': 'invalid', 'unknown-license-type': 'invalid' } as const;
const reading = (level: SettingLevel, what: string) => ({
  summary: `Read the settings that apply to a ${what}`,
  description:
    'Each value with the level and node it comes from. `platform` is the default of the installation; of a node above ' +
    'the caller’s own only the level is shown.',
  access: 'read' as const,
  response: { view: h.SettingsView },
  versioned: true as const,
  fill: () => ({ level }),
});
const changing = (what: string) => ({
  summary: `Change the settings of a ${what}`,
  description: 'What is given is set here; `null` takes it back, so that it is as the node above has it.',
  access: 'write' as const,
  response: { view: h.SettingsView },
  versioned: true as const,
});
settings.add('GET /v1/system-providers/:id/settings', rpc.getSettings, {
  ...reading('system-provider', 'system provider'),
  errors: found,
});
settings.add('PATCH /v1/system-providers/:id/settings', rpc.changeProviderSettings, {
  ...changing('system provider'),
  errors: { ...found, ...unknownProduct },
});
settings.add('GET /v1/resellers/:id/settings', rpc.getSettings, reading('reseller', 'reseller'));
settings.add('PATCH /v1/resellers/:id/settings', rpc.changeResellerSettings, changing('reseller'));
settings.add('GET /v1/groups/:id/settings', rpc.getSettings, reading('group', 'group'));
settings.add('PATCH /v1/groups/:id/settings', rpc.changeGroupSettings, changing('group'));
settings.add('GET /v1/users/:id/settings', rpc.getSettings, reading('user', 'user'));
settings.add('PATCH /v1/users/:id/settings', rpc.changeUserSettings, changing('user'));

export const structureRoutes = [providers, settings].flatMap((r) => r.all);
