import { hierarchyRpc as h } from '@strowger/contracts-hierarchy';
import { refusal, scopeOf, startHierarchy, type World } from '../hierarchy.fixtures.js';
import { PRO, startBook, refusedWith } from './licensing.fixtures.js';

let world: World;
beforeAll(async () => {
  world = await startHierarchy();
});
afterAll(() => world?.stop());

/** reference/provisioning-soap-api.md §6.3 */
describe('the worked example', () => {
  type Book = Awaited<ReturnType<typeof startBook>>;
  type Node = { id: string };
  let book: Book;
  let a: Node, b: Node, a1: Node, a2: Node, b1: Node;
  let inA1: Node[], inA2: Node[];
  beforeAll(async () => {
    book = await startBook(world, 100);
    [a, b] = [await book.reseller(), await book.reseller()];
    [a1, a2, b1] = [await book.group(a), await book.group(a), await book.group(b)];
    await book.sub.addReseller(a, 40);
  });
  afterEach(async () => expect(await book.differences()).toEqual([]));
  const committed = async () => (await book.ofProvider()).committed;

  it('1. a group takes 30 of 40', async () => {
    await book.sub.addGroup(a1, 30);
    expect(await book.ofReseller(a)).toMatchObject({ subPurchased: 40, drawn: 30, free: 10, committed: 40 });
    expect(await committed()).toBe(40);
  });
  it('2. five users of a group without a sub-purchase', async () => {
    inA2 = await book.assignNew(a2, 5);
    expect(await book.ofReseller(a)).toMatchObject({ drawn: 35, free: 5 });
  });
  it('3. of six more the last finds the reseller empty', async () => {
    await book.assignNew(a2, 5);
    expect(await book.ofReseller(a)).toMatchObject({ drawn: 40, free: 0 });
    expect(await book.refuses(a2)).toEqual({ code: 'insufficient-reseller-licenses', requested: 1, available: 0 });
  });
  it('4. overselling, it draws on the provider', async () => {
    await book.oversell(a, 'PROVIDER_BACKED');
    await book.assignNew(a2, 15);
    expect(await book.ofReseller(a)).toMatchObject({ drawn: 55, committed: 55, used: 25 });
    expect(await committed()).toBe(55);
  });
  it('5. a reseller without a sub-purchase draws on the provider until that is empty', async () => {
    await book.assignNew(b1, 45);
    expect(await book.ofProvider()).toMatchObject({ purchased: 100, committed: 100, used: 70, free: 0 });
    expect(await book.refuses(b1)).toEqual({ code: 'insufficient-provider-licenses', requested: 1, available: 0 });
  });
  it('6. the 31st user of a group of 30, whatever room there is above', async () => {
    inA1 = await book.assignNew(a1, 30);
    expect(await book.refuses(a1)).toEqual({ code: 'insufficient-group-licenses', requested: 1, available: 0 });
  });
  it('7. the policy may leave the reseller over: what is there stays, nothing is added', async () => {
    await book.oversell(a, 'NONE');
    expect(await book.ofReseller(a)).toMatchObject({ subPurchased: 40, drawn: 55, free: 0, used: 55 });
    expect(await book.refuses(a2)).toMatchObject({ code: 'insufficient-reseller-licenses', available: 0 });
    expect(refusedWith(await refusal(book.sub.addGroup(a1, 1)))).toMatchObject({
      code: 'insufficient-reseller-licenses',
    });
  });
  it('8. a sub-purchase is not lowered below what is drawn from it', async () => {
    expect(refusedWith(await refusal(book.sub.setReseller(a, 20)))).toEqual({
      code: 'quantity-below-committed',
      quantity: 20,
      committed: 55,
    });
  });
  it('while it is over, what takes less is let through, though it stays over', async () => {
    await world.call(h.removeLicenses, { id: inA2[0]!.id });
    expect(refusedWith(await refusal(book.sub.setGroup(a1, 29)))).toMatchObject({ code: 'quantity-below-committed' });
    await world.call(h.removeLicenses, { id: inA1[0]!.id });
    await book.sub.setGroup(a1, 29);
    expect(await book.ofReseller(a)).toMatchObject({ subPurchased: 40, drawn: 53, free: 0 });
    expect(await book.refuses(a2)).toMatchObject({ code: 'insufficient-reseller-licenses' });
  });
});

