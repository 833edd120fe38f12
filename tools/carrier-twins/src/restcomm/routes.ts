import { html500 } from './format.js';
import type { RestcommStore } from './store.js';
import { type Call, empty, type Operation, type Reply, text } from '../wire.js';
import { getAccount } from './accounts.js';
import {
  createApplication,
  deleteApplication,
  getApplication,
  listApplications,
  updateApplication,
} from './applications.js';
import { getMessage, listMessages, sendMessage } from './messages.js';
import { getNotification, listNotifications } from './notifications.js';
import { createNumber, deleteNumber, getNumber, listAvailable, listNumbers, updateNumber } from './numbers.js';

const REFUSED_NUMBER = text(400, '21452');
const REFUSED_LIMIT = text(403, '{"message":"SMS limit is exceeded for this account",\n"error":"SMS_LIMIT_EXCEEDED"}');
const BODY_LIMIT = 10_000_000;

/** `path` is what follows `/2012-04-24/`. Every operation passes the same gate: size, credentials, media type. */
export function restcommOperation(store: RestcommStore, call: Call, path: string): Operation {
  const segments = path.replace(/\/$/, '').split('/');
  const last = segments.length - 1;
  // The suffix is stripped before routing and works on any last segment (§1.3).
  if (segments[last]!.endsWith('.json')) segments[last] = segments[last]!.slice(0, -5);
  const accountSid = segments[1] ?? '';
  const found = segments[0] === 'Accounts' ? route(store, call, accountSid, segments.slice(2)) : undefined;
  const { name, handle, ...rest } = found ?? { name: 'unknown.route', handle: () => empty(404) };
  return {
    name,
    accountSid,
    refusal: empty(403),
    slowMs: store.switches.slowMs,
    run: () => {
      if (store.switches.html500) return html500();
      if (call.body.length > BODY_LIMIT) return empty(413);
      const refused = store.credentials.refuse(call, accountSid);
      if (refused) return refused;
      if (!bindable(call)) return empty(415);
      return handle();
    },
    ...rest,
  };
}

/** JSON bodies are not bound by these endpoints (§1.3). */
function bindable(call: Call): boolean {
  if (call.method !== 'POST' && call.method !== 'PUT') return true;
  return /^application\/x-www-form-urlencoded/i.test(call.headers['content-type'] ?? '');
}

type Route = Partial<Operation> & { name: string; handle: () => Reply };

function route(store: RestcommStore, call: Call, account: string, segments: string[]): Route | undefined {
  const { method } = call;
  const writes = method === 'POST' || method === 'PUT';
  const [resource, id] = segments;
  switch (resource) {
    case undefined:
      return method === 'GET' ? { name: 'accounts.get', handle: () => getAccount(store, call, account) } : undefined;
    case 'Applications':
      return id === undefined ? applications(store, call, account) : application(store, call, account, id, writes);
    case 'IncomingPhoneNumbers':
      if (id === undefined || /^(Local|TollFree|Mobile)$/.test(id)) return numbers(store, call, account);
      if (id === 'AvailableCountries') {
        return {
          name: 'available-numbers.countries',
          handle: () => ({ ...text(200, '["US"]'), type: 'application/json' }),
        };
      }
      return number(store, call, account, id, writes);
    case 'AvailablePhoneNumbers':
      return method === 'GET' ? { name: 'available-numbers.list', handle: () => listAvailable(call) } : undefined;
    case 'SMS':
      return id === 'Messages' ? messages(store, call, account, segments[2]) : undefined;
    case 'Notifications':
      if (method !== 'GET') return undefined;
      return id === undefined
        ? { name: 'notifications.list', handle: () => listNotifications(store, call, account) }
        : { name: 'notifications.get', handle: () => getNotification(store, call, account, id) };
    default:
      return undefined;
  }
}

function applications(store: RestcommStore, call: Call, account: string): Route | undefined {
  const vanish = (): void => {
    for (const app of store.applicationsOf(account)) store.applications.delete(app.sid);
  };
  if (call.method === 'GET') {
    return { name: 'applications.list', handle: () => listApplications(store, call, account), vanish };
  }
  if (call.method !== 'POST') return undefined;
  return { name: 'applications.create', handle: () => createApplication(store, call, account) };
}

function application(
  store: RestcommStore,
  call: Call,
  account: string,
  sid: string,
  writes: boolean,
): Route | undefined {
  const vanish = (): void => void store.applications.delete(sid);
  if (call.method === 'GET') {
    return { name: 'applications.get', handle: () => getApplication(store, call, account, sid), vanish };
  }
  if (writes)
    return { name: 'applications.update', handle: () => updateApplication(store, call, account, sid), vanish };
  if (call.method !== 'DELETE') return undefined;
  return { name: 'applications.delete', handle: () => deleteApplication(store, account, sid), vanish };
}

function numbers(store: RestcommStore, call: Call, account: string): Route | undefined {
  if (call.method === 'GET') {
    const phone = call.query.get('PhoneNumber') ?? undefined;
    return {
      name: 'numbers.list',
      number: phone,
      handle: () => listNumbers(store, call, account),
      vanish: () => {
        const row = phone === undefined ? undefined : store.findNumber(phone, account);
        if (row) store.removeNumber(row);
      },
    };
  }
  if (call.method !== 'POST') return undefined;
  return {
    name: 'numbers.create',
    number: call.form.get('PhoneNumber') ?? undefined,
    refusal: REFUSED_NUMBER,
    handle: () => createNumber(store, call, account),
  };
}

function number(store: RestcommStore, call: Call, account: string, sid: string, writes: boolean): Route | undefined {
  const row = store.numbers.get(sid);
  const common = {
    number: row?.phone_number,
    vanish: (): void => {
      if (row) store.removeNumber(row);
    },
  };
  if (call.method === 'GET') {
    return { name: 'numbers.get', handle: () => getNumber(store, call, account, sid), ...common };
  }
  if (writes) {
    return {
      name: 'numbers.update',
      refusal: REFUSED_NUMBER,
      handle: () => updateNumber(store, call, account, sid),
      ...common,
    };
  }
  if (call.method !== 'DELETE') return undefined;
  return {
    name: 'numbers.delete',
    refusal: empty(500),
    handle: () => deleteNumber(store, account, sid),
    ...common,
  };
}

function messages(store: RestcommStore, call: Call, account: string, sid: string | undefined): Route | undefined {
  if (sid !== undefined) {
    if (call.method !== 'GET') return undefined;
    const message = store.message(sid);
    return {
      name: 'messages.get',
      number: message?.to,
      handle: () => getMessage(store, call, account, sid),
      vanish: () => {
        if (message) message.present = false;
      },
    };
  }
  if (call.method === 'GET') {
    return {
      name: 'messages.list',
      number: call.query.get('To') ?? undefined,
      handle: () => listMessages(store, call, account),
    };
  }
  if (call.method !== 'POST') return undefined;
  return {
    name: 'messages.send',
    number: call.form.get('To') ?? undefined,
    refusal: REFUSED_LIMIT,
    handle: () => sendMessage(store, call, account),
  };
}
