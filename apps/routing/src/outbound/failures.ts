import type { MessageFailure } from '@strowger/contracts-routing';
import { nextStepFor } from '@strowger/sms';

/** Failures we find ourselves, in words for the sender. */
export const FAILURES = {
  'carrier-refused': (reason: string): MessageFailure => ({
    reason: 'carrier-refused',
    nextStep: `The carrier refused it: ${reason} Check the number and the text, then send it again.`,
  }),
  'carrier-unreachable': (): MessageFailure => ({
    reason: 'carrier-unreachable',
    nextStep:
      'The carrier could not be reached for too long. Send it again later; if it fails again, contact your system provider.',
  }),
  'number-released': (): MessageFailure => ({
    reason: 'number-released',
    nextStep: 'The number it was to be sent from is no longer assigned. Send it from another number.',
  }),
  'opted-out': (): MessageFailure => ({ reason: 'opted-out', nextStep: nextStepFor('message-blocked') }),
  'outcome-unknown': (): MessageFailure => ({
    reason: 'outcome-unknown',
    nextStep:
      'The carrier did not say whether it took the text. We go on looking; do not send it again unless the other party did not get it.',
  }),
} as const;
