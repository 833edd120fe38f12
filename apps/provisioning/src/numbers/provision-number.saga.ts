import {
  ExchangeRejected,
  NumberHeldElsewhere,
  type CarrierPort,
  type FoundNumber,
  type MessageExchangePort,
  type NumberSnapshot,
  type PlatformAccess,
} from '@strowger/cpaas';
import type { AppError } from '@strowger/kernel';
import { defineSaga } from '@strowger/saga';
import { lookAgain } from './look-again.js';
import type { NumberOutcomes } from './number-outcomes.service.js';
import { pick, requestEnablement, type Requested } from './request-enablement.js';
import type { Recorder } from './timeline.service.js';

export interface ProvisionNumber {
  numberId: string;
  platformId: string;
  e164: string;
  friendlyName: string;
  /** As the field calls the platform, for sentences to people. */
  platformLabel: string;
}

export interface ProvisionDeps {
  carrier: CarrierPort;
  access: PlatformAccess;
  /** Absent when the platform has no Message Exchange token. */
  exchange?: MessageExchangePort;
  record: Recorder['step'];
  outcomes: NumberOutcomes;
  /** When to look after a write with an unknown outcome. */
  lookAgainMs: readonly number[];
}

/** The carrier's record from before us, with all that must be put back. */
interface Existing {
  sid: string;
  snapshot: NumberSnapshot;
}

type Platform = Pick<ProvisionDeps, 'carrier' | 'access' | 'lookAgainMs'> & { input: ProvisionNumber };

/** A record that appeared after we had found none: ours if it carries what only our registration puts there. */
const isOurs = (found: FoundNumber, { input }: Platform): boolean =>
  found.applicationSid !== null && found.friendlyName === input.friendlyName.slice(0, 64);

const findOurs = async (c: Platform): Promise<{ sid: string } | null> => {
  const found = await c.carrier.findNumber(c.access, c.input.e164);
  return found && isOurs(found, c) ? { sid: found.sid } : null;
};

