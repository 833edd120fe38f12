import { isLoss } from '../faults.js';
import type { Posted } from '../webhooks.js';
import type { World } from '../world.js';
import { newSid } from '../wire.js';
import { formValue } from './lifecycle.js';
import { notify } from './notifications.js';
import { readRcml } from './rcml.js';
import type { ConnectorMode, Message, NumberRow } from './types.js';

export interface InboundInput {
  /** Default: whoever holds `to`. */
  accountSid?: string;
  to: string;
  from: string;
  body: string;
  smsSid?: string;
  /** How often the webhook is posted, for the same message; default 1. */
  repeat?: number;
  /** Stored, but nobody is told: only the message list knows. */
  noWebhook?: boolean;
  /** Through a Visual Designer project, whatever the application says. */
  connectorMode?: ConnectorMode;
  /** Before the webhook. */
  delayMs?: number;
}

export interface InboundDelivery {
  kind: 'inbound' | 'fallback' | 'connector';
  status?: number;
  error?: string;
  /** As Restcomm counts: 200 and `<Response>` XML. A connector counts any answer below 400. */
  ok: boolean;
}

export interface InboundResult {
  smsSid: string;
  /** True when a webhook attempt succeeded. */
  delivered: boolean;
  attempts: InboundDelivery[];
  /** Error codes written to the notifications log (§6.5). */
  notifications: number[];
}

interface Target {
  url: string | null;
  method: 'GET' | 'POST';
  fallbackUrl: string | null;
  fallbackMethod: 'GET' | 'POST';
  connector: ConnectorMode | null;
}

const WEBHOOK_LIMIT_MS = 6000;
const CONNECTOR_LIMIT_MS = 5000;
const FORM = 'application/x-www-form-urlencoded';

/** Nobody on this platform holds the number. */
export class NumberNotKnown extends Error {
  constructor(readonly number: string) {
    super(`No account holds the number ${number}`);
  }
}

/** An SMS from the mobile network: stored first, then one webhook attempt, then the fallback once, then never again (§6). */
export class Inbound {
  private readonly held: (() => Promise<void>)[] = [];

  constructor(private readonly world: World) {}

  async receive(input: InboundInput): Promise<InboundResult> {
    const row = this.world.restcomm.findNumber(input.to, input.accountSid);
    if (!row) throw new NumberNotKnown(input.to);
    const message = this.store(row, input);
    const result: InboundResult = { smsSid: message.sid, delivered: false, attempts: [], notifications: [] };
    if (input.noWebhook) return result;
    if (input.delayMs) await new Promise((resolve) => setTimeout(resolve, input.delayMs));
    const target = this.target(row, input.connectorMode);
    if (target.url === null) {
      this.note(result, message, 12003, '', target.method);
      return result;
    }
    const fault = this.world.faults.takeOutgoing('inbound.webhook', input.to, row.account_sid);
    if (fault && isLoss(fault)) {
      this.note(result, message, 11205, target.url, target.method);
      return result;
    }
    const latin1 = fault?.do === 'wrong-charset';
    if (fault?.do === 'delay') await new Promise((resolve) => setTimeout(resolve, fault.delayMs ?? 1000));
    if (fault?.do === 'reorder') {
      this.held.push(() => this.attempt(message, target, result, latin1));
      return result;
    }
    const times = (input.repeat ?? 1) + (fault?.do === 'duplicate' ? 1 : 0);
    for (let count = 0; count < times; count += 1) await this.attempt(message, target, result, latin1);
    for (const held of this.held.splice(0)) await held();
    return result;
  }

  clear(): void {
    this.held.length = 0;
  }

  private store(row: NumberRow, input: InboundInput): Message {
    const known = input.smsSid === undefined ? undefined : this.world.restcomm.message(input.smsSid);
    if (known) return known;
    const nowMs = this.world.clock.now();
    const message: Message = {
      sid: input.smsSid ?? newSid('SM'),
      account_sid: row.account_sid,
      from: input.from,
      to: input.to,
      body: input.body,
      status: 'received',
      direction: 'inbound',
      date_created: nowMs,
      date_updated: nowMs,
      date_sent: null,
      error_code: null,
      status_callback: null,
      present: true,
    };
    this.world.restcomm.addMessage(message);
    this.world.changed();
    return message;
  }

  /** The application's URL wins over the number's, but method and fallback stay the number's (§3.4). */
  private target(row: NumberRow, connectorMode: ConnectorMode | undefined): Target {
    const target: Target = {
      url: row.sms_url,
      method: row.sms_method === 'GET' ? 'GET' : 'POST',
      fallbackUrl: row.sms_fallback_url,
      fallbackMethod: row.sms_fallback_method === 'GET' ? 'GET' : 'POST',
      connector: null,
    };
    if (row.sms_application_sid === null) return target;
    const app = this.world.restcomm.applications.get(row.sms_application_sid);
    if (!app) {
      if (this.world.switches.inboundPath === 'sip') target.url = null;
      return target;
    }
    target.connector = connectorMode ?? app.connector_mode;
    target.url = target.connector === null ? app.rcml_url : (app.connector_url ?? app.rcml_url);
    return target;
  }

