import type { EntityManager } from '@mikro-orm/postgresql';
import { Batched, type SerializedError } from '@strowger/kernel';
import { CompiledQuery } from 'kysely';

/** What the saga needs of the service's database; `Db` of @strowger/persistence is one. */
export interface SagaDb {
  /** The ambient transaction's EntityManager, else a fresh one. */
  em(): EntityManager;
  transactional<T>(work: (em: EntityManager) => Promise<T>): Promise<T>;
  /** Runs the hook once the ambient transaction has committed, at once when there is none. */
  afterCommit(hook: () => unknown): void;
}

export type SagaState = 'running' | 'waiting' | 'undoing' | 'done' | 'undone' | 'stuck';
export type Phase = 'run' | 'undo';
export type StepState = 'started' | 'done' | 'failed';

export interface StepRecord {
  step: string;
  phase: Phase;
  state: StepState;
  attempt: number;
  output?: unknown;
  error?: SerializedError | null;
  /** Milliseconds since 1970, by the database's clock. */
  startedAt: number;
  finishedAt?: number | null;
}

export interface SagaRecord {
  id: string;
  name: string;
  subject: string;
  tenantId: string | null;
  steps: string[];
  state: SagaState;
  phase: Phase;
  /** Where it stands; null when all steps (or undos) are through and only the end remains. */
  step: string | null;
  input: unknown;
  signals: Record<string, object>;
  error: SerializedError | null;
  failedStep: string | null;
  undoError: SerializedError | null;
  traceparent: string | null;
  attempts: number;
  leaseToken: string;
  createdAt: number;
  finishedAt: number | null;
  /** The database's clock when the record was read. */
  now: number;
  journal: StepRecord[];
}

/** The right to write a saga's journal, until another runner claims it. */
export interface Lease {
  id: string;
  leaseToken: string;
}

export interface NewSaga {
  id: string;
  name: string;
  subject: string;
  tenantId?: string;
  steps: readonly string[];
  input: unknown;
  traceparent?: string;
}

/** One change of the journal, written by one statement. */
export interface Move {
  to: { state: SagaState; phase: Phase; step: string | null };
  /** Writes the intent to do `to.step`: before the effect, so that a crash leaves a trace of it. */
  open?: boolean;
  close?: { step: string; phase: Phase; state: 'done' | 'failed'; output?: unknown; error?: SerializedError };
  failure?: { error: SerializedError; failedStep: string };
  undoError?: SerializedError;
  /** Gives the lease back; due again after so long. */
  release?: { delayMs: number };
  finish?: boolean;
}

const epoch = (column: string): string => `(extract(epoch from ${column}) * 1000)::float8`;
const json = (value: unknown): string | null => (value === undefined || value === null ? null : JSON.stringify(value));

const RECORD = `s.id, s.name, s.subject, s.tenant_id as "tenantId", s.steps::text as steps, s.state, s.phase, s.step, s.input::text as input,
  s.signals::text as signals, s.error::text as error, s.failed_step as "failedStep", s.undo_error::text as "undoError", s.traceparent, s.attempts,
  s.lease_token::text as "leaseToken", ${epoch('s.created_at')} as "createdAt", ${epoch('s.finished_at')} as "finishedAt",
  ${epoch('clock_timestamp()')} as now,
  (select coalesce(json_agg(json_build_object('step', j.step, 'phase', j.phase, 'state', j.state, 'attempt', j.attempt, 'output', j.output,
    'error', j.error, 'startedAt', ${epoch('j.started_at')}, 'finishedAt', ${epoch('j.finished_at')})
    order by j.phase, j.finished_at nulls last, j.started_at), '[]')::text from saga_step j where j.saga_id = s.id) as journal`;

const UNLEASED = `(lease_until is null or lease_until < clock_timestamp())`;
const MS = (parameter: string): string => `(${parameter}::float8 * interval '1 millisecond')`;

type RawRecord = {
  [K in keyof SagaRecord]: SagaRecord[K] extends string | number | null ? SagaRecord[K] : string | null;
};
const parse = (raw: RawRecord): SagaRecord => {
  const record: Record<string, unknown> = { ...raw };
  for (const key of ['steps', 'input', 'signals', 'error', 'undoError', 'journal'])
    if (typeof record[key] === 'string') record[key] = JSON.parse(record[key]);
  return record as unknown as SagaRecord;
};

interface LeasedMove {
  lease: Lease;
  move: Move;
}

