import type { SerializedError } from '@strowger/kernel';
import type { Phase, SagaRecord, SagaState, StepState } from './journal.js';

/** Where a saga stands, for operations, timelines and support. Never holds more than the steps put in. */
export interface SagaView {
  id: string;
  name: string;
  subject: string;
  tenantId?: string;
  state: SagaState;
  /** Current step; absent once it ended. */
  step?: string;
  input: unknown;
  outputs: Record<string, unknown>;
  /** Why it is undone, being undone, or stuck. `outcome: 'unknown'` says that nobody knows whether it worked. */
  error?: SerializedError;
  failedStep?: string;
  /** Steps that were undone, in the order in which it happened. */
  undone: string[];
  /** Why the current undo does not succeed. */
  undoError?: SerializedError;
  timeline: {
    step: string;
    phase: Phase;
    state: StepState;
    attempt: number;
    error?: SerializedError;
    startedAt: Date;
    finishedAt?: Date;
  }[];
  startedAt: Date;
  finishedAt?: Date;
}

export const isAtRest = (state: SagaState): boolean => state === 'done' || state === 'undone' || state === 'stuck';

export function viewOf(record: SagaRecord): SagaView {
  const { id, name, subject, tenantId, state, step, input, error, failedStep, undoError, journal } = record;
  const done = state === 'done';
  return {
    id,
    name,
    subject,
    tenantId: tenantId ?? undefined,
    state,
    step: step ?? undefined,
    input,
    outputs: Object.fromEntries(
      journal.filter((j) => j.phase === 'run' && j.state === 'done').map((j) => [j.step, j.output ?? undefined]),
    ),
    error: done ? undefined : (error ?? undefined),
    failedStep: done ? undefined : (failedStep ?? undefined),
    undone: journal.filter((j) => j.phase === 'undo' && j.state === 'done').map((j) => j.step),
    undoError: undoError ?? undefined,
    timeline: journal.map((j) => ({
      step: j.step,
      phase: j.phase,
      state: j.state,
      attempt: j.attempt,
      error: j.error ?? undefined,
      startedAt: new Date(j.startedAt),
      finishedAt: j.finishedAt ? new Date(j.finishedAt) : undefined,
    })),
    startedAt: new Date(record.createdAt),
    finishedAt: record.finishedAt ? new Date(record.finishedAt) : undefined,
  };
}
