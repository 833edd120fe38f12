import { SystemProviderCreatedV1 } from '@strowger/contracts-hierarchy';
import { newId } from '@strowger/kernel';
import { eventually } from '@strowger/testing';
import { Behind, startWorld, type World } from '../gateway.fixtures.js';

let world: World;
beforeAll(async () => (world = await startWorld()));
afterAll(() => world.close());
beforeEach(() => Object.assign(Behind, { asked: [], children: [] }));

const own = () => world.user.systemProviderId;
/** The scope a service is asked under. */
async function scopeSent(token = world.adminToken) {
  await world.request('PATCH', `/v1/users/${newId()}`, token, { name: 'X' });
  return Behind.asked.pop()!.scope;
}

it('gives services every system provider an administrator reaches, asking once in a while', async () => {
  expect((await scopeSent()).providerIds).toEqual([own()]);
  Behind.children = [newId()];
  expect((await scopeSent()).providerIds).toEqual([own()]);
});

it('asks again when a system provider came or went, here or elsewhere', async () => {
  const [here, elsewhere] = [newId(), newId()];
  await scopeSent();
  Behind.children = [here];
  await world.request('POST', '/v1/system-providers', world.adminToken, { parentId: own(), name: 'Child' });
  expect((await scopeSent()).providerIds).toEqual([own(), here]);
  Behind.children = [here, elsewhere];
  world.messaging.nc.publish(SystemProviderCreatedV1.type, '{}');
  await eventually(async () => (await scopeSent()).providerIds?.length === 3);
});

it('adds none to the scope of the operator or of a node below a system provider', async () => {
  for (const level of ['platform', 'reseller'] as const) {
    const id = level === 'platform' ? '' : newId();
    const scope = { level, id, systemProviderId: id && own() };
    const { accessToken } = await world.tokens.forPortalUser({
      portalUserId: newId(),
      email: 'o@b.example',
      name: 'Olga',
      role: 'administrator',
      scope,
    });
    expect(await scopeSent(accessToken)).toEqual(scope);
  }
});
