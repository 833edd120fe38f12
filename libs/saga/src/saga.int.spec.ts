import { newId } from '@strowger/kernel';
import { setLogLevel } from '@strowger/telemetry';
import { eventually, type TestDatabase } from '@strowger/testing';
import { begin, FixtureDb, runnerFor, sagaDatabase, sample, world } from './saga.fixtures.js';
import type { SagaRunner } from './runner.js';
import { expireLeases, type SagaFaults, sagaFaults } from './testing.js';

setLogLevel('silent');
let database: TestDatabase;
let db: FixtureDb;
const runners: SagaRunner[] = [];
const started = async (
  options = {},
  prepare: (runner: SagaRunner) => unknown = () => undefined,
): Promise<SagaRunner> => {
  const runner = runnerFor(db, options);
  runners.push(runner);
  prepare(runner);
  await runner.open();
  return runner;
};

beforeAll(async () => {
  database = await sagaDatabase();
  db = await FixtureDb.connect(database.url);
});
afterEach(async () => {
  await Promise.all(runners.splice(0).map((runner) => runner.close()));
});
afterAll(async () => {
  await db?.orm.close();
  await database?.drop();
});

const WHOLE = { business: 'active', held: ['enablement', 'number'] };
const UNDONE = { business: 'failed', held: [] };

it('runs every step and commits the business row with its end', async () => {
  const runner = await started();
  const id = await begin(db, runner);
  const view = await runner.settled(id, 5000);
  expect(view).toMatchObject({
    state: 'done',
    outputs: { addNumber: { existed: false, number: '+12015550123' } },
    undone: [],
  });
  expect(view?.error).toBeUndefined();
  expect(await world(db, id)).toMatchObject({ ...WHOLE, note: 'job-of-+12015550123' });
});

describe.each(sample.stepNames)('when %s fails', (step) => {
  describe.each(['before', 'after'] as const)('%s its effect', (when) => {
    it('with a definite refusal: everything is undone', async () => {
      const runner = await started();
      sagaFaults(runner).failAt({ step, when, error: 'conflict' });
      const id = await begin(db, runner);
      expect(await runner.settled(id, 5000)).toMatchObject({
        state: 'undone',
        failedStep: step,
        error: { code: 'injected-conflict' },
      });
      expect(await world(db, id)).toMatchObject({ ...UNDONE, note: 'injected-conflict' });
    });

    it('with a timeout that may have worked, once: it is looked after and becomes whole', async () => {
      const runner = await started();
      const faults = sagaFaults(runner).failAt({ step, when, error: 'unknown', times: 1 });
      const id = await begin(db, runner);
      expect(await runner.settled(id, 5000)).toMatchObject({ state: 'done' });
      expect(await world(db, id)).toMatchObject(WHOLE);
      const runs = faults.calls.filter((call) => call.step === step && call.phase === 'run');
      expect(runs).toHaveLength(step === 'enable' && when === 'after' ? 1 : 2);
    });

    it('with timeouts only: everything is undone and the outcome reported as unknown', async () => {
      const runner = await started();
      sagaFaults(runner)
        .failAt({ step, when, error: 'unknown' })
        .failAt({ step, phase: 'probe', when: 'before', error: 'unavailable' });
      const id = await begin(db, runner);
      expect(await runner.settled(id, 5000)).toMatchObject({ state: 'undone', error: { outcome: 'unknown' } });
      expect(await world(db, id)).toMatchObject(UNDONE);
    });

    it('with kill -9: another runner makes it whole', async () => {
      const first = await started();
      const dead = sagaFaults(first).killAt({ step, when });
      const id = await begin(db, first);
      await dead;
      await expireLeases(db, first);
      const second = await started();
      expect(await second.settled(id, 5000)).toMatchObject({ state: 'done' });
      expect(await world(db, id)).toMatchObject(WHOLE);
    });

    it('with kill -9 while the effects of every step are repeated and a later refusal: nothing is left behind', async () => {
      const first = await started();
      const dead = sagaFaults(first).repeatEveryStep().killAt({ step, when });
      const id = await begin(db, first);
      await dead;
      await expireLeases(db, first);
      const second = await started({}, (runner) =>
        sagaFaults(runner).repeatEveryStep().failAt({ step: 'notify', when: 'after', error: 'invalid' }),
      );
      expect(await second.settled(id, 5000)).toMatchObject({ state: 'undone' });
      expect(await world(db, id)).toMatchObject(UNDONE);
    });
  });
});

describe.each(['addNumber', 'enable'])('when the undo of %s', (step) => {
  it.each(['before', 'after'] as const)('dies %s its effect, another runner finishes the undo', async (when) => {
    const first = await started();
    const dead = sagaFaults(first).failAt({ step: 'notify', when: 'before' }).killAt({ step, phase: 'undo', when });
    const id = await begin(db, first);
    await dead;
    await expireLeases(db, first);
    const second = await started();
    expect(await second.settled(id, 5000)).toMatchObject({
      state: 'undone',
      undone: ['enable', 'addNumber'],
      failedStep: 'notify',
    });
    expect(await world(db, id)).toMatchObject(UNDONE);
  });

  it('keeps failing, the saga is stuck, alerts once, and ends undone when the carrier is back', async () => {
    const runner = await started({ stuckRetrySeconds: 0.05 });
    const faults = sagaFaults(runner)
      .failAt({ step: 'notify', when: 'before', error: 'invalid' })
      .failAt({ step, phase: 'undo', when: 'before', error: 'unavailable' });
    const id = await begin(db, runner);
    expect(await runner.settled(id, 5000)).toMatchObject({
      state: 'stuck',
      step,
      error: { code: 'injected-invalid' },
      undoError: { code: 'injected-unavailable' },
    });
    const tries = (): number => faults.calls.filter((call) => call.phase === 'undo' && call.step === step).length;
    const before = tries();
    await eventually(() => tries() >= before + 3);
    expect(await world(db, id)).toMatchObject({ business: 'cleanup-required', note: '!injected-unavailable' });
    faults.clear();
    await eventually(async () => (await runner.view(id)).state === 'undone');
    expect((await runner.view(id)).undoError).toBeUndefined();
    expect(await world(db, id)).toMatchObject(UNDONE);
  });
});

