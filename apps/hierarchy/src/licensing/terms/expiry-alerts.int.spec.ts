import {
  hierarchyRpc as h,
  LicenseExpiryAlertedV1,
  type CreatePortalUser,
  type LicenseAlertItem,
} from '@strowger/contracts-hierarchy';
import type { CloudEvent } from '@strowger/kernel';
import { Messaging } from '@strowger/messaging';
import { sql } from '@strowger/persistence';
import { SILENT, startHierarchy, type World } from '../../hierarchy.fixtures.js';
import { ExpiryAlerts } from './expiry-alerts.service.js';
import { alertsOf, DAY_MS, placesOf, PRO, sweepOf } from './license-terms.fixtures.js';

let world: World;
let place: ReturnType<typeof placesOf>;
let sweep: ReturnType<typeof sweepOf>;
let alerts: ReturnType<typeof alertsOf>;
beforeAll(async () => {
  world = await startHierarchy();
  place = placesOf(world);
  sweep = sweepOf(world);
  alerts = alertsOf(world);
});
afterAll(() => world?.stop());

const NOTIFIED = { ...SILENT, licenseExpiryAlerts: true };
const person = (nodeId: string, more: Partial<CreatePortalUser> = {}) =>
  world.given.portalUser(nodeId, { notifications: NOTIFIED, ...more });

/** What the portal user was notified of so far, fact by fact, each by its items' kind, news and days left. */
async function sentTo(portalUser: { id: string }): Promise<{ timezone?: string; items: LicenseAlertItem[] }[]> {
  await world.service.app.get(Messaging).idle();
  const rows = await world.db.query(sql<{ event: string }>`
    select event from outbox where type = ${LicenseExpiryAlertedV1.type} and published_at is not null order by id`);
  return rows
    .map((row) => (JSON.parse(row.event) as CloudEvent<LicenseExpiryAlertedV1>).data)
    .filter((data) => data.recipient.portalUserId === portalUser.id)
    .map(({ recipient, items }) => ({ timezone: recipient.timezone, items }));
}
const daysLeftFor = async (portalUser: { id: string }) =>
  (await sentTo(portalUser)).map(({ items }) => items.map((item) => item.daysLeft));

/** Sets the clock so many days and hours before a moment. */
const before = (moment: string, days: number, hours = 0) =>
  world.clock.set(new Date(new Date(moment).getTime() - days * DAY_MS - hours * 3_600_000));

describe('of a purchase, the portal users of the provider', () => {
  it('are sent at 30, 14, 7 and 1 days and on the day, once each, however often it runs', async () => {
    const at = await place();
    const pat = await person(at.provider.id);
    const { endsAt } = await at.purchase(50, 60);
    for (const days of [40, 31, 30, 29, 15, 14, 8, 7, 2, 1, 0, -1, -5]) {
      before(endsAt!, days);
      await alerts();
      await alerts();
    }
    expect(await daysLeftFor(pat)).toEqual([[30], [14], [7], [1], [0]]);
    const [first] = await sentTo(pat);
    expect(first!.items).toEqual([
      {
        kind: 'purchase',
        news: 'expires',
        ...PRO,
        quantity: 50,
        holder: at.provider.name,
        expiresAt: endsAt,
        daysLeft: 30,
      },
    ]);
  });

  it('are sent for the nearest threshold only when the job was down over others, and nothing twice by parallel runs', async () => {
    const at = await place();
    const pat = await person(at.provider.id);
    const { endsAt } = await at.purchase(50, 60);
    before(endsAt!, 5);
    const job = world.service.app.get(ExpiryAlerts);
    await Promise.all([job.sweep(), job.sweep(), job.sweep(), job.sweep()]);
    expect(await daysLeftFor(pat)).toEqual([[5]]);
    before(endsAt!, -3);
    await alerts();
    expect(await daysLeftFor(pat)).toEqual([[5], [-3]]);
  });

  it('go by the calendar of their own zone, else of the node', async () => {
    const at = await place({ timezone: 'Asia/Tokyo' });
    const [chicago, tokyo] = [
      await person(at.provider.id, { timezone: 'America/Chicago' }),
      await person(at.provider.id),
    ];
    world.clock.set(new Date('2031-01-01T00:00:00Z'));
    await world.call(h.addPurchase, {
      systemProviderId: at.provider.id,
      ...PRO,
      quantity: 5,
      endsAt: '2031-03-01T12:00:00Z',
    });
    // 16:00 UTC on 21 February: 22 February in Tokyo, seven days before 1 March; in Chicago still the 21st.
    world.clock.set(new Date('2031-02-21T16:00:00Z'));
    await alerts();
    expect(await daysLeftFor(tokyo)).toEqual([[7]]);
    expect(await daysLeftFor(chicago)).toEqual([[8]]);
    world.clock.set(new Date('2031-02-22T05:59:00Z'));
    await alerts();
    expect(await daysLeftFor(chicago)).toEqual([[8]]);
    world.clock.set(new Date('2031-02-22T06:00:00Z'));
    await alerts();
    expect(await daysLeftFor(chicago)).toEqual([[8], [7]]);
    expect(await daysLeftFor(tokyo)).toEqual([[7]]);
    expect((await sentTo(chicago))[0]!.timezone).toBe('America/Chicago');
    expect((await sentTo(tokyo))[0]!.timezone).toBe('Asia/Tokyo');
  });

  it('are sent again for a renewed one, by its new end', async () => {
    const at = await place();
    const pat = await person(at.provider.id);
    const purchase = await at.purchase(5, 60);
    before(purchase.endsAt!, 7);
    await alerts();
    const renewed = await at.renew(purchase, 365);
    await alerts();
    before(renewed.endsAt!, 7);
    await alerts();
    expect(await daysLeftFor(pat)).toEqual([[7], [7]]);
  });

  it('are sent when its grace is over', async () => {
    const at = await place();
    const pat = await person(at.provider.id);
    const { endsAt } = await at.purchase(5, 40);
    before(endsAt!, -30);
    await sweep();
    await alerts();
    await alerts();
    expect((await sentTo(pat)).map(({ items }) => items.map((item) => item.news))).toEqual([['suspended']]);
  });

  it('are not sent with the switch off, when locked, when gone, or of what does not end', async () => {
    const at = await place();
    const silent = await world.given.portalUser(at.provider.id);
    const gone = await person(at.provider.id);
    await world.call(h.deletePortalUser, { id: gone.id });
    const locked = await person(at.provider.id);
    await world.call(h.lockPortalUser, { id: locked.id });
    const other = await person((await place()).provider.id);
    const { endsAt } = await at.purchase(5, 40);
    await at.purchase(5, undefined, { application: 'UnityMobile', licenseType: 'Standard' });
    before(endsAt!, 7);
    await alerts();
    for (const nobody of [silent, gone, locked, other]) expect(await sentTo(nobody)).toEqual([]);
  });
});

