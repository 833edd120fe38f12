import { Refused } from '@strowger/api-client';
import type { FaultInput, NumberRow } from '@strowger/carrier-twins';
import type { NumberView } from '@strowger/contracts-provisioning';
import { e2e, type E2e } from './world.fixtures.js';

/** Answers of the twins take milliseconds; a caller that waits longer than this waits for a fault. */
const stack = e2e('carrier', 24_000, () => ({ provisioning: { CARRIER_READ_MS: 250 } }));

/** Each carrier call of the saga, and how often in a row it stays without an answer. */
const STEPS = [
  ['restcomm', 'applications.list'],
  ['restcomm', 'numbers.list'],
  ['restcomm', 'numbers.create'],
  ['restcomm', 'numbers.update'],
  ['message-exchange', 'exchange.lookup'],
  ['message-exchange', 'exchange.add'],
] as const satisfies readonly (readonly [FaultInput['carrier'], string])[];
const READS = new Set<string>(['applications.list', 'numbers.list', 'exchange.lookup']);
const WHEN = ['timeout-before', 'timeout-after'] as const;
const TIMES = [1, 6] as const;

describe('a carrier that does not answer', () => {
  beforeAll(() => stack.world.settleIn({ number: false }), 120_000);
  afterEach(() => stack.world.twins.clearFaults());

  for (const [carrier, path] of STEPS)
    for (const when of WHEN)
      // To read has no effect that a time-out could come after.
      for (const times of READS.has(path) && when === 'timeout-after' ? [1] : TIMES)
        for (const there of path === 'numbers.create' ? [false] : path === 'numbers.update' ? [true] : [times === 1])
          stack.holds(
            `${path}, ${when}, ${times} times, the number ${there ? 'there' : 'not there'} before: whole or undone`,
            async (world) => {
              const fault = await world.twins.addFault({ carrier, match: matching(world, path), do: when, times });
              const hits = async (): Promise<number> =>
                (await world.twins.faults()).find(({ id }) => id === fault.id)?.hits ?? 0;
              let ten: string;
              let before: NumberRow | undefined;
              let outcome: NumberView | Refused;
              // One answer about the applications serves all who ask within a moment, so the last test's may do for a number.
              do {
                ten = world.phone();
                before = there ? await world.twins.putNumber(foreign(world, ten)) : undefined;
                outcome = await attempt(world, ten);
              } while ((await hits()) === 0);
              // The carrier answers again: what could not be undone at once is undone now.
              await world.twins.clearFaults();
              await world.booksAgree();
              const [after] = await world.twins.numbers({ accountSid: world.tenant.account.sid, phone: ten });
              if (outcome instanceof Refused) expect(settingsOf(after)).toEqual(settingsOf(before));
              else expect(['active', 'pending']).toContain(outcome.state);
            },
          );

  for (const when of WHEN)
    for (const times of TIMES)
      stack.holds(`numbers.delete, ${when}, ${times} times: released in the end, and gone`, async (world) => {
        const number = await world.assign(world.phone());
        await world.twins.addFault({
          carrier: 'restcomm',
          match: matching(world, 'numbers.delete'),
          do: when,
          times,
        });
        await world.release(number.id).catch((error: unknown) => {
          if (!(error instanceof Refused)) throw error;
        });
        await world.twins.clearFaults();
        await world.release(number.id).catch((error: unknown) => {
          if (!(error instanceof Refused)) throw error;
        });
        await world.booksAgree();
        expect(await world.twins.numbers({ accountSid: world.tenant.account.sid, phone: number.number })).toEqual([]);
      });
});

const matching = (world: E2e, path: string) => ({ path, accountSid: world.tenant.account.sid });

/** Somebody uses it for something else. */
const foreign = (world: E2e, ten: string) => ({
  accountSid: world.tenant.account.sid,
  phone_number: `1${ten}`,
  friendly_name: 'Front desk',
  sms_url: 'https://elsewhere.example/sms',
  sms_method: 'POST',
  voice_url: 'https://elsewhere.example/voice',
});

async function attempt(world: E2e, ten: string): Promise<NumberView | Refused> {
  try {
    return await world.assign(ten);
  } catch (error) {
    if (error instanceof Refused) return error;
    throw error;
  }
}

/** What its owner would miss: all but the carrier's own marks. */
function settingsOf(row: NumberRow | undefined) {
  if (!row) return undefined;
  const { sid: _sid, date_updated: _updated, ...settings } = row;
  return settings;
}
