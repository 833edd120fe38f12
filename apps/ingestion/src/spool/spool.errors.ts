import { AppError } from '@strowger/kernel';

/** The spool holds as much as it may; the carrier should send again later. */
export class SpoolFull extends AppError {
  constructor() {
    super(
      'unavailable',
      'spool-full',
      'Deliveries can’t be stored right now. Try again shortly.',
      {},
      { retryAfterSeconds: 10 },
    );
  }
}

/** The disk refuses writes. */
export class SpoolFailing extends AppError {
  constructor(cause?: unknown) {
    super(
      'unavailable',
      'spool-failing',
      'Deliveries can’t be stored right now. Try again shortly.',
      {},
      { cause, retryAfterSeconds: 10 },
    );
  }
}

/** Two processes on one folder would delete each other's deliveries. */
export class SpoolInUse extends Error {
  constructor(directory: string, pid: number) {
    super(`The spool folder ${directory} is in use by process ${pid}. Give each instance its own SPOOL_DIR.`);
    this.name = 'SpoolInUse';
  }
}
