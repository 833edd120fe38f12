import { Inject, Injectable } from '@nestjs/common';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { CarrierExchange, ExchangeObserver } from '@strowger/cpaas';
import { AppError, Clock, newId } from '@strowger/kernel';
import { Db } from '@strowger/persistence';
import { logger } from '@strowger/telemetry';
import type { CpaasNumber } from './number.entity.js';
import { TimelineEntry } from './timeline-entry.entity.js';

const log = logger('timeline');
const LONGEST_SUMMARY = 1000;

/** What is done for one number, with every carrier request it takes. */
export interface Recorder {
  onExchange: ExchangeObserver;
  /** Records the requests of `work` and how it ended, and passes its result or error on. */
  step<T>(event: string, summary: (result: T) => string, work: () => Promise<T>): Promise<T>;
}

/** The story of a number, for the people who must explain it. Append-only. */
@Injectable()
export class Timeline {
  constructor(
    @Inject(Db) private readonly db: Db,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  /** A transition, in the transaction that makes it. */
  transition(em: EntityManager, number: CpaasNumber, summary: string): void {
    em.persist(this.entry(number.id, `state.${number.state}`, summary));
  }

  recorder(numberId: string): Recorder {
    let exchanges: CarrierExchange[] = [];
    const ended = async (event: string, summary: string): Promise<void> => {
      const told = exchanges.map((exchange) =>
        this.entry(numberId, event, `${exchange.method} ${exchange.status ?? exchange.failure ?? ''}`, exchange),
      );
      exchanges = [];
      await this.save([...told, this.entry(numberId, event, summary)]);
    };
    return {
      onExchange: (exchange) => void exchanges.push(exchange),
      step: async (event, summary, work) => {
        try {
          const result = await work();
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

  /** Evidence must not decide whether the work succeeded. */
  private async save(entries: TimelineEntry[]): Promise<void> {
    await this.db
      .transactional(async (em) => void em.persist(entries))
      .catch((error: unknown) => log.error({ err: error, numberId: entries[0]?.numberId }, 'timeline-not-written'));
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
