/**
 * Takes texts that are to be sent. All that arrive together become rows with one statement, prepared once: it finds the
 * number, checks everything that can forbid the text, and takes the places in the conversation and in the user's feed.
 */
import { Injectable } from '@nestjs/common';
import { carriers } from '@strowger/cpaas';
import { newId, reachIn, type TenantScope } from '@strowger/kernel';
import { arrayLiteral, Db, sql, type RawBuilder } from '@strowger/persistence';
import { analyze, splitForSingles } from '@strowger/sms';
import { FeedService } from './feed.service.js';
import { MESSAGE_COLUMNS, type MessageRow, type MessageTable } from './message.js';

export interface NewOutbound {
  id: string;
  /** The user whose number it is sent from, and the scope in which the caller must find that user. */
  userId: string;
  scope: TenantScope;
  /** An owned number, E.164; without it the user's only one. */
  from?: string;
  /** Exactly this assignment, for our own answers. */
  numberId?: string;
  /** E.164, or a short code. */
  remote: string;
  text: string;
  /** Our own answer to a keyword, which is sent even after an opt-out. */
  automatic?: boolean;
}

/** Why a text is not taken; nothing of it is kept then. */
export type Refusal =
  | 'no-number'
  | 'sender-required'
  | 'number-not-owned'
  | 'not-licensed'
  | 'sms-not-available'
  | 'opted-out'
  | 'remote-blocked';
/** `known`: a text with this id is stored already; it may be a different text. */
export type Queued =
  | { verdict: 'queued'; message: MessageRow }
  | { verdict: 'known'; message: MessageRow; numberId: string }
  /** `numbers`: all that the user may send from, E.164. */
  | { verdict: Refusal; numbers: string[] };

type Verdict = { verdict: Queued['verdict']; numbers: string[] | null; chosenId: string | null };
type Stored = { [C in keyof MessageRow]: MessageRow[C] | null } & { id: string | null };

/** The levels' columns of `owned_number`. */
const LEVELS = {
  'system-provider': 'system_provider_id',
  reseller: 'reseller_id',
  group: 'group_id',
  user: 'user_id',
} as const;
/** Instead of a column, for scopes that see all numbers or none. */
const MARKS = { everything: '*', nothing: '' } as const;

@Injectable()
export class QueueStore {
  constructor(
    private readonly db: Db,
    private readonly feed: FeedService,
  ) {}

  /** Stores texts as `queued`, in order, each shown to its user at once. Joins the caller's transaction. No two may have the same id. */
  async add(texts: readonly NewOutbound[]): Promise<Queued[]> {
    return this.db.transactional(async () => {
      const answers = await this.db.query<Verdict & Stored>(statementFor(texts));
      const stored = answers.map((answer) => (isStored(answer) ? answer : undefined));
      this.feed.pushAfterCommit(
        'message.created',
        stored.filter((row) => row !== undefined),
      );
      // Known before, or since the statement began to run: another request with the same id was quicker.
      const others = texts.filter((_, i) => !stored[i] && ['known', 'queued'].includes(answers[i]!.verdict));
      const known = new Map((await this.rows(others.map(({ id }) => id))).map((row) => [row.id, row]));
      return answers.map(({ verdict, numbers, chosenId }, i): Queued => {
        const message = stored[i];
        if (message) return { verdict: 'queued', message };
        if (verdict === 'queued' || verdict === 'known')
          return { verdict: 'known', message: known.get(texts[i]!.id)!, numberId: chosenId! };
        return { verdict, numbers: numbers ?? [] };
      });
    });
  }

  private async rows(ids: readonly string[]): Promise<MessageRow[]> {
    if (ids.length === 0) return [];
    return this.db.query<MessageRow>(
      sql`select ${MESSAGE_COLUMNS} from message where id = any(${arrayLiteral(ids)}::uuid[])`,
    );
  }
}

const isStored = (row: Verdict & Stored): row is Verdict & MessageRow => row.id !== null;

/** How a long text is sent is decided when it is accepted. Null where one request takes it all. */
function partsOf(text: string): string | null {
  const { parts } = splitForSingles(text);
  return parts.length > 1 ? JSON.stringify(parts) : null;
}

