import {
  NumberActivatedV1,
  NumberEnablementFailedV1,
  PlatformCredentialsFailedV1,
  PlatformCredentialsRecoveredV1,
  provisioningRpc,
  type NumberView,
} from '@strowger/contracts-provisioning';
import { sql } from '@strowger/persistence';
import { eventually } from '@strowger/testing';
import { refusal, soon, startProvisioning, type Tenant, type World } from '../provisioning.fixtures.js';
import { checkEnablement } from './enablement-schedule.js';
import { EnablementService } from './enablement.service.js';

const PERIOD = 21 * 60_000;
let world: World;
let tenant: Tenant;
beforeAll(async () => {
  world = await startProvisioning();
}, 60_000);
beforeEach(async () => {
  tenant = await world.given.tenant();
});
afterEach(() => world.twins.control.clearFaults());
afterAll(() => world.stop(), 60_000);

async function pending(number = world.newNumber()): Promise<NumberView> {
  const { number: view } = await world.assign(tenant, number);
  expect(view).toMatchObject({ state: 'pending' });
  return view!;
}
const refresh = (id: string) => world.call(provisioningRpc.refreshNumber, { id }, tenant.scope);
const retry = (id: string) => world.call(provisioningRpc.retryEnablement, { id }, tenant.scope);

it('fails a number once, however many checks overlap', async () => {
  const { id } = await pending('2015580004');
  const other = await world.startInstance();
  world.clock.advance(PERIOD);
  await world.twins.control.clock({ advanceMs: PERIOD });
  const services = [world.main, other].map(({ app }) => app.get(EnablementService));
  await Promise.all(services.flatMap((service) => Array.from({ length: 10 }, () => service.checkIfDue(id))));
  await Promise.all([refresh(id), world.pass(PERIOD)]);
  expect(await world.number(id)).toMatchObject({ state: 'failed' });
  expect(await world.facts(NumberEnablementFailedV1, id)).toHaveLength(1);
  const failures = (await world.call(provisioningRpc.numberTimeline, { id })).filter(
    ({ event }) => event === 'state.failed',
  );
  expect(failures).toHaveLength(1);
  await other.service.close();
});

it('asks once when two checks are due at the same moment', async () => {
  const { id, number } = await pending();
  world.clock.advance(PERIOD);
  const service = world.main.app.get(EnablementService);
  await Promise.all([service.checkIfDue(id), service.checkIfDue(id)]);
  expect(await world.twins.control.requests({ operation: 'exchange.job', number })).toHaveLength(1);
});

it('checks by the queue’s job, without any sweep', async () => {
  const { id } = await pending();
  await eventually(async () => (await world.main.jobs.counts(checkEnablement.name)).delayed > 0);
  world.clock.advance(PERIOD);
  await world.twins.control.clock({ advanceMs: PERIOD });
  await world.main.jobs.runDelayedNow(checkEnablement);
  await soon(async () => expect(await world.number(id)).toMatchObject({ state: 'active' }));
});

it('never fails a number because it could not ask, and alerts people once that the token is refused', async () => {
  const { id } = await pending();
  const { sid, meToken } = tenant.account;
  await world.twins.control.addFault({
    carrier: 'message-exchange',
    match: { accountSid: sid },
    do: 'status',
    times: 100,
  });
  for (let i = 0; i < 3; i++) await world.pass(PERIOD);
  expect(await world.facts(PlatformCredentialsFailedV1, tenant.platform.id)).toEqual([]);

  await world.twins.control.clearFaults();
  await world.twins.control.putAccount({ sid, meToken: 'changed-at-the-carrier' });
  for (let i = 0; i < 2; i++) await world.pass(PERIOD);
  expect(await world.facts(PlatformCredentialsFailedV1, tenant.platform.id)).toEqual([]);
  for (let i = 0; i < 3; i++) await world.pass(PERIOD);
  expect(await world.number(id)).toMatchObject({ state: 'pending' });
  expect(await world.facts(PlatformCredentialsFailedV1, tenant.platform.id)).toHaveLength(1);

  await world.twins.control.putAccount({ sid, meToken });
  await world.pass(PERIOD);
  expect(await world.number(id)).toMatchObject({ state: 'active' });
  expect(await world.facts(PlatformCredentialsRecoveredV1, tenant.platform.id)).toHaveLength(1);
});

