import type { InboundMessageFact, ReceiptFact } from '@strowger/contracts-ingestion';
import { toE164 } from '@strowger/kernel';
import { type Accepted, type Books, type Difference, groupBy, type Row, rows } from './difference.js';
import type { Delivery } from './journal.js';

interface Journalled {
  key: string;
  carrierMessageId: string;
  seq: number;
  thread: string;
  remote: string;
}

const STILL_OPEN = new Set(['submitting', 'submitted-unknown', 'accepted', 'sent']);

/** What carriers were answered for, against the journal; the journal against routing's rows; and each thread's order. */
export async function checkInbound(
  { sql, twins }: Books,
  journal: readonly Delivery[],
  accepted: readonly Accepted[],
): Promise<Difference[]> {
  const found: Difference[] = [];
  const facts = journal.flatMap((delivery) => delivery.facts.map((fact, part) => ({ delivery, fact, part })));
  const inJournal = new Set(facts.map(({ fact }) => fact.carrierMessageId));

  const answered = (await twins.webhooks({ limit: 10_000 }))
    .filter(({ status = 0 }) => status >= 200 && status < 300)
    .map(({ messageSid }) => messageSid);
  for (const carrierMessageId of new Set([...accepted.map((a) => a.carrierMessageId), ...answered]))
    if (!inJournal.has(carrierMessageId))
      found.push({
        what: 'accepted-not-journalled',
        about: carrierMessageId,
        detail: 'answered 2xx, not in the stream',
      });

  const stored = groupBy(await rows(sql, STORED), keyOfRow);
  const quarantined = await rows(sql, QUARANTINED);
  const kept = new Set(quarantined.map((row) => `${row['delivery_id']} ${row['part']}`));
  const keptKeys = new Set(quarantined.map(keyOfRow));
  const excused = await excuses({ sql });

  for (const { deliveryId, quarantine, unreadable, seq } of journal)
    if ((quarantine ?? unreadable) && !kept.has(`${deliveryId} -1`))
      found.push({
        what: 'delivery-missing',
        about: deliveryId,
        detail: `journal ${seq}: neither read nor quarantined`,
      });

  const expected = new Map<string, Journalled>();
  for (const { delivery, fact } of facts)
    if (fact.type === 'message.received' && !delivery.quarantine) {
      const one = journalled(delivery, fact);
      if (!expected.has(one.key)) expected.set(one.key, one);
    }
  for (const { key, carrierMessageId, seq, remote, thread } of expected.values()) {
    const times = stored.get(key)?.length ?? 0;
    if (times > 1)
      found.push({ what: 'message-twice', about: carrierMessageId, detail: `journal ${seq}: stored ${times} times` });
    if (times === 0 && !keptKeys.has(key) && !excused(thread, remote))
      found.push({ what: 'message-missing', about: carrierMessageId, detail: `journal ${seq}: no row in routing` });
  }
  found.push(...(await extras(twins, stored, expected)));
  found.push(...outOfOrder(stored, expected, keptKeys));
  found.push(...(await lateReceipts(sql, facts)));
  return found;
}

const STORED = `
  select platform_id, carrier_message_id, number, remote, created_at, extract(epoch from created_at) as at, feed_created, id
  from routing.message where direction = 'inbound'
  order by feed_created nulls last, routing.message.created_at, id`;
const QUARANTINED = `select delivery_id, part, platform_id, carrier_message_id, number from routing.quarantined`;

const keyOfRow = (row: Row): string => `${row['platform_id']} ${row['carrier_message_id']} ${row['number']}`;

function journalled(delivery: Delivery, fact: InboundMessageFact): Journalled {
  const { from: remote, to, carrierMessageId } = fact;
  const number = to.startsWith('+') ? to : (toE164(to) ?? to);
  return {
    key: `${delivery.platformId} ${carrierMessageId} ${number}`,
    carrierMessageId,
    seq: delivery.seq,
    thread: `${number} ${remote}`,
    remote,
  };
}

/** Not stored on purpose: the user blocked the sender, or the messages went with a released number. */
async function excuses({ sql }: Pick<Books, 'sql'>): Promise<(thread: string, remote: string) => boolean> {
  const blocked = new Set((await rows(sql, 'select remote from routing.block')).map((row) => row['remote']));
  const deleted = new Set(
    (await rows(sql, 'select e164 from provisioning.cpaas_number where delete_messages')).map((row) => row['e164']),
  );
  return (thread, remote) => blocked.has(remote) || deleted.has(thread.split(' ')[0]!);
}

/** A row without a delivery is right only where the carrier's own list named it. */
async function extras(
  twins: Books['twins'],
  stored: ReadonlyMap<string, Row[]>,
  expected: ReadonlyMap<string, Journalled>,
): Promise<Difference[]> {
  const strangers = [...stored].filter(([key]) => !expected.has(key)).map(([, [row]]) => row!['carrier_message_id']!);
  if (strangers.length === 0) return [];
  const listed = new Set((await twins.messages({ direction: 'inbound', limit: 1_000_000 })).map(({ sid }) => sid));
  return strangers
    .filter((id) => !listed.has(id))
    .map((about) => ({ what: 'message-extra', about, detail: 'stored, but no carrier delivered it' }));
}

/** Per thread: the order of the journal against the order in which the user's feed shows them. */
function outOfOrder(
  stored: ReadonlyMap<string, Row[]>,
  expected: ReadonlyMap<string, Journalled>,
  late: ReadonlySet<string>,
): Difference[] {
  const place = new Map([...stored.keys()].map((key, at) => [key, at]));
  const inOrder = [...expected.values()].filter(({ key }) => place.has(key) && !late.has(key));
  const found: Difference[] = [];
  for (const [thread, messages] of groupBy(inOrder, ({ thread }) => thread))
    for (const [at, message] of messages.entries()) {
      const before = messages[at - 1];
      if (before && place.get(before.key)! > place.get(message.key)!)
        found.push({
          what: 'out-of-order',
          about: thread,
          detail: `${before.carrierMessageId} (journal ${before.seq}) is shown after ${message.carrierMessageId} (journal ${message.seq})`,
        });
    }
  return found;
}

/** A last word of the carrier that the attempt it speaks of has not got. */
async function lateReceipts(
  sql: Books['sql'],
  facts: readonly { delivery: Delivery; fact: InboundMessageFact | ReceiptFact }[],
): Promise<Difference[]> {
  const attempts = await rows(
    sql,
    `select carrier_message_id, state from routing.send_attempt where carrier_message_id is not null`,
  );
  const open = new Map(
    attempts.filter((row) => STILL_OPEN.has(row['state']!)).map((row) => [row['carrier_message_id'], row['state']]),
  );
  const last = facts.filter(
    ({ fact }) => fact.type === 'receipt.received' && /^(delivered|undelivered|failed)$/i.test(fact.status),
  );
  return last
    .filter(({ fact }) => open.has(fact.carrierMessageId))
    .map(({ delivery, fact }) => ({
      what: 'receipt-lost',
      about: fact.carrierMessageId,
      detail: `journal ${delivery.seq} has its last receipt, the attempt is still ${open.get(fact.carrierMessageId)}`,
    }));
}
