import { hierarchyRpc as h, MessagingEntitlementChangedV1, UserDeletedV1 } from '@strowger/contracts-hierarchy';
import { refusal, scopeOf, startHierarchy, type World } from '../hierarchy.fixtures.js';

let world: World;
beforeAll(async () => {
  world = await startHierarchy();
});
afterAll(() => world?.stop());

const PRO = { application: 'UnityDesktop', licenseType: 'Pro' };
const BOARD = { application: 'UnityWallboard', licenseType: 'Standard' };
const assign = (userId: string, product = PRO) => world.call(h.assignLicense, { userId, ...product });
const stock = async (systemProviderId: string, product = PRO) =>
  (await world.call(h.listProviderLicenses, { id: systemProviderId })).find(
    (p) => p.application === product.application,
  );

async function licensedTree(quantity: number, product = PRO) {
  const tree = await world.given.tree();
  await world.given.purchase(tree.provider.id, product.application, product.licenseType, quantity);
  return tree;
}

describe('purchases', () => {
  it('are set by the operator, read by the provider, and not below what is assigned', async () => {
    const { provider, user } = await licensedTree(2);
    await assign(user.id);
    const mine = scopeOf.provider(provider.id);
    expect(await world.call(h.listProviderLicenses, { id: provider.id }, mine)).toEqual([
      { ...PRO, purchased: 2, committed: 1, used: 1, consumed: 0, free: 1 },
    ]);
    const set = (quantity: number, scope = undefined as typeof mine | undefined) =>
      world.call(h.setPurchase, { systemProviderId: provider.id, ...PRO, quantity }, scope);
    expect(await refusal(set(5, mine))).toMatchObject({ kind: 'forbidden', code: 'operator-only' });
    const error = await refusal(set(0));
    expect(error).toMatchObject({ kind: 'conflict', code: 'quantity-below-committed', details: { committed: 1 } });
    expect(await set(1)).toMatchObject({ quantity: 1, state: 'active', standing: true });
    expect(await stock(provider.id)).toMatchObject({ purchased: 1, used: 1, free: 0 });
  });

  it('set for the first time by many at once make one row', async () => {
    const { provider } = await world.given.tree();
    await Promise.all(
      Array.from({ length: 6 }, () => world.given.purchase(provider.id, 'UnityDashboard', 'Tabular100+', 7)),
    );
    expect((await world.call(h.listPurchases, { id: provider.id })).items).toHaveLength(1);
  });

  it('come from a catalog of 29 products', async () => {
    expect(await world.call(h.listProducts, {})).toHaveLength(29);
  });
});

