import { AppError } from '@strowger/kernel';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { SagaDefinition, StepSpec } from './definition.js';
import {
  LeaseLost,
  OutcomeUnclear,
  SagaDefinitionChanged,
  SignalRefused,
  StepKeepsCrashing,
  StepTimedOut,
  WaitTimedOut,
} from './errors.js';
import type { Move, Phase, SagaDb, SagaJournal, SagaRecord, StepRecord } from './journal.js';
import { afterFailedRun, backoffMs, isDefinite } from './policy.js';

/** Takeovers a step may need beyond its tries; one that keeps ending its process must not do so for ever. */
const CRASHES = 10;

export interface StepPoint {
  sagaId: string;
  saga: string;
  step: string;
  phase: Phase | 'probe';
  attempt: number;
}
/** Stands around every remote call of a saga; tests inject faults with it. */
export type Interceptor = (point: StepPoint, call: () => Promise<unknown>) => Promise<unknown>;

export interface ExecutionSettings {
  /** Quick tries of one undo before the saga is stuck. */
  undoAttempts: number;
  undoBackoffMs: number;
  /** A stuck saga is tried again this often. */
  stuckRetryMs: number;
}

export interface ExecutionParts {
  db: SagaDb;
  journal: SagaJournal;
  definition: SagaDefinition<unknown>;
  /** Made once per execution; throwing counts as a failure of the current step. */
  deps: () => object | Promise<object>;
  settings: ExecutionSettings;
  intercept: Interceptor;
  signal: AbortSignal;
  /** True when the runner wants the saga handed back after the current step. */
  closing: () => boolean;
  onError: (event: string, error: unknown) => void;
}

/** How an execution ended: `again` after so many milliseconds, or with the saga at rest. */
export type Outcome = { again: number } | 'settled' | 'handed-back';

/** Executes one claimed saga until it ends, waits, or must be tried later. Throws LeaseLost, or what the journal threw. */
export class Execution {
  private readonly journaled: Map<string, StepRecord>;
  private readonly output: Record<string, unknown> = {};
  private readonly undone: string[] = [];
  /** The attempt of the current step when its intent is already written. */
  private opened = 0;
  private failure?: AppError;
  private deps?: object;

  constructor(
    private readonly saga: SagaRecord,
    private readonly parts: ExecutionParts,
  ) {
    this.journaled = new Map(saga.journal.map((record) => [`${record.phase}:${record.step}`, record]));
    for (const { phase, step, state, output } of saga.journal) {
      if (state !== 'done') continue;
      if (phase === 'run') this.output[step] = output ?? undefined;
      else this.undone.push(step);
    }
    if (saga.error) this.failure = AppError.from(saga.error);
  }

  async run(): Promise<Outcome> {
    const { definition } = this.parts;
    if (definition.stepNames.join() !== this.saga.steps.join())
      return this.stuck(new SagaDefinitionChanged(definition.name, this.saga.steps, definition.stepNames));
    for (;;) {
      if (this.parts.signal.aborted) throw new LeaseLost(this.saga.id);
      if (this.parts.closing() && !this.opened) {
        await this.parts.journal.release(this.saga);
        return 'handed-back';
      }
      const spec = definition.steps.find((step) => step.name === this.saga.step);
      const outcome = await (!spec
        ? this.end()
        : this.saga.phase === 'undo'
          ? this.undoStep(spec)
          : spec.waitFor
            ? this.wait(spec)
            : this.runStep(spec));
      if (outcome) return outcome;
    }
  }

  private async runStep(spec: StepSpec): Promise<Outcome | void> {
    const before = this.journaled.get(`run:${spec.name}`);
    const unsure =
      !this.opened && before !== undefined && (before.state === 'started' || before.error?.outcome === 'unknown');
    const attempt = await this.open();
    if (unsure && attempt > (spec.retry.attempts ?? 4) + CRASHES)
      return this.stuck(new StepKeepsCrashing(spec.name, attempt));
    let output: unknown;
    try {
      if (unsure && spec.probe) output = await this.probe(spec, attempt);
      output ??= await this.call(spec, 'run', attempt, spec.run!);
    } catch (thrown) {
      return this.runFailed(spec, this.wrap(thrown, spec, 'run'), attempt);
    }
    await this.stepDone(spec, output);
  }

