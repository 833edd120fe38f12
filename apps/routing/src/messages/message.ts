/**
 * A message: where it can be, what moves it on, and its table. Each change of state goes through `transition`, or through
 * a statement whose condition and assignments are made from the same rules (`mayChange`, `changesOf`). The statements
 * stand in the stores beside this file; nothing else writes these tables.
 */
import type { MessageFailure, MessageState, MessageView } from '@strowger/contracts-routing';
import { sql, type RawBuilder } from '@strowger/persistence';
import {
  advance,
  isFinal,
  MESSAGE_STATES as OUTBOUND_STATES,
  splitForSingles,
  type MessageState as OutboundState,
} from '@strowger/sms';
import type { ColumnType, Generated, Selectable } from 'kysely';

/** What moves a message from one state to the next. */
export type Cause =
  /** Its user may have messages now. */
  | 'licensed'
  /** A sender takes it, or returns it before the carrier was asked. */
  | 'claimed'
  | 'handed-back'
  /** Nobody knows whether the carrier took it: a sender takes it to look for it. */
  | 'searched'
  /** What the carrier answered: it has it · nothing · not now. The last is also a search that proves it is not there. */
  | 'accepted'
  | 'unanswered'
  | 'not-taken'
  /** It will not be sent: refused for good, tried too often, or the number it is from was released. */
  | 'given-up'
  /** The other party opted out while it waited. */
  | 'opted-out'
  /** A person asks for it once more. */
  | 'retried'
  /** All its parts were found at the carrier, and this is what their states come to. */
  | `found:${OutboundState}`
  /** A receipt came, and this is what the states of its parts come to. */
  | `receipt:${OutboundState}`;

interface Rule {
  from: readonly MessageState[];
  to: MessageState;
  /** A claim begins an attempt; handing back takes it out again. */
  attempts?: 1 | -1;
  /** When it is looked at next: when the claim's lease ends, at once, or at the caller's time. Without it: never. */
  due?: 'lease' | 'at-once' | 'as-given';
  /** The failure shown stays as it is. Without it the caller's replaces it, or nothing does. */
  keepsFailure?: true;
}

/** A process that dies keeps its messages this long; then they are looked for at the carrier. */
export const LEASE_SECONDS = 120;

/** Asked of the carrier, with no answer kept yet. */
const ASKED = ['submitting', 'submitted-unknown'] as const;
/** The sender has something left to do; a receipt waits for what comes of that. */
const UNDER_WAY: readonly MessageState[] = ['queued', ...ASKED];

const RULES: Readonly<Record<Cause, Rule>> = {
  licensed: { from: ['held'], to: 'received' },
  claimed: { from: ['queued'], to: 'submitting', attempts: 1, due: 'lease', keepsFailure: true },
  'handed-back': { from: ['submitting'], to: 'queued', attempts: -1, due: 'as-given', keepsFailure: true },
  searched: { from: ASKED, to: 'submitted-unknown', due: 'lease', keepsFailure: true },
  accepted: { from: ['submitting'], to: 'accepted' },
  unanswered: { from: ASKED, to: 'submitted-unknown', due: 'as-given' },
  'not-taken': { from: ASKED, to: 'queued', due: 'as-given' },
  'given-up': { from: ASKED, to: 'failed' },
  'opted-out': { from: ['submitting'], to: 'blocked' },
  retried: { from: ['failed', 'undelivered', 'rejected', 'expired'], to: 'queued', due: 'at-once' },
  ...ruleOfEach('found', ['submitted-unknown']),
  ...ruleOfEach(
    'receipt',
    OUTBOUND_STATES.filter((state) => !UNDER_WAY.includes(state)),
  ),
};

/** What carriers report moves a message forward only, in whichever order it comes. */
function ruleOfEach<C extends 'found' | 'receipt'>(cause: C, from: readonly OutboundState[]) {
  const rules = OUTBOUND_STATES.map((to) => [
    `${cause}:${to}`,
    { from: from.filter((state) => advance(state, to)), to },
  ]);
  return Object.fromEntries(rules) as Record<`${C}:${OutboundState}`, Rule>;
}

