import { randomBytes, randomInt } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { PortalApi, until } from '@strowger/api-client';
import { APPLICATION_NAME, type AccountView, twinsClient, type TwinsControl } from '@strowger/carrier-twins';
import type { GroupView, ResellerView, SystemProviderView, UserView } from '@strowger/contracts-hierarchy';
import type { NumberView, OperationView, PlatformView } from '@strowger/contracts-provisioning';
import type { BlockView, MessageView, QuarantinedView } from '@strowger/contracts-routing';
import { newId, type Page } from '@strowger/kernel';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { Redis } from 'ioredis';
import { inDatabase, withClient } from '../../../tools/setup/database.ts';
import type { Stack } from '../../../tools/setup/stack.ts';
import type { BackOffice } from './soap.fixtures.js';

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  /** Parsed, where it is JSON. */
  body: unknown;
}

/** Problems any call of this file's tests was answered with; the canary test reads them all. */
export const problemsSeen: string[] = [];

/** One request, whatever it answers. `raw` is sent as it is. */
export async function call(
  url: string,
  method: string,
  token: string,
  { json, raw, headers = {} }: { json?: unknown; raw?: string | Uint8Array; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const body = raw ?? (json === undefined ? undefined : JSON.stringify(json));
  const response = await fetch(url, {
    method,
    headers: {
      ...(token ? { authorization: `Bearer ${token}` } : {}),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    body: body as string | undefined,
    redirect: 'manual',
  });
  const text = await response.text();
  if (!response.ok) problemsSeen.push(text);
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    parsed = undefined;
  }
  return { status: response.status, headers: response.headers, text, body: parsed };
}

/** Secrets nobody else could have made up. */
export const canary = (what: string): string => `canary-${what}-${randomBytes(12).toString('hex')}`;

/** Everything one user has; ids by the path segment that takes them. */
export interface Leaf {
  user: UserView;
  client: string;
  number: NumberView;
  message: MessageView;
  ids: Record<'users' | 'numbers' | 'messages' | 'conversations' | 'blocks' | 'licenses', string>;
}
export interface GroupBranch {
  group: GroupView;
  admin: PortalApi;
  adminId: string;
  leaves: Leaf[];
  /** As `furnish` has it, of the group itself. */
  ids: Record<string, string>;
}
export interface Branch {
  reseller: ResellerView;
  admin: PortalApi;
  adminId: string;
  groups: GroupBranch[];
}

const AREAS = ['646', '415', '312', '201'];
let phones = 0;
/** Ten digits nobody has used; the last four choose the twin's scenario. */
export function phone(suffix?: string): string {
  phones += 1;
  const exchange = 220 + (phones % 700);
  // N11 is no exchange.
  if (exchange % 100 === 11) return phone(suffix);
  return `${AREAS[Math.floor(phones / 700) % AREAS.length]}${exchange}${suffix ?? 1000 + (phones % 9000)}`;
}

/** A system provider with a platform and everything a caller could ask for, at each level. */
export class Tenant {
  provider!: SystemProviderView;
  admin!: PortalApi;
  adminId!: string;
  email!: string;
  account!: AccountView;
  platform!: PlatformView;
  branches: Branch[] = [];
  /** By the path segment that takes them; `furnish` adds more. */
  readonly ids: Record<string, string> = {};
  robot!: BackOffice;
  /** Where the alerts of this tenant's platform come from. */
  failed!: NumberView;
  readonly secrets: Record<string, string> = {};
  readonly texts: Record<string, string> = {};
  readonly twins: TwinsControl;

  private constructor(
    readonly stack: Stack,
    readonly operator: PortalApi,
    readonly name: string,
  ) {
    this.twins = twinsClient(stack.urls.twinsUrl);
  }

  /** @param shape how many users each group of each reseller has */
  static async build(stack: Stack, operator: PortalApi, name: string, shape: number[][]): Promise<Tenant> {
    const tenant = new Tenant(stack, operator, name);
    await tenant.found();
    for (const [at, groups] of shape.entries()) tenant.branches.push(await tenant.branch(at, groups));
    await tenant.troubles();
    return tenant;
  }

  get leaves(): Leaf[] {
    return this.branches.flatMap((branch) => branch.groups.flatMap((group) => group.leaves));
  }

  /** Makes a portal user with a password of its own and signs in as them. */
  async portalUser(level: string, nodeId: string, who: string): Promise<{ id: string; email: string; api: PortalApi }> {
    const email = `${who}-${this.name}@security.example`;
    const password = (this.secrets[`password-${who}`] = canary('password'));
    const notifications = {
      technicalEmails: true,
      alerts: true,
      invoicesAndReceipts: false,
      licenseExpiryAlerts: false,
    };
    const { id } = await this.operator.post<{ id: string }>('/v1/portal-users', {
      ...{ level, nodeId, email, name: who, password, role: 'administrator', notifications },
    });
    const api = await PortalApi.signIn(this.stack.urls.gatewayUrl, email, password);
    this.secrets[`access-${who}`] = api.token;
    return { id, email, api };
  }

  private async found(): Promise<void> {
    const { operator, name } = this;
    this.provider = await operator.post<SystemProviderView>('/v1/system-providers', {
      name: `Security ${name}`,
      serverHostNames: [`${name}.security.example`],
    });
    await operator.put(`/v1/system-providers/${this.provider.id}/purchases/UnityDesktop/Pro`, { quantity: 50 });
    const admin = await this.portalUser('system-provider', this.provider.id, 'provider');
    [this.admin, this.adminId, this.email] = [admin.api, admin.id, admin.email];
    const token = (this.secrets['carrierToken'] = canary('auth-token'));
    const meToken = (this.secrets['exchangeToken'] = canary('me-token'));
    this.account = await this.twins.putAccount({ token, meToken });
    this.secrets['basic'] = Buffer.from(`${this.account.sid}:${token}`).toString('base64');
    this.platform = await this.admin.post<PlatformView>(
      `/v1/system-providers/${this.provider.id}/platforms`,
      {
        kind: 'restcomm',
        credentials: { account: this.account.sid, secret: token, messageExchangeToken: meToken },
        options: { ratePerSecond: 200 },
      },
      { 'idempotency-key': `platform-${name}` },
    );
    this.secrets['hookToken'] = this.platform.webhookUrl.split('/').at(-1)!;
    await this.twins.putApplication(this.account.sid, APPLICATION_NAME, { rcml_url: this.platform.webhookUrl });
    Object.assign(this.ids, {
      'system-providers': this.provider.id,
      'portal-users': this.adminId,
      platforms: this.platform.id,
    });
  }

  private async branch(at: number, groups: number[]): Promise<Branch> {
    const { provider, name, admin } = this;
    const reseller = await admin.post<ResellerView>(`/v1/system-providers/${provider.id}/resellers`, {
      ...{ key: `r${at}`, name: `Reseller ${name}${at}`, kind: 'enterprise' },
    });
    const person = await this.portalUser('reseller', reseller.id, `reseller${at}`);
    const branch: Branch = { reseller, admin: person.api, adminId: person.id, groups: [] };
    for (const [index, users] of groups.entries()) {
      const group = await admin.post<GroupView>(`/v1/resellers/${reseller.id}/groups`, {
        ...{ key: `g${at}${index}`, name: `Group ${name}${at}${index}` },
      });
      const keeper = await this.portalUser('group', group.id, `group${at}${index}`);
      const leaves: Leaf[] = [];
      for (let n = 0; n < users; n += 1) leaves.push(await this.leaf(group, `${name}${at}${index}${n}`));
      branch.groups.push({ group, admin: keeper.api, adminId: keeper.id, leaves, ids: {} });
    }
    return branch;
  }

  private async leaf(group: GroupView, tag: string): Promise<Leaf> {
    const { admin, twins, account } = this;
    const user = await admin.post<UserView>(`/v1/groups/${group.id}/users`, {
      ...{ broadworksUserId: `user-${tag}@security.example`, name: `User ${tag}` },
    });
    const license = await admin.post<{ id: string }>(`/v1/users/${user.id}/licenses`, {
      ...{ application: 'UnityDesktop', licenseType: 'Pro' },
    });
    const { clientToken } = await admin.post<{ clientToken: string }>(`/v1/users/${user.id}/client-tokens`);
    this.secrets[`client-${tag}`] = clientToken;
    const ten = phone();
    await twins.setExchangeNumber(`1${ten}`, { status: 'enabled', accountSid: account.sid });
    const number = await admin.post<NumberView>(`/v1/users/${user.id}/numbers`, { number: ten });
    const client = admin.as(clientToken);
    const [said, sent] = [canary(`inbound-${tag}`), canary(`outbound-${tag}`)];
    this.texts[`inbound-${tag}`] = said;
    this.texts[`outbound-${tag}`] = sent;
    const remote = `1${phone()}`;
    const message = await until('routing knowing the number', () =>
      client
        .post<MessageView>('/v1/client/messages', { to: `+${remote}`, text: sent }, { 'idempotency-key': newId() })
        .catch(() => undefined),
    );
    await twins.inbound({ accountSid: account.sid, to: `1${ten}`, from: remote, body: said });
    await until('the inbound text', async () =>
      (await client.get<Page<MessageView>>('/v1/client/messages')).items.find((item) => item.text === said),
    );
    const block = await client.post<BlockView>('/v1/client/blocks', { number: `+1${phone()}` });
    const ids = {
      ...{ users: user.id, numbers: number.id, messages: message.id, conversations: message.conversationId },
      ...{ blocks: block.id, licenses: license.id },
    };
    return { user, client: clientToken, number, message, ids };
  }

  /** What only comes of failure: an operation of its own, an alert mail, something in quarantine. */
  private async troubles(): Promise<void> {
    const { admin, twins, account, stack } = this;
    const operation = await admin.post<OperationView>(
      `/v1/users/${this.leaves[0]!.user.id}/numbers`,
      { number: phone('0004') },
      { prefer: 'wait=0' },
    );
    this.ids.operations = operation.id;
    this.failed = await until(
      'the failed number',
      async () => {
        await twins.clock({ advanceMs: 20 * 60_000 });
        const now = await admin.get<NumberView>(`/v1/numbers/${operation.subjectId}`).catch(() => undefined);
        return now?.state === 'failed' && now;
      },
      60_000,
    );
    const [unknown, text] = [phone(), canary('quarantined')];
    this.texts['quarantined'] = text;
    const [held] = await twins.numbers({ accountSid: account.sid, phone: this.leaves[0]!.number.number });
    await twins.putNumber({
      ...{ accountSid: account.sid, phone_number: `1${unknown}` },
      sms_application_sid: held!.sms_application_sid,
    });
    await twins.inbound({ accountSid: account.sid, to: `1${unknown}`, from: `1${phone()}`, body: text });
    const quarantined = await until('the quarantined text', async () =>
      (await admin.get<Page<QuarantinedView>>('/v1/quarantine')).items.find((item) => item.to === `+1${unknown}`),
    );
    this.ids.quarantine = quarantined.id;
    const mail = await until('the alert mail', async () =>
      (await admin.get<Page<{ incidentId: string }>>('/v1/mail-deliveries')).items.at(0),
    );
    this.ids.incidents = mail.incidentId;
    await until('the mail itself', async () => (await mailsTo(stack, this.email)).length > 0);
  }
}

export async function mailsTo(stack: Stack, email: string): Promise<unknown[]> {
  const response = await fetch(`${stack.urls.mailUrl}/api/messages?to=${encodeURIComponent(email)}`);
  return (await response.json()) as unknown[];
}

/** A number out of thin air, as Restcomm ids look. */
export const someSid = (): string =>
  `SM${randomInt(2 ** 40)
    .toString(16)
    .padStart(32, '0')}`;

/** How a secret may be written somewhere: plain, in a URL, in JSON, in hexadecimal, or inside something in base64. */
export function formsOf(secret: string): string[] {
  const inBase64 = [0, 1, 2].map((shift) => {
    const text = Buffer.from(' '.repeat(shift) + secret).toString('base64');
    // Its first and last characters depend on what stands beside it.
    return text.slice(shift ? 4 : 0, Math.floor(((shift + secret.length) * 8) / 24) * 4);
  });
  const all = [
    secret,
    encodeURIComponent(secret),
    JSON.stringify(secret).slice(1, -1),
    Buffer.from(secret).toString('hex'),
  ];
  return [...new Set([...all, ...inBase64])].filter((form) => form.length >= 12);
}

/** A place and all that is written there. */
export interface Place {
  where: string;
  text: string;
}

function* filesIn(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesIn(path);
    else if (entry.isFile() && statSync(path).size > 0) yield path;
  }
}

