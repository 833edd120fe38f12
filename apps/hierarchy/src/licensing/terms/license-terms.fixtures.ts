import { Timers } from '@strowger/jobs';
import {
  hierarchyRpc as h,
  type ChangeProviderSettings,
  type LicenseDecision,
  type PurchaseView,
  type RequestLicense,
  type UserView,
} from '@strowger/contracts-hierarchy';
import type { World } from '../../hierarchy.fixtures.js';

export const PRO = { application: 'UnityDesktop', licenseType: 'Pro' };
export const DAY_MS = 86_400_000;

export type Place = Awaited<ReturnType<ReturnType<typeof placesOf>>>;

/** A provider with a server host name, and a user whose client can ask. */
export const placesOf =
  (world: World) =>
  async (settings: Omit<ChangeProviderSettings, 'id'> = {}) => {
    const { call, clock } = world;
    const serverHostName = `xsp-${world.newId()}.carrier.example`;
    const provider = await call(h.createSystemProvider, { name: 'Demo Carrier', serverHostNames: [serverHostName] });
    const change = (more: Omit<ChangeProviderSettings, 'id'>) =>
      call(h.changeProviderSettings, { id: provider.id, ...more });
    if (Object.keys(settings).length > 0) await change(settings);
    const reseller = await world.given.reseller(provider.id);
    const group = await world.given.group(reseller.id);
    const user = await world.given.user(group.id);

    const place = {
      provider,
      reseller,
      group,
      user,
      serverHostName,
      change,
      ask: (
        of: Pick<UserView, 'broadworksUserId'> = user,
        more: Partial<RequestLicense> = {},
      ): Promise<LicenseDecision> =>
        call(h.requestLicense, {
          serverHostName,
          resellerId: reseller.key,
          groupId: group.key,
          broadworksUserId: of.broadworksUserId,
          application: 'UnityDesktop',
          ...more,
        }),
      assign: (of: { id: string } = user, product = PRO) => call(h.assignLicense, { userId: of.id, ...product }),
      licenses: (of: { id: string } = user) => call(h.listUserLicenses, { id: of.id }),
      remove: async (of: { id: string } = user) => {
        for (const { id } of await call(h.listUserLicenses, { id: of.id }))
          await call(h.removeLicense, { userId: of.id, licenseId: id });
      },
      purchase: (quantity: number | null, days?: number, product = PRO): Promise<PurchaseView> =>
        call(h.addPurchase, {
          systemProviderId: provider.id,
          ...product,
          quantity,
          ...(days === undefined ? {} : { endsAt: new Date(clock.now().getTime() + days * DAY_MS).toISOString() }),
        }),
      renew: (purchase: PurchaseView, days: number) =>
        call(h.updatePurchase, {
          id: purchase.id,
          endsAt: new Date(clock.now().getTime() + days * DAY_MS).toISOString(),
        }),
      stock: async (product = PRO) =>
        (await call(h.listProviderLicenses, { id: provider.id })).find(
          (row) => row.application === product.application && row.licenseType === product.licenseType,
        ),
      trials: async () => (await call(h.listTrials, { parentId: provider.id })).items,
      days: (count: number) => clock.advance(count * DAY_MS),
    };
    return place;
  };

export const sweepOf = (world: World) => () => world.service.app.get(Timers, { strict: false }).runNow('license-terms');
export const alertsOf = (world: World) => () =>
  world.service.app.get(Timers, { strict: false }).runNow('license-expiry-alerts');
