import { AppError, newId } from '@strowger/kernel';
import { setLogLevel } from '@strowger/telemetry';
import { eventually, type TestDatabase } from '@strowger/testing';
import { defineSaga, type SagaDefinition } from './definition.js';
import { SagaRunner, type SagaRunnerOptions } from './runner.js';
import { FixtureDb, sagaDatabase } from './saga.fixtures.js';
import { sagaFaults, skipTime } from './testing.js';

setLogLevel('silent');

class EnablementFinishedV1 {
  static readonly type = 'provisioning.enablement.finished.v1';
  enabled!: boolean;
  reason?: string;
}

let database: TestDatabase;
let db: FixtureDb;
const runners: SagaRunner[] = [];
beforeAll(async () => {
  database = await sagaDatabase();
  db = await FixtureDb.connect(database.url);
});
afterEach(async () => {
  await Promise.all(runners.splice(0).map((runner) => runner.close()));
  await db.sql('delete from saga');
});
afterAll(async () => {
  await db?.orm.close();
  await database?.drop();
});

async function started(
  definitions: SagaDefinition<never, never, never>[],
  options: Partial<SagaRunnerOptions> = {},
): Promise<SagaRunner> {
  const runner = new SagaRunner(db, { service: 'test', sweepMs: 25, undoAttempts: 3, undoBackoffMs: 1, ...options });
  runners.push(runner);
  for (const definition of definitions) runner.register(definition, {} as never);
  await runner.open();
  return runner;
}

const log: string[] = [];
beforeEach(() => {
  log.length = 0;
});
const enable = defineSaga<{ number: string }>('provisioning.enable.v1')
  .step('request', { run: () => ({ jobId: '8471' }), undo: () => log.push('request undone') })
  .waitFor('finished', {
    event: EnablementFinishedV1,
    accept: (event) => {
      if (event.reason) throw new AppError('conflict', 'carrier-refused', event.reason);
      return event.enabled;
    },
    withinMinutes: 120,
  })
  .step('activate', { run: (c) => void log.push(`active ${c.output.request.jobId} ${c.output.finished.enabled}`) });

const begin = async (runner: SagaRunner): Promise<string> => {
  const id = newId();
  await runner.start(enable, { number: '+12015550123' }, { id, subject: `number-${id}`, tenantId: 'sp-1' });
  return id;
};
const waiting = (runner: SagaRunner, id: string): Promise<boolean> =>
  eventually(async () => (await runner.view(id)).state === 'waiting');

it('waits for a fact without holding anything, and goes on with its data', async () => {
  const runner = await started([enable] as never);
  const id = await begin(runner);
  await waiting(runner, id);
  expect(await runner.signal(id, EnablementFinishedV1, { enabled: true })).toBe(true);
  expect(await runner.settled(id, 5000)).toMatchObject({
    state: 'done',
    tenantId: 'sp-1',
    outputs: { finished: { enabled: true } },
  });
  expect(log).toEqual(['active 8471 true']);
});

it('hears a fact that came before it waited, and each only once', async () => {
  const runner = await started([enable] as never);
  const id = newId();
  await db.transactional(async () => {
    await runner.start(enable, { number: '1' }, { id, subject: 'early' });
    expect(await runner.signalSubject('early', EnablementFinishedV1, { enabled: true })).toBe(1);
    expect(await runner.signal(id, EnablementFinishedV1, { enabled: false })).toBe(false);
  });
  expect(await runner.settled(id, 5000)).toMatchObject({ state: 'done' });
  expect(await runner.signal(id, EnablementFinishedV1, { enabled: true })).toBe(false);
});

it.each([
  [{ enabled: false }, 'signal-refused'],
  [{ enabled: false, reason: 'Number is a wireless number' }, 'carrier-refused'],
])('is undone when the fact is a refusal: %j', async (event, code) => {
  const runner = await started([enable] as never);
  const id = await begin(runner);
  await runner.signal(id, EnablementFinishedV1, event);
  expect(await runner.settled(id, 5000)).toMatchObject({
    state: 'undone',
    failedStep: 'finished',
    error: { code },
    undone: ['request'],
  });
  expect(log).toEqual(['request undone']);
});

