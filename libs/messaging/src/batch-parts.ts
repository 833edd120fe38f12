import { originalSubject } from './dead-letters.js';
import { eventsIn } from './decode.js';
import type { RawMessage } from './decorators.js';
import type { Unsettled } from './unsettled.js';

const OPENING_BRACKET = 0x5b;

/** A message of the stream and how many of its events are not settled yet. */
export interface Held {
  readonly entry: Unsettled;
  left: number;
}
/** One event of a message; handled, tried again and given up by itself. */
export interface Part {
  readonly of: Held;
  /** Undefined when it is the whole message. */
  readonly index?: number;
  readonly raw: RawMessage;
}

/** What is not JSON is one part, on which the handler then fails. `deaths`: of processes that had it, beyond the server's count. */
export function partsOf(entry: Unsettled, deaths = 0): Part[] {
  const { message } = entry;
  const { info, headers } = message;
  const about = {
    subject: originalSubject(message),
    sequence: info.streamSequence,
    time: new Date(info.timestampNanos / 1e6),
    redelivered: message.redelivered,
    deliveries: info.deliveryCount + deaths,
  };
  let events: unknown[];
  try {
    events = eventsIn(message.data);
  } catch (error) {
    const json = (): never => {
      throw error;
    };
    return [{ of: { entry, left: 1 }, raw: { ...about, json } }];
  }
  if (events.length === 1 && message.data[0] !== OPENING_BRACKET) {
    const raw = { ...about, json: () => events[0], traceparent: headers?.get('traceparent') || undefined };
    return [{ of: { entry, left: 1 }, raw }];
  }
  const of = { entry, left: events.length };
  return events.map((event, index) => {
    const { traceparent } = (event ?? {}) as { traceparent?: string };
    return { of, index, raw: { ...about, json: () => event, traceparent } };
  });
}
