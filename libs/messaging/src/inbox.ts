import type { CloudEvent } from '@strowger/kernel';

/**
 * The transaction a consumer's effect runs in. It records (consumer, event id) in the same transaction, so a known
 * event is answered `duplicate` without a call. Supplied by @strowger/persistence; a service without SQL has none.
 */
export interface InboxTransaction {
  run(consumer: string, event: CloudEvent, handle: () => Promise<void>): Promise<'handled' | 'duplicate'>;
  /**
   * Many facts in one transaction: `handle` gets the ids of those that are new. Returns them. Without this method facts
   * come one by one.
   */
  runMany?(
    consumer: string,
    events: readonly CloudEvent[],
    handle: (fresh: ReadonlySet<string>) => Promise<void>,
  ): Promise<ReadonlySet<string>>;
}

/** Nest token of the InboxTransaction. */
export const INBOX = Symbol('strowger.inbox');
