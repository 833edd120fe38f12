import { type Books, type Difference, groupBy, rows } from './difference.js';

/** The states an attempt ends in without the text having arrived; another attempt may follow. */
const GAVE_UP = new Set(['failed', 'undelivered', 'rejected', 'expired']);

/** The carriers' sent messages against our attempts: nothing sent twice, nothing sent that we don't know of. */
export async function checkOutbound({ sql, twins }: Books): Promise<Difference[]> {
  const found: Difference[] = [];
  const attempts = await rows(
    sql,
    `select message_id, part, attempt, state, carrier_message_id from routing.send_attempt order by message_id, part, attempt`,
  );
  const ours = groupBy(
    attempts.filter((row) => row['carrier_message_id']),
    (row) => row['carrier_message_id']!,
  );
  const accounts = await rows(sql, `select distinct account from provisioning.platform`);
  const atCarrier = new Set<string>();
  for (const { account } of accounts) {
    for (const { sid } of await twins.messages({ accountSid: account!, direction: 'outbound', limit: 1_000_000 })) {
      atCarrier.add(sid);
      if (!ours.has(sid))
        found.push({ what: 'sent-unknown', about: sid, detail: 'the carrier sent it, no attempt has its id' });
    }
  }
  for (const [sid, same] of ours) {
    if (!atCarrier.has(sid))
      found.push({
        what: 'sent-nowhere',
        about: sid,
        detail: 'an attempt has this id, the carrier has no such message',
      });
    if (same.length > 1)
      found.push({ what: 'sent-counted-twice', about: sid, detail: `${same.length} attempts have this id` });
  }
  for (const [about, tries] of groupBy(attempts, (row) => `${row['message_id']} part ${row['part']}`)) {
    const taken = tries.filter((row) => row['carrier_message_id']);
    const again = taken.slice(0, -1).filter((row) => !GAVE_UP.has(row['state']!));
    if (again.length > 0)
      found.push({
        what: 'sent-twice',
        about,
        detail: taken.map((row) => `attempt ${row['attempt']} ${row['state']} ${row['carrier_message_id']}`).join(', '),
      });
  }
  for (const row of await rows(
    sql,
    `select id, state from routing.message where direction = 'outbound' and state in ('queued', 'submitting', 'submitted-unknown')`,
  ))
    found.push({ what: 'send-unsettled', about: row['id']!, detail: `still ${row['state']}` });
  return found;
}
