import * as h from '@strowger/contracts-hierarchy';
import { hierarchyRpc as rpc } from '@strowger/contracts-hierarchy';
import { routes } from './route.js';

const page = (view: new () => object) => ({ view, as: 'page' as const });
const list = (view: new () => object) => ({ view, as: 'list' as const });

const providers = routes('System providers');
providers.add('POST /v1/system-providers', rpc.createSystemProvider, {
  summary: 'Create a system provider',
  access: 'operator',
  status: 201,
  response: { view: h.SystemProviderView },
  idempotent: true,
  errors: { 'server-host-name-taken': 'conflict' },
});
providers.add('GET /v1/system-providers', rpc.listSystemProviders, {
  summary: 'List system providers',
  access: 'read',
  response: page(h.SystemProviderView),
});
providers.add('GET /v1/system-providers/:id', rpc.getSystemProvider, {
  summary: 'Read a system provider',
  access: 'read',
  response: { view: h.SystemProviderView },
  versioned: true,
});
providers.add('PATCH /v1/system-providers/:id', rpc.updateSystemProvider, {
  summary: 'Change a system provider',
  access: 'write',
  response: { view: h.SystemProviderView },
  versioned: true,
  errors: { 'server-host-name-taken': 'conflict' },
});

const tree = routes('Resellers, groups and users');
tree.add('POST /v1/system-providers/:systemProviderId/resellers', rpc.createReseller, {
  summary: 'Create a reseller (enterprise or service provider)',
  access: 'write',
  status: 201,
  response: { view: h.ResellerView },
  idempotent: true,
  errors: { 'reseller-exists': 'conflict' },
});
tree.add('GET /v1/system-providers/:parentId/resellers', rpc.listResellers, {
  summary: 'List the resellers of a system provider',
  access: 'read',
  response: page(h.ResellerView),
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
});
tree.add('PATCH /v1/resellers/:id', rpc.renameReseller, {
  summary: 'Rename a reseller',
  access: 'write',
  response: { view: h.ResellerView },
  versioned: true,
});
tree.add('POST /v1/resellers/:resellerId/groups', rpc.createGroup, {
  summary: 'Create a group',
  access: 'write',
  status: 201,
  response: { view: h.GroupView },
  idempotent: true,
  errors: { 'group-exists': 'conflict' },
});
tree.add('GET /v1/resellers/:parentId/groups', rpc.listGroups, {
  summary: 'List the groups of a reseller',
  access: 'read',
  response: page(h.GroupView),
});
tree.add('GET /v1/groups', rpc.listGroups, { summary: 'List groups', access: 'read', response: page(h.GroupView) });
tree.add('GET /v1/groups/:id', rpc.getGroup, {
  summary: 'Read a group',
  access: 'read',
  response: { view: h.GroupView },
  versioned: true,
});
tree.add('PATCH /v1/groups/:id', rpc.renameGroup, {
  summary: 'Rename a group',
  access: 'write',
  response: { view: h.GroupView },
  versioned: true,
});
tree.add('POST /v1/groups/:groupId/users', rpc.createUser, {
  summary: 'Create a user',
  description: 'The BroadWorks user id must match exactly; it is stored as given.',
  access: 'write',
  status: 201,
  response: { view: h.UserView },
  idempotent: true,
  errors: { 'user-exists': 'conflict' },
});
tree.add('GET /v1/groups/:parentId/users', rpc.listUsers, {
  summary: 'List the users of a group',
  access: 'read',
  response: page(h.UserView),
});
tree.add('GET /v1/users', rpc.listUsers, { summary: 'List users', access: 'read', response: page(h.UserView) });
tree.add('GET /v1/users/:id', rpc.getUser, {
  summary: 'Read a user',
  access: 'read',
  response: { view: h.UserView },
  versioned: true,
});
tree.add('PATCH /v1/users/:id', rpc.updateUser, {
  summary: 'Change a user',
  access: 'write',
  response: { view: h.UserView },
  versioned: true,
});
tree.add('DELETE /v1/users/:id', rpc.deleteUser, {
  summary: 'Delete a user',
  description: 'Licences are free at once; numbers are released by provisioning soon after.',
  access: 'write',
  response: null,
});

const people = routes('Portal users');
const guard = { 'last-alert-recipient': 'conflict', 'email-taken': 'conflict' } as const;
people.add('POST /v1/portal-users', rpc.createPortalUser, {
  summary: 'Create a portal user',
  access: 'write',
  status: 201,
  response: { view: h.PortalUserView },
  idempotent: true,
  errors: { 'email-taken': 'conflict' },
});
people.add('GET /v1/portal-users', rpc.listPortalUsers, {
  summary: 'List portal users',
  access: 'read',
  response: page(h.PortalUserView),
});
people.add('GET /v1/system-providers/:parentId/portal-users', rpc.listPortalUsers, {
  summary: 'List the portal users of a system provider',
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
  access: 'write',
  response: { view: h.PortalUserView },
  versioned: true,
  errors: guard,
});
people.add('DELETE /v1/portal-users/:id', rpc.deletePortalUser, {
  summary: 'Delete a portal user',
  access: 'write',
  response: null,
  errors: { 'last-alert-recipient': 'conflict' },
});

const licences = routes('Licences');
const unknownProduct = { 'unknown-application': 'invalid', 'unknown-license-type': 'invalid' } as const;
licences.add('GET /v1/products', rpc.listProducts, {
  summary: 'The catalogue of licence products',
  access: 'read',
  response: list(h.ProductView),
});
licences.add('GET /v1/system-providers/:id/purchases', rpc.listPurchases, {
  summary: 'What a system provider has bought, used and free',
  access: 'read',
  response: list(h.PurchaseView),
});
licences.add('PUT /v1/system-providers/:systemProviderId/purchases/:application/:licenseType', rpc.setPurchase, {
  summary: 'Set the purchased quantity of a product',
  access: 'operator',
  response: { view: h.PurchaseView },
  errors: { ...unknownProduct, 'quantity-below-committed': 'conflict' },
});
licences.add('POST /v1/users/:userId/licenses', rpc.assignLicense, {
  summary: 'Assign a licence',
  description: 'Repeating an assignment keeps the current one and succeeds.',
  access: 'write',
  status: 201,
  response: { view: h.LicenseView },
  idempotent: true,
  errors: { ...unknownProduct, 'insufficient-provider-licenses': 'conflict' },
});
licences.add('GET /v1/users/:id/licenses', rpc.listUserLicenses, {
  summary: "A user's licences",
  access: 'read',
  response: list(h.LicenseView),
});
licences.add('DELETE /v1/users/:userId/licenses/:licenseId', rpc.removeLicense, {
  summary: 'Take a licence away',
  access: 'write',
  response: null,
});

const history = routes('History');
history.add('GET /v1/history', rpc.listHistory, {
  summary: 'Who did what to which object, newest first',
  access: 'read',
  response: page(h.HistoryEntryView),
});

export const hierarchyRoutes = [providers, tree, people, licences, history].flatMap((r) => r.all);
