import { hierarchyRpc as h, UserDeletedV1, UserSavedV1 } from '@strowger/contracts-hierarchy';
import { sql } from '@strowger/persistence';
import { refusal, scopeOf, startHierarchy, type World } from './hierarchy.fixtures.js';

let world: World;
beforeAll(async () => {
  world = await startHierarchy();
});
afterAll(() => world?.stop());

describe('the tree', () => {
  it('grows from system provider to user, and publishes the user', async () => {
    const { provider, reseller, group, user } = await world.given.tree();
    expect(provider).toMatchObject({ timezone: 'UTC', language: 'en', trialDurationDays: 14, version: 1 });
    expect(reseller).toMatchObject({ systemProviderId: provider.id, kind: 'enterprise' });
    expect(group).toMatchObject({ systemProviderId: provider.id, resellerId: reseller.id });
    expect(await world.call(h.getUser, { id: user.id })).toEqual(user);
    expect(user).toMatchObject({ resellerId: reseller.id, groupId: group.id, messagingEntitled: false });
    expect(await world.facts(UserSavedV1, user.id)).toEqual([
      expect.objectContaining({
        sequence: 1,
        tenantid: provider.id,
        data: expect.objectContaining({ userId: user.id, groupId: group.id, name: 'Chris Tutt' }),
      }),
    ]);
  });

  it('is read back at each level', async () => {
    const { provider, reseller, group } = await world.given.tree();
    expect(await world.call(h.getSystemProvider, { id: provider.id }, scopeOf.provider(provider.id))).toEqual(provider);
    expect(await world.call(h.getReseller, { id: reseller.id }, scopeOf.reseller(reseller))).toEqual(reseller);
    expect(await world.call(h.getGroup, { id: group.id }, scopeOf.group(group))).toEqual(group);
  });

  it('lets only the operator add system providers', async () => {
    const { provider } = await world.given.tree();
    const error = await refusal(world.call(h.createSystemProvider, { name: 'Mine' }, scopeOf.provider(provider.id)));
    expect(error).toMatchObject({ kind: 'forbidden', code: 'operator-only' });
  });
});

describe('natural keys', () => {
  it('are unique as BroadWorks has them: reseller and group ids exactly, user ids without case', async () => {
    const { provider, reseller, group, user } = await world.given.tree();
    const again = { systemProviderId: provider.id, name: 'Other', kind: 'enterprise' as const };
    expect(await refusal(world.call(h.createReseller, { ...again, key: reseller.key }))).toMatchObject({
      kind: 'conflict',
      code: 'reseller-exists',
    });
    await world.call(h.createReseller, { ...again, key: reseller.key.toUpperCase() });
    expect(
      await refusal(world.call(h.createGroup, { resellerId: reseller.id, key: group.key, name: 'Other' })),
    ).toMatchObject({ kind: 'conflict', code: 'group-exists' });
    const broadworksUserId = user.broadworksUserId.toUpperCase();
    expect(
      await refusal(world.call(h.createUser, { groupId: group.id, broadworksUserId, name: 'Other' })),
    ).toMatchObject({ kind: 'conflict', code: 'user-exists' });
  });

  it('are kept as given, and free again once their user has ended', async () => {
    const { group } = await world.given.tree();
    const broadworksUserId = 'Mixed.Case+1@Acme.Example';
    const first = await world.call(h.createUser, { groupId: group.id, broadworksUserId, name: 'First' });
    expect(first.broadworksUserId).toBe(broadworksUserId);
    await world.call(h.deleteUser, { id: first.id });
    const second = await world.call(h.createUser, { groupId: group.id, broadworksUserId, name: 'Second' });
    expect(second.id).not.toBe(first.id);
  });

  it('make one of many parallel creations win', async () => {
    const { group } = await world.given.tree();
    const create = () =>
      world.call(h.createUser, { groupId: group.id, broadworksUserId: 'race@acme.example', name: 'Race' });
    const results = await Promise.allSettled(Array.from({ length: 8 }, create));
    expect(results.filter((r) => r.status === 'fulfilled')).toHaveLength(1);
    expect(results.filter((r) => r.status === 'rejected')).toMatchObject(
      Array(7).fill({ reason: { code: 'user-exists' } }),
    );
  });

  it('with a space at either end are refused, not trimmed', async () => {
    const { group } = await world.given.tree();
    const error = await refusal(
      world.call(h.createUser, { groupId: group.id, broadworksUserId: 'chris@acme.example ', name: 'Chris' }),
    );
    expect(error.errors).toEqual([expect.objectContaining({ field: 'broadworksUserId' })]);
  });

  it('include server host names, each of one provider only, compared without case', async () => {
    const hosts = ['XSP1.carrier.example', 'xsp2.carrier.example'];
    const a = await world.call(h.createSystemProvider, { name: 'A', serverHostNames: hosts });
    expect(a.serverHostNames).toEqual(hosts);
    const b = { name: 'B', serverHostNames: ['xsp1.CARRIER.example'] };
    const error = await refusal(world.call(h.createSystemProvider, b));
    expect(error).toMatchObject({ kind: 'conflict', code: 'hostname-in-use' });
    const updated = await world.call(h.updateSystemProvider, { id: a.id, serverHostNames: ['xsp2.carrier.example'] });
    expect(updated).toMatchObject({ serverHostNames: ['xsp2.carrier.example'], version: 2 });
    expect(await world.call(h.createSystemProvider, b)).toMatchObject(b);
  });
});

