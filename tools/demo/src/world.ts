import { randomBytes, randomInt } from 'node:crypto';
import { type ClientSocket, PortalApi } from '@strowger/api-client';
import { type AccountView, twinsClient, type TwinsControl } from '@strowger/carrier-twins';
import type { GroupView, PortalUserView, SystemProviderView, UserView } from '@strowger/contracts-hierarchy';
import type { NumberView, PlatformView } from '@strowger/contracts-provisioning';

export interface Addresses {
  gatewayUrl: string;
  twinsUrl: string;
  mailUrl: string;
  operator: { email: string; password: string };
}

export interface SunkMail {
  id: string;
  to: string[];
  subject: string;
  text: string;
}

/** A tenant of its own for each run, so that the story can be played again and again. */
export class World {
  readonly twins: TwinsControl;
  /** Far from the numbers of other tellings; the last four digits choose the twin's scenario. */
  private readonly prefix = `${pick(['201', '312', '415', '646'])}${randomInt(240, 900)}`;
  account!: AccountView;
  platform!: PlatformView;
  number!: NumberView;
  clientToken = '';
  socket?: ClientSocket;

  private constructor(
    readonly addresses: Addresses,
    readonly admin: PortalApi,
    readonly provider: SystemProviderView,
    readonly portalUser: PortalUserView,
    readonly user: UserView,
  ) {
    this.twins = twinsClient(addresses.twinsUrl);
  }

  static async enter(addresses: Addresses): Promise<World> {
    const tag = randomBytes(3).toString('hex');
    const operator = await PortalApi.signIn(
      addresses.gatewayUrl,
      addresses.operator.email,
      addresses.operator.password,
    );
    const provider = await operator.post<SystemProviderView>('/v1/system-providers', { name: `Story ${tag}` });
    const password = randomBytes(12).toString('base64url');
    const portalUser = await operator.post<PortalUserView>('/v1/portal-users', {
      level: 'system-provider',
      nodeId: provider.id,
      email: `alerts-${tag}@story.example`,
      name: 'Sam Story',
      password,
      role: 'administrator',
      notifications: { technicalEmails: false, alerts: false, invoicesAndReceipts: false, licenseExpiryAlerts: false },
    });
    await operator.put(`/v1/system-providers/${provider.id}/purchases/UnityDesktop/Pro`, { quantity: 2 });
    const admin = await PortalApi.signIn(addresses.gatewayUrl, portalUser.email, password);
    const reseller = await admin.post<{ id: string }>(`/v1/system-providers/${provider.id}/resellers`, {
      key: `story-${tag}`,
      name: 'Story',
      kind: 'enterprise',
    });
    const group = await admin.post<GroupView>(`/v1/resellers/${reseller.id}/groups`, {
      key: 'hq',
      name: 'Headquarters',
    });
    const user = await admin.post<UserView>(`/v1/groups/${group.id}/users`, {
      broadworksUserId: `chris-${tag}@story.example`,
      name: 'Chris Tutt',
    });
    return new World(addresses, admin, provider, portalUser, user);
  }

  /** Ten digits of this run, ending as the scenario wants. */
  phone(suffix: string): string {
    return this.prefix + suffix;
  }

  /** A remote party the twin delivers to. */
  readonly remote = `+1${this.prefix}7777`;

  async mail(): Promise<SunkMail[]> {
    const response = await fetch(
      `${this.addresses.mailUrl}/api/messages?to=${encodeURIComponent(this.portalUser.email)}`,
    );
    return (await response.json()) as SunkMail[];
  }

  async leave(): Promise<void> {
    await this.socket?.close();
  }
}

function pick<T>(items: readonly T[]): T {
  return items[randomInt(items.length)]!;
}
