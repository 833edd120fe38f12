import { hierarchyRpc as h } from '@strowger/contracts-hierarchy';
import type { RpcContract, TenantScope } from '@strowger/kernel';
import { ALERTED, PASSWORD, refusal, scopeOf, SILENT, startHierarchy, type World } from './hierarchy.fixtures.js';

let world: World;
let victim: Awaited<ReturnType<typeof victimTree>>;
let missing: typeof victim;
/** Nodes that see nothing of the victim's: another provider's of each level, and nodes beside or below it. */
let strangers: Record<string, TenantScope>;

async function victimTree() {
  const tree = await world.given.tree();
  const portalUser = await world.given.portalUser(tree.provider.id, { notifications: ALERTED });
  const purchase = await world.given.purchase(tree.provider.id, 'UnityDesktop', 'Pro', 3);
  const license = await world.call(h.assignLicense, {
    userId: tree.user.id,
    application: 'UnityDesktop',
    licenseType: 'Pro',
  });
  const userImport = await world.call(h.startImport, { systemProviderId: tree.provider.id });
  const interfaceUser = await world.call(h.createInterfaceUser, {
    systemProviderId: tree.provider.id,
    userName: 'victim',
    email: 'victim@b.example',
    addresses: [{ address: '198.51.100.7' }],
  });
  const grant = await world.call(h.signIn, { email: portalUser.email, password: PASSWORD });
  const apiKey = await world.call(h.createApiKey, {
    level: 'group',
    nodeId: tree.group.id,
    name: 'Victim',
    permissions: ['read'],
  });
  const { provider, reseller, group, user } = tree;
  return {
    provider: provider.id,
    reseller: reseller.id,
    group: group.id,
    user: user.id,
    portalUser: portalUser.id,
    interfaceUser: interfaceUser.id,
    session: grant.sessionId,
    apiKey: apiKey.id,
    license: license.id,
    import: userImport.id,
    purchase: purchase.id,
  };
}

beforeAll(async () => {
  world = await startHierarchy();
  victim = await victimTree();
  missing = Object.fromEntries(Object.keys(victim).map((key) => [key, world.newId()])) as typeof victim;
  const other = await world.given.tree();
  const child = await world.given.child(victim.provider);
  const childReseller = await world.given.reseller(child.id);
  const beside = await world.given.reseller(victim.provider);
  const besideGroup = await world.given.group(beside.id);
  strangers = {
    'another provider': scopeOf.provider(other.provider.id),
    "another provider's reseller": scopeOf.reseller(other.reseller),
    "another provider's group": scopeOf.group(other.group),
    "another provider's user": { level: 'user', id: other.user.id, systemProviderId: other.provider.id },
    'a child of its provider': scopeOf.provider(child.id),
    'a reseller of a child of its provider': scopeOf.reseller(childReseller),
    'a reseller beside it': scopeOf.reseller(beside),
    'a group of a reseller beside it': scopeOf.group(besideGroup),
  };
});
afterAll(() => world?.stop());

type Ids = typeof victim;
type Name = keyof typeof h;
const person = { name: 'P', password: PASSWORD, role: 'agent', notifications: SILENT };
const product = { application: 'UnityDesktop', licenseType: 'Pro' };

