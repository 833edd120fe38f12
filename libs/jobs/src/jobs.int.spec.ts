import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { INestApplicationContext, Type } from '@nestjs/common';
import { AppError } from '@strowger/kernel';
import { setLogLevel } from '@strowger/telemetry';
import { eventually, type ServerProcess, startRedis } from '@strowger/testing';
import {
  defineJob,
  Jobs,
  JobsModule,
  type JobsOptions,
  Processes,
  type JobRun,
  type RunAgain,
  runAgainIn,
} from './index.js';

setLogLevel('silent');
const poll = defineJob<{ n: number }>('test.poll', { attempts: 3, backoffMs: 1 });

let redis: ServerProcess;
const apps: INestApplicationContext[] = [];

/** What the next runs do, in order; then nothing. */
const script: ((data: { n: number }, run: JobRun) => Promise<void | RunAgain>)[] = [];
const seen: { n: number; id: string; attempt: number }[] = [];

@Injectable()
class Poller {
  @Processes(poll)
  async poll(data: { n: number }, run: JobRun): Promise<void | RunAgain> {
    seen.push({ n: data.n, id: run.id, attempt: run.attempt });
    return script.shift()?.(data, run);
  }
}

async function start(providers: Type[] = [Poller], options: Partial<JobsOptions> = {}): Promise<Jobs> {
  @Module({
    imports: [JobsModule.forRoot({ service: 'test', redisUrl: redis.url, jobs: [poll], lockSeconds: 1, ...options })],
    providers,
  })
  class App {}
  const app = await NestFactory.createApplicationContext(App, { logger: false, abortOnError: false });
  apps.push(app);
  return app.get(Jobs);
}

beforeAll(async () => {
  redis = await startRedis();
});
beforeEach(() => {
  script.length = 0;
  seen.length = 0;
});
afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.close()));
});
afterAll(() => redis?.stop());

