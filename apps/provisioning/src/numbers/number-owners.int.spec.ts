import { hierarchyRpc, UserDeletedV1, UserSavedV1, type UserView } from '@strowger/contracts-hierarchy';
import { provisioningRpc, type NumberState } from '@strowger/contracts-provisioning';
import { newId, type EventClass, type TenantScope } from '@strowger/kernel';
import { Messaging, Publisher } from '@strowger/messaging';
import { sql } from '@strowger/persistence';
import { refusal, soon, startProvisioning, type Tenant, type World } from '../provisioning.fixtures.js';

let world: World;
let tenant: Tenant;
beforeAll(async () => {
  world = await startProvisioning();
}, 60_000);
beforeEach(async () => {
  tenant = await world.given.tenant({ exchange: false });
});
afterAll(() => world.stop(), 60_000);

/** A fact as hierarchy publishes it. */
const publish = async <T extends object>(
  contract: EventClass<T>,
  subject: string,
  sequence: number,
  data: NoInfer<T>,
) => {
  const publisher = world.main.app.get(Publisher, { strict: false });
  await publisher.publish({
    specversion: '1.0',
    id: newId(),
    type: contract.type,
    source: '/hierarchy',
    subject,
    sequence,
    time: new Date().toISOString(),
    datacontenttype: 'application/json',
    data,
  });
};
const handled = () => world.main.app.get(Messaging).idle();
/** The user is in a new group of a new reseller. */
const move = async (user: UserView, sequence: number, name = user.name) => {
  const place = { resellerId: newId(), groupId: newId() };
  const { id: userId, systemProviderId, broadworksUserId } = user;
  await publish(UserSavedV1, userId, sequence, { userId, systemProviderId, broadworksUserId, name, ...place });
  await handled();
  return place;
};
const at = (level: 'group' | 'reseller', id: string): TenantScope => ({
  level,
  id,
  systemProviderId: tenant.provider.id,
});
const numbersAt = async (scope: TenantScope, state?: NumberState): Promise<string[]> =>
  (await world.call(provisioningRpc.listNumbers, { state }, scope)).items.map(({ id }) => id);

describe('the numbers of a user who moves', () => {
  it('are reached by the administrators of where the user is, and no longer of where the user was', async () => {
    const { user } = tenant;
    const held = (await world.assign(tenant, world.newNumber())).number!;
    const ended = (await world.assign(tenant, world.newNumber())).number!;
    await world.call(provisioningRpc.releaseNumber, { id: ended.id }, tenant.scope);
    const { groupId, resellerId } = await move(user, user.version + 1);
    for (const scope of [at('group', groupId), at('reseller', resellerId)]) {
      expect(await numbersAt(scope)).toEqual([held.id]);
      expect(await numbersAt(scope, 'released')).toEqual([ended.id]);
      expect((await world.call(provisioningRpc.getNumber, { id: held.id }, scope)).state).toBe('active');
      expect(await world.call(provisioningRpc.numberTimeline, { id: held.id }, scope)).not.toEqual([]);
      expect(await world.call(provisioningRpc.getOperation, { id: held.id }, scope)).toMatchObject({
        state: 'succeeded',
      });
    }
    for (const scope of [at('group', user.groupId), at('reseller', user.resellerId)]) {
      expect([await numbersAt(scope), await numbersAt(scope, 'released')]).toEqual([[], []]);
      for (const contract of [provisioningRpc.getNumber, provisioningRpc.numberTimeline, provisioningRpc.getOperation])
        expect(await refusal(world.call<{ id: string }, unknown>(contract, { id: held.id }, scope))).toMatchObject({
          kind: 'not-found',
        });
    }
  });

  it('follow a move that hierarchy made', async () => {
    const { user } = tenant;
    const { id } = (await world.assign(tenant, world.newNumber())).number!;
    const reseller = { systemProviderId: tenant.provider.id, key: newId().slice(0, 30), name: 'Other' };
    const { id: resellerId } = await world.call(hierarchyRpc.createReseller, { ...reseller, kind: 'enterprise' });
    const group = await world.call(hierarchyRpc.createGroup, { resellerId, key: 'other', name: 'Other' });
    await world.call(hierarchyRpc.updateUser, { id: user.id, groupId: group.id });
    await soon(async () => {
      for (const scope of [at('group', group.id), at('reseller', resellerId)])
        expect(await numbersAt(scope)).toEqual([id]);
    });
    expect(await numbersAt(at('group', user.groupId))).toEqual([]);
  });

  it('stay where the newest news put them', async () => {
    const { user } = tenant;
    const { id } = (await world.assign(tenant, world.newNumber())).number!;
    const newest = await move(user, user.version + 2, 'New Name');
    await move(user, user.version + 1, 'Old Name');
    expect(await numbersAt(at('group', newest.groupId))).toEqual([id]);
    expect((await world.number(id)).owner.name).toBe('New Name');
  });

  it('go there also when the news of the move came while the number was being assigned', async () => {
    // Hierarchy's answer is a revision behind what it has published meanwhile.
    const { groupId } = await move(tenant.user, tenant.user.version + 1, 'New Name');
    const { number } = await world.assign(tenant, world.newNumber());
    expect(number!.owner.name).toBe('New Name');
    expect(await numbersAt(at('group', groupId))).toEqual([number!.id]);
  });
});