/** A move as the columns of its statement; what is absent is null there. */
const rowOf = ({ lease, move }: LeasedMove): object => ({
  id: lease.id,
  token: lease.leaseToken,
  ...move.to,
  release: move.release?.delayMs,
  finish: move.finish ?? false,
  error: move.failure?.error,
  failed_step: move.failure?.failedStep,
  undo_error: move.undoError,
  closed_step: move.close?.step,
  closed_phase: move.close?.phase,
  closed_state: move.close?.state,
  output: move.close?.output,
  closed_error: move.close?.error,
  open: move.open ?? false,
});

/** Plain SQL on the journal tables: few statements and no entities, for this is written at every step. */
export class SagaJournal {
  private readonly moves = new Batched<LeasedMove, { attempt: number } | undefined>(
    async (moves) => {
      const written = await this.write(moves);
      return moves.map(({ lease }) => written.get(lease.id));
    },
    { onFailure: 'each' },
  );

  constructor(private readonly db: SagaDb) {}

  private async query<T>(text: string, params: unknown[], em: EntityManager = this.db.em()): Promise<T[]> {
    return (await em.getKysely().executeQuery<T>(CompiledQuery.raw(text, params))).rows;
  }

  /** Joins the ambient transaction. Returns what is there when the id is taken. */
  async insert(saga: NewSaga): Promise<{ inserted: boolean; same: boolean }> {
    const em = this.db.em();
    const params = [
      saga.id,
      saga.name,
      saga.subject,
      saga.tenantId ?? null,
      json(saga.steps),
      json(saga.input) ?? 'null',
    ];
    const inserted = await this.query(
      `insert into saga (id, name, subject, tenant_id, steps, input, traceparent, state, step)
       values ($1, $2, $3, $4, $5::jsonb, $6::jsonb, $7, 'running', $8) on conflict (id) do nothing returning id`,
      [...params, saga.traceparent ?? null, saga.steps[0] ?? null],
      em,
    );
    if (inserted.length > 0) return { inserted: true, same: true };
    const [existing] = await this.query<{ same: boolean }>(
      'select name = $2 and input = $3::jsonb as same from saga where id = $1',
      [saga.id, saga.name, params[5]],
      em,
    );
    return { inserted: false, same: existing?.same ?? false };
  }

  /**
   * Takes sagas nobody holds: the given ids, or those that are due. Each claim raises the token, so a runner that lost
   * its lease without noticing can no longer write.
   */
  async claim(by: {
    owner: string;
    leaseMs: number;
    names: string[];
    limit: number;
    ids?: string[];
    early?: boolean;
  }): Promise<SagaRecord[]> {
    const which = by.ids ? 'and id = any($5)' : '';
    const due = by.early ? `state in ('running', 'undoing')` : 'next_run_at <= clock_timestamp()';
    const rows = await this.query<RawRecord>(
      `with due as (
         select id from saga where finished_at is null and ${due} and ${UNLEASED} and name = any($3) ${which}
         order by next_run_at limit $4 for update skip locked
       ), s as (
         update saga set lease_owner = $1, lease_token = lease_token + 1, lease_until = clock_timestamp() + ${MS('$2')}
         from due where saga.id = due.id returning saga.*
       ) select ${RECORD} from s`,
      [by.owner, by.leaseMs, by.names, by.limit, ...(by.ids ? [by.ids] : [])],
    );
    return rows.map(parse);
  }

  /** Prolongs leases; returns the ids still held. */
  async heartbeat(owner: string, leases: Lease[], leaseMs: number): Promise<Set<string>> {
    const rows = await this.query<{ id: string }>(
      `with locked as (
         select s.id from saga s join unnest($3::text[], $4::bigint[]) as held (id, token) on s.id = held.id and s.lease_token = held.token
         where s.lease_owner = $2 order by s.id for update of s
       ) update saga s set lease_until = clock_timestamp() + ${MS('$1')} from locked where s.id = locked.id returning s.id`,
      [leaseMs, owner, leases.map((lease) => lease.id), leases.map((lease) => lease.leaseToken)],
    );
    return new Set(rows.map((row) => row.id));
  }

  /**
   * Undefined when the lease is lost and nothing was written; else the attempt of the step just opened. Without `em` it
   * shares its statement with moves of other sagas: those that come while one statement runs go into the next.
   */
  async move(lease: Lease, move: Move, em?: EntityManager): Promise<{ attempt: number } | undefined> {
    if (em) return (await this.write([{ lease, move }], em)).get(lease.id);
    return await this.moves.add({ lease, move });
  }