describe('assigning', () => {
  it('gives a seat once, however often it is asked, and entitles to messages', async () => {
    const { provider, user } = await licensedTree(1);
    const license = await assign(user.id);
    expect(license).toMatchObject({ userId: user.id, ...PRO, messaging: true });
    world.clock.advance(60_000);
    // The only seat is taken, by this very user.
    expect(await assign(user.id)).toEqual(license);
    expect(await Promise.all([assign(user.id), assign(user.id)])).toEqual([license, license]);
    expect(await stock(provider.id)).toMatchObject({ used: 1, free: 0 });
    expect(await world.call(h.listUserLicenses, { id: user.id })).toEqual([license]);
    expect(await world.call(h.getUser, { id: user.id })).toMatchObject({ messagingEntitled: true });
    const history = await world.call(h.listHistory, { objectId: user.id, search: 'license-assigned' });
    expect(history.items).toHaveLength(1);
    expect(
      (await world.facts(MessagingEntitlementChangedV1, user.id)).map((f) => [f.sequence, f.data.entitled]),
    ).toEqual([[1, true]]);
  });

  it('the first time by many at once takes one seat', async () => {
    const { provider, user } = await licensedTree(5);
    const licenses = await Promise.all(Array.from({ length: 8 }, () => assign(user.id)));
    expect(new Set(licenses.map((license) => license.id)).size).toBe(1);
    expect(await stock(provider.id)).toMatchObject({ used: 1 });
  });

  it('in parallel gives out exactly the seats there are', async () => {
    const { provider, group } = await licensedTree(7);
    const users = await Promise.all(Array.from({ length: 20 }, () => world.given.user(group.id)));
    const results = await Promise.allSettled(users.map((user) => assign(user.id)));
    expect(results.filter((r) => r.status === 'fulfilled')).toHaveLength(7);
    expect(results.filter((r) => r.status === 'rejected')).toMatchObject(
      Array(13).fill({ reason: { kind: 'conflict', code: 'insufficient-provider-licenses' } }),
    );
    expect(await stock(provider.id)).toMatchObject({ used: 7, free: 0 });
  });

  it('without a purchase says so', async () => {
    const { user } = await world.given.tree();
    const error = await refusal(assign(user.id));
    expect(error).toMatchObject({ kind: 'conflict', code: 'insufficient-provider-licenses' });
    expect(error.message).toContain('has purchased no UnityDesktop Pro licenses');
  });

  it('refuses names that are not in the catalog', async () => {
    const { user } = await world.given.tree();
    const refused = async (application: string, licenseType: string) =>
      refusal(assign(user.id, { application, licenseType }));
    expect(await refused('UnityDesktop', 'Standard')).toMatchObject({ kind: 'invalid', code: 'unknown-license-type' });
    expect(await refused('unitydesktop', 'Pro')).toMatchObject({ kind: 'invalid', code: 'unknown-application' });
    expect((await refused('UnityDashboard', 'Tabular100 ')).message).toContain("'Tabular100%2B'");
  });
});

describe('removing', () => {
  it('frees the seat; entitlement ends with the last license that lets messages through', async () => {
    const { provider, user } = await licensedTree(1);
    await world.given.purchase(provider.id, 'UnityMobile', 'Standard', 1);
    await world.given.purchase(provider.id, BOARD.application, BOARD.licenseType, 1);
    const board = await assign(user.id, BOARD);
    const pro = await assign(user.id);
    const mobile = await assign(user.id, { application: 'UnityMobile', licenseType: 'Standard' });
    const remove = (licenseId: string) => world.call(h.removeLicense, { userId: user.id, licenseId });
    await remove(pro.id);
    expect(await stock(provider.id)).toMatchObject({ used: 0, free: 1 });
    await remove(mobile.id);
    await remove(board.id);
    expect(await refusal(remove(pro.id))).toMatchObject({ kind: 'not-found', code: 'license-not-found' });
    expect(
      (await world.facts(MessagingEntitlementChangedV1, user.id)).map((f) => [f.sequence, f.data.entitled]),
    ).toEqual([
      [1, true],
      [2, false],
    ]);
    expect(await world.call(h.getUser, { id: user.id })).toMatchObject({ messagingEntitled: false });
  });

  it('happens to all licenses of a deleted user, in the same transaction', async () => {
    const { provider, user } = await licensedTree(1);
    await world.given.purchase(provider.id, BOARD.application, BOARD.licenseType, 1);
    await assign(user.id);
    await assign(user.id, BOARD);
    await world.call(h.deleteUser, { id: user.id });
    expect(await stock(provider.id)).toMatchObject({ used: 0, free: 1 });
    expect(await stock(provider.id, BOARD)).toMatchObject({ used: 0, free: 1 });
    expect(await world.facts(UserDeletedV1, user.id)).toHaveLength(1);
  });

  it('and assigning while the user is being deleted leaves no seat taken', async () => {
    for (let round = 0; round < 10; round++) {
      const { provider, user } = await licensedTree(1);
      await Promise.allSettled([assign(user.id), world.call(h.deleteUser, { id: user.id }), assign(user.id)]);
      expect(await stock(provider.id)).toMatchObject({ used: 0, free: 1 });
    }
  });
});
