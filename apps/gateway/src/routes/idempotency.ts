import { createHash, hkdfSync } from 'node:crypto';
import { AppError, SecretBox } from '@strowger/kernel';
import { JetStreamApiError } from '@nats-io/jetstream';
import type { KV } from '@nats-io/kv';
import type { Answer } from './route.js';

export class IdempotencyKeyReused extends AppError {
  constructor() {
    super(
      'invalid',
      'idempotency-key-reused',
      'This Idempotency-Key was used with another body. Use a new key for a new request.',
    );
  }
}
export class RequestInProgress extends AppError {
  constructor() {
    super(
      'conflict',
      'request-in-progress',
      'The first request with this Idempotency-Key is still running. Ask again shortly.',
      {},
      { retryAfterSeconds: 1 },
    );
  }
}

/** The answer was sealed with a token secret that is no longer in use. */
export class EarlierAnswerUnreadable extends AppError {
  constructor() {
    super(
      'conflict',
      'earlier-answer-unreadable',
      'This was done before under the same Idempotency-Key, but the answer can no longer be read. Look at the result itself.',
    );
  }
}

/**
 * `attempt` counts the tries that failed for certain: each further one is a new piece of work with an id of its own. `doubt`:
 * one of the tries under the present id may have worked, so that a try which learned nothing doesn't end the attempt.
 */
type Entry = { fingerprint: string; startedAt: number; attempt: number; doubt?: true } & (
  { done: false; failed?: true } | { done: true; sealedAnswer: string }
);

/** Of a try that did not get as far as finding out what happened to the ones before it. */
const LEARNED_NOTHING = new Set(['database-unavailable', 'service-unavailable', 'schema-behind']);

/** Answers hold message texts and webhook addresses, which nobody may read in the bucket. */
export const answersBox = (tokenSecret: string): SecretBox =>
  SecretBox.fromKeyring(
    `answers:${Buffer.from(hkdfSync('sha256', tokenSecret, '', 'idempotency-answers', 32)).toString('base64')}`,
  );

const digest = (...parts: string[]): Buffer => createHash('sha256').update(parts.join('\0')).digest();

/** A UUID (version 8, RFC 9562) that is always the same for the same caller and key. */
export function idFromKey(caller: string, key: string, attempt = 0): string {
  const bytes = digest('id', caller, key, String(attempt)).subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

const WRONG_LAST_SEQUENCE = 10071;

/** Undefined when the key has an entry already; anything else went wrong with the bucket, and nothing was done yet. */
function takenOrAway(error: unknown): undefined {
  if (error instanceof JetStreamApiError && error.code === WRONG_LAST_SEQUENCE) return undefined;
  throw new AppError(
    'unavailable',
    'service-unavailable',
    'The request could not be noted under its Idempotency-Key and was not begun. Try again shortly.',
    {},
    { cause: error, retryAfterSeconds: 1 },
  );
}

/**
 * Same key and body: same answer; same key, other body: 422. Only successes are remembered (24 h), so a failed try may
 * be made again under its key.
 */
export class IdempotencyKeys {
  constructor(
    private readonly bucket: () => Promise<KV>,
    private readonly box: SecretBox,
    private readonly abandonedMs = 60_000,
    private readonly now: () => number = Date.now,
  ) {}

  /** @param run is given how many tries under the key failed for certain */
  async once(
    caller: string,
    key: string,
    request: unknown,
    run: (attempt: number) => Promise<Answer>,
  ): Promise<Answer> {
    const kv = await this.bucket();
    const name = digest('entry', caller, key).toString('hex');
    const fingerprint = digest(JSON.stringify(request)).toString('hex');
    const mine: Entry & { done: false } = { fingerprint, startedAt: this.now(), attempt: 0, done: false };
    const revision = await kv.create(name, JSON.stringify(mine)).catch(takenOrAway);
    let claimed = revision;
    if (claimed === undefined) {
      const existing = await kv.get(name);
      const entry = existing && existing.operation === 'PUT' ? existing.json<Entry>() : undefined;
      const failed = entry?.done === false && entry.failed;
      if (entry && (!failed || entry.doubt) && entry.fingerprint !== fingerprint) throw new IdempotencyKeyReused();
      if (entry?.done) {
        const answer = this.opened(entry.sealedAnswer, name);
        return { ...answer, headers: { ...answer.headers, 'idempotency-replayed': 'true' } };
      }
      if (entry && !failed && this.now() - entry.startedAt < this.abandonedMs) throw new RequestInProgress();
      if (!existing) throw new RequestInProgress();
      mine.attempt = entry?.attempt ?? 0;
      // A caller that abandoned a try did not see its end.
      if (entry && (entry.doubt || !failed)) mine.doubt = true;
      claimed = await kv.update(name, JSON.stringify(mine), existing.revision).catch(() => {
        throw new RequestInProgress();
      });
    }
    // Should this fail, the key is free again once the try counts as abandoned.
    const ended = async (next: Pick<Entry, 'attempt' | 'doubt'>): Promise<void> => {
      const entry: Entry = { fingerprint, startedAt: mine.startedAt, ...next, done: false, failed: true };
      await kv.update(name, JSON.stringify(entry), claimed).catch(() => undefined);
    };
    const { attempt } = mine;
    let answer: Answer;
    try {
      answer = await run(attempt);
    } catch (error) {
      // What may have been done must be found under the same id again; what failed for certain is begun again.
      const { outcome, code } = AppError.wrap(error);
      const doubt = outcome === 'unknown' || (mine.doubt && LEARNED_NOTHING.has(code));
      await ended(doubt ? { attempt, doubt: true } : { attempt: attempt + 1 });
      throw error;
    }
    const sealedAnswer = this.box.seal(JSON.stringify(answer), name);
    const entry: Entry = { fingerprint, startedAt: mine.startedAt, attempt, done: true, sealedAnswer };
    // The work is done and its caller knows, noted or not: a repeat then asks the service again, under the same id.
    await kv.put(name, JSON.stringify(entry)).catch(() => ended({ attempt, doubt: true }));
    return answer;
  }

  private opened(sealed: string, name: string): Answer {
    try {
      return JSON.parse(this.box.open(sealed, name)) as Answer;
    } catch {
      throw new EarlierAnswerUnreadable();
    }
  }
}
