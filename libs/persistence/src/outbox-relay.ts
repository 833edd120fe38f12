import type { MikroORM } from '@mikro-orm/postgresql';
import type { Publisher } from '@strowger/messaging';
import { counter, gauge, logger, serializeError } from '@strowger/telemetry';
import { sql, type Kysely } from 'kysely';
import { isDatabaseAway } from './errors.js';

export interface OutboxRelayOptions {
  /** Between looks at the table when nobody kicks. Rows of other processes wait this long. Default 250. */
  pollMs?: number;
  /** Between tries to become the active one. Default 1000. */
  standbyMs?: number;
  /** Published rows are kept this long for a look back. Default 7. */
  keepDays?: number;
  /** Inbox rows are kept longer than any stream could redeliver. Default 35. */
  keepInboxDays?: number;
}

interface Row {
  id: string;
  type: string;
  subject: string;
  sequence: string;
  traceparent: string | null;
  event: string;
}

const BATCH = 500;
const CLEAN_EVERY_MS = 60_000;
const CLEAN_BATCH = 1000;
const log = logger('persistence');
const published = counter('strowger_outbox_published_total', 'Facts the stream has acked.');
const refused = counter('strowger_outbox_refused_total', 'Facts the stream refused; they hold back their aggregate.');

type Connection = Kysely<unknown>;

/**
 * Brings unpublished outbox rows to the stream, all the time, from one process of the service at once: the one that
 * holds the advisory lock. It reads and marks over the very connection that holds the lock, so one that lost the lock
 * cannot mark anything. It looks for unpublished rows, not for ids above a mark, since transactions commit out of order.
 *
 * Per aggregate, rows go out in order of `sequence` and one at a time; a row that fails holds back later ones of its
 * aggregate and no others. Marked only after the stream's ack, so a crash publishes twice rather than never: the
 * message id and the consumers' inboxes take care of that.
 */
export class OutboxRelay {
  private loop?: Promise<void>;
  private stopped = false;
  private wake?: () => void;
  private kicked = false;
  private kickArmed = false;
  private isActive = false;
  private lastClean = 0;
  /** Aggregates whose row was refused: not looked at before the time given. */
  private readonly held = new Map<string, { until: number; failures: number }>();
  private passWaiters: (() => void)[] = [];

  constructor(
    private readonly orm: MikroORM,
    private readonly service: string,
    private readonly publisher: Publisher,
    private readonly options: OutboxRelayOptions = {},
  ) {
    gauge('strowger_outbox_oldest_unpublished_seconds', 'Age of the oldest fact not yet in the stream.', () =>
      this.stopped ? undefined : this.oldestSeconds(),
    );
  }

  /** True while this process holds the lock. */
  get active(): boolean {
    return this.isActive;
  }

  start(): void {
    this.stopped = false;
    this.loop ??= this.run().finally(() => (this.loop = undefined));
  }

  /** Finishes the batch in hand and gives the lock back. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.wake?.();
    await this.loop;
  }

  /** Something was committed: look now, not at the next poll. */
  readonly kick = (): void => {
    if (this.kickArmed) return;
    this.kickArmed = true;
    setImmediate(() => {
      this.kickArmed = false;
      this.kicked = true;
      this.wake?.();
    });
  };

  /** Rows the stream does not have yet. */
  async unpublished(): Promise<number> {
    const { rows } = await sql<{ n: string }>`select count(*) as n from outbox where published_at is null`.execute(
      this.kysely(),
    );
    return Number(rows[0]?.n ?? 0);
  }

  /** For tests: one whole pass over what is unpublished now, by the active relay or, when not started, by this call. */
  async drainOnce(): Promise<void> {
    if (this.loop) {
      // The pass under way may have read the table before the caller's commit, so the next one is awaited as well.
      for (let pass = 0; pass < 2 && this.isActive; pass++) {
        const done = new Promise<void>((resolve) => this.passWaiters.push(resolve));
        this.kick();
        await done;
      }
      return;
    }
    await this.withLock(async (connection) => {
      while ((await this.pass(connection)) === 'more');
    });
  }

  private kysely(): Connection {
    return this.orm.em.fork().getKysely() as unknown as Connection;
  }

  private async run(): Promise<void> {
    const { pollMs = 250, standbyMs = 1000 } = this.options;
    let failures = 0;
    while (!this.stopped) {
      try {
        await this.withLock(async (connection) => {
          log.info({ service: this.service }, 'relay-active');
          while (!this.stopped) {
            this.kicked = false;
            const outcome = await this.pass(connection).finally(() => this.passDone());
            failures = outcome === 'stream-away' ? failures + 1 : 0;
            if (outcome === 'stream-away') await this.pause(Math.min(pollMs * failures, 2000), false);
            else if (outcome === 'done') await this.pause(pollMs, true);
          }
        });
        failures = 0;
        await this.pause(standbyMs, false);
      } catch (error) {
        failures++;
        const away = isDatabaseAway(error);
        if (failures % 20 === 1)
          log.warn({ away, error: away ? undefined : serializeError(error) }, 'relay-interrupted');
        await this.pause(Math.min(100 * 2 ** Math.min(failures, 5), 2000), false);
      }
    }
  }

