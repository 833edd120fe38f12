import { logger, stopTelemetry } from '@strowger/telemetry';

const log = logger('shutdown');
/** Orchestrators kill after 30 s; a line in the log beats a kill. */
const HARD_EXIT_MS = 25_000;

/** SIGTERM and SIGINT end the process in order; a stray error ends it at once, because its state can't be trusted. */
export function stopOnSignals(service: string, close: () => Promise<void>): void {
  let stopping = false;
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping) return;
    stopping = true;
    log.info({ service, signal }, 'signal-received');
    setTimeout(() => {
      log.error({ service, afterMs: HARD_EXIT_MS }, 'shutdown-timed-out');
      process.exit(1);
    }, HARD_EXIT_MS).unref();
    close()
      .then(stopTelemetry)
      .then(
        () => process.exit(0),
        (error: unknown) => {
          log.error({ service, err: error }, 'shutdown-failed');
          process.exit(1);
        },
      );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  const die =
    (event: string) =>
    (error: unknown): void => {
      log.fatal({ service, err: error }, event);
      process.exit(1);
    };
  process.on('uncaughtException', die('uncaught-exception'));
  process.on('unhandledRejection', die('unhandled-rejection'));
}
