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
  await world.given.purchase(tree.provider.id, 'UnityDesktop', 'Pro', 3);
  const license = await world.call(h.assignLicense, {
    userId: tree.user.id,
    application: 'UnityDesktop',
    licenseType: 'Pro',
  });
  const { provider, reseller, group, user } = tree;
  return {
    provider: provider.id,
    reseller: reseller.id,
    group: group.id,
    user: user.id,
    portalUser: portalUser.id,
    license: license.id,
  };
}

beforeAll(async () => {
  world = await startHierarchy();
  victim = await victimTree();
  missing = Object.fromEntries(Object.keys(victim).map((key) => [key, world.newId()])) as typeof victim;
  const other = await world.given.tree();
  const beside = await world.given.reseller(victim.provider);
  const besideGroup = await world.given.group(beside.id);
  strangers = {
    'another provider': scopeOf.provider(other.provider.id),
    "another provider's reseller": scopeOf.reseller(other.reseller),
    "another provider's group": scopeOf.group(other.group),
    "another provider's user": { level: 'user', id: other.user.id, systemProviderId: other.provider.id },
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
  updateSystemProvider: (ids) => ({ id: ids.provider, name: 'Stolen' }),
  getSystemProvider: (ids) => ({ id: ids.provider }),
  createReseller: (ids) => ({ systemProviderId: ids.provider, key: 'k', name: 'n', kind: 'enterprise' }),
  renameReseller: (ids) => ({ id: ids.reseller, name: 'Stolen' }),
  getReseller: (ids) => ({ id: ids.reseller }),
  listResellers: (ids) => ({ parentId: ids.provider }),
  createGroup: (ids) => ({ resellerId: ids.reseller, key: 'k', name: 'n' }),
  renameGroup: (ids) => ({ id: ids.group, name: 'Stolen' }),
  getGroup: (ids) => ({ id: ids.group }),
  listGroups: (ids) => ({ parentId: ids.reseller }),
  createUser: (ids) => ({ groupId: ids.group, broadworksUserId: 'x@y.example', name: 'n' }),
  updateUser: (ids) => ({ id: ids.user, name: 'Stolen' }),
  getUser: (ids) => ({ id: ids.user }),
  listUsers: (ids) => ({ parentId: ids.group }),
  deleteUser: (ids) => ({ id: ids.user }),
  createPortalUser: (ids) => ({ ...person, level: 'group', nodeId: ids.group, email: 'x@y.example' }),
  updatePortalUser: (ids) => ({ id: ids.portalUser, name: 'Stolen' }),
  getPortalUser: (ids) => ({ id: ids.portalUser }),
  listPortalUsers: (ids) => ({ parentId: ids.group }),
  deletePortalUser: (ids) => ({ id: ids.portalUser }),
  setPurchase: (ids) => ({ systemProviderId: ids.provider, ...product, quantity: 1 }),
  listPurchases: (ids) => ({ id: ids.provider }),
  assignLicense: (ids) => ({ userId: ids.user, ...product }),
  removeLicense: (ids) => ({ userId: ids.user, licenseId: ids.license }),
  listUserLicenses: (ids) => ({ id: ids.user }),
  recordClientToken: (ids) => ({ id: ids.user }),
  holdAlertGuard: (ids) => ({ systemProviderId: ids.provider, platformId: world.newId() }),
};

/** Requests that answer whoever asks, and why. */
const unnamed: Partial<Record<Name, string>> = {
  signIn: 'has no scope yet',
  refreshSession: 'has no scope yet',
  endSession: 'has no scope yet',
  createSystemProvider: 'is the operator’s alone',
  listSystemProviders: 'is filtered, see below',
  listHistory: 'is filtered, see below',
  listProducts: 'is the same for all',
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
  for (const scope of Object.values(strangers))
    for (const name of [
      'listSystemProviders',
      'listResellers',
      'listGroups',
      'listUsers',
      'listPortalUsers',
    ] as const) {
      const { items } = await world.call(h[name] as RpcContract<object, { items: { id: string }[] }>, {}, scope);
      for (const item of items) expect(foreign).not.toContain(item.id);
    }
  for (const scope of Object.values(strangers)) {
    const { items } = await world.call(h.listHistory, {}, scope);
    for (const entry of items) expect(foreign).not.toContain(entry.objectId);
    expect((await world.call(h.listHistory, { objectId: victim.user }, scope)).items).toEqual([]);
  }
});

it('after all that the victim is as it was', async () => {
  expect(await world.call(h.getUser, { id: victim.user })).toMatchObject({ name: 'Chris Tutt', version: 2 });
  expect(await world.call(h.getSystemProvider, { id: victim.provider })).toMatchObject({ version: 1 });
  expect(await world.call(h.listUserLicenses, { id: victim.user })).toHaveLength(1);
  const { items } = await world.call(h.listHistory, { search: 'Stolen' });
  expect(items).toEqual([]);
});
