import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import type { EntityManager, IsolationLevel, MikroORM } from '@mikro-orm/postgresql';
import { AppError, type CloudEvent } from '@strowger/kernel';
import { counter, logger, serializeError } from '@strowger/telemetry';
import { sql, type RawBuilder } from 'kysely';
import {
  DatabaseUnavailable,
  SchemaBehind,
  isDatabaseAway,
  isRetryable,
  isUndefined,
  sqlState,
  unavailable,
} from './errors.js';
import { PREPARED } from './orm.js';

export interface TransactionOptions {
  isolationLevel?: IsolationLevel;
  /** The fact being handled: rows added to the outbox name it as their cause. */
  cause?: CloudEvent;
}

interface Ambient {
  em: EntityManager;
  hooks: Set<() => unknown>;
  cause?: CloudEvent;
}

const ATTEMPTS = 4;
const UNDEFINED_TABLE = '42P01';
const log = logger('persistence');
const retried = counter(
  'strowger_db_retries_total',
  'Transactions repeated after a serialization failure or a deadlock.',
);

/** The service's database: its schema, its entities, and the transaction the caller is in. */
export class Db {
  private readonly ambient = new AsyncLocalStorage<Ambient>();

  constructor(
    readonly orm: MikroORM,
    readonly service: string,
    private readonly migrations: readonly string[] = [],
  ) {}

  /** EntityManager of the transaction the caller is in, else a fresh one. Locks and versions as MikroORM has them. */
  em(): EntityManager {
    return this.ambient.getStore()?.em ?? this.orm.em.fork();
  }

  get inTransaction(): boolean {
    return this.ambient.getStore() !== undefined;
  }

  /** The fact being handled, when a consumer called. */
  get cause(): CloudEvent | undefined {
    return this.ambient.getStore()?.cause;
  }

  /**
   * Joins the transaction the caller is in, else opens one; commits when `fn` resolves, with everything persisted
   * flushed. The outermost one is repeated up to three times after a serialization failure or a deadlock, so nothing
   * remote belongs inside. Throws DatabaseUnavailable when Postgres is away.
   */
  async transactional<T>(fn: (em: EntityManager) => Promise<T>, options: TransactionOptions = {}): Promise<T> {
    const ambient = this.ambient.getStore();
    if (ambient) return await fn(ambient.em);
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.once(fn, options);
      } catch (error) {
        if (attempt >= ATTEMPTS || !isRetryable(error)) throw error;
        retried.inc();
        log.info({ attempt, sqlState: sqlState(error) }, 'transaction-repeated');
        await delay(Math.random() * 20 * 2 ** attempt);
      }
    }
  }

  /**
   * Runs kysely's `sql` tag in the transaction the caller is in, else on its own. Flush the EntityManager first if the
   * statement must see what was persisted. Timestamps come back as text.
   *
   * `prepared`: each connection parses and plans it once. For statements run all the time whose text is always the same.
   */
  async query<T>(query: RawBuilder<T>, { prepared = false } = {}): Promise<T[]> {
    try {
      const statement = prepared ? sql<T>`${sql.raw(PREPARED)}${query}` : query;
      const { rows } = await statement.execute(this.em().getKysely());
      return rows;
    } catch (error) {
      if (isDatabaseAway(error)) throw unavailable(error);
      throw this.inTransaction ? error : await this.unlessBehind(error);
    }
  }

  /**
   * Runs `hook` once the transaction the caller is in has committed, at once when there is none; the same function
   * given twice runs once. For hints and wake-ups only: it is lost in a crash, and its errors are only logged.
   */
  afterCommit(hook: () => unknown): void {
    const ambient = this.ambient.getStore();
    if (ambient) ambient.hooks.add(hook);
    else runHook(hook);
  }

  /** For readiness checks: throws DatabaseUnavailable, or SchemaBehind when a migration the code needs is missing. */
  async check(): Promise<void> {
    let applied: { name: string }[] = [];
    try {
      await this.orm.em.getConnection().execute('select 1');
      if (this.migrations.length > 0) {
        const names = sql<{ name: string }>`select name from migration`;
        applied = (await names.execute(this.orm.em.fork().getKysely())).rows;
      }
    } catch (error) {
      if (sqlState(error) !== UNDEFINED_TABLE) throw unavailable(error);
    }
    const missing = this.migrations.filter((name) => !applied.some((row) => row.name === name));
    if (missing.length > 0) throw new SchemaBehind(missing);
  }

  private async once<T>(
    fn: (em: EntityManager) => Promise<T>,
    { isolationLevel, cause }: TransactionOptions,
  ): Promise<T> {
    const hooks = new Set<() => unknown>();
    let committing = false;
    let result: T;
    try {
      result = await this.orm.em.fork().transactional(
        async (em) => {
          const value = await this.ambient.run({ em, hooks, cause }, () => fn(em));
          committing = true;
          return value;
        },
        { isolationLevel },
      );
    } catch (error) {
      if (error instanceof AppError && !(error instanceof DatabaseUnavailable)) throw error;
      if (isDatabaseAway(error)) {
        const original = error instanceof DatabaseUnavailable ? error.cause : error;
        throw new DatabaseUnavailable({ cause: original, ...(committing ? { outcome: 'unknown' as const } : {}) });
      }
      throw await this.unlessBehind(error);
    }
    for (const hook of hooks) runHook(hook);
    return result;
  }

  /**
   * What the database doesn't know may come with a migration: then work waits for it, instead of being given up as if it
   * could never be done.
   */
  private async unlessBehind(error: unknown): Promise<unknown> {
    if (!isUndefined(error)) return error;
    return this.check().then(
      () => error,
      (why: unknown) => why,
    );
  }
}

function runHook(hook: () => unknown): void {
  const failed = (error: unknown): void => log.error({ error: serializeError(error) }, 'after-commit-failed');
  try {
    Promise.resolve(hook()).catch(failed);
  } catch (error) {
    failed(error);
  }
}