/** Design §5, carrier-message-exchange §7. The end is in the hooks, because it is ours alone and commits with the journal. */
export const provisionNumber = defineSaga<ProvisionNumber>('provisioning.provision-number.v1')
  .needs<ProvisionDeps>()
  .step('findOnPlatform', {
    run: (c) =>
      c.record(
        'provision.findOnPlatform',
        ({ existing }) => (existing ? 'The number is there; its settings are kept to be put back.' : 'Not there yet.'),
        async (): Promise<{ existing: Existing | null }> => {
          const found = await c.carrier.findNumber(c.access, c.input.e164);
          return { existing: found && { sid: found.sid, snapshot: found.snapshot } };
        },
      ),
  })
  .step('registerOnPlatform', {
    run: (c) =>
      c.record(
        'provision.registerOnPlatform',
        ({ created }) => (created ? 'Added to the platform.' : 'Nothing to add.'),
        async (): Promise<{ sid: string; created: boolean }> => {
          const { existing } = c.output.findOnPlatform;
          if (existing) return { sid: existing.sid, created: false };
          const { friendlyName } = c.input;
          try {
            const { sid } = await c.carrier.registerNumber(c.access, c.input.e164, { friendlyName });
            return { sid, created: true };
          } catch (error) {
            // Restcomm gives one refusal for every record it has, that of our own earlier try included.
            const ours = error instanceof NumberHeldElsewhere ? await findOurs(c) : null;
            if (!ours) throw error;
            return { sid: ours.sid, created: true };
          }
        },
      ),
    probe: (c) =>
      c.record(
        'provision.registerOnPlatform',
        (found) => (found ? 'It had been added, although the answer got lost.' : 'It had not been added.'),
        async () => {
          const { existing } = c.output.findOnPlatform;
          if (existing) return { sid: existing.sid, created: false };
          const ours = await findOurs(c);
          return ours ? { sid: ours.sid, created: true } : undefined;
        },
      ),
    undo: (c) =>
      c.record(
        'provision.undo.registerOnPlatform',
        (removed) => (removed ? 'Removed from the platform again.' : 'Nothing of ours to remove.'),
        async () => {
          if (c.output.findOnPlatform.existing) return false;
          const registered = c.output.registerOnPlatform;
          const doubtful = c.failedStep === 'registerOnPlatform' && c.failure.outcome === 'unknown';
          const ours =
            registered ??
            (await findOurs(c)) ??
            (doubtful ? await lookAgain(c.lookAgainMs, () => findOurs(c), c.signal) : undefined);
          if (ours) await c.carrier.removeNumber(c.access, ours.sid);
          return ours !== undefined;
        },
      ),
  })
  .step('bindOnPlatform', {
    run: (c) =>
      c.record(
        'provision.bindOnPlatform',
        () => 'Bound to the application, other settings cleared, read back.',
        async () => {
          const { friendlyName } = c.input;
          const { sid } = await c.carrier.bindNumber(c.access, c.output.registerOnPlatform.sid, { friendlyName });
          return { sid };
        },
      ),
    undo: (c) =>
      c.record(
        'provision.undo.bindOnPlatform',
        (restored) => (restored ? 'Previous settings put back.' : 'No previous settings.'),
        async () => {
          const { existing } = c.output.findOnPlatform;
          if (existing) await c.carrier.restoreNumber(c.access, existing.sid, existing.snapshot);
          return existing !== null;
        },
      ),
  })
  .step('lookUpEnablement', {
    retry: { attempts: 2 },
    run: async (c): Promise<{ known: Omit<Requested, 'added'> | null }> => {
      const { exchange } = c;
      if (!exchange) return { known: null };
      return c.record(
        'provision.lookUpEnablement',
        ({ known }) => (known ? `Message Exchange says ${known.state}.` : 'Message Exchange does not know the number.'),
        async () => {
          const known = await exchange.lookup(c.input.e164);
          if (known?.state === 'failed') throw new ExchangeRejected(known.reason ?? 'No reason given');
          return { known: known && pick(known) };
        },
      );
    },
  })
  .step('requestEnablement', {
    run: async (c): Promise<Requested | null> => {
      const { exchange } = c;
      const { known } = c.output.lookUpEnablement;
      if (!exchange) return null;
      if (known) return { ...known, added: false };
      return c.record(
        'provision.requestEnablement',
        ({ state, jobId }) => `Message Exchange says ${state}${jobId ? `, job ${jobId}` : ''}.`,
        async () => {
          const requested = await requestEnablement(exchange, c.input.e164, c);
          if (requested.state === 'failed') throw new ExchangeRejected(requested.reason ?? 'No reason given');
          return requested;
        },
      );
    },
    probe: async (c): Promise<Requested | null | undefined> => {
      const { exchange } = c;
      if (!exchange || c.output.lookUpEnablement.known) return undefined;
      return c.record(
        'provision.requestEnablement',
        (found) => (found ? 'It had been asked for.' : 'It had not been asked for.'),
        async () => {
          const found = await exchange.lookup(c.input.e164);
          return found && found.state !== 'failed' ? { ...pick(found), added: true } : undefined;
        },
      );
    },
    undo: async (c) => {
      const { exchange, failure } = c;
      const asked = c.output.requestEnablement;
      // After a definite no there is nothing; what was there before us is not ours to take away.
      const refused = ['exchange-rejected', 'exchange-unauthorized'].includes(failure.code);
      if (!exchange || c.output.lookUpEnablement.known || asked?.added === false || (refused && !asked)) return;
      await c.record(
        'provision.undo.requestEnablement',
        (done) => (done ? 'Taken off Message Exchange again.' : 'Can’t be taken off Message Exchange now; it will be.'),
        async () => {
          try {
            await exchange.remove(c.input.e164);
            return true;
          } catch {
            // A job still running, or no answer: neither may keep the number at the platform, where it costs money.
            await c.outcomes.removeFromExchangeLater(c.input);
            return false;
          }
        },
      );
    },
  })
  .onDone((c, em) =>
    c.outcomes.provisioned(em, c.input.numberId, {
      carrierSid: c.output.bindOnPlatform.sid,
      createdByUs: c.output.registerOnPlatform.created,
      enablement: c.output.requestEnablement ?? undefined,
    }),
  )
  .onUndone((c, error, em) => c.outcomes.assignmentFailed(em, c.input.numberId, reasonOf(error)))
  .onStuck((c, error, em) => c.outcomes.cleanupRequired(em, c.input.numberId, reasonOf(error)))
  .build();

/** The carrier's words where it gave any. */
export const reasonOf = (error: Pick<AppError, 'message' | 'details'>): string =>
  typeof error.details['reason'] === 'string' ? error.details['reason'] : error.message;

export const isUnconfirmed = (error: Pick<AppError, 'code' | 'outcome'>): boolean =>
  error.outcome === 'unknown' || error.code === 'enablement-unconfirmed';
