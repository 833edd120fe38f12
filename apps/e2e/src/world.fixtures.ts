import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type PortalApi, Refused, until } from '@strowger/api-client';
import { APPLICATION_NAME } from '@strowger/carrier-twins';
import type { GroupView, UserView } from '@strowger/contracts-hierarchy';
import type { NumberView, OperationView, PlatformView } from '@strowger/contracts-provisioning';
import { World } from '@strowger/demo';
import { describeDifference, ledger, type Accepted } from '@strowger/ledger';
import { inDatabase, withClient } from '../../../tools/setup/database.ts';
import {
  removeData,
  startStack,
  type Stack,
  type StackOptions,
  type StackService,
} from '../../../tools/setup/stack.ts';

const LOCAL = fileURLToPath(new URL('../../../.local', import.meta.url));

/** Whole stacks start and settle in seconds on an idle machine; a busy one needs more. */
export const MINUTES = 60_000;

/** What waits for minutes in production and would only make a test longer. */
const QUICK: NonNullable<StackOptions['env']> = {
  gateway: { RPC_TIMEOUT_SECONDS: 8, IDEMPOTENCY_ABANDONED_SECONDS: 10, FEED_CHECK_SECONDS: 1 },
  provisioning: {
    ENABLEMENT_POLL_SECONDS: 1,
    ENABLEMENT_REFRESH_SECONDS: 0,
    ENABLEMENT_RATE_PER_SECOND: 100,
    CARRIER_READ_MS: 2000,
    CARRIER_LOOK_AGAIN_MS: '200,500,1000',
    CARRIER_UNDO_BACKOFF_MS: 100,
    CARRIER_CLEANUP_SECONDS: 1,
  },
  routing: { NUMBER_RATE_PER_SECOND: 0, SEND_PROBE_SECONDS: '1,1,1', CARRIER_TIMEOUT_SECONDS: 3, RECONCILE_SECONDS: 5 },
  'carrier-twins': { TWINS_JOB_DELAY_MS: 500 },
};

export type Inherit = (home: string) => StackOptions['restore'];

export type ServerName = 'PostgreSQL' | 'Redis' | 'NATS';

/** A whole system of its own, with a tenant in it that has a platform, a licensed user and a number. */
export class E2e {
  tenant!: World;
  platform!: PlatformView;
  number!: NumberView;
  clientToken = '';
  /** Set by a test that fails: its folder stays for a look. */
  keep = false;
  private phones = 0;
  /** What a test before has failed for does not count against the next. */
  private readonly reported = new Set<string>();

  private constructor(
    readonly stack: Stack,
    private readonly home: string,
  ) {}

  /**
   * @param portBase of its own for each spec file; one that is taken moves up by 100
   * @param inherit given the folder, before anything starts in it; what it returns fills the servers
   */
  static async start(name: string, portBase: number, env: StackOptions['env'] = {}, inherit?: Inherit): Promise<E2e> {
    mkdirSync(LOCAL, { recursive: true });
    const home = mkdtempSync(join(LOCAL, `e2e-${name}-`));
    const restore = inherit?.(home);
    const services = Object.keys({ ...QUICK, ...env }) as (StackService | '*')[];
    const merged = Object.fromEntries(services.map((service) => [service, { ...QUICK[service], ...env[service] }]));
    const stack = await startStack({ home, portBase, env: merged, restore }).catch((error: unknown) => {
      removeData(join(home, 'data'));
      throw error;
    });
    return new E2e(stack, home);
  }

  get addresses() {
    return { ...this.stack.urls, operator: this.stack.operator };
  }
  get twins() {
    return this.tenant.twins;
  }
  get admin(): PortalApi {
    return this.tenant.admin;
  }
  get client(): PortalApi {
    return this.admin.as(this.clientToken);
  }

  /** A provider with someone who receives alerts, a platform, and a user with a license and an active number. */
  async settleIn({ number = true } = {}): Promise<void> {
    this.tenant = await World.enter(this.addresses);
    const { admin, twins, provider, portalUser, user } = this.tenant;
    await admin.patch(`/v1/portal-users/${portalUser.id}`, {
      notifications: { ...portalUser.notifications, alerts: true },
    });
    const account = (this.tenant.account = await twins.putAccount({}));
    this.platform = await admin.post<PlatformView>(`/v1/system-providers/${provider.id}/platforms`, {
      kind: 'restcomm',
      credentials: { account: account.sid, secret: account.token, messageExchangeToken: account.meToken },
      options: { ratePerSecond: 200 },
    });
    await twins.putApplication(account.sid, APPLICATION_NAME, { rcml_url: this.platform.webhookUrl });
    await admin.post(`/v1/users/${user.id}/licenses`, { application: 'UnityDesktop', licenseType: 'Pro' });
    const { clientToken } = await admin.post<{ clientToken: string }>(`/v1/users/${user.id}/client-tokens`);
    this.clientToken = clientToken;
    if (number) this.number = await this.activeNumber();
  }

