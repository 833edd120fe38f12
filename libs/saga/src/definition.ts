import type { EntityManager } from '@mikro-orm/postgresql';
import type { AppError, EventClass } from '@strowger/kernel';

export interface RetryPolicy {
  /** Tries in all, the first included. Default 4 (3 when the failure is a bug of ours). */
  attempts?: number;
  /** Milliseconds before the second try, doubled for each further one; or the exact waits one by one. Default 500. */
  backoffMs?: number | readonly number[];
}

/** What every step of a saga is given, beside the saga's dependencies. */
export interface SagaContext<Input> {
  readonly sagaId: string;
  readonly subject: string;
  readonly tenantId?: string;
  readonly input: Input;
}

/** `Output` holds what earlier steps returned, as JSON brought it back: a Date has become a string. */
export type StepContext<Input, Deps, Output> = Deps &
  SagaContext<Input> & {
    readonly output: Output;
    /** The same for every try of this step: send it as the idempotency key, or look before acting. */
    readonly stepKey: string;
    /** Counts from 1. */
    readonly attempt: number;
    /** Aborts when the saga was lost to another runner, or the service must stop now. */
    readonly signal: AbortSignal;
  };

export type UndoContext<Input, Deps, Output> = StepContext<Input, Deps, Output> & {
  /** Why the saga is being undone. `outcome: 'unknown'` on it means the failed step may have worked: look first. */
  readonly failure: AppError;
  readonly failedStep: string;
};

export interface Step<Input, Deps, Output, Name extends string, Result> {
  /** May run twice. What it returns is journaled before the next step, so it must survive JSON and hold no secret. */
  run: (c: StepContext<Input, Deps, Output>) => Promise<Result> | Result;
  /** Its own output is missing when the step never finished. Throwing a `not-found` means there was nothing to undo. */
  undo?: (c: UndoContext<Input, Deps, Output & { readonly [K in Name]?: Result }>) => Promise<unknown> | unknown;
  /**
   * Looks whether an earlier try with an unknown outcome worked: its output if it did, undefined if it did not (it is
   * tried again), an error if that can't be found out (asked again, and at last the saga is undone from here).
   */
  probe?: (c: StepContext<Input, Deps, Output>) => Promise<Result | undefined> | Result | undefined;
  retry?: RetryPolicy;
  /** A try that takes longer counts as `unavailable` with an unknown outcome. Default 120. */
  timeoutSeconds?: number;
}

export interface WaitFor<T extends object> {
  event: EventClass<T>;
  /** False, or throwing an AppError that says why, undoes the saga. */
  accept?: (event: T) => boolean;
  withinMinutes: number;
}

/** One entry of a definition with its types erased, as the runner sees it. */
export interface StepSpec {
  readonly name: string;
  readonly run?: (c: object) => unknown;
  readonly undo?: (c: object) => unknown;
  readonly probe?: (c: object) => unknown;
  readonly retry: RetryPolicy;
  readonly timeoutSeconds: number;
  readonly waitFor?: { type: string; accept: (event: object) => boolean; withinMinutes: number };
}

export type DoneHook<Input, Deps, Output> = (
  c: Deps & SagaContext<Input> & { readonly output: Output },
  em: EntityManager,
) => Promise<unknown> | unknown;
export type FailHook<Input, Deps, Output> = (
  c: Deps &
    SagaContext<Input> & {
      readonly output: Partial<Output>;
      readonly failedStep: string;
      readonly undone: readonly string[];
    },
  error: AppError,
  em: EntityManager,
) => Promise<unknown> | unknown;

interface Hooks {
  done?: DoneHook<never, never, never>;
  undone?: FailHook<never, never, never>;
  stuck?: FailHook<never, never, never>;
}

/**
 * A process across systems: each step beside its undo. A deployed definition is never edited; the changed one gets the
 * next version in its name and both stay registered until the old one's last saga has finished.
 */
export class SagaDefinition<Input, Deps = unknown, Output = unknown> {
  declare readonly __types?: { input: Input; deps: Deps; output: Output };

  constructor(
    /** `<service>.<verb-noun>.v<version>` */
    readonly name: string,
    readonly steps: readonly StepSpec[] = [],
    readonly hooks: Readonly<Hooks> = {},
  ) {
    if (!/^[a-z0-9-]+(\.[a-z0-9-]+)+\.v\d+$/.test(name))
      throw new Error(`A saga is named owner.verb-noun.v1, not '${name}'.`);
  }

  get stepNames(): string[] {
    return this.steps.map((step) => step.name);
  }

  /** Names the dependencies, when the input's type is given alone: `defineSaga<Input>(…).needs<Deps>()`. */
  needs<D>(): SagaDefinition<Input, D, Output> {
    return new SagaDefinition<Input, D, Output>(this.name, this.steps, this.hooks);
  }

  step<Name extends string, Result>(
    name: Name,
    step: Step<Input, Deps, Output, Name, Result>,
  ): SagaDefinition<Input, Deps, Output & { readonly [K in Name]: Result }> {
    const { run, undo, probe, retry = {}, timeoutSeconds = 120 } = step;
    return this.with({ name, run, undo, probe, retry, timeoutSeconds } as unknown as StepSpec);
  }

  /** Waits for a fact (`runner.signal`); its data becomes the output. Not coming in time undoes the saga. */
  waitFor<Name extends string, T extends object>(
    name: Name,
    wait: WaitFor<T>,
  ): SagaDefinition<Input, Deps, Output & { readonly [K in Name]: T }> {
    const { event, accept = () => true, withinMinutes } = wait;
    const waitFor = { type: event.type, accept: accept as (event: object) => boolean, withinMinutes };
    return this.with({ name, waitFor, retry: {}, timeoutSeconds: 0 });
  }

  /** In the transaction that makes the saga `done`. A definite refusal thrown here undoes the saga from its last step. */
  onDone(hook: DoneHook<Input, Deps, Output>): SagaDefinition<Input, Deps, Output> {
    return new SagaDefinition(this.name, this.steps, { ...this.hooks, done: hook });
  }

  /** In the transaction that makes the saga `undone`. */
  onUndone(hook: FailHook<Input, Deps, Output>): SagaDefinition<Input, Deps, Output> {
    return new SagaDefinition(this.name, this.steps, { ...this.hooks, undone: hook });
  }

  /** In the transaction that makes the saga `stuck`, once each time it gets there. The error is what it is stuck on. */
  onStuck(hook: FailHook<Input, Deps, Output>): SagaDefinition<Input, Deps, Output> {
    return new SagaDefinition(this.name, this.steps, { ...this.hooks, stuck: hook });
  }

  build(): this {
    return this;
  }

  private with<O>(step: StepSpec): SagaDefinition<Input, Deps, O> {
    if (this.stepNames.includes(step.name)) throw new Error(`Saga '${this.name}' has two steps named '${step.name}'.`);
    return new SagaDefinition<Input, Deps, O>(this.name, [...this.steps, step], this.hooks);
  }
}

/** @param name versioned: `provisioning.provision-number.v1` */
export const defineSaga = <Input, Deps = unknown>(name: string): SagaDefinition<Input, Deps, unknown> =>
  new SagaDefinition<Input, Deps, unknown>(name);
