import { createHash, randomBytes } from 'node:crypto';
import type { LicenseDecision, LicenseGrantView, PortalRole } from '@strowger/contracts-hierarchy';
import { newId } from '@strowger/kernel';
import { Behind, startWorld, type World } from '../gateway.fixtures.js';

let world: World;
beforeAll(async () => (world = await startWorld({ LICENSE_REQUESTS_PER_SECOND: '3' })));
afterAll(() => world.close());

const granted = (): LicenseDecision => ({
  outcome: 'matched',
  userId: world.user.id,
  systemProviderId: world.user.systemProviderId,
  userName: 'Chris Tutt',
  license: { kind: 'permanent', application: 'UnityDesktop', licenseType: 'Pro', features: ['messaging'] },
});
beforeEach(() => Object.assign(Behind, { asked: [], decision: granted() }));

/** A key of its own each time, so that no test eats another's allowance. */
function key(permissions: string[]): string {
  const secret = randomBytes(32).toString('base64url');
  const id = world.user.systemProviderId;
  const scope = { level: 'system-provider' as const, id, systemProviderId: id };
  Behind.keys.set(createHash('sha256').update(secret).digest('hex'), {
    id: newId(),
    name: 'Location service',
    scope,
    permissions,
  });
  return `stk_${randomBytes(6).toString('hex')}_${secret}`;
}
const locationService = () => key(['license-requests:write']);
const person = async (role: PortalRole) =>
  (
    await world.tokens.forPortalUser({
      portalUserId: newId(),
      email: 'p@demo.example',
      name: 'Pat',
      role,
      scope: {
        level: 'system-provider',
        id: world.user.systemProviderId,
        systemProviderId: world.user.systemProviderId,
      },
    })
  ).accessToken;

const body = {
  serverHostName: 'xsp1.carrier.example',
  broadworksUserId: 'chris@acme.example',
  resellerId: 'acme',
  groupId: 'acme-hq',
  application: 'UnityDesktop',
};
const ask = (token: string, more: Partial<typeof body> = {}) =>
  world.request('POST', '/v1/license-requests', token, { ...body, ...more });

it('answers the license with a client token that opens the client API for that user', async () => {
  const reply = await ask(locationService());
  expect(reply.status).toBe(200);
  const grant = (await reply.json()) as LicenseGrantView;
  expect(grant).toMatchObject({ ...granted(), tokenType: 'Bearer', expiresIn: 900 });
  const principal = await world.tokens.verify(grant.clientToken!, undefined);
  expect(principal).toMatchObject({
    kind: 'client',
    userId: world.user.id,
    scope: { level: 'user', id: world.user.id, systemProviderId: world.user.systemProviderId },
  });
  expect(reply.headers.get('cache-control')).toBe('no-store');
});

it('gives no token with a rejection', async () => {
  const rejected = { outcome: 'rejected' as const, reason: 'no-license' as const, message: 'No.', userId: newId() };
  Behind.decision = rejected;
  const reply = await ask(locationService());
  expect(reply.status).toBe(200);
  expect(await reply.json()).toEqual(rejected);
});

it('is open to a key made for it and to administrators; managing licenses is not enough to act as any user', async () => {
  expect((await ask(key(['write']))).status).toBe(200);
  expect((await ask(await person('administrator'))).status).toBe(200);
  const asked = Behind.asked.length;
  for (const token of [
    key(['licensing:write', 'hierarchy:write']),
    key(['license-requests:read', 'read']),
    await person('support'),
    await person('agent'),
    world.clientToken,
  ])
    expect((await ask(token)).status).toBe(403);
  for (const token of ['', 'nonsense']) expect((await ask(token)).status).toBe(401);
  expect(Behind.asked).toHaveLength(asked);
});

it('limits one account without touching others, and says when to ask again', async () => {
  const token = locationService();
  const statuses = [];
  for (let i = 0; i < 21; i++) statuses.push((await ask(token)).status);
  expect(statuses).toEqual([...Array<number>(20).fill(200), 429]);
  const limited = await ask(token, { serverHostName: body.serverHostName.toUpperCase() });
  expect(limited.status).toBe(429);
  expect(Number(limited.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(await limited.json()).toMatchObject({ status: 429 });
  expect((await ask(token, { broadworksUserId: 'dana@acme.example' })).status).toBe(200);
  expect((await ask(locationService())).status).toBe(200);
});

it('limits a caller over all its accounts', async () => {
  const token = locationService();
  const statuses = await Promise.all(
    Array.from({ length: 60 }, async (_, i) => (await ask(token, { broadworksUserId: `u${i}@acme.example` })).status),
  );
  expect(statuses.filter((status) => status === 200).length).toBeLessThan(60);
  expect(statuses.filter((status) => status === 200).length).toBeGreaterThanOrEqual(30);
  expect(new Set(statuses)).toEqual(new Set([200, 429]));
});