it('is undone when nothing is heard in time, also after a restart', async () => {
  const first = await started([enable] as never);
  const id = await begin(first);
  await waiting(first, id);
  await first.close();
  const second = await started([enable] as never);
  await skipTime(db, 119);
  await second.resumeDue();
  expect((await second.view(id)).state).toBe('waiting');
  await skipTime(db, 2);
  expect(await second.settled(id, 5000)).toMatchObject({ state: 'undone', error: { code: 'wait-timed-out' } });
});

it('a signal and the wait never miss each other', async () => {
  const runner = await started([enable] as never, { sweepMs: 60_000 });
  const ids = await Promise.all(Array.from({ length: 50 }, () => begin(runner)));
  await Promise.all(ids.map((id) => runner.signal(id, EnablementFinishedV1, { enabled: true })));
  for (const id of ids) expect(await runner.settled(id, 5000)).toMatchObject({ state: 'done' });
});

describe('versions', () => {
  const v = (version: number, last: string) =>
    defineSaga<object>(`provisioning.versioned.v${version}`)
      .step('first', { run: () => version })
      .waitFor('go', { event: EnablementFinishedV1, withinMinutes: 5 })
      .step(last, { run: (c) => void log.push(`${last} after v${c.output.first}`) });

  it('finishes the old while the new one starts', async () => {
    const [v1, v2] = [v(1, 'oldEnd'), v(2, 'newEnd')];
    const before = await started([v1] as never);
    await before.start(v1, {}, { id: 'old', subject: 'versioned' });
    await waiting(before, 'old');
    await before.close();
    const after = await started([v1, v2] as never);
    await after.start(v2, {}, { id: 'new', subject: 'versioned' });
    expect(await after.signalSubject('versioned', EnablementFinishedV1, { enabled: true })).toBe(2);
    await Promise.all(['old', 'new'].map((id) => after.settled(id, 5000)));
    expect(log.sort()).toEqual(['newEnd after v2', 'oldEnd after v1']);
  });

  it('refuses two definitions under one name', async () => {
    const runner = await started([v(1, 'oldEnd')] as never);
    expect(() => runner.register(v(1, 'oldEnd'), {})).toThrow(/needs a new version/);
  });

  it('leaves sagas without a definition alone, or refuses to start, as configured', async () => {
    const runner = await started([v(1, 'oldEnd')] as never);
    await db.sql(
      `insert into saga (id, name, subject, steps, state, step, input) values ('alien', 'provisioning.alien.v1', 'x', '["a"]', 'running', 'a', '{}')`,
    );
    await runner.drain();
    expect((await runner.view('alien')).state).toBe('running');
    await expect(started([enable] as never, { missingDefinitions: 'fail' })).rejects.toThrow(
      /provisioning.alien.v1 \(1\)/,
    );
  });

  it('parks a saga whose deployed steps are other ones, rather than skip any', async () => {
    const v1 = v(1, 'oldEnd');
    const before = await started([v1] as never);
    await before.start(v1, {}, { id: 'edited', subject: 's' });
    await waiting(before, 'edited');
    await before.close();
    const after = await started([v(1, 'otherEnd')] as never);
    await db.sql(`update saga set next_run_at = clock_timestamp() where id = 'edited'`);
    expect(await after.settled('edited', 5000)).toMatchObject({
      state: 'stuck',
      error: { code: 'saga-definition-changed' },
    });
    await after.close();
    const mended = await started([v1] as never);
    await mended.signal('edited', EnablementFinishedV1, { enabled: true });
    await db.sql(`update saga set next_run_at = clock_timestamp() where id = 'edited'`);
    await eventually(async () => (await mended.view('edited')).state === 'done');
  });
});

it('is undone from its last step when its end refuses', async () => {
  const refused = defineSaga<object>('provisioning.refused.v1')
    .step('one', { run: () => 1, undo: () => void log.push('one undone') })
    .step('two', { run: () => 2, undo: (c) => void log.push(`two (${String(c.output.two)}) undone`) })
    .onDone(() => {
      throw new AppError('conflict', 'number-deleted', 'The number was deleted meanwhile.');
    })
    .onUndone((c, error) => log.push(`${error.code} ${c.undone.join()}`));
  const runner = await started([refused] as never);
  const { settled } = await runner.start(refused, {}, { id: newId(), subject: 's' });
  expect(await settled(5000)).toMatchObject({ state: 'undone', error: { code: 'number-deleted' } });
  expect(log).toEqual(['two (2) undone', 'one undone', 'number-deleted two,one']);
});

