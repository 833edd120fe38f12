import { hierarchyRpc as h, MessagingEntitlementChangedV1, type UserView } from '@strowger/contracts-hierarchy';
import { type AppError, PLATFORM_SCOPE } from '@strowger/kernel';
import { sql } from '@strowger/persistence';
import { OPERATOR, refusal, startHierarchy, type World } from '../../hierarchy.fixtures.js';
import { UserLicensesService } from './user-licenses.service.js';
import { PRO, startBook, refusedWith } from '../../licensing/licensing.fixtures.js';

let world: World;
beforeAll(async () => {
  world = await startHierarchy();
});
afterAll(() => world?.stop());

const BOARD = { application: 'UnityWallboard', licenseType: 'Standard' };

describe('in parallel', () => {
  it('200 assignments on 50 licenses give exactly 50, and the last one goes to one of 20', async () => {
    const book = await startBook(world, 50);
    const groups = await Promise.all(
      (await Promise.all([book.reseller(), book.reseller()])).flatMap((r) => [book.group(r), book.group(r)]),
    );
    const users: UserView[] = [];
    for (const group of groups) users.push(...(await book.users(group, 55)));
    const outcome = async (some: UserView[]) => {
      const results = await Promise.allSettled(some.map((user) => book.assign(user)));
      const refusals = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as AppError] : []));
      expect(refusals.length).toBeGreaterThan(0);
      const refused = { code: 'insufficient-provider-licenses', requested: 1, available: 0 };
      expect(refusals.map(refusedWith)).toEqual(refusals.map(() => refused));
      return results.length - refusals.length;
    };
    expect(await outcome(users.slice(0, 200))).toBe(50);
    expect(await book.ofProvider()).toMatchObject({ committed: 50, used: 50, free: 0 });
    await world.call(h.setPurchase, { systemProviderId: book.provider.id, ...PRO, quantity: 51 });
    expect(await outcome(users.slice(200))).toBe(1);
    expect(await book.differences()).toEqual([]);
  });

  it('so do assignments in transactions of their own, which share nothing but the pool', async () => {
    const book = await startBook(world, 7);
    const users = await book.users(await book.group(await book.reseller()), 20);
    const licenses = world.service.app.get(UserLicensesService);
    const context = { scope: PLATFORM_SCOPE, actor: OPERATOR };
    const results = await Promise.allSettled(
      users.map(({ id }) =>
        world.db.transactional(() => licenses.assign({ ...context, body: { userId: id, ...PRO } })),
      ),
    );
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(7);
    expect(await book.ofProvider()).toMatchObject({ used: 7, free: 0 });
    expect(await book.differences()).toEqual([]);
  });

  it('a caller that others keep out tries again, and in the end is asked to repeat', async () => {
    const book = await startBook(world, 5);
    const [user] = await book.users(await book.group(await book.reseller()), 1);
    await world.db.query(sql`create sequence stand_in_the_way`);
    await world.db.query(sql`create function stand_in_the_way() returns trigger language plpgsql as $fn$ begin
      if nextval('stand_in_the_way') not in (3, 9) then raise exception using errcode = 'serialization_failure'; end if;
      return new; end $fn$`);
    await world.db.query(sql`create trigger stand_in_the_way before insert on license_assignment for each row
      execute function stand_in_the_way()`);
    try {
      expect(await book.assign(user!)).toMatchObject(PRO);
      await world.call(h.removeLicenses, { id: user!.id });
      expect(await refusal(book.assign(user!))).toMatchObject({ kind: 'conflict', code: 'conflict' });
      expect(await book.ofProvider()).toMatchObject({ used: 0, free: 5 });
      expect(await book.assign(user!)).toMatchObject(PRO);
    } finally {
      await world.db.query(sql`drop trigger stand_in_the_way on license_assignment`);
    }
    expect(await book.differences()).toEqual([]);
  });

  it('sub-purchases of one pool never promise more than it holds', async () => {
    const book = await startBook(world, 100);
    const resellers = await Promise.all(Array.from({ length: 8 }, () => book.reseller()));
    const groups = await Promise.all(resellers.map((reseller) => book.group(reseller)));
    await Promise.allSettled([
      ...resellers.map((reseller) => book.sub.addReseller(reseller, 17)),
      ...groups.map((group) => book.sub.addGroup(group, 9)),
    ]);
    const { committed } = await book.ofProvider();
    expect(committed).toBeGreaterThan(80);
    expect(committed).toBeLessThanOrEqual(100);
    expect(await book.differences()).toEqual([]);
  });

  it('an assignment is in the history, the overview and the list of facts from the same moment on', async () => {
    const book = await startBook(world, 1);
    const [user] = await book.assignNew(await book.group(await book.reseller()), 1);
    expect((await world.call(h.listHistory, { objectId: user!.id })).items[0]).toMatchObject({
      action: 'license-assigned',
      actorName: 'Olga Operator',
      ip: '192.0.2.7',
      changes: PRO,
    });
    expect(await world.call(h.listUserLicenses, { id: user!.id })).toHaveLength(1);
    expect(await world.facts(MessagingEntitlementChangedV1, user!.id)).toEqual([
      expect.objectContaining({
        sequence: 1,
        tenantid: book.provider.id,
        data: { userId: user!.id, systemProviderId: book.provider.id, entitled: true },
      }),
    ]);
    const [{ event }] = (await world.db.query(
      sql`select event from outbox where subject = ${user!.id} and type = ${MessagingEntitlementChangedV1.type}`,
    )) as [{ event: string }];
    expect(JSON.parse(event)).toMatchObject({ specversion: '1.0', source: '/hierarchy', subject: user!.id });
  });
});

