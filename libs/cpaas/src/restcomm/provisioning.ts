/** Putting a number on Restcomm: found or registered, then bound to the application (design §5, carrier-restcomm §3). */
import { NumberSteps, type NumberStepContext } from '../carrier.js';
import type { NumberSnapshot } from './access.js';
import { accessOf, type Restcomm } from './adapter.js';
import { NumberHeldElsewhere } from './errors.js';

/** The carrier's record from before us, with all that must be put back. */
interface Existing {
  sid: string;
  snapshot: NumberSnapshot;
}

/** A record that appeared after we had found none: ours if it carries what only our registration puts there. */
async function findOurs({
  access,
  number,
}: Pick<NumberStepContext<Restcomm, unknown>, 'access' | 'number'>): Promise<{ sid: string } | null> {
  const found = await access.api.findNumber(accessOf(access), number.e164);
  const isOurs = found && found.applicationSid !== null && found.friendlyName === number.friendlyName.slice(0, 64);
  return isOurs ? { sid: found.sid } : null;
}

export const restcommProvisioning = new NumberSteps<Restcomm>()
  .step('findOnPlatform', {
    run: async ({ access, number }): Promise<{ existing: Existing | null }> => {
      const found = await access.api.findNumber(accessOf(access), number.e164);
      return { existing: found && { sid: found.sid, snapshot: found.snapshot } };
    },
    says: {
      done: ({ existing }) =>
        existing ? 'The number is there; its settings are kept to be put back.' : 'Not there yet.',
    },
  })
  .step('registerOnPlatform', {
    run: async (c): Promise<{ sid: string; created: boolean }> => {
      const { existing } = c.output.findOnPlatform;
      if (existing) return { sid: existing.sid, created: false };
      const { e164, friendlyName } = c.number;
      try {
        const { sid } = await c.access.api.registerNumber(accessOf(c.access), e164, { friendlyName });
        return { sid, created: true };
      } catch (error) {
        // Restcomm gives one refusal for every record it has, that of our own earlier try included.
        const ours = error instanceof NumberHeldElsewhere ? await findOurs(c) : null;
        if (!ours) throw error;
        return { sid: ours.sid, created: true };
      }
    },
    probe: async (c) => {
      const { existing } = c.output.findOnPlatform;
      if (existing) return { sid: existing.sid, created: false };
      const ours = await findOurs(c);
      return ours ? { sid: ours.sid, created: true } : undefined;
    },
    undo: async (c) => {
      if (c.output.findOnPlatform.existing) return false;
      const doubtful = c.failedStep === 'registerOnPlatform' && c.failure.outcome === 'unknown';
      const ours =
        c.output.registerOnPlatform ??
        (await findOurs(c)) ??
        (doubtful ? await c.lookAgain(() => findOurs(c)) : undefined);
      if (ours) await c.access.api.removeNumber(accessOf(c.access), ours.sid);
      return ours !== undefined;
    },
    says: {
      done: ({ created }) => (created ? 'Added to the platform.' : 'Nothing to add.'),
      found: (found) => (found ? 'It had been added, although the answer got lost.' : 'It had not been added.'),
      undone: (removed) => (removed ? 'Removed from the platform again.' : 'Nothing of ours to remove.'),
    },
  })
  .step('bindOnPlatform', {
    run: async ({ access, number: { friendlyName }, output }) => {
      const { sid } = await access.api.bindNumber(accessOf(access), output.registerOnPlatform.sid, { friendlyName });
      return { sid };
    },
    undo: async ({ access, output: { findOnPlatform } }) => {
      const { existing } = findOnPlatform;
      if (existing) await access.api.restoreNumber(accessOf(access), existing.sid, existing.snapshot);
      return existing !== null;
    },
    says: {
      done: () => 'Bound to the application, other settings cleared, read back.',
      undone: (restored) => (restored ? 'Previous settings put back.' : 'No previous settings.'),
    },
  })
  .end(
    ({ registerOnPlatform: registered }) =>
      registered && { carrierSid: registered.sid, createdByUs: registered.created },
    {
      run: (access, { carrierSid, createdByUs }) =>
        createdByUs
          ? access.api.removeNumber(accessOf(access), carrierSid)
          : access.api.unbindNumber(accessOf(access), carrierSid),
      says: {
        done: (createdByUs) =>
          createdByUs ? 'Removed from the platform.' : 'Taken off the application; it stays on the account.',
      },
    },
  );
