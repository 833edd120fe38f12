import { hierarchyRpc as h, MessagingEntitlementChangedV1, type UserView } from '@strowger/contracts-hierarchy';
import { refusal, startHierarchy, type World } from '../../hierarchy.fixtures.js';
import { recomputeLicenses } from '../recompute.js';
import { placesOf, PRO, sweepOf } from './license-terms.fixtures.js';
import { TermsService } from './terms.service.js';

let world: World;
let place: ReturnType<typeof placesOf>;
let sweep: ReturnType<typeof sweepOf>;
beforeAll(async () => {
  world = await startHierarchy();
  place = placesOf(world);
  sweep = sweepOf(world);
});
afterAll(() => world?.stop());

/** A provider without trials, with `bought` licenses for 10 days, `kept` for good, and users who have one each. */
async function termed({ bought = 2, kept = 1, users: count = 3 } = {}) {
  const at = await place({ trialDurationDays: 0 });
  if (kept > 0) await at.purchase(kept);
  const term = await at.purchase(bought, 10);
  const users: UserView[] = [];
  for (let i = 0; i < count; i++) {
    const user = await world.given.user(at.group.id);
    await at.assign(user);
    world.clock.advance(1000);
    users.push(user);
  }
  const termNow = () => world.call(h.getPurchase, { id: term.id });
  const outcomes = async () => {
    const answers = [];
    for (const user of users) answers.push((await at.ask(user)).reason ?? 'served');
    return answers;
  };
  return { ...at, term, users, termNow, outcomes };
}
const entitlements = async ({ id }: UserView) =>
  (await world.facts(MessagingEntitlementChangedV1, id)).map((fact) => fact.data.entitled);

describe('a purchase that ends while more is assigned than remains (case 18)', () => {
  it('leaves all assignments working for 30 days and lets none be added', async () => {
    const at = await termed();
    at.days(10);
    await sweep();
    expect(await at.termNow()).toMatchObject({ state: 'grace' });
    expect(await at.stock()).toMatchObject({ purchased: 1, used: 3 });
    expect(await at.outcomes()).toEqual(['served', 'served', 'served']);
    const error = await refusal(at.assign());
    expect(error).toMatchObject({ kind: 'conflict', code: 'insufficient-provider-licenses' });
    // What the user has already is kept, as ever.
    expect(await at.assign(at.users[2])).toMatchObject({ userId: at.users[2]!.id });
  });

  it('then takes the newest assignments out of service, and their messages with them', async () => {
    const at = await termed();
    at.days(40);
    await sweep();
    await sweep();
    expect(await at.termNow()).toMatchObject({ state: 'suspended' });
    expect(await at.outcomes()).toEqual(['served', 'license-suspended', 'license-suspended']);
    expect(await at.stock()).toMatchObject({ used: 3 });
    expect(await entitlements(at.users[0]!)).toEqual([true]);
    expect(await entitlements(at.users[1]!)).toEqual([true, false]);
    const suspended = await world.call(h.listHistory, { objectId: at.users[2]!.id, search: 'license-suspended' });
    expect(suspended.items).toHaveLength(1);
  });

  it.each([
    ['in its grace', 12],
    ['when suspended', 45],
  ])('is restored by a renewal %s', async (_, days) => {
    const at = await termed();
    at.days(days);
    await sweep();
    await at.renew(at.term, 365);
    expect(await at.termNow()).toMatchObject({ state: 'active' });
    expect(await at.stock()).toMatchObject({ purchased: 3, free: 0 });
    expect(await at.outcomes()).toEqual(['served', 'served', 'served']);
    expect((await entitlements(at.users[2]!)).at(-1)).toBe(true);
  });

  it('serves again when others give theirs back, or new ones are bought', async () => {
    const at = await termed();
    at.days(40);
    await sweep();
    await at.remove(at.users[0]);
    expect(await at.outcomes()).toEqual(['no-license', 'served', 'license-suspended']);
    await at.purchase(1);
    expect(await at.outcomes()).toEqual(['no-license', 'served', 'served']);
  });

  it('is seen by a request at the very moment, whether a sweep came by or not', async () => {
    const at = await termed();
    world.clock.set(new Date(new Date(at.term.endsAt!).getTime() + 30 * 86_400_000 - 1));
    expect(await at.outcomes()).toEqual(['served', 'served', 'served']);
    world.clock.advance(1);
    expect(await at.outcomes()).toEqual(['served', 'license-suspended', 'license-suspended']);
  });

  it('goes straight to where it belongs after an outage, and sweeps at once do it once', async () => {
    const at = await termed();
    at.days(100);
    const terms = world.service.app.get(TermsService);
    await Promise.all([terms.sweep(), terms.sweep(), terms.sweep()]);
    expect(await at.termNow()).toMatchObject({ state: 'suspended' });
    const rows = await world.call(h.listHistory, { objectId: at.provider.id, search: 'purchase-suspended' });
    expect(rows.items).toHaveLength(1);
    expect(await entitlements(at.users[2]!)).toEqual([true, false]);
  });
});

