import { createHash } from 'node:crypto';
import {
  HOOK_ENDPOINTS_BUCKET,
  PlatformCredentialsFailedV1,
  PlatformCredentialsRecoveredV1,
  PlatformDeletedV1,
  PlatformSavedV1,
  provisioningRpc as rpc,
  type HookEndpoint,
} from '@strowger/contracts-provisioning';
import { NO_APP_ACCOUNT, REVOKED_ME_TOKEN } from '@strowger/carrier-twins';
import { newId, PLATFORM_SCOPE, SecretBox, SYSTEM_ACTOR, type Actor } from '@strowger/kernel';
import { kvBucket, Messaging } from '@strowger/messaging';
import { Db, sql } from '@strowger/persistence';
import {
  KEY_A,
  KEY_B,
  PORTAL_USER,
  refusal,
  soon,
  startProvisioning,
  type Tenant,
  type World,
} from '../provisioning.fixtures.js';
import { AlertHolds } from './alert-holds.service.js';
import { HookEndpoints } from './hook-endpoints.service.js';
import { PlatformSecrets } from './platform-secrets.service.js';

const HOUR = 3600_000;
let world: World;
beforeAll(async () => {
  world = await startProvisioning();
}, 60_000);
afterEach(() => world.twins.control.clearFaults());
afterAll(() => world.stop(), 60_000);

/** Holds hierarchy keeps for the provider. */
async function holds(systemProviderId: string): Promise<number> {
  const [row] = await world.hierarchy.app
    .get(Db)
    .query(
      sql<{ n: number }>`select count(*)::int as n from alert_hold where system_provider_id = ${systemProviderId}`,
    );
  return row!.n;
}
const tokenOf = (webhookUrl: string): string => webhookUrl.split('/').at(-1)!;
async function endpointOf(webhookUrl: string): Promise<HookEndpoint | undefined> {
  const key = createHash('sha256').update(tokenOf(webhookUrl)).digest('hex');
  const entry = await kvBucket(world.main.app.get(Messaging), HOOK_ENDPOINTS_BUCKET).get(key);
  return entry && (JSON.parse(Buffer.from(entry.value).toString()) as HookEndpoint);
}
const get = (tenant: Tenant, actor?: Actor) =>
  world.call(rpc.getPlatform, { id: tenant.platform.id }, tenant.scope, actor);
const update = (tenant: Tenant, change: object) =>
  world.call(rpc.updatePlatform, { id: tenant.platform.id, ...change }, tenant.scope);
const sweep = async (hours = 1) => {
  world.clock.advance(hours * HOUR);
  await world.main.timers.runNow('platform-verification-sweep');
};