describe('a sub-purchase', () => {
  it('accumulates when added to, is absolute when set, and is no restriction when removed', async () => {
    const book = await startBook(world, 10);
    const reseller = await book.reseller();
    const group = await book.group(reseller);
    expect(await book.sub.addGroup(group, 2)).toMatchObject({ level: 'group', quantity: 2, drawn: 0, free: 2 });
    expect(await book.sub.addGroup(group, 3)).toMatchObject({ quantity: 5 });
    expect(await book.sub.setGroup(group, 4)).toMatchObject({ quantity: 4 });
    expect(await book.ofProvider()).toMatchObject({ committed: 4, used: 0, free: 6 });
    await book.assignNew(group, 1);
    await book.sub.removeGroup(group);
    expect(await book.ofProvider()).toMatchObject({ committed: 1, used: 1 });
    expect(await book.ofGroup(group)).toEqual({ ...PRO, committed: 1, drawn: 1, used: 1, consumed: 0 });
    expect(await refusal(book.sub.removeGroup(group))).toMatchObject({ code: 'sub-purchase-not-found' });
    expect(await world.call(h.listGroupSubPurchases, { id: group.id })).toEqual([]);
    expect(await book.differences()).toEqual([]);
  });

  it('of 0 means explicitly none', async () => {
    const book = await startBook(world, 10);
    const group = await book.group(await book.reseller());
    await book.sub.setGroup(group, 0);
    expect(await book.refuses(group)).toEqual({ code: 'insufficient-group-licenses', requested: 1, available: 0 });
    expect(await world.call(h.listGroupSubPurchases, { id: group.id })).toMatchObject([{ quantity: 0, drawn: 0 }]);
  });

  it('is refused below what is in use, by whichever way it comes', async () => {
    const book = await startBook(world, 20);
    const reseller = await book.reseller();
    const group = await book.group(reseller);
    await book.assignNew(group, 5);
    expect(refusedWith(await refusal(book.sub.addGroup(group, 3)))).toEqual({
      code: 'insufficient-group-licenses',
      requested: 5,
      available: 3,
    });
    expect(refusedWith(await refusal(book.sub.setGroup(group, 3)))).toMatchObject({ code: 'quantity-below-committed' });
    expect(refusedWith(await refusal(book.sub.addReseller(reseller, 4)))).toMatchObject({
      code: 'insufficient-reseller-licenses',
      available: 4,
    });
    expect(await book.ofProvider()).toMatchObject({ committed: 5 });
    await book.sub.setGroup(group, 5);
    expect(await book.ofProvider()).toMatchObject({ committed: 5 });
  });

  it('needs free licenses of the provider, and of the reseller unless that oversells', async () => {
    const book = await startBook(world, 10);
    const reseller = await book.reseller();
    const group = await book.group(reseller);
    expect(refusedWith(await refusal(book.sub.addReseller(reseller, 11)))).toEqual({
      code: 'insufficient-provider-licenses',
      requested: 11,
      available: 10,
    });
    await book.sub.addReseller(reseller, 4);
    // Exactly the limit, and one above it.
    await book.sub.addGroup(group, 4);
    expect(refusedWith(await refusal(book.sub.addGroup(group, 1)))).toEqual({
      code: 'insufficient-reseller-licenses',
      requested: 1,
      available: 0,
    });
    await book.oversell(reseller, 'PROVIDER_BACKED');
    await book.sub.addGroup(group, 6);
    expect(refusedWith(await refusal(book.sub.addGroup(group, 1)))).toEqual({
      code: 'insufficient-provider-licenses',
      requested: 1,
      available: 0,
    });
    expect(await book.ofProvider()).toMatchObject({ committed: 10, free: 0 });
  });

  it('is given from above only', async () => {
    const book = await startBook(world, 10);
    const reseller = await book.reseller();
    const group = await book.group(reseller);
    const denied = { kind: 'forbidden', code: 'level-too-low' };
    expect(await refusal(book.sub.addReseller(reseller, 1, scopeOf.reseller(reseller)))).toMatchObject(denied);
    expect(await refusal(book.sub.setGroup(group, 1, scopeOf.group(group)))).toMatchObject(denied);
    expect(
      await refusal(
        world.call(h.setOversell, { resellerId: reseller.id, oversell: 'PROVIDER_BACKED' }, scopeOf.reseller(reseller)),
      ),
    ).toMatchObject(denied);
    expect(await book.sub.setGroup(group, 1, scopeOf.reseller(reseller))).toMatchObject({ quantity: 1 });
    expect(await book.sub.addReseller(reseller, 2, scopeOf.provider(book.provider.id))).toMatchObject({ quantity: 2 });
  });

  it('refuses numbers that are none', async () => {
    const book = await startBook(world, 10);
    const group = await book.group(await book.reseller());
    for (const quantity of [0, -1, 1.5, 1_000_001, 2_147_483_648])
      expect(await refusal(book.sub.addGroup(group, quantity))).toMatchObject({ kind: 'invalid' });
  });

  it('is recorded in the history of its holder', async () => {
    const book = await startBook(world, 10);
    const group = await book.group(await book.reseller());
    await book.sub.setGroup(group, 3);
    await book.sub.setGroup(group, 3);
    await book.sub.removeGroup(group);
    const { items } = await world.call(h.listHistory, { objectId: group.id });
    expect(items.map(({ action, changes }) => [action, changes])).toEqual([
      ['sub-purchase-removed', { 'UnityDesktop Pro': { from: 3, to: null } }],
      ['sub-purchase-set', { 'UnityDesktop Pro': { from: null, to: 3 } }],
      ['created', { key: group.key }],
    ]);
  });
});