function statementFor(texts: readonly NewOutbound[]): RawBuilder<Verdict & Stored> {
  const analyzed = texts.map(({ text }) => analyze(text));
  const reaches = texts.map(({ scope }) => reachIn(scope, LEVELS));
  const asked: [type: string, values: readonly (string | number | boolean | null)[]][] = [
    ['uuid', texts.map((t) => t.id)],
    ['uuid', texts.map((t) => t.userId)],
    ['text', reaches.map((reach) => (typeof reach === 'object' ? reach.column : MARKS[reach]))],
    ['text', reaches.map((reach) => (typeof reach === 'object' ? reach.ids.join(' ') : ''))],
    ['text', texts.map((t) => t.from ?? null)],
    ['uuid', texts.map((t) => t.numberId ?? null)],
    ['text', texts.map((t) => t.remote)],
    ['text', texts.map((t) => t.text)],
    ['boolean', texts.map((t) => t.automatic ?? false)],
    ['text', analyzed.map((a) => a.encoding)],
    ['smallint', analyzed.map((a) => a.segments)],
    ['jsonb', texts.map((t) => partsOf(t.text))],
    ['uuid', texts.map(() => newId())],
  ];
  const arrays = sql.join(asked.map(([type, values]) => sql`${arrayLiteral(values)}::${sql.raw(type)}[]`));
  const passthrough = carriers()
    .filter(({ manifest }) => manifest.longMessages === 'passthrough')
    .map(({ manifest }) => manifest.kind);
  const { columns, values } = rowOf({
    id: 'v.id',
    conversation_id: 't.id',
    number_id: 'v.number_id',
    user_id: 'v.user_id',
    system_provider_id: 'v.system_provider_id',
    reseller_id: 'v.reseller_id',
    group_id: 'v.group_id',
    platform_id: 'v.platform_id',
    direction: `'outbound'`,
    number: 'v.e164',
    remote: 'v.remote',
    body: 'v.body',
    state: `'queued'`,
    encoding: 'v.encoding',
    segments: 'v.segments',
    // The database's clock now, not the transaction's start or a process's clock: a conversation is sent in this order.
    created_at: `statement_timestamp() + v.at * interval '1 microsecond'`,
    feed_created: 'v.position',
    feed_seq: 'v.position',
    next_attempt_at: 'statement_timestamp()',
    automatic: 'v.automatic',
    parts: `case when v.parts is null then null when v.passthrough then array[v.body]
                 else array(select part from jsonb_array_elements_text(v.parts) with ordinality as p(part, at) order by at) end`,
  });
  // Conversations before feeds, each in order, as everywhere, so no two transactions wait for each other.
  return sql<Verdict & Stored>`
    with asked as materialized (
      select * from unnest(${arrays}) with ordinality
        as a(id, user_id, level, reached, sender, exact_id, remote, body, automatic, encoding, segments, parts, thread_id, at)),
    chosen as materialized (
      select a.at, array_agg(n.e164 order by n.number_id) filter (where n.e164 is not null) as numbers,
             count(n.number_id) as owned,
             (array_agg(n.number_id order by n.number_id) filter (where (a.sender is null or n.e164 = a.sender) and (a.exact_id is null or n.number_id = a.exact_id)))[1] as number_id
      from asked a
      left join owned_number n on n.user_id = a.user_id and n.active
        and (a.level = '*' or (case a.level when 'system_provider_id' then n.system_provider_id when 'reseller_id' then n.reseller_id
                                                     when 'group_id' then n.group_id when 'user_id' then n.user_id end)::text = any(string_to_array(a.reached, ' ')))
      group by a.at),
    verdicts as materialized (
      select a.id, a.remote, a.body, a.automatic, a.encoding, a.segments, a.parts, a.thread_id, a.at,
             c.numbers, n.number_id, n.user_id, n.system_provider_id, n.reseller_id, n.group_id, n.platform_id, n.e164, p.kind = any(${passthrough}::text[]) as passthrough,
             case when c.owned = 0 then 'no-number'
                  when c.owned > 1 and a.sender is null and a.exact_id is null then 'sender-required'
                  when c.number_id is null then 'number-not-owned'
                  when m.id is not null then 'known'
                  when a.automatic then 'queued'
                  when e.entitled is not true then 'not-licensed'
                  when p.sms_available is false then 'sms-not-available'
                  when o.id is not null then 'opted-out'
                  when b.id is not null then 'remote-blocked'
                  else 'queued' end as verdict
      from asked a
      join chosen c on c.at = a.at
      left join owned_number n on n.number_id = c.number_id
      left join message m on m.id = a.id
      left join user_entitlement e on e.user_id = n.user_id
      left join platform p on p.platform_id = n.platform_id
      left join opt_out o on o.number = n.e164 and o.remote = a.remote and o.cleared_at is null
      left join block b on b.user_id = n.user_id and b.remote = a.remote),
    thread as (
      insert into conversation (id, number_id, user_id, system_provider_id, reseller_id, group_id, number, remote, last_message_at)
      select distinct on (number_id, remote) thread_id, number_id, user_id, system_provider_id, reseller_id, group_id, e164, remote, statement_timestamp()
      from verdicts where verdict = 'queued' order by number_id, remote
      on conflict on constraint conversation_thread do update set last_message_at = excluded.last_message_at
      returning id, number_id, remote),
    feed as (
      insert into user_feed (user_id, head)
      select user_id, count(*) from verdicts where verdict = 'queued' and (select count(*) from thread) > 0 group by user_id order by user_id
      on conflict (user_id) do update set head = user_feed.head + excluded.head
      returning user_id, head),
    placed as (
      select q.*, f.head - count(*) over (partition by q.user_id) + row_number() over (partition by q.user_id order by q.at) as position
      from verdicts q join feed f on f.user_id = q.user_id where q.verdict = 'queued'),
    stored as (
      insert into message (${columns}) select ${values} from placed v join thread t on t.number_id = v.number_id and t.remote = v.remote order by v.at
      on conflict (id) do nothing returning ${MESSAGE_COLUMNS})
    select v.verdict, v.numbers, v.number_id as "chosenId", s.* from verdicts v left join stored s on s.id = v.id order by v.at`;
}

/** For `insert into message (columns) select values from …`: one SQL expression for each column. */
function rowOf(given: { [C in keyof MessageTable]?: string }) {
  return { columns: sql.raw(Object.keys(given).join(', ')), values: sql.raw(Object.values(given).join(', ')) };
}
