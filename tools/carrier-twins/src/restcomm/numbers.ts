import type { RestcommStore } from './store.js';
import { type Call, empty, nationalDigits, type Reply, text } from '../wire.js';
import { isJavaUri, longDate, looksLikeSid, newSid, render, representationOf } from './format.js';
import { isReply, pagingOf, renderList } from './lists.js';
import { APPLICATION_FIELDS, CAPABILITY_FIELDS, METHOD_FIELDS, type NumberRow, URL_FIELDS } from './types.js';

/** One code for every cause: duplicate, unavailable, invalid, provider down (§3.3). */
const REFUSED: Reply = text(400, '21452');

export function listNumbers(store: RestcommStore, call: Call, accountSid: string): Reply {
  const paging = pagingOf(call);
  if (isReply(paging)) return paging;
  const phone = like(call.query.get('PhoneNumber'));
  const name = like(call.query.get('FriendlyName'));
  const rows = [...store.numbersWith(call.query.get('PhoneNumber'), accountSid)].filter(
    (row) => phone(row.phone_number) && name(row.friendly_name),
  );
  const sortBy = call.query.get('SortBy');
  // The two recognized values, and so the default, produce no ORDER BY; any other sorts by number (§3.1).
  if (sortBy !== null && sortBy !== 'PhoneNumber' && sortBy !== 'FriendlyName') {
    rows.sort((left, right) => (left.phone_number < right.phone_number ? -1 : 1));
    if (call.query.get('Reverse') === 'true') rows.reverse();
  }
  if (paging.page > Math.floor(rows.length / paging.pageSize)) return empty(400);
  const start = paging.page * paging.pageSize;
  const onPage = rows.slice(start, start + paging.pageSize);
  const items = onPage.map((row) => toWire(store, row, true));
  const shape = representationOf(call);
  if (store.switches.bareNumberList && shape.asJson) return render(shape, 'IncomingPhoneNumbers', items);
  return renderList(store, shape, paging, {
    key: 'incomingPhoneNumbers',
    tag: 'IncomingPhoneNumbers',
    uri: `/2012-04-24/Accounts/${accountSid}/IncomingPhoneNumbers`,
    withContext: false,
    total: rows.length,
    lastSid: onPage.at(-1)?.sid,
    items,
  });
}

export function getNumber(store: RestcommStore, call: Call, accountSid: string, sid: string): Reply {
  const row = find(store, accountSid, sid);
  return 'status' in row ? row : render(representationOf(call), 'IncomingPhoneNumber', toWire(store, row, false));
}

/** Register mode with `isSIP`, else buy mode (§3.3). 200, not 201. */
export function createNumber(store: RestcommStore, call: Call, accountSid: string): Reply {
  const { form } = call;
  const asked = form.get('PhoneNumber');
  const areaCode = form.get('AreaCode');
  if (asked === null && areaCode === null) return text(400, 'Phone number can not be null.');
  const isSip = form.get('isSIP');
  if (isSip === null && store.switches.didQuotaExceeded) {
    return text(403, '{"message":"DID purchase is now allowed for this account",\n"error":"DID_QUOTA_EXCEEDED"}');
  }
  const phone = asked ?? `+1${areaCode}555${String(1000 + (store.numbers.size % 9000))}`;
  const taken = isSip === null ? takenAnywhere(store, phone) : takenInOrganization(store, accountSid, phone);
  if (taken || (isSip === null && !/^[2-9]\d{9}$/.test(nationalDigits(phone)))) return REFUSED;
  const origin = isSip === null ? 'bought' : isSip === 'true' ? 'sip' : 'unprovided';
  const row = newNumber(accountSid, phone, origin, store.world.clock.now());
  row.friendly_name = form.get('FriendlyName') ?? phone;
  if (phone.length > 30 || !apply(row, form, 'create')) return empty(500);
  store.addNumber(row);
  store.world.changed();
  return render(representationOf(call), 'IncomingPhoneNumber', toWire(store, row, false));
}

/** Changes only what was sent; an empty URL or application clears it (§3.4). The application is not looked up. */
export function updateNumber(store: RestcommStore, call: Call, accountSid: string, sid: string): Reply {
  const row = find(store, accountSid, sid);
  if ('status' in row) return row;
  const copy = { ...row };
  if (!apply(copy, call.form, 'update')) return empty(500);
  if (row.origin === 'unprovided') return REFUSED;
  Object.assign(row, copy, { date_updated: store.world.clock.now() });
  store.world.changed();
  return render(representationOf(call), 'IncomingPhoneNumber', toWire(store, row, false));
}

export function deleteNumber(store: RestcommStore, accountSid: string, sid: string): Reply {
  const row = find(store, accountSid, sid);
  if ('status' in row) return row;
  store.removeNumber(row);
  store.world.changed();
  return empty(store.switches.deleteStatus);
}

/** Camel case and a bare array, unlike everything else (§3.6). */
export function listAvailable(call: Call): Reply {
  const area = call.query.get('AreaCode') ?? '201';
  if (!/^\d{3}$/.test(area)) return { status: 200, type: 'application/json', body: '[]' };
  const items = Array.from({ length: 5 }, (_unused, index) => ({
    friendlyName: `+1${area}555010${index}`,
    phoneNumber: `+1${area}555010${index}`,
    isoCountry: 'US',
    voiceCapable: true,
    smsCapable: true,
  }));
  return { status: 200, type: 'application/json', body: JSON.stringify(items, null, 2) };
}

