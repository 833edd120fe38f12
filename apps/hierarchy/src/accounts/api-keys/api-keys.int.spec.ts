import { createHash } from 'node:crypto';
import { CREDENTIALS_DROPPED, hierarchyRpc as h, type CredentialsDropped } from '@strowger/contracts-hierarchy';
import { SYSTEM_ACTOR, type Actor } from '@strowger/kernel';
import { Messaging } from '@strowger/messaging';
import { sql } from '@strowger/persistence';
import { eventually } from '@strowger/testing';
import { refusal, scopeOf, startHierarchy, type World } from '../../hierarchy.fixtures.js';

let world: World;
beforeAll(async () => {
  world = await startHierarchy();
});
afterAll(() => world?.stop());

const create = async (more: object = {}) => {
  const { reseller } = await world.given.tree();
  const given = {
    level: 'reseller' as const,
    nodeId: reseller.id,
    name: 'CRM sync',
    permissions: ['read', 'accounts:write'],
  };
  return { reseller, key: await world.call(h.createApiKey, { ...given, ...more }) };
};
const use = (text: string, ip = '198.51.100.7') => {
  const [, prefix = '', secret = ''] = /^stk_([0-9a-f]+)_(.+)$/.exec(text)!;
  const secretHash = createHash('sha256').update(secret).digest('hex');
  return world.call(h.authenticateApiKey, { prefix, secretHash }, undefined, { ...SYSTEM_ACTOR, ip });
};
const HOUR = 3_600_000;

