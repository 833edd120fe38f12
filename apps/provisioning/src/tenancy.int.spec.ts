import { provisioningRpc as rpc } from '@strowger/contracts-provisioning';
import { newId, type RpcContract, type TenantScope } from '@strowger/kernel';
import { refusal, startProvisioning, type Tenant, type World } from './provisioning.fixtures.js';

let world: World;
let own: Tenant;
let foreign: Tenant;
let ids: { platform: string; number: string; operation: string };
beforeAll(async () => {
  world = await startProvisioning();
  own = await world.given.tenant();
  foreign = await world.given.tenant();
  const { number, operation } = await world.assign(foreign, '2025550188');
  ids = { platform: foreign.platform.id, number: number!.id, operation: operation.id };
}, 60_000);
afterAll(() => world.stop(), 60_000);

/** Every request about something of another provider: contract, body with the given id, and which thing. */
const requests: [string, RpcContract<object, unknown>, (id: string) => object, 'platform' | 'number' | 'operation'][] =
  [
    ['getPlatform', rpc.getPlatform, (id) => ({ id }), 'platform'],
    ['updatePlatform', rpc.updatePlatform, (id) => ({ id, name: 'Mine' }), 'platform'],
    ['deletePlatform', rpc.deletePlatform, (id) => ({ id }), 'platform'],
    ['verifyPlatform', rpc.verifyPlatform, (id) => ({ id }), 'platform'],
    ['rotateWebhook', rpc.rotateWebhook, (id) => ({ id }), 'platform'],
    ['getPlatformAccess', rpc.getPlatformAccess, (id) => ({ id }), 'platform'],
    ['releaseNumber', rpc.releaseNumber, (id) => ({ id }), 'number'],
    ['updateNumber', rpc.updateNumber, (id) => ({ id, friendlyName: 'Mine' }), 'number'],
    ['getNumber', rpc.getNumber, (id) => ({ id }), 'number'],
    ['refreshNumber', rpc.refreshNumber, (id) => ({ id }), 'number'],
    ['retryEnablement', rpc.retryEnablement, (id) => ({ id }), 'number'],
    ['numberTimeline', rpc.numberTimeline, (id) => ({ id }), 'number'],
    ['getOperation', rpc.getOperation, (id) => ({ id }), 'operation'],
  ];

describe.each(requests)('%s', (_, contract, body, thing) => {
  it('answers for a foreign id exactly as for a missing one', async () => {
    const before = JSON.stringify([
      await world.number(ids.number),
      await world.call(rpc.getPlatform, { id: ids.platform }),
    ]);
    const { user, scope } = own;
    const scopes: TenantScope[] = [
      scope,
      { level: 'reseller', id: user.resellerId, systemProviderId: user.systemProviderId },
      { level: 'group', id: user.groupId, systemProviderId: user.systemProviderId },
      { level: 'user', id: user.id, systemProviderId: user.systemProviderId },
    ];
    for (const scope of scopes) {
      const missing = newId();
      const absent = await refusal(world.call(contract, body(missing), scope));
      const error = await refusal(world.call(contract, body(ids[thing]), scope));
      expect(error).toMatchObject({ kind: 'not-found', code: `${thing}-not-found` });
      const shape = (e: typeof error, id: string) => JSON.stringify(e).replaceAll(id, '<id>');
      expect(shape(error, ids[thing])).toBe(shape(absent, missing));
    }
    const after = JSON.stringify([
      await world.number(ids.number),
      await world.call(rpc.getPlatform, { id: ids.platform }),
    ]);
    expect(after).toBe(before);
  });
});

it('knows every request of the contract', () => {
  const elsewhere = ['createPlatform', 'listPlatforms', 'assignNumber', 'listNumbers', 'countNumbersUnder'];
  const contracts = Object.entries(rpc).filter(([, value]) => typeof value === 'object');
  expect(contracts.map(([name]) => name).sort()).toEqual([...requests.map(([name]) => name), ...elsewhere].sort());
});

it('adds nothing to another provider’s user, platform or tree', async () => {
  const { scope } = own;
  const number = world.newNumber();
  const assign = (body: object) => world.call(rpc.assignNumber, { userId: own.user.id, number, ...body }, scope);
  expect(await refusal(assign({ userId: foreign.user.id }))).toMatchObject({ code: 'user-not-found' });
  expect(await refusal(assign({ platformId: ids.platform }))).toMatchObject({ code: 'platform-not-found' });
  expect(await refusal(assign({ numberId: ids.number }))).toMatchObject({ code: 'number-not-found' });
  const { sid: account, token: secret } = own.account;
  const credentials = { account, secret };
  const create = { systemProviderId: foreign.provider.id, kind: 'restcomm', credentials };
  expect(await refusal(world.call(rpc.createPlatform, create, scope))).toMatchObject({
    code: 'provider-not-found',
  });
  const list = world.call(rpc.listPlatforms, { systemProviderId: foreign.provider.id }, scope);
  expect(await refusal(list)).toMatchObject({ code: 'provider-not-found' });
});

it('lists each level’s own numbers only, and says nothing of whose a taken number is', async () => {
  const { number } = await world.assign(own, '2025550189');
  const { user, scope } = own;
  const at = (level: TenantScope['level'], id: string): TenantScope => ({
    level,
    id,
    systemProviderId: own.provider.id,
  });
  for (const s of [scope, at('reseller', user.resellerId), at('group', user.groupId), at('user', user.id)]) {
    const { items } = await world.call(rpc.listNumbers, { search: '202555' }, s);
    expect(items.map(({ id }) => id)).toEqual([number!.id]);
    expect((await world.call(rpc.listNumbers, { userId: foreign.user.id }, s)).items).toEqual([]);
    for (const [level, id] of [
      ['user', foreign.user.id],
      ['system-provider', foreign.provider.id],
    ] as const)
      expect(await world.call(rpc.countNumbersUnder, { level, id }, s)).toEqual({ count: 0, stuck: 0, first: [] });
  }
  const taken = await refusal(world.assign(own, '2025550188'));
  expect(taken).toMatchObject({ code: 'number-already-assigned', details: { e164: '+12025550188' } });
  expect(JSON.stringify(taken)).not.toContain(foreign.user.id);
  expect(JSON.stringify(taken)).not.toContain(foreign.provider.id);
});
