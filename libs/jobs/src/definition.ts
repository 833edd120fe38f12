import { type AppError } from '@strowger/kernel';

export interface JobOptions {
  /** Handled at once by one process; the work waits on others, so more than a CPU's worth. Default 20. */
  concurrency?: number;
  /** Tries in all before it fails for good. Default 8. */
  attempts?: number;
  /** Before the second try, doubled for each further one up to 10 minutes. Default 1000. */
  backoffMs?: number;
  /** Failed ones kept for looking at. Default 1000. */
  keepFailed?: number;
}

/** One kind of work inside one service. Data must survive JSON and hold no secret. */
export interface JobDefinition<Data extends object = object> {
  /** `provisioning.check-enablement`; also the queue's name. */
  readonly name: string;
  readonly options: Readonly<Required<JobOptions>>;
  /** Type-level only. */
  readonly __data?: Data;
}

export function defineJob<Data extends object>(name: string, options: JobOptions = {}): JobDefinition<Data> {
  if (!/^[a-z0-9-]+(\.[a-z0-9-]+)+$/.test(name)) throw new Error(`A job is named owner.verb-noun, not '${name}'.`);
  return { name, options: { concurrency: 20, attempts: 8, backoffMs: 1000, keepFailed: 1000, ...options } };
}

/** What a handler is given beside the data. */
export interface JobRun {
  /** As given to `add`, else made by the queue. */
  id: string;
  /** Counts from 1. */
  attempt: number;
  /** Aborts when the service must stop now; the job is then handed to another process. */
  signal: AbortSignal;
}

/** Returned by a handler that wants the same job again later, e.g. a poll that found nothing yet. */
export class RunAgain {
  constructor(readonly afterMs: number) {}
}

/** The same job, same id and data, once more after this time; its attempts count from 1 again. */
export const runAgainIn = (afterMs: number): RunAgain => new RunAgain(afterMs);

export type JobHandler<Data extends object> = (data: Data, run: JobRun) => Promise<void | RunAgain>;

const PROCESSES = Symbol('strowger:processes');

/** The method that does a job: `(data, run) => Promise<void | RunAgain>`. Exactly one per declared job. */
export function Processes<Data extends object>(job: JobDefinition<Data>) {
  return <Method extends (data: Data, run: JobRun) => Promise<void | RunAgain>>(
    _: object,
    __: string | symbol,
    descriptor: TypedPropertyDescriptor<Method>,
  ): void => {
    Reflect.defineMetadata(PROCESSES, job, descriptor.value!);
  };
}

export const processedBy = (method: object): JobDefinition | undefined =>
  Reflect.getMetadata(PROCESSES, method) as JobDefinition | undefined;

const LONGEST_BACKOFF_MS = 10 * 60_000;
/** A bug does not go away by trying; a few tries only separate a bug from bad luck. */
const BUG_ATTEMPTS = 3;

/** Milliseconds until the next try, or undefined when it failed for good. `attempt` counts from 1. */
export function nextTryMs(
  error: AppError,
  attempt: number,
  { attempts, backoffMs }: Readonly<Required<JobOptions>>,
): number | undefined {
  const retryable = error.outcome === 'unknown' || ['rate-limited', 'unavailable', 'internal'].includes(error.kind);
  const allowed = error.kind === 'internal' ? Math.min(attempts, BUG_ATTEMPTS) : attempts;
  if (!retryable || attempt >= allowed) return undefined;
  const backoff = Math.min(backoffMs * 2 ** (attempt - 1), LONGEST_BACKOFF_MS) * (0.8 + 0.4 * Math.random());
  return Math.ceil(Math.max(backoff, (error.retryAfterSeconds ?? 0) * 1000));
}
