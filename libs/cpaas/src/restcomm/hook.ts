import { createHash } from 'node:crypto';
import type { HookFact } from '@strowger/contracts-ingestion';
import { bytesToText, parseForm } from '../form.js';
import type { CarrierHook, HookRequest, ParsedHook, UnreadableReason } from '../carrier.js';
import { carrierNumber, carrierText } from '../number-text.js';

/** Posts from the platform want XML with 200; the connector application reads JSON, if anything (carrier-restcomm §6.2, §7.4). */
const RCML = {
  status: 200,
  contentType: 'text/xml; charset=utf-8',
  body: '<?xml version="1.0" encoding="UTF-8"?><Response/>',
} as const;
const CONNECTOR = { status: 200, contentType: 'application/json; charset=utf-8', body: '{"status":"ok"}' } as const;

type Slot = 'sid' | 'account' | 'from' | 'to' | 'body' | 'messageStatus' | 'smsStatus' | 'status' | 'error';
const SLOTS = new Map<string, Slot>([
  ['smssid', 'sid'],
  ['messagesid', 'sid'],
  ['accountsid', 'account'],
  ['from', 'from'],
  ['to', 'to'],
  ['body', 'body'],
  ['messagestatus', 'messageStatus'],
  ['smsstatus', 'smsStatus'],
  ['status', 'status'],
  ['errorcode', 'error'],
]);

/** Fields of one message or receipt, by what they mean whatever they are called. */
interface Fields {
  values: Partial<Record<Slot, string>>;
  /** A field that may come once came twice with different values: somebody's text broke out of its field. */
  conflict?: Slot;
  damaged: boolean;
  connector: boolean;
}

function put(fields: Fields, name: string, value: string): void {
  let key = name.toLowerCase();
  if (key.startsWith('core_')) {
    key = key.slice(5);
    fields.connector = true;
  } else if (name === 'smsSid') fields.connector = true;
  const slot = SLOTS.get(key);
  if (slot === undefined || value === '') return;
  const present = fields.values[slot];
  if (present === undefined) fields.values[slot] = value;
  else if (present !== value) {
    // Receipts carry Body twice; the same text both times.
    if (slot === 'body') fields.damaged = true;
    else fields.conflict = slot;
  }
}

const empty = (): Fields => ({ values: {}, damaged: false, connector: false });

function fromForm(bytes: Buffer, fields = empty()): Fields {
  const form = parseForm(bytes);
  for (let i = 0; i < form.fields.length; i += 2) put(fields, form.fields[i]!, form.fields[i + 1]!);
  fields.damaged ||= form.damaged;
  return fields;
}

function fromJson(element: unknown): Fields | undefined {
  if (typeof element !== 'object' || element === null || Array.isArray(element)) return undefined;
  const fields = empty();
  fields.connector = true;
  for (const [name, value] of Object.entries(element)) {
    for (const one of Array.isArray(value) ? (value as unknown[]) : [value])
      if (typeof one === 'string' || typeof one === 'number') put(fields, name, String(one));
  }
  return fields;
}

type Outcome = { fact: HookFact } | { reason: UnreadableReason; detail: string };

/** The one place that says what a delivery means (carrier-restcomm §4.3, §6.1, §7.4). */
function factOf({ values, conflict, damaged, connector }: Fields, receivedAt: Date): Outcome {
  const { sid, account, from, to, body = '' } = values;
  if (conflict) return { reason: 'conflicting-fields', detail: conflict };
  const status = values.messageStatus ?? values.smsStatus ?? values.status;
  // Other platforms of the family put `received` on what arrives; that is no receipt.
  if (status !== undefined && status.toLowerCase() !== 'received') {
    if (!sid || !account) return { reason: 'missing-fields', detail: lacking({ sid, account }) };
    const receipt: HookFact = { type: 'receipt.received', carrierMessageId: sid, status };
    if (values.error !== undefined) receipt.errorCode = values.error;
    if (from !== undefined) receipt.from = carrierNumber(from);
    if (to !== undefined) receipt.to = carrierNumber(to);
    return { fact: receipt };
  }
  if (!account || !from || !to) return { reason: 'missing-fields', detail: lacking({ account, from, to }) };
  const fact: HookFact = {
    type: 'message.received',
    carrierMessageId: sid ?? fingerprint(account, from, to, body, receivedAt),
    from: carrierNumber(from),
    to: carrierNumber(to),
    text: carrierText(body),
    carrierAccountId: account,
  };
  if (!sid) fact.fingerprint = true;
  else if (damaged || (connector ? LOST : BROKEN).test(fact.text)) fact.suspectEncoding = true;
  return { fact };
}