describe('an API key', () => {
  it('is shown once, kept as a hash, and stands for its node and its permissions', async () => {
    const { reseller, key } = await create();
    expect(key.key).toMatch(/^stk_[0-9a-f]{12}_[\w-]{43}$/);
    expect(key.key.startsWith(`${key.prefix}_`)).toBe(true);
    expect(await use(key.key)).toEqual({
      id: key.id,
      name: 'CRM sync',
      scope: scopeOf.reseller(reseller),
      permissions: ['read', 'accounts:write'],
    });
    const { key: _, ...view } = key;
    expect(await world.call(h.getApiKey, { id: key.id })).toEqual({
      ...view,
      lastUsedAt: world.clock.now().toISOString(),
      lastUsedIp: '198.51.100.7',
    });
    const secret = key.key.split('_').slice(2).join('_');
    for (const table of ['api_key', 'history_entry', 'outbox'])
      expect(
        await world.db.query(sql`select 1 from ${sql.table(table)} as t where t::text like ${`%${secret}%`}`),
      ).toEqual([]);
    const { items } = await world.call(h.listApiKeys, { parentId: reseller.id }, scopeOf.reseller(reseller));
    expect(items.map(({ id }) => id)).toEqual([key.id]);
  });

  it('notes its use at most once a minute', async () => {
    const { key } = await create();
    const first = world.clock.now().toISOString();
    await use(key.key);
    world.clock.advance(59_000);
    await use(key.key, '192.0.2.9');
    expect(await world.call(h.getApiKey, { id: key.id })).toMatchObject({ lastUsedAt: first });
    world.clock.advance(1000);
    await use(key.key, '192.0.2.9');
    expect(await world.call(h.getApiKey, { id: key.id })).toMatchObject({
      lastUsedAt: world.clock.now().toISOString(),
      lastUsedIp: '192.0.2.9',
    });
  });

  it('rotates with an overlap, of which the end is known', async () => {
    const { key } = await create();
    const rotated = await world.call(h.rotateApiKey, { id: key.id, overlapHours: 2 });
    expect(rotated.prefix).toBe(key.prefix);
    const ends = new Date(world.clock.now().getTime() + 2 * HOUR).toISOString();
    expect(rotated).toMatchObject({ previousSecretEndsAt: ends, version: 2 });
    expect(await use(key.key)).toMatchObject({ endsAt: ends });
    expect(await use(rotated.key)).not.toHaveProperty('endsAt');
    world.clock.advance(2 * HOUR);
    expect(await refusal(use(key.key))).toMatchObject({ kind: 'unauthenticated', code: 'api-key-refused' });
    await use(rotated.key);
    expect(await world.call(h.getApiKey, { id: key.id })).not.toHaveProperty('previousSecretEndsAt');
    const atOnce = await world.call(h.rotateApiKey, { id: key.id, overlapHours: 0 });
    expect(await refusal(use(rotated.key))).toMatchObject({ code: 'api-key-refused' });
    await use(atOnce.key);
  });

  it('expires, and is refused then as an unknown one is', async () => {
    const expiresAt = new Date(world.clock.now().getTime() + HOUR).toISOString();
    const { key } = await create({ expiresAt });
    expect(await use(key.key)).toMatchObject({ endsAt: expiresAt });
    world.clock.advance(HOUR);
    const expired = await refusal(use(key.key));
    const unknown = await refusal(use(`stk_${'0'.repeat(12)}_x`));
    const wrong = await refusal(use(`${key.prefix}_x`));
    for (const error of [unknown, wrong]) expect(error.toJSON()).toEqual(expired.toJSON());
    expect(await world.call(h.getApiKey, { id: key.id })).toMatchObject({ state: 'expired' });
    const past = { id: key.id, expiresAt: world.clock.now().toISOString() };
    expect(await refusal(world.call(h.updateApiKey, past))).toMatchObject({ errors: [{ field: 'expiresAt' }] });
    expect(await world.call(h.updateApiKey, { id: key.id, expiresAt: null as never })).toMatchObject({
      state: 'active',
    });
    await use(key.key);
  });

  it('is revoked at once, and everyone who remembers it is notified', async () => {
    const { key } = await create();
    const heard: CredentialsDropped[] = [];
    const { nc } = world.service.app.get(Messaging);
    const subscription = nc.subscribe(CREDENTIALS_DROPPED, {
      callback: (_, message) => void heard.push(message.json<CredentialsDropped>()),
    });
    await nc.flush();
    await world.call(h.revokeApiKey, { id: key.id });
    expect(await refusal(use(key.key))).toMatchObject({ code: 'api-key-refused' });
    await eventually(async () => heard.some(({ apiKeyIds }) => apiKeyIds?.includes(key.id)));
    subscription.unsubscribe();
    const { items } = await world.call(h.listHistory, { objectId: key.id });
    expect(items.map(({ action }) => action)).toEqual(['revoked', 'created']);
  });

  it('makes and changes no keys, and sees no further up than its maker', async () => {
    const { reseller, key } = await create();
    const robot: Actor = { kind: 'api-key', id: key.id, name: key.name, role: 'administrator' };
    const scope = scopeOf.reseller(reseller);
    const given = { level: 'reseller' as const, nodeId: reseller.id, name: 'More', permissions: ['write'] };
    for (const error of await Promise.all(
      [
        world.call(h.createApiKey, given, scope, robot),
        world.call(h.updateApiKey, { id: key.id, permissions: ['write'] }, scope, robot),
        world.call(h.rotateApiKey, { id: key.id }, scope, robot),
        world.call(h.revokeApiKey, { id: key.id }, scope, robot),
      ].map(refusal),
    ))
      expect(error).toMatchObject({ kind: 'forbidden', code: 'portal-user-needed' });
    expect(
      await refusal(world.call(h.createApiKey, { ...given, level: 'platform', nodeId: undefined }, scope)),
    ).toMatchObject({ kind: 'not-found' });
    expect(await refusal(world.call(h.createApiKey, { ...given, permissions: ['everything'] }, scope))).toMatchObject({
      kind: 'invalid',
    });
    const top = await world.call(h.createApiKey, { ...given, level: 'platform', nodeId: undefined });
    expect(await use(top.key)).toMatchObject({ scope: { level: 'platform', id: '' } });
    // The history names the key.
    const { group } = await world.given.tree();
    await world.given.portalUser(group.id, { level: 'group' });
    const made = await world.call(h.createGroup, { resellerId: reseller.id, key: 'by-key', name: 'G' }, scope, robot);
    expect((await world.call(h.listHistory, { objectId: made.id })).items).toMatchObject([
      { actorKind: 'api-key', actorName: 'CRM sync' },
    ]);
  });
});