describe('creating', () => {
  it('verifies, saves, shows secrets masked, and opens a webhook', async () => {
    const { provider, platform, account } = await world.given.tenant();
    expect(platform).toMatchObject({
      name: 'Restcomm',
      credentials: {
        account: `AC.....${account.sid.slice(-2)}`,
        secret: expect.stringMatching(/^..\.{5}..$/),
        messageExchangeToken: expect.stringMatching(/^..\.{5}..$/),
        messageExchangeProfile: 'canonical',
      },
      options: { smsAvailable: true, mmsAvailable: false, whatsappAvailable: false, ratePerSecond: 10 },
      credentialsState: 'working',
      webhookUrl: expect.stringMatching(/^https:\/\/hooks\.example\.net\/hooks\/restcomm\/[\w-]{43}$/),
    });
    expect(await holds(provider.id)).toBe(1);
    expect(await endpointOf(platform.webhookUrl)).toMatchObject({
      platformId: platform.id,
      systemProviderId: provider.id,
      kind: 'restcomm',
      carrierAccountId: account.sid,
    });
    expect(await world.facts(PlatformSavedV1, platform.id)).toHaveLength(1);
  });

  it('is refused while nobody is alerted, in hierarchy’s words, and leaves nothing', async () => {
    const provider = await world.given.provider({ alerted: false });
    const error = await refusal(world.given.platform(provider.id, await world.given.account()));
    expect(error).toMatchObject({ kind: 'conflict', code: 'alert-recipient-required' });
    expect(await world.call(rpc.listPlatforms, { systemProviderId: provider.id })).toEqual([]);
    expect(await world.db.query(sql`select 1 from alert_hold where system_provider_id = ${provider.id}`)).toEqual([]);
  });

  it.each([
    ['a wrong token', { secret: 'ffffffffffffffffffffffffffffffff' }, 'platform-credentials-refused'],
    ['no application', { account: NO_APP_ACCOUNT.sid, secret: NO_APP_ACCOUNT.token }, 'connector-application-missing'],
    ['a malformed account', { account: 'nonsense' }, 'invalid-input'],
    ['a refused Message Exchange token', { messageExchangeToken: REVOKED_ME_TOKEN }, 'exchange-unauthorized'],
    ['a field nobody knows', { token: 'x' }, 'invalid-input'],
    ['a profile nobody knows', { messageExchangeProfile: 'none' }, 'invalid-input'],
    ['an address that is not allowed', {}, 'invalid-input', { baseUrl: 'http://169.254.169.254/2012-04-24' }],
    ['a kind nobody knows', {}, 'invalid-input', { kind: 'nocarrier' }],
  ])('with %s saves nothing and gives the hold back', async (_, credentials, code, more: object = {}) => {
    const provider = await world.given.provider();
    const error = await refusal(world.given.platform(provider.id, await world.given.account(), credentials, more));
    expect(error).toMatchObject({ kind: 'invalid', code });
    expect(await world.call(rpc.listPlatforms, { systemProviderId: provider.id })).toEqual([]);
    expect(await holds(provider.id)).toBe(0);
  });

  it('names wrong credentials as the request has them', async () => {
    const provider = await world.given.provider();
    const fieldsOf = async (credentials: object, more: object = {}) =>
      (await refusal(world.given.platform(provider.id, await world.given.account(), credentials, more))).errors?.map(
        ({ field, rule }) => `${field} ${rule}`,
      );
    expect(await fieldsOf({ secret: undefined })).toEqual(['credentials.secret required']);
    expect(await fieldsOf({ account: 7 })).toContain('credentials.account is-string');
    expect(await fieldsOf({ constructor: 'x' })).toEqual(['credentials.constructor unknown-field']);
    expect(await fieldsOf({ secret: 'ffffffffffffffffffffffffffffffff' })).toEqual([
      'credentials.account credentials',
      'credentials.secret credentials',
    ]);
    expect(await fieldsOf({}, { kind: 'nocarrier' })).toEqual(['kind in']);
  });

  it('only warns when the Message Exchange token can’t be checked', async () => {
    const provider = await world.given.provider();
    const account = await world.given.account();
    await world.twins.control.addFault({ carrier: 'message-exchange', do: 'status', times: 10 });
    const platform = await world.given.platform(provider.id, account, { messageExchangeToken: account.meToken! });
    expect(platform.warnings).toEqual([expect.stringContaining('could not be checked')]);
  });

  it('gives back the hold of a process that died before it saved', async () => {
    const provider = await world.given.provider();
    await world.main.app.get(AlertHolds).take({ scope: PLATFORM_SCOPE, actor: PORTAL_USER }, newId(), provider.id);
    await world.main.timers.runNow('alert-holds-sweep');
    expect(await holds(provider.id)).toBe(1);
    world.clock.advance(6 * 60_000);
    await world.main.timers.runNow('alert-holds-sweep');
    world.clock.advance(60_000);
    await world.main.timers.runNow('alert-holds-sweep');
    expect(await holds(provider.id)).toBe(0);
  });

  it('does not save a platform whose hold was given back meanwhile', async () => {
    const provider = await world.given.provider();
    await world.twins.control.addFault({
      carrier: 'restcomm',
      match: { path: 'applications.list' },
      do: 'delay',
      delayMs: 400,
    });
    const creating = refusal(world.given.platform(provider.id, await world.given.account()));
    await soon(async () => expect(await holds(provider.id)).toBe(1));
    world.clock.advance(6 * 60_000);
    await world.main.timers.runNow('alert-holds-sweep');
    expect(await creating).toMatchObject({ code: 'platform-took-too-long' });
    expect(await world.call(rpc.listPlatforms, { systemProviderId: provider.id })).toEqual([]);
  });
});