describe('purchases', () => {
  const add = (systemProviderId: string, more: object) =>
    world.call(h.addPurchase, { systemProviderId, ...PRO, quantity: 5, ...more });
  const inDays = (days: number) => new Date(world.clock.now().getTime() + days * 86_400_000).toISOString();

  it('add up; the next to end is shown; one can be removed unless it is needed', async () => {
    const book = await startBook(world, 2);
    const end = inDays(90);
    const term = await add(book.provider.id, { endsAt: end, reference: 'PO 17' });
    await add(book.provider.id, { endsAt: inDays(400) });
    await add(book.provider.id, { startsAt: inDays(10) });
    expect(await book.ofProvider()).toMatchObject({ purchased: 12, free: 12, expiresAt: end });
    const { items } = await world.call(h.listPurchases, { id: book.provider.id });
    expect(items.map(({ state, standing, quantity }) => [state, standing, quantity])).toEqual([
      ['scheduled', false, 5],
      ['active', false, 5],
      ['active', false, 5],
      ['active', true, 2],
    ]);
    const group = await book.group(await book.reseller());
    await book.assignNew(group, 8);
    expect(refusedWith(await refusal(world.call(h.removePurchase, { id: term.id })))).toEqual({
      code: 'quantity-below-committed',
      quantity: 7,
      committed: 8,
    });
    expect(refusedWith(await refusal(world.call(h.updatePurchase, { id: term.id, quantity: 0 })))).toMatchObject({
      code: 'quantity-below-committed',
    });
    expect(await world.call(h.updatePurchase, { id: term.id, quantity: 1, version: 1 })).toMatchObject({
      quantity: 1,
      reference: 'PO 17',
      version: 2,
    });
    expect(await refusal(world.call(h.removePurchase, { id: term.id }))).toMatchObject({
      code: 'quantity-below-committed',
    });
    expect(await book.ofProvider()).toMatchObject({ purchased: 8, committed: 8, free: 0 });
    expect(await book.differences()).toEqual([]);
  });

  it('without a limit never run out, and are counted nevertheless', async () => {
    const book = await startBook(world, null);
    const reseller = await book.reseller();
    const group = await book.group(reseller);
    await book.sub.addReseller(reseller, 1_000_000);
    await book.assignNew(group, 3);
    const { purchased, free, ...rest } = await book.ofProvider();
    expect([purchased, free]).toEqual([undefined, undefined]);
    expect(rest).toMatchObject({ committed: 1_000_000, used: 3 });
    expect(
      refusedWith(
        await refusal(world.call(h.setPurchase, { systemProviderId: book.provider.id, ...PRO, quantity: 5 })),
      ),
    ).toEqual({
      code: 'quantity-below-committed',
      quantity: 5,
      committed: 1_000_000,
    });
    expect(await book.differences()).toEqual([]);
  });

  it('of a child provider are set by the provider above it, its own by neither', async () => {
    const parent = await world.given.provider();
    const child = await world.given.child(parent.id);
    const set = (systemProviderId: string, scope: string) =>
      world.call(h.setPurchase, { systemProviderId, ...PRO, quantity: 3 }, scopeOf.provider(scope));
    expect(await set(child.id, parent.id)).toMatchObject({ systemProviderId: child.id, quantity: 3 });
    expect(await refusal(set(child.id, child.id))).toMatchObject({ kind: 'forbidden', code: 'operator-only' });
    expect(await refusal(set(parent.id, parent.id))).toMatchObject({ kind: 'forbidden', code: 'operator-only' });
    expect(await refusal(set(parent.id, child.id))).toMatchObject({ code: 'provider-not-found' });
    expect(await world.call(h.listProviderLicenses, { id: parent.id })).toEqual([]);
  });

  it('refuse a term that is over before it begins', async () => {
    const { provider } = await startBook(world, 1);
    expect(await refusal(add(provider.id, { endsAt: inDays(-1) }))).toMatchObject({ kind: 'invalid' });
    expect(await refusal(add(provider.id, { startsAt: inDays(5), endsAt: inDays(4) }))).toMatchObject({
      kind: 'invalid',
      errors: [{ field: 'endsAt', rule: 'after' }],
    });
  });
});

