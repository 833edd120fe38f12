import { AppError } from '@strowger/kernel';
import { MAX_TEXT_LENGTH } from '@strowger/sms';

export class NumberNotOwned extends AppError {
  constructor(e164: string | undefined) {
    const message =
      e164 === undefined
        ? 'You have no active number to send from. Ask your administrator to add one.'
        : `${e164} is not one of the user's active numbers.`;
    super(
      'invalid',
      'number-not-owned',
      message,
      { number: e164 },
      { errors: [{ field: 'from', rule: 'owned', message }] },
    );
  }
}
export class SenderRequired extends AppError {
  constructor(owned: string[]) {
    const message = `Say which number it is sent from: ${owned.join(', ')}.`;
    super(
      'invalid',
      'sender-required',
      message,
      { numbers: owned },
      { errors: [{ field: 'from', rule: 'required', message }] },
    );
  }
}
export class TextTooLong extends AppError {
  constructor(length: number) {
    const message = `The text has ${length} characters; at most ${MAX_TEXT_LENGTH} can be sent.`;
    super(
      'invalid',
      'text-too-long',
      message,
      { length, most: MAX_TEXT_LENGTH },
      { errors: [{ field: 'text', rule: 'max-length', message }] },
    );
  }
}
export class NotLicensed extends AppError {
  constructor() {
    super('conflict', 'not-licensed', 'The user has no license that includes messaging. Assign one, then send again.');
  }
}
export class SmsNotAvailable extends AppError {
  constructor() {
    super('conflict', 'sms-not-available', 'SMS is switched off for this platform. Ask your system provider.');
  }
}
/** Refused before it reaches the carrier (messaging-rules §6). */
export class OptedOut extends AppError {
  constructor(remote: string) {
    super(
      'conflict',
      'opted-out',
      `${remote} has opted out of texts from this number. They can opt in again by texting START.`,
      { remote },
    );
  }
}
export class RemoteBlocked extends AppError {
  constructor(remote: string) {
    super('conflict', 'remote-blocked', `You have blocked ${remote}. Unblock it to send.`, { remote });
  }
}
export class MessageNotRetryable extends AppError {
  constructor(state: string) {
    super(
      'conflict',
      'message-not-retryable',
      `Only a message that failed can be sent again; this one is '${state}'.`,
      { state },
    );
  }
}
