import { DelayLine } from '../delay-line.js';
import { Outgoing } from '../outgoing.js';
import type { RestcommStore } from './store.js';
import { KIND, type Message, MESSAGE_ERRORS, type MessageStatus } from './types.js';

/** Outcome by the last four digits of `To` (§10 "Magic numbers"). */
const OUTCOMES: Record<string, { status: MessageStatus; error: number }> = {
  '0003': { status: 'undelivered', error: 30003 },
  '0004': { status: 'failed', error: 30004 },
  '0006': { status: 'undelivered', error: 30006 },
  '0008': { status: 'failed', error: 30008 },
};

/**
 * sending → sent → delivered | undelivered | failed, each step posted once to the status callback (§4.2, §4.3). Delays are real
 * time: a frozen virtual clock holds jobs, not traffic.
 */
export class Lifecycle {
  private readonly lines = new Map<string, DelayLine<Message>>();
  private readonly callbacks: Outgoing;

  constructor(private readonly store: RestcommStore) {
    this.callbacks = new Outgoing(store.world.faults, KIND, 'messages.callback');
  }

  accepted(message: Message): void {
    this.line('sent', this.store.switches.sentDelayMs).push(message);
  }

  /** Messages without their last state. */
  get waiting(): number {
    let count = 0;
    for (const line of this.lines.values()) count += line.waiting;
    return count;
  }

  clear(): void {
    for (const line of this.lines.values()) line.clear();
    this.callbacks.clear();
  }

  private line(step: 'sent' | 'final', delayMs: number): DelayLine<Message> {
    const key = `${step}/${delayMs}`;
    let line = this.lines.get(key);
    if (!line) {
      line = new DelayLine<Message>(delayMs, (message) => (step === 'sent' ? this.sent(message) : this.final(message)));
      this.lines.set(key, line);
    }
    return line;
  }

  private sent(message: Message): void {
    const { switches } = this.store;
    const nowMs = this.store.world.clock.now();
    message.status = 'sent';
    message.date_sent = nowMs;
    message.date_updated = nowMs;
    this.store.world.changed();
    if (switches.noDlr) {
      void this.callback(message, 'sent');
      message.status_callback = null;
      return;
    }
    if (!switches.reorderCallbacks) void this.callback(message, 'sent');
    this.line('final', switches.deliveredDelayMs).push(message);
  }

  private final(message: Message): void {
    const outcome = OUTCOMES[message.to.slice(-4)];
    message.status = outcome?.status ?? 'delivered';
    message.error_code = outcome?.error ?? null;
    message.date_updated = this.store.world.clock.now();
    this.store.world.changed();
    const posted = this.callback(message, message.status);
    if (this.store.switches.reorderCallbacks) {
      const copy = { ...message };
      void posted.then(() => this.callback(copy, 'sent', null));
    }
    message.status_callback = null;
  }

  private async callback(message: Message, status: MessageStatus, errorCode = message.error_code): Promise<void> {
    const url = message.status_callback;
    if (url === null) return;
    const subject = {
      number: message.to,
      accountSid: message.account_sid,
      times: this.store.switches.duplicateCallbacks ? 2 : 1,
    };
    await this.callbacks.send(subject, async (latin1) => {
      await this.store.world.webhooks.post({
        carrier: KIND,
        kind: 'status-callback',
        messageSid: message.sid,
        method: 'POST',
        url,
        contentType: `application/x-www-form-urlencoded${latin1 ? '' : '; charset=UTF-8'}`,
        body: callbackForm(message, status, errorCode, latin1),
        timeoutMs: 6000,
      });
    });
  }
}

/** `Body` twice, and the error by its enum name (§4.3). */
function callbackForm(message: Message, status: MessageStatus, errorCode: number | null, latin1: boolean): string {
  const body = formValue(message.body, latin1);
  let form = `From=${formValue(message.from)}&To=${formValue(message.to)}&Body=${body}&AccountSid=${message.account_sid}`;
  form += `&MessageSid=${message.sid}&MessageStatus=${status}&Body=${body}`;
  return errorCode === null ? form : `${form}&ErrorCode=${MESSAGE_ERRORS[errorCode]?.name}`;
}

/** A form value in UTF-8, or in ISO-8859-1 with a question mark for whatever that lacks (§7.3). */
export function formValue(value: string, latin1 = false): string {
  if (!latin1) return encodeURIComponent(value.toWellFormed()).replaceAll('%20', '+');
  let encoded = '';
  for (const char of value) {
    const code = char.codePointAt(0)!;
    if (code > 255) encoded += '%3F';
    else if (/[A-Za-z0-9_.*-]/.test(char)) encoded += char;
    else if (char === ' ') encoded += '+';
    else encoded += `%${code.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}
