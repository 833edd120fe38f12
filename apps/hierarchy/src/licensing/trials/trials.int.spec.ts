import { hierarchyRpc as h, MessagingEntitlementChangedV1 } from '@strowger/contracts-hierarchy';
import { startHierarchy, type World } from '../../hierarchy.fixtures.js';
import { recomputeLicenses } from '../recompute.js';
import { DAY_MS, placesOf, PRO, sweepOf } from '../terms/license-terms.fixtures.js';
import { TrialExpiry } from './trial-expiry.service.js';

let world: World;
let place: ReturnType<typeof placesOf>;
let sweep: ReturnType<typeof sweepOf>;
beforeAll(async () => {
  world = await startHierarchy();
  place = placesOf(world);
  sweep = sweepOf(world);
});
afterAll(() => world?.stop());

const entitlements = async (userId: string) =>
  (await world.facts(MessagingEntitlementChangedV1, userId)).map((fact) => fact.data.entitled);

describe('a trial', () => {
  it('starts with the first request and ends N times 24 hours later, to the moment, in UTC', async () => {
    const at = await place({ trialDurationDays: 3 });
    const expiresAt = new Date(world.clock.now().getTime() + 3 * DAY_MS).toISOString();
    expect(await at.ask()).toMatchObject({
      outcome: 'matched',
      userId: at.user.id,
      license: {
        kind: 'trial',
        application: 'UnityDesktop',
        licenseType: 'Anywhere',
        features: ['messaging'],
        expiresAt,
      },
    });
    world.clock.set(new Date(new Date(expiresAt).getTime() - 1));
    expect((await at.ask()).license).toMatchObject({ kind: 'trial', expiresAt });
    world.clock.advance(1);
    expect(await at.ask()).toMatchObject({ outcome: 'rejected', reason: 'trial-over', userId: at.user.id });
  });

  it('starts once, however many clients of the user ask at the same time', async () => {
    const at = await place();
    const answers = await Promise.all(Array.from({ length: 10 }, () => at.ask()));
    expect(new Set(answers.map((answer) => answer.license?.expiresAt)).size).toBe(1);
    expect(await at.trials()).toHaveLength(1);
    const started = await world.call(h.listHistory, { objectId: at.user.id, search: 'trial-started' });
    expect(started.items).toHaveLength(1);
  });

  it('is of one application: another one has its own', async () => {
    const at = await place();
    await at.ask();
    expect((await at.ask(at.user, { application: 'UnityAgent' })).license).toMatchObject({ kind: 'trial' });
    expect(await at.trials()).toHaveLength(2);
  });

  it('is not given where the duration is 0, and counts in no pool', async () => {
    const none = await place({ trialDurationDays: 0 });
    expect(await none.ask()).toMatchObject({ outcome: 'rejected', reason: 'no-license' });
    expect(await none.trials()).toEqual([]);
    const some = await place();
    await some.purchase(1);
    await some.ask();
    expect(await some.stock()).toMatchObject({ used: 0, free: 1 });
  });

  it('keeps its end when the duration is changed while it runs (case 10)', async () => {
    const at = await place({ trialDurationDays: 14 });
    const { license } = await at.ask();
    await at.change({ trialDurationDays: 7 });
    expect((await at.ask()).license).toEqual(license);
    at.days(8);
    expect((await at.ask()).license).toEqual(license);
    const later = await world.given.user(at.group.id);
    const expiresAt = new Date(world.clock.now().getTime() + 7 * DAY_MS).toISOString();
    expect((await at.ask(later)).license).toMatchObject({ expiresAt });
  });

  it('takes the duration from the provider above where the own one says nothing', async () => {
    const above = await place({ trialDurationDays: 5 });
    const host = `child-${world.newId()}.carrier.example`;
    const child = await world.call(h.createSystemProvider, {
      parentId: above.provider.id,
      name: 'Child',
      serverHostNames: [host],
    });
    const reseller = await world.given.reseller(child.id);
    const group = await world.given.group(reseller.id);
    const user = await world.given.user(group.id);
    const path = { serverHostName: host, resellerId: reseller.key, groupId: group.key };
    const expiresAt = new Date(world.clock.now().getTime() + 5 * DAY_MS).toISOString();
    expect((await above.ask(user, path)).license).toMatchObject({ kind: 'trial', expiresAt });
  });

  it('lets messages through while it runs', async () => {
    const at = await place({ trialDurationDays: 1 });
    await at.ask();
    expect(await world.call(h.getUser, { id: at.user.id })).toMatchObject({ messagingEntitled: true });
    at.days(1);
    await sweep();
    expect(await entitlements(at.user.id)).toEqual([true, false]);
  });
});