describe('updates', () => {
  it('count the version up, keep what is not given, clear what is null', async () => {
    const { user } = await world.given.tree();
    const timezone = 'America/Chicago';
    const updated = await world.call(h.updateUser, { id: user.id, version: 1, timezone, externalReference: 'X-1' });
    expect(updated).toMatchObject({ name: user.name, timezone, externalReference: 'X-1', version: 2 });
    const cleared = await world.call(h.updateUser, { id: user.id, externalReference: null as never });
    expect(cleared).toMatchObject({ timezone, version: 3 });
    expect(cleared.externalReference).toBeUndefined();
    expect((await world.facts(UserSavedV1, user.id)).map((f) => [f.sequence, f.data.timezone])).toEqual([
      [1, undefined],
      [2, timezone],
      [3, timezone],
    ]);
  });

  it('that change nothing change nothing: no version, no fact', async () => {
    const { user } = await world.given.tree();
    expect(await world.call(h.updateUser, { id: user.id, name: user.name })).toEqual(user);
    expect(await world.facts(UserSavedV1, user.id)).toHaveLength(1);
  });

  it('of another version than the caller read are refused', async () => {
    const { provider, reseller, group, user } = await world.given.tree();
    const stale = { version: 7, name: 'New' };
    const person = await world.given.portalUser(provider.id);
    const refusals = await Promise.all(
      [
        world.call(h.updateSystemProvider, { id: provider.id, ...stale }),
        world.call(h.updateReseller, { id: reseller.id, ...stale }),
        world.call(h.updateGroup, { id: group.id, ...stale }),
        world.call(h.updateUser, { id: user.id, ...stale }),
        world.call(h.updatePortalUser, { id: person.id, ...stale }),
      ].map(refusal),
    );
    for (const refused of refusals)
      expect(refused).toMatchObject({ kind: 'precondition-failed', code: 'version-mismatch' });
  });

  it('with one version in parallel: one wins', async () => {
    const { user } = await world.given.tree();
    const rename = (n: number) => world.call(h.updateUser, { id: user.id, version: 1, name: `Name ${n}` });
    const results = await Promise.allSettled([1, 2, 3, 4].map(rename));
    expect(results.filter((r) => r.status === 'fulfilled')).toHaveLength(1);
  });

  it('rename resellers and groups', async () => {
    const { reseller, group } = await world.given.tree();
    const name = 'Renamed';
    expect(await world.call(h.updateReseller, { id: reseller.id, name })).toMatchObject({ name, version: 2 });
    expect(await world.call(h.updateGroup, { id: group.id, name })).toMatchObject({ name, version: 2 });
  });
});

describe('deleting a user', () => {
  it('ends it for good and says so', async () => {
    const { provider, user } = await world.given.tree();
    await world.call(h.deleteUser, { id: user.id });
    expect(await refusal(world.call(h.getUser, { id: user.id }))).toMatchObject({ code: 'user-not-found' });
    expect(await refusal(world.call(h.deleteUser, { id: user.id }))).toMatchObject({ code: 'user-not-found' });
    expect(await world.facts(UserDeletedV1, user.id)).toEqual([
      expect.objectContaining({ sequence: 2, data: { userId: user.id, systemProviderId: provider.id } }),
    ]);
  });
});

