import { twinsClient } from '@strowger/carrier-twins';
import { inDatabase, withClient } from '../../setup/database.ts';
import { type Accepted, type Books, type Difference, type LedgerAddresses, rows } from './difference.js';
import { checkInbound } from './inbound.js';
import { readDeadLetters, readJournal } from './journal.js';
import { checkMails } from './mails.js';
import { checkNumbers } from './numbers.js';
import { checkOutbound } from './outbound.js';

const WITH_OUTBOX = ['hierarchy', 'provisioning', 'routing', 'notification'];

/**
 * Compares the books of the system while it is at rest: what carriers were answered, the journal, the store, the
 * carriers' own state and the mail server's. Empty when they agree. What is still under way shows as `…-unsettled`.
 * @param accepted deliveries that others than the twins posted and were answered 2xx for
 */
export async function ledger(addresses: LedgerAddresses, accepted: readonly Accepted[] = []): Promise<Difference[]> {
  const { natsUrl, mailUrl, twinsUrl } = addresses;
  const [journal, letters] = await Promise.all([readJournal(natsUrl), readDeadLetters(natsUrl)]);
  return withClient(inDatabase(addresses.postgresUrl, 'strowger'), async (sql) => {
    const books: Books = { sql, twins: twinsClient(twinsUrl), natsUrl, mailUrl };
    return [
      ...letters.map(({ seq, subject, reason }) => ({
        what: 'dead-letter',
        about: `${subject} ${seq}`,
        detail: reason,
      })),
      ...(await checkInbound(books, journal, accepted)),
      ...(await checkOutbound(books)),
      ...(await checkNumbers(books)),
      ...(await checkMails(books)),
      ...(await checkOutboxes(books)),
    ];
  });
}

async function checkOutboxes({ sql }: Books): Promise<Difference[]> {
  const found: Difference[] = [];
  for (const service of WITH_OUTBOX)
    for (const row of await rows(sql, `select id, type from ${service}.outbox where published_at is null`))
      found.push({ what: 'fact-unpublished', about: row['id']!, detail: `${row['type']} of ${service}` });
  return found;
}
