/** What Paper sends by itself: messages from the mobile network, and receipts for what it was given. */
import { createHmac } from 'node:crypto';
import { Outgoing } from '../../outgoing.js';
import type { PaperStore } from './store.js';
import { type Account, KIND, type Message, newId, type ReceiptStatus } from './types.js';

/** `wrong`: under another key. `old`: ten minutes ago, signed well. `none`: without the header. */
export type Signing = 'right' | 'wrong' | 'old' | 'none';

export interface InboundInput {
  /** Default: the one that holds `to`. */
  account?: string;
  /** With or without a plus. */
  to: string;
  from: string;
  text: string;
  /** Default a new one. */
  id?: string;
  sign?: Signing;
  /** How often the same delivery is sent; default 1. */
  repeat?: number;
}

export interface DeliveryResult {
  id: string;
  /** True when an attempt was answered 2xx. */
  delivered: boolean;
  attempts: { status?: number; error?: string }[];
}

interface Delivery {
  account: Account;
  url: string | null;
  event: { type: 'message' | 'receipt'; id: string };
  /** Our side's number. */
  number: string;
  sign?: Signing;
  repeat?: number;
}

const OLD_SECONDS = 600;
const REPEATS = 3;
const LIMIT_MS = 5000;

export class Hooks {
  private readonly inbound: Outgoing;
  private readonly receipts: Outgoing;
  private readonly timers = new Set<NodeJS.Timeout>();

  constructor(private readonly store: PaperStore) {
    this.inbound = new Outgoing(store.world.faults, KIND, 'inbound.webhook');
    this.receipts = new Outgoing(store.world.faults, KIND, 'messages.receipt');
  }

  /** Receipts that are still to come. */
  get waiting(): number {
    return this.timers.size;
  }

  /** `sent`, then `delivered` or `failed`. Delays are real time: a frozen virtual clock does not stop traffic. */
  accepted(message: Message): void {
    const { sentDelayMs, deliveredDelayMs } = this.store.switches;
    this.after(sentDelayMs, () => {
      void this.receipt(message, 'sent');
      this.after(deliveredDelayMs, () => {
        if (message.to.endsWith('0004')) void this.receipt(message, 'failed', 'unreachable');
        else void this.receipt(message, 'delivered');
      });
    });
  }

  /** Resolves when the attempts are over. */
  async message(
    account: Account,
    message: Message,
    options: { sign?: Signing; repeat?: number },
  ): Promise<DeliveryResult> {
    const { id, from, to, text } = message;
    const url = this.store.numbers.get(to)?.webhookUrl ?? account.webhookUrl;
    const event = { type: 'message' as const, id, account: account.account, from, to, text };
    return this.send(this.inbound, { account, url, event, number: to, ...options });
  }

  async receipt(
    message: Message,
    status: ReceiptStatus,
    code?: string,
    options: { sign?: Signing; repeat?: number } = {},
  ): Promise<DeliveryResult> {
    const { id, from, to } = message;
    message.status = status;
    message.code = code ?? null;
    this.store.world.changed();
    const account = this.store.accounts.get(message.account)!;
    const event = { type: 'receipt' as const, id, account: account.account, status, code, from, to };
    const url = message.callbackUrl ?? this.store.numbers.get(from)?.webhookUrl ?? account.webhookUrl;
    return this.send(this.receipts, { account, url, event, number: to, ...options });
  }

  clear(): void {
    for (const timer of this.timers) clearTimeout(timer);
    this.timers.clear();
    this.inbound.clear();
    this.receipts.clear();
  }

  private after(delayMs: number, act: () => void): void {
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      act();
    }, delayMs);
    this.timers.add(timer);
  }

  private async send(outgoing: Outgoing, delivery: Delivery): Promise<DeliveryResult> {
    const { account, event, number, repeat } = delivery;
    const result: DeliveryResult = { id: event.id, delivered: false, attempts: [] };
    const deliveryId = newId('pd');
    const subject = { number, accountSid: account.account, times: repeat };
    await outgoing.send(subject, (garbled) => this.attempts(delivery, deliveryId, garbled, result));
    return result;
  }

  /** Once, and again three times while the answer is not 2xx. */
  private async attempts(
    { account, url, event, sign }: Delivery,
    deliveryId: string,
    garbled: boolean,
    result: DeliveryResult,
  ): Promise<void> {
    const body = Buffer.from(JSON.stringify(event), garbled ? 'latin1' : 'utf8');
    for (let repeats = 0; url !== null && repeats <= REPEATS; repeats += 1) {
      if (repeats > 0) await new Promise((resolve) => setTimeout(resolve, this.store.switches.repeatDelayMs));
      const { status, error } = await this.store.world.webhooks.post({
        carrier: KIND,
        kind: event.type,
        messageSid: event.id,
        method: 'POST',
        url,
        contentType: 'application/json',
        headers: { 'x-paper-delivery': deliveryId, ...signatureOf(account, body, sign) },
        body,
        timeoutMs: LIMIT_MS,
      });
      result.attempts.push({ status, error });
      if (status !== undefined && status >= 200 && status < 300) {
        result.delivered = true;
        return;
      }
    }
  }
}

/** Signed by real time, for the receiver compares with its own clock, not with the virtual one. */
function signatureOf(account: Account, body: Buffer, sign: Signing = 'right'): Record<string, string> {
  if (sign === 'none') return {};
  const seconds = Math.floor(Date.now() / 1000) - (sign === 'old' ? OLD_SECONDS : 0);
  const key = sign === 'wrong' ? `not ${account.signingKey}` : account.signingKey;
  const digest = createHmac('sha256', key).update(`${seconds}.`).update(body).digest('hex');
  return { 'x-paper-signature': `t=${seconds},v1=${digest}` };
}