describe('the one trial of a user id', () => {
  it('is neither begun again nor lost by deletion and re-creation, in whatever case (case 8)', async () => {
    const at = await place({ trialDurationDays: 10 });
    await at.purchase(5, undefined, { application: 'UnityAgent', licenseType: 'Standard' });
    await at.assign(at.user, { application: 'UnityAgent', licenseType: 'Standard' });
    const { license } = await at.ask();
    at.days(4);
    await world.call(h.deleteUser, { id: at.user.id });
    const broadworksUserId = at.user.broadworksUserId.toUpperCase();
    const again = await world.call(h.createUser, { groupId: at.group.id, broadworksUserId, name: 'Back' });
    expect(await at.licenses(again)).toEqual([]);
    expect((await at.ask(again)).license).toEqual(license);
    expect(await world.call(h.getUser, { id: again.id })).toMatchObject({ messagingEntitled: true });
    at.days(6);
    expect(await at.ask(again)).toMatchObject({ outcome: 'rejected', reason: 'trial-over' });
    expect(await at.trials()).toHaveLength(1);
  });

  it('moves with the user', async () => {
    const at = await place();
    const { license } = await at.ask();
    const other = await world.given.group(at.reseller.id);
    await world.call(h.updateUser, { id: at.user.id, groupId: other.id });
    expect((await at.ask(at.user, { groupId: other.key })).license).toEqual(license);
    expect((await world.call(h.listTrials, { parentId: other.id })).items).toHaveLength(1);
    expect((await world.call(h.listTrials, { parentId: at.group.id })).items).toEqual([]);
  });

  it('ends quietly when there is no such user any more', async () => {
    const at = await place({ trialDurationDays: 1, automaticAssignment: { UnityDesktop: 'Pro' } });
    await at.purchase(1);
    await at.ask();
    await world.call(h.deleteUser, { id: at.user.id });
    at.days(1);
    await sweep();
    expect(await at.trials()).toMatchObject([{ state: 'expired', licensed: false }]);
    expect(await at.stock()).toMatchObject({ used: 0 });
  });
});