describe('portal users of a reseller and a group', () => {
  it('are about their own sub-purchases when the purchase behind them ends, and the others of theirs', async () => {
    const at = await place();
    const reseller = await person(at.reseller.id, { level: 'reseller' });
    const group = await person(at.group.id, { level: 'group' });
    const { endsAt } = await at.purchase(50, 60);
    await world.call(h.addResellerSubPurchase, { resellerId: at.reseller.id, ...PRO, quantity: 20 });
    await world.call(h.addGroupSubPurchase, { groupId: at.group.id, ...PRO, quantity: 8 });
    before(endsAt!, 14);
    await alerts();
    await alerts();
    const item = { kind: 'sub-purchase', news: 'expires', ...PRO, expiresAt: endsAt, daysLeft: 14 };
    expect(await sentTo(reseller)).toMatchObject([{ items: [{ ...item, quantity: 20, holder: at.reseller.name }] }]);
    expect(await sentTo(group)).toMatchObject([{ items: [{ ...item, quantity: 8, holder: at.group.name }] }]);
  });

  it('are not sent when what remains covers what is committed', async () => {
    const at = await place();
    const reseller = await person(at.reseller.id, { level: 'reseller' });
    await at.purchase(20);
    const { endsAt } = await at.purchase(50, 60);
    await world.call(h.addResellerSubPurchase, { resellerId: at.reseller.id, ...PRO, quantity: 20 });
    before(endsAt!, 14);
    await alerts();
    expect(await sentTo(reseller)).toEqual([]);
  });

  it('are about the trials of their users, later ones on the way, several in one mail', async () => {
    const at = await place({ trialDurationDays: 14 });
    const reseller = await person(at.reseller.id, { level: 'reseller' });
    const group = await person(at.group.id, { level: 'group' });
    const provider = await person(at.provider.id);
    const beside = await person((await world.given.group(at.reseller.id)).id, { level: 'group' });
    await at.ask();
    const { license } = await at.ask(await world.given.user(at.group.id, 'Dana Desk'));
    await alerts();
    expect(await sentTo(group)).toEqual([]);
    for (const days of [7, 1]) {
      before(license!.expiresAt!, days);
      await alerts();
    }
    for (const person of [reseller, group])
      expect(await daysLeftFor(person)).toEqual([
        [7, 7],
        [1, 1],
      ]);
    const [{ items } = { items: [] }] = await sentTo(group);
    expect(items.map((item) => item.holder).sort()).toEqual([at.user.name, 'Dana Desk'].sort());
    for (const nobody of [provider, beside]) expect(await sentTo(nobody)).toEqual([]);
  });

  it('say which trials ended without a license, and why; not of those that got one', async () => {
    const at = await place({ trialDurationDays: 1, automaticAssignment: { UnityDesktop: 'Pro' } });
    const group = await person(at.group.id, { level: 'group' });
    await at.purchase(1);
    const second = await world.given.user(at.group.id, 'Dana Desk');
    await at.ask();
    world.clock.advance(1000);
    await at.ask(second);
    at.days(1);
    await sweep();
    await alerts();
    await alerts();
    expect(await sentTo(group)).toMatchObject([
      {
        items: [
          { kind: 'trial', news: 'unlicensed', holder: 'Dana Desk', reason: expect.stringContaining('UnityDesktop') },
        ],
      },
    ]);
  });

  it('are not sent for the trials of deleted users', async () => {
    const at = await place({ trialDurationDays: 14 });
    const group = await person(at.group.id, { level: 'group' });
    const { license } = await at.ask();
    await world.call(h.deleteUser, { id: at.user.id });
    before(license!.expiresAt!, 7);
    await alerts();
    expect(await sentTo(group)).toEqual([]);
  });
});