  /** Another user of the same group. */
  anotherUser(name: string): Promise<UserView> {
    return this.admin.post<UserView>(
      `/v1/groups/${(this.tenant.user as UserView & { groupId: GroupView['id'] }).groupId}/users`,
      {
        broadworksUserId: `${name}@e2e.example`,
        name,
      },
    );
  }

  /** Ten digits nobody has used here; the last four choose the twin's scenario, `1xxx` none. */
  phone(suffix?: string): string {
    this.phones += 1;
    const exchange = 220 + Math.floor(this.phones / 70) * 10 + (this.phones % 7) + 2;
    return `201${exchange}${suffix ?? String(1000 + this.phones)}`;
  }

  /** Assigned, enabled, and known to routing. */
  async activeNumber(userId = this.tenant.user.id): Promise<NumberView> {
    const assigned = await this.assign(this.phone(), userId);
    const active = await until(
      'the number being active',
      async () => {
        const now = await this.admin.get<NumberView>(`/v1/numbers/${assigned.id}`);
        return now.state === 'active' && now;
      },
      MINUTES,
    );
    await until('routing knowing the number', async () => {
      const known = await this.sql(`select 1 from routing.owned_number where number_id = '${active.id}' and active`);
      return known.length > 0;
    });
    return active;
  }

  /** As a sane client does: the same key until there is an answer, then the operation until it ends. */
  async assign(number: string, userId = this.tenant.user.id): Promise<NumberView> {
    const headers = { 'idempotency-key': `assign-${number}`, prefer: 'wait=3' };
    const answer = await persist(() =>
      this.admin.post<NumberView | OperationView>(`/v1/users/${userId}/numbers`, { number }, headers),
    );
    if ('e164' in answer) return answer;
    await this.ended(answer.id);
    return persist(() => this.admin.get<NumberView>(`/v1/numbers/${answer.subjectId}`));
  }

  /** Repeating a release is harmless: what is released stays so. */
  async release(numberId: string): Promise<void> {
    const answer = await persist(() => this.admin.delete<NumberView | OperationView>(`/v1/numbers/${numberId}`));
    if (!('e164' in answer)) await this.ended(answer.id);
  }

  /** @throws Refused as the caller would have been, had the work ended within the wait */
  private async ended(operationId: string): Promise<void> {
    const operation = await until(
      `the end of operation ${operationId}`,
      async () => {
        const now = await persist(() => this.admin.get<OperationView>(`/v1/operations/${operationId}`));
        return now.state !== 'running' && now;
      },
      2 * MINUTES,
    );
    const { code, message } = operation.error ?? {};
    if (code !== undefined) throw new Refused(operation.kind, { status: 409, code, detail: message ?? '' });
  }

  sql(text: string): Promise<Record<string, unknown>[]> {
    return withClient(
      inDatabase(this.stack.urls.postgresUrl, 'strowger'),
      async (client) => (await client.query(text)).rows,
    );
  }

  /** What a dead process has in hand is free again, as minutes later; its due times are columns. */
  async leasesRunOut(): Promise<void> {
    await this.sql(`update routing.message set next_attempt_at = now() where state = 'submitting'`);
    await this.sql(`update routing.platform set sender_until = now() where sender is not null`);
    await this.sql(
      `update notification.mail_delivery set lease_until = now(), next_attempt_at = now() where state in ('sending', 'handed-over')`,
    );
  }

  server(name: ServerName) {
    return this.stack.servers.find((server) => server.name === name)!;
  }

  /** A text as the carrier posts it. Answers the status, 0 where there was none. */
  async post(message: { sid: string; from: string; to: string; body: string }): Promise<number> {
    const form = new URLSearchParams({
      SmsSid: message.sid,
      AccountSid: this.tenant.account.sid,
      From: message.from,
      To: message.to,
      Body: message.body,
    });
    const response = await fetch(this.platform.webhookUrl, {
      method: 'POST',
      body: form,
      // Restcomm gives up then.
      signal: AbortSignal.timeout(6000),
    }).catch(() => undefined);
    await response?.arrayBuffer().catch(() => undefined);
    return response?.status ?? 0;
  }

