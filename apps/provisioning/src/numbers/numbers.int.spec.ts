import { hierarchyRpc } from '@strowger/contracts-hierarchy';
import {
  NumberActivatedV1,
  NumberCleanupRequiredV1,
  NumberReleasedV1,
  provisioningRpc,
} from '@strowger/contracts-provisioning';
import { newId, PLATFORM_SCOPE } from '@strowger/kernel';
import { Messaging } from '@strowger/messaging';
import { sql } from '@strowger/persistence';
import { sagaFaults } from '@strowger/saga/testing';
import { PORTAL_USER, refusal, soon, startProvisioning, type Tenant, type World } from '../provisioning.fixtures.js';
import { NumbersService } from './numbers.service.js';

let world: World;
let tenant: Tenant;
beforeAll(async () => {
  world = await startProvisioning();
}, 60_000);
beforeEach(async () => {
  tenant = await world.given.tenant({ exchange: false });
});
afterEach(() => world.twins.control.clearFaults());
afterAll(() => world.stop(), 60_000);

const release = (id: string, more: { deleteMessages?: boolean; waitSeconds?: number } = {}) =>
  world.call(provisioningRpc.releaseNumber, { id, ...more }, tenant.scope);
const list = (query: object) => world.call(provisioningRpc.listNumbers, query, tenant.scope);
const carrierRows = (number: string) => world.twins.control.numbers({ accountSid: tenant.account.sid, phone: number });

