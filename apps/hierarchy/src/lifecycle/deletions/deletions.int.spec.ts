import { GroupDeletedV1, hierarchyRpc as h, ResellerDeletedV1, UserDeletedV1 } from '@strowger/contracts-hierarchy';
import type { RpcContract } from '@strowger/kernel';
import { sql } from '@strowger/persistence';
import { refusal, scopeOf, startHierarchy, type World } from '../../hierarchy.fixtures.js';

let world: World;
beforeAll(async () => {
  world = await startHierarchy();
});
afterAll(() => world?.stop());

const pro = { application: 'UnityDesktop', licenseType: 'Pro' };

/** A reseller with two groups, a licensed user and a portal user in each, and one beside them. */
async function given() {
  const tree = await world.given.tree();
  const { provider, reseller } = tree;
  await world.given.purchase(provider.id, pro.application, pro.licenseType, 10);
  const groups = [tree.group, await world.given.group(reseller.id)];
  const users = [tree.user, await world.given.user(groups[1]!.id)];
  for (const user of users) await world.call(h.assignLicense, { userId: user.id, ...pro });
  const portalUsers = [
    await world.given.portalUser(reseller.id, { level: 'reseller' }),
    await world.given.portalUser(groups[0]!.id, { level: 'group' }),
  ];
  const beside = await world.given.reseller(provider.id);
  const besideGroup = await world.given.group(beside.id);
  const besideUser = await world.given.user(besideGroup.id);
  await world.call(h.assignLicense, { userId: besideUser.id, ...pro });
  return { provider, reseller, groups, users, portalUsers, beside, besideGroup, besideUser };
}
async function free(providerId: string): Promise<number> {
  const [pool] = await world.db.query(
    sql<{ free: number }>`select own - committed as free from license_pool where system_provider_id = ${providerId}`,
  );
  return pool!.free;
}
const gone = async (contract: RpcContract<{ id: string }, unknown>, id: string) =>
  expect(await refusal(world.call(contract, { id }))).toMatchObject({ kind: 'not-found' });

describe('deleting a group', () => {
  it('takes its users, their licenses and its portal users along, and nothing else', async () => {
    const { provider, reseller, groups, users, portalUsers } = await given();
    const [group, other] = groups as [(typeof groups)[0], (typeof groups)[0]];
    expect(await world.call(h.previewGroupDeletion, { id: group.id })).toEqual({
      level: 'group',
      id: group.id,
      name: group.name,
      groups: 1,
      users: 1,
      licenses: 1,
      portalUsers: 1,
    });
    expect(await free(provider.id)).toBe(7);
    const deletion = await world.call(h.deleteGroup, { id: group.id });
    expect(deletion).toEqual({
      id: group.id,
      level: 'group',
      systemProviderId: provider.id,
      deletedAt: world.clock.now().toISOString(),
    });
    await gone(h.getGroup, group.id);
    await gone(h.getUser, users[0]!.id);
    await gone(h.getPortalUser, portalUsers[1]!.id);
    expect(await free(provider.id)).toBe(8);
    expect(await world.call(h.getGroup, { id: other.id })).toEqual(other);
    expect(await world.call(h.listUserLicenses, { id: users[1]!.id })).toHaveLength(1);
    expect(await world.call(h.getPortalUser, { id: portalUsers[0]!.id })).toMatchObject({ level: 'reseller' });
    const { id: resellerId } = reseller;
    expect(await world.facts(GroupDeletedV1, group.id)).toEqual([
      expect.objectContaining({
        sequence: 2,
        data: {
          groupId: group.id,
          resellerId,
          systemProviderId: provider.id,
          actor: { kind: 'portal-user', id: 'op', name: 'Olga Operator', ip: '192.0.2.7' },
        },
      }),
    ]);
    const [fact] = await world.facts(UserDeletedV1, users[0]!.id);
    expect(fact).toMatchObject({ data: { userId: users[0]!.id, systemProviderId: provider.id } });
    expect(fact!.sequence).toBeGreaterThan(1);
  });

  it('leaves one history entry per object', async () => {
    const { groups, users, portalUsers } = await given();
    const { id: groupId } = groups[0]!;
    await world.call(h.deleteGroup, { id: groupId });
    const { items } = await world.call(h.listHistory, { groupId, action: 'deleted' });
    const noted = items.map(({ objectKind, objectId, actorName, changes }) => [
      objectKind,
      objectId,
      actorName,
      changes,
    ]);
    expect(noted).toHaveLength(3);
    expect(noted).toEqual(
      expect.arrayContaining([
        ['user', users[0]!.id, 'Olga Operator', { freed: ['UnityDesktop Pro'] }],
        ['portal-user', portalUsers[1]!.id, 'Olga Operator', {}],
        ['group', groupId, 'Olga Operator', { users: 1, licenses: 1, portalUsers: 1 }],
      ]),
    );
  });

  it('frees its id for another group', async () => {
    const { reseller, groups } = await given();
    await world.call(h.deleteGroup, { id: groups[0]!.id });
    const again = await world.call(h.createGroup, { resellerId: reseller.id, key: groups[0]!.key });
    expect(again.id).not.toBe(groups[0]!.id);
  });
});

