import { JetStreamApiError, type JsMsg, type StoredMsg } from '@nats-io/jetstream';
import {
  isCursorNumber,
  NotFound,
  pageOf,
  readCursor,
  type CloudEvent,
  type ErrorKind,
  type Page,
} from '@strowger/kernel';
import { counter, logger } from '@strowger/telemetry';
import { decodeEvent } from './decode.js';
import { describeError } from './errors.js';
import type { Messaging } from './messaging.js';
import type { Publisher } from './publisher.js';

export type DeadReason =
  'unreadable' | 'unknown-type' | 'invalid-data' | 'refused' | 'attempts-exhausted' | 'too-many-deliveries';

/** A message one consumer could not handle. */
export interface DeadLetter {
  id: string;
  consumer: string;
  reason: DeadReason;
  kind?: ErrorKind;
  /** One line; never a value of the message. */
  error: string;
  deliveries: number;
  /** When it was given up. */
  at: Date;
  /** Where it came from. */
  stream: string;
  sequence: number;
  subject: string;
  /** Absent when the bytes are not a CloudEvent. Holds customer data: show it to those who may see it. */
  event?: CloudEvent;
  bytes: Uint8Array;
}

const HEADER = {
  consumer: 'Dead-Consumer',
  reason: 'Dead-Reason',
  kind: 'Dead-Kind',
  error: 'Dead-Error',
  deliveries: 'Dead-Deliveries',
  stream: 'Dead-Stream',
  sequence: 'Dead-Sequence',
  subject: 'Dead-Subject',
} as const;

const isSequence = isCursorNumber(Number.MAX_SAFE_INTEGER - 1);
const STREAM = 'DEAD';
/** Of the messages of one page: a page of the largest ones would otherwise be as large as a process. */
const PAGE_BYTES = 4 * 1024 * 1024;
const log = logger('messaging');
const removed = counter('strowger_dead_letters_total', 'Messages given up, by consumer and reason.');

/**
 * Publishes the message's own bytes, or those of one of its events, under `dead.<consumer>`. Resolves when the stream has
 * it; only then may it be termed.
 */
export async function storeDeadLetter(
  publisher: Publisher,
  consumer: string,
  message: JsMsg,
  about: { reason: DeadReason; error?: unknown; kind?: ErrorKind },
  part?: { index: number; bytes: Uint8Array },
): Promise<void> {
  const { stream, streamSequence, deliveryCount } = message.info;
  const error = about.error === undefined ? about.reason : describeError(about.error);
  await publisher.publishRaw(`dead.${consumer}`, part?.bytes ?? message.data, {
    msgId: `dead.${consumer}.${stream}.${streamSequence}${part ? `.${part.index}` : ''}`,
    traceparent: message.headers?.get('traceparent') || undefined,
    headers: {
      [HEADER.consumer]: consumer,
      [HEADER.reason]: about.reason,
      ...(about.kind ? { [HEADER.kind]: about.kind } : {}),
      [HEADER.error]: error.replaceAll(/[^\x20-\x7e]+/g, ' ').slice(0, 300),
      [HEADER.deliveries]: String(deliveryCount),
      [HEADER.stream]: stream,
      [HEADER.sequence]: String(streamSequence),
      [HEADER.subject]: message.headers?.get(HEADER.subject) || message.subject,
    },
  });
  removed.inc({ consumer, reason: about.reason });
  log.error({ consumer, reason: about.reason, stream, sequence: streamSequence, error }, 'dead-letter');
}

/** The dead letters of all services; visible, replayable, one at a time. */
export class DeadLetters {
  constructor(
    private readonly messaging: Messaging,
    private readonly publisher: Publisher,
  ) {}

  /** Oldest first. `cursor` is a page's `nextCursor`. A page has fewer than `limit` where they are large. */
  async list(query: { consumer?: string; limit?: number; cursor?: string } = {}): Promise<Page<DeadLetter>> {
    let limit = Math.min(Math.max(query.limit ?? 50, 1), 200);
    const subject = query.consumer ? `dead.${query.consumer}` : 'dead.>';
    let from = query.cursor ? readCursor(query.cursor, isSequence)[0] + 1 : 1;
    const letters: DeadLetter[] = [];
    let bytes = 0;
    while (letters.length <= limit) {
      const stored = await this.stored({ seq: from, next_by_subj: subject });
      if (!stored) break;
      bytes += stored.data.length;
      if (bytes > PAGE_BYTES) limit = Math.min(limit, Math.max(letters.length, 1));
      letters.push(letterOf(stored));
      from = stored.seq + 1;
    }
    return pageOf(
      letters,
      limit,
      (letter) => [Number(letter.id)],
      (letter) => letter,
    );
  }

  /** Throws NotFound. */
  async get(id: string): Promise<DeadLetter> {
    const seq = /^[1-9]\d{0,15}$/.test(id) ? Number(id) : undefined;
    const stored = seq === undefined ? undefined : await this.stored({ seq });
    if (!stored) throw new NotFound('dead-letter', id);
    return letterOf(stored);
  }

  /**
   * Gives the message to its consumer once more, and to that consumer only. The inbox still protects: had the effect
   * happened after all, the consumer answers `duplicate`. The letter goes when the stream has the replay.
   */
  async replay(id: string): Promise<void> {
    const letter = await this.get(id);
    await this.publisher.publishRaw(`replay.${letter.consumer}`, letter.bytes, {
      msgId: `replay.${id}`,
      headers: { [HEADER.subject]: letter.subject },
    });
    await this.discard(id);
    log.info({ consumer: letter.consumer, id }, 'dead-letter-replayed');
  }

  /** Forgets it for good. Throws NotFound. */
  async discard(id: string): Promise<void> {
    await this.get(id);
    await this.messaging.jsm.streams.deleteMessage(STREAM, Number(id));
  }

  private async stored(query: { seq: number; next_by_subj?: string }): Promise<StoredMsg | undefined> {
    try {
      return (await this.messaging.jsm.streams.getMessage(STREAM, query as { seq: number })) ?? undefined;
    } catch (error) {
      if (error instanceof JetStreamApiError && error.status === 404) return undefined;
      throw error;
    }
  }
}

/** The subject a replayed message first came under. */
export const originalSubject = (message: JsMsg): string => message.headers?.get(HEADER.subject) || message.subject;

function letterOf(stored: StoredMsg): DeadLetter {
  const header = (name: string): string => stored.header.get(name);
  let event: CloudEvent | undefined;
  try {
    event = decodeEvent(stored.data);
  } catch {
    // Unreadable bytes are a reason to be here.
  }
  return {
    id: String(stored.seq),
    consumer: header(HEADER.consumer) || stored.subject.slice('dead.'.length),
    reason: header(HEADER.reason) as DeadReason,
    ...(header(HEADER.kind) ? { kind: header(HEADER.kind) as ErrorKind } : {}),
    error: header(HEADER.error),
    deliveries: Number(header(HEADER.deliveries) || 1),
    at: stored.time,
    stream: header(HEADER.stream),
    sequence: Number(header(HEADER.sequence) || 0),
    subject: header(HEADER.subject),
    ...(event ? { event } : {}),
    bytes: stored.data,
  };
}