describe('assigning', () => {
  it('is active at once where the platform has no Message Exchange token', async () => {
    const { operation, number } = await world.assign(tenant, '+1 (201) 201-0580');
    expect(operation).toMatchObject({ state: 'succeeded', kind: 'provision-number', subjectId: number!.id });
    expect(number).toMatchObject({
      e164: '+12012010580',
      number: '2012010580',
      friendlyName: '2012010580',
      platformName: 'Restcomm',
      messagingType: 'SMS',
      state: 'active',
      enablement: { state: 'not-applicable' },
      owner: { kind: 'user', id: tenant.user.id, name: 'Chris Tutt', broadworksUserId: tenant.user.broadworksUserId },
    });
    const { id, groupId, resellerId, systemProviderId } = tenant.user;
    expect((await world.facts(NumberActivatedV1, number!.id)).map(({ data, tenantid }) => [data, tenantid])).toEqual([
      [
        {
          numberId: number!.id,
          e164: '+12012010580',
          platformId: tenant.platform.id,
          friendlyName: '2012010580',
          owner: { kind: 'user', id, name: 'Chris Tutt', systemProviderId, resellerId, groupId },
        },
        systemProviderId,
      ],
    ]);
    expect(await carrierRows('2012010580')).toEqual([
      expect.objectContaining({ phone_number: '12012010580', sms_application_sid: expect.stringMatching(/^AP/) }),
    ]);
  });

  it('binds a number that is there already and clears its other settings', async () => {
    const number = world.newNumber();
    const accountSid = tenant.account.sid;
    await world.twins.control.putNumber({ accountSid, phone_number: `+1${number}`, voice_url: 'https://v.example/' });
    await world.assign(tenant, number, { friendlyName: 'Chris Cell' });
    expect(await carrierRows(number)).toEqual([
      expect.objectContaining({
        phone_number: `+1${number}`,
        voice_url: null,
        sms_application_sid: expect.stringMatching(/^AP/),
      }),
    ]);
  });

  it('refuses what is not a ten-digit US number', async () => {
    const error = await refusal(world.assign(tenant, '20120105500000'));
    expect(error).toMatchObject({ kind: 'invalid', code: 'number-invalid', errors: [{ field: 'number' }] });
  });

  it('lets the carriers refuse it where validation is lenient, as the requirement shows', async () => {
    const lenient = await world.startInstance({ NUMBER_VALIDATION: 'lenient' });
    const enabled = await world.given.tenant();
    const { operation } = await lenient.app.get(NumbersService).assign({
      scope: enabled.scope,
      actor: PORTAL_USER,
      body: { userId: enabled.user.id, number: '20120105500000' },
    });
    expect(operation.error).toMatchObject({ code: 'sms-enablement-refused', details: { reason: 'Invalid numbers' } });
    expect(await world.heldFor(enabled, '20120105500000')).toEqual([]);
    await lenient.service.close();
  });

  it('asks which platform when there are several, and names them', async () => {
    const second = await world.given.platform(tenant.provider.id, await world.given.account(), {}, { name: 'Second' });
    const number = world.newNumber();
    const error = await refusal(world.assign(tenant, number));
    expect(error).toMatchObject({ kind: 'invalid', code: 'platform-required' });
    expect(error.message).toContain('Restcomm');
    expect(error.message).toContain('Second');
    const { number: view } = await world.assign(tenant, number, { platformId: second.id });
    expect(view).toMatchObject({ platformId: second.id, platformName: 'Second', state: 'active' });
  });

  it('says so when there is no platform', async () => {
    const provider = await world.given.provider();
    const user = await world.given.user(provider.id);
    const work = world.call(provisioningRpc.assignNumber, { userId: user.id, number: world.newNumber() });
    expect(await refusal(work)).toMatchObject({ kind: 'conflict', code: 'no-platform' });
  });

  it('answers a repeat with the outcome of the first, and refuses another request under the same id', async () => {
    const number = world.newNumber();
    const numberId = newId();
    const [first, second] = await Promise.all([
      world.assign(tenant, number, { numberId }),
      world.assign(tenant, number, { numberId }),
    ]);
    expect(second).toEqual(first);
    expect(await world.assign(tenant, number, { numberId })).toEqual(first);
    const error = await refusal(world.assign(tenant, world.newNumber(), { numberId }));
    expect(error).toMatchObject({ kind: 'conflict', code: 'number-request-differs' });
    expect(await carrierRows(number)).toHaveLength(1);
  });

  it('does not call it a certain failure when the database goes away after the work has begun', async () => {
    const number = world.newNumber();
    const numberId = newId();
    await world.twins.control.addFault({ carrier: 'restcomm', match: { number }, do: 'delay', delayMs: 1500 });
    let settled = false;
    const error = refusal(world.assign(tenant, number, { numberId, waitSeconds: 20 })).finally(() => (settled = true));
    await soon(async () => {
      expect(await world.db.query(sql`select 1 from cpaas_number where id = ${numberId}`)).toHaveLength(1);
    });
    while (!settled)
      await world.db
        .query(
          sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
        )
        .catch(() => undefined);
    expect(await error).toMatchObject({ kind: 'unavailable', code: 'database-unavailable', outcome: 'unknown' });
    await soon(async () => {
      const { operation } = await world.assign(tenant, number, { numberId, waitSeconds: 0 });
      expect(operation).toMatchObject({ subjectId: numberId });
    });
  });

  it('lets one of twenty win a number', async () => {
    const number = world.newNumber();
    const other = await world.given.tenant({ exchange: false });
    const results = await Promise.allSettled(
      Array.from({ length: 20 }, (_, i) => world.assign(i % 2 ? other : tenant, number)),
    );
    const won = results.filter(({ status }) => status === 'fulfilled');
    const lost = results.filter((result) => result.status === 'rejected');
    expect(won).toHaveLength(1);
    expect(new Set(lost.map(({ reason }) => (reason as { code: string }).code))).toEqual(
      new Set(['number-already-assigned']),
    );
    expect(await world.twins.control.numbers({ phone: number })).toHaveLength(1);
  });

  it('reports a refusal of the platform in the carrier’s words, and frees the number', async () => {
    const number = world.newNumber();
    await world.twins.control.addFault({
      carrier: 'restcomm',
      match: { path: 'numbers.create', number },
      do: 'refuse',
    });
    const { operation } = await world.assign(tenant, number);
    expect(operation).toMatchObject({ state: 'failed', error: { kind: 'conflict', code: 'platform-refused-number' } });
    expect(operation.error!.message).toContain('could not be added to the Restcomm platform');
    expect((await world.assign(tenant, number)).number).toMatchObject({ state: 'active' });
  });

  it('answers with the operation when it takes longer than the caller waits', async () => {
    await world.twins.control.addFault({
      carrier: 'restcomm',
      match: { path: 'numbers.list' },
      do: 'delay',
      delayMs: 300,
    });
    const { operation, number } = await world.assign(tenant, world.newNumber(), { waitSeconds: 0 });
    expect(operation).toMatchObject({ state: 'running', kind: 'provision-number' });
    expect(number).toBeUndefined();
    await soon(async () => {
      const now = await world.call(provisioningRpc.getOperation, { id: operation.id }, tenant.scope);
      expect(now).toMatchObject({ state: 'succeeded', finishedAt: expect.any(String) });
    });
  });

  it('shows the timeline with every request to the carrier, without credentials', async () => {
    const { number } = await world.assign(tenant, world.newNumber());
    const timeline = await world.call(provisioningRpc.numberTimeline, { id: number!.id }, tenant.scope);
    const events = timeline.map(({ event }) => event);
    expect([...new Set(events)]).toEqual([
      'state.provisioning',
      'provision.findOnPlatform',
      'provision.registerOnPlatform',
      'provision.bindOnPlatform',
      'state.active',
    ]);
    const exchanges = timeline.flatMap(({ exchange }) => exchange ?? []);
    expect(exchanges.length).toBeGreaterThanOrEqual(4);
    expect(JSON.stringify(timeline)).not.toContain(tenant.account.token);
    expect(JSON.stringify(timeline)).not.toContain(tenant.account.sid);
  });
});