describe('moving a user', () => {
  const move = (user: { id: string }, group: { id: string }) =>
    world.call(h.updateUser, { id: user.id, groupId: group.id });

  it('needs room in the new group, or changes nothing', async () => {
    const book = await startBook(world, 20);
    await world.call(h.setPurchase, { systemProviderId: book.provider.id, ...BOARD, quantity: 5 });
    const [from, to] = [await book.reseller(), await book.reseller()];
    const [here, there] = [await book.group(from), await book.group(to)];
    const [user] = await book.assignNew(here, 1);
    await world.call(h.assignLicense, { userId: user!.id, ...BOARD });
    await world.call(h.setGroupSubPurchase, { groupId: there.id, ...BOARD, quantity: 0 });
    expect(await refusal(move(user!, there))).toMatchObject({
      code: 'insufficient-group-licenses',
      details: { ...BOARD, requested: 1, available: 0 },
    });
    expect(await world.call(h.getUser, { id: user!.id })).toMatchObject({ groupId: here.id });
    expect(await book.ofGroup(here)).toMatchObject({ used: 1 });
    expect(await book.differences()).toEqual([]);

    await world.call(h.removeGroupSubPurchase, { groupId: there.id, ...BOARD });
    await book.sub.setReseller(to, 0);
    expect(await refusal(move(user!, there))).toMatchObject({ code: 'insufficient-reseller-licenses' });
    await book.sub.setReseller(to, 1);
    await move(user!, there);
    expect(await book.ofGroup(here)).toBeUndefined();
    expect(await book.ofReseller(to)).toMatchObject({ subPurchased: 1, drawn: 1, used: 1, free: 0 });
    expect(await book.ofProvider()).toMatchObject({ committed: 1, used: 1 });
    expect(await book.differences()).toEqual([]);
  });

  it('within what is full already goes on, for it takes nothing more', async () => {
    const book = await startBook(world, 2);
    const reseller = await book.reseller();
    const [here, there] = [await book.group(reseller), await book.group(reseller)];
    const [user] = await book.assignNew(here, 2);
    await move(user!, there);
    expect(await book.ofProvider()).toMatchObject({ committed: 2, used: 2 });
    expect(await book.differences()).toEqual([]);
  });
});

