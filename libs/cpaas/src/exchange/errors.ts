/** What can go wrong at Message Exchange (carrier-message-exchange §6). */
import { AppError } from '@strowger/kernel';

const EXCHANGE = 'Message Exchange';

/** A definite no; `details.reason` is verbatim and shown to people. */
export class ExchangeRejected extends AppError {
  constructor(reason: string, details: { status?: number; exchangeCode?: string } = {}) {
    super('conflict', 'exchange-rejected', `${EXCHANGE} refused: ${reason}`, { reason, ...details });
  }
}
/** The exchange knows the number already, or a job for it still runs. */
export class ExchangeAlreadyExists extends AppError {
  constructor(reason: string) {
    super('conflict', 'exchange-already-exists', `${EXCHANGE} already has the number.`, { reason });
  }
}
export class ExchangeUnauthorized extends AppError {
  constructor() {
    const message = `${EXCHANGE} refused the token. Check the Message Exchange token of the platform.`;
    super(
      'invalid',
      'exchange-unauthorized',
      message,
      {},
      {
        errors: [{ field: 'messageExchangeToken', rule: 'credentials', message }],
      },
    );
  }
}
export class ExchangeJobNotFound extends AppError {
  constructor(jobId: string) {
    super('not-found', 'exchange-job-not-found', `${EXCHANGE} does not know the job.`, { jobId });
  }
}
export class ExchangeRateLimited extends AppError {
  constructor(retryAfterSeconds: number) {
    const message = `${EXCHANGE} asks for a pause of ${retryAfterSeconds} seconds.`;
    super('rate-limited', 'exchange-rate-limited', message, {}, { retryAfterSeconds });
  }
}
/** Not applied, definitely or probably. */
export class ExchangeUnavailable extends AppError {
  constructor(failure: string, cause?: unknown) {
    const message = `${EXCHANGE} could not be reached or did not answer properly. Try again in a few minutes.`;
    super('unavailable', 'exchange-unavailable', message, { failure }, { cause });
  }
}
/** Asked, no readable answer: it may have been done. Look the number up. */
export class ExchangeAmbiguous extends AppError {
  constructor(failure: string, cause?: unknown) {
    const message = `${EXCHANGE} did not answer in time; it is not known whether it took the number.`;
    super('unavailable', 'exchange-ambiguous', message, { failure }, { cause, outcome: 'unknown' });
  }
}
