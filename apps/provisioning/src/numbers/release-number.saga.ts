import { ExchangeAlreadyExists, type CarrierPort, type MessageExchangePort, type PlatformAccess } from '@strowger/cpaas';
import { AppError } from '@strowger/kernel';
import { defineSaga } from '@strowger/saga';
import { CarrierCleanupFailed } from './number.errors.js';
import type { NumberOutcomes } from './number-outcomes.service.js';
import { reasonOf } from './provision-number.saga.js';
import type { Recorder } from './timeline.service.js';

export interface ReleaseNumber {
  numberId: string;
  platformId: string;
  e164: string;
  carrierSid: string;
  /** Else it was on the account before us and stays there, unbound. */
  createdByUs: boolean;
  removeFromExchange: boolean;
  platformLabel: string;
}

export interface ReleaseDeps {
  carrier: CarrierPort;
  access: PlatformAccess;
  exchange?: MessageExchangePort;
  record: Recorder['step'];
  outcomes: NumberOutcomes;
}

/**
 * A release is never taken back: whatever the carrier answers, it parks and is tried again until it succeeds, and people
 * are told. So every failure becomes one that parks.
 */
async function untilItSucceeds<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new CarrierCleanupFailed(AppError.wrap(error));
  }
}

/** Reverses `provision-number`. Deleting at the carrier can't be undone, so it comes last. */
export const releaseNumber = defineSaga<ReleaseNumber>('provisioning.release-number.v1')
  .needs<ReleaseDeps>()
  .step('removeFromExchange', {
    run: async (c) => {
      const { exchange } = c;
      if (!exchange || !c.input.removeFromExchange) return;
      await c.record(
        'release.removeFromExchange',
        (done) => (done ? 'Taken off Message Exchange.' : 'Its job still runs; taken off when that has ended.'),
        () =>
          untilItSucceeds(async () => {
            try {
              await exchange.remove(c.input.e164);
              return true;
            } catch (error) {
              if (!(error instanceof ExchangeAlreadyExists)) throw error;
              await c.outcomes.removeFromExchangeLater(c.input);
              return false;
            }
          }),
      );
    },
  })
  .step('takeOffPlatform', {
    run: (c) =>
      c.record(
        'release.takeOffPlatform',
        () => (c.input.createdByUs ? 'Removed from the platform.' : 'Taken off the application; it stays on the account.'),
        () =>
          untilItSucceeds(async () => {
            const { carrierSid, createdByUs } = c.input;
            if (createdByUs) await c.carrier.removeNumber(c.access, carrierSid);
            else await c.carrier.unbindNumber(c.access, carrierSid);
          }),
      ),
  })
  .onDone((c, em) => c.outcomes.released(em, c.input.numberId))
  .onUndone((c, error, em) => c.outcomes.cleanupRequired(em, c.input.numberId, reasonOf(error)))
  .onStuck((c, error, em) => c.outcomes.cleanupRequired(em, c.input.numberId, reasonOf(error)))
  .build();
