import { hierarchyRpc as h } from '@strowger/contracts-hierarchy';
import { startHierarchy, type World } from '../../hierarchy.fixtures.js';
import { DAY_MS, placesOf, PRO } from './license-terms.fixtures.js';

let world: World;
let place: ReturnType<typeof placesOf>;
beforeAll(async () => {
  world = await startHierarchy();
  place = placesOf(world);
});
afterAll(() => world?.stop());

it('says when a product runs out at the net rate of the last days, and which terms end', async () => {
  const at = await place();
  await at.purchase(20);
  const term = await at.purchase(10, 100);
  const users = await Promise.all(Array.from({ length: 7 }, () => world.given.user(at.group.id)));
  // Before the days looked at: part of what is committed, not of the rate.
  await at.assign();
  at.days(20);
  for (const user of users) await at.assign(user);
  await at.remove(users[0]);
  await at.remove(users[1]);
  const forecast = (days?: number) =>
    world.call(h.getLicenseForecast, { id: at.provider.id, ...(days ? { days } : {}) });
  const now = world.clock.now().getTime();
  const [row, ...more] = await forecast(10);
  expect(more).toEqual([]);
  expect(row).toEqual({
    ...PRO,
    owned: 30,
    committed: 6,
    assigned: 6,
    free: 24,
    assignedPerDay: 0.5,
    days: 10,
    // 24 free at 0.5 a day last 48 days, before the term ends after 80.
    exhaustedAt: new Date(now + 48 * DAY_MS).toISOString(),
    exhaustedBy: 'rate',
    ends: [{ purchaseId: term.id, quantity: 10, endsAt: term.endsAt }],
  });
  // 6 in 30 days are 0.2 a day: 80 days on 22 are committed, and the end of the term leaves 20.
  expect((await forecast())[0]).toMatchObject({ days: 30, exhaustedAt: term.endsAt, exhaustedBy: 'expiry' });
});

it('is silent about what never runs out', async () => {
  const at = await place();
  await at.purchase(null);
  await at.assign();
  const [row] = await world.call(h.getLicenseForecast, { id: at.provider.id });
  expect(row).toMatchObject({ committed: 1, assigned: 1, ends: [] });
  for (const absent of ['owned', 'free', 'exhaustedAt', 'exhaustedBy'] as const) expect(row![absent]).toBeUndefined();
});