/** Whether the cause may move the message from where it is. */
export const mayMove = (message: Pick<MessageRow, 'state'>, cause: Cause): boolean =>
  RULES[cause].from.includes(message.state);

/** What every message becomes that the cause may move. */
export const stateAfter = (cause: Cause): MessageState => RULES[cause].to;

export const CAUSES = Object.keys(RULES) as Cause[];

/** What one cause changes in a message. */
export interface Change {
  state: MessageState;
  attempts: number;
  nextAttemptAt: Date | null;
  failure: MessageFailure | null;
}

/** What the message becomes at the given time; undefined where the cause may not move it from where it is. */
export function transition(
  message: Pick<MessageRow, 'state' | 'attempts' | 'failure'>,
  cause: Cause,
  at: Date,
  { again = null, failure = null }: { again?: Date | null; failure?: MessageFailure | null } = {},
): Change | undefined {
  const { to, attempts = 0, due, keepsFailure } = RULES[cause];
  if (!mayMove(message, cause)) return undefined;
  const dueAt = {
    lease: new Date(at.getTime() + LEASE_SECONDS * 1000),
    'at-once': at,
    'as-given': again,
    never: null,
  };
  return {
    state: to,
    attempts: message.attempts + attempts,
    nextAttemptAt: dueAt[due ?? 'never'],
    failure: keepsFailure ? message.failure : failure,
  };
}

/** `transition`'s condition in SQL, of a row with a `state` such as a message or an attempt. */
export function mayChange(row: 'message' | 'm' | 'send_attempt', cause: Cause): RawBuilder<boolean> {
  const states = RULES[cause].from.map((state) => `'${state}'`);
  return sql.raw(states.length === 0 ? 'false' : `${row}.state in (${states.join(', ')})`);
}

/**
 * `transition`'s effect in SQL, but for a failure the caller gives. By the database's clock, the only one that all
 * processes share: a lease must not end early because two machines disagree.
 */
export function changesOf(cause: Cause, again: Date | null = null): RawBuilder<unknown> {
  const { to, attempts, due, keepsFailure } = RULES[cause];
  const dueAt = {
    lease: sql.raw(`now() + interval '${LEASE_SECONDS} seconds'`),
    'at-once': sql.raw('now()'),
    'as-given': sql`${again}::timestamptz`,
    never: sql.raw('null'),
  };
  const counted = attempts === undefined ? '' : `, attempts = message.attempts + ${attempts}`;
  const cleared = keepsFailure ? '' : ', failure = null';
  return sql`${sql.raw(`state = '${to}'${counted}${cleared}`)}, next_attempt_at = ${dueAt[due ?? 'never']}`;
}

/** The newest attempt of each part decides; this is what their states say of the whole message. */
export interface PartState {
  part: number;
  state: OutboundState;
}

const WORST_FIRST: readonly OutboundState[] = ['failed', 'rejected', 'undelivered', 'expired', 'unknown'];
const SLOWEST_FIRST: readonly OutboundState[] = ['queued', 'submitting', 'submitted-unknown', 'accepted', 'sent'];

/** Worst wins among ended parts; while one is under way, the slowest decides how far the message is. */
export function stateOfParts(parts: readonly PartState[]): OutboundState {
  const states = parts.map((part) => part.state);
  const worst = WORST_FIRST.find((state) => states.includes(state));
  if (states.every(isFinal)) return worst ?? 'delivered';
  // One part was refused for good, so the message can't arrive whole.
  if (worst && worst !== 'unknown') return worst;
  return SLOWEST_FIRST.find((state) => states.includes(state)) ?? 'accepted';
}

/** What SQL returns of a timestamp is text; what it takes may be a Date. */
type Timestamp = ColumnType<string, Date | string, Date | string>;
type NullableTimestamp = ColumnType<string | null, Date | string | null | undefined, Date | string | null>;
/** Read as `float8`: positions stay far below what a number holds exactly. */
type Position = number | null;

