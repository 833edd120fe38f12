import type { MessageFailure, MessageState } from '@strowger/contracts-routing';
import { advance, isFinal, nextStepFor, type MessageState as OutboundState } from '@strowger/sms';

/** The newest attempt of each part decides; this is what their states say of the whole message. */
export interface PartState {
  part: number;
  state: OutboundState;
}

const WORST_FIRST: readonly OutboundState[] = ['failed', 'rejected', 'undelivered', 'expired', 'unknown'];
const SLOWEST_FIRST: readonly OutboundState[] = ['queued', 'submitting', 'submitted-unknown', 'accepted', 'sent'];

/** Worst wins among ended parts; while one is under way, the slowest tells how far the message is. */
export function stateOfParts(parts: readonly PartState[]): OutboundState {
  const states = parts.map((part) => part.state);
  const worst = WORST_FIRST.find((state) => states.includes(state));
  if (states.every(isFinal)) return worst ?? 'delivered';
  // One part refused for good: the message can't arrive whole, whatever becomes of the others.
  if (worst && worst !== 'unknown') return worst;
  return SLOWEST_FIRST.find((state) => states.includes(state)) ?? 'accepted';
}

export const mayBecome = (current: MessageState, next: OutboundState): boolean =>
  advance(current as OutboundState, next);

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