  /** Calls `work` with the lock-holding connection; does nothing when another process has the lock. */
  private async withLock(work: (connection: Connection) => Promise<void>): Promise<void> {
    await this.kysely()
      .connection()
      .execute(async (connection) => {
        const key = sql`hashtext('strowger.outbox'), hashtext(${this.service})`;
        const { rows } = await sql<{ locked: boolean }>`select pg_try_advisory_lock(${key}) as locked`.execute(
          connection,
        );
        if (!rows[0]?.locked) return;
        this.isActive = true;
        try {
          await work(connection);
        } finally {
          this.isActive = false;
          this.passDone();
          // The connection goes back to the pool; on a broken one the lock went with the session.
          await sql`select pg_advisory_unlock(${key})`.execute(connection).catch(() => undefined);
        }
      });
  }

  private async pass(connection: Connection): Promise<'more' | 'done' | 'stream-away'> {
    await this.clean(connection);
    const now = Date.now();
    const held = [...this.held].filter(([, { until }]) => until > now).map(([key]) => key);
    const { rows } = await sql<Row>`
      select id, type, subject, sequence, traceparent, event from outbox
      where published_at is null and subject <> all (${held}::text[])
      order by created_at, id limit ${BATCH}`.execute(connection);
    if (rows.length === 0) return 'done';
    const { acked, away } = await this.publish(rows);
    if (acked.length > 0) {
      await sql`update outbox set published_at = clock_timestamp() where id = any (${acked}::uuid[])`.execute(
        connection,
      );
      published.inc(acked.length);
    }
    if (away) return 'stream-away';
    return rows.length === BATCH || acked.length < rows.length ? 'more' : 'done';
  }

  /** All aggregates side by side, each one's rows one after the other. */
  private async publish(rows: Row[]): Promise<{ acked: string[]; away: boolean }> {
    const acked: string[] = [];
    let away = false;
    const lanes = Map.groupBy(rows, aggregateOf);
    await Promise.all(
      [...lanes.values()].map(async (lane) => {
        // Begun later but committed earlier: only the aggregate's own version gives the order.
        lane.sort((a, b) => Number(a.sequence) - Number(b.sequence));
        for (const row of lane) {
          if (away) return;
          try {
            const { id: msgId, traceparent } = row;
            await this.publisher.publishRaw(row.type, Buffer.from(row.event), {
              msgId,
              traceparent: traceparent ?? undefined,
            });
            acked.push(row.id);
            this.held.delete(row.subject);
          } catch (error) {
            if ((error as { kind?: unknown }).kind === 'unavailable') away = true;
            else this.hold(row, error);
            return;
          }
        }
      }),
    );
    return { acked, away };
  }

  private hold(row: Row, error: unknown): void {
    const failures = (this.held.get(row.subject)?.failures ?? 0) + 1;
    this.held.set(row.subject, { failures, until: Date.now() + Math.min(500 * 2 ** failures, 60_000) });
    refused.inc();
    log.error({ id: row.id, type: row.type, failures, error: serializeError(error) }, 'outbox-row-refused');
  }

  /** In small batches, so that locks are short and the write-ahead log grows evenly. */
  private async clean(connection: Connection): Promise<void> {
    if (Date.now() - this.lastClean < CLEAN_EVERY_MS) return;
    this.lastClean = Date.now();
    const { keepDays = 7, keepInboxDays = 35 } = this.options;
    for (let batch = 0; batch < 20 && !this.kicked; batch++) {
      const outbox = await sql`delete from outbox where id in (select id from outbox
        where published_at < now() - make_interval(days => ${keepDays}) order by published_at limit ${CLEAN_BATCH})`.execute(
        connection,
      );
      const inbox = await sql`delete from inbox where (consumer, event_id) in (select consumer, event_id from inbox
        where handled_at < now() - make_interval(days => ${keepInboxDays}) order by handled_at limit ${CLEAN_BATCH})`.execute(
        connection,
      );
      const most = Math.max(Number(outbox.numAffectedRows ?? 0), Number(inbox.numAffectedRows ?? 0));
      if (most < CLEAN_BATCH) return;
    }
  }

  private async oldestSeconds(): Promise<number> {
    const { rows } = await sql<{ age: string | null }>`
      select extract(epoch from clock_timestamp() - min(created_at)) as age from outbox where published_at is null`.execute(
      this.kysely(),
    );
    return Number(rows[0]?.age ?? 0);
  }

  private passDone(): void {
    for (const done of this.passWaiters.splice(0)) done();
  }

  private async pause(ms: number, untilKicked: boolean): Promise<void> {
    if (this.stopped || (untilKicked && this.kicked)) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.wake = () => {
        if (!untilKicked && !this.stopped) return;
        clearTimeout(timer);
        resolve();
      };
    });
    this.wake = undefined;
  }
}

/** `<owner>.<aggregate>` of the type and the aggregate's id. */
const aggregateOf = (row: Row): string => `${row.type.split('.').slice(0, 2).join('.')} ${row.subject}`;
