import type { RestcommStore } from './store.js';
import { type Call, empty, redactUrl, type Reply } from '../wire.js';
import { html500, localMidnight, longDate, looksLikeSid, render, representationOf } from './format.js';
import { isReply, pagingOf, renderList } from './lists.js';
import { accountsIn } from './messages.js';
import type { Notification } from './types.js';

/** The only log of failed deliveries Restcomm has (§6.5). */
export function listNotifications(store: RestcommStore, call: Call, accountSid: string): Reply {
  const { query } = call;
  const paging = pagingOf(call);
  if (isReply(paging)) return paging;
  const { utcOffsetMinutes } = store.switches;
  const [startTime, endTime] = [query.get('StartTime'), query.get('EndTime')];
  const since = startTime === null ? -Infinity : localMidnight(startTime, utcOffsetMinutes);
  const endDay = endTime === null ? Infinity : localMidnight(endTime, utcOffsetMinutes);
  if (since === undefined || endDay === undefined) return empty(400);
  const [code, url, words] = [query.get('ErrorCode'), query.get('RequestUrl'), query.get('MessageText')];
  const rows = [...accountsIn(store, accountSid, query.get('SubAccounts') === 'true')]
    .flatMap((sid) => store.accounts.get(sid)?.notifications ?? [])
    .filter(
      (row) =>
        row.date_created >= since &&
        row.date_created <= endDay + 86_400_000 &&
        (code === null || String(row.error_code) === code) &&
        (url === null || row.request_url.includes(url)) &&
        (words === null || row.message_text.includes(words)),
    )
    .reverse();
  if (paging.page > Math.floor(rows.length / paging.pageSize)) return empty(400);
  const start = paging.page * paging.pageSize;
  const onPage = rows.slice(start, start + paging.pageSize);
  return renderList(store, representationOf(call), paging, {
    key: 'notifications',
    tag: 'Notifications',
    uri: `/2012-04-24/Accounts/${accountSid}/Notifications`,
    withContext: true,
    total: rows.length,
    lastSid: onPage.at(-1)?.sid,
    items: onPage.map((row) => toWire(store, row)),
  });
}

export function getNotification(store: RestcommStore, call: Call, accountSid: string, sid: string): Reply {
  if (!looksLikeSid(sid)) return html500();
  const row = store.accounts.get(accountSid)?.notifications.find((candidate) => candidate.sid === sid);
  return row ? render(representationOf(call), 'Notification', toWire(store, row)) : empty(404);
}

const TEXTS: Record<number, string> = {
  11001: 'Outbound request is not allowed',
  11100: 'Invalid URL format',
  11205: 'HTTP connection failure',
  11206: 'HTTP protocol violation',
  12003: 'No valid URL or application for the number',
  12100: 'Document parse failure',
  12300: 'Invalid content-type',
  14102: 'Invalid sender of a reply',
  14103: 'Invalid body of a reply',
  14110: 'Invalid verb for SMS reply',
};

/** Writes a failure into the account's log. The URL is kept without its secrets, which the real thing does not do. */
export function notify(
  store: RestcommStore,
  accountSid: string,
  code: number,
  request: { url: string; method: string; variables?: string; responseBody?: string },
): Notification | undefined {
  return store.notify({
    account_sid: accountSid,
    date_created: store.world.clock.now(),
    log: code === 11205 || code === 11206 || code === 11100 ? 0 : 1,
    error_code: code,
    message_text: TEXTS[code] ?? 'Error',
    request_url: redactUrl(request.url),
    request_method: request.method,
    request_variables: request.variables ?? '',
    response_headers: '',
    response_body: (request.responseBody ?? '').slice(0, 500),
  });
}

function toWire(store: RestcommStore, row: Notification): Record<string, unknown> {
  const date = longDate(row.date_created, store.switches.utcOffsetMinutes);
  return {
    sid: row.sid,
    date_created: date,
    date_updated: date,
    account_sid: row.account_sid,
    call_sid: null,
    api_version: '2012-04-24',
    log: row.log,
    error_code: row.error_code,
    more_info: `http://docs.telestax.com/errors/${row.error_code}.html`,
    message_text: row.message_text,
    message_date: date,
    request_url: row.request_url,
    request_method: row.request_method,
    request_variables: row.request_variables,
    response_headers: row.response_headers,
    response_body: row.response_body,
    uri: store.uri(`/2012-04-24/Accounts/${row.account_sid}/Notifications/${row.sid}.json`),
  };
}