  /**
   * A sender that could not write down what the carrier said leaves the text to its lease of two minutes. Here it ends
   * after ten seconds, still far beyond the carrier's time-out, so nothing is taken from a request under way.
   */
  private async oldLeasesRunOut(): Promise<void> {
    await this.sql(
      `update routing.message m set next_attempt_at = now() where state = 'submitting' and next_attempt_at > now()
       and not exists (select 1 from routing.send_attempt a where a.message_id = m.id and a.started_at > now() - interval '10 seconds')`,
    );
  }

  /** Waits until all is quiet and the books agree; fails with their differences. */
  async booksAgree(accepted: readonly Accepted[] = [], timeoutMs = MINUTES): Promise<void> {
    let lines: string[] = [];
    await until(
      'the books agreeing',
      async () => {
        await this.oldLeasesRunOut().catch(() => undefined);
        lines = await this.differences(accepted).catch((error: unknown) => [String(error)]);
        lines = lines.filter((line) => !this.reported.has(line));
        return lines.length === 0;
      },
      timeoutMs,
    ).catch(() => undefined);
    for (const line of lines) this.reported.add(line);
    expect(lines.slice(0, 20)).toEqual([]);
  }

  async differences(accepted: readonly Accepted[] = []): Promise<string[]> {
    return (await ledger(this.stack.urls, accepted)).map(describeDifference);
  }

  /** What the command says that recomputes every license balance from the ledger; empty when all agree. */
  async licenseDifferences(): Promise<string[]> {
    const command = fileURLToPath(new URL('../../hierarchy/dist/recompute-licenses.js', import.meta.url));
    const env = { DATABASE_URL: this.stack.databaseUrl('hierarchy') };
    const said = await new Promise<string>((resolve, reject) =>
      execFile(process.execPath, [command], { env }, (error, stdout, stderr) =>
        // It leaves with 1 when there are differences.
        error && error.code !== 1 ? reject(new Error(`${error.message}\n${stderr}`)) : resolve(stdout),
      ),
    );
    const lines = said.trim().split('\n');
    const verdict = lines.pop();
    if (!verdict?.startsWith('licenses: ')) throw new Error(`The recomputation said: ${said}`);
    return lines;
  }

  async stop(): Promise<void> {
    await this.stack.stop();
    if (this.keep) return console.error(`Logs and data of the failed run stay in ${this.home}`);
    removeData(join(this.home, 'data'));
    rmSync(this.home, { recursive: true, force: true });
  }
}

/** Whether asking again is right: nobody answered, or the answer asks for it. */
function worthRetrying(error: unknown): boolean {
  if (!(error instanceof Refused)) return true;
  const { status, code } = error.problem ?? {};
  // A verdict on the number stands, whatever its status: its saga has ended, and the same key finds the same end.
  if (/^(NUMBER|PLATFORM|SMS)_/.test(code ?? '')) return false;
  return status === undefined || status >= 500 || status === 429 || code === 'REQUEST_IN_PROGRESS';
}

/** Asks until there is an answer that stands. */
export async function persist<T>(ask: () => Promise<T>, timeoutMs = 2 * MINUTES): Promise<T> {
  let last: unknown;
  const answer = await until(
    'an answer of the API',
    async () => {
      try {
        return { value: await ask() };
      } catch (error) {
        if (!worthRetrying(error)) throw error;
        last = error;
        return undefined;
      }
    },
    timeoutMs,
  ).catch((error: unknown) => {
    throw error instanceof Refused ? error : new Error(`${String(error)}; last: ${String(last)}`, { cause: error });
  });
  return answer.value;
}

/** A system for the file's tests: started before, stopped after, its folder kept when one fails. */
export function e2e(
  name: string,
  portBase: number,
  env?: () => StackOptions['env'] | Promise<StackOptions['env']>,
  inherit?: Inherit,
) {
  let world: E2e | undefined;
  beforeAll(async () => {
    world = await E2e.start(name, portBase, await env?.(), inherit);
  }, 3 * MINUTES);
  afterAll(() => world?.stop(), MINUTES);

  return {
    get world(): E2e {
      if (!world) throw new Error('The stack did not start.');
      return world;
    },
    /** `it` that keeps the logs when it fails. */
    holds(title: string, check: (world: E2e) => Promise<void>, timeoutMs = 3 * MINUTES): void {
      it(
        title,
        async () => {
          await check(this.world).catch((error: unknown) => {
            this.world.keep = true;
            throw error;
          });
        },
        timeoutMs,
      );
    },
  };
}
