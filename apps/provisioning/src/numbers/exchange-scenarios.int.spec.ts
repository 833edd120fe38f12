import { NumberActivatedV1, NumberEnablementFailedV1, type NumberView } from '@strowger/contracts-provisioning';
import { startProvisioning, type Tenant, type World } from '../provisioning.fixtures.js';

const MINUTES = 60_000;
const REMOVED =
  'The number has been successfully removed from the Restcomm platform, please try again or contact your system provider for more information';
const refused = (reason: string): string =>
  "The number was successfully added to the Restcomm platform but couldn't be SMS-enabled on the mobile carrier platform. " +
  `The error message received was '${reason}'. ${REMOVED}`;

let world: World;
const tenants = {} as Record<'canonical' | 'teleapi', Tenant>;
beforeAll(async () => {
  world = await startProvisioning();
  tenants.canonical = await world.given.tenant();
  tenants.teleapi = await world.given.tenant({ profile: 'teleapi' });
}, 60_000);
afterAll(() => world.stop(), 60_000);

async function assigned(tenant: Tenant, number: string): Promise<NumberView> {
  const { operation, number: view } = await world.assign(tenant, number, { waitSeconds: 30 });
  expect(operation).toMatchObject({ state: 'succeeded' });
  return view!;
}
async function pendingThenActive(tenant: Tenant, number: string): Promise<NumberView> {
  const { id, state, enablement } = await assigned(tenant, number);
  expect({ state, enablement: enablement.state }).toEqual({ state: 'pending', enablement: 'pending' });
  await world.pass(21 * MINUTES);
  await world.pass(21 * MINUTES);
  const active = await world.number(id);
  expect(active).toMatchObject({ state: 'active', enablement: { state: 'enabled' } });
  expect(await world.facts(NumberActivatedV1, id)).toHaveLength(1);
  return active;
}

it.each(['canonical', 'teleapi'] as const)('0000 (%s): a refused number leaves nothing behind', async (profile) => {
  const tenant = tenants[profile];
  const { operation, number } = await world.assign(tenant, '2015560000');
  expect(number).toBeUndefined();
  expect(operation).toMatchObject({ state: 'failed', error: { kind: 'conflict', code: 'sms-enablement-refused' } });
  expect(operation.error!.message).toBe(refused(String(operation.error!.details['reason'])));
  expect(await world.heldFor(tenant, '2015560000')).toEqual([]);
  expect(await world.number(operation.subjectId)).toMatchObject({ state: 'released' });
});

it('0000: the sentence is the one of the requirement, with the carrier’s words', async () => {
  const { operation } = await world.assign(tenants.canonical, '2015570000');
  expect(operation.error!.message).toBe(refused('Invalid numbers'));
});

it('0001: enabled already is active at once', async () => {
  expect(await assigned(tenants.canonical, '2015560001')).toMatchObject({
    state: 'active',
    enablement: { state: 'enabled' },
  });
});

it('0002: failed already is refused with the reason, and undone', async () => {
  const { operation } = await world.assign(tenants.canonical, '2015560002');
  expect(operation.error!.message).toBe(refused('Number is a wireless number'));
  // The failed record was there before us and stays.
  expect(await world.heldFor(tenants.canonical, '2015560002')).toEqual(['enablement failed']);
});

it.each([
  ['0003', 'pending already'],
  ['0007', 'added, but the answer never came'],
  ['0010', 'its job is lost'],
  ['0011', 'an unknown status word'],
  ['1234', 'nothing special'],
])('%s: %s is pending, and active in the end', async (suffix) => {
  await pendingThenActive(tenants.canonical, `201556${suffix}`);
  expect(await world.heldFor(tenants.canonical, `201556${suffix}`)).toEqual([`1201556${suffix}`, 'enablement enabled']);
});

it.each(['0001', '4321'])('%s: the TeleAPI dialect comes to the same end', async (suffix) => {
  const { id } = await assigned(tenants.teleapi, `201557${suffix}`);
  await world.pass(21 * MINUTES);
  expect(await world.number(id)).toMatchObject({ state: 'active', enablement: { state: 'enabled' } });
});

it.each(['0004', '0005'])('%s: a job that fails alerts once with its reason, and the number stays', async (suffix) => {
  const { id } = await assigned(tenants.canonical, `201556${suffix}`);
  await world.pass(21 * MINUTES);
  await world.pass(21 * MINUTES);
  const reason = 'Carrier rejected: number not eligible';
  expect(await world.number(id)).toMatchObject({ state: 'failed', enablement: { state: 'failed', reason } });
  const facts = await world.facts(NumberEnablementFailedV1, id);
  expect(facts.map(({ data }) => data)).toEqual([
    expect.objectContaining({
      reason,
      e164: `+1201556${suffix}`,
      owner: expect.objectContaining({ name: 'Chris Tutt' }),
    }),
  ]);
  expect(await world.heldFor(tenants.canonical, `201556${suffix}`)).toEqual([`1201556${suffix}`, 'enablement failed']);
});

it('0006: somebody else was faster, so it is enabled', async () => {
  expect(await assigned(tenants.canonical, '2015560006')).toMatchObject({ state: 'active' });
});

it('0008: two outages are tried again', async () => {
  await pendingThenActive(tenants.canonical, '2015560008');
});

it('0009: no result in 24 hours counts as failed, and alerts once', async () => {
  const { id } = await assigned(tenants.canonical, '2015560009');
  await world.pass(23 * 60 * MINUTES);
  expect(await world.number(id)).toMatchObject({ state: 'pending' });
  await world.pass(61 * MINUTES);
  await world.pass(61 * MINUTES);
  const reason = 'No result from Message Exchange after 24 hours';
  expect(await world.number(id)).toMatchObject({ state: 'failed', enablement: { reason } });
  expect(await world.facts(NumberEnablementFailedV1, id)).toHaveLength(1);
});

it('0012: a pause that is asked for is kept', async () => {
  const asked = performance.now();
  await pendingThenActive(tenants.canonical, '2015560012');
  expect(performance.now() - asked).toBeGreaterThan(4900);
});
