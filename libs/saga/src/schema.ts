/**
 * Journal tables; a service's first migration includes them. Inputs, outputs and errors are stored as given: a secret
 * may only be in them as a SecretBox envelope.
 */
export const SAGA_SQL = `
create table saga (
  id text primary key,
  name text not null,
  subject text not null,
  tenant_id text,
  steps jsonb not null,
  state text not null check (state in ('running', 'waiting', 'undoing', 'done', 'undone', 'stuck')),
  phase text not null default 'run' check (phase in ('run', 'undo')),
  step text,
  input jsonb not null,
  signals jsonb not null default '{}',
  error jsonb,
  failed_step text,
  undo_error jsonb,
  traceparent text,
  attempts int not null default 0,
  lease_owner text,
  lease_token bigint not null default 0,
  lease_until timestamptz,
  next_run_at timestamptz not null default clock_timestamp(),
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  finished_at timestamptz
);
create index saga_due on saga (next_run_at) where finished_at is null;
create index saga_subject on saga (subject);
create table saga_step (
  saga_id text not null references saga (id) on delete cascade,
  step text not null,
  phase text not null check (phase in ('run', 'undo')),
  state text not null check (state in ('started', 'done', 'failed')),
  attempt int not null default 1,
  output jsonb,
  error jsonb,
  started_at timestamptz not null default clock_timestamp(),
  finished_at timestamptz,
  primary key (saga_id, phase, step)
);
`;
