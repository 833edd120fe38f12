import { AppError, type SerializedError } from '@strowger/kernel';
import type { SagaView } from '@strowger/saga';
import { isUnconfirmed, provisionSagas, reasonOf, type ProvisionNumber } from './provision-number.saga.js';

const ADVICE = 'please try again or contact your system provider for more information';

/** Seed 000, word for word where it has the words: what failed with the carrier's reason, and what was undone. */
export class SmsEnablementRefused extends AppError {
  constructor(label: string, reason: string, undone: 'removed' | 'restored') {
    super(
      'conflict',
      'sms-enablement-refused',
      `The number was successfully added to the ${label} platform but couldn't be SMS-enabled on the mobile carrier platform. ` +
        `The error message received was '${reason}'. ${undoneSentence(label, undone)}`,
      { reason, undone },
    );
  }
}

/** It stayed unknown whether Message Exchange took the number, so it was undone. */
export class SmsEnablementUnconfirmed extends AppError {
  constructor(label: string, reason: string, undone: 'removed' | 'restored') {
    super(
      'unavailable',
      'sms-enablement-unconfirmed',
      `The number was successfully added to the ${label} platform but it could not be confirmed that it was SMS-enabled on the mobile carrier platform. ` +
        `The error message received was '${reason}'. ${undoneSentence(label, undone)}`,
      { reason, undone },
    );
  }
}

/** Never the success sentence: something of ours is still at the carrier. */
export class NumberCleanupRequired extends AppError {
  constructor(label: string, reason: string, undoReason: string, enabling: boolean) {
    const failed = enabling
      ? `couldn't be SMS-enabled on the mobile carrier platform. The error message received was '${reason}'`
      : `couldn't be set up there. The error message received was '${reason}'`;
    super(
      'conflict',
      'number-cleanup-required',
      `The number was added to the ${label} platform but ${failed}. It could not be taken back from the ${label} platform yet: '${undoReason}'. ` +
        'This is tried again automatically until it succeeds, and the alert recipients of the system provider have been notified. Until then the number can’t be assigned.',
      { reason, undoReason },
    );
  }
}

/** The platform did not take the number; nothing was left there. */
export class PlatformRefusedNumber extends AppError {
  constructor(label: string, error: SerializedError) {
    const reason = typeof error.details['reason'] === 'string' ? error.details['reason'] : error.message;
    super(
      'conflict',
      'platform-refused-number',
      `The number could not be added to the ${label} platform. The error message received was '${reason}'. Nothing was changed.`,
      { ...error.details, reason, cause: error.code },
    );
  }
}

/** What a person reads about a provisioning that did not succeed; undefined while it may still succeed. */
export function provisionProblem(view: SagaView): AppError | undefined {
  const { error, failedStep = '' } = view;
  if (!error || view.state === 'done') return undefined;
  const { platformLabel: label } = view.input as ProvisionNumber;
  const provisioning = provisionSagas().find(({ saga }) => saga.name === view.name)?.carrier.provisioning;
  // Each step of the carrier has its sentence; the steps after those are SMS-enablement.
  const ofCarrier = provisioning?.steps.find(({ name }) => name === failedStep)?.step;
  const enabling = ofCarrier === undefined;
  const reason = reasonOf(error);
  if (view.state === 'stuck')
    return new NumberCleanupRequired(label, reason, view.undoError ? reasonOf(view.undoError) : reason, enabling);
  if (view.state !== 'undone') return undefined;
  if (enabling) {
    const undone = provisioning?.result(view.outputs)?.createdByUs === false ? 'restored' : 'removed';
    return isUnconfirmed(error)
      ? new SmsEnablementUnconfirmed(label, reason, undone)
      : new SmsEnablementRefused(label, reason, undone);
  }
  // What the person must correct keeps its own words; so does what may pass by itself.
  return ofCarrier.problem?.(label, error) ?? platformProblem(label, error);
}

const platformProblem = (label: string, error: SerializedError): AppError =>
  error.kind === 'conflict' ? new PlatformRefusedNumber(label, error) : AppError.from(error);

/** The same facts about a release, for the operator: it never fails, it can only be late. */
export function releaseProblem(view: SagaView): AppError | undefined {
  if (view.state !== 'stuck' || !view.error) return undefined;
  const { platformLabel: label } = view.input as { platformLabel: string };
  const reason = reasonOf(view.undoError ?? view.error);
  return new AppError(
    'conflict',
    'number-cleanup-required',
    `The number could not be taken off the ${label} platform yet: '${reason}'. This is tried again automatically until it succeeds, and the alert recipients of the system provider have been notified.`,
    { reason },
  );
}

const undoneSentence = (label: string, undone: 'removed' | 'restored'): string =>
  undone === 'removed'
    ? `The number has been successfully removed from the ${label} platform, ${ADVICE}`
    : `The number was on the ${label} platform before and has been restored to its previous settings, ${ADVICE}`;
