import type { Carrier, CarrierAccess, MessageExchangePort } from '@strowger/cpaas';
import { defineSaga } from '@strowger/saga';
import type { NumberOutcomes } from './number-outcomes.service.js';
import { reasonOf } from './provision-number.saga.js';
import type { Recorder } from './timeline.service.js';

export interface ReleaseNumber {
  numberId: string;
  platformId: string;
  e164: string;
  carrierSid: string;
  /** False: it was on the account before us and stays there, unbound. */
  createdByUs: boolean;
  removeFromExchange: boolean;
  platformLabel: string;
}

export interface ReleaseDeps {
  carrier: Carrier;
  access: CarrierAccess;
  exchange?: MessageExchangePort;
  record: Recorder['step'];
  outcomes: NumberOutcomes;
}

type Release = ReleaseDeps & { input: ReleaseNumber };

async function removeFromExchange({ exchange, input, record, outcomes }: Release): Promise<void> {
  if (!exchange || !input.removeFromExchange) return;
  await record(
    'release.removeFromExchange',
    (done) => (done ? 'Taken off Message Exchange.' : 'Can’t be taken off Message Exchange now; it will be.'),
    async () => {
      try {
        await exchange.remove(input.e164);
        return true;
      } catch {
        // A job still running, or no answer: neither may keep the number at the platform, where it costs money.
        await outcomes.removeFromExchangeLater(input);
        return false;
      }
    },
  );
}

const takeOffPlatform = ({ carrier, access, input, record }: Release): Promise<void> =>
  record(
    'release.takeOffPlatform',
    () => carrier.provisioning.release.says.done(input.createdByUs),
    () => carrier.provisioning.release.run(access, input),
  );

/**
 * Reverses `provision-number`. A release is never taken back: what fails is tried again until it works. So the undo of a
 * step goes on with what is left, and the number ends released in both cases. When that takes long, people are alerted.
 * All of it may run twice. Deleting at the carrier comes last, because it can't be undone.
 */
export const releaseNumber = defineSaga<ReleaseNumber>('provisioning.release-number.v1')
  .needs<ReleaseDeps>()
  .step('removeFromExchange', {
    run: removeFromExchange,
    undo: async (c) => {
      await removeFromExchange(c);
      await takeOffPlatform(c);
    },
  })
  .step('takeOffPlatform', { run: takeOffPlatform, undo: takeOffPlatform })
  .onDone((c, em) => c.outcomes.released(em, c.input.numberId))
  .onUndone((c, _, em) => c.outcomes.released(em, c.input.numberId))
  .onStuck((c, error, em) => c.outcomes.cleanupRequired(em, c.input.numberId, reasonOf(error)))
  .build();