describe('giving back', () => {
  it('frees a license at the level it was drawn from', async () => {
    const book = await startBook(world, 10);
    const reseller = await book.reseller();
    const [own, free] = [await book.group(reseller), await book.group(reseller)];
    await book.sub.addReseller(reseller, 6);
    await book.sub.addGroup(own, 4);
    const [[first], [second]] = [await book.assignNew(own, 1), await book.assignNew(free, 1)];
    expect(await book.ofReseller(reseller)).toMatchObject({ drawn: 5, free: 1, used: 2 });
    await world.call(h.removeLicenses, { id: first!.id });
    await world.call(h.removeLicenses, { id: first!.id });
    expect(await book.ofGroup(own)).toMatchObject({ used: 0, free: 4 });
    expect(await book.ofReseller(reseller)).toMatchObject({ drawn: 5, free: 1 });
    await world.call(h.deleteUser, { id: second!.id });
    expect(await book.ofReseller(reseller)).toMatchObject({ drawn: 4, free: 2 });
    expect(await book.ofProvider()).toMatchObject({ committed: 6, used: 0 });
    expect(await world.call(h.listUserLicenses, { id: first!.id })).toEqual([]);
    expect(await book.differences()).toEqual([]);
  });

  it('of a whole group gives its reseller back what it had reserved, not what it used', async () => {
    const book = await startBook(world, 100);
    const [limited, open] = [await book.reseller(), await book.reseller()];
    await book.sub.addReseller(limited, 50);
    for (const reseller of [limited, open]) {
      const [group, other] = [await book.group(reseller), await book.group(reseller)];
      await book.sub.addGroup(group, 30);
      await book.assignNew(group, 12);
      await book.assignNew(other, 2);
      const before = await book.ofReseller(reseller);
      const total = (await book.ofProvider()).committed;
      await world.call(h.deleteGroup, { id: group.id });
      expect(await book.ofReseller(reseller)).toMatchObject({ drawn: before!.drawn - 30, used: 2 });
      // The provider gets back what its reseller does not keep reserved.
      expect((await book.ofProvider()).committed).toBe(reseller === limited ? total : total - 30);
      expect(await book.differences()).toEqual([]);
    }
    await world.call(h.deleteReseller, { id: limited.id });
    expect(await book.ofProvider()).toMatchObject({ committed: 2, used: 2 });
    expect(await book.differences()).toEqual([]);
  });

  it('of a user who comes back leaves the new one without', async () => {
    const book = await startBook(world, 5);
    const group = await book.group(await book.reseller());
    const [user] = await book.assignNew(group, 1);
    await world.call(h.deleteUser, { id: user!.id });
    const again = await world.call(h.createUser, {
      groupId: group.id,
      broadworksUserId: user!.broadworksUserId,
      name: 'Again',
    });
    expect(await world.call(h.listUserLicenses, { id: again.id })).toEqual([]);
    expect(await book.ofProvider()).toMatchObject({ used: 0, free: 5 });
  });
});