describe('releasing', () => {
  it('removes what we added, reports that, and frees the number', async () => {
    const number = world.newNumber();
    const { number: assigned } = await world.assign(tenant, number);
    const { operation, number: released } = await release(assigned!.id, { deleteMessages: true });
    expect(operation).toMatchObject({ state: 'succeeded', kind: 'release-number' });
    expect(released).toMatchObject({ state: 'released', endedAt: expect.any(String) });
    expect(await carrierRows(number)).toEqual([]);
    const facts = await world.facts(NumberReleasedV1, assigned!.id);
    expect(facts.map(({ data }) => data)).toEqual([
      expect.objectContaining({ deleteMessages: true, e164: `+1${number}` }),
    ]);
    expect((await release(assigned!.id)).operation).toEqual(operation);
    expect((await world.assign(tenant, number)).number).toMatchObject({ state: 'active' });
  });

  it('leaves a number that was there before on the account, off the application', async () => {
    const number = world.newNumber();
    await world.twins.control.putNumber({ accountSid: tenant.account.sid, phone_number: `1${number}` });
    const { number: assigned } = await world.assign(tenant, number);
    await release(assigned!.id);
    expect(await carrierRows(number)).toEqual([expect.objectContaining({ sms_application_sid: null })]);
  });

  it('is done when the carrier no longer has the number', async () => {
    const number = world.newNumber();
    const { number: assigned } = await world.assign(tenant, number);
    await world.twins.control.addFault({
      carrier: 'restcomm',
      match: { path: 'numbers.delete', number },
      do: 'vanish',
    });
    expect((await release(assigned!.id)).number).toMatchObject({ state: 'released' });
  });

  it('goes on in the background when the carrier refuses, and alerts people once', async () => {
    const number = world.newNumber();
    const { number: assigned } = await world.assign(tenant, number);
    const id = assigned!.id;
    await world.twins.control.addFault({
      carrier: 'restcomm',
      match: { path: 'numbers.delete' },
      do: 'status',
      times: 100,
    });
    const { operation } = await release(id);
    expect(operation).toMatchObject({ state: 'stuck', error: { code: 'number-cleanup-required' } });
    expect(await world.number(id)).toMatchObject({ state: 'cleanup-required' });
    expect(await world.facts(NumberCleanupRequiredV1, id)).toHaveLength(1);
    await world.twins.control.clearFaults();
    await world.db.query(sql`update saga set next_run_at = clock_timestamp() where id = ${operation.id}`);
    await world.main.sagas.resumeDue();
    await world.drainSagas();
    expect(await world.number(id)).toMatchObject({ state: 'released' });
    expect(await world.facts(NumberReleasedV1, id)).toHaveLength(1);
  });

  it('takes the number off Message Exchange where that is wanted, once its job has ended', async () => {
    const removing = await world.startInstance({ MESSAGE_EXCHANGE_REMOVE_ON_RELEASE: 'true' });
    const enabled = await world.given.tenant();
    const number = world.newNumber();
    const { number: assigned } = await world.assign(enabled, number);
    await removing.app
      .get(NumbersService)
      .release({ scope: enabled.scope, actor: PORTAL_USER, body: { id: assigned!.id } });
    expect(await world.heldFor(enabled, number)).toEqual(['enablement pending']);
    world.clock.advance(3600_000);
    await world.twins.control.clock({ advanceMs: 3600_000 });
    await world.main.timers.runNow('exchange-removals-sweep');
    expect(await world.heldFor(enabled, number)).toEqual([]);
    await removing.service.close();
  });

  it('happens to every number of a user who is deleted, also to one that is still being added', async () => {
    const numbers = [world.newNumber(), world.newNumber()];
    const ids = await Promise.all(numbers.map(async (n) => (await world.assign(tenant, n)).number!.id));
    const faults = sagaFaults(world.main.sagas).failAt({
      step: 'findOnPlatform',
      when: 'before',
      error: 'unavailable',
      times: 1,
    });
    const slow = (await world.assign(tenant, world.newNumber(), { waitSeconds: 0 })).operation.subjectId;
    await world.call(hierarchyRpc.deleteUser, { id: tenant.user.id });
    await world.hierarchy.app.get(Messaging).idle();
    await soon(async () => {
      await world.drainSagas();
      for (const id of [...ids, slow]) expect(await world.number(id)).toMatchObject({ state: 'released' });
    });
    faults.clear();
    for (const id of ids) expect(await world.facts(NumberReleasedV1, id)).toHaveLength(1);
    expect(await world.twins.control.numbers({ accountSid: tenant.account.sid })).toEqual([]);
    expect(await refusal(world.assign(tenant, world.newNumber()))).toMatchObject({ code: 'user-not-found' });
  });
});

