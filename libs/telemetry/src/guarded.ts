/**
 * An error in a listener, a timer or work that nobody waits for belongs to that one thing. Thrown past it, it would end
 * the process, and with it what everybody else is doing.
 */
import { logger } from './logger.js';
import { counter } from './metrics.js';

const log = logger('guarded');
const failures = counter(
  'strowger_listener_failures_total',
  'Listeners, timers and background work that threw, by name',
);

type Ending = (error: unknown) => void;

/**
 * The listener, made safe to hand to a socket, a subscription, an emitter or a timer: what it throws, or what the
 * promise it returns rejects with, is logged and counted.
 * @param end ends what the listener belongs to, where it can't go on: closes the socket, say
 */
export function guarded<A extends unknown[]>(
  name: string,
  listener: (...args: A) => unknown,
  end?: Ending,
): (...args: A) => void {
  return (...args) => {
    try {
      const result = listener(...args);
      if (result instanceof Promise) inBackground(name, result, end);
    } catch (error) {
      failed(name, error, end);
    }
  };
}

/** For work that nobody waits for: its failure is logged and counted. */
export function inBackground(name: string, work: Promise<unknown>, end?: Ending): void {
  work.catch((error: unknown) => failed(name, error, end));
}

function failed(name: string, error: unknown, end: Ending | undefined): void {
  failures.inc({ name });
  log.error({ listener: name, err: error }, 'listener-failed');
  if (!end) return;
  try {
    end(error);
  } catch (err) {
    log.error({ listener: name, err }, 'listener-not-ended');
  }
}