/** What a wrong encoding leaves behind: replacement characters, and C1 controls of bytes that were no ISO-8859-1. */
const BROKEN = /[\ufffd\u0080-\u009f]/;
/** A connector application may have written question marks for what ISO-8859-1 lacks (§7.3); Restcomm's own posts are UTF-8. */
const LOST = /[?\ufffd\u0080-\u009f]/;

const lacking = (fields: Record<string, string | undefined>): string =>
  Object.keys(fields)
    .filter((name) => !fields[name])
    .join(', ');

/** Without an id, the same text between the same numbers within half a minute is one message (§7.4). */
function fingerprint(account: string, from: string, to: string, body: string, receivedAt: Date): string {
  const bucket = Math.floor(receivedAt.getTime() / 30_000);
  const hash = createHash('sha256').update([account, carrierNumber(from), carrierNumber(to), body, bucket].join('\0'));
  return `fp-${hash.digest('hex').slice(0, 32)}`;
}

/** Restcomm signs nothing: the token in the address is the only proof (carrier-restcomm §6.1). */
export const restcommHook: CarrierHook = {
  bodyLimitBytes: 256 * 1024,
  headers: [],
  read: (request) => parseRestcommHook(request),
  reply: RCML,
};

/** Reads any delivery of Restcomm's: form, JSON or query; messages and receipts. Never throws, never guesses field boundaries. */
export function parseRestcommHook({ method, contentType = '', query, rawBody, receivedAt }: HookRequest): ParsedHook {
  const reader = readerFor(method, contentType, rawBody);
  if (reader === 'unsupported')
    return {
      facts: [],
      unreadable: { reason: 'unsupported-content-type', detail: contentType.slice(0, 100) },
      reply: RCML,
    };

  if (reader === 'json') {
    let parsed: unknown;
    try {
      parsed = JSON.parse(bytesToText(rawBody));
    } catch {
      return { facts: [], unreadable: { reason: 'broken-json' }, reply: CONNECTOR };
    }
    const elements: unknown[] = Array.isArray(parsed) ? parsed : [parsed];
    if (elements.length === 0) return { facts: [], unreadable: { reason: 'empty' }, reply: CONNECTOR };
    const parsedHook: ParsedHook = { facts: [], reply: CONNECTOR };
    for (const [index, element] of elements.entries()) {
      const fields = fromJson(element);
      const outcome: Outcome = fields
        ? factOf(fields, receivedAt)
        : { reason: 'missing-fields', detail: 'not an object' };
      if ('fact' in outcome) parsedHook.facts.push(outcome.fact);
      else {
        const detail = elements.length > 1 ? `element ${index}: ${outcome.detail}` : outcome.detail;
        parsedHook.unreadable ??= { reason: outcome.reason, detail };
      }
    }
    return parsedHook;
  }

  const fields = reader === 'form' ? fromForm(rawBody) : empty();
  // The URL's own parameters (POST) only fill gaps; with GET they are all there is.
  if (query !== '') fillGaps(fields, fromForm(Buffer.from(query)), reader !== 'form');
  const reply = fields.connector ? CONNECTOR : RCML;
  if (Object.keys(fields.values).length === 0 && rawBody.length === 0)
    return { facts: [], unreadable: { reason: 'empty' }, reply };
  const outcome = factOf(fields, receivedAt);
  return 'fact' in outcome ? { facts: [outcome.fact], reply } : { facts: [], unreadable: outcome, reply };
}

function fillGaps(fields: Fields, extra: Fields, wholly: boolean): void {
  fields.values = { ...extra.values, ...fields.values };
  fields.connector ||= extra.connector;
  if (!wholly) return;
  fields.damaged ||= extra.damaged;
  fields.conflict ??= extra.conflict;
}

/** By content type; a body that begins like JSON is JSON whatever its type says, for no form begins so. */
function readerFor(method: string, contentType: string, body: Buffer): 'form' | 'json' | 'query' | 'unsupported' {
  if (method === 'GET' || body.length === 0) return 'query';
  const type = contentType.split(';', 1)[0]!.trim().toLowerCase();
  if (type.endsWith('/json') || type.endsWith('+json')) return 'json';
  let first = 0;
  while (first < body.length && body[first]! <= 0x20) first++;
  if (body[first] === 0x7b || body[first] === 0x5b) return 'json';
  return type === '' || type === 'application/x-www-form-urlencoded' || type === 'text/plain' ? 'form' : 'unsupported';
}