describe('counting what is left under a node', () => {
  const count = (level: 'system-provider' | 'reseller' | 'group' | 'user', id: string) =>
    world.call(provisioningRpc.countNumbersUnder, { level, id }, tenant.scope);

  it('counts at every level what is not released', async () => {
    const { user, provider } = tenant;
    const numbers = [];
    for (let i = 0; i < 7; i++) numbers.push((await world.assign(tenant, world.newNumber())).number!);
    const levels = [
      ['system-provider', provider.id],
      ['reseller', user.resellerId],
      ['group', user.groupId],
      ['user', user.id],
    ] as const;
    for (const [level, id] of levels) {
      expect(await count(level, id)).toEqual({
        count: 7,
        stuck: 0,
        first: numbers.slice(0, 5).map(({ id, e164 }) => ({ id, e164, state: 'active' })),
      });
    }
    await world.db.query(sql`update cpaas_number set state = 'cleanup-required' where id = ${numbers[6]!.id}`);
    const { count: all, stuck, first } = await count('group', user.groupId);
    expect([all, stuck, first.length, first[0]!.id]).toEqual([7, 1, 5, numbers[6]!.id]);
    await world.db.query(sql`update cpaas_number set state = 'active' where id = ${numbers[6]!.id}`);
    for (const { id } of numbers) await world.call(provisioningRpc.releaseNumber, { id }, tenant.scope);
    expect(await count('group', user.groupId)).toEqual({ count: 0, stuck: 0, first: [] });
  });

  it('is zero once a thousand users are deleted', async () => {
    const { user, provider } = tenant;
    await world.assign(tenant, world.newNumber());
    const others = Array.from({ length: 999 }, () => newId());
    const deleted = (userId: string) => publish(UserDeletedV1, userId, 9, { userId, systemProviderId: provider.id });
    await Promise.all([...others.slice(0, 500), user.id, ...others.slice(500)].map(deleted));
    await handled();
    await soon(async () => {
      await world.drainSagas();
      expect((await count('group', user.groupId)).count).toBe(0);
    });
    const [ended] = await world.db.query(
      sql<{
        n: number;
      }>`select count(*)::int as n from ended_user where user_id = any(${[...others, user.id]}::uuid[])`,
    );
    expect(ended!.n).toBe(1000);
    expect(await refusal(world.assign(tenant, world.newNumber()))).toMatchObject({ code: 'user-not-found' });
  });
});
