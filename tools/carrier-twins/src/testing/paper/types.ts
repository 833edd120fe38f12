import { randomBytes } from 'node:crypto';
import type { TwinsOptions } from '../../options.js';

/** What faults, the journal and the control API call this carrier. */
export const KIND = 'paper';

export interface PaperSwitches {
  /** Receipts follow a message by themselves; otherwise only the control API sends them. */
  autoReceipts: boolean;
  sentDelayMs: number;
  deliveredDelayMs: number;
  /** Before a webhook that was not answered 2xx is repeated. */
  repeatDelayMs: number;
  /** Above 0: every message is answered 429 with this `retry-after`. */
  retryAfterSeconds: number;
}

export const defaultSwitches = ({ sentDelayMs = 50, deliveredDelayMs = 200 }: TwinsOptions): PaperSwitches => ({
  autoReceipts: true,
  sentDelayMs,
  deliveredDelayMs,
  repeatDelayMs: 50,
  retryAfterSeconds: 0,
});

export interface Account {
  account: string;
  status: 'active' | 'suspended';
  apiKey: string;
  apiSecret: string;
  /** What webhooks are signed under. */
  signingKey: string;
  webhookUrl: string | null;
}

export interface HeldNumber {
  /** Digits, no plus. */
  number: string;
  account: string;
  webhookUrl: string | null;
  label: string | null;
}

export type ReceiptStatus = 'sent' | 'delivered' | 'failed';

export interface Message {
  id: string;
  account: string;
  direction: 'inbound' | 'outbound';
  from: string;
  to: string;
  text: string;
  status: 'received' | 'accepted' | ReceiptStatus;
  code: string | null;
  callbackUrl: string | null;
}

export const newId = (prefix: string): string => `${prefix}-${randomBytes(12).toString('hex')}`;
