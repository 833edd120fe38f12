import type { RestcommStore } from './store.js';
import { type Call, empty, nationalDigits, type Reply, text } from '../wire.js';
import {
  html500,
  isJavaUri,
  isoDate,
  localMidnight,
  longDate,
  looksLikeSid,
  newSid,
  render,
  representationOf,
} from './format.js';
import { isReply, pagingOf, renderList } from './lists.js';
import { type Message, MESSAGE_ERRORS } from './types.js';

const ENCODINGS = new Set(['GSM', 'UCS-2', 'UTF-8']);

/** Answers 200 with `sending`; the lifecycle decides what happens to the message (§4). */
export function sendMessage(store: RestcommStore, call: Call, accountSid: string): Reply {
  const { form } = call;
  const from = form.get('From');
  const to = form.get('To');
  const body = form.get('Body');
  if (from === null) return text(400, 'From can not be null.');
  if (to === null) return text(400, 'To can not be null.');
  if (body === null) return text(400, 'Body can not be null.');
  if (store.switches.smsLimitExceeded) {
    return text(403, '{"message":"SMS limit is exceeded for this account",\n"error":"SMS_LIMIT_EXCEEDED"}');
  }
  const callback = form.get('StatusCallback');
  if (callback !== null && !isJavaUri(callback)) return html500();
  if (!ENCODINGS.has(form.get('Encoding') ?? 'GSM')) return html500();
  const sending = { from, to, body };
  if (store.switches.normaliseAndTruncate) {
    const problem = normalize(sending, form.get('Encoding') ?? 'GSM');
    if (problem !== undefined) return text(400, problem);
  }
  if (body.length > 999 || from.length > 255 || to.length > 64 || to.endsWith('0500')) return html500();
  const nowMs = store.world.clock.now();
  const message: Message = {
    sid: newSid('SM'),
    account_sid: accountSid,
    ...sending,
    status: 'sending',
    direction: 'outbound-api',
    date_created: nowMs,
    date_updated: nowMs,
    date_sent: null,
    error_code: null,
    status_callback: callback,
    present: true,
  };
  store.addMessage(message);
  store.world.changed();
  store.lifecycle.accepted(message);
  const reply = render(representationOf(call), 'SMSMessage', toWire(store, message));
  if (to.endsWith('0504')) reply.withhold = true;
  return reply;
}

export function getMessage(store: RestcommStore, call: Call, accountSid: string, sid: string): Reply {
  if (!looksLikeSid(sid)) return html500();
  const message = store.message(sid);
  if (!message) return empty(404);
  if (message.account_sid !== accountSid) return empty(400);
  return render(representationOf(call), 'SMSMessage', toWire(store, message));
}

const SORTABLE: Record<string, (message: Message) => string | number> = {
  DateCreated: (message) => message.date_created,
  From: (message) => message.from,
  To: (message) => message.to,
  Direction: (message) => message.direction,
  Status: (message) => message.status,
  Body: (message) => message.body,
  Price: () => 0,
};

