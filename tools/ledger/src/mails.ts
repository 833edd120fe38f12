import { type Books, type Difference, groupBy, rows } from './difference.js';

interface SunkMail {
  messageId: string;
  to: string[];
}

/** The delivery log against the mail server: no incident mailed twice to one person, nothing mailed that isn't logged. */
export async function checkMails({ sql, mailUrl }: Books): Promise<Difference[]> {
  const found: Difference[] = [];
  const response = await fetch(`${mailUrl}/api/messages`);
  const mails = (await response.json()) as SunkMail[];
  // The Message-ID is the delivery's id, the same on every try.
  const copies = mails.flatMap(({ messageId, to }) =>
    to.map((recipient) => ({ id: /^<?([^@>]*)/.exec(messageId)![1]!, recipient })),
  );
  const arrived = groupBy(copies, ({ id }) => id);
  const deliveries = new Map(
    (await rows(sql, `select id, incident_id, recipient, state from notification.mail_delivery`)).map((row) => [
      row['id']!,
      row,
    ]),
  );
  const mailed = groupBy(
    copies.filter(({ id }) => deliveries.has(id)),
    ({ id, recipient }) => `${deliveries.get(id)!['incident_id']} to ${recipient}`,
  );
  for (const [about, times] of mailed)
    if (times.length > 1)
      found.push({ what: 'mailed-twice', about, detail: `the mail server took it ${times.length} times` });
  for (const [id, [mail]] of arrived)
    if (!deliveries.has(id))
      found.push({ what: 'mail-unknown', about: id, detail: `to ${mail!.recipient}, not in the delivery log` });
  for (const [id, row] of deliveries) {
    const state = row['state']!;
    if (state === 'sent' && !arrived.has(id))
      found.push({ what: 'mail-missing', about: id, detail: 'logged as sent, not at the mail server' });
    if (['queued', 'sending', 'handed-over'].includes(state))
      found.push({ what: 'mail-unsettled', about: id, detail: `still ${state}` });
    if (['failed', 'suppressed'].includes(state) && arrived.has(id))
      found.push({ what: 'mail-denied', about: id, detail: `logged as ${state}, but the mail server has it` });
  }
  return found;
}