  /** Undefined: it did not work, so it may be tried again. */
  private async probe(spec: StepSpec, attempt: number): Promise<unknown> {
    try {
      return await this.call(spec, 'probe', attempt, spec.probe!);
    } catch (thrown) {
      const error = this.wrap(thrown, spec, 'probe');
      throw isDefinite(error)
        ? new OutcomeUnclear(spec.name, error)
        : Object.assign(new OutcomeUnclear(spec.name, error), { retryAfterSeconds: error.retryAfterSeconds });
    }
  }

  private async stepDone(spec: StepSpec, output: unknown): Promise<void> {
    const { steps } = this.parts.definition;
    const next = steps[steps.indexOf(spec) + 1];
    // Through JSON here too: what the next step sees must not depend on whether a restart lay between.
    const asJson: unknown = output === undefined ? undefined : JSON.parse(JSON.stringify(output) ?? 'null');
    await this.move({
      to: { state: 'running', phase: 'run', step: next?.name ?? null },
      close: { step: spec.name, phase: 'run', state: 'done', output: asJson },
      open: next !== undefined && !this.parts.closing(),
    });
    this.output[spec.name] = asJson;
  }

  private async runFailed(spec: StepSpec, error: AppError, attempt: number): Promise<Outcome | void> {
    const verdict = afterFailedRun(error, attempt, spec.retry);
    if (verdict === 'undo' && (this.saga.state !== 'stuck' || isDefinite(error))) return this.startUndo(spec, error);
    const close = { step: spec.name, phase: 'run' as const, state: 'failed' as const, error: error.toJSON() };
    if (verdict === 'retry' && this.saga.state !== 'stuck')
      return this.later(backoffMs(attempt, spec.retry, error), { close });
    return this.stuck(error, { close });
  }

  private async wait(spec: StepSpec): Promise<Outcome | void> {
    const { type, accept, withinMinutes } = spec.waitFor!;
    const record = this.journaled.get(`run:${spec.name}`);
    if (!record && !this.opened) await this.open();
    const event = this.saga.signals[spec.name];
    if (!event) {
      const waited = record ? this.saga.now - record.startedAt : 0;
      const leftMs = withinMinutes * 60_000 - waited;
      if (leftMs <= 0) return this.startUndo(spec, new WaitTimedOut(spec.name, withinMinutes));
      // The statement itself makes the saga due at once when the signal came in between.
      await this.move({ to: { state: 'waiting', phase: 'run', step: spec.name }, release: { delayMs: leftMs } });
      return { again: 0 };
    }
    try {
      if (!accept(event)) throw new SignalRefused(spec.name, type);
    } catch (thrown) {
      return this.startUndo(spec, this.wrap(thrown, spec, 'run'));
    }
    await this.stepDone(spec, event);
  }

  /** Undo runs backwards from the failed step, that one included: a timeout may have worked. */
  private async startUndo(failed: StepSpec, error: AppError): Promise<void> {
    this.failure = error;
    this.saga.failedStep = failed.name;
    const record = this.journaled.get(`run:${failed.name}`);
    const next = this.undoFrom(this.parts.definition.steps.indexOf(failed));
    await this.move({
      to: { state: 'undoing', phase: 'undo', step: next?.name ?? null },
      // A step that finished stays so: only the end of the saga refused.
      close:
        record?.state === 'done'
          ? undefined
          : { step: failed.name, phase: 'run', state: 'failed', error: error.toJSON() },
      failure: { error: error.toJSON(), failedStep: failed.name },
      open: next !== undefined,
    });
  }

