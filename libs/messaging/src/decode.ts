import { plainToInstance } from 'class-transformer';
import { validate, type ValidationError } from 'class-validator';
import type { Received } from './decorators.js';
import { InvalidInput, type CloudEvent, type EventClass, type FieldError } from '@strowger/kernel';

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';

const textOf = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');

/** The events in a message: the elements of a JSON array, else the message itself; never none. Throws when it is not JSON. */
export function eventsIn(bytes: Uint8Array): unknown[] {
  const parsed: unknown = JSON.parse(textOf(bytes));
  return Array.isArray(parsed) && parsed.length > 0 ? parsed : [parsed];
}

/** Bytes as a CloudEvent in structured JSON. Throws InvalidInput when they are not one. */
export function decodeEvent(bytes: Uint8Array): CloudEvent {
  let parsed: unknown;
  try {
    parsed = JSON.parse(textOf(bytes));
  } catch {
    throw new InvalidInput([{ field: '', rule: 'json', message: 'The message is not JSON.' }]);
  }
  const event = (parsed ?? {}) as Partial<CloudEvent>;
  const missing = (['id', 'type', 'source', 'subject', 'time'] as const).filter((field) => !isText(event[field]));
  if (event.specversion !== '1.0' || missing.length > 0 || typeof event.data !== 'object' || event.data === null) {
    throw new InvalidInput([
      { field: missing[0] ?? 'data', rule: 'cloud-event', message: 'The message is not a CloudEvent 1.0 with data.' },
    ]);
  }
  return { ...event, sequence: Number(event.sequence ?? 0) } as CloudEvent;
}

/** The event's data as an instance of its contract class. Throws InvalidInput naming every broken field. */
export async function decodeData<T extends object>(contract: EventClass<T>, event: CloudEvent): Promise<T> {
  const data = plainToInstance(contract, event.data);
  // A new optional field keeps the version, so fields we do not know are not an error.
  const broken = await validate(data, { forbidUnknownValues: false });
  if (broken.length > 0) throw new InvalidInput(broken.flatMap((error) => fieldErrors(error, '')));
  return data;
}

/** The event as a handler gets it. Throws InvalidInput like `decodeData`. */
export async function decodeReceived<T extends object>(
  contract: EventClass<T>,
  event: CloudEvent,
  redelivered: boolean,
): Promise<Received<T>> {
  const data = await decodeData(contract, event);
  return {
    data,
    id: event.id,
    sequence: event.sequence,
    subject: event.subject,
    ...(event.tenantid ? { tenantId: event.tenantid } : {}),
    time: new Date(event.time),
    event: event as CloudEvent<T>,
    redelivered,
  };
}

function fieldErrors(error: ValidationError, prefix: string): FieldError[] {
  const field = `${prefix}${error.property}`;
  const own = Object.entries(error.constraints ?? {}).map(([rule, message]) => ({ field, rule, message }));
  return [...own, ...(error.children ?? []).flatMap((child) => fieldErrors(child, `${field}.`))];
}
