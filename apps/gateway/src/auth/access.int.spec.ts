import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { loadConfig } from '@strowger/config';
import {
  CREDENTIALS_DROPPED,
  ENDED_SESSIONS_BUCKET,
  ENDED_SESSIONS_SECONDS,
  type ApiKeyGrant,
} from '@strowger/contracts-hierarchy';
import { newId, PLATFORM_SCOPE } from '@strowger/kernel';
import { kvBucket } from '@strowger/messaging';
import { eventually } from '@strowger/testing';
import { SignJWT } from 'jose';
import { WebSocket } from 'ws';
import { GatewayConfig } from '../config.js';
import { ROUTES, startGateway } from '../gateway.js';
import { Behind, GATEWAY_ENV, messageAt, SECRET, startWorld, type World } from '../gateway.fixtures.js';
import { areaOf } from '../routes/areas.js';
import { permits } from './permissions.js';

let world: World;
beforeAll(async () => (world = await startWorld({ TRUSTED_PROXIES: '127.0.0.1, 10.1.0.0/16' })));
afterAll(() => world.close());
beforeEach(() => Object.assign(Behind, { asked: [], keysAsked: 0 }));

function key(permissions: string[], more: Partial<ApiKeyGrant> = {}): { id: string; text: string } {
  const secret = randomBytes(32).toString('base64url');
  const id = newId();
  const providerId = world.user.systemProviderId;
  const scope = { level: 'system-provider' as const, id: providerId, systemProviderId: providerId };
  Behind.keys.set(createHash('sha256').update(secret).digest('hex'), {
    id,
    name: 'CRM sync',
    scope,
    permissions,
    ...more,
  });
  return { id, text: `stk_${randomBytes(6).toString('hex')}_${secret}` };
}
const patchUser = (token: string, headers: Record<string, string> = {}) =>
  world.request('PATCH', `/v1/users/${newId()}`, token, { name: 'X' }, headers);
const withHeader = (text: string, method = 'PATCH') =>
  fetch(`${world.url}/v1/users/${newId()}`, {
    method,
    headers: { 'x-api-key': text, 'content-type': 'application/json' },
    body: '{"name":"X"}',
  });
const drop = async (dropped: object): Promise<void> => {
  world.messaging.nc.publish(CREDENTIALS_DROPPED, JSON.stringify(dropped));
  await world.messaging.nc.flush();
};

describe('an API key', () => {
  it('acts as itself in its scope, from either header', async () => {
    const { id, text } = key(['hierarchy:write']);
    expect((await patchUser(text)).status).toBe(200);
    expect((await withHeader(text)).status).toBe(200);
    const asKey = {
      scope: { level: 'system-provider', id: world.user.systemProviderId },
      actor: { kind: 'api-key', id, name: 'CRM sync', role: 'administrator' },
    };
    expect(Behind.asked).toMatchObject([asKey, asKey]);
    expect(await (await world.request('GET', '/v1/me', text)).json()).toMatchObject({
      kind: 'api-key',
      id,
      permissions: ['hierarchy:write'],
    });
  });

  it('is asked about once, remembered for seconds, and forgotten at once when it was revoked', async () => {
    const { id, text } = key(['write']);
    await Promise.all(Array.from({ length: 10 }, () => patchUser(text)));
    expect(Behind.keysAsked).toBe(1);
    Behind.keys.clear();
    expect((await patchUser(text)).status).toBe(200);
    await drop({ apiKeyIds: [id] });
    await eventually(async () => (await patchUser(text)).status === 401);
    expect(Behind.keysAsked).toBe(2);
  });

  it.each([
    [['read'], 403],
    [['hierarchy:read'], 403],
    [['accounts:write', 'read'], 403],
    [['hierarchy:write'], 200],
    [['write'], 200],
  ])('with %j changes a user: %i', async (permissions, status) => {
    const answer = await patchUser(key(permissions).text);
    expect(answer.status).toBe(status);
    if (status === 403) expect(((await answer.json()) as { detail: string }).detail).toContain('hierarchy:write');
  });

  it('is refused alike when it is unknown, expired, cut off or no key at all', async () => {
    const { text } = key(['write'], { endsAt: new Date(Date.now() - 1000).toISOString() });
    const unknown = `stk_${'0'.repeat(12)}_${'x'.repeat(43)}`;
    for (const bad of [text, unknown, text.slice(0, -1), 'stk_', 'stk_x_y']) {
      const answers = [await patchUser(bad), await withHeader(bad), await withHeader(bad.slice(4))];
      for (const answer of answers) expect(answer.status).toBe(401);
      expect(((await answers[0]!.json()) as { type: string }).type).toMatch(/api-key-refused$/);
    }
    // Remembered too, or a client gone mad would be asked about each time.
    Behind.keysAsked = 0;
    for (let i = 0; i < 5; i++) await patchUser(unknown);
    expect(Behind.keysAsked).toBe(0);
  });

  it('opens neither the client API nor anybody’s own account nor, below the top, what is the operator’s', async () => {
    const { text } = key(['write']);
    for (const [method, path] of [
      ['GET', '/v1/client/messages'],
      ['GET', '/v1/me/sessions'],
      ['POST', '/v1/me/password'],
      ['GET', '/v1/login-history'],
    ] as const)
      expect([path, (await world.request(method, path, text)).status]).toEqual([path, 403]);
  });
});

