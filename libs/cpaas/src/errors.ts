/** What can go wrong at any carrier. */
import { AppError } from '@strowger/kernel';

/** The carrier refused account and secret. @param fields those of the credentials that it may be about */
export class PlatformCredentialsRefused extends AppError {
  constructor(platform: string, fields: readonly string[] = ['account', 'secret']) {
    const message = `${platform} refused the account and token. Copy both again from the ${platform} portal.`;
    super(
      'invalid',
      'platform-credentials-refused',
      message,
      { platform },
      { errors: fields.map((field) => ({ field, rule: 'credentials', message })) },
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
