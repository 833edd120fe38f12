import { Entity, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';
import type { EntityManager } from '@mikro-orm/postgresql';
import { newId, type CloudEvent, type Fact } from '@strowger/kernel';
import { traceparent } from '@strowger/telemetry';
import { sql, type RawBuilder } from 'kysely';
import type { Db } from './db.js';

export interface OutboxOptions {
  /** The request or message this belongs to. Default: that of the fact being handled. */
  correlationId?: string;
  /** The event that led to this one. Default: the fact being handled. */
  causationId?: string;
}

/** A fact waiting for, or taken by, the stream. `created_at` and `published_at` are the database's business. */
@Entity({ tableName: 'outbox' })
export class OutboxRow {
  /** Also the event's id and its `Nats-Msg-Id`. */
  @PrimaryKey({ type: 'uuid' }) id!: string;
  @Property({ type: 'text' }) type!: string;
  @Property({ type: 'text' }) subject!: string;
  @Property({ type: 'integer', columnType: 'bigint' }) sequence!: number;
  @Property({ type: 'text', nullable: true }) tenantId?: string | null;
  @Property({ type: 'text', nullable: true }) traceparent?: string | null;
  /** The CloudEvent exactly as it is published. */
  @Property({ type: 'text' }) event!: string;
}

/** Keeps a statement's parameter at a few megabytes. */
const ROWS_A_STATEMENT = 5000;

/** Facts leave a service through here: the row commits or rolls back with the change it reports. */
export class Outbox {
  constructor(
    private readonly db: Db,
    private readonly service: string,
    private readonly kick: () => void,
  ) {}

  /**
   * Adds the fact to the EntityManager's next flush; nothing when there is none, so that a silent entity needs no `if`.
   * Returns the event's id.
   */
  add(em: EntityManager, fact: Fact | undefined, options: OutboxOptions = {}): string | undefined {
    if (!fact) return undefined;
    const row = this.rowOf(fact, options);
    em.persist(em.create(OutboxRow, row));
    this.wakeAfterCommit();
    return row.id;
  }

  /** Inserts many facts at once, in the transaction the caller is in. Flush first what must come before them. */
  async addAll(facts: readonly Fact[], options: OutboxOptions = {}): Promise<void> {
    for (let from = 0; from < facts.length; from += ROWS_A_STATEMENT) {
      const rows = facts.slice(from, from + ROWS_A_STATEMENT).map((fact) => this.rowOf(fact, options));
      await this.db.query(sql`insert into outbox (id, type, subject, sequence, tenant_id, traceparent, event)
        ${selectOutboxRows(rows)}`);
    }
    if (facts.length > 0) this.wakeAfterCommit();
  }

  /**
   * The row of a fact, for a hand-written statement that inserts it along with the change (`selectOutboxRows`). Call
   * `wakeAfterCommit` then, or the row waits for the relay's next poll.
   */
  rowOf(fact: Fact, options: OutboxOptions = {}): OutboxValues {
    const cause = this.db.cause;
    const trace = traceparent() ?? cause?.traceparent;
    const correlationid = options.correlationId ?? cause?.correlationid ?? cause?.id;
    const causationid = options.causationId ?? cause?.id;
    const event: CloudEvent = {
      specversion: '1.0',
      id: newId(),
      type: fact.type,
      source: `/${this.service}`,
      subject: fact.subject,
      sequence: fact.sequence,
      time: new Date().toISOString(),
      datacontenttype: 'application/json',
      ...(fact.tenantId ? { tenantid: fact.tenantId } : {}),
      ...(correlationid ? { correlationid } : {}),
      ...(causationid ? { causationid } : {}),
      ...(trace ? { traceparent: trace } : {}),
      data: fact.data,
    };
    return {
      id: event.id,
      type: event.type,
      subject: event.subject,
      sequence: event.sequence,
      tenantId: fact.tenantId ?? null,
      traceparent: trace ?? null,
      event: JSON.stringify(event),
    };
  }

  /** The relay looks at once when the transaction the caller is in has committed; now, outside of one. */
  wakeAfterCommit(): void {
    this.db.afterCommit(this.kick);
  }
}

export type OutboxValues = Pick<OutboxRow, 'id' | 'type' | 'subject' | 'sequence' | 'event'> & {
  tenantId: string | null;
  traceparent: string | null;
};

/** `select` of the rows in the order of outbox's columns id, type, subject, sequence, tenant_id, traceparent, event. */
export const selectOutboxRows = (rows: readonly OutboxValues[]): RawBuilder<unknown> =>
  sql`select * from json_to_recordset(${JSON.stringify(rows)}::json) as outbox_rows
    (id uuid, type text, subject text, sequence bigint, "tenantId" text, traceparent text, event text)`;
