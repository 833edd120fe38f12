/** The timeline of a number, for the people who must explain what happened to it. Append-only. */
import { Injectable } from '@nestjs/common';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { CarrierExchange, ExchangeObserver } from '@strowger/cpaas';
import { AppError, Batched, Clock, newId } from '@strowger/kernel';
import { Db, sql } from '@strowger/persistence';
import { logger, span } from '@strowger/telemetry';
import type { CpaasNumber } from './number.entity.js';
import { TimelineEntry } from './timeline-entry.entity.js';

const log = logger('timeline');
const LONGEST_SUMMARY = 1000;
/** Rows of one statement at most. */
const BATCH = 500;

/** What is done for one number, with every carrier request it takes. */
export interface Recorder {
  onExchange: ExchangeObserver;
  /** Records the requests of `work` and how it ended, and passes its result or error on. */
  step<T>(event: string, summary: (result: T) => string, work: () => Promise<T>): Promise<T>;
}

@Injectable()
export class Timeline {
  /** By step. One that can't be stored must not make the others fail. */
  private readonly steps = new Batched<TimelineEntry[]>(
    async (steps) => {
      await this.insert(steps.flat());
      return [];
    },
    { most: BATCH, weigh: (entries) => entries.length, onFailure: 'each' },
  );

  constructor(
    private readonly db: Db,
    private readonly clock: Clock,
  ) {}

  /** A transition, in the transaction that makes it. */
  transition(em: EntityManager, number: CpaasNumber, summary: string): void {
    em.persist(this.entry(number.id, `state.${number.state}`, summary));
  }

  recorder(numberId: string): Recorder {
    let exchanges: CarrierExchange[] = [];
    const ended = async (event: string, summary: string): Promise<void> => {
      const requests = exchanges.map((exchange) =>
        this.entry(numberId, event, `${exchange.method} ${exchange.status ?? exchange.failure ?? ''}`, exchange),
      );
      exchanges = [];
      await this.save([...requests, this.entry(numberId, event, summary)]);
    };
    return {
      onExchange: (exchange) => void exchanges.push(exchange),
      step: async (event, summary, work) => {
        try {
          const result = await span(`carrier ${event}`, work, undefined, { kind: 'client' });
          await ended(event, summary(result));
          return result;
        } catch (error) {
          const { message, kind } = AppError.wrap(error);
          await ended(event, kind === 'internal' ? 'Something went wrong on our side.' : message);
          throw error;
        }
      },
    };
  }

  /** Oldest first. */
  async of(numberId: string): Promise<TimelineEntry[]> {
    const newest = await this.db.em().find(TimelineEntry, { numberId }, { orderBy: { id: 'desc' }, limit: 1000 });
    return newest.reverse();
  }

  /**
   * Resolves once they are stored, so that a crash loses no finished step. Steps of many sagas end at once: what comes
   * while one statement runs goes into the next.
   */
  private async save(entries: TimelineEntry[]): Promise<void> {
    if (this.db.inTransaction) return this.insert(entries);
    // Once more if that failed, then logged: evidence must not decide whether the work succeeded.
    await this.steps
      .add(entries)
      .catch(() => this.insert(entries))
      .catch((error: unknown) => log.error({ err: error, numberId: entries[0]?.numberId }, 'timeline-not-written'));
  }

  /** One statement, in the transaction the caller is in or else on its own. */
  private async insert(entries: TimelineEntry[]): Promise<void> {
    await this.db.query(
      sql`insert into timeline_entry (id, number_id, at, event, summary, exchange)
        select * from unnest(${entries.map(({ id }) => id)}::uuid[], ${entries.map(({ numberId }) => numberId)}::uuid[],
          ${entries.map(({ at }) => at)}::timestamptz[], ${entries.map(({ event }) => event)}::text[],
          ${entries.map(({ summary }) => summary)}::text[],
          ${entries.map(({ exchange }) => (exchange ? JSON.stringify(exchange) : null))}::jsonb[])`,
    );
  }

  private entry(numberId: string, event: string, summary: string, exchange?: CarrierExchange): TimelineEntry {
    return Object.assign(new TimelineEntry(), {
      id: newId(),
      numberId,
      at: this.clock.now(),
      event,
      summary: summary.slice(0, LONGEST_SUMMARY),
      exchange: exchange ? { ...exchange } : null,
    });
  }
}