/** §4.4. `Status` filters the rows but not `total`. */
export function listMessages(store: RestcommStore, call: Call, accountSid: string): Reply {
  const { query } = call;
  const paging = pagingOf(call);
  if (isReply(paging)) return paging;
  const { utcOffsetMinutes } = store.switches;
  const startTime = query.get('StartTime');
  const endTime = query.get('EndTime');
  const since = startTime === null ? -Infinity : localMidnight(startTime, utcOffsetMinutes);
  const endDay = endTime === null ? Infinity : localMidnight(endTime, utcOffsetMinutes);
  if (since === undefined || endDay === undefined) return empty(400);
  const until = endDay + 86_400_000;
  const [sortField, sortOrder = 'asc'] = query.get('SortBy')?.split(':', 2) ?? [];
  if (sortField !== undefined && (!(sortField in SORTABLE) || !/^(asc|desc)$/i.test(sortOrder))) {
    return text(400, `{"message":"Invalid sort parameter ${query.get('SortBy')}"}`);
  }
  const accounts = accountsIn(store, accountSid, query.get('SubAccounts') === 'true');
  const to = query.get('To');
  const from = query.get('From');
  const contained = query.get('Body');
  const status = query.get('Status')?.toLowerCase() ?? null;
  // Newest first needs no sorting, so only one page of rows is kept of what may be half a million.
  const newestFirst = sortField === undefined || (sortField === 'DateCreated' && sortOrder.toLowerCase() === 'desc');
  const first = paging.page * paging.pageSize;
  const past = newestFirst ? first + paging.pageSize : Infinity;
  let rows: Message[] = [];
  let total = 0;
  let matching = 0;
  store.messages.eachNewestFirst((message) => {
    if (!message.present || !accounts.has(message.account_sid)) return;
    if (message.date_created < since || message.date_created > until) return;
    if (to !== null && !message.to.endsWith(to)) return;
    if (from !== null && !message.from.endsWith(from)) return;
    if (contained !== null && !message.body.includes(contained)) return;
    total += 1;
    if (status !== null && message.status !== status) return;
    if (!newestFirst || (matching >= first && matching < past)) rows.push(message);
    matching += 1;
  });
  if (paging.page > Math.floor(total / paging.pageSize)) return empty(400);
  if (!newestFirst) rows = sorted(rows, sortField!, sortOrder).slice(first, first + paging.pageSize);
  return renderList(store, representationOf(call), paging, {
    key: 'messages',
    tag: 'SMSMessages',
    uri: `/2012-04-24/Accounts/${accountSid}/SMS/Messages`,
    withContext: true,
    total,
    lastSid: rows.at(-1)?.sid,
    items: rows.map((message) => toWire(store, message)),
  });
}

function sorted(rows: Message[], field: string, order: string): Message[] {
  const key = SORTABLE[field]!;
  const sign = order.toLowerCase() === 'desc' ? -1 : 1;
  return rows.sort((left, right) => (key(left) < key(right) ? -sign : key(left) > key(right) ? sign : 0));
}

export function accountsIn(store: RestcommStore, accountSid: string, subAccounts: boolean): Set<string> {
  const found = new Set([accountSid]);
  if (!subAccounts) return found;
  for (const account of store.accounts.values()) {
    if (account.parent_sid !== null && found.has(account.parent_sid)) found.add(account.sid);
  }
  return found;
}

/**
 * What `normalize-numbers-for-outbound-calls=true` does (§4.1): more than 160 bytes keep the first 159 characters, and a text
 * that has the bytes but not the characters meets Java's own words. Returns the refusal.
 */
function normalize(message: { from: string; to: string; body: string }, encoding: string): string | undefined {
  for (const side of ['from', 'to'] as const) {
    const national = nationalDigits(message[side]);
    if (national.length !== 10) return 'The string supplied did not seem to be a phone number.';
    message[side] = `+1${national}`;
  }
  const bytes = encoding === 'UCS-2' ? message.body.length * 2 : Buffer.byteLength(message.body);
  if (bytes <= 160) return undefined;
  if (message.body.length < 159) return 'String index out of range: 159';
  message.body = message.body.slice(0, 159);
  return undefined;
}

/** Nulls are dropped unless the switch says otherwise (§4). */
export function toWire(store: RestcommStore, message: Message): Record<string, unknown> {
  const { utcOffsetMinutes, explicitNulls } = store.switches;
  const wire: Record<string, unknown> = {
    sid: message.sid,
    date_created: longDate(message.date_created, utcOffsetMinutes),
    date_updated: longDate(message.date_updated, utcOffsetMinutes),
  };
  if (message.date_sent !== null) wire['date_sent'] = isoDate(message.date_sent, utcOffsetMinutes);
  else if (explicitNulls) wire['date_sent'] = null;
  wire['account_sid'] = message.account_sid;
  wire['from'] = message.from;
  wire['to'] = message.to;
  wire['body'] = message.body;
  wire['status'] = message.status;
  wire['direction'] = message.direction;
  wire['price'] = '0';
  wire['price_unit'] = 'USD';
  wire['api_version'] = '2012-04-24';
  if (message.error_code !== null) {
    wire['error_code'] = message.error_code;
    wire['error_message'] = MESSAGE_ERRORS[message.error_code]?.message;
  } else if (explicitNulls) {
    wire['error_code'] = null;
    wire['error_message'] = null;
  }
  wire['uri'] = store.uri(`/2012-04-24/Accounts/${message.account_sid}/SMS/Messages/${message.sid}.json`);
  return wire;
}