  private async undoStep(spec: StepSpec): Promise<Outcome | void> {
    const attempt = await this.open();
    try {
      await this.call(spec, 'undo', attempt, spec.undo!);
    } catch (thrown) {
      const error = this.wrap(thrown, spec, 'undo');
      if (error.kind !== 'not-found' || error.outcome === 'unknown') return this.undoFailed(spec, error, attempt);
    }
    const next = this.undoFrom(this.parts.definition.steps.indexOf(spec) - 1);
    await this.move({
      to: { state: 'undoing', phase: 'undo', step: next?.name ?? null },
      close: { step: spec.name, phase: 'undo', state: 'done' },
      open: next !== undefined && !this.parts.closing(),
    });
    this.undone.push(spec.name);
  }

  private async undoFailed(spec: StepSpec, error: AppError, attempt: number): Promise<Outcome> {
    const { undoAttempts, undoBackoffMs } = this.parts.settings;
    const close = { step: spec.name, phase: 'undo' as const, state: 'failed' as const, error: error.toJSON() };
    if (attempt >= undoAttempts || this.saga.state === 'stuck') return this.stuck(error, { close });
    return this.later(backoffMs(attempt, { backoffMs: undoBackoffMs }, error), { close, undoError: error.toJSON() });
  }

  /** The last transaction: the saga's final state and what the hook changes commit together. */
  private async end(): Promise<Outcome | void> {
    const { definition, db } = this.parts;
    const undo = this.saga.phase === 'undo';
    try {
      await db.transactional(async (em) => {
        await this.move(
          { to: { state: undo ? 'undone' : 'done', phase: this.saga.phase, step: null }, finish: true },
          em,
          false,
        );
        if (undo) await this.runHook(definition.hooks.undone, this.failure!, em);
        else await this.runHook(definition.hooks.done, undefined, em);
      });
      return 'settled';
    } catch (thrown) {
      if (thrown instanceof LeaseLost) throw thrown;
      const error = this.wrap(thrown, undefined, 'run');
      const last = definition.steps.at(-1);
      if (!undo && last && isDefinite(error)) return this.startUndo(last, error);
      const attempt = this.saga.attempts + 1;
      if (this.saga.state === 'stuck' || attempt >= this.parts.settings.undoAttempts) return this.stuck(error);
      return this.later(backoffMs(attempt, {}, error));
    }
  }

  /** Parks for a person. The hook runs only on entering, in the same transaction; slow tries go on. */
  private async stuck(error: AppError, extra: Partial<Move> = {}): Promise<Outcome> {
    const { db, definition, settings, onError } = this.parts;
    const entering = this.saga.state !== 'stuck';
    const { phase, step } = this.saga;
    const move: Move = {
      ...extra,
      to: { state: 'stuck', phase, step },
      ...(phase === 'undo'
        ? { undoError: error.toJSON() }
        : { failure: { error: error.toJSON(), failedStep: step ?? '' } }),
      release: { delayMs: settings.stuckRetryMs },
    };
    if (!entering) {
      await this.move(move);
      return 'settled';
    }
    try {
      await db.transactional(async (em) => {
        await this.move(move, em, false);
        await this.runHook(definition.hooks.stuck, error, em);
      });
    } catch (thrown) {
      if (thrown instanceof LeaseLost) throw thrown;
      // Not stuck until somebody has been alerted: the alert is part of the state.
      onError('saga.stuck-hook-failed', thrown);
      return this.later(settings.undoBackoffMs * 8, extra);
    }
    onError('saga.stuck', error);
    return 'settled';
  }

  /** @param error given to the hooks of failure; absent for the hook of success. */
  private async runHook(
    hook: ((...args: never[]) => unknown) | undefined,
    error: AppError | undefined,
    em: EntityManager,
  ): Promise<void> {
    if (!hook) return;
    const context = {
      ...(await this.context()),
      failedStep: this.saga.failedStep ?? this.saga.step ?? '',
      undone: [...this.undone],
    };
    await (hook as (...args: unknown[]) => unknown)(context, ...(error ? [error, em] : [em]));
  }

  private async later(delayMs: number, extra: Partial<Move> = {}): Promise<Outcome> {
    const { state, phase, step } = this.saga;
    await this.move({ ...extra, to: { state, phase, step }, release: { delayMs } });
    return { again: delayMs };
  }

