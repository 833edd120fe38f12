import { APPLICATION_NAME, type NumberRow } from '@strowger/carrier-twins';
import { type Books, type Difference, digitsOf, groupBy, type Row, rows } from './difference.js';

/** Every number whole (as we show it, so it is at the carrier) or undone (nothing of it left there). */
export async function checkNumbers({ sql, twins }: Books): Promise<Difference[]> {
  const found: Difference[] = [];
  const numbers = await rows(sql, NUMBERS);
  const atCarrier = new Map<string, NumberRow[]>();
  const connector = new Map<string, string | undefined>();
  for (const account of new Set(numbers.map((row) => row['account']!))) {
    for (const [phone, held] of groupBy(await twins.numbers({ accountSid: account }), (row) =>
      digitsOf(row.phone_number),
    ))
      atCarrier.set(`${account} ${phone}`, held);
    const applications = (await twins.account(account))?.applications ?? [];
    connector.set(account, applications.find((app) => app.friendly_name === APPLICATION_NAME)?.sid);
  }
  for (const [key, assignments] of groupBy(numbers, (row) => `${row['account']} ${digitsOf(row['e164']!)}`)) {
    const held = atCarrier.get(key) ?? [];
    const say = (what: string, detail: string): void =>
      void found.push({ what, about: assignments[0]!['e164']!, detail });
    if (held.length > 1) say('number-twice', `the carrier holds it ${held.length} times`);
    const live = assignments.filter((row) => row['state'] !== 'released');
    const sid = connector.get(assignments[0]!['account']!);
    const bound = held.some((row) => sid !== undefined && row.sms_application_sid === sid);
    if (live.length === 0) checkUndone(assignments, held, bound, say);
    for (const row of live) await checkLive({ twins }, row, held, bound, say);
  }
  for (const row of await rows(
    sql,
    `select id, name, state, step from provisioning.saga where state in ('running', 'undoing', 'stuck')`,
  ))
    found.push({
      what: 'saga-unsettled',
      about: row['id']!,
      detail: `${row['name']} is ${row['state']} at ${row['step']}`,
    });
  return found;
}

type Say = (what: string, detail: string) => void;

/** Oldest first. */
const NUMBERS = `
  select n.id, n.e164, n.state, n.enablement, n.created_by_us, p.account, p.sealed_exchange_token is not null as exchange
  from provisioning.cpaas_number n join provisioning.platform p on p.id = n.platform_id order by n.created_at, n.id`;

function checkUndone(assignments: readonly Row[], held: readonly NumberRow[], bound: boolean, say: Say): void {
  const last = assignments.at(-1)!;
  if (held.length > 0 && last['created_by_us'] === 'true')
    say('number-left-behind', 'released, and registered by us, but still at the carrier');
  else if (bound) say('number-left-bound', 'released, but still bound to our application');
}

async function checkLive(
  { twins }: Pick<Books, 'twins'>,
  row: Row,
  held: readonly NumberRow[],
  bound: boolean,
  say: Say,
): Promise<void> {
  const { state, enablement, e164, account } = row;
  if (state === 'provisioning' || state === 'releasing' || state === 'cleanup-required')
    return say('number-unsettled', `still ${state}`);
  if (held.length === 0) return say('number-half', `${state}, but not at the carrier`);
  if (!bound) say('number-half', `${state}, but not bound to our application`);
  if (row['exchange'] !== 'true') return;
  const exchange = await twins.exchangeNumber(digitsOf(e164!), account!);
  const status = exchange?.status ?? 'unknown';
  // A job that ended since the last poll is not a difference yet: the next one sees it.
  const agrees = enablement === 'pending' ? exchange !== undefined : enablement === status;
  if (enablement !== 'not-applicable' && !agrees)
    say('enablement-differs', `we say ${enablement}, Message Exchange says ${status}`);
}