/** Another process that takes a job and never finishes it. */
function spawnWorker(redisUrl: string): { process: ChildProcess; took: Promise<unknown> } {
  const program = `
    const { Worker } = require('bullmq'); const { Redis } = require('ioredis');
    new Worker('test.poll', () => { process.send('took'); return new Promise(() => setInterval(() => {}, 1000)); },
      { connection: new Redis(process.argv[1], { maxRetriesPerRequest: null }), prefix: 'strowger:test', lockDuration: 1000, stalledInterval: 1000 });`;
  const child = spawn(process.execPath, ['-e', program, redisUrl], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  return { process: child, took: once(child, 'message') };
}

const fails = (error: AppError) => (): Promise<never> => Promise.reject(error);

it('does what was added, with its data and id', async () => {
  const jobs = await start();
  const id = await jobs.add(poll, { n: 1 }, { jobId: 'number:1:poll' });
  await jobs.drain();
  expect(id).toBe('number:1:poll');
  expect(seen).toEqual([{ n: 1, id, attempt: 1 }]);
});

it.each([
  ['no handler', [] as Type[], /'test.poll' has no handler/],
  ['two handlers', [Poller, class Second extends Poller {}] as Type[], /'test.poll' has 2 handlers/],
])('does not start with %s', async (_, providers, message) => {
  await expect(start(providers)).rejects.toThrow(message);
});

it('does not start with a handler of a job that is not declared', async () => {
  await expect(start([Poller], { jobs: [] })).rejects.toThrow(/'test.poll' has a handler but is not declared/);
});

it('keeps one job under an id, and a new one replaces it only when asked to', async () => {
  const jobs = await start();
  await jobs.add(poll, { n: 1 }, { jobId: 'x', delayMs: 60_000 });
  await jobs.add(poll, { n: 2 }, { jobId: 'x', delayMs: 60_000 });
  expect(await jobs.counts(poll.name)).toMatchObject({ delayed: 1 });
  await jobs.add(poll, { n: 3 }, { jobId: 'x', replace: true });
  await jobs.drain();
  expect(seen).toEqual([{ n: 3, id: 'x', attempt: 1 }]);
  expect(await jobs.counts(poll.name)).toMatchObject({ delayed: 0 });
});

it('takes a delayed job out', async () => {
  const jobs = await start();
  await jobs.add(poll, { n: 1 }, { jobId: 'gone', delayMs: 60_000 });
  expect(await jobs.remove(poll, 'gone')).toBe(true);
  expect(await jobs.remove(poll, 'gone')).toBe(false);
});

it('fails at once on a definite refusal, shows its code, and does not block the id', async () => {
  const jobs = await start();
  script.push(fails(new AppError('conflict', 'number-gone', 'The number is gone.')));
  await jobs.add(poll, { n: 1 }, { jobId: 'y' });
  await eventually(async () => (await jobs.failed(poll)).some((job) => job.id === 'y'));
  expect((await jobs.failed(poll))[0]).toMatchObject({ id: 'y', data: { n: 1 }, reason: 'number-gone' });
  await jobs.add(poll, { n: 2 }, { jobId: 'y' });
  await jobs.drain();
  expect(seen.map(({ n }) => n)).toEqual([1, 2]);
});

it('retries what is unavailable, as often as allowed', async () => {
  const jobs = await start();
  const away = fails(new AppError('unavailable', 'carrier-away', 'The carrier is away.'));
  script.push(away, away, away, away);
  await jobs.add(poll, { n: 1 }, { jobId: 'z' });
  await eventually(async () => (await jobs.failed(poll)).some((job) => job.id === 'z'));
  expect(seen.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
});

it('waits as long as a rate limit asks', async () => {
  const jobs = await start();
  script.push(fails(new AppError('rate-limited', 'slow-down', 'Slow down.', {}, { retryAfterSeconds: 3600 })));
  await jobs.add(poll, { n: 1 }, { jobId: 'limited' });
  await eventually(async () => (await jobs.counts(poll.name)).delayed === 1);
  expect(await jobs.remove(poll, 'limited')).toBe(true);
});

it('runs again when the handler says so, and its attempts count from 1 again', async () => {
  const jobs = await start();
  const away = fails(new AppError('unavailable', 'carrier-away', 'The carrier is away.'));
  const again = (): Promise<RunAgain> => Promise.resolve(runAgainIn(1));
  script.push(away, away, again, away, away, again);
  await jobs.add(poll, { n: 1 }, { jobId: 'again' });
  await eventually(() => seen.length === 7);
  expect(seen.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 1, 2, 3, 1]);
  await jobs.drain();
  expect(await jobs.counts(poll.name)).toMatchObject({ delayed: 0, active: 0 });
});

it('lets delayed jobs run now', async () => {
  const jobs = await start();
  await jobs.add(poll, { n: 1 }, { delayMs: 3_600_000 });
  await jobs.runDelayedNow(poll);
  await jobs.drain();
  expect(seen).toHaveLength(1);
});

it('finishes what runs before it closes, and leaves the rest to others', async () => {
  const one = defineJob<{ n: number }>('test.poll', { concurrency: 1 });
  const jobs = await start([Poller], { jobs: [one] });
  let finish!: () => void;
  let finished = false;
  script.push(() => new Promise<void>((resolve) => (finish = resolve)).then(() => void (finished = true)));
  await jobs.add(one, { n: 1 });
  await jobs.add(one, { n: 2 });
  await eventually(() => seen.length === 1);
  const closing = jobs.close();
  finish();
  await closing;
  expect(finished).toBe(true);
  expect(seen).toHaveLength(1);
  const other = await start();
  await other.drain();
  expect(seen.map(({ n }) => n)).toEqual([1, 2]);
});

describe('with Redis going away', () => {
  it('refuses at once, stays alive, and goes on by itself when Redis is back with its data', async () => {
    const jobs = await start();
    await jobs.add(poll, { n: 1 }, { jobId: 'later', delayMs: 60_000 });
    await redis.kill9();
    await eventually(() => !jobs.ready);
    const asked = performance.now();
    await expect(jobs.add(poll, { n: 2 })).rejects.toMatchObject({ kind: 'unavailable', code: 'queue-unavailable' });
    expect(performance.now() - asked).toBeLessThan(1500);
    await redis.start();
    await eventually(() => jobs.ready, { timeoutMs: 10_000 });
    await jobs.add(poll, { n: 3 });
    await eventually(() => seen.some(({ n }) => n === 3), { timeoutMs: 10_000 });
    expect(await jobs.remove(poll, 'later')).toBe(true);
  }, 30_000);

  it('starts without Redis and works once it is there', async () => {
    await redis.stop();
    const jobs = await start();
    await expect(jobs.add(poll, { n: 1 })).rejects.toMatchObject({ code: 'queue-unavailable' });
    await redis.start();
    await eventually(() => jobs.add(poll, { n: 2 }), { timeoutMs: 10_000 });
    await eventually(() => seen.some(({ n }) => n === 2), { timeoutMs: 10_000 });
  }, 30_000);

  it('closes while Redis is away', async () => {
    await start();
    await redis.stop();
    await apps.pop()!.close();
    await redis.start();
  }, 30_000);
});

it('a job whose process was killed is done by another', async () => {
  const queue = { n: 7 };
  const child = spawnWorker(redis.url);
  try {
    const jobs = await start([Poller], { work: false });
    await jobs.add(poll, queue, { jobId: 'orphan' });
    await child.took;
  } finally {
    child.process.kill('SIGKILL');
  }
  await start();
  await eventually(() => seen.some(({ n }) => n === 7), { timeoutMs: 15_000 });
}, 30_000);