describe('deleting a reseller', () => {
  it('takes all its groups and what is in them along, and nothing beside it', async () => {
    const { provider, reseller, groups, users, portalUsers, beside, besideUser } = await given();
    expect(await world.call(h.previewResellerDeletion, { id: reseller.id })).toMatchObject({
      groups: 2,
      users: 2,
      licenses: 2,
      portalUsers: 2,
    });
    await world.call(h.deleteReseller, { id: reseller.id });
    await gone(h.getReseller, reseller.id);
    for (const { id } of groups) await gone(h.getGroup, id);
    for (const { id } of users) await gone(h.getUser, id);
    for (const { id } of portalUsers) await gone(h.getPortalUser, id);
    expect(await free(provider.id)).toBe(9);
    expect(await world.call(h.getReseller, { id: beside.id })).toEqual(beside);
    expect(await world.call(h.listUserLicenses, { id: besideUser.id })).toHaveLength(1);
    expect(await world.facts(ResellerDeletedV1, reseller.id)).toHaveLength(1);
    for (const { id } of users) expect(await world.facts(UserDeletedV1, id)).toHaveLength(1);
    // Routing knows the groups by their reseller.
    for (const { id } of groups) expect(await world.facts(GroupDeletedV1, id)).toEqual([]);
    const { items } = await world.call(h.listHistory, { resellerId: reseller.id, action: 'deleted' });
    expect(items.map(({ objectKind }) => objectKind).sort()).toEqual(
      ['group', 'group', 'portal-user', 'portal-user', 'reseller', 'user', 'user'].sort(),
    );
  });

  it('happens once, no matter who asks at the same time', async () => {
    const { reseller } = await given();
    const settled = await Promise.allSettled([1, 2, 3].map(() => world.call(h.deleteReseller, { id: reseller.id })));
    expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await world.facts(ResellerDeletedV1, reseller.id)).toHaveLength(1);
  });

  it('leaves nobody behind who is added at the same time', async () => {
    const { reseller, groups, provider } = await given();
    const add = (n: number) =>
      world.call(h.createUser, {
        groupId: groups[n % 2]!.id,
        broadworksUserId: `late-${n}-${reseller.id}@acme.example`,
      });
    const addGroup = (n: number) => world.call(h.createGroup, { resellerId: reseller.id, key: `late-${n}` });
    const work = [...Array(6).keys()].flatMap((n) => [add(n), addGroup(n)]);
    await Promise.allSettled([...work, world.call(h.deleteReseller, { id: reseller.id }), ...[7, 8].map(add)]);
    const [left] = await world.db.query(sql<{ users: number; groups: number }>`select
      (select count(*)::int from app_user where reseller_id = ${reseller.id} and ended_at is null) as users,
      (select count(*)::int from reseller_group where reseller_id = ${reseller.id} and ended_at is null) as groups`);
    expect(left).toEqual({ users: 0, groups: 0 });
    expect(await free(provider.id)).toBe(9);
  });
});

describe('a deletion', () => {
  it('is found under the id of what was deleted, in scope only', async () => {
    const { provider, reseller, users, beside } = await given();
    await gone(h.getDeletion, users[0]!.id);
    await world.call(h.deleteUser, { id: users[0]!.id });
    const expected = { id: users[0]!.id, level: 'user', systemProviderId: provider.id };
    expect(await world.call(h.getDeletion, { id: users[0]!.id })).toMatchObject(expected);
    expect(await world.call(h.getDeletion, { id: users[0]!.id }, scopeOf.reseller(reseller))).toMatchObject(expected);
    const foreign = await refusal(world.call(h.getDeletion, { id: users[0]!.id }, scopeOf.reseller(beside)));
    expect(foreign).toMatchObject({ code: 'operation-not-found' });
  });

  it('of thousands of users is a matter of a few statements', async () => {
    const { provider, reseller, groups } = await given();
    await world.db.query(sql`
      insert into app_user (id, system_provider_id, reseller_id, group_id, broadworks_user_id, broadworks_user_key, name,
        version, created_at)
      select gen_random_uuid(), ${provider.id}::uuid, ${reseller.id}::uuid, ${groups[1]!.id}::uuid, 'u' || n || '@bulk.example',
        'u' || n || '@bulk.example', 'User ' || n, 1, now() from generate_series(1, 3000) n`);
    await world.given.purchase(provider.id, 'UnityWallboard', 'Standard', 1000);
    await world.db.query(sql`
      select assign_license('platform', null, id, 'UnityWallboard', 'Standard', false, now(), '{"kind":"system","id":"s","name":"S"}',
        gen_random_uuid(), gen_random_uuid(), '{}') from app_user where group_id = ${groups[1]!.id} and name <> 'Chris Tutt' limit 1000`);
    const before = performance.now();
    await world.call(h.deleteReseller, { id: reseller.id });
    const tookMs = performance.now() - before;
    const { items } = await world.call(h.listHistory, { objectId: reseller.id, action: 'deleted' });
    expect(items[0]!.changes).toEqual({ groups: 2, users: 3002, licenses: 1002, portalUsers: 2 });
    const [facts] = await world.db.query(
      sql<{
        n: number;
      }>`select count(*)::int as n from outbox where type = ${UserDeletedV1.type} and event like ${`%${provider.id}%`}`,
    );
    expect(facts!.n).toBe(3002);
    // Far above what it takes, far below what a loop over the rows would.
    expect(tookMs).toBeLessThan(5000);
  });
});
