import { type Call, type Operation, sameNumber } from './wire.js';

/**
 * What goes wrong.
 * - `refuse`: the carrier's natural definite no; `status` and `body` replace it.
 * - `status`: no effect, this `status` and `body` (default 503, empty).
 * - `timeout-before` / `timeout-after`: never answered, without / with the effect.
 * - `reset-before` / `reset-after`: the connection is cut, without / with the effect.
 * - `delay`: handled after `delayMs`.
 * - `duplicate`: the effect happens twice; a callback or webhook is posted twice.
 * - `reorder`: only for what the carrier sends by itself: posted after the one that follows.
 * - `wrong-charset`: sent as ISO-8859-1 without saying so.
 * - `vanish`: the resource is removed on the carrier's side first, then the request is handled.
 */
export const FAULT_KINDS = [
  'refuse',
  'status',
  'timeout-before',
  'timeout-after',
  'reset-before',
  'reset-after',
  'delay',
  'duplicate',
  'reorder',
  'wrong-charset',
  'vanish',
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

export interface FaultMatch {
  method?: string;
  /** An operation name such as `numbers.create`, or else a regular expression on the path. */
  path?: string;
  /** Compared by digits, a leading 1 ignored. */
  number?: string;
  accountSid?: string;
}

export interface FaultInput {
  /** A twin's kind. */
  carrier: string;
  match?: FaultMatch;
  do: FaultKind;
  status?: number;
  body?: string;
  delayMs?: number;
  /** How many matching requests are hit; default 1. */
  times?: number;
  /** How many matching requests pass unharmed before; default 0. */
  skip?: number;
}

export interface Fault extends FaultInput {
  id: string;
  /** Requests that matched, the skipped ones included. */
  matched: number;
  hits: number;
}

const OPERATION_NAME = /^[a-z-]+\.[a-z-]+$/;

export class Faults {
  private readonly faults: Fault[] = [];
  private ids = 0;

  /** Faults not used up: the hot path asks this first. */
  active = 0;

  /** @param sendsOf what the carrier of this kind sends by itself; undefined when there is no such carrier */
  constructor(private readonly sendsOf: (kind: string) => readonly string[] | undefined) {}

  add(input: FaultInput): Fault {
    if (!FAULT_KINDS.includes(input.do)) throw new TypeError(`Unknown fault '${input.do}'`);
    const sends = this.sendsOf(input.carrier);
    if (!sends) throw new TypeError(`Unknown carrier '${input.carrier}'`);
    if (input.do === 'reorder' && !sends.includes(input.match?.path ?? '')) {
      const names = sends.map((name) => `'${name}'`).join(' or ');
      throw new TypeError(`'reorder' needs match.path ${names || 'of something the carrier sends'}`);
    }
    // A faulty pattern must fail here, not in the middle of a request.
    if (input.match?.path !== undefined) new RegExp(input.match.path);
    const fault: Fault = { times: 1, skip: 0, ...input, id: `fault-${(this.ids += 1)}`, matched: 0, hits: 0 };
    this.faults.push(fault);
    this.active += 1;
    return fault;
  }

  list(): Fault[] {
    return this.faults.map((fault) => ({ ...fault }));
  }

  clear(id?: string): void {
    const kept = id === undefined ? [] : this.faults.filter((fault) => fault.id !== id);
    this.faults.splice(0, this.faults.length, ...kept);
    this.active = kept.filter((fault) => fault.hits < fault.times!).length;
  }

  take(carrier: string, call: Call, operation: Operation): Fault | undefined {
    return this.takeFor(carrier, operation, call.method, call.path);
  }

  /** For what the carrier sends by itself. */
  takeOutgoing(carrier: string, name: string, number: string, accountSid: string): Fault | undefined {
    return this.active === 0 ? undefined : this.takeFor(carrier, { name, number, accountSid });
  }

  private takeFor(
    carrier: string,
    operation: { name: string; number?: string; accountSid?: string },
    method?: string,
    path?: string,
  ): Fault | undefined {
    for (const fault of this.faults) {
      if (fault.carrier !== carrier || fault.hits >= fault.times! || !matches(fault, operation, method, path)) continue;
      fault.matched += 1;
      if (fault.matched <= fault.skip!) continue;
      fault.hits += 1;
      if (fault.hits === fault.times) this.active -= 1;
      return fault;
    }
    return undefined;
  }
}

/** Of something the carrier sends: it never gets out. */
export const isLoss = (fault: Fault): boolean =>
  fault.do === 'refuse' || fault.do === 'status' || fault.do === 'vanish' || fault.do.endsWith('-before');

function matches(
  { match = {} }: Fault,
  operation: { name: string; number?: string; accountSid?: string },
  method?: string,
  path?: string,
): boolean {
  if (match.method && match.method.toUpperCase() !== method) return false;
  if (match.accountSid && match.accountSid !== operation.accountSid) return false;
  if (match.number) {
    if (!operation.number || !sameNumber(operation.number, match.number)) return false;
  }
  if (match.path === undefined) return path !== undefined;
  if (OPERATION_NAME.test(match.path)) return operation.name === match.path;
  return path !== undefined && new RegExp(match.path).test(path);
}