  /** Rows are locked in one order everywhere, so that two statements can't wait for each other. */
  private async write(moves: readonly LeasedMove[], em?: EntityManager): Promise<Map<string, { attempt: number }>> {
    const rows = await this.query<{ id: string; attempt: number | null }>(
      `with m as (
         select * from jsonb_to_recordset($1::jsonb) as m (id text, token bigint, state text, phase text, step text, release float8,
           finish boolean, error jsonb, failed_step text, undo_error jsonb, closed_step text, closed_phase text, closed_state text,
           output jsonb, closed_error jsonb, open boolean)
       ), locked as (
         select s.id from saga s join m on s.id = m.id and s.lease_token = m.token where s.finished_at is null
         order by s.id for update of s
       ), held as (
         update saga s set state = m.state, phase = m.phase, step = m.step, updated_at = clock_timestamp(),
           attempts = case when m.release is not null then attempts + 1 else 0 end,
           next_run_at = case when m.release is not null then
             case when m.state = 'waiting' and jsonb_exists(signals, m.step) then clock_timestamp()
               else clock_timestamp() + ${MS('m.release')} end else next_run_at end,
           lease_owner = case when m.release is not null or m.finish then null else lease_owner end,
           lease_until = case when m.release is not null or m.finish then null else lease_until end,
           finished_at = case when m.finish then clock_timestamp() end,
           error = coalesce(m.error, s.error), failed_step = coalesce(m.failed_step, s.failed_step), undo_error = m.undo_error
         from locked join m using (id) where s.id = locked.id returning s.id
       ), closed as (
         update saga_step j set state = m.closed_state, output = m.output, error = m.closed_error, finished_at = clock_timestamp()
         from held join m using (id) where j.saga_id = held.id and j.phase = m.closed_phase and j.step = m.closed_step
       ), opened as (
         insert into saga_step (saga_id, step, phase, state) select m.id, m.step, m.phase, 'started' from held join m using (id) where m.open
         on conflict (saga_id, phase, step) do update
           set state = 'started', attempt = saga_step.attempt + 1, started_at = clock_timestamp(), finished_at = null
         returning saga_id, attempt
       ) select held.id, opened.attempt from held left join opened on opened.saga_id = held.id`,
      [JSON.stringify(moves.map(rowOf))],
      em,
    );
    return new Map(rows.map(({ id, attempt }) => [id, { attempt: attempt ?? 0 }]));
  }

  /** Gives a lease back without a change, due at once. */
  async release({ id, leaseToken }: Lease): Promise<void> {
    await this.query(
      'update saga set lease_owner = null, lease_until = null, next_run_at = clock_timestamp() where id = $1 and lease_token = $2',
      [id, leaseToken],
    );
  }

  /** Joins the ambient transaction. The first signal for a step counts; an early one waits for the saga to get there. */
  async signal(id: string, step: string, event: object): Promise<boolean> {
    const rows = await this.query(
      `update saga set signals = signals || jsonb_build_object($2::text, $3::jsonb),
         next_run_at = case when state = 'waiting' then clock_timestamp() else next_run_at end
       where id = $1 and finished_at is null and not jsonb_exists(signals, $2) returning id`,
      [id, step, JSON.stringify(event)],
    );
    return rows.length > 0;
  }

  async find(id: string): Promise<SagaRecord | undefined> {
    const [row] = await this.query<RawRecord>(`select ${RECORD} from saga s where s.id = $1`, [id]);
    return row && parse(row);
  }

  /** Unfinished sagas of one subject, oldest first. */
  async openOf(subject: string): Promise<{ id: string; name: string }[]> {
    return this.query('select id, name from saga where subject = $1 and finished_at is null order by created_at', [
      subject,
    ]);
  }

  /** Names of unfinished sagas that are not among the given ones. */
  async orphans(names: string[]): Promise<{ name: string; count: number }[]> {
    return this.query(
      'select name, count(*)::int as count from saga where finished_at is null and name <> all($1) group by name order by name',
      [names],
    );
  }

  /** How many are unfinished; `due` counts those somebody should be running now or after a backoff. */
  async counts(): Promise<{ due: number; waiting: number; stuck: number }> {
    const [row] = await this.query<{ due: number; waiting: number; stuck: number }>(
      `select count(*) filter (where state in ('running', 'undoing'))::int as due, count(*) filter (where state = 'waiting')::int as waiting,
         count(*) filter (where state = 'stuck')::int as stuck from saga where finished_at is null`,
      [],
    );
    return row!;
  }

  /** Forgets finished sagas older than so many days; returns how many. */
  async purge(days: number, limit = 1000): Promise<number> {
    const rows = await this.query(
      `delete from saga where id in (select id from saga where finished_at < clock_timestamp() - $1 * interval '1 day' limit $2) returning id`,
      [days, limit],
    );
    return rows.length;
  }
}