it('a purchase that ends with enough left takes nothing away', async () => {
  const at = await termed({ kept: 3 });
  at.days(40);
  await sweep();
  expect(await at.termNow()).toMatchObject({ state: 'suspended' });
  expect(await at.outcomes()).toEqual(['served', 'served', 'served']);
});

it('an unlimited purchase covers everything while it lasts, and counts are kept (case 17)', async () => {
  const at = await place({ trialDurationDays: 0 });
  const unlimited = await at.purchase(null, 10);
  const users = await Promise.all(Array.from({ length: 5 }, () => world.given.user(at.group.id)));
  for (const user of users) await at.assign(user);
  expect(await at.stock()).toMatchObject({ used: 5, committed: 5 });
  expect((await at.stock())!.purchased).toBeUndefined();
  expect((await at.ask(users[0])).license).toMatchObject({ expiresAt: unlimited.endsAt });
  at.days(40);
  await sweep();
  expect(await at.stock()).toMatchObject({ purchased: 0, used: 5, committed: 5 });
  expect((await at.ask(users[0])).reason).toBe('license-suspended');
});

it('a purchase that is to begin counts from its beginning on', async () => {
  const at = await place();
  const startsAt = new Date(world.clock.now().getTime() + 5 * 86_400_000).toISOString();
  await world.call(h.addPurchase, { systemProviderId: at.provider.id, ...PRO, quantity: 1, startsAt });
  expect(await refusal(at.assign())).toMatchObject({ code: 'insufficient-provider-licenses' });
  at.days(5);
  await sweep();
  expect(await at.assign()).toMatchObject(PRO);
});

it('what a license is served by decides when it expires: what lasts longest serves the oldest', async () => {
  const at = await termed({ bought: 1, kept: 1, users: 2 });
  expect((await at.ask(at.users[0])).license!.expiresAt).toBeUndefined();
  expect((await at.ask(at.users[1])).license).toMatchObject({ expiresAt: at.term.endsAt });
  const holdings = (of: UserView) => world.call(h.listLicenseHoldings, { id: of.id });
  expect(await holdings(at.users[1]!)).toMatchObject([{ kind: 'permanent', ...PRO, expiresAt: at.term.endsAt }]);
  expect((await holdings(at.users[0]!))[0]!.expiresAt).toBeUndefined();
  at.days(10);
  const graceUntil = new Date(new Date(at.term.endsAt!).getTime() + 30 * 86_400_000).toISOString();
  expect((await at.ask(at.users[1])).license).toMatchObject({ expiresAt: at.term.endsAt, graceUntil });
});

it('after all that the ledger gives the same balances', async () => {
  expect(await recomputeLicenses(world.db)).toEqual([]);
});