  /** Writes the intent for the current step, unless the move that led here did. */
  private async open(): Promise<number> {
    if (!this.opened) {
      const { state, phase, step } = this.saga;
      await this.move({
        to: { state: state === 'waiting' ? 'running' : state, phase, step },
        open: true,
        undoError: this.saga.undoError ?? undefined,
      });
    }
    const attempt = this.opened;
    this.opened = 0;
    return attempt;
  }

  /** @param settle false inside a transaction that may yet roll back: memory then stays as it was. */
  private async move(move: Move, em?: EntityManager, settle = true): Promise<void> {
    const written = await this.parts.journal.move(this.saga, move, em);
    if (!written) throw new LeaseLost(this.saga.id);
    if (!settle) return;
    Object.assign(this.saga, move.to);
    this.opened = written.attempt;
    const { step, phase } = move.to;
    if (move.close) this.record(move.close.phase, move.close.step, move.close.state);
    if (move.open && step) this.record(phase, step, 'started');
  }

  private record(phase: Phase, step: string, state: StepRecord['state']): void {
    this.journaled.set(`${phase}:${step}`, { step, phase, state, attempt: this.opened, startedAt: this.saga.now });
  }

  /** The nearest step from there backwards that was begun and has something to undo. */
  private undoFrom(index: number): StepSpec | undefined {
    return this.parts.definition.steps
      .slice(0, index + 1)
      .findLast(
        (step) =>
          step.undo &&
          this.journaled.has(`run:${step.name}`) &&
          this.journaled.get(`undo:${step.name}`)?.state !== 'done',
      );
  }

  private async context(): Promise<object> {
    const { id, subject, tenantId, input, phase } = this.saga;
    try {
      this.deps ??= await this.parts.deps();
    } catch (thrown) {
      // In an undo a bare not-found would read as "nothing was there".
      if (phase !== 'undo') throw thrown;
      throw new AppError(
        'unavailable',
        'saga-dependencies-missing',
        'What this needs to be undone is not there.',
        {},
        { cause: thrown },
      );
    }
    return { ...this.deps, sagaId: id, subject, tenantId: tenantId ?? undefined, input, output: { ...this.output } };
  }

  private async call(
    spec: StepSpec,
    phase: Phase | 'probe',
    attempt: number,
    work: (c: object) => unknown,
  ): Promise<unknown> {
    const { id, name } = this.saga;
    const abort = new AbortController();
    const { signal } = abort;
    const step = {
      stepKey: phase === 'undo' ? `${id}:${spec.name}:undo` : `${id}:${spec.name}`,
      attempt,
      signal,
      failure: this.failure,
      failedStep: this.saga.failedStep ?? undefined,
    };
    let stop!: (error: Error) => void;
    const stopped = new Promise<never>((_, reject) => {
      stop = (error) => {
        reject(error);
        abort.abort(error);
      };
    });
    // Not AbortSignal.timeout: one that was not needed would live on until its time.
    const seconds = spec.timeoutSeconds;
    const timer = setTimeout(() => stop(new StepTimedOut(spec.name, seconds)), seconds * 1000).unref();
    const leaseLost = (): void => stop(new LeaseLost(id));
    this.parts.signal.addEventListener('abort', leaseLost, { once: true });
    try {
      const point = { sagaId: id, saga: name, step: spec.name, phase, attempt };
      return await Promise.race([
        this.parts.intercept(point, async () => work({ ...(await this.context()), ...step })),
        stopped,
      ]);
    } finally {
      clearTimeout(timer);
      this.parts.signal.removeEventListener('abort', leaseLost);
    }
  }

  private wrap(thrown: unknown, spec: StepSpec | undefined, phase: string): AppError {
    if (thrown instanceof LeaseLost) throw thrown;
    const error = AppError.wrap(thrown);
    if (error.kind === 'internal')
      this.parts.onError(`saga.${phase}-failed ${this.saga.name} ${spec?.name ?? 'end'} ${this.saga.id}`, thrown);
    return error;
  }
}