describe('the ledger', () => {
  it('agrees with every balance after a storm of changes from all sides', async () => {
    const random = randomFrom(20_261_120);
    const pick = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)]!;
    const upTo = (most: number) => Math.floor(random() * (most + 1));
    const book = await startBook(world, 60);
    await world.call(h.setPurchase, { systemProviderId: book.provider.id, ...BOARD, quantity: 25 });
    const resellers = await Promise.all([book.reseller(), book.reseller(), book.reseller()]);
    const groups = await Promise.all(resellers.flatMap((r) => [book.group(r), book.group(r), book.group(r)]));
    const users: UserView[] = [];
    for (const group of groups) users.push(...(await book.users(group, 8)));
    const systemProviderId = book.provider.id;
    const product = () => pick([PRO, PRO, BOARD]);
    const purchases: string[] = [];

    const changes: (() => Promise<unknown>)[] = [
      ...Array.from({ length: 6 }, () => () => world.call(h.assignLicense, { userId: pick(users).id, ...product() })),
      async () => {
        const userId = pick(users).id;
        const held = await world.call(h.listUserLicenses, { id: userId });
        if (held[0]) await world.call(h.removeLicense, { userId, licenseId: pick(held).id });
      },
      () => world.call(h.removeLicenses, { id: pick(users).id }),
      () => world.call(h.updateUser, { id: pick(users).id, groupId: pick(groups).id }),
      () => world.call(h.updateUser, { id: pick(users).id, groupId: pick(groups).id }),
      async () => {
        if (random() < 0.3) await world.call(h.deleteUser, { id: pick(users).id });
        else users.push(await world.given.user(pick(groups).id));
      },
      () => world.call(h.addGroupSubPurchase, { groupId: pick(groups).id, ...product(), quantity: 1 + upTo(4) }),
      () => world.call(h.setGroupSubPurchase, { groupId: pick(groups).id, ...product(), quantity: upTo(9) }),
      () => world.call(h.removeGroupSubPurchase, { groupId: pick(groups).id, ...product() }),
      () =>
        world.call(h.addResellerSubPurchase, { resellerId: pick(resellers).id, ...product(), quantity: 1 + upTo(9) }),
      () => world.call(h.setResellerSubPurchase, { resellerId: pick(resellers).id, ...product(), quantity: upTo(25) }),
      () => world.call(h.removeResellerSubPurchase, { resellerId: pick(resellers).id, ...product() }),
      () => book.oversell(pick(resellers), pick(['NONE', 'PROVIDER_BACKED'])),
      () => world.call(h.setPurchase, { systemProviderId, ...product(), quantity: 20 + upTo(50) }),
      async () => {
        const added = await world.call(h.addPurchase, { systemProviderId, ...product(), quantity: 1 + upTo(5) });
        purchases.push(added.id);
      },
      async () => {
        const id = pick(purchases);
        if (id && random() < 0.5) await world.call(h.removePurchase, { id });
        else if (id) await world.call(h.updatePurchase, { id, quantity: upTo(6) });
      },
      async () => {
        if (random() < 0.1) await world.call(h.deleteGroup, { id: pick(groups).id });
      },
    ];
    const codes = new Map<string, number>();
    const note = (code: string) => codes.set(code, (codes.get(code) ?? 0) + 1);
    const work = async () => {
      for (let i = 0; i < 60; i++)
        await pick(changes)().then(
          () => note('done'),
          (error: AppError) => note(error.code),
        );
    };
    await Promise.all(Array.from({ length: 8 }, work));

    expect(
      [...codes.keys()].filter(
        (code) => code === 'internal' || !/^(done|insufficient-|quantity-|.*-not-found|conflict)/.test(code),
      ),
    ).toEqual([]);
    expect(codes.get('done')).toBeGreaterThan(200);
    expect(await book.differences()).toEqual([]);
    for (const { purchased, committed } of await world.call(h.listProviderLicenses, { id: systemProviderId }))
      expect(committed).toBeLessThanOrEqual(purchased!);
  }, 60_000);

  it('shows a balance that somebody changed, and cannot itself be changed', async () => {
    const book = await startBook(world, 9);
    const group = await book.group(await book.reseller());
    await book.assignNew(group, 2);
    const wrong = (statement: ReturnType<typeof sql>) => world.db.query(statement);
    await wrong(sql`update license_share set drawn = drawn + 1 where node_id = ${group.id}`);
    await wrong(sql`update license_pool set own = 8 where system_provider_id = ${book.provider.id}`);
    const found = await book.differences();
    expect(found.map(({ what, about, kept, recomputed }) => [what, about, kept, recomputed])).toEqual([
      ['group-used', group.id, '3', '2'],
      ['pool-own', null, '8', '9'],
    ]);
    await wrong(sql`update license_share set drawn = drawn - 1 where node_id = ${group.id}`);
    await wrong(sql`update license_pool set own = 9 where system_provider_id = ${book.provider.id}`);
    expect(await book.differences()).toEqual([]);
    for (const statement of [
      sql`delete from license_ledger`,
      sql`update license_ledger set change = 0`,
      sql`truncate license_ledger`,
    ])
      expect(String(await refusal(wrong(statement)))).toContain('append-only');
  });
});

/** Mulberry32: the same storm every time. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
