import type { CloudEvent } from '@strowger/kernel';

/**
 * The transaction a consumer's effect runs in. It records (consumer, event id) in the same transaction, so a known
 * event is answered `duplicate` without a call. Supplied by @strowger/persistence; a service without SQL has none.
 */
export interface InboxTransaction {
  run(consumer: string, event: CloudEvent, handle: () => Promise<void>): Promise<'handled' | 'duplicate'>;
}

/** Nest token of the InboxTransaction. */
export const INBOX = Symbol('strowger.inbox');