describe('lists', () => {
  it('come in pages by name that miss nothing and repeat nothing', async () => {
    const { provider, group, user } = await world.given.tree();
    for (const name of ['Zoe', 'Amy', 'Same', 'Same', 'Same', 'Bob']) await world.given.user(group.id, name);
    const names: string[] = [];
    const ids = new Set<string>();
    let cursor: string | undefined;
    do {
      const page = await world.call(h.listUsers, { parentId: group.id, limit: 2, cursor });
      for (const item of page.items) names.push(item.name) && ids.add(item.id);
      cursor = page.nextCursor;
    } while (cursor);
    expect(names).toEqual(['Amy', 'Bob', user.name, 'Same', 'Same', 'Same', 'Zoe']);
    expect(ids.size).toBe(7);
    for (const parentId of [provider.id, user.resellerId])
      expect((await world.call(h.listUsers, { parentId })).items).toHaveLength(7);
  });

  it('search anywhere in the text, where % and _ mean themselves', async () => {
    const { group } = await world.given.tree();
    for (const name of ['50% off', '50 off', 'under_score', 'underscore']) await world.given.user(group.id, name);
    const found = async (search: string) =>
      (await world.call(h.listUsers, { parentId: group.id, search })).items.map((item) => item.name);
    expect(await found('% OFF')).toEqual(['50% off']);
    expect(await found('r_s')).toEqual(['under_score']);
    expect(await found('acme.EXAMPLE')).toHaveLength(5);
    expect(await found('\\')).toEqual([]);
  });

  it('refuse a cursor they did not give out', async () => {
    for (const position of [['a'], ['a', 'b'], ['a\0', world.newId()], 'x']) {
      const cursor = Buffer.from(JSON.stringify(position)).toString('base64url');
      expect(await refusal(world.call(h.listUsers, { cursor }))).toMatchObject({ kind: 'invalid' });
    }
  });

  it('of resellers, groups, portal users and system providers hold what is below the parent', async () => {
    const { provider, reseller, group } = await world.given.tree();
    const person = await world.given.portalUser(group.id, { level: 'group' });
    const mine = scopeOf.provider(provider.id);
    expect((await world.call(h.listSystemProviders, {}, mine)).items).toEqual([provider]);
    expect((await world.call(h.listResellers, {}, mine)).items).toEqual([reseller]);
    expect((await world.call(h.listResellers, { parentId: provider.id })).items).toEqual([reseller]);
    expect((await world.call(h.listGroups, { parentId: reseller.id })).items).toEqual([group]);
    expect((await world.call(h.listGroups, { parentId: provider.id }, mine)).items).toEqual([group]);
    expect((await world.call(h.listPortalUsers, { parentId: reseller.id })).items).toEqual([person]);
  });

  it('walk an index to any page, and do not sort or scan', async () => {
    const { group } = await world.given.tree();
    const plan = await world.db.em().transactional(async (em) => {
      await em.execute('set local enable_seqscan = off');
      return em.execute<{ 'QUERY PLAN': string }[]>(
        `explain select * from app_user where group_id = ? and ended_at is null
           and name >= 'M' and (name > 'M' or id > ?) order by name asc, id asc limit 51`,
        [group.id, group.id],
      );
    });
    const text = plan.map((row) => row['QUERY PLAN']).join('\n');
    expect(text).toMatch(/Index (Only )?Scan using app_user_of_group[\s\S]*Index Cond:[^\n]*name >= 'M'/);
    expect(text).not.toMatch(/Sort|Seq Scan/);
  });

  it('may search with a trigram index where the extension is at hand', async () => {
    const rows = await world.db.query(
      sql<{ indexed: boolean; extension: boolean }>`select
        exists (select 1 from pg_indexes where indexname = 'app_user_search') as indexed,
        exists (select 1 from pg_extension where extname = 'pg_trgm') as extension`,
    );
    expect(rows[0]!.indexed).toBe(rows[0]!.extension);
  });
});