describe('changing', () => {
  it('asks the carrier only about credentials, and saves nothing that does not work', async () => {
    const tenant = await world.given.tenant();
    const before = (await world.twins.control.requests({ operation: 'applications.list' })).length;
    expect(await update(tenant, { name: 'Main', options: { ratePerSecond: 3 }, version: 1 })).toMatchObject({
      name: 'Main',
      version: 2,
    });
    expect((await world.twins.control.requests({ operation: 'applications.list' })).length).toBe(before);
    expect(await refusal(update(tenant, { name: 'Other', version: 1 }))).toMatchObject({
      kind: 'precondition-failed',
      code: 'version-mismatch',
    });
    const wrong = update(tenant, { name: 'Third', credentials: { secret: 'ffffffffffffffffffffffffffffffff' } });
    expect(await refusal(wrong)).toMatchObject({ code: 'platform-credentials-refused' });
    expect(await get(tenant)).toMatchObject({ name: 'Main', options: { ratePerSecond: 3 }, version: 2 });
    expect((await get(tenant)).credentials).toHaveProperty('messageExchangeToken');
    const masked = await update(tenant, { name: 'Main', credentials: (await get(tenant)).credentials });
    expect(masked.version).toBe(2);
    const without = await update(tenant, { credentials: { messageExchangeToken: '' } });
    expect(without.credentials).not.toHaveProperty('messageExchangeToken');
    expect(without.credentials).toHaveProperty('secret');
    expect(await world.facts(PlatformSavedV1, tenant.platform.id)).toHaveLength(3);
  });

  it('is removed only without numbers, and then gives its hold and its webhook back', async () => {
    const tenant = await world.given.tenant({ exchange: false });
    const { number } = await world.assign(tenant, world.newNumber());
    const remove = () => world.call(rpc.deletePlatform, { id: tenant.platform.id }, tenant.scope);
    const error = await refusal(remove());
    expect(error).toMatchObject({ kind: 'conflict', code: 'platform-has-numbers', details: { numbers: 1 } });
    await world.call(rpc.releaseNumber, { id: number!.id }, tenant.scope);
    await remove();
    expect(await refusal(get(tenant))).toMatchObject({ code: 'platform-not-found' });
    expect(await holds(tenant.provider.id)).toBe(0);
    expect(await endpointOf(tenant.platform.webhookUrl)).toBeUndefined();
    expect(await world.facts(PlatformDeletedV1, tenant.platform.id)).toHaveLength(1);
  });
});

describe('the webhook', () => {
  it('is shown whole to administrators only', async () => {
    const tenant = await world.given.tenant();
    expect((await get(tenant)).webhookUrl).toBe(tenant.platform.webhookUrl);
    for (const role of ['support', 'agent', undefined] as const) {
      const reader: Actor = { kind: 'portal-user', id: 'p-2', name: 'Sue Support', role };
      expect((await get(tenant, reader)).webhookUrl).toBe('https://hooks.example.net/hooks/restcomm/.....');
    }
  });

  it('rotates with 24 hours of overlap', async () => {
    const tenant = await world.given.tenant();
    const old = tenant.platform.webhookUrl;
    const { webhookUrl } = await world.call(rpc.rotateWebhook, { id: tenant.platform.id }, tenant.scope);
    expect(webhookUrl).not.toBe(old);
    const expiresAt = new Date(world.clock.now().getTime() + 24 * HOUR).toISOString();
    expect(await endpointOf(old)).toMatchObject({ platformId: tenant.platform.id, expiresAt });
    expect(await endpointOf(webhookUrl)).not.toHaveProperty('expiresAt');
    world.clock.advance(24 * HOUR + 1);
    await world.main.app.get(HookEndpoints).reconcile();
    expect(await endpointOf(old)).toBeUndefined();
    expect(await endpointOf(webhookUrl)).toBeDefined();
  });

  it('is restored when the bucket was lost or somebody changed it', async () => {
    const tenant = await world.given.tenant();
    const bucket = kvBucket(world.main.app.get(Messaging), HOOK_ENDPOINTS_BUCKET);
    const key = createHash('sha256').update(tokenOf(tenant.platform.webhookUrl)).digest('hex');
    await bucket.delete(key);
    await bucket.put('0'.repeat(64), '{}');
    await soon(async () => {
      await world.main.app.get(HookEndpoints).reconcile();
      expect(await bucket.get(key)).toBeDefined();
      expect(await bucket.get('0'.repeat(64))).toBeUndefined();
    });
  });
});

