/**
 * Where an outbound message is (messaging-rules §9).
 *
 * - `queued` ours, waiting · `submitting` the carrier is being asked · `submitted-unknown` asked, no answer: it may have
 *   been taken · `accepted` the carrier has it · `sent` the carrier passed it on
 * - final: `delivered` · `undelivered` · `rejected` · `expired` · `unknown` (the receipt does not say) · `failed` ·
 *   `blocked` (by us: opt-out, block list, policy)
 */
export type MessageState =
  | 'queued'
  | 'submitting'
  | 'submitted-unknown'
  | 'accepted'
  | 'sent'
  | 'delivered'
  | 'undelivered'
  | 'rejected'
  | 'expired'
  | 'unknown'
  | 'failed'
  | 'blocked';

const FINAL = 9;
const RANK: Readonly<Record<MessageState, number>> = {
  queued: 0,
  submitting: 1,
  'submitted-unknown': 2,
  accepted: 3,
  sent: 4,
  delivered: FINAL,
  undelivered: FINAL,
  rejected: FINAL,
  expired: FINAL,
  unknown: FINAL,
  failed: FINAL,
  blocked: FINAL,
};

export const MESSAGE_STATES = Object.keys(RANK) as MessageState[];
export const isFinal = (state: MessageState): boolean => RANK[state] === FINAL;

/**
 * Whether `next` may replace `current`: only forwards, so receipts may come twice and in any order. A final state stays,
 * but for a late `delivered` after `unknown` or `expired`. Only what the carrier was not asked for yet can be `blocked`.
 * Back to `queued` after a definite refusal is a new attempt, not an advance.
 */
export function advance(current: MessageState, next: MessageState): boolean {
  if (isFinal(current)) return next === 'delivered' && (current === 'unknown' || current === 'expired');
  if (next === 'blocked') return current === 'queued';
  return RANK[next] > RANK[current];
}

const SMPP_STATES: Readonly<Record<string, MessageState>> = {
  DELIVRD: 'delivered',
  ACCEPTD: 'accepted',
  ENROUTE: 'accepted',
  EXPIRED: 'expired',
  DELETED: 'undelivered',
  UNDELIV: 'undelivered',
  REJECTD: 'rejected',
};

/** State of an SMPP receipt's `stat`; anything else is `unknown`, and the caller keeps the raw text. */
export const stateOfSmppStat = (stat: string): MessageState => SMPP_STATES[stat.trim().toUpperCase()] ?? 'unknown';
