import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as wait } from 'node:timers/promises';
import { AppError } from '@strowger/kernel';
import { counter, gauge, histogram, inBackground, logger, traceparent, withTraceparent } from '@strowger/telemetry';
import { DelayedError, type Job, Queue, UnrecoverableError, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { type JobDefinition, type JobHandler, nextTryMs, RunAgain } from './definition.js';

const log = logger('jobs');
const handled = counter('jobs_handled_total', 'Tries of jobs, by job and result');
const duration = histogram('job_duration_seconds', 'One try of a job');

export interface JobsOptions {
  service: string;
  redisUrl: string;
  jobs: readonly JobDefinition[];
  /** A job whose process died is handed to another after at most twice this time. Default 30. */
  lockSeconds?: number;
  /** On shutdown, jobs in flight get this long before their signal aborts. Default 20. */
  closeGraceSeconds?: number;
  /** False for a process that only adds. Default true. */
  work?: boolean;
}

export interface AddOptions {
  /** At most one unfinished job has the id; adding it again changes nothing. */
  jobId?: string;
  delayMs?: number;
  /** Replaces the job that waits under the id, with the new data and time. If it is running, it goes on and nothing is added. */
  replace?: boolean;
}

interface Envelope {
  data: object;
  traceparent?: string;
}

export class QueueUnavailable extends AppError {
  constructor(job: string, cause?: unknown) {
    super(
      'unavailable',
      'queue-unavailable',
      'The work queue cannot be reached; try again shortly.',
      { job },
      { cause, retryAfterSeconds: 5 },
    );
  }
}

/** BullMQ refuses colons and bare numbers as ids. */
const encodeId = (id: string): string => `@${id.replaceAll('%', '%25').replaceAll(':', '%3A')}`;
const decodeId = (id: string): string =>
  id.startsWith('@') ? id.slice(1).replaceAll('%3A', ':').replaceAll('%25', '%') : id;

const COMMAND_TIMEOUT_MS = 5000;
/** How long ioredis waits for a socket to close; the socket may be gone already, and the wait keeps the process alive. */
const DISCONNECT_TIMEOUT_MS = 100;

/** Adds work and runs it. Redis may forget: code that needs a job for certain keeps a due time in Postgres and adds the job again. */
export class Jobs {
  private readonly queues = new Map<string, Queue>();
  private readonly workers: Worker[] = [];
  private readonly producer: Redis;
  private consumer: Redis | undefined;
  /** BullMQ's own copies of the consumer, one per worker. */
  private readonly blocking: Redis[] = [];
  private running = 0;
  private readonly aborting = new AbortController();
  private readonly outside = AsyncLocalStorage.snapshot();
  private lastComplaint = 0;
  private wasReady = false;

  constructor(private readonly options: JobsOptions) {
    const retryStrategy = (times: number): number => Math.min(100 * 2 ** Math.min(times, 5), 2000);
    // Adding fails at once while Redis is away: a caller has a person or a carrier waiting.
    this.producer = new Redis(options.redisUrl, {
      retryStrategy,
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      commandTimeout: COMMAND_TIMEOUT_MS,
      disconnectTimeout: DISCONNECT_TIMEOUT_MS,
    });
    this.producer.on('error', (error) => this.complain(error));
    const names = options.jobs.map(({ name }) => name);
    const twice = names.find((name, at) => names.indexOf(name) !== at);
    if (twice) throw new Error(`The job '${twice}' is declared twice.`);
    gauge('jobs_unfinished', 'Jobs not finished yet, by job and state', async () => {
      if (this.producer.status !== 'ready') return undefined;
      const counts = await Promise.all(options.jobs.map(async ({ name }) => [name, await this.counts(name)] as const));
      return counts.flatMap(([job, states]) =>
        Object.entries(states).map(([state, count]) => [{ job, state }, count] as const),
      );
    });
  }

  /**
   * Starts the workers.
   * @throws Error naming every declared job without a handler or with two, and every handler of an undeclared job
   */
  work(handlers: readonly (readonly [JobDefinition, JobHandler<object>])[]): void {
    const wrong = [
      ...this.options.jobs
        .map((job) => [job.name, handlers.filter(([{ name }]) => name === job.name).length] as const)
        .filter(([, count]) => count !== 1)
        .map(([name, count]) => `'${name}' has ${count === 0 ? 'no handler' : `${count} handlers`}`),
      ...handlers
        .filter(([{ name }]) => !this.declares(name))
        .map(([{ name }]) => `'${name}' has a handler but is not declared`),
    ];
    if (wrong.length > 0) throw new Error(`Jobs are set up wrongly: ${wrong.join('; ')}.`);
    if (handlers.length === 0) return;
    // A worker waits for Redis as long as it takes; BullMQ demands that of its connections.
    this.consumer = new Redis(this.options.redisUrl, {
      maxRetriesPerRequest: null,
      disconnectTimeout: DISCONNECT_TIMEOUT_MS,
    });
    this.consumer.on('error', (error) => this.complain(error));
    const { consumer } = this;
    const duplicate = consumer.duplicate.bind(consumer);
    consumer.duplicate = (override) => {
      const copy = duplicate(override);
      this.blocking.push(copy);
      return copy;
    };
    for (const job of this.options.jobs) {
      const [, handler] = handlers.find(([{ name }]) => name === job.name)!;
      this.workers.push(this.outside(() => this.startWorker(job, handler)));
    }
  }

  /**
   * @returns the job's id
   * @throws QueueUnavailable at once when Redis is away
   */
  async add<Data extends object>(
    job: JobDefinition<Data>,
    data: NoInfer<Data>,
    { jobId, delayMs = 0, replace = false }: AddOptions = {},
  ): Promise<string> {
    const id = jobId === undefined ? undefined : encodeId(jobId);
    const envelope: Envelope = { data, traceparent: traceparent() };
    return this.ask(job, async (queue) => {
      // A job that failed for good stays for looking at, but its id must not block the next one.
      if (id !== undefined) {
        const state = await queue.getJobState(id);
        if (state === 'failed' || state === 'completed' || (replace && state !== 'active' && state !== 'unknown'))
          await queue.remove(id);
      }
      const added = await queue.add(job.name, envelope, {
        jobId: id,
        delay: Math.max(0, Math.ceil(delayMs)),
        attempts: job.options.attempts,
        backoff: { type: 'custom' },
        removeOnComplete: true,
        removeOnFail: { count: job.options.keepFailed, age: 14 * 24 * 3600 },
      });
      return decodeId(added.id!);
    });
  }

  /** Takes a job out before it runs; false when it is running or not there. */
  async remove<Data extends object>(job: JobDefinition<Data>, jobId: string): Promise<boolean> {
    return this.ask(job, async (queue) => {
      const id = encodeId(jobId);
      // BullMQ answers 1 for what is not there, too.
      return (await queue.getJobState(id)) !== 'unknown' && (await queue.remove(id)) === 1;
    });
  }

  /** Lets every delayed job run now. For tests and for operators. */
  async runDelayedNow<Data extends object>(job: JobDefinition<Data>): Promise<void> {
    await this.ask(job, (queue) => queue.promoteJobs());
  }

  /** Jobs that failed for good, newest first, with the stable code they failed with. */
  async failed<Data extends object>(
    job: JobDefinition<Data>,
    limit = 100,
  ): Promise<{ id: string; data: Data; reason: string; failedAt: Date }[]> {
    const jobs = await this.ask(job, (queue) => queue.getFailed(0, limit - 1));
    return jobs.map((j) => ({
      id: decodeId(j.id!),
      data: (j.data as Envelope).data as Data,
      reason: j.failedReason,
      failedAt: new Date(j.finishedOn ?? j.timestamp),
    }));
  }

  /** For tests: until nothing waits or runs. Delayed jobs are left where they are. */
  async drain(timeoutMs = 15_000): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const busy = (await Promise.all(this.options.jobs.map(({ name }) => this.counts(name)))).flatMap(
        ({ waiting, active }) => [waiting, active],
      );
      if (busy.every((count) => count === 0)) return;
      if (performance.now() > deadline) throw new Error(`Jobs still busy after ${timeoutMs} ms.`);
      await wait(10);
    }
  }

  /** @throws QueueUnavailable */
  counts(name: string): Promise<{ waiting: number; active: number; delayed: number; failed: number }> {
    return this.ask({ name }, async (queue) => {
      const counts = await queue.getJobCounts('waiting', 'prioritized', 'active', 'delayed', 'failed');
      const { waiting = 0, prioritized = 0, active = 0, delayed = 0, failed = 0 } = counts;
      return { waiting: waiting + prioritized, active, delayed, failed };
    });
  }

  /** True while jobs can be added; for /readyz. */
  get ready(): boolean {
    return this.producer.status === 'ready';
  }

  /** Takes no more work, lets what is running finish, then disconnects. What does not finish in time goes to another process. */
  async close(): Promise<void> {
    const { closeGraceSeconds = 20 } = this.options;
    const grace = setTimeout(() => this.aborting.abort(), closeGraceSeconds * 1000);
    let closed = false;
    const deadline = performance.now() + (closeGraceSeconds + 1) * 1000;
    // While Redis is away a worker's own close never ends; with nothing running there is nothing to wait for.
    const pointless = (): boolean => this.running === 0 && this.consumer?.status !== 'ready';
    const force = pointless();
    const all = Promise.allSettled(this.workers.map((worker) => worker.close(force)));
    inBackground(
      'jobs-close',
      all.then(() => (closed = true)),
    );
    while (!closed && !pointless() && performance.now() < deadline) await wait(20);
    clearTimeout(grace);
  }

  /** After `close`: nothing can be added any more. */
  async disconnect(): Promise<void> {
    await Promise.race([
      Promise.allSettled([...this.queues.values()].map((queue) => queue.close())),
      wait(500, undefined, { ref: false }),
    ]);
    for (const copy of this.blocking) copy.disconnect();
    this.consumer?.disconnect();
    this.producer.disconnect();
  }

  private get prefix(): string {
    return `strowger:${this.options.service}`;
  }

  private declares(name: string): boolean {
    return this.options.jobs.some((job) => job.name === name);
  }

  /** Every command has a time limit, so that this fails rather than waits. */
  private async ask<T>({ name }: { name: string }, work: (queue: Queue) => Promise<T>): Promise<T> {
    if (!this.declares(name)) throw new Error(`The job '${name}' is not declared by this service.`);
    if (this.producer.status !== 'ready' && !(await this.becomesReady())) throw new QueueUnavailable(name);
    try {
      return await work(await this.queue(name));
    } catch (error) {
      throw error instanceof AppError ? error : new QueueUnavailable(name, error);
    }
  }

  private async queue(name: string): Promise<Queue> {
    let queue = this.queues.get(name);
    if (!queue) {
      queue = new Queue(name, { connection: this.producer, prefix: this.prefix });
      queue.on('error', (error) => this.complain(error));
      this.queues.set(name, queue);
    }
    try {
      await queue.waitUntilReady();
      return queue;
    } catch (error) {
      // A queue whose first greeting failed never recovers; the next caller gets a new one.
      if (this.queues.get(name) === queue) this.queues.delete(name);
      throw error;
    }
  }

  /** Connecting for the first time is worth a moment's wait; once it was there, its absence is an outage. */
  private async becomesReady(): Promise<boolean> {
    if (this.wasReady) return false;
    const ready = new Promise<boolean>((resolve) => this.producer.once('ready', () => resolve(true)));
    return Promise.race([ready, wait(1000, false, { ref: false })]).finally(() => (this.wasReady = true));
  }

  private startWorker(job: JobDefinition, handler: JobHandler<object>): Worker {
    const { lockSeconds = 30 } = this.options;
    const worker = new Worker(job.name, (bull: Job, token?: string) => this.handle(job, handler, bull, token), {
      connection: this.consumer!,
      prefix: this.prefix,
      concurrency: job.options.concurrency,
      lockDuration: lockSeconds * 1000,
      stalledInterval: lockSeconds * 1000,
      // A deploy may kill the same long job several times; only a job that kills its process again and again is bad.
      maxStalledCount: 10,
      runRetryDelay: 1000,
      settings: { backoffStrategy: (attempt, _, error) => nextTryMs(AppError.wrap(error), attempt, job.options) ?? -1 },
    });
    worker.on('error', (error) => this.complain(error));
    return worker;
  }

  private async handle(job: JobDefinition, handler: JobHandler<object>, bull: Job, token?: string): Promise<void> {
    const { data, traceparent: parent } = bull.data as Envelope;
    const attempt = bull.attemptsMade + 1;
    const id = decodeId(bull.id!);
    const stop = duration.startTimer({ job: job.name });
    this.running++;
    try {
      const again = await withTraceparent(parent, `job ${job.name}`, () =>
        handler(data, { id, attempt, signal: this.aborting.signal }),
      );
      handled.inc({ job: job.name, result: 'done' });
      if (!(again instanceof RunAgain)) return;
      // A poll may go on for days: failures long past must not count against it.
      await this.consumer!.hdel(`${this.prefix}:${job.name}:${bull.id!}`, 'atm');
      await bull.moveToDelayed(Date.now() + again.afterMs, token);
      throw new DelayedError();
    } catch (thrown) {
      if (thrown instanceof DelayedError) throw thrown;
      const error = AppError.wrap(thrown);
      const forGood = nextTryMs(error, attempt, job.options) === undefined;
      handled.inc({ job: job.name, result: forGood ? 'failed' : 'retried' });
      log[forGood ? 'error' : 'warn'](
        { err: thrown, job: job.name, jobId: id, attempt },
        forGood ? 'job-failed' : 'job-retried',
      );
      // The reason is kept in Redis and shown to operators: the stable code, not what the error may quote.
      if (forGood) throw new UnrecoverableError(error.code);
      throw error;
    } finally {
      this.running--;
      stop();
    }
  }

  /** BullMQ and ioredis say the same thing many times a second while Redis is away. */
  private complain(error: Error): void {
    const now = performance.now();
    if (this.lastComplaint > 0 && now - this.lastComplaint < 10_000) return;
    this.lastComplaint = now;
    log.warn({ err: error }, 'redis-trouble');
  }
}