export function newNumber(accountSid: string, phone: string, origin: NumberRow['origin'], nowMs: number): NumberRow {
  const all = <K extends string, V>(fields: readonly K[], value: V): Record<K, V> =>
    Object.fromEntries(fields.map((field) => [field, value])) as Record<K, V>;
  return {
    sid: newSid('PN'),
    account_sid: accountSid,
    friendly_name: phone,
    phone_number: phone,
    voice_caller_id_lookup: false,
    api_version: '2012-04-24',
    date_created: nowMs,
    date_updated: nowMs,
    origin,
    ...all(URL_FIELDS, null),
    ...all(METHOD_FIELDS, 'POST'),
    ...all(APPLICATION_FIELDS, null),
    ...all(CAPABILITY_FIELDS, false),
  };
}

/** Malformed sids and other people's numbers end in the catch-all: 500, empty (§1.2, §3.4). */
function find(store: RestcommStore, accountSid: string, sid: string): NumberRow | Reply {
  if (!looksLikeSid(sid)) return empty(500);
  const row = store.numbers.get(sid);
  if (!row) return empty(404);
  return row.account_sid === accountSid ? row : empty(500);
}

function takenInOrganization(store: RestcommStore, accountSid: string, phone: string): boolean {
  const { accounts } = store;
  const organization = accounts.get(accountSid)!.organization_sid;
  return store.numbersSpelled(phone).some((row) => accounts.get(row.account_sid)?.organization_sid === organization);
}

function takenAnywhere(store: RestcommStore, phone: string): boolean {
  return store.findNumber(phone) !== undefined;
}

/** SQL LIKE '%value%': case-blind, `%` and `_` are wild, an asterisk is an asterisk (§3.1). */
function like(value: string | null): (candidate: string) => boolean {
  if (value === null) return () => true;
  const pattern = value
    .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
    .replaceAll('%', '.*')
    .replaceAll('_', '.');
  const expression = new RegExp(pattern, 'is');
  return (candidate) => expression.test(candidate);
}

const parameter = (field: string): string =>
  field.replace(/(^|_)([a-z])/g, (_all, _bar, letter: string) => letter.toUpperCase());
const URLS = URL_FIELDS.map((field) => [field, parameter(field)] as const);
const METHODS = METHOD_FIELDS.map((field) => [field, parameter(field)] as const);
const APPLICATIONS = APPLICATION_FIELDS.map((field) => [field, parameter(field)] as const);
const CAPABILITIES = CAPABILITY_FIELDS.map((field) => [field, parameter(field)] as const);

/** False where Restcomm's own code throws or its database refuses. */
function apply(row: NumberRow, form: URLSearchParams, mode: 'create' | 'update'): boolean {
  for (const [field, name] of URLS) {
    const value = form.get(name);
    if (value === null) continue;
    if (!isJavaUri(value)) return false;
    row[field] = value === '' && mode === 'update' ? null : value;
  }
  for (const [field, name] of METHODS) {
    const value = form.get(name);
    if (value === null) continue;
    if (value.length > 4) return false;
    row[field] = value;
  }
  for (const [field, name] of APPLICATIONS) {
    const value = form.get(name);
    if (value === null) continue;
    if (value === '' && mode === 'update') row[field] = null;
    else if (looksLikeSid(value)) row[field] = value;
    else return false;
  }
  for (const [field, name] of CAPABILITIES) if (form.has(name)) row[field] = form.get(name) === 'true';
  if (form.has('VoiceCallerIdLookup')) row.voice_caller_id_lookup = form.get('VoiceCallerIdLookup') === 'true';
  if (form.has('FriendlyName')) row.friendly_name = form.get('FriendlyName')!;
  if (mode === 'create' && form.has('ApiVersion')) row.api_version = form.get('ApiVersion')!;
  return row.friendly_name.length <= 256;
}

/** All keys, nulls written out; the application's name is joined in lists only (§3.1, §3.2). */
export function toWire(store: RestcommStore, row: NumberRow, inList: boolean): Record<string, unknown> {
  const { utcOffsetMinutes } = store.switches;
  const wire: Record<string, unknown> = {
    sid: row.sid,
    account_sid: row.account_sid,
    friendly_name: row.friendly_name,
    phone_number: row.phone_number,
    voice_url: row.voice_url,
    voice_method: row.voice_method,
    voice_fallback_url: row.voice_fallback_url,
    voice_fallback_method: row.voice_fallback_method,
    status_callback: row.status_callback,
    status_callback_method: row.status_callback_method,
    voice_caller_id_lookup: row.voice_caller_id_lookup,
  };
  const application = (kind: 'voice' | 'sms' | 'ussd' | 'refer'): void => {
    const sid = row[`${kind}_application_sid`];
    wire[`${kind}_application_sid`] = sid;
    if (sid === null) return;
    wire[`${kind}_application_name`] = inList ? (store.applications.get(sid)?.friendly_name ?? null) : null;
  };
  application('voice');
  wire['date_created'] = longDate(row.date_created, utcOffsetMinutes);
  wire['date_updated'] = longDate(row.date_updated, utcOffsetMinutes);
  for (const kind of ['sms', 'ussd'] as const) {
    wire[`${kind}_url`] = row[`${kind}_url`];
    wire[`${kind}_method`] = row[`${kind}_method`];
    wire[`${kind}_fallback_url`] = row[`${kind}_fallback_url`];
    wire[`${kind}_fallback_method`] = row[`${kind}_fallback_method`];
    application(kind);
  }
  wire['refer_url'] = row.refer_url;
  wire['refer_method'] = row.refer_method;
  application('refer');
  wire['capabilities'] = Object.fromEntries(CAPABILITY_FIELDS.map((field) => [field, row[field]]));
  wire['api_version'] = row.api_version;
  wire['uri'] = store.uri(`/2012-04-24/Accounts/${row.account_sid}/IncomingPhoneNumbers/${row.sid}.json`);
  return wire;
}
