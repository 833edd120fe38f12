import {
  NumberActivatedV1,
  NumberCleanupRequiredV1,
  NumberReleasedV1,
  provisioningRpc,
} from '@strowger/contracts-provisioning';
import { carrierOf } from '@strowger/cpaas';
import { newId, PLATFORM_SCOPE } from '@strowger/kernel';
import { Db, sql } from '@strowger/persistence';
import { expireLeases, sagaFaults, type SagaFaults } from '@strowger/saga/testing';
import { eventually } from '@strowger/testing';
import { PORTAL_USER, startProvisioning, type Tenant, type World } from '../provisioning.fixtures.js';
import { NumbersService } from './numbers.service.js';
import { provisionNumberAt } from './provision-number.saga.js';
import { releaseNumber } from './release-number.saga.js';

let world: World;
let tenant: Tenant;
let faults: SagaFaults;
beforeAll(async () => {
  world = await startProvisioning();
  tenant = await world.given.tenant();
  faults = sagaFaults(world.main.sagas);
}, 60_000);
afterAll(() => world.stop(), 60_000);
afterEach(async () => {
  faults.clear();
  await world.twins.control.clearFaults();
});

const assignQuietly = async (number: string): Promise<string> => {
  const numberId = newId();
  await world.assign(tenant, number, { numberId, waitSeconds: 0 });
  await world.drainSagas();
  // What Message Exchange refused to remove while its job ran.
  world.clock.advance(3600_000);
  await world.twins.control.clock({ advanceMs: 3600_000 });
  await world.main.timers.runNow('exchange-removals-sweep');
  return numberId;
};
const SETTINGS = {
  friendly_name: 'Front desk',
  voice_url: 'https://voice.example.net/',
  sms_url: 'https://sms.example.net/',
};

const provisionNumber = provisionNumberAt(carrierOf('restcomm')!);

describe.each(provisionNumber.stepNames)('provisioning when %s', (step) => {
  it.each(['before', 'after'] as const)('is refused %s taking effect: nothing is left behind', async (when) => {
    const number = world.newNumber();
    faults.repeatEveryStep().failAt({ step, when });
    const id = await assignQuietly(number);
    expect(await world.number(id)).toMatchObject({ state: 'released', endedAt: expect.any(String) });
    expect(await world.heldFor(tenant, number)).toEqual([]);
    faults.clear();
    expect((await world.assign(tenant, number)).number).toMatchObject({ state: 'pending' });
  });

  it.each(['before', 'after'] as const)('gets no answer %s taking effect: all or nothing', async (when) => {
    const number = world.newNumber();
    faults.failAt({ step, when, error: 'unknown' });
    const id = await assignQuietly(number);
    const found = when === 'after' && ['registerOnPlatform', 'requestEnablement'].includes(step);
    const { state } = await world.number(id);
    expect(state).toBe(found ? 'pending' : 'released');
    expect(await world.heldFor(tenant, number)).toEqual(found ? [`1${number}`, 'enablement enabled'] : []);
  });

  it.each(['before', 'after'] as const)('fails once %s taking effect: it goes on', async (when) => {
    const number = world.newNumber();
    faults.failAt({ step, when, error: 'unavailable', times: 1 });
    const id = await assignQuietly(number);
    expect(await world.number(id)).toMatchObject({ state: 'pending' });
    expect(await world.heldFor(tenant, number)).toEqual([`1${number}`, 'enablement enabled']);
  });

  it.each(['before', 'after'] as const)(
    'is where the process dies, %s taking effect: another goes on',
    async (when) => {
      const other = await world.startInstance();
      const life = { over: false };
      const killed = sagaFaults(other.sagas)
        .killAt({ step, when })
        .then(() => (life.over = true));
      let number: string;
      let numberId: string;
      do {
        [number, numberId] = [world.newNumber(), newId()];
        const body = { userId: tenant.user.id, number, numberId, waitSeconds: 0 };
        await other.app.get(NumbersService).assign({ scope: PLATFORM_SCOPE, actor: PORTAL_USER, body });
        // The first instance sweeps every second. Where it was faster, the number is done and no process has died.
        const done = eventually(async () => life.over || (await world.number(numberId)).state === 'pending', {
          timeoutMs: 15_000,
        });
        await Promise.race([killed, done]);
      } while (!life.over);
      await expireLeases(other.app.get(Db), other.sagas);
      await world.drainSagas();
      expect(await world.number(numberId)).toMatchObject({ state: 'pending' });
      expect(await world.heldFor(tenant, number)).toEqual([`1${number}`, 'enablement pending']);
      await other.service.close();
    },
  );

  it('is refused for a number that was there before: its settings are restored', async () => {
    const number = world.newNumber();
    const accountSid = tenant.account.sid;
    await world.twins.control.putNumber({ accountSid, phone_number: `1${number}`, ...SETTINGS });
    faults.repeatEveryStep().failAt({ step, when: 'after' });
    await assignQuietly(number);
    const rows = await world.twins.control.numbers({ accountSid, phone: number });
    expect(rows).toEqual([expect.objectContaining({ ...SETTINGS, sms_application_sid: null })]);
    expect(await world.twins.control.exchangeNumber(number, accountSid)).toBeUndefined();
  });
});