describe('listing', () => {
  it('finds by number, friendly name and owner, with wildcards implied and meant literally', async () => {
    const numbers = ['2025550142', '2025550143', '3035550144'];
    for (const n of numbers) await world.assign(tenant, n, { friendlyName: `100%_${n.slice(-2)}` });
    const found = async (search: string) => (await list({ search })).items.map(({ number }) => number);
    expect(await found('')).toEqual(numbers);
    expect(await found('202555')).toEqual(numbers.slice(0, 2));
    expect(await found('(202) 555-0143')).toEqual(['2025550143']);
    expect(await found('%_44')).toEqual(['3035550144']);
    expect(await found('%44')).toEqual([]);
    expect(await found('chris t')).toEqual(numbers);
    expect(await found(tenant.user.broadworksUserId)).toEqual(numbers);
  });

  it('pages without gaps and repeats, and shows ended ones only when asked', async () => {
    const ids = [];
    for (const n of ['2025550151', '2025550152', '2025550153', '2025550154', '2025550155'])
      ids.push((await world.assign(tenant, n)).number!.id);
    await release(ids[4]!);
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await list({ limit: 3, cursor });
      seen.push(...page.items.map(({ id }) => id));
      cursor = page.nextCursor;
    } while (cursor);
    expect(seen).toEqual(ids.slice(0, 4));
    expect((await list({ state: 'released' })).items.map(({ id }) => id)).toEqual([ids[4]]);
    expect((await list({ userId: newId() })).items).toEqual([]);
    expect(await refusal(list({ state: 'unheard-of' }))).toMatchObject({ kind: 'invalid' });
    expect(await refusal(list({ cursor: 'bm9uc2Vuc2U' }))).toMatchObject({ kind: 'invalid' });
  });

  it('renames, unless somebody else changed the number meanwhile', async () => {
    const { number } = await world.assign(tenant, world.newNumber());
    const rename = (version: number, friendlyName: string) =>
      world.call(provisioningRpc.updateNumber, { id: number!.id, version, friendlyName }, tenant.scope);
    expect(await rename(number!.version, 'Reception')).toMatchObject({ friendlyName: 'Reception' });
    expect(await refusal(rename(number!.version, 'Other'))).toMatchObject({ code: 'version-mismatch' });
  });

  it('shows the owner’s new name', async () => {
    const { number } = await world.assign(tenant, world.newNumber());
    await world.call(hierarchyRpc.updateUser, { id: tenant.user.id, name: 'Chris Newname' }, PLATFORM_SCOPE);
    await soon(async () => expect((await world.number(number!.id)).owner.name).toBe('Chris Newname'));
  });
});