describe('a permanent license during a trial', () => {
  it('takes its place at once, and the trial does not resume when it is taken away', async () => {
    const at = await place();
    await at.purchase(1);
    await at.ask();
    await at.assign();
    expect(await at.trials()).toMatchObject([{ state: 'superseded' }]);
    expect((await at.ask()).license).toMatchObject({ kind: 'permanent', licenseType: 'Pro' });
    await at.remove();
    expect(await at.ask()).toMatchObject({ outcome: 'rejected', reason: 'trial-over' });
    expect(await world.call(h.getUser, { id: at.user.id })).toMatchObject({ messagingEntitled: false });
  });

  it('is reserved, and used when the trial is over, where trials run until expiration', async () => {
    const at = await place({ trialDurationDays: 2, useTrialLicensesUntilExpiration: true });
    await at.purchase(1);
    const { license } = await at.ask();
    await at.assign();
    expect(await at.stock()).toMatchObject({ used: 1, free: 0, consumed: 0 });
    expect(await world.call(h.listLicenseHoldings, { id: at.user.id })).toMatchObject([
      { kind: 'permanent', ...PRO },
      { kind: 'trial', application: 'UnityDesktop', licenseType: 'Anywhere', expiresAt: license!.expiresAt },
    ]);
    expect((await at.ask()).license).toEqual(license);
    at.days(2);
    expect((await at.ask()).license).toMatchObject({ kind: 'permanent', licenseType: 'Pro' });
    expect(await at.stock()).toMatchObject({ used: 1, consumed: 1 });
    expect(await at.trials()).toMatchObject([{ state: 'expired', licensed: true }]);
    expect(await entitlements(at.user.id)).toEqual([true]);
  });

  it('and taken away again leaves the trial running where trials run until expiration', async () => {
    const at = await place({ useTrialLicensesUntilExpiration: true });
    await at.purchase(1);
    const { license } = await at.ask();
    await at.assign();
    await at.remove();
    expect((await at.ask()).license).toEqual(license);
    expect(await world.call(h.getUser, { id: at.user.id })).toMatchObject({ messagingEntitled: true });
  });

  it('follows a change of the option from the next request on, quantities as they were (case 11)', async () => {
    const at = await place({ useTrialLicensesUntilExpiration: true });
    await at.purchase(1);
    await at.ask();
    await at.assign();
    await at.change({ useTrialLicensesUntilExpiration: false });
    expect(await at.trials()).toMatchObject([{ state: 'running' }]);
    expect((await at.ask()).license).toMatchObject({ kind: 'permanent' });
    expect(await at.trials()).toMatchObject([{ state: 'superseded' }]);
    await at.change({ useTrialLicensesUntilExpiration: true });
    expect((await at.ask()).license).toMatchObject({ kind: 'permanent' });
    expect(await at.stock()).toMatchObject({ used: 1, free: 0 });
  });
});

describe('the end of a trial', () => {
  const endOf = async (settings: Parameters<typeof place>[0], quantity = 1) => {
    const at = await place({ trialDurationDays: 1, ...settings });
    if (quantity > 0) await at.purchase(quantity);
    await at.ask();
    at.days(1);
    return at;
  };

  it('brings the license the provider chose, once, however often and at once the sweep runs', async () => {
    const at = await endOf({ automaticAssignment: { UnityDesktop: 'Pro' } });
    const expiry = world.service.app.get(TrialExpiry);
    await Promise.all([expiry.sweep(), expiry.sweep(), at.ask()]);
    await sweep();
    expect(await at.licenses()).toMatchObject([PRO]);
    expect(await at.stock()).toMatchObject({ used: 1, free: 0 });
    expect(await at.trials()).toMatchObject([{ state: 'expired', licensed: true }]);
    expect(await entitlements(at.user.id)).toEqual([true]);
    const ended = await world.call(h.listHistory, { objectId: at.user.id, search: 'trial-ended' });
    expect(ended.items).toHaveLength(1);
  });

  it('is dealt with by a request that comes before the sweep', async () => {
    const at = await endOf({ automaticAssignment: { UnityDesktop: 'Pro' } });
    expect((await at.ask()).license).toMatchObject({ kind: 'permanent', licenseType: 'Pro' });
  });

  it.each([
    ['nothing is chosen', {}, 1, 'No license type is chosen'],
    ['none is chosen', { automaticAssignment: { UnityDesktop: 'none' } }, 1, 'No license type is chosen'],
    ['none is free', { automaticAssignment: { UnityDesktop: 'Pro' } }, 0, 'purchase'],
  ])('leaves the user without one when %s, and says why', async (_, settings, quantity, reason) => {
    const at = await endOf(settings, quantity);
    await sweep();
    expect(await at.trials()).toMatchObject([
      { state: 'expired', licensed: false, reason: expect.stringContaining(reason) },
    ]);
    expect(await at.licenses()).toEqual([]);
    expect(await at.ask()).toMatchObject({ outcome: 'rejected', reason: 'trial-over' });
  });

  it('is met after days without a process', async () => {
    const at = await endOf({ automaticAssignment: { UnityDesktop: 'Pro' } });
    at.days(30);
    await sweep();
    expect(await at.licenses()).toMatchObject([PRO]);
  });
});

it('after all that the ledger gives the same balances', async () => {
  expect(await recomputeLicenses(world.db)).toEqual([]);
});
