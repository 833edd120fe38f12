import type { MessageState } from './message-state.js';

/** What a carrier's status means to us and to a person. */
export interface ReceiptMeaning {
  state: MessageState;
  /** Kebab-case name of the trouble, the same for every carrier. Absent when there is none. */
  reason?: FailureReason;
  /** One sentence: what the sender can do about it. */
  nextStep?: string;
  /** False when the carrier used a word we don't know: worth an alert, never an exception. */
  recognised: boolean;
}

const NEXT_STEPS = {
  'queue-overflow': "The carrier's queue for this number was full. Wait a few minutes and send it again.",
  'account-suspended': 'The carrier has suspended the account. Ask your system provider to settle it with the carrier.',
  'unreachable-handset':
    'The phone is switched off or out of coverage. Send it again later, or reach the person another way.',
  'message-blocked':
    'The carrier blocked it, often because the person opted out. Do not send again unless they text START or ask you to.',
  'unknown-handset': 'No phone answers to this number. Check the number with the person.',
  'landline-or-unreachable-carrier':
    'The number may be a landline that cannot get texts, or its carrier is busy. Check the number, then try once more later.',
  'carrier-violation':
    "The carrier's filter refused the content. Reword it: no shortened links, nothing that looks like advertising.",
  'unknown-error': 'The carrier gave no cause. Send it once more; if it fails again, contact your system provider.',
  'missing-segment': 'Part of the message was lost on the way. Send it again, shorter if possible.',
  'price-limit':
    'Sending to this number costs more than the account allows. Ask your system provider to raise the limit.',
} as const;

export type FailureReason = keyof typeof NEXT_STEPS;

export const nextStepFor = (reason: FailureReason): string => NEXT_STEPS[reason];

/** Restcomm's MessageError: the number as the API gives it, the enum's name as callbacks do (carrier-restcomm §4.2, §4.3). */
const RESTCOMM_ERRORS: readonly (readonly [code: string, name: string, reason: FailureReason])[] = [
  ['30001', 'QUEUE_OVERFLOW', 'queue-overflow'],
  ['30002', 'ACCOUNT_SUSPENDED', 'account-suspended'],
  ['30003', 'UNREACHABLE_DESTINATION_HANDSET', 'unreachable-handset'],
  ['30004', 'MESSAGE_BLOCKED', 'message-blocked'],
  ['30005', 'UNKNOWN_DESTINATION_HANDSET', 'unknown-handset'],
  ['30006', 'LANDLINE_OR_UNREACHABLE_CARRIER', 'landline-or-unreachable-carrier'],
  ['30007', 'CARRIER_VIOLATION', 'carrier-violation'],
  ['30008', 'UNKNOWN_ERROR', 'unknown-error'],
  ['30009', 'MISSING_SEGMENT', 'missing-segment'],
  ['30010', 'MESSAGE_PRICE_EXCEEDS_MAX_PRICE', 'price-limit'],
  ['300010', 'MESSAGE_PRICE_EXCEEDS_MAX_PRICE', 'price-limit'],
];
const RESTCOMM_REASONS = new Map(
  RESTCOMM_ERRORS.flatMap(
    ([code, name, reason]) =>
      [
        [code, reason],
        [name, reason],
      ] as const,
  ),
);

const RESTCOMM_STATES: Readonly<Record<string, MessageState>> = {
  queued: 'accepted',
  sending: 'accepted',
  sent: 'sent',
  delivered: 'delivered',
  undelivered: 'undelivered',
  failed: 'failed',
};

/**
 * Meaning of a Restcomm status and error. `errorCode` may be the number, the enum's name, or absent. A failure without a
 * known code still gets a next step; an unknown word gives `unknown`.
 */
export function restcommReceipt(status: string, errorCode?: string | number | null): ReceiptMeaning {
  const known = RESTCOMM_STATES[status.trim().toLowerCase()];
  const state = known ?? 'unknown';
  const code = errorCode === undefined || errorCode === null ? '' : String(errorCode).trim().toUpperCase();
  const named = RESTCOMM_REASONS.get(code);
  const recognised = known !== undefined && (code === '' || named !== undefined);
  const unhappy = state === 'failed' || state === 'undelivered';
  if (!unhappy) return { state, recognised };
  const reason = named ?? 'unknown-error';
  return { state, reason, nextStep: nextStepFor(reason), recognised };
}