/** Every request that names something by its id, with the ids of one tree. */
const named: Partial<Record<Name, (ids: Ids) => object>> = {
  createSystemProvider: (ids) => ({ parentId: ids.provider, name: 'Stolen' }),
  updateSystemProvider: (ids) => ({ id: ids.provider, name: 'Stolen' }),
  deleteSystemProvider: (ids) => ({ id: ids.provider }),
  listSystemProviders: (ids) => ({ parentId: ids.provider, descendants: true }),
  listProviderIds: (ids) => ({ id: ids.provider }),
  addServerHostName: (ids) => ({ id: ids.provider, hostName: 'stolen.example' }),
  removeServerHostName: (ids) => ({ id: ids.provider, hostName: 'stolen.example' }),
  listServerHostNames: (ids) => ({ id: ids.provider }),
  getSettings: (ids) => ({ level: 'user', id: ids.user }),
  changeProviderSettings: (ids) => ({ id: ids.provider, language: 'xx' }),
  changeResellerSettings: (ids) => ({ id: ids.reseller, language: 'xx' }),
  changeGroupSettings: (ids) => ({ id: ids.group, language: 'xx' }),
  changeUserSettings: (ids) => ({ id: ids.user, language: 'xx' }),
  getSystemProvider: (ids) => ({ id: ids.provider }),
  createReseller: (ids) => ({ systemProviderId: ids.provider, key: 'k', name: 'n', kind: 'enterprise' }),
  updateReseller: (ids) => ({ id: ids.reseller, name: 'Stolen' }),
  previewResellerDeletion: (ids) => ({ id: ids.reseller }),
  deleteReseller: (ids) => ({ id: ids.reseller }),
  getReseller: (ids) => ({ id: ids.reseller }),
  listResellers: (ids) => ({ parentId: ids.provider }),
  createGroup: (ids) => ({ resellerId: ids.reseller, key: 'k', name: 'n' }),
  updateGroup: (ids) => ({ id: ids.group, name: 'Stolen' }),
  previewGroupDeletion: (ids) => ({ id: ids.group }),
  deleteGroup: (ids) => ({ id: ids.group }),
  getGroup: (ids) => ({ id: ids.group }),
  listGroups: (ids) => ({ parentId: ids.reseller }),
  createUser: (ids) => ({ groupId: ids.group, broadworksUserId: 'x@y.example', name: 'n' }),
  updateUser: (ids) => ({ id: ids.user, name: 'Stolen' }),
  getUser: (ids) => ({ id: ids.user }),
  listUsers: (ids) => ({ parentId: ids.group }),
  previewUserDeletion: (ids) => ({ id: ids.user }),
  deleteUser: (ids) => ({ id: ids.user }),
  getDeletion: (ids) => ({ id: ids.group }),
  startImport: (ids) => ({ systemProviderId: ids.provider }),
  addImportPart: (ids) => ({ id: ids.import, number: 0, content: 'x' }),
  finishImport: (ids) => ({ id: ids.import, parts: 1 }),
  getImport: (ids) => ({ id: ids.import }),
  listImports: (ids) => ({ systemProviderId: ids.provider }),
  listImportRows: (ids) => ({ id: ids.import }),
  cancelImport: (ids) => ({ id: ids.import }),
  ensurePath: (ids) => ({
    systemProviderId: ids.provider,
    reseller: { key: 'k' },
    group: { key: 'k' },
    user: { broadworksUserId: 'x@y.example' },
  }),
  createPortalUser: (ids) => ({ ...person, level: 'group', nodeId: ids.group, email: 'x@y.example' }),
  updatePortalUser: (ids) => ({ id: ids.portalUser, name: 'Stolen' }),
  getPortalUser: (ids) => ({ id: ids.portalUser }),
  listPortalUsers: (ids) => ({ parentId: ids.group }),
  deletePortalUser: (ids) => ({ id: ids.portalUser }),
  lockPortalUser: (ids) => ({ id: ids.portalUser }),
  unlockPortalUser: (ids) => ({ id: ids.portalUser }),
  listSessions: (ids) => ({ portalUserId: ids.portalUser }),
  revokeSession: (ids) => ({ portalUserId: ids.portalUser, sessionId: ids.session }),
  revokeSessions: (ids) => ({ portalUserId: ids.portalUser }),
  createInterfaceUser: (ids) => ({ systemProviderId: ids.provider, userName: 'stolen', email: 'a@b.example' }),
  updateInterfaceUser: (ids) => ({ id: ids.interfaceUser, email: 'stolen@b.example' }),
  getInterfaceUser: (ids) => ({ id: ids.interfaceUser }),
  listInterfaceUsers: (ids) => ({ parentId: ids.provider }),
  deleteInterfaceUser: (ids) => ({ id: ids.interfaceUser }),
  lockInterfaceUser: (ids) => ({ id: ids.interfaceUser }),
  unlockInterfaceUser: (ids) => ({ id: ids.interfaceUser }),
  setInterfaceUserPassword: (ids) => ({ id: ids.interfaceUser }),
  addInterfaceUserAddress: (ids) => ({ id: ids.interfaceUser, address: '203.0.113.1' }),
  removeInterfaceUserAddress: (ids) => ({ id: ids.interfaceUser, address: '198.51.100.7' }),
  listLoginHistory: (ids) => ({ accountId: ids.interfaceUser }),
  createApiKey: (ids) => ({ level: 'group', nodeId: ids.group, name: 'Stolen', permissions: ['write'] }),
  updateApiKey: (ids) => ({ id: ids.apiKey, name: 'Stolen' }),
  getApiKey: (ids) => ({ id: ids.apiKey }),
  listApiKeys: (ids) => ({ parentId: ids.group }),
  rotateApiKey: (ids) => ({ id: ids.apiKey }),
  revokeApiKey: (ids) => ({ id: ids.apiKey }),
  setPurchase: (ids) => ({ systemProviderId: ids.provider, ...product, quantity: 1 }),
  addPurchase: (ids) => ({ systemProviderId: ids.provider, ...product, quantity: 1 }),
  updatePurchase: (ids) => ({ id: ids.purchase, quantity: 99 }),
  removePurchase: (ids) => ({ id: ids.purchase }),
  getPurchase: (ids) => ({ id: ids.purchase }),
  listPurchases: (ids) => ({ id: ids.provider }),
  listProviderLicenses: (ids) => ({ id: ids.provider }),
  listResellerLicenses: (ids) => ({ id: ids.reseller }),
  listGroupLicenses: (ids) => ({ id: ids.group }),
  listResellerSubPurchases: (ids) => ({ id: ids.reseller }),
  addResellerSubPurchase: (ids) => ({ resellerId: ids.reseller, ...product, quantity: 1 }),
  setResellerSubPurchase: (ids) => ({ resellerId: ids.reseller, ...product, quantity: 1 }),
  removeResellerSubPurchase: (ids) => ({ resellerId: ids.reseller, ...product }),
  listGroupSubPurchases: (ids) => ({ id: ids.group }),
  addGroupSubPurchase: (ids) => ({ groupId: ids.group, ...product, quantity: 1 }),
  setGroupSubPurchase: (ids) => ({ groupId: ids.group, ...product, quantity: 1 }),
  removeGroupSubPurchase: (ids) => ({ groupId: ids.group, ...product }),
  getOversell: (ids) => ({ id: ids.reseller }),
  setOversell: (ids) => ({ resellerId: ids.reseller, oversell: 'PROVIDER_BACKED' }),
  removeLicenses: (ids) => ({ id: ids.user }),
  assignLicense: (ids) => ({ userId: ids.user, ...product }),
  removeLicense: (ids) => ({ userId: ids.user, licenseId: ids.license }),
  listUserLicenses: (ids) => ({ id: ids.user }),
  recordClientToken: (ids) => ({ id: ids.user }),
  listTrials: (ids) => ({ parentId: ids.group }),
  listLicenseHoldings: (ids) => ({ id: ids.user }),
  getLicenseForecast: (ids) => ({ id: ids.provider }),
  holdAlertGuard: (ids) => ({ systemProviderId: ids.provider, platformId: world.newId() }),
};