  private async attempt(message: Message, target: Target, result: InboundResult, latin1: boolean): Promise<void> {
    if (target.connector !== null) return this.throughConnector(message, target, target.connector, result);
    const first = await this.post(message, 'inbound', target.url!, target.method, latin1);
    if (this.judge(message, 'inbound', target.url!, target.method, first, result)) return;
    if (target.fallbackUrl === null || !failedOnTheWire(first)) return;
    const second = await this.post(message, 'fallback', target.fallbackUrl, target.fallbackMethod, latin1);
    this.judge(message, 'fallback', target.fallbackUrl, target.fallbackMethod, second, result);
  }

  private post(
    message: Message,
    kind: 'inbound' | 'fallback',
    url: string,
    method: 'GET' | 'POST',
    latin1: boolean,
  ): Promise<Posted> {
    return this.world.webhooks.post({
      kind,
      messageSid: message.sid,
      method,
      url,
      contentType: latin1 ? FORM : `${FORM}; charset=UTF-8`,
      body: fields(message, latin1),
      timeoutMs: WEBHOOK_LIMIT_MS,
    });
  }

  /** §6.2: 200 exactly, a markup content type, well-formed XML under `<Response>`. */
  private judge(
    message: Message,
    kind: 'inbound' | 'fallback',
    url: string,
    method: string,
    posted: Posted,
    result: InboundResult,
  ): boolean {
    const attempt: InboundDelivery = { kind, status: posted.status, error: posted.error, ok: false };
    result.attempts.push(attempt);
    const fail = (code: number): false => {
      this.note(result, message, code, url, method, posted.body);
      return false;
    };
    if (posted.error === 'bad-url') return fail(11100);
    if (posted.error) return fail(11205);
    if (posted.status !== 200) return fail(11206);
    if (!/text\/xml|application\/xml|text\/html/i.test(posted.contentType)) return fail(12300);
    const rcml = readRcml(posted.body);
    if (!rcml) return fail(12100);
    for (const code of rcml.problems) this.note(result, message, code, url, method, posted.body);
    for (const reply of rcml.replies) this.reply(message, reply);
    attempt.ok = true;
    result.delivered = true;
    return true;
  }

  private reply(inbound: Message, reply: { to?: string; from?: string; body: string }): void {
    const nowMs = this.world.clock.now();
    const message: Message = {
      ...inbound,
      sid: newSid('SM'),
      from: reply.from ?? inbound.to,
      to: reply.to ?? inbound.from,
      body: reply.body,
      status: 'sending',
      direction: 'outbound-reply',
      date_created: nowMs,
      date_updated: nowMs,
    };
    this.world.restcomm.addMessage(message);
    this.world.lifecycle.accepted(message);
  }

  /** Visual Designer: 5 s, no retry, and our errors end as a `<Hangup>`, whose only trace is 14110 (§7.2). */
  private async throughConnector(
    message: Message,
    target: Target,
    mode: ConnectorMode,
    result: InboundResult,
  ): Promise<void> {
    const posted = await this.world.webhooks.post({
      kind: 'connector',
      messageSid: message.sid,
      method: mode === 'get' ? 'GET' : 'POST',
      url: target.url!,
      contentType: mode === 'json' ? 'application/json' : FORM,
      body: mode === 'json' ? jsonTemplate(message) : fields(message, mode === 'form-latin1'),
      timeoutMs: CONNECTOR_LIMIT_MS,
    });
    const ok = posted.error === undefined && posted.status! < 400;
    result.attempts.push({ kind: 'connector', status: posted.status, error: posted.error, ok });
    result.delivered ||= ok;
    if (!ok) this.note(result, message, 14110, target.url!, target.method, posted.body);
  }

  private note(result: InboundResult, message: Message, code: number, url: string, method: string, body = ''): void {
    result.notifications.push(code);
    notify(this.world, message.account_sid, code, {
      url,
      method,
      variables: `SmsSid=${message.sid}`,
      responseBody: body,
    });
    this.world.changed();
  }
}

const failedOnTheWire = (posted: Posted): boolean => posted.error !== undefined || posted.status !== 200;

/** Five fields and no more (§6.1). */
function fields(message: Message, latin1: boolean): string {
  const value = (text: string): string => formValue(text, latin1);
  return (
    `SmsSid=${message.sid}&AccountSid=${message.account_sid}&From=${value(message.from)}` +
    `&To=${value(message.to)}&Body=${value(message.body)}`
  );
}

/** Plain search and replace: quotes and newlines in the text break the JSON, as they do there (§7.3). */
const jsonTemplate = (message: Message): string =>
  `{"SmsSid":"${message.sid}","AccountSid":"${message.account_sid}",` +
  `"From":"${message.from}","To":"${message.to}","Body":"${message.body}"}`;
