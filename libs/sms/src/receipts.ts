/** What carriers' receipts mean to a person; each carrier has its own words for it. */
import type { MessageState } from './message-state.js';

/** What a carrier's status means to us and to a person. */
export interface ReceiptMeaning {
  state: MessageState;
  /** Kebab-case name of the problem, the same for every carrier. Absent when there is none. */
  reason?: FailureReason;
  /** One sentence: what the sender can do about it. */
  nextStep?: string;
  /** False when the carrier used a word we don't know: worth an alert, never an exception. */
  recognized: boolean;
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
