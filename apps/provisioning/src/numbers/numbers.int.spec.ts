import { NumberActivatedV1 } from '@strowger/contracts-provisioning';
import { startProvisioning, type Tenant, type World } from '../provisioning.fixtures.js';

let world: World;
let tenant: Tenant;
beforeAll(async () => {
  world = await startProvisioning();
  tenant = await world.given.tenant();
}, 60_000);
afterAll(() => world.stop(), 60_000);

it('adds a number at both carriers and activates it once its enablement job has succeeded', async () => {
  const { operation, number } = await world.assign(tenant, '(201) 201-0580', { friendlyName: 'Chris Cell' });
  expect(operation).toMatchObject({ state: 'succeeded', subjectId: number!.id });
  expect(number).toMatchObject({
    e164: '+12012010580',
    number: '2012010580',
    friendlyName: 'Chris Cell',
    state: 'pending',
    enablement: { state: 'pending', jobId: expect.any(String) },
    owner: { kind: 'user', id: tenant.user.id, name: 'Chris Tutt' },
  });
  await world.pass(21 * 60_000);
  expect(await world.number(number!.id)).toMatchObject({ state: 'active', enablement: { state: 'enabled' } });
  expect(await world.facts(NumberActivatedV1, number!.id)).toHaveLength(1);
});
