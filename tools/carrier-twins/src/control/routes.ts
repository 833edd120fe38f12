import type { FaultInput } from '../faults.js';
import type { JournalFilter } from '../journal.js';
import type { InboundInput } from '../restcomm/inbound.js';
import { type Call, empty, json, type Reply } from '../wire.js';
import { type AccountInput, type BatchInput, ControlError, type NumberInput, type TwinsControl } from './api.js';

/** `/control/…`, JSON in and out; `path` is what follows `/control/`. Errors are `{"error": "…"}` with 400 or 404. */
export async function controlReply(control: TwinsControl, call: Call, path: string): Promise<Reply> {
  try {
    const segments = path.replace(/\/$/, '').split('/').map(decodeURIComponent);
    const answer = await route(control, call, segments);
    return answer === undefined ? empty(204) : json(200, answer);
  } catch (error) {
    if (error instanceof ControlError) return json(error.status, { error: error.message });
    if (error instanceof SyntaxError || error instanceof TypeError) return json(400, { error: error.message });
    throw error;
  }
}

function route(control: TwinsControl, call: Call, [resource, id, part, name]: string[]): Promise<unknown> {
  const { method } = call;
  switch (`${method} ${resource}`) {
    case 'POST accounts':
      return control.putAccount(bodyOf<AccountInput>(call));
    case 'GET accounts':
      return found(control.account(id ?? ''), 'account');
    case 'PUT accounts':
      if (part === 'applications' && name) return control.putApplication(id!, name, bodyOf(call));
      break;
    case 'DELETE accounts':
      if (part === 'applications' && name) return control.deleteApplication(id!, name);
      break;
    case 'POST faults':
      return control.addFault(bodyOf<FaultInput>(call));
    case 'GET faults':
      return control.faults();
    case 'DELETE faults':
      return control.clearFaults(id);
    case 'POST inbound':
      return id === 'batch'
        ? control.inboundBatch(bodyOf<BatchInput>(call))
        : control.inbound(bodyOf<InboundInput>(call));
    case 'POST clock':
      return control.clock(bodyOf(call));
    case 'GET clock':
      return control.clock();
    case 'GET state':
      return control.state();
    case 'POST numbers':
      return control.putNumber(bodyOf<NumberInput>(call));
    case 'GET numbers':
      return control.numbers({ accountSid: queryOf(call, 'accountSid'), phone: queryOf(call, 'phone') });
    case 'GET messages':
      return control.messages({
        accountSid: queryOf(call, 'accountSid'),
        direction: queryOf(call, 'direction') as 'inbound' | 'outbound' | undefined,
        to: queryOf(call, 'to'),
        from: queryOf(call, 'from'),
        limit: integerOf(call, 'limit'),
      });
    case 'GET requests':
      return control.requests({
        carrier: queryOf(call, 'carrier') as JournalFilter['carrier'],
        operation: queryOf(call, 'operation'),
        number: queryOf(call, 'number'),
        accountSid: queryOf(call, 'accountSid'),
        since: integerOf(call, 'since'),
        limit: integerOf(call, 'limit'),
      });
    case 'GET webhooks':
      return control.webhooks({ limit: integerOf(call, 'limit'), messageSid: queryOf(call, 'messageSid') });
    case 'GET exchange':
      if (id !== 'numbers' || !part) break;
      return found(control.exchangeNumber(part, queryOf(call, 'accountSid')), 'number');
    case 'POST exchange':
      if (id === 'numbers' && part) return control.setExchangeNumber(part, bodyOf(call));
      if (id === 'jobs' && part) return control.setExchangeJob(part, bodyOf(call));
      break;
    case 'GET switches':
      return control.switches();
    case 'PUT switches':
      return control.switches(bodyOf(call));
    case 'POST reset':
      return control.reset();
  }
  throw new ControlError(404, `No such control: ${method} ${call.path}`);
}

function bodyOf<T extends object>(call: Call): T {
  const body: unknown = JSON.parse(call.body || '{}');
  if (body === null || typeof body !== 'object' || Array.isArray(body)) {
    throw new ControlError(400, 'The body must be a JSON object');
  }
  return body as T;
}

const queryOf = (call: Call, name: string): string | undefined => call.query.get(name) ?? undefined;

/** A plus in a query is a blank; numbers are compared by digits, so that does no harm. */
function integerOf(call: Call, name: string): number | undefined {
  const value = call.query.get(name);
  if (value === null) return undefined;
  if (!/^\d+$/.test(value)) throw new ControlError(400, `${name} must be a whole number`);
  return Number(value);
}

async function found<T>(value: Promise<T | undefined>, what: string): Promise<T> {
  const result = await value;
  if (result === undefined) throw new ControlError(404, `No such ${what}`);
  return result;
}