describe('roles', () => {
  const tokenOf = async (role: 'administrator' | 'support' | 'agent', sessionId?: string, readsTexts = false) => {
    const scope = { level: 'system-provider' as const, id: newId(), systemProviderId: newId() };
    const person = { portalUserId: newId(), email: 's@b.example', name: 'Sue', role, readsTexts, scope };
    return (await world.tokens.forPortalUser(person, sessionId)).accessToken;
  };

  it.each([
    ['administrator', 200],
    ['support', 403],
    ['agent', 403],
  ] as const)('%s changes a user: %i, and services are given the role', async (role, status) => {
    expect((await patchUser(await tokenOf(role))).status).toBe(status);
    if (status === 200) expect(Behind.asked[0]).toMatchObject({ actor: { kind: 'portal-user', role } });
  });

  it.each([
    ['administrator', false, 200, 0],
    ['support', false, 403, 0],
    ['support', true, 200, 1],
    ['agent', true, 403, 0],
  ] as const)(
    '%s (may read texts: %s) reads a user’s texts: %i, written down %i times',
    async (role, may, status, times) => {
      Object.assign(Behind, { textsRead: [], feed: [messageAt(1, 'Hello')] });
      const userId = newId();
      const path = `/v1/users/${userId}/messages`;
      expect((await world.request('GET', path, await tokenOf(role, undefined, may))).status).toBe(status);
      expect(Behind.textsRead).toEqual(Array.from({ length: times }, () => ({ userId })));
    },
  );

  it('read their own account in every role', async () => {
    for (const role of ['administrator', 'support', 'agent'] as const)
      expect((await world.request('GET', '/v1/me', await tokenOf(role))).status).toBe(200);
    expect((await world.request('GET', '/v1/users', await tokenOf('agent'))).status).toBe(403);
  });

  it('end with their session, at once and at every gateway, also at one that starts later', async () => {
    const [sessionId, otherId] = [newId(), newId()];
    const [token, other] = [await tokenOf('administrator', sessionId), await tokenOf('administrator', otherId)];
    expect((await patchUser(token)).status).toBe(200);
    const ended = kvBucket(world.messaging, ENDED_SESSIONS_BUCKET, { ttlSeconds: ENDED_SESSIONS_SECONDS });
    await ended.put(sessionId, '');
    await eventually(async () => (await patchUser(token)).status === 401);
    expect((await patchUser(other)).status).toBe(200);
    const later = await startGateway(loadConfig(GatewayConfig, { ...GATEWAY_ENV, NATS_URL: world.nats.url }));
    try {
      const me = async (bearer: string) =>
        (await fetch(`${later.url}/v1/me`, { headers: { authorization: `Bearer ${bearer}` } })).status;
      expect(await Promise.all([token, other].map(me))).toEqual([401, 200]);
    } finally {
      await later.close();
    }
  });
});

