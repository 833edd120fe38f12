import { AppError } from '@strowger/kernel';

/** The carrier refused account and secret. */
export class PlatformCredentialsRefused extends AppError {
  constructor(platform: string) {
    const message = `${platform} refused the account and token. Copy both again from the ${platform} portal.`;
    super(
      'invalid',
      'platform-credentials-refused',
      message,
      { platform },
      {
        errors: [
          { field: 'account', rule: 'credentials', message },
          { field: 'secret', rule: 'credentials', message },
        ],
      },
    );
  }
}

/** The credentials are right, the account may not do this. */
export class PlatformAccountSuspended extends AppError {
  constructor(platform: string, reason?: string) {
    super(
      'conflict',
      'platform-account-suspended',
      `The ${platform} account is suspended, closed or lacks a permission. Ask ${platform} to activate it.`,
      { platform, ...(reason ? { reason } : {}) },
    );
  }
}

/** The application that numbers are bound to is not in the account. */
export class ConnectorApplicationMissing extends AppError {
  constructor(name: string, downloadUrl: string, caseVariant?: string) {
    const variant = caseVariant === undefined ? '' : ` There is one named '${caseVariant}': rename it.`;
    const message =
      `The authentication details are correct, but the ${name} application could not be found in the Restcomm platform. ` +
      `Please download the application from ${downloadUrl} and import into the Restcomm portal to create this application. ` +
      `Please ensure the new application is named exactly as '${name}'.${variant}`;
    super('invalid', 'connector-application-missing', message, { applicationName: name, downloadUrl, caseVariant });
  }
}

/** No usable answer; says nothing about the credentials. With `outcome: 'unknown'` a write may have been done. */
export class PlatformUnavailable extends AppError {
  constructor(platform: string, failure: string, options: { cause?: unknown; outcome?: 'unknown' } = {}) {
    const sentence =
      options.outcome === 'unknown'
        ? `${platform} did not answer in time; it is not known whether it did what was asked.`
        : `${platform} could not be reached or did not answer properly, so nothing could be checked. Try again in a few minutes.`;
    super('unavailable', 'platform-unavailable', sentence, { platform, failure }, options);
  }
}

/** The carrier asks for a pause. */
export class CarrierRateLimited extends AppError {
  constructor(platform: string, retryAfterSeconds: number, reason?: string) {
    super(
      'rate-limited',
      'carrier-rate-limited',
      `${platform} accepts no more messages from this account for the moment. It is tried again in ${retryAfterSeconds} seconds.`,
      { platform, ...(reason ? { reason } : {}) },
      { retryAfterSeconds },
    );
  }
}

/** A definite no to one request. `details.reason` is the carrier's, verbatim. */
export class CarrierRejected extends AppError {
  constructor(platform: string, status: number, reason: string, carrierCode?: string) {
    super('conflict', 'carrier-rejected', `${platform} refused: ${reason}`, { platform, status, reason, carrierCode });
  }
}

/** The carrier has the number on another account, which we cannot see. */
export class NumberHeldElsewhere extends AppError {
  constructor(platform: string, e164: string) {
    const message =
      `${platform} refused to add ${e164} (code 21452). It is not on this account, so another account of the same ` +
      `organization holds it. Remove it there, or ask ${platform}, then try again.`;
    super('conflict', 'number-held-elsewhere', message, { platform, e164, carrierCode: '21452' });
  }
}

/** The carrier's record of the number is gone. */
export class CarrierNumberMissing extends AppError {
  constructor(platform: string, sid: string) {
    super('not-found', 'carrier-number-missing', `${platform} no longer has the number.`, { platform, sid });
  }
}

/** The carrier said yes, yet the number reads back as not bound to our application. */
export class NumberBindingFailed extends AppError {
  constructor(platform: string, sid: string, expected: string, found: string | null) {
    const message = `${platform} accepted the settings, but the number is not bound to the application. Try again.`;
    super('conflict', 'number-binding-failed', message, { platform, sid, expected, found });
  }
}

/** The text needs more than the platform is set to carry in one request. */
export class MessageTooLong extends AppError {
  constructor(platform: string, limit: number) {
    const message = `The text is too long for one message on ${platform} (${limit}). Shorten it.`;
    super(
      'invalid',
      'message-too-long',
      message,
      { platform, limit },
      {
        errors: [{ field: 'text', rule: 'length', message }],
      },
    );
  }
}

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
