import { hierarchyRpc } from '@strowger/contracts-hierarchy';
import { provisioningRpc as rpc } from '@strowger/contracts-provisioning';
import type { TenantScope } from '@strowger/kernel';
import { refusal, startProvisioning, type Tenant, type World } from './provisioning.fixtures.js';

let world: World;
/** Three generations and a sibling of the middle one; the platform and the number are the youngest's. */
let tenant: Tenant;
let scope: Record<'top' | 'child' | 'sibling' | 'grandchild', TenantScope>;
let numberId: string;

/** The scope of a provider with its children, as the gateway makes it. */
async function scopeOf(id: string): Promise<TenantScope> {
  const own: TenantScope = { level: 'system-provider', id, systemProviderId: id };
  return { ...own, providerIds: (await world.call(hierarchyRpc.listProviderIds, { id }, own)).ids };
}

beforeAll(async () => {
  world = await startProvisioning();
  const top = await world.given.provider();
  const child = await world.given.provider({ parentId: top.id });
  const sibling = await world.given.provider({ parentId: top.id });
  const provider = await world.given.provider({ parentId: child.id });
  scope = {
    top: await scopeOf(top.id),
    child: await scopeOf(child.id),
    sibling: await scopeOf(sibling.id),
    grandchild: await scopeOf(provider.id),
  };
  const [user, account] = await Promise.all([world.given.user(provider.id), world.given.account()]);
  const credentials = { kind: 'restcomm', credentials: { account: account.sid, secret: account.token } };
  const create = { systemProviderId: provider.id, ...credentials };
  const platform = await world.call(rpc.createPlatform, create, scope.top);
  tenant = { provider, user, account, platform, scope: scope.top };
  const { number } = await world.assign(tenant, world.newNumber());
  numberId = number!.id;
}, 60_000);
afterAll(() => world.stop(), 60_000);

it.each(['top', 'child', 'grandchild'] as const)(
  '%s manages the platform and the number of the youngest',
  async (who) => {
    const { platform, provider } = tenant;
    const by = scope[who];
    expect(await world.call(rpc.listPlatforms, { systemProviderId: provider.id }, by)).toHaveLength(1);
    expect((await world.call(rpc.updatePlatform, { id: platform.id, name: who }, by)).name).toBe(who);
    expect((await world.call(rpc.listNumbers, {}, by)).items.map(({ id }) => id)).toEqual([numberId]);
    expect(await world.call(rpc.updateNumber, { id: numberId, friendlyName: who }, by)).toMatchObject({
      friendlyName: who,
    });
    expect((await world.call(rpc.numberTimeline, { id: numberId }, by)).length).toBeGreaterThan(0);
    expect(await world.call(rpc.getOperation, { id: numberId }, by)).toMatchObject({ state: 'succeeded' });
  },
);

it('a sibling of its parent finds none of it', async () => {
  const { platform, provider, user, account } = tenant;
  const by = scope.sibling;
  const refused = async (work: Promise<unknown>, code: string) =>
    expect(await refusal(work)).toMatchObject({ kind: 'not-found', code });
  await refused(world.call(rpc.listPlatforms, { systemProviderId: provider.id }, by), 'provider-not-found');
  const credentials = { kind: 'restcomm', credentials: { account: account.sid, secret: account.token } };
  const create = { systemProviderId: provider.id, ...credentials };
  await refused(world.call(rpc.createPlatform, create, by), 'provider-not-found');
  await refused(world.call(rpc.getPlatform, { id: platform.id }, by), 'platform-not-found');
  await refused(world.call(rpc.getNumber, { id: numberId }, by), 'number-not-found');
  await refused(world.call(rpc.getOperation, { id: numberId }, by), 'operation-not-found');
  await refused(world.call(rpc.assignNumber, { userId: user.id, number: world.newNumber() }, by), 'user-not-found');
  expect((await world.call(rpc.listNumbers, {}, by)).items).toEqual([]);
});

it('a child finds nothing of its parent', async () => {
  const above = await world.given.account();
  const platform = await world.given.platform(scope.top.id, above);
  for (const by of [scope.child, scope.grandchild]) {
    const list = world.call(rpc.listPlatforms, { systemProviderId: scope.top.id }, by);
    expect(await refusal(list)).toMatchObject({ code: 'provider-not-found' });
    expect(await refusal(world.call(rpc.getPlatform, { id: platform.id }, by))).toMatchObject({
      code: 'platform-not-found',
    });
  }
  // Its numbers are not put on the platforms of its parent either.
  const assign = { userId: tenant.user.id, number: world.newNumber(), platformId: platform.id };
  expect(await refusal(world.call(rpc.assignNumber, assign, scope.top))).toMatchObject({ code: 'platform-not-found' });
});
