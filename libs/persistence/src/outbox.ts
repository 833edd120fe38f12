import { Entity, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';
import type { EntityManager } from '@mikro-orm/postgresql';
import { newId, type CloudEvent, type Fact } from '@strowger/kernel';
import { traceparent } from '@strowger/telemetry';
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

/** Facts leave a service through here: the row commits or rolls back with the change it tells of. */
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
    em.persist(
      em.create(OutboxRow, {
        id: event.id,
        type: event.type,
        subject: event.subject,
        sequence: event.sequence,
        tenantId: fact.tenantId ?? null,
        traceparent: trace ?? null,
        event: JSON.stringify(event),
      }),
    );
    this.db.afterCommit(this.kick);
    return event.id;
  }
}
