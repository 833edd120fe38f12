import { randomBytes } from 'node:crypto';
import { PortalApi, until } from '@strowger/api-client';
import { APPLICATION_NAME, type AccountView, twinsClient, type TwinsControl } from '@strowger/carrier-twins';
import type {
  GroupView,
  PortalUserView,
  ResellerView,
  SystemProviderView,
  UserView,
} from '@strowger/contracts-hierarchy';
import type { NumberView, PlatformView } from '@strowger/contracts-provisioning';
import { inDatabase, type SqlClient, withClient } from '../../setup/database.ts';
import type { Stack } from '../../setup/stack.ts';

export interface BenchUser {
  id: string;
  broadworksUserId: string;
  /** Ten digits. */
  number: string;
  token: string;
}

export const HOST_NAME = 'bench.example';
/** Area codes and exchanges of this bench; the last four digits stay clear of the twins' scenarios. */
const OWNED = '415720';
const REMOTE = '312645';
const PROVISIONED = '646731';
const REMOTES = 100;
const AT_ONCE = 8;

/** A system provider with users who can send and receive, made through the public API as a customer's would be. */
export class Tenant {
  readonly remotes = Array.from({ length: REMOTES }, (_, i) => `${REMOTE}${2000 + i}`);

  private constructor(
    readonly stack: Stack,
    readonly twins: TwinsControl,
    readonly operator: PortalApi,
    readonly providerId: string,
    readonly admin: PortalApi,
    readonly account: AccountView,
    readonly platform: PlatformView,
    readonly users: BenchUser[],
  ) {}

  static async make(stack: Stack, userCount: number): Promise<Tenant> {
    const { gatewayUrl, twinsUrl } = stack.urls;
    const operator = await PortalApi.signIn(gatewayUrl, stack.operator.email, stack.operator.password);
    const twins = twinsClient(twinsUrl);
    const provider = await operator.post<SystemProviderView>('/v1/system-providers', {
      name: 'Bench',
      serverHostNames: [HOST_NAME],
    });
    const password = randomBytes(12).toString('base64url');
    const portalUser = await operator.post<PortalUserView>('/v1/portal-users', {
      level: 'system-provider',
      nodeId: provider.id,
      email: 'alerts@bench.example',
      name: 'Bench Admin',
      password,
      role: 'administrator',
      notifications: { technicalEmails: false, alerts: true, invoicesAndReceipts: false, licenseExpiryAlerts: false },
    });
    await operator.put(`/v1/system-providers/${provider.id}/purchases/UnityDesktop/Pro`, { quantity: userCount });
    const admin = await PortalApi.signIn(gatewayUrl, portalUser.email, password);
    const reseller = await admin.post<ResellerView>(`/v1/system-providers/${provider.id}/resellers`, {
      key: 'bench',
      name: 'Bench',
      kind: 'enterprise',
    });
    const group = await admin.post<GroupView>(`/v1/resellers/${reseller.id}/groups`, { key: 'bench', name: 'Bench' });
    const account = await twins.putAccount({});
    const platform = await admin.post<PlatformView>(`/v1/system-providers/${provider.id}/platforms`, {
      kind: 'restcomm',
      credentials: { account: account.sid, secret: account.token, messageExchangeToken: account.meToken },
      options: { ratePerSecond: 10_000 },
    });
    await twins.putApplication(account.sid, APPLICATION_NAME, { rcml_url: platform.webhookUrl, kind: 'sms' });
    const users = await inParallel(userCount, AT_ONCE, async (i) => {
      const user = await admin.post<UserView>(`/v1/groups/${group.id}/users`, {
        broadworksUserId: `user-${i}@bench.example`,
        name: `User ${i}`,
      });
      await admin.post(`/v1/users/${user.id}/licenses`, { application: 'UnityDesktop', licenseType: 'Pro' });
      const number = `${OWNED}${1000 + i}`;
      await addNumber(twins, admin, account.sid, user.id, number);
      const { clientToken } = await admin.post<{ clientToken: string }>(`/v1/users/${user.id}/client-tokens`);
      return { id: user.id, broadworksUserId: user.broadworksUserId, number, token: clientToken };
    });
    const tenant = new Tenant(stack, twins, operator, provider.id, admin, account, platform, users);
    await until('routing knowing every number and license', async () => {
      const [row] = await tenant.sql(
        `select count(*)::int as n from routing.owned_number o join routing.user_entitlement e using (user_id) where o.active and e.entitled and o.platform_id = $1`,
        [platform.id],
      );
      return row!['n'] === userCount;
    });
    await until('ingestion knowing the webhook', async () => {
      const response = await fetch(platform.webhookUrl, { method: 'HEAD' });
      return response.ok;
    });
    return tenant;
  }

  /** Of the webhook, without the origin. */
  get hookPath(): string {
    return new URL(this.platform.webhookUrl).pathname;
  }

  /** As the superuser; tables need their schema's name. */
  sql(text: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
    return this.inDatabase(async (client) => (await client.query(text, values)).rows);
  }

  /** On a connection kept for the whole of `work`. */
  inDatabase<T>(work: (client: SqlClient) => Promise<T>): Promise<T> {
    return withClient(inDatabase(this.stack.urls.postgresUrl, 'strowger'), work);
  }

  /** Numbers for the provisioning figure: enabled at Message Exchange at once, held by nobody. */
  async freshNumbers(first: number, count: number): Promise<string[]> {
    return inParallel(count, AT_ONCE, async (i) => {
      const number = `${PROVISIONED}${1000 + first + i}`;
      await this.twins.setExchangeNumber(`1${number}`, { status: 'enabled', accountSid: this.account.sid });
      return number;
    });
  }

  /** Positions of the users' feeds. */
  async cursors(): Promise<number[]> {
    const rows = await this.sql('select user_id, head::float8 as head from routing.user_feed');
    const heads = new Map(rows.map((row) => [row['user_id'], Number(row['head'])]));
    return this.users.map(({ id }) => heads.get(id) ?? 0);
  }
}

async function addNumber(
  twins: TwinsControl,
  admin: PortalApi,
  accountSid: string,
  userId: string,
  number: string,
): Promise<void> {
  await twins.setExchangeNumber(`1${number}`, { status: 'enabled', accountSid });
  const added = await admin.post<NumberView>(`/v1/users/${userId}/numbers`, { number });
  if (added.state !== 'active') throw new Error(`${number} is ${added.state} instead of active`);
}

/** `work(0 … count-1)`, so many at once; answers in order. */
export async function inParallel<T>(count: number, width: number, work: (index: number) => Promise<T>): Promise<T[]> {
  const results = new Array<T>(count);
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      const index = next++;
      results[index] = await work(index);
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, count) }, worker));
  return results;
}
