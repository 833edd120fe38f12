import { AppError } from '@strowger/kernel';

export class SagaInputDiffers extends AppError {
  constructor(id: string) {
    super('conflict', 'saga-input-differs', 'The same request id was used before with a different request.', { id });
  }
}

export class SagaDefinitionChanged extends AppError {
  constructor(name: string, started: readonly string[], deployed: readonly string[]) {
    super(
      'internal',
      'saga-definition-changed',
      `The steps of '${name}' changed while one was running; changed steps need a new version.`,
      {
        started,
        deployed,
      },
    );
  }
}

export class StepTimedOut extends AppError {
  constructor(step: string, seconds: number) {
    super(
      'unavailable',
      'step-timed-out',
      `The step '${step}' gave no answer within ${seconds} seconds.`,
      { step },
      { outcome: 'unknown' },
    );
  }
}

export class WaitTimedOut extends AppError {
  constructor(step: string, minutes: number) {
    super('unavailable', 'wait-timed-out', `Nothing was heard for '${step}' within ${minutes} minutes.`, { step });
  }
}

export class SignalRefused extends AppError {
  constructor(step: string, event: string) {
    super('conflict', 'signal-refused', `What was waited for in '${step}' came with a refusal.`, { step, event });
  }
}

export class OutcomeUnclear extends AppError {
  constructor(step: string, cause: unknown) {
    super(
      'unavailable',
      'outcome-unclear',
      `Whether '${step}' took effect could not be confirmed.`,
      { step },
      { outcome: 'unknown', cause },
    );
  }
}

export class StepKeepsCrashing extends AppError {
  constructor(step: string, attempts: number) {
    super(
      'internal',
      'step-keeps-crashing',
      `The step '${step}' was begun ${attempts} times and never came to an end.`,
      { step, attempts },
    );
  }
}

/** Another runner holds the saga now, so this one must not write its result. */
export class LeaseLost extends Error {
  constructor(id: string) {
    super(`The lease on saga '${id}' is lost.`);
  }
}
