/** `/paper/v1/…`: Paper's API. It can't list or read numbers or messages. */
import { isRecord } from '../../twin.js';
import { type Call, empty, json, type Operation, type Reply } from '../../wire.js';
import type { PaperStore } from './store.js';
import { type Account, type Message, newId } from './types.js';

type Route = Partial<Operation> & { name: string; handle: (account: Account) => Reply };

const problem = (status: number, error: string, reason?: string): Reply => json(status, { error, reason });
const isNumber = (value: unknown): value is string => typeof value === 'string' && /^[1-9]\d{4,14}$/.test(value);

export function paperOperation(store: PaperStore, call: Call, path: string): Operation {
  const account = store.accountBy(call.headers.authorization);
  const { name, handle, ...rest } = route(store, call, path.split('/')) ?? {
    name: 'unknown.route',
    handle: () => problem(404, 'not-found'),
  };
  return {
    name,
    accountSid: account?.account,
    refusal: problem(400, 'refused', 'not today'),
    run: () => {
      if (!account) return problem(401, 'unauthorized');
      return account.status === 'active' ? handle(account) : problem(403, 'suspended');
    },
    ...rest,
  };
}

function route(store: PaperStore, call: Call, segments: string[]): Route | undefined {
  const [resource, number = ''] = segments;
  const vanish = (): void => void store.numbers.delete(number);
  switch (`${call.method} ${resource} ${segments.length}`) {
    case 'GET account 1':
      return { name: 'account.get', handle: ({ account, status }) => json(200, { account, status }) };
    case 'PUT numbers 2':
      return {
        name: 'numbers.put',
        number,
        vanish,
        refusal: problem(409, 'held-elsewhere'),
        handle: (account) => putNumber(store, call, account, number),
      };
    case 'DELETE numbers 2':
      return { name: 'numbers.delete', number, vanish, handle: (account) => deleteNumber(store, account, number) };
    case 'POST messages 1': {
      const input = bodyOf(call);
      const to = input?.['to'];
      return {
        name: 'messages.send',
        number: typeof to === 'string' ? to : undefined,
        handle: (account) => sendMessage(store, account, input),
      };
    }
    default:
      return undefined;
  }
}

/** Undefined when it is not a JSON object. */
function bodyOf(call: Call): Record<string, unknown> | undefined {
  try {
    const body: unknown = JSON.parse(call.body || '{}');
    return isRecord(body) ? body : undefined;
  } catch {
    return undefined;
  }
}

const isOptionalText = (value: unknown): value is string | undefined =>
  value === undefined || typeof value === 'string';

function putNumber(store: PaperStore, call: Call, { account }: Account, number: string): Reply {
  const { webhookUrl, label } = bodyOf(call) ?? { label: null };
  if (!isNumber(number)) return problem(400, 'refused', 'not a number');
  if (!isOptionalText(webhookUrl) || !isOptionalText(label)) return problem(400, 'refused', 'not a number’s settings');
  const held = store.numbers.get(number);
  if (store.heldElsewhere.has(number) || (held && held.account !== account)) return problem(409, 'held-elsewhere');
  store.numbers.set(number, { number, account, webhookUrl: webhookUrl ?? null, label: label ?? null });
  store.world.changed();
  return json(200, { number });
}

function deleteNumber(store: PaperStore, { account }: Account, number: string): Reply {
  if (store.numbers.get(number)?.account !== account) return problem(404, 'not-found');
  store.numbers.delete(number);
  store.world.changed();
  return empty(204);
}

/** The last four digits of `to` ask for a scenario; the twins' README lists them. */
function sendMessage(store: PaperStore, { account }: Account, input: Record<string, unknown> = {}): Reply {
  const { from, to, text, callbackUrl } = input;
  if (!isNumber(from)) return problem(400, 'refused', 'from is not a number');
  if (!isNumber(to)) return problem(400, 'refused', 'to is not a number');
  if (typeof text !== 'string') return problem(400, 'refused', 'text is missing');
  if (!isOptionalText(callbackUrl)) return problem(400, 'refused', 'callbackUrl is not a URL');
  const suffix = to.slice(-4);
  if (suffix === '0400') return problem(400, 'refused', 'blocked');
  if (suffix === '0500') return problem(500, 'internal');
  const limited = suffix === '0429' && !store.limitedOnce.has(to);
  if (limited || store.switches.retryAfterSeconds > 0) {
    store.limitedOnce.add(to);
    return json(429, { error: 'limited' }, { 'retry-after': String(store.switches.retryAfterSeconds || 1) });
  }
  const message: Message = {
    id: newId('pm'),
    account,
    direction: 'outbound',
    from,
    to,
    text,
    status: 'accepted',
    code: null,
    callbackUrl: callbackUrl ?? null,
  };
  store.messages.set(message.id, message);
  store.world.changed();
  if (store.switches.autoReceipts) store.hooks.accepted(message);
  return { ...json(202, { id: message.id }), withhold: suffix === '0504' };
}