describe('in the background', () => {
  it('alerts people once that credentials stopped working, and once that they work again', async () => {
    const tenant = await world.given.tenant();
    const { sid, token } = tenant.account;
    const failed = () => world.facts(PlatformCredentialsFailedV1, tenant.platform.id);
    await world.twins.control.addFault({ carrier: 'restcomm', match: { accountSid: sid }, do: 'status', times: 100 });
    await sweep();
    expect(await failed()).toEqual([]);
    await world.twins.control.clearFaults();
    await world.twins.control.putAccount({ sid, token: 'changed-at-the-carrier' });
    await sweep();
    await sweep();
    expect(await failed()).toHaveLength(1);
    expect(await get(tenant)).toMatchObject({ credentialsState: 'failing' });
    const verify = world.call(rpc.verifyPlatform, { id: tenant.platform.id }, tenant.scope);
    expect(await refusal(verify)).toMatchObject({ code: 'platform-credentials-refused' });
    await world.twins.control.putAccount({ sid, token });
    await sweep();
    await sweep();
    expect(await failed()).toHaveLength(1);
    const recovered = await world.facts(PlatformCredentialsRecoveredV1, tenant.platform.id);
    expect(recovered.map(({ data }) => data.incidentId)).toEqual((await failed()).map(({ data }) => data.incidentId));
    expect(await get(tenant)).toMatchObject({ credentialsState: 'working' });
  });

  it('seals again with the newest key, so that the old one can be removed', async () => {
    const tenant = await world.given.tenant();
    const rotated = await world.startInstance({ STROWGER_SECRET_KEYS: `${KEY_B},${KEY_A}` });
    expect(await rotated.app.get(PlatformSecrets).reseal()).toBeGreaterThan(0);
    expect(await rotated.app.get(PlatformSecrets).reseal()).toBe(0);
    await rotated.service.close();
    const [row] = await world.db.query(
      sql<{ sealed: string }>`select credentials as sealed from platform where id = ${tenant.platform.id}`,
    );
    const context = `platform:${tenant.platform.id}`;
    expect(JSON.parse(SecretBox.fromKeyring(KEY_B).open(row!.sealed, context))).toMatchObject({
      secret: tenant.account.token,
      messageExchangeToken: tenant.account.meToken,
    });
    // Back, for the tests after this one.
    const back = await world.startInstance({ STROWGER_SECRET_KEYS: `${KEY_A},${KEY_B}` });
    await back.app.get(PlatformSecrets).reseal();
    await back.service.close();
  });
});

it('takes over platforms as version 0.1.0 stored them', async () => {
  const tenant = await world.given.tenant();
  const { id } = tenant.platform;
  const box = SecretBox.fromKeyring(KEY_A);
  const [secret, token] = [tenant.account.token, tenant.account.meToken!].map((one) => box.seal(one, `platform:${id}`));
  await world.db.query(sql`
    update platform set credentials = null, sealed_secret = ${secret}, sealed_exchange_token = ${token}, exchange_profile = 'canonical'
    where id = ${id}`);
  const restarted = await world.startInstance();
  expect((await get(tenant)).credentials).toEqual(tenant.platform.credentials);
  expect(await restarted.app.get(PlatformSecrets).takeOver()).toBe(0);
  await restarted.service.close();
  expect((await world.assign(tenant, world.newNumber())).number).toMatchObject({ state: 'pending' });
});

it('gives a service what it needs to reach the carrier, and nobody else', async () => {
  const tenant = await world.given.tenant();
  const body = { id: tenant.platform.id };
  const access = await world.call(rpc.getPlatformAccess, body, PLATFORM_SCOPE, SYSTEM_ACTOR);
  const box = SecretBox.fromKeyring(KEY_A);
  const context = `platform:${tenant.platform.id}`;
  expect(access).toMatchObject({ account: tenant.account.sid, settings: { applicationName: 'UnitySmsConnector' } });
  expect(JSON.parse(box.open(access.sealedCredentials, context))).toMatchObject({ secret: tenant.account.token });
  expect(box.open(access.sealedWebhookUrl, context)).toBe(tenant.platform.webhookUrl);
  for (const [scope, actor] of [
    [PLATFORM_SCOPE, PORTAL_USER],
    [tenant.scope, SYSTEM_ACTOR],
  ] as const)
    expect(await refusal(world.call(rpc.getPlatformAccess, body, scope, actor))).toMatchObject({
      code: 'platform-not-found',
    });
});