/** Logs of everything but the tools, which play the carrier and the mail server; the spool and its snapshot. */
function filePlaces(stack: Stack): Place[] {
  const logs = [...filesIn(stack.logDir)].filter((path) => !/(carrier-twins|mail-sink)\.log/.test(path));
  const kept = [...filesIn(join(stack.dataDir, 'spool')), join(stack.dataDir, 'mail.jsonl')];
  return [
    ...logs.map((path) => ({
      where: `log ${path.slice(stack.logDir.length + 1)}`,
      text: readFileSync(path, 'latin1'),
    })),
    ...kept.map((path) => ({
      where: `file ${path.slice(stack.dataDir.length + 1)}`,
      text: readFileSync(path, 'latin1'),
    })),
  ];
}

async function databasePlaces(stack: Stack): Promise<Place[]> {
  return withClient(inDatabase(stack.urls.postgresUrl, 'strowger'), async (client) => {
    const { rows: tables } = await client.query(
      `select format('%I.%I', schemaname, tablename) as name from pg_tables
       where schemaname not in ('pg_catalog', 'information_schema')`,
    );
    const places: Place[] = [];
    for (const { name } of tables as { name: string }[]) {
      const { rows } = await client.query(`select t::text as text from ${name} t`);
      places.push({ where: `table ${name}`, text: (rows as { text: string }[]).map((row) => row.text).join('\n') });
    }
    return places;
  });
}

