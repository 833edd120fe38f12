import type { CloudEvent } from '@strowger/kernel';
import { withTraceparent } from '@strowger/telemetry';
import type { InboxTransaction } from './inbox.js';

/**
 * Calls a consumer's handlers so that each fact has its effect once, in the transaction of the service's inbox where it
 * has one. Each call is a span that continues the trace of the fact.
 */
export class Dedupe {
  constructor(
    private readonly consumer: string,
    private readonly inbox: InboxTransaction | undefined,
  ) {}

  /** @param redelivered makes a new span linked to the first, so that the trace of the first try stays readable */
  once(event: CloudEvent, redelivered: boolean, handle: () => Promise<void>): Promise<'handled' | 'duplicate'> {
    return withTraceparent(
      event.traceparent,
      `consume ${event.type}`,
      async () => {
        if (this.inbox) return await this.inbox.run(this.consumer, event, handle);
        await handle();
        return 'handled' as const;
      },
      { 'messaging.consumer': this.consumer, 'messaging.message.id': event.id },
      { kind: 'consumer', linked: redelivered },
    );
  }

  /** Many facts of one type in one transaction: `handle` gets the ids of those that are new. Returns them. */
  many(
    events: readonly CloudEvent[],
    redelivered: boolean,
    handle: (fresh: ReadonlySet<string>) => Promise<void>,
  ): Promise<ReadonlySet<string>> {
    const runMany = this.inbox?.runMany?.bind(this.inbox);
    if (!runMany) throw new Error('this inbox takes one fact at a time');
    const { traceparent, type } = events[0]!;
    return withTraceparent(
      traceparent,
      `consume ${type}`,
      () => runMany(this.consumer, events, handle),
      { 'messaging.consumer': this.consumer, 'messaging.batch.message_count': events.length },
      { kind: 'consumer', linked: redelivered },
    );
  }
}