it('parks a bug of ours with an alert and goes on when it is mended', async () => {
  const runner = await started({ stuckRetrySeconds: 0.05 });
  const faults = sagaFaults(runner).failAt({ step: 'enable', when: 'before', error: 'internal' });
  const id = await begin(db, runner);
  expect(await runner.settled(id, 5000)).toMatchObject({ state: 'stuck', step: 'enable', error: { kind: 'internal' } });
  expect(await world(db, id)).toMatchObject({ business: 'cleanup-required', held: ['number'] });
  faults.clear();
  await eventually(async () => (await runner.view(id)).state === 'done');
  expect(await world(db, id)).toMatchObject(WHOLE);
});

it('runs each saga once, however many runners look for work', async () => {
  const all = await Promise.all(Array.from({ length: 4 }, () => started({ concurrency: 8, sweepMs: 5 })));
  const faults = all.map((runner) => sagaFaults(runner));
  const ids = await Promise.all(Array.from({ length: 40 }, (_, i) => begin(db, all[i % 4]!)));
  for (const id of ids) expect(await all[0]!.settled(id, 10_000)).toMatchObject({ state: 'done' });
  const keys = faults.flatMap(({ calls }) => calls).map((call) => `${call.sagaId}:${call.step}`);
  expect(keys).toHaveLength(40 * sample.stepNames.length);
  expect(new Set(keys).size).toBe(keys.length);
});

it('a runner that lost its lease writes nothing more', async () => {
  const slow = await started({ sweepMs: 60_000 });
  let release!: () => void;
  const reached = new Promise<void>((arrived) => {
    slow.intercept = async (point, call) => {
      const result = await call();
      if (point.step === 'addNumber') {
        arrived();
        await new Promise<void>((go) => (release = go));
      }
      return result;
    };
  });
  const id = await begin(db, slow);
  await reached;
  await expireLeases(db, slow);
  const quick = await started();
  const view = await quick.settled(id, 5000);
  expect(view).toMatchObject({ state: 'done' });
  release();
  await slow.close();
  expect(await quick.view(id)).toEqual(view);
});

it('answers the same id with the same saga, and refuses it for another input', async () => {
  const runner = await started();
  const id = await begin(db, runner);
  const again = await runner.start(sample, { number: '+12015550123' }, { id, subject: id });
  expect(again.existing).toBe(true);
  await expect(runner.start(sample, { number: '+12015550124' }, { id, subject: id })).rejects.toMatchObject({
    code: 'saga-input-differs',
  });
  await runner.settled(id, 5000);
});

it('starts nothing when the transaction of its caller rolls back', async () => {
  const runner = await started();
  const faults = sagaFaults(runner);
  const id = newId();
  await expect(
    db.transactional(async () => {
      await runner.start(sample, { number: '+12015550123' }, { id, subject: id });
      throw new Error('no');
    }),
  ).rejects.toThrow('no');
  await runner.drain();
  await expect(runner.view(id)).rejects.toMatchObject({ code: 'saga-not-found' });
  expect(faults.calls).toEqual([]);
});

it('is stuck when its end cannot be committed, and ends once it can', async () => {
  const runner = await started();
  const id = newId();
  await db.sql(`insert into business (id, state) values ($1, 'provisioning')`, [id]);
  await db.sql(`alter table business add constraint closed check (id <> '${id}' or state <> 'active')`);
  await runner.start(sample, { number: '+12015550123' }, { id, subject: id });
  const view = await runner.settled(id, 15_000);
  expect(view).toMatchObject({ state: 'stuck' });
  expect(view?.step).toBeUndefined();
  await db.sql('alter table business drop constraint closed');
  await db.sql('update saga set next_run_at = clock_timestamp() where id = $1', [id]);
  await eventually(async () => (await runner.view(id)).state === 'done');
  expect(await world(db, id)).toMatchObject(WHOLE);
});

it('hands its sagas back on shutdown, after the step in flight', async () => {
  const first = await started();
  let go!: () => void;
  const reached = new Promise<void>((arrived) => {
    first.intercept = async (point, call) => {
      if (point.step === 'addNumber') {
        arrived();
        await new Promise<void>((resolve) => (go = resolve));
      }
      return call();
    };
  });
  const id = await begin(db, first);
  await reached;
  const closed = first.close();
  go();
  await closed;
  expect((await first.view(id)).outputs).toHaveProperty('addNumber');
  let faults!: SagaFaults;
  const second = await started({}, (runner) => (faults = sagaFaults(runner)));
  expect(await second.settled(id, 2000)).toMatchObject({ state: 'done' });
  expect(faults.calls.map((call) => call.step)).toEqual(['enable', 'notify']);
});