it('refreshes at a person’s request, at most once in 30 seconds', async () => {
  const { id } = await pending();
  await refresh(id);
  const error = await refusal(refresh(id));
  expect(error).toMatchObject({ kind: 'rate-limited', code: 'refreshed-recently', retryAfterSeconds: 30 });
  await world.twins.control.clock({ advanceMs: PERIOD });
  world.clock.advance(30_000);
  expect(await refresh(id)).toMatchObject({ state: 'active' });
  // Nothing to ask any more, so nothing to refuse.
  expect(await refresh(id)).toMatchObject({ state: 'active' });
});

it('answers a person who refreshes that the exchange is away', async () => {
  const { id } = await pending();
  await world.twins.control.addFault({ carrier: 'message-exchange', do: 'status', times: 3 });
  expect(await refusal(refresh(id))).toMatchObject({ kind: 'unavailable', code: 'exchange-unavailable' });
});

it('activates a failed number that succeeded later after all', async () => {
  const { id, number } = await pending('2015590004');
  await world.pass(PERIOD);
  expect(await world.number(id)).toMatchObject({ state: 'failed' });
  await world.twins.control.setExchangeNumber(number, { status: 'enabled', accountSid: tenant.account.sid });
  expect(await refresh(id)).toMatchObject({ state: 'active', enablement: { state: 'enabled' } });
  expect(await world.facts(NumberActivatedV1, id)).toHaveLength(1);
});

it('asks again after a failure, and says when the answer is still no', async () => {
  const { id, number } = await pending('2015610004');
  expect(await refusal(retry(id))).toMatchObject({ code: 'number-state-conflict' });
  await world.pass(PERIOD);
  const reason = 'Carrier rejected: number not eligible';
  expect(await refusal(retry(id))).toMatchObject({ code: 'enablement-still-failed', details: { reason } });
  await world.twins.control.setExchangeNumber(number, { status: 'absent', accountSid: tenant.account.sid });
  expect(await retry(id)).toMatchObject({ state: 'pending', enablement: { state: 'pending' } });
  await world.pass(PERIOD);
  const { state } = await world.number(id);
  // A second failure is another incident; a success activates.
  const failures = await world.facts(NumberEnablementFailedV1, id);
  expect(failures).toHaveLength(state === 'failed' ? 2 : 1);
  expect(new Set(failures.map(({ data }) => data.incidentId)).size).toBe(failures.length);
});

it('stops checking a number that is released while pending', async () => {
  const { id, number } = await pending();
  await world.call(provisioningRpc.releaseNumber, { id }, tenant.scope);
  const before = (await world.twins.control.requests({ number })).length;
  await world.pass(PERIOD);
  await world.main.app.get(EnablementService).checkIfDue(id);
  expect(await world.number(id)).toMatchObject({ state: 'released' });
  expect((await world.twins.control.requests({ number })).length).toBe(before);
});

it('keeps to the token’s rate across processes', async () => {
  const slow = await world.startInstance({ ENABLEMENT_RATE_PER_SECOND: '2' });
  const numbers = [await pending(), await pending(), await pending()];
  world.clock.advance(PERIOD);
  const started = performance.now();
  const service = slow.app.get(EnablementService);
  await Promise.all(numbers.map(({ id }) => service.checkIfDue(id)));
  expect(performance.now() - started).toBeGreaterThan(990);
  await slow.service.close();
});

it('spreads checks and keeps the next one in the database', async () => {
  const { id } = await pending();
  const [row] = await world.db.query(
    sql<{
      s: number;
    }>`select extract(epoch from next_check_at - pending_since)::float8 as s from cpaas_number where id = ${id}`,
  );
  expect(row!.s).toBeGreaterThanOrEqual(1200 * 0.95 - 1);
  expect(row!.s).toBeLessThanOrEqual(1200 * 1.05 + 1);
});
