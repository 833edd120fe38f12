import { AsyncLocalStorage } from 'node:async_hooks';
import { hostname } from 'node:os';
import { type EventClass, newId, NotFound } from '@strowger/kernel';
import { counter, guarded, histogram, inBackground, logger, traceparent, withTraceparent } from '@strowger/telemetry';
import type { SagaDefinition } from './definition.js';
import { LeaseLost, SagaInputDiffers } from './errors.js';
import { Execution, type Interceptor, type Outcome } from './execution.js';
import { SagaJournal, type SagaDb, type SagaRecord } from './journal.js';
import { isAtRest, type SagaView, viewOf } from './view.js';

const log = logger('saga');
const finished = counter('saga_finished_total', 'Sagas that came to rest, by definition and state');
const duration = histogram(
  'saga_duration_seconds',
  'From start to the final state',
  [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120, 600, 3600],
);
const lost = counter('saga_lease_lost_total', 'Executions stopped because another runner took over');

export interface SagaRunnerOptions {
  /** Names the service in the lease owner. */
  service: string;
  /** Sagas executed at once. Default 64. */
  concurrency?: number;
  /** The sagas of a runner that dies are taken over after this time. Default 15. */
  leaseSeconds?: number;
  /** How often due sagas are looked for. Default 1000. */
  sweepMs?: number;
  /** Quick tries of one undo before the saga is stuck. Default 6. */
  undoAttempts?: number;
  /** Wait before the second try of an undo, doubled for each further one. Default 500. */
  undoBackoffMs?: number;
  /** A stuck saga is tried again this often. Default 300. */
  stuckRetrySeconds?: number;
  /**
   * Unfinished sagas without a definition here. `park` (default) leaves them untouched for a runner that has it and
   * says so in the log, at start-up and every minute; so an older version can still be rolled back to. `fail` stops start-up.
   */
  missingDefinitions?: 'park' | 'fail';
  /** On shutdown, steps in flight get so long before their signal aborts. Default 20. */
  closeGraceSeconds?: number;
}

export interface SagaHandle {
  id: string;
  /** The same request was made before; this is that saga. */
  existing: boolean;
  settled(withinMs: number): Promise<SagaView | undefined>;
}

interface Registered {
  definition: SagaDefinition<unknown>;
  deps: (input: unknown, saga: { id: string; subject: string; tenantId?: string }) => object | Promise<object>;
}

interface Active {
  record: SagaRecord;
  abort: AbortController;
  aliveUntil: number;
  done: Promise<void>;
}

export type DepsOf<Input, Deps> =
  Deps | ((input: Input, saga: { id: string; subject: string; tenantId?: string }) => Deps | Promise<Deps>);

/** Starts sagas, executes them under a lease, and takes over those whose runner died. */
export class SagaRunner {
  readonly id: string;
  /** Stands around each remote call. Tests replace it. */
  intercept: Interceptor = (_, call) => call();
  private readonly journal: SagaJournal;
  private readonly registered = new Map<string, Registered>();
  private readonly active = new Map<string, Active>();
  private readonly wanted = new Set<string>();
  private readonly watchers = new Map<string, Set<() => void>>();
  private readonly timers = new Set<NodeJS.Timeout>();
  /** Sagas never run inside the transaction (or request) that started them. */
  private readonly outside = AsyncLocalStorage.snapshot();
  private readonly options: Required<SagaRunnerOptions>;
  private closing = false;
  private started = false;
  private claiming: Promise<void> | undefined;

  constructor(
    private readonly db: SagaDb,
    options: SagaRunnerOptions,
  ) {
    this.options = {
      concurrency: 64,
      leaseSeconds: 15,
      sweepMs: 1000,
      undoAttempts: 6,
      undoBackoffMs: 500,
      stuckRetrySeconds: 300,
      missingDefinitions: 'park',
      closeGraceSeconds: 20,
      ...options,
    };
    this.id = `${options.service}@${hostname()}:${process.pid}:${newId().slice(-8)}`;
    this.journal = new SagaJournal(db);
  }

