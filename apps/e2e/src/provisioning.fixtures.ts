import { PortalApi, until } from '@strowger/api-client';
import type {
  GroupView,
  HistoryEntryView,
  InterfaceUserWithPassword,
  NodeLicensesView,
  ProviderLicensesView,
  ResellerView,
  UserView,
} from '@strowger/contracts-hierarchy';
import type { Page } from '@strowger/kernel';
import { BackOffice } from './soap.fixtures.js';
import type { E2e } from './world.fixtures.js';

export interface Product {
  applicationName: string;
  licenseType: string;
}
export const PRO = { applicationName: 'UnityDesktop', licenseType: 'Pro' };
export const AGENT = { applicationName: 'UnityAgent', licenseType: 'Standard' };
export const HOST = 'xsp1.provisioning.example';

/** All at once; the answers in the order of the calls. */
export const atOnce = <T>(count: number, call: (at: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, at) => call(at)));

/** The tenant's back office on the one side, its portal on the other: both see the same at once. */
export class Provisioned {
  private constructor(
    readonly world: E2e,
    readonly operator: PortalApi,
    readonly robot: InterfaceUserWithPassword,
    readonly backOffice: BackOffice,
  ) {}

  /** A back office for the tenant of a system that is settled in. */
  static async enter(world: E2e): Promise<Provisioned> {
    const { operator: login, gatewayUrl } = world.addresses;
    const operator = await PortalApi.signIn(gatewayUrl, login.email, login.password);
    await world.admin.post(`/v1/system-providers/${world.tenant.provider.id}/host-names`, { hostName: HOST });
    const { made, caller } = await makeRobot(world, operator, world.tenant.provider.id, 'main', HOST);
    return new Provisioned(world, operator, made, caller);
  }

  get admin(): PortalApi {
    return this.world.admin;
  }
  get provider(): string {
    return `/v1/system-providers/${this.world.tenant.provider.id}`;
  }

  anotherRobot(providerId: string, name: string, host: string) {
    return makeRobot(this.world, this.operator, providerId, name, host);
  }

  async purchase({ applicationName, licenseType }: Product, quantity: number): Promise<void> {
    await this.operator.put(`${this.provider}/purchases/${applicationName}/${licenseType}`, { quantity });
  }

  /** Every reseller with that key: one, or none. */
  async resellers(key: string): Promise<ResellerView[]> {
    const { items } = await this.admin.get<Page<ResellerView>>(`${this.provider}/resellers?limit=200&search=${key}`);
    return items.filter((item) => item.key === key);
  }

  async group(reseller: string, key: string): Promise<GroupView | undefined> {
    const [found] = await this.resellers(reseller);
    const { items } = await this.admin.get<Page<GroupView>>(`/v1/resellers/${found!.id}/groups?limit=200`);
    return items.find((item) => item.key === key);
  }

  async user(broadworksUserId: string): Promise<UserView | undefined> {
    const search = encodeURIComponent(broadworksUserId);
    const { items } = await this.admin.get<Page<UserView>>(`/v1/users?search=${search}`);
    return items.find((item) => item.broadworksUserId === broadworksUserId);
  }

  async history(query: string): Promise<HistoryEntryView[]> {
    return (await this.admin.get<Page<HistoryEntryView>>(`/v1/history?limit=200&${query}`)).items;
  }

  /** The entry of something that was done to an object; routing's arrive a moment later. */
  recorded(objectId: string, action: string): Promise<HistoryEntryView> {
    return until(
      `${action} in the history of ${objectId}`,
      async () => (await this.history(`objectId=${objectId}&action=${action}`))[0],
    );
  }

  async groupLicenses({ id }: { id: string }, product: Product): Promise<NodeLicensesView | undefined> {
    return (await this.admin.get<NodeLicensesView[]>(`/v1/groups/${id}/licenses`)).find(of(product));
  }

  async pool(product: Product): Promise<ProviderLicensesView> {
    return (await this.admin.get<ProviderLicensesView[]>(`${this.provider}/licenses`)).find(of(product))!;
  }
}

const of =
  ({ applicationName, licenseType }: Product) =>
  (row: { application: string; licenseType: string }): boolean =>
    row.application === applicationName && row.licenseType === licenseType;

/** The operator makes the login; the password is shown once, in the answer. */
async function makeRobot(world: E2e, operator: PortalApi, providerId: string, name: string, host: string) {
  const made = await operator.post<InterfaceUserWithPassword>(`/v1/system-providers/${providerId}/interface-users`, {
    userName: `robot.${name}`,
    email: `${name}@backoffice.example`,
    addresses: [{ address: '127.0.0.1', description: 'The provisioning host' }],
  });
  const login = { loginUserName: made.userName, loginPassword: made.password! };
  return { made, caller: new BackOffice(world.addresses.soapUrl, login, host) };
}
