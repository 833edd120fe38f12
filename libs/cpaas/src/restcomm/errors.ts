/** What can go wrong at Restcomm alone. */
import { AppError } from '@strowger/kernel';

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