/** Requests that answer anyone who asks, and why. */
const unnamed: Partial<Record<Name, string>> = {
  signIn: 'has no scope yet',
  refreshSession: 'has no scope yet',
  provision: 'finds its scope itself; each operation is tried on foreign host names in provision.int.spec.ts',
  endSession: 'has no scope yet',
  requestPasswordReset: 'has no scope yet',
  confirmPasswordReset: 'has no scope yet',
  authenticateApiKey: 'has no scope yet',
  changeOwnPassword: 'is about the caller',
  recordTextsRead: 'is about the caller, of whom the gateway says what routing has shown inside the scope',
  listHistory: 'is filtered, see below',
  searchTree: 'is filtered, see below',
  listProducts: 'is the same for all',
  requestLicense: 'finds its account by natural keys; see the license requests',
  releaseAlertGuard: 'is safe to repeat, so it never says what exists; see the alert guard',
};

it('every request is looked at here', () => {
  expect([...Object.keys(named), ...Object.keys(unnamed)].sort()).toEqual(Object.keys(h).sort());
});

describe.each(Object.keys(named) as Name[])('%s', (name) => {
  const contract = h[name] as RpcContract<object, unknown>;
  const body = named[name]!;

  it('answers for a foreign id as for a missing one', async () => {
    for (const [who, scope] of Object.entries(strangers)) {
      const foreign = await refusal(world.call(contract, body(victim), scope));
      const absent = await refusal(world.call(contract, body(missing), scope));
      expect([who, foreign.kind]).toEqual([who, 'not-found']);
      const shape = (error: typeof foreign, ids: Ids) =>
        Object.values(ids).reduce((text, id) => text.replaceAll(id, '#'), JSON.stringify(error.toJSON()));
      expect(shape(foreign, victim)).toBe(shape(absent, missing));
    }
  });

  it('answers not-found to the operator for a missing id', async () => {
    expect(await refusal(world.call(contract, body(missing)))).toMatchObject({ kind: 'not-found' });
  });
});

it('lists without a parent hold nothing foreign', async () => {
  const foreign = JSON.stringify(Object.values(victim));
  const seen = new Set<string>();
  for (const scope of Object.values(strangers))
    for (const name of [
      'listSystemProviders',
      'listResellers',
      'listGroups',
      'listUsers',
      'listPortalUsers',
      'listInterfaceUsers',
      'listApiKeys',
    ] as const) {
      const { items } = await world.call(h[name] as RpcContract<object, { items: { id: string }[] }>, {}, scope);
      for (const item of items) expect(foreign).not.toContain(item.id);
      if (items.length > 0) seen.add(name);
    }
  expect(seen).toEqual(new Set(['listSystemProviders', 'listResellers', 'listGroups', 'listUsers']));
  for (const scope of Object.values(strangers)) {
    const { items } = await world.call(h.listHistory, {}, scope);
    for (const entry of items) expect(foreign).not.toContain(entry.objectId);
    expect((await world.call(h.listHistory, { objectId: victim.user }, scope)).items).toEqual([]);
    const ofNode = await refusal(world.call(h.listHistory, { groupId: victim.group }, scope));
    expect(ofNode).toMatchObject({ code: 'group-not-found' });
    for (const search of ['Chris', 'acme', 'Acme', 'person'])
      for (const { id } of (await world.call(h.searchTree, { search, limit: 200 }, scope)).items)
        expect(foreign).not.toContain(id);
  }
});

it('after all that the victim is as it was', async () => {
  expect(await world.call(h.getUser, { id: victim.user })).toMatchObject({ name: 'Chris Tutt', version: 2 });
  expect(await world.call(h.getSystemProvider, { id: victim.provider })).toMatchObject({ version: 1 });
  expect(await world.call(h.listUserLicenses, { id: victim.user })).toHaveLength(1);
  const { items } = await world.call(h.listHistory, { search: 'Stolen' });
  expect(items).toEqual([]);
});
