import { ControlError } from '../control/table.js';
import { Outgoing } from '../outgoing.js';
import type { Posted } from '../webhooks.js';
import { newSid } from './format.js';
import type { RestcommStore } from './store.js';
import { formValue } from './lifecycle.js';
import { notify } from './notifications.js';
import { readRcml } from './rcml.js';
import { type ConnectorMode, KIND, type Message, type NumberRow } from './types.js';

export interface InboundInput {
  /** Default: the one that holds `to`. */
  accountSid?: string;
  to: string;
  from: string;
  body: string;
  smsSid?: string;
  /** How often the webhook is posted, for the same message; default 1. */
  repeat?: number;
  /** Stored without a webhook: only the message list knows. */
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

/** An SMS from the mobile network: stored first, then one webhook attempt, then the fallback once, then never again (§6). */
export class Inbound {
  private readonly hooks: Outgoing;

  constructor(private readonly store: RestcommStore) {
    this.hooks = new Outgoing(store.world.faults, KIND, 'inbound.webhook');
  }

  /** Throws ControlError 404 when no account holds the number. */
  holder(to: string, accountSid?: string): NumberRow {
    const row = this.store.findNumber(to, accountSid);
    if (!row) throw new ControlError(404, `No account holds the number ${to}`);
    return row;
  }

  async receive(input: InboundInput): Promise<InboundResult> {
    const row = this.holder(input.to, input.accountSid);
    const message = this.messageOf(row, input);
    const result: InboundResult = { smsSid: message.sid, delivered: false, attempts: [], notifications: [] };
    if (input.noWebhook) return result;
    if (input.delayMs) await new Promise((resolve) => setTimeout(resolve, input.delayMs));
    const target = this.target(row, input.connectorMode);
    if (target.url === null) {
      this.note(result, message, 12003, '', target.method);
      return result;
    }
    const subject = { number: input.to, accountSid: row.account_sid, times: input.repeat };
    const sent = await this.hooks.send(subject, (latin1) => this.attempt(message, target, result, latin1));
    if (!sent) this.note(result, message, 11205, target.url, target.method);
    return result;
  }

  clear(): void {
    this.hooks.clear();
  }

  private messageOf(row: NumberRow, input: InboundInput): Message {
    const known = input.smsSid === undefined ? undefined : this.store.message(input.smsSid);
    if (known) return known;
    const nowMs = this.store.world.clock.now();
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
    this.store.addMessage(message);
    this.store.world.changed();
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
    const app = this.store.applications.get(row.sms_application_sid);
    if (!app) {
      if (this.store.switches.inboundPath === 'sip') target.url = null;
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
    return this.store.world.webhooks.post({
      carrier: KIND,
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
    const nowMs = this.store.world.clock.now();
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
    this.store.addMessage(message);
    this.store.lifecycle.accepted(message);
  }

  /** Visual Designer: 5 s, no retry, and our errors end as a `<Hangup>`, whose only trace is 14110 (§7.2). */
  private async throughConnector(
    message: Message,
    target: Target,
    mode: ConnectorMode,
    result: InboundResult,
  ): Promise<void> {
    const posted = await this.store.world.webhooks.post({
      carrier: KIND,
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
    notify(this.store, message.account_sid, code, {
      url,
      method,
      variables: `SmsSid=${message.sid}`,
      responseBody: body,
    });
    this.store.world.changed();
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