/** Every message of every stream, the key-value buckets' too: subject, headers and data. */
async function streamPlaces(stack: Stack): Promise<Place[]> {
  const nc = await connect({ servers: stack.urls.natsUrl, name: 'security-spec' });
  try {
    const places: Place[] = [];
    for (const { config, state } of await (await jetstreamManager(nc)).streams.list().next()) {
      const parts: string[] = [];
      const consumer = state.messages > 0 ? await jetstream(nc).consumers.get(config.name) : undefined;
      for (let seq = 0; consumer && seq < state.last_seq;) {
        let received = 0;
        for await (const message of await consumer.fetch({ max_messages: 500, expires: 2000 })) {
          received += 1;
          seq = message.seq;
          const headers = [...(message.headers ?? [])].map(([key, values]) => `${key}: ${values.join(', ')}`);
          parts.push([message.subject, ...headers, Buffer.from(message.data).toString('latin1')].join('\n'));
          if (seq >= state.last_seq) break;
        }
        if (received === 0) break;
      }
      places.push({ where: `stream ${config.name}`, text: parts.join('\n') });
    }
    return places;
  } finally {
    await nc.close();
  }
}

async function redisPlaces(stack: Stack): Promise<Place[]> {
  const places: Place[] = [];
  for (let db = 0; db <= 6; db += 1) {
    const redis = new Redis(stack.urls.redisUrl, { db });
    const parts: string[] = [];
    for (const key of await redis.keys('*')) {
      const read: Record<string, () => Promise<unknown>> = {
        string: () => redis.get(key),
        hash: () => redis.hgetall(key),
        list: () => redis.lrange(key, '0', '-1'),
        set: () => redis.smembers(key),
        zset: () => redis.zrange(key, '0', '-1'),
        stream: () => redis.xrange(key, '-', '+'),
      };
      parts.push(`${key} ${JSON.stringify(await read[await redis.type(key)]?.())}`);
    }
    places.push({ where: `redis ${db}`, text: parts.join('\n') });
    redis.disconnect();
  }
  return places;
}

async function metricPlaces(stack: Stack): Promise<Place[]> {
  const ports = Object.entries(stack.ports).filter(([name]) => name.endsWith('Ops'));
  return Promise.all(
    ports.map(async ([name, port]) => ({
      where: `metrics ${name}`,
      text: await (await fetch(`http://127.0.0.1:${port}/metrics`)).text(),
    })),
  );
}

/** Everything this installation has written anywhere. */
export async function everywhere(stack: Stack): Promise<Place[]> {
  const parts = [databasePlaces(stack), streamPlaces(stack), redisPlaces(stack), metricPlaces(stack)];
  return [...filePlaces(stack), ...(await Promise.all(parts)).flat()];
}