describe('a token', () => {
  const expiring = (typ: 'access' | 'client', at: Date) =>
    new SignJWT({
      typ,
      name: 'Chris',
      role: 'administrator',
      scope:
        typ === 'access'
          ? PLATFORM_SCOPE
          : { level: 'user', id: world.user.id, systemProviderId: world.user.systemProviderId },
    })
      .setProtectedHeader({ alg: 'HS256' })
      .setIssuer('strowger')
      .setSubject(world.user.id)
      .setExpirationTime(at)
      .sign(new TextEncoder().encode(SECRET));
  const ask = async (token: string, typ: 'access' | 'client') =>
    (await world.request('GET', typ === 'access' ? '/v1/me' : '/v1/client/sync', token)).status;
  const open = (token: string) =>
    new WebSocket(`${world.url.replace('http', 'ws')}/v1/client/ws`, ['strowger.v1', `bearer.${token}`]);

  it.each(['access', 'client'] as const)('of kind %s is refused once it has expired, a day later too', async (typ) => {
    for (const ago of [1000, 86_400_000])
      expect(await ask(await expiring(typ, new Date(Date.now() - ago)), typ)).toBe(401);
    const short = await expiring(typ, new Date(Date.now() + 2000));
    expect(await ask(short, typ)).toBe(200);
    await eventually(async () => (await ask(short, typ)) === 401, { timeoutMs: 5000 });
  });

  it('that has expired opens no socket, and one that expires closes its socket then', async () => {
    const late = open(await expiring('client', new Date(Date.now() - 1000)));
    expect(((await once(late, 'error')) as [Error])[0].message).toContain('401');
    const expiresAt = Math.ceil(Date.now() / 1000) * 1000 + 1000;
    const socket = open(await expiring('client', new Date(expiresAt)));
    const [code] = (await once(socket, 'close')) as [number];
    expect(code).toBe(4001);
    expect(Date.now()).toBeGreaterThanOrEqual(expiresAt - 5);
  });
});

describe('the address of a caller', () => {
  it.each([
    [undefined, '127.0.0.1'],
    ['198.51.100.7', '198.51.100.7'],
    ['6.6.6.6, 198.51.100.7:5555, 10.1.2.3', '198.51.100.7'],
    ['::ffff:198.51.100.7', '198.51.100.7'],
    ['198.51.100.7, junk', undefined],
  ])('behind %j is %j', async (header, address) => {
    await patchUser(world.adminToken, header === undefined ? {} : { 'x-forwarded-for': header });
    expect((Behind.asked[0]!.actor as { ip?: string }).ip).toBe(address);
    const body = JSON.stringify({ email: 'a@b.example' });
    const headers = { 'content-type': 'application/json', ...(header ? { 'x-forwarded-for': header } : {}) };
    const reset = await fetch(`${world.url}/v1/password-resets`, { method: 'POST', body, headers });
    expect(reset.status).toBe(202);
    expect(Behind.asked[1]!.actor.ip).toBe(address);
  });
});

it('every operation that keys may call belongs to a part of the API', () => {
  const areas = new Set(ROUTES.filter(({ access }) => access === 'read' || access === 'write').map(areaOf));
  expect([...areas].sort()).toEqual(
    [
      'accounts',
      'any',
      'contact-centre',
      'hierarchy',
      'history',
      'license-requests',
      'licensing',
      'messages',
      'numbers',
    ].sort(),
  );
});

it.each([
  [['write'], 'read', 'hierarchy', true],
  [['read'], 'write', 'hierarchy', false],
  [['numbers:write'], 'read', 'numbers', true],
  [['numbers:read'], 'read', 'messages', false],
  [['numbers:read'], 'read', 'any', true],
  [['numbers:read'], 'write', 'any', false],
  [['numbers:read'], 'read', undefined, false],
  [['read'], 'read', undefined, true],
] as const)('permissions %j allow %s in %s: %s', (permissions, action, area, allowed) =>
  expect(permits(permissions, action, area)).toBe(allowed),
);
