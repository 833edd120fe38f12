import type { World } from '../world.js';
import { type Call, empty, html500, type Operation, type Reply, text } from '../wire.js';
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
export function restcommOperation(world: World, call: Call, path: string): Operation {
  const segments = path.replace(/\/$/, '').split('/');
  const last = segments.length - 1;
  // The suffix is stripped before routing and works on any last segment (§1.3).
  if (segments[last]!.endsWith('.json')) segments[last] = segments[last]!.slice(0, -5);
  const accountSid = segments[1] ?? '';
  const found = segments[0] === 'Accounts' ? route(world, call, accountSid, segments.slice(2)) : undefined;
  const { name, handle, ...rest } = found ?? { name: 'unknown.route', handle: () => empty(404) };
  return {
    carrier: 'restcomm',
    name,
    accountSid,
    refusal: empty(403),
    run: () => {
      if (world.switches.html500) return html500();
      if (call.body.length > BODY_LIMIT) return empty(413);
      const refused = world.credentials.refuse(call, accountSid);
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

function route(world: World, call: Call, account: string, segments: string[]): Route | undefined {
  const { method } = call;
  const writes = method === 'POST' || method === 'PUT';
  const [resource, id] = segments;
  switch (resource) {
    case undefined:
      return method === 'GET' ? { name: 'accounts.get', handle: () => getAccount(world, call, account) } : undefined;
    case 'Applications':
      return id === undefined ? applications(world, call, account) : application(world, call, account, id, writes);
    case 'IncomingPhoneNumbers':
      if (id === undefined || /^(Local|TollFree|Mobile)$/.test(id)) return numbers(world, call, account);
      if (id === 'AvailableCountries') {
        return {
          name: 'available-numbers.countries',
          handle: () => ({ ...text(200, '["US"]'), type: 'application/json' }),
        };
      }
      return number(world, call, account, id, writes);
    case 'AvailablePhoneNumbers':
      return method === 'GET' ? { name: 'available-numbers.list', handle: () => listAvailable(call) } : undefined;
    case 'SMS':
      return id === 'Messages' ? messages(world, call, account, segments[2]) : undefined;
    case 'Notifications':
      if (method !== 'GET') return undefined;
      return id === undefined
        ? { name: 'notifications.list', handle: () => listNotifications(world, call, account) }
        : { name: 'notifications.get', handle: () => getNotification(world, call, account, id) };
    default:
      return undefined;
  }
}

function applications(world: World, call: Call, account: string): Route | undefined {
  const vanish = (): void => {
    for (const app of world.restcomm.applicationsOf(account)) world.restcomm.applications.delete(app.sid);
  };
  if (call.method === 'GET') {
    return { name: 'applications.list', handle: () => listApplications(world, call, account), vanish };
  }
  if (call.method !== 'POST') return undefined;
  return { name: 'applications.create', handle: () => createApplication(world, call, account) };
}

function application(world: World, call: Call, account: string, sid: string, writes: boolean): Route | undefined {
  const vanish = (): void => void world.restcomm.applications.delete(sid);
  if (call.method === 'GET') {
    return { name: 'applications.get', handle: () => getApplication(world, call, account, sid), vanish };
  }
  if (writes)
    return { name: 'applications.update', handle: () => updateApplication(world, call, account, sid), vanish };
  if (call.method !== 'DELETE') return undefined;
  return { name: 'applications.delete', handle: () => deleteApplication(world, account, sid), vanish };
}

function numbers(world: World, call: Call, account: string): Route | undefined {
  if (call.method === 'GET') {
    const phone = call.query.get('PhoneNumber') ?? undefined;
    return {
      name: 'numbers.list',
      number: phone,
      handle: () => listNumbers(world, call, account),
      vanish: () => {
        const row = phone === undefined ? undefined : world.restcomm.findNumber(phone, account);
        if (row) world.restcomm.removeNumber(row);
      },
    };
  }
  if (call.method !== 'POST') return undefined;
  return {
    name: 'numbers.create',
    number: call.form.get('PhoneNumber') ?? undefined,
    refusal: REFUSED_NUMBER,
    handle: () => createNumber(world, call, account),
  };
}

function number(world: World, call: Call, account: string, sid: string, writes: boolean): Route | undefined {
  const row = world.restcomm.numbers.get(sid);
  const common = {
    number: row?.phone_number,
    vanish: (): void => {
      if (row) world.restcomm.removeNumber(row);
    },
  };
  if (call.method === 'GET') {
    return { name: 'numbers.get', handle: () => getNumber(world, call, account, sid), ...common };
  }
  if (writes) {
    return {
      name: 'numbers.update',
      refusal: REFUSED_NUMBER,
      handle: () => updateNumber(world, call, account, sid),
      ...common,
    };
  }
  if (call.method !== 'DELETE') return undefined;
  return {
    name: 'numbers.delete',
    refusal: empty(500),
    handle: () => deleteNumber(world, account, sid),
    ...common,
  };
}

function messages(world: World, call: Call, account: string, sid: string | undefined): Route | undefined {
  if (sid !== undefined) {
    if (call.method !== 'GET') return undefined;
    const message = world.restcomm.message(sid);
    return {
      name: 'messages.get',
      number: message?.to,
      handle: () => getMessage(world, call, account, sid),
      vanish: () => {
        if (message) message.present = false;
      },
    };
  }
  if (call.method === 'GET') {
    return {
      name: 'messages.list',
      number: call.query.get('To') ?? undefined,
      handle: () => listMessages(world, call, account),
    };
  }
  if (call.method !== 'POST') return undefined;
  return {
    name: 'messages.send',
    number: call.form.get('To') ?? undefined,
    refusal: REFUSED_LIMIT,
    handle: () => sendMessage(world, call, account),
  };
}
