/** Restcomm's words on messages we sent (carrier-restcomm §4.2, §4.3). */
import { type FailureReason, type MessageState, nextStepFor, type ReceiptMeaning } from '@strowger/sms';

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
  const code = String(errorCode ?? '')
    .trim()
    .toUpperCase();
  const named = RESTCOMM_REASONS.get(code);
  const recognized = known !== undefined && (code === '' || named !== undefined);
  const unhappy = state === 'failed' || state === 'undelivered';
  if (!unhappy) return { state, recognized };
  const reason = named ?? 'unknown-error';
  return { state, reason, nextStep: nextStepFor(reason), recognized };
}
