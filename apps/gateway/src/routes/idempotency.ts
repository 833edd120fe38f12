import { createHash, hkdfSync } from 'node:crypto';
import { AppError, SecretBox } from '@strowger/kernel';
import type { KvBucket } from '@strowger/messaging';
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

/** The same for the same meaning: the order of fields has none. */
const inOrder = (_: string, value: unknown): unknown =>
  isObject(value) && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
    : value;

const digest = (...parts: string[]): Buffer => createHash('sha256').update(parts.join('\0')).digest();

/** A UUID (version 8, RFC 9562) that is always the same for the same caller and key. */
export function idFromKey(caller: string, key: string, attempt = 0): string {
  const bytes = digest('id', caller, key, String(attempt)).subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** Whatever went wrong with the bucket, nothing was done yet. */
function notBegun(cause: unknown): never {
  throw new AppError(
    'unavailable',
    'service-unavailable',
    'The request could not be noted under its Idempotency-Key and was not begun. Try again shortly.',
    {},
    { cause, retryAfterSeconds: 1 },
  );
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

/** Written by this class; one that isn't its own counts as none. */
function entryOf(bytes: Uint8Array): Entry | undefined {
  const entry: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
  return isObject(entry) && 'fingerprint' in entry && 'startedAt' in entry && 'done' in entry
    ? (entry as Entry)
    : undefined;
}

/**
 * Same key and body: same answer; same key, other body: 422. Only successes are remembered (24 h), so a failed try may
 * be made again under its key.
 */
export class IdempotencyKeys {
  constructor(
    private readonly bucket: KvBucket,
    private readonly box: SecretBox,
    private readonly abandonedMs = 60_000,
    private readonly now: () => number = Date.now,
  ) {}

  /**
   * @param run is given how many tries under the key failed for certain
   * @param kept what of the answer a repeat may see; all of it when left out
   */
  async once(
    caller: string,
    key: string,
    request: unknown,
    run: (attempt: number) => Promise<Answer>,
    kept: (answer: Answer) => Answer = (answer) => answer,
  ): Promise<Answer> {
    const kv = this.bucket;
    const name = digest('entry', caller, key).toString('hex');
    const fingerprint = digest(JSON.stringify(request, inOrder)).toString('hex');
    const mine: Entry & { done: false } = { fingerprint, startedAt: this.now(), attempt: 0, done: false };
    const revision = await kv.create(name, JSON.stringify(mine)).catch(notBegun);
    let claimed = revision;
    if (claimed === undefined) {
      const existing = await kv.get(name).catch(notBegun);
      const entry = existing && entryOf(existing.value);
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
      claimed = await kv.update(name, JSON.stringify(mine), existing.revision).catch(notBegun);
      if (claimed === undefined) throw new RequestInProgress();
    }
    const mineSince = claimed;
    // Should this fail, the key is free again once the try counts as abandoned.
    const ended = async (next: Pick<Entry, 'attempt' | 'doubt'>): Promise<void> => {
      const entry: Entry = { fingerprint, startedAt: mine.startedAt, ...next, done: false, failed: true };
      await kv.update(name, JSON.stringify(entry), mineSince).catch(() => undefined);
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
    const sealedAnswer = this.box.seal(JSON.stringify(kept(answer)), name);
    const entry: Entry = { fingerprint, startedAt: mine.startedAt, attempt, done: true, sealedAnswer };
    // The work is done and its caller knows, noted or not: a repeat then asks the service again, under the same id.
    await kv.put(name, JSON.stringify(entry)).catch(() => ended({ attempt, doubt: true }));
    return answer;
  }

  private opened(sealed: string, name: string): Answer {
    try {
      const answer: unknown = JSON.parse(this.box.open(sealed, name));
      if (isObject(answer) && 'status' in answer && 'body' in answer) return answer as Answer;
    } catch {
      // Sealed with another secret.
    }
    throw new EarlierAnswerUnreadable();
  }
}