  /**
   * @param deps what steps find in their context; a function makes them again for each execution, e.g. a client for the
   * platform the input names. Throwing there counts as a failure of the current step.
   * @throws Error when another definition has the name
   */
  register<Input, Deps, Output>(definition: SagaDefinition<Input, Deps, Output>, deps: DepsOf<Input, Deps>): void {
    const known = this.registered.get(definition.name);
    const erased = definition as unknown as SagaDefinition<unknown>;
    if (known && known.definition !== erased)
      throw new Error(`Two definitions are named '${definition.name}'. A changed saga needs a new version.`);
    const make = (typeof deps === 'function' ? deps : () => deps) as Registered['deps'];
    this.registered.set(definition.name, { definition: erased, deps: make });
  }

  /** Begins to look for due sagas; call once every definition is registered. */
  async open(): Promise<void> {
    await this.reportOrphans();
    this.started = true;
    this.every(this.options.sweepMs, () => this.fill(true));
    this.every((this.options.leaseSeconds * 1000) / 3, () => this.heartbeat());
    this.every(60_000, () => this.reportOrphans());
    await this.fill(true);
  }

  /**
   * Journals the saga; inside an ambient transaction together with the caller's rows. Execution begins after commit,
   * in this process at once, or wherever the sweeper finds it.
   * @throws SagaInputDiffers when the id was used with another input
   */
  async start<Input, Deps, Output>(
    definition: SagaDefinition<Input, Deps, Output>,
    input: Input,
    about: { id: string; subject: string; tenantId?: string },
  ): Promise<SagaHandle> {
    const known = this.registered.get(definition.name);
    if (known?.definition !== (definition as unknown))
      throw new Error(`The saga '${definition.name}' is not registered with this runner.`);
    const { inserted, same } = await this.journal.insert({
      ...about,
      name: definition.name,
      steps: definition.stepNames,
      input,
      traceparent: traceparent(),
    });
    if (!same) throw new SagaInputDiffers(about.id);
    if (inserted) this.db.afterCommit(() => this.wake(about.id));
    return { id: about.id, existing: !inserted, settled: (withinMs) => this.settled(about.id, withinMs) };
  }

  /**
   * Gives a saga what it waits for, now or later. Joins the ambient transaction. False when it has heard it before, ended,
   * or never waits for this.
   */
  async signal<T extends object>(id: string, event: EventClass<T>, data: T): Promise<boolean> {
    const saga = await this.journal.find(id);
    return saga !== undefined && this.deliver(id, saga.name, event.type, data);
  }

  /** The same for every unfinished saga of a subject; returns how many heard it. */
  async signalSubject<T extends object>(subject: string, event: EventClass<T>, data: T): Promise<number> {
    let heard = 0;
    for (const { id, name } of await this.journal.openOf(subject))
      if (await this.deliver(id, name, event.type, data)) heard++;
    return heard;
  }

  private async deliver(id: string, name: string, type: string, data: object): Promise<boolean> {
    const step = this.registered.get(name)?.definition.steps.find((spec) => spec.waitFor?.type === type);
    if (!step || !(await this.journal.signal(id, step.name, data))) return false;
    this.db.afterCommit(() => this.wake(id));
    return true;
  }

  /** @throws NotFound */
  async view(id: string): Promise<SagaView> {
    const record = await this.journal.find(id);
    if (!record) throw new NotFound('saga', id);
    return viewOf(record);
  }

  /** The view once the saga is done, undone or stuck; undefined when it is not by then. Call it outside a transaction. */
  async settled(id: string, withinMs: number): Promise<SagaView | undefined> {
    const deadline = performance.now() + withinMs;
    for (;;) {
      // Watching before looking: it may settle in between. The timer is for sagas another process runs.
      let heard!: () => void;
      const settled = new Promise<void>((resolve) => (heard = resolve));
      const set = this.watchers.get(id) ?? new Set();
      this.watchers.set(id, set.add(heard));
      let timer: NodeJS.Timeout | undefined;
      try {
        // One about to run here need not be looked at before it is through.
        const here = this.active.has(id) || this.wanted.has(id);
        const view = here ? undefined : await this.view(id);
        if (view && isAtRest(view.state)) return view;
        const left = deadline - performance.now();
        if (left <= 0) return undefined;
        timer = setTimeout(heard, Math.min(left, 500));
        await settled;
      } finally {
        clearTimeout(timer);
        set.delete(heard);
        if (set.size === 0) this.watchers.delete(id);
      }
    }
  }