it('asks again as late as the carrier wishes, and no sooner', async () => {
  const runner = await started([enable] as never);
  const faults = sagaFaults(runner).failAt({
    step: 'request',
    when: 'before',
    times: 1,
    error: new AppError('rate-limited', 'slow-down', 'Slow down.', {}, { retryAfterSeconds: 600 }),
  });
  const id = await begin(runner);
  await eventually(async () => (await runner.view(id)).timeline[0]?.state === 'failed');
  expect(await runner.resumeDue()).toBe(0);
  await skipTime(db, 11);
  await waiting(runner, id);
  expect(faults.calls).toHaveLength(2);
});

it('makes dependencies again for each execution, and never takes their absence for something undone', async () => {
  let there = true;
  const needy = defineSaga<{ platform: string }, { client: { name: string } }>('provisioning.needy.v1')
    .step('one', { run: (c) => c.client.name, undo: (c) => void log.push(`${c.client.name} undone`) })
    .step('two', {
      run: () => {
        there = false;
        throw new AppError('unavailable', 'away', 'Away.');
      },
      retry: { attempts: 2, backoffMs: 1 },
    });
  const runner = await started([]);
  runner.register(needy, ({ platform }) => {
    if (!there) throw new AppError('not-found', 'platform-not-found', 'No such platform.');
    return { client: { name: platform } };
  });
  const { id, settled } = await runner.start(needy, { platform: 'p1' }, { id: newId(), subject: 's' });
  expect(await settled(5000)).toMatchObject({ state: 'stuck', step: 'one', undone: [] });
  there = true;
  await db.sql('update saga set next_run_at = clock_timestamp()');
  await eventually(async () => (await runner.view(id)).state === 'undone');
  expect(log).toEqual(['p1 undone']);
});

it('counts a step that never answers as a timeout that may have worked', async () => {
  const slow = defineSaga<object>('provisioning.slow.v1').step('hang', {
    run: () => new Promise<void>(() => undefined),
    undo: (c) => void log.push(`${c.failure.outcome}`),
    timeoutSeconds: 0.05,
    retry: { attempts: 1 },
  });
  const runner = await started([slow] as never);
  const { settled } = await runner.start(slow, {}, { id: newId(), subject: 's' });
  expect(await settled(5000)).toMatchObject({ state: 'undone', error: { code: 'step-timed-out', outcome: 'unknown' } });
  expect(log).toEqual(['unknown']);
});

it('runs 32 sagas of six steps at once, and many a second', async () => {
  const run = (): { ok: boolean } => ({ ok: true });
  const six = defineSaga<{ n: number }>('provisioning.six.v1')
    .step('a', { run })
    .step('b', { run })
    .step('c', { run })
    .step('d', { run })
    .step('e', { run })
    .step('f', { run })
    .onDone((c, em) => db.sql(`insert into business (id, state) values ($1, 'active')`, [c.sagaId], em));
  const runner = await started([six] as never, { sweepMs: 1000 });
  const total = 600;
  let next = 0;
  const began = performance.now();
  await Promise.all(
    Array.from({ length: 32 }, async () => {
      for (let n = next++; n < total; n = next++) {
        const id = newId();
        const { settled } = await db.transactional(() => runner.start(six, { n }, { id, subject: 's' }));
        expect((await settled(10_000))?.state).toBe('done');
      }
    }),
  );
  const rate = total / ((performance.now() - began) / 1000);
  process.stdout.write(`sagas of six steps: ${Math.round(rate)}/s\n`);
  // 150/s is wanted of an idle machine with two cores. Other work shares it in a test run, so the bound only catches a collapse.
  expect(rate).toBeGreaterThan(40);
}, 60_000);

it('parks a step that ends its process again and again', async () => {
  const runner = await started([enable] as never, { sweepMs: 60_000 });
  await db.sql(`insert into saga (id, name, subject, steps, state, step, input)
    values ('crasher', 'provisioning.enable.v1', 's', '["request", "finished", "activate"]', 'running', 'request', '{}')`);
  await db.sql(
    `insert into saga_step (saga_id, step, phase, state, attempt) values ('crasher', 'request', 'run', 'started', 14)`,
  );
  await runner.resumeDue();
  expect(await runner.settled('crasher', 5000)).toMatchObject({
    state: 'stuck',
    error: { code: 'step-keeps-crashing' },
  });
});
