import { hierarchyRpc as h, type UserView } from '@strowger/contracts-hierarchy';
import type { AppError, TenantScope } from '@strowger/kernel';
import { refusal, type World } from '../hierarchy.fixtures.js';
import { recomputeLicenses } from './recompute.js';

export const PRO = { application: 'UnityDesktop', licenseType: 'Pro' };
type Product = typeof PRO;

/** One product of one provider, in the words of reference/provisioning-soap-api.md §6.3. */
export async function startBook(world: World, own: number | null, product: Product = PRO) {
  const provider = await world.given.provider();
  await world.call(h.setPurchase, { systemProviderId: provider.id, ...product, quantity: own });

  const book = {
    provider,
    product,
    reseller: () => world.given.reseller(provider.id),
    group: (reseller: { id: string }) => world.given.group(reseller.id),
    /** A few at a time: making them is not what is tested. */
    async users(group: { id: string }, count: number) {
      const users: UserView[] = [];
      while (users.length < count) {
        const few = Array.from({ length: Math.min(8, count - users.length) }, () => world.given.user(group.id));
        users.push(...(await Promise.all(few)));
      }
      return users;
    },
    assign: (user: { id: string }) => world.call(h.assignLicense, { userId: user.id, ...product }),
    /** New users of a group get a license one after the other; all of them, or this throws. */
    async assignNew(group: { id: string }, count: number) {
      const users = await book.users(group, count);
      for (const user of users) await book.assign(user);
      return users;
    },
    /** One more user of a group who gets none: the code and the numbers. */
    async refuses(group: { id: string }) {
      const [user] = await book.users(group, 1);
      return refusedWith(await refusal(book.assign(user!)));
    },
    sub: {
      addReseller: (reseller: { id: string }, quantity: number, scope?: TenantScope) =>
        world.call(h.addResellerSubPurchase, { resellerId: reseller.id, ...product, quantity }, scope),
      setReseller: (reseller: { id: string }, quantity: number, scope?: TenantScope) =>
        world.call(h.setResellerSubPurchase, { resellerId: reseller.id, ...product, quantity }, scope),
      removeReseller: (reseller: { id: string }) =>
        world.call(h.removeResellerSubPurchase, { resellerId: reseller.id, ...product }),
      addGroup: (group: { id: string }, quantity: number, scope?: TenantScope) =>
        world.call(h.addGroupSubPurchase, { groupId: group.id, ...product, quantity }, scope),
      setGroup: (group: { id: string }, quantity: number, scope?: TenantScope) =>
        world.call(h.setGroupSubPurchase, { groupId: group.id, ...product, quantity }, scope),
      removeGroup: (group: { id: string }) => world.call(h.removeGroupSubPurchase, { groupId: group.id, ...product }),
    },
    oversell: (reseller: { id: string }, oversell: 'NONE' | 'PROVIDER_BACKED') =>
      world.call(h.setOversell, { resellerId: reseller.id, oversell }),
    async ofProvider() {
      const all = await world.call(h.listProviderLicenses, { id: provider.id });
      return all.find((one) => one.application === product.application && one.licenseType === product.licenseType)!;
    },
    ofReseller: async (reseller: { id: string }) => (await world.call(h.listResellerLicenses, { id: reseller.id }))[0],
    ofGroup: async (group: { id: string }) => (await world.call(h.listGroupLicenses, { id: group.id }))[0],
    differences: () => recomputeLicenses(world.db),
  };
  return book;
}

/** What a refusal says, without its sentence. */
export const refusedWith = ({ code, details }: AppError) => {
  const { requested, available, quantity, committed } = details;
  return code === 'quantity-below-committed' ? { code, quantity, committed } : { code, requested, available };
};
