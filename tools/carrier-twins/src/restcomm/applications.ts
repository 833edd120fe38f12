import type { RestcommStore } from './store.js';
import { type Call, empty, type Reply, text } from '../wire.js';
import { html500, isJavaUri, longDate, looksLikeSid, newSid, render, representationOf } from './format.js';
import { APPLICATION_FIELDS, type Application, type NumberRow } from './types.js';

/** A bare array without paging or filters; nulls are omitted (§2.1). */
export function listApplications(store: RestcommStore, call: Call, accountSid: string): Reply {
  const bound = numbersByApplication(store, accountSid);
  const items = store.applicationsOf(accountSid).map((app) => toWire(store, app, bound.get(app.sid)));
  return render(representationOf(call), 'Applications', items);
}

export function getApplication(store: RestcommStore, call: Call, accountSid: string, sid: string): Reply {
  const app = looksLikeSid(sid) ? store.applications.get(sid) : undefined;
  if (!app) return empty(404);
  if (app.account_sid !== null && app.account_sid !== accountSid) return empty(400);
  const bound = numbersByApplication(store, accountSid).get(sid);
  return render(representationOf(call), 'Application', toWire(store, app, bound));
}

/** 200, not 201. Names need not be unique (§2.1, §2.3). */
export function createApplication(store: RestcommStore, call: Call, accountSid: string): Reply {
  const name = call.form.get('FriendlyName');
  if (name === null) return text(400, 'Friendly name can not be null.');
  const app = newApplication(accountSid, name, store.world.clock.now());
  app.api_version = call.form.get('ApiVersion') ?? app.api_version;
  if (!applyForm(app, call.form)) return html500();
  store.applications.set(app.sid, app);
  store.world.changed();
  return render(representationOf(call), 'Application', toWire(store, app));
}

export function updateApplication(store: RestcommStore, call: Call, accountSid: string, sid: string): Reply {
  if (!looksLikeSid(sid)) return html500();
  const app = store.applications.get(sid);
  if (!app) return empty(404);
  if (app.account_sid !== accountSid) return empty(400);
  const copy = { ...app };
  if (!applyForm(copy, call.form)) return html500();
  Object.assign(app, copy, { date_updated: store.world.clock.now() });
  store.world.changed();
  return render(representationOf(call), 'Application', toWire(store, app));
}

/** 200 with nothing in it, also when there was nothing to delete (§2.3). */
export function deleteApplication(store: RestcommStore, accountSid: string, sid: string): Reply {
  if (!looksLikeSid(sid)) return html500();
  const app = store.applications.get(sid);
  if (app && app.account_sid !== accountSid) return empty(400);
  store.applications.delete(sid);
  store.world.changed();
  return empty(200);
}

export function newApplication(accountSid: string | null, name: string, nowMs: number): Application {
  const sid = newSid('AP');
  return {
    sid,
    account_sid: accountSid,
    friendly_name: name,
    api_version: '2012-04-24',
    voice_caller_id_lookup: false,
    rcml_url: null,
    kind: null,
    date_created: nowMs,
    date_updated: nowMs,
    connector_mode: null,
    connector_url: null,
  };
}

/** Where a Visual Designer project lives: relative, served by Restcomm itself (§7.1). */
export const designerUrl = (sid: string): string => `/visual-designer/services/apps/${sid}/controller`;

function applyForm(app: Application, form: URLSearchParams): boolean {
  const name = form.get('FriendlyName');
  const url = form.get('RcmlUrl');
  const kind = form.get('Kind')?.toLowerCase();
  if ((name?.length ?? 0) > 64) return false;
  if (url !== null && !isJavaUri(url)) return false;
  if (kind !== undefined && kind !== 'voice' && kind !== 'sms' && kind !== 'ussd') return false;
  if (name !== null) app.friendly_name = name;
  if (form.has('VoiceCallerIdLookup')) app.voice_caller_id_lookup = form.get('VoiceCallerIdLookup') === 'true';
  if (url !== null) app.rcml_url = url;
  if (kind !== undefined) app.kind = kind;
  return true;
}

function numbersByApplication(store: RestcommStore, accountSid: string): Map<string, NumberRow[]> {
  const bound = new Map<string, NumberRow[]>();
  for (const row of store.accounts.get(accountSid)?.numbers.values() ?? []) {
    for (const field of APPLICATION_FIELDS) {
      const sid = row[field];
      if (sid === null) continue;
      const rows = bound.get(sid);
      if (!rows) bound.set(sid, [row]);
      else if (rows.at(-1) !== row) rows.push(row);
    }
  }
  return bound;
}

function toWire(store: RestcommStore, app: Application, bound?: NumberRow[]): Record<string, unknown> {
  const { utcOffsetMinutes } = store.switches;
  return withoutNulls({
    sid: app.sid,
    date_created: longDate(app.date_created, utcOffsetMinutes),
    date_updated: longDate(app.date_updated, utcOffsetMinutes),
    friendly_name: app.friendly_name,
    account_sid: app.account_sid,
    api_version: app.api_version,
    voice_caller_id_lookup: app.voice_caller_id_lookup,
    uri: store.uri(`/2012-04-24/Accounts/${app.account_sid ?? 'null'}/Applications/${app.sid}.json`),
    rcml_url: app.rcml_url,
    kind: app.kind,
    numbers: bound?.map((row) =>
      withoutNulls({
        sid: row.sid,
        friendly_name: row.friendly_name,
        phone_number: row.phone_number,
        ...Object.fromEntries(APPLICATION_FIELDS.map((field) => [field, row[field]])),
      }),
    ),
  });
}

const withoutNulls = (value: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== null && entry !== undefined));
