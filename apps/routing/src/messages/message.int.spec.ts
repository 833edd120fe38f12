import { MESSAGE_STATES, type MessageState } from '@strowger/contracts-routing';
import { newId } from '@strowger/kernel';
import { sql } from '@strowger/persistence';
import { startRouting, type SpecUser, type World } from '../routing.fixtures.js';
import {
  CAUSES,
  changesOf,
  COLUMN_TYPES,
  mayChange,
  MESSAGE_COLUMNS,
  transition,
  type Cause,
  type MessageRow,
} from './message.js';
import { MessageStore } from './message.store.js';

const FAILURE = { reason: 'outcome-unknown', nextStep: 'Wait.' };
const AGAIN = new Date('2031-01-01T00:00:00Z');
const PAIRS = MESSAGE_STATES.flatMap((from) => CAUSES.map((cause) => ({ from, cause, id: newId() })));
type Pair = (typeof PAIRS)[number];

let world: World;
let user: SpecUser;
beforeAll(async () => {
  world = await startRouting();
  user = await world.given.user();
});
afterAll(async () => world.stop());

/** One message for each pair, in the state it starts from. Nothing is due, so no sender takes any of them. */
async function store(pairs: readonly Pair[]): Promise<void> {
  await world.db.query(sql`delete from message where user_id = ${user.userId}`);
  await world.db.query(sql`
    insert into message (id, conversation_id, number_id, user_id, system_provider_id, reseller_id, group_id, platform_id, direction, number, remote,
                         body, state, encoding, segments, created_at, failure, attempts, feed_created, feed_seq)
    select t.id, ${newId()}::uuid, ${user.numberId}::uuid, ${user.userId}::uuid, ${user.platform.systemProviderId}::uuid, ${user.resellerId}::uuid, ${user.groupId}::uuid,
           ${newId()}::uuid, case when t.state in ('received', 'held') then 'inbound' else 'outbound' end, ${user.e164}, '+12015550199',
           'hi', t.state, 'GSM-7', 1, now(), ${JSON.stringify(FAILURE)}::jsonb, 3, 1, 1
    from unnest(${pairs.map(({ id }) => id)}::uuid[], ${pairs.map(({ from }) => from)}::text[]) as t(id, state)`);
}

type Stored = MessageRow & { due: string | null };
async function stored(): Promise<Map<string, Stored>> {
  const rows = await world.db.query<Stored>(
    sql`select ${MESSAGE_COLUMNS}, next_attempt_at as due from message where user_id = ${user.userId}`,
  );
  return new Map(rows.map((row) => [row.id, row]));
}

/** What `transition` says of the message, or that it stays as it was. */
const expected = ({ from, cause }: { from: MessageState; cause: Cause }, at: Date, failure: typeof FAILURE | null) =>
  transition({ state: from, attempts: 3, failure: FAILURE }, cause, at, { again: AGAIN, failure }) ?? {
    state: from,
    attempts: 3,
    nextAttemptAt: null,
    failure: FAILURE,
  };

it('the conditions and assignments in SQL agree with transition, for every state and cause', async () => {
  await store(PAIRS);
  const began = Date.now();
  for (const cause of CAUSES) {
    const ids = PAIRS.filter((pair) => pair.cause === cause).map(({ id }) => id);
    await world.db.query(sql`
      update message set ${changesOf(cause, AGAIN)} where id = any(${ids}::uuid[]) and ${mayChange('message', cause)}`);
  }
  const rows = await stored();
  const now = Date.now();
  const shown = ({ state, attempts, failure }: Pick<MessageRow, 'state' | 'attempts' | 'failure'>) => ({
    state,
    attempts,
    failure,
  });
  for (const pair of PAIRS) {
    const row = rows.get(pair.id)!;
    // With the later of the two moments between which the statement ran; the earlier one is the other bound.
    const change = expected(pair, new Date(now), null);
    const about = `${pair.from} by ${pair.cause}`;
    expect([about, shown(row)]).toEqual([about, shown(change)]);
    if (change.nextAttemptAt === null) expect([about, row.due]).toEqual([about, null]);
    else {
      const late = change.nextAttemptAt.getTime() - new Date(row.due!).getTime();
      expect(late).toBeGreaterThanOrEqual(0);
      expect(late).toBeLessThanOrEqual(now - began + 1);
    }
  }
});

it('the store moves just what transition allows, for every state and cause', async () => {
  await store(PAIRS);
  const before = await stored();
  const began = Date.now();
  const moved = await world.app
    .get(MessageStore)
    .move(PAIRS.map(({ id, cause }) => ({ message: before.get(id)!, cause, again: AGAIN, failure: null })));
  const now = Date.now();
  const rows = await stored();
  const allowed = PAIRS.filter(({ from, cause }) =>
    transition({ state: from, attempts: 3, failure: null }, cause, new Date()),
  );
  expect(moved.map(({ id }) => id).sort()).toEqual(allowed.map(({ id }) => id).sort());
  for (const pair of PAIRS) {
    const row = rows.get(pair.id)!;
    const change = expected(pair, new Date(now), null);
    const about = `${pair.from} by ${pair.cause}`;
    expect([about, row.state, row.attempts, row.failure]).toEqual([
      about,
      change.state,
      change.attempts,
      change.failure,
    ]);
    const late = change.nextAttemptAt === null ? 0 : change.nextAttemptAt.getTime() - new Date(row.due!).getTime();
    expect(row.due === null).toBe(change.nextAttemptAt === null);
    expect(late).toBeGreaterThanOrEqual(0);
    expect(late).toBeLessThanOrEqual(now - began + 1);
  }
  // Each move takes a place in the user's feed, and none is taken twice.
  expect(new Set(moved.map(({ feedSeq }) => feedSeq)).size).toBe(moved.length);
});

it('a message that has moved since it was read stays as it is', async () => {
  const [pair] = PAIRS.filter(({ from, cause }) => from === 'submitting' && cause === 'accepted');
  await store([pair!]);
  const [read] = [...(await stored()).values()];
  await world.db.query(sql`update message set state = 'delivered' where id = ${pair!.id}`);
  expect(await world.app.get(MessageStore).move([{ message: read!, cause: 'accepted' }])).toEqual([]);
  expect((await stored()).get(pair!.id)!.state).toBe('delivered');
});

it('the columns are those of the table', async () => {
  const columns = await world.db.query<{ name: string; type: string }>(sql`
    select attname as name, format_type(atttypid, atttypmod) as type from pg_attribute
    where attrelid = 'message'::regclass and attnum > 0 and not attisdropped order by attnum`);
  const types = columns.map(({ name, type }) => [name, type.replace('timestamp with time zone', 'timestamptz')]);
  expect(Object.entries(COLUMN_TYPES)).toEqual(types);
});
