import { AppError, type ErrorKind } from '@strowger/kernel';
import type { Interceptor, StepPoint } from './execution.js';
import type { SagaDb } from './journal.js';
import type { SagaRunner } from './runner.js';
import { CompiledQuery } from 'kysely';

export interface Fault {
  step: string;
  /** Default `run`. */
  phase?: 'run' | 'undo' | 'probe';
  /** Before its effect, or after it (the effect stays, the answer is lost). */
  when: 'before' | 'after';
  /** `unknown` is a timeout that may have worked. Default `conflict`. */
  error?: ErrorKind | 'unknown' | AppError;
  /** How often it fails; then it works. Default always. */
  times?: number;
}

export interface SagaFaults {
  failAt(fault: Fault): SagaFaults;
  /** Every run and undo has its effect twice, as after a crash between effect and journal. */
  repeatEveryStep(): SagaFaults;
  /** The runner dies there, as by kill -9. Resolves when it is dead. Another runner with the same stores then takes over. */
  killAt(point: { step: string; phase?: 'run' | 'undo'; when: 'before' | 'after' }): Promise<void>;
  /** Every call so far, in order. */
  readonly calls: readonly StepPoint[];
  /** Takes every fault away. */
  clear(): void;
}

const errorOf = (fault: Fault): AppError => {
  const error = fault.error ?? 'conflict';
  if (error instanceof AppError) return error;
  const unknown = error === 'unknown';
  return new AppError(
    unknown ? 'unavailable' : error,
    `injected-${error}`,
    `Injected ${error} in ${fault.step}.`,
    {},
    unknown ? { outcome: 'unknown' } : {},
  );
};

/** Puts faults around every remote call of a runner. */
export function sagaFaults(runner: SagaRunner): SagaFaults {
  let faults: Required<Fault>[] = [];
  let kills: { step: string; phase: string; when: string; dead: () => void }[] = [];
  let repeat = false;
  const calls: StepPoint[] = [];

  const check = async (point: StepPoint, when: 'before' | 'after'): Promise<void> => {
    const here = (f: { step: string; phase: string; when: string }): boolean =>
      f.step === point.step && f.phase === point.phase && f.when === when;
    const kill = kills.find(here);
    if (kill) {
      kills = kills.filter((other) => other !== kill);
      runner.abandon();
      kill.dead();
      await new Promise<never>(() => undefined);
    }
    const fault = faults.find((f) => here(f) && f.times > 0);
    if (!fault) return;
    fault.times--;
    throw errorOf(fault);
  };
  const intercept: Interceptor = async (point, call) => {
    calls.push(point);
    await check(point, 'before');
    if (repeat && point.phase === 'run') await call();
    if (repeat && point.phase === 'undo') await call().catch((error: unknown) => AppError.wrap(error));
    const result = await call();
    await check(point, 'after');
    return result;
  };
  runner.intercept = intercept;

  const self: SagaFaults = {
    calls,
    failAt(fault) {
      faults.push({ phase: 'run', error: 'conflict', times: Infinity, ...fault });
      return self;
    },
    repeatEveryStep() {
      repeat = true;
      return self;
    },
    killAt: ({ step, phase = 'run', when }) => new Promise<void>((dead) => kills.push({ step, phase, when, dead })),
    clear() {
      faults = [];
      kills = [];
      repeat = false;
    },
  };
  return self;
}

/** Lets the leases of a dead runner run out at once. */
export async function expireLeases(db: SagaDb, runner: SagaRunner): Promise<void> {
  await db
    .em()
    .getKysely()
    .executeQuery(
      CompiledQuery.raw(
        `update saga set lease_until = clock_timestamp() - interval '1 second' where lease_owner = $1`,
        [runner.id],
      ),
    );
}

/** Makes waits, backoffs and slow retries of unfinished sagas due at once: for a wait, its time has then passed. */
export async function skipTime(db: SagaDb, minutes: number): Promise<void> {
  const em = db.em();
  const move = `- $1::float8 * interval '1 minute'`;
  await em.getKysely().executeQuery(
    CompiledQuery.raw(
      `with moved as (update saga set next_run_at = next_run_at ${move} where finished_at is null returning id)
         update saga_step s set started_at = started_at ${move} from moved where s.saga_id = moved.id`,
      [minutes],
    ),
  );
}