export interface MessageTable {
  id: string;
  conversation_id: string;
  number_id: string;
  user_id: string;
  system_provider_id: string;
  reseller_id: string;
  group_id: string;
  platform_id: string;
  direction: 'inbound' | 'outbound';
  number: string;
  remote: string;
  body: string;
  state: MessageState;
  encoding: 'GSM-7' | 'UCS-2';
  segments: number;
  created_at: Timestamp;
  /** Inbound: the carrier's id. Outbound ids are with the attempts. */
  carrier_message_id: string | null;
  failure: ColumnType<MessageFailure | null, string | null | undefined, string | null>;
  /** Positions of its making and of its last change in the user's feed; null while the user must not see it. */
  feed_created: Position;
  feed_seq: Position;
  attempts: Generated<number>;
  next_attempt_at: NullableTimestamp;
  automatic: Generated<boolean>;
  reread: Generated<boolean>;
  /** Outbound: what is sent in one request each, in order. Null: `partsOf` says. */
  parts: string[] | null;
}

/** One try at sending one part. Tries are kept: a retry is a new row. */
export interface SendAttemptTable {
  id: string;
  message_id: string;
  platform_id: string;
  part: number;
  attempt: number;
  state: OutboundState;
  carrier_message_id: string | null;
  carrier_status: string | null;
  error: string | null;
  probes: Generated<number>;
  started_at: Timestamp;
  finished_at: NullableTimestamp;
  /** When it is looked up, should its last receipt not have come by then; null: never. */
  look_at: NullableTimestamp;
  looks: Generated<number>;
}

/** For `em.getKysely<MessageTables>()`. */
export interface MessageTables {
  message: MessageTable;
  send_attempt: SendAttemptTable;
}

/** Postgres's types of the columns, for arrays of values; all columns, in the table's order. */
export const COLUMN_TYPES: Readonly<Record<keyof MessageTable, string>> = {
  id: 'uuid',
  conversation_id: 'uuid',
  number_id: 'uuid',
  user_id: 'uuid',
  system_provider_id: 'uuid',
  reseller_id: 'uuid',
  group_id: 'uuid',
  platform_id: 'uuid',
  direction: 'text',
  number: 'text',
  remote: 'text',
  body: 'text',
  state: 'text',
  encoding: 'text',
  segments: 'smallint',
  created_at: 'timestamptz',
  carrier_message_id: 'text',
  failure: 'jsonb',
  feed_created: 'bigint',
  feed_seq: 'bigint',
  attempts: 'smallint',
  next_attempt_at: 'timestamptz',
  automatic: 'boolean',
  reread: 'boolean',
  parts: 'text[]',
};

/** Columns that no rule and no view needs. */
const LEFT_OUT = ['reseller_id', 'group_id', 'carrier_message_id', 'next_attempt_at', 'reread'] as const;
type RowColumn = Exclude<keyof MessageTable, (typeof LEFT_OUT)[number]>;
type CamelCase<S extends string> = S extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : S;

/** A message as the queries of this service return it. */
export type MessageRow = { [C in RowColumn as CamelCase<C>]: Selectable<MessageTable>[C] };

/** The columns of a MessageRow, for `select … from message` and `returning …`. */
export const MESSAGE_COLUMNS = sql.raw(
  Object.entries(COLUMN_TYPES)
    .filter(([column]) => !(LEFT_OUT as readonly string[]).includes(column))
    .map(([column, type]) => {
      const name = column.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
      return `message.${column}${type === 'bigint' ? '::float8' : ''} as "${name}"`;
    })
    .join(', '),
);

/** What is sent of the message. Texts of one segment, and those that version 0.1.0 accepted, keep no parts of their own. */
export const partsOf = ({ parts, body }: Pick<MessageRow, 'parts' | 'body'>): readonly string[] =>
  parts ?? splitForSingles(body).parts;

export const messageViewOf = (row: MessageRow): MessageView => ({
  id: row.id,
  conversationId: row.conversationId,
  direction: row.direction,
  number: row.number,
  remote: row.remote,
  text: row.body,
  state: row.state,
  encoding: row.encoding,
  segments: row.segments,
  createdAt: new Date(row.createdAt).toISOString(),
  ...(row.failure ? { failure: row.failure } : {}),
  cursor: row.feedSeq ?? 0,
});