describe.each(releaseNumber.stepNames)('releasing when %s', (step) => {
  it.each([
    ['before', 'conflict'],
    ['after', 'conflict'],
    ['before', 'unavailable'],
    ['after', 'unknown'],
  ] as const)('fails %s taking effect (%s): it ends all the same', async (when, error) => {
    const number = world.newNumber();
    const { number: assigned } = await world.assign(tenant, number);
    faults.repeatEveryStep().failAt({ step, when, error, times: 2 });
    await world.call(provisioningRpc.releaseNumber, { id: assigned!.id, waitSeconds: 0 }, tenant.scope);
    for (let tries = 0; tries < 3; tries++) {
      await world.drainSagas();
      await world.db.query(sql`update saga set next_run_at = clock_timestamp() where finished_at is null`);
      await world.main.sagas.resumeDue();
    }
    expect(await world.number(assigned!.id)).toMatchObject({ state: 'released' });
    expect(await world.twins.control.numbers({ accountSid: tenant.account.sid, phone: number })).toEqual([]);
    expect(await world.facts(NumberReleasedV1, assigned!.id)).toHaveLength(1);
  });
});

it('has a step for each thing done at a carrier', () => {
  expect(provisionNumber.stepNames).toEqual([
    'findOnPlatform',
    'registerOnPlatform',
    'bindOnPlatform',
    'lookUpEnablement',
    'requestEnablement',
  ]);
});

it('parks what can’t be undone, says so honestly and once, and goes on trying', async () => {
  const number = `2015${world.newNumber().slice(4, 6)}0000`;
  await world.twins.control.addFault({
    carrier: 'restcomm',
    match: { path: 'numbers.delete', number },
    do: 'status',
    times: 1000,
  });
  const numberId = newId();
  const { operation } = await world.assign(tenant, number, { numberId });
  expect(operation).toMatchObject({ state: 'stuck', error: { code: 'number-cleanup-required', kind: 'conflict' } });
  expect(operation.error!.message).toContain("'Invalid numbers'");
  expect(operation.error!.message).toContain('could not be taken back');
  expect(operation.error!.message).not.toContain('successfully removed');
  expect(await world.number(numberId)).toMatchObject({ state: 'cleanup-required' });
  const again = world.call(provisioningRpc.assignNumber, { userId: tenant.user.id, number }, tenant.scope);
  await expect(again).rejects.toMatchObject({ code: 'number-already-assigned' });

  await world.db.query(sql`update saga set next_run_at = clock_timestamp() where id = ${numberId}`);
  await world.main.sagas.resumeDue();
  await world.drainSagas();
  expect(await world.facts(NumberCleanupRequiredV1, numberId)).toHaveLength(1);

  await world.twins.control.clearFaults();
  await world.db.query(sql`update saga set next_run_at = clock_timestamp() where id = ${numberId}`);
  await world.main.sagas.resumeDue();
  await world.drainSagas();
  expect(await world.number(numberId)).toMatchObject({ state: 'released' });
  expect(await world.heldFor(tenant, number)).toEqual([]);
  expect(await world.facts(NumberActivatedV1, numberId)).toEqual([]);
});