  /** Looks for due sagas now; `early` also takes those waiting for a backoff to pass. Returns how many were claimed. */
  async resumeDue(options: { early?: boolean } = {}): Promise<number> {
    return this.outside(() => this.claim(options));
  }

  /** For tests: runs until nothing is left but what waits for a signal, is stuck, or belongs to another runner. */
  async drain(timeoutMs = 15_000): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      await this.claiming;
      const claimed = await this.resumeDue({ early: true });
      await Promise.all([...this.active.values()].map((a) => a.done));
      if (claimed === 0 && this.active.size === 0 && this.wanted.size === 0) return;
      if (performance.now() > deadline)
        throw new Error(`Sagas still busy after ${timeoutMs} ms: ${JSON.stringify(await this.journal.counts())}`);
    }
  }

  /** For metrics and health. */
  counts(): ReturnType<SagaJournal['counts']> {
    return this.journal.counts();
  }

  /** Forgets finished sagas older than so many days. */
  purge(days: number): Promise<number> {
    return this.journal.purge(days);
  }

  /** Lets steps in flight finish, hands their sagas back, stops. */
  async close(): Promise<void> {
    this.closing = true;
    const heartbeat = setInterval(
      guarded('saga-heartbeat', () => this.heartbeat()),
      (this.options.leaseSeconds * 1000) / 3,
    ).unref();
    for (const timer of this.timers) clearInterval(timer);
    const grace = setTimeout(
      () => this.active.forEach(({ abort }) => abort.abort()),
      this.options.closeGraceSeconds * 1000,
    ).unref();
    await this.claiming?.catch(() => undefined);
    await Promise.all([...this.active.values()].map(({ done }) => done));
    clearTimeout(grace);
    clearInterval(heartbeat);
  }

  /** For tests: from here on as if the process had been killed. Nothing more is written; the leases run out. */
  abandon(): void {
    this.closing = true;
    for (const timer of this.timers) clearInterval(timer);
    for (const { abort } of this.active.values()) abort.abort();
  }

  private wake(id: string, afterMs = 0): void {
    if (this.closing || !this.started) return;
    if (afterMs > 0) {
      const timer = setTimeout(() => {
        this.timers.delete(timer);
        this.wake(id);
      }, afterMs).unref();
      this.timers.add(timer);
      return;
    }
    this.wanted.add(id);
    // One claim for all that were wanted in this turn of the event loop.
    if (this.wanted.size === 1) this.outside(() => setImmediate(guarded('saga-claim', () => this.fill())));
  }

  /** Fills free places: first with what was asked for in this process, then (on a sweep) with what is due. */
  private async fill(sweep = false): Promise<void> {
    if (this.claiming || this.closing) return this.claiming;
    this.claiming = this.outside(async () => {
      try {
        while (this.wanted.size > 0 && this.free > 0) {
          const ids = [...this.wanted].slice(0, this.free);
          for (const id of ids) this.wanted.delete(id);
          await this.claim({ ids });
        }
        while (sweep && this.free > 0 && (await this.claim({})) > 0);
      } catch (error) {
        // A later sweep finds them.
        this.wanted.clear();
        log.warn({ err: error }, 'saga-claim-failed');
      }
    }).finally(() => (this.claiming = undefined));
    return this.claiming;
  }

  private get free(): number {
    return this.options.concurrency - this.active.size;
  }

  private async claim(options: { ids?: string[]; early?: boolean }): Promise<number> {
    if (this.closing || this.free <= 0 || this.registered.size === 0) return 0;
    const leaseMs = this.options.leaseSeconds * 1000;
    const records = await this.journal.claim({
      owner: this.id,
      leaseMs,
      names: [...this.registered.keys()],
      limit: this.free,
      ...options,
    });
    for (const record of records) this.execute(record);
    return records.length;
  }

  private execute(record: SagaRecord): void {
    // A second claim of one id means that this runner lost it and got it back: the old execution must not go on.
    this.active.get(record.id)?.abort.abort();
    const active: Active = {
      record,
      abort: new AbortController(),
      aliveUntil: performance.now() + this.options.leaseSeconds * 1000,
      done: Promise.resolve(),
    };
    this.active.set(record.id, active);
    active.done = this.outside(() => this.attempt(active)).finally(() => {
      if (this.active.get(record.id) === active) this.active.delete(record.id);
      this.watchers.get(record.id)?.forEach((heard) => heard());
      if (this.wanted.size > 0) inBackground('saga-claim', this.fill());
    });
  }

  private async attempt({ record, abort }: Active): Promise<void> {
    const { id, name, subject, tenantId } = record;
    const { definition, deps } = this.registered.get(name)!;
    const { undoAttempts, undoBackoffMs, stuckRetrySeconds } = this.options;
    try {
      const outcome = await withTraceparent(record.traceparent ?? undefined, `saga ${name}`, () =>
        new Execution(record, {
          db: this.db,
          journal: this.journal,
          definition,
          deps: () => deps(record.input, { id, subject, tenantId: tenantId ?? undefined }),
          settings: { undoAttempts, undoBackoffMs, stuckRetryMs: stuckRetrySeconds * 1000 },
          intercept: (point, call) => this.intercept(point, call),
          signal: abort.signal,
          closing: () => this.closing,
          onError: (event, error) => log.error({ err: error, saga: name, sagaId: id, subject }, event),
        }).run(),
      );
      this.ended(record, outcome);
    } catch (error) {
      if (error instanceof LeaseLost) {
        lost.inc();
        log.warn({ saga: name, sagaId: id }, 'saga-lease-lost');
      } else {
        // The journal could not be written. The lease runs out, and the runner that resumes treats the step's outcome as unknown.
        log.error({ err: error, saga: name, sagaId: id }, 'saga-journal-failed');
      }
    }
  }

  private ended(record: SagaRecord, outcome: Outcome): void {
    const { id, name, state } = record;
    if (typeof outcome === 'object') {
      // The timer is only the quick way: next_run_at in the journal is the truth, and the sweeper reads it.
      if (outcome.again < 60_000) this.wake(id, Math.ceil(outcome.again) + 5);
      return;
    }
    if (outcome === 'handed-back') return;
    finished.inc({ saga: name, state });
    if (state !== 'stuck') duration.observe({ saga: name, state }, (Date.now() - record.createdAt) / 1000);
    log.info({ saga: name, sagaId: id, subject: record.subject, state }, 'saga-settled');
  }

  private async heartbeat(): Promise<void> {
    const held = [...this.active.values()];
    if (held.length === 0) return;
    const leaseMs = this.options.leaseSeconds * 1000;
    const asked = performance.now();
    try {
      const kept = await this.journal.heartbeat(
        this.id,
        held.map(({ record }) => record),
        leaseMs,
      );
      for (const active of held) {
        if (kept.has(active.record.id)) active.aliveUntil = asked + leaseMs;
        else if (this.active.get(active.record.id) === active) active.abort.abort();
      }
    } finally {
      for (const active of held) if (performance.now() > active.aliveUntil) active.abort.abort();
    }
  }

  private async reportOrphans(): Promise<void> {
    const orphans = await this.journal.orphans([...this.registered.keys()]);
    if (orphans.length === 0) return;
    if (!this.started && this.options.missingDefinitions === 'fail')
      throw new Error(
        `Unfinished sagas have no definition here: ${orphans.map(({ name, count }) => `${name} (${count})`).join(', ')}`,
      );
    log.error({ orphans }, 'saga-definition-missing');
  }

  private every(milliseconds: number, work: () => Promise<unknown>): void {
    let busy = false;
    const timer = this.outside(() =>
      setInterval(
        guarded('saga-sweep', () => {
          if (busy) return;
          busy = true;
          return work()
            .catch((error: unknown) => log.warn({ err: error }, 'saga-sweep-failed'))
            .finally(() => (busy = false));
        }),
        milliseconds,
      ),
    );
    this.timers.add(timer.unref());
  }
}
