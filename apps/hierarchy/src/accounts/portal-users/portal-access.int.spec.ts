import {
  AlertRecipientsChangedV1,
  hierarchyRpc as h,
  PasswordResetRequestedV1,
  PortalUserDeletedV1,
  PortalUserSavedV1,
  type PortalUserView,
} from '@strowger/contracts-hierarchy';
import { DEVELOPMENT_KEYRING } from '@strowger/config';
import { SecretBox, SYSTEM_ACTOR, type Actor, type TenantScope } from '@strowger/kernel';
import { sql } from '@strowger/persistence';
import { ALERTED, OPERATOR, PASSWORD, refusal, scopeOf, startHierarchy, type World } from '../../hierarchy.fixtures.js';
import { PortalUsersService } from './portal-users.service.js';

const NEW = 'a quite different password';

let world: World;
beforeAll(async () => {
  world = await startHierarchy({ OPERATOR_EMAIL: 'root@demo.example', OPERATOR_PASSWORD: PASSWORD });
});
afterAll(() => world?.stop());

let addresses = 0;
const from = (ip = `198.51.100.${++addresses}`): Actor => ({ ...SYSTEM_ACTOR, ip });
const signIn = (email: string, password = PASSWORD, actor = from(), userAgent = 'Browser') =>
  world.call(h.signIn, { email, password, userAgent }, undefined, actor);
const refresh = (refreshToken: string) => world.call(h.refreshSession, { refreshToken }, undefined, from());
const scopeFor = (person: PortalUserView): TenantScope => scopeOf.provider(person.nodeId);
const asSelf = (person: PortalUserView): Actor => ({
  kind: 'portal-user',
  id: person.id,
  name: person.name,
  role: person.role,
  ip: `203.0.113.${++addresses % 250}`,
});
const someone = async (more = {}) => world.given.portalUser((await world.given.provider()).id, more);
const outcomesOf = async (accountId: string) =>
  (await world.call(h.listLoginHistory, { accountId })).items.map(({ outcome }) => outcome);

describe('a locked portal user', () => {
  it('is signed out at once, stays out with the right password, and comes back when unlocked', async () => {
    const person = await someone();
    const grant = await signIn(person.email);
    const locked = await world.call(h.lockPortalUser, { id: person.id });
    expect(locked).toMatchObject({ locked: true, lockedAt: world.clock.now().toISOString(), version: 2 });
    expect(await world.call(h.lockPortalUser, { id: person.id })).toEqual(locked);
    expect(await refusal(refresh(grant.refreshToken))).toMatchObject({ code: 'session-ended' });
    expect(await refusal(signIn(person.email))).toMatchObject({ kind: 'forbidden', code: 'account-locked' });
    // Someone who does not know the password learns no more than before.
    expect(await refusal(signIn(person.email, 'wrong wrong wrong'))).toMatchObject({ code: 'invalid-credentials' });
    await world.call(h.unlockPortalUser, { id: person.id });
    await signIn(person.email);
    expect(await outcomesOf(person.id)).toEqual(['SUCCESS', 'BAD_PASSWORD', 'LOCKED', 'SUCCESS']);
    const { items } = await world.call(h.listHistory, { objectId: person.id });
    expect(items.map(({ action }) => action)).toEqual(['unlocked', 'locked', 'created']);
  });

  it('is not notified, so the last one who receives alerts is not locked while a platform exists', async () => {
    const first = await someone({ notifications: ALERTED });
    const second = await world.given.portalUser(first.nodeId, { notifications: ALERTED });
    await world.call(h.holdAlertGuard, { systemProviderId: first.nodeId, platformId: world.newId() });
    await world.call(h.lockPortalUser, { id: second.id });
    for (const error of await Promise.all(
      [world.call(h.lockPortalUser, { id: first.id }), world.call(h.deletePortalUser, { id: first.id })].map(refusal),
    ))
      expect(error).toMatchObject({ kind: 'conflict', code: 'alert-recipient-required' });
    await world.call(h.unlockPortalUser, { id: second.id });
    await world.call(h.lockPortalUser, { id: first.id });
    const facts = await world.facts(AlertRecipientsChangedV1, first.nodeId);
    expect(facts.map(({ data }) => data.recipients.length)).toEqual([1, 2, 1, 2, 1]);
  });

  it('was one of two, locked at once: one is left', async () => {
    const first = await someone({ notifications: ALERTED });
    const second = await world.given.portalUser(first.nodeId, { notifications: ALERTED });
    await world.call(h.holdAlertGuard, { systemProviderId: first.nodeId, platformId: world.newId() });
    const results = await Promise.allSettled([first, second].map(({ id }) => world.call(h.lockPortalUser, { id })));
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });

  it('is never oneself, nor the last operator', async () => {
    const person = await someone();
    const self = asSelf(person);
    expect(await refusal(world.call(h.lockPortalUser, { id: person.id }, scopeFor(person), self))).toMatchObject({
      code: 'own-account',
    });
    const [root] = (await world.call(h.listPortalUsers, { search: 'root@demo' })).items;
    for (const error of await Promise.all(
      [
        world.call(h.lockPortalUser, { id: root!.id }),
        world.call(h.updatePortalUser, { id: root!.id, role: 'support' as const }),
      ].map(refusal),
    ))
      expect(error).toMatchObject({ code: 'last-operator' });
  });
});

describe('a portal user', () => {
  it('has a user name that is theirs in the system provider', async () => {
    const person = await someone({ userName: 'Frank.Desk', timezone: 'America/Chicago' });
    expect(person).toMatchObject({ userName: 'Frank.Desk', timezone: 'America/Chicago', locked: false });
    const same = { userName: 'frank.desk' };
    expect(await refusal(world.given.portalUser(person.nodeId, same))).toMatchObject({ code: 'portal-user-exists' });
    const elsewhere = await someone(same);
    expect(await world.call(h.updatePortalUser, { id: elsewhere.id, userName: null as never })).not.toHaveProperty(
      'userName',
    );
    await world.call(h.deletePortalUser, { id: person.id });
    await world.given.portalUser(person.nodeId, same);
  });

  it('gets no password that others would try first', async () => {
    const person = await someone();
    const update = (password: string) => world.call(h.updatePortalUser, { id: person.id, password });
    for (const [password, rule] of [
      ['Password1234', 'common-password'],
      [`xx${person.email}`, 'holds-own-name'],
    ] as const)
      expect(await refusal(update(password))).toMatchObject({ kind: 'invalid', errors: [{ field: 'password', rule }] });
    const created = world.given.portalUser(person.nodeId, {
      email: 'frank.desk@b.example',
      password: 'frank.desk-2026',
    });
    expect(await refusal(created)).toMatchObject({ errors: [{ rule: 'holds-own-name' }] });
    await signIn(person.email);
  });

  it('is published to the other services', async () => {
    const person = await someone({ name: 'Ann' });
    await world.call(h.updatePortalUser, { id: person.id, role: 'support' as const });
    await world.call(h.updatePortalUser, { id: person.id, name: 'Anna' });
    await world.call(h.deletePortalUser, { id: person.id });
    const saved = await world.facts(PortalUserSavedV1, person.id);
    expect(saved.map(({ sequence, data }) => [sequence, data.name])).toEqual([
      [1, 'Ann'],
      [3, 'Anna'],
    ]);
    expect(await world.facts(PortalUserDeletedV1, person.id)).toMatchObject([
      { sequence: 4, data: { actor: { kind: 'portal-user', id: OPERATOR.id } } },
    ]);
  });
});

describe('sessions', () => {
  it('are listed with where they began, and ended one by one', async () => {
    const person = await someone();
    const grants = [
      await signIn(person.email, PASSWORD, from('192.0.2.1'), 'Old'),
      await signIn(person.email, PASSWORD, from('192.0.2.2'), 'New'),
    ];
    world.clock.advance(60_000);
    const renewed = await world.call(
      h.refreshSession,
      { refreshToken: grants[0]!.refreshToken, userAgent: 'Older' },
      undefined,
      from('192.0.2.3'),
    );
    expect(renewed.sessionId).toBe(grants[0]!.sessionId);
    const list = () =>
      world.call(h.listSessions, { portalUserId: person.id, currentSessionId: renewed.sessionId }, scopeFor(person));
    expect(await list()).toMatchObject([
      { id: renewed.sessionId, ip: '192.0.2.3', userAgent: 'Older', current: true },
      { id: grants[1]!.sessionId, ip: '192.0.2.2', userAgent: 'New', current: false },
    ]);
    const [first] = await list();
    expect(Date.parse(first!.lastUsedAt) - Date.parse(first!.startedAt)).toBe(60_000);
    const end = { portalUserId: person.id, sessionId: grants[1]!.sessionId };
    await world.call(h.revokeSession, end);
    expect(await refusal(world.call(h.revokeSession, end))).toMatchObject({ code: 'session-not-found' });
    expect(await refusal(refresh(grants[1]!.refreshToken))).toMatchObject({ code: 'session-ended' });
    expect(await list()).toHaveLength(1);
    await world.call(h.revokeSessions, { portalUserId: person.id });
    expect(await refusal(refresh(renewed.refreshToken))).toMatchObject({ code: 'session-ended' });
  });

  it('end with a password of one’s own, all but the one it was changed in', async () => {
    const person = await someone();
    const [here, there] = [await signIn(person.email), await signIn(person.email)];
    const change = (currentPassword: string, newPassword = NEW) =>
      world.call(
        h.changeOwnPassword,
        { currentPassword, newPassword, sessionId: here.sessionId },
        scopeFor(person),
        asSelf(person),
      );
    expect(await refusal(change('wrong wrong wrong'))).toMatchObject({ code: 'invalid-credentials' });
    expect(await refusal(change(PASSWORD, 'passwordpassword'))).toMatchObject({ errors: [{ field: 'newPassword' }] });
    await change(PASSWORD);
    expect(await refusal(refresh(there.refreshToken))).toMatchObject({ code: 'session-ended' });
    await refresh(here.refreshToken);
    expect(await refusal(signIn(person.email))).toMatchObject({ code: 'invalid-credentials' });
    await signIn(person.email, NEW);
    for (let i = 0; i < 10; i++) await refusal(change('wrong wrong wrong'));
    expect(await refusal(change(NEW))).toMatchObject({ code: 'too-many-login-attempts' });
    const key: Actor = { kind: 'api-key', id: person.id, name: 'Key', role: 'administrator' };
    expect(
      await refusal(
        world.call(h.changeOwnPassword, { currentPassword: NEW, newPassword: PASSWORD }, scopeFor(person), key),
      ),
    ).toMatchObject({ kind: 'not-found' });
  });
});

describe('a new password by mail', () => {
  const ask = (email: string, actor = from()) => world.call(h.requestPasswordReset, { email }, undefined, actor);
  const confirm = (token: string, newPassword = NEW) =>
    world.call(h.confirmPasswordReset, { token, newPassword }, undefined, from());
  const box = SecretBox.fromKeyring(DEVELOPMENT_KEYRING);
  async function mailed(person: PortalUserView): Promise<string[]> {
    const rows = await world.db.query(
      sql<{ event: string }>`select event from outbox where type = ${PasswordResetRequestedV1.type} order by id`,
    );
    return rows
      .map(({ event }) => (JSON.parse(event) as { data: PasswordResetRequestedV1 }).data)
      .filter(({ portalUserId }) => portalUserId === person.id)
      .map(({ resetId, sealedToken }) => box.open(sealedToken, `password-reset:${resetId}`));
  }

  it('works once, of many tries at once, and ends every session and every other link', async () => {
    const person = await someone();
    const grant = await signIn(person.email);
    await ask(person.email.toUpperCase());
    await ask(person.email);
    const [first, second] = await mailed(person);
    expect(await refusal(confirm(first!, 'passwordpassword'))).toMatchObject({
      kind: 'invalid',
      code: 'invalid-input',
    });
    const results = await Promise.allSettled(Array.from({ length: 12 }, () => confirm(first!)));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const token of [first!, second!, 'nobody knows this'])
      expect(await refusal(confirm(token))).toMatchObject({ kind: 'invalid', code: 'reset-token-refused' });
    expect(await refusal(refresh(grant.refreshToken))).toMatchObject({ code: 'session-ended' });
    await signIn(person.email, NEW);
    const { items } = await world.call(h.listHistory, { objectId: person.id, search: 'password-reset' });
    expect(items.map(({ action, actorName }) => [action, actorName])).toEqual([
      ['password-reset', person.name],
      ['password-reset-requested', 'unknown'],
      ['password-reset-requested', 'unknown'],
    ]);
    expect(JSON.stringify(items)).not.toContain(first);
    for (const table of ['password_reset', 'outbox', 'history_entry']) {
      const found = await world.db.query(
        sql`select 1 from ${sql.table(table)} as t where t::text like ${`%${first}%`}`,
      );
      expect(found).toEqual([]);
    }
  });

  it('is good for an hour, and not after the password was changed otherwise', async () => {
    const person = await someone();
    await ask(person.email);
    world.clock.advance(3_600_000);
    expect(await refusal(confirm((await mailed(person))[0]!))).toMatchObject({ code: 'reset-token-refused' });
    await ask(person.email);
    await world.call(h.updatePortalUser, { id: person.id, password: NEW });
    expect(await refusal(confirm((await mailed(person))[1]!))).toMatchObject({ code: 'reset-token-refused' });
  });

  it('ends with the e-mail address it was sent to', async () => {
    const person = await someone();
    await ask(person.email);
    await world.call(h.updatePortalUser, { id: person.id, email: `moved-${person.email}` });
    expect(await refusal(confirm((await mailed(person))[0]!))).toMatchObject({ code: 'reset-token-refused' });
    await signIn(`moved-${person.email}`);
  });

  it('is not mailed to nobody, the locked or the deleted, and the answer is the same', async () => {
    const [locked, deleted] = [await someone(), await someone()];
    await world.call(h.lockPortalUser, { id: locked.id });
    await world.call(h.deletePortalUser, { id: deleted.id });
    for (const email of [locked.email, deleted.email, 'nobody@demo.example']) expect(await ask(email)).toBeNull();
    expect([...(await mailed(locked)), ...(await mailed(deleted))]).toEqual([]);
  });

  it('is mailed three times an hour at most, and asked for twenty times from one address', async () => {
    const person = await someone();
    await Promise.all(Array.from({ length: 3 }, () => ask(person.email)));
    for (let i = 0; i < 3; i++) await ask(person.email);
    const mails = (await mailed(person)).length;
    expect(mails).toBeGreaterThanOrEqual(1);
    expect(mails).toBeLessThanOrEqual(3);
    const here = from('203.0.113.251');
    for (let i = 0; i < 20; i++) await ask(`nobody-${i}@demo.example`, here);
    const error = await refusal(ask(person.email, here));
    expect(error).toMatchObject({ kind: 'rate-limited', code: 'too-many-password-resets', retryAfterSeconds: 3600 });
  });
});

it('accounts end with their node, each with an entry in the history, and a held provider keeps its own', async () => {
  const { provider, reseller, group } = await world.given.tree();
  const above = await world.given.portalUser(provider.id, { notifications: ALERTED });
  const people = await Promise.all(
    [reseller.id, group.id, group.id].map((id, i) => world.given.portalUser(id, { level: i ? 'group' : 'reseller' })),
  );
  const keyAt = (nodeId: string, level: 'system-provider' | 'group') =>
    world.call(h.createApiKey, { level, nodeId, name: 'Sync', permissions: ['read'] });
  const [key, providerKey] = [await keyAt(group.id, 'group'), await keyAt(provider.id, 'system-provider')];
  const robot = await world.call(h.createInterfaceUser, {
    systemProviderId: provider.id,
    userName: `ends-${provider.id}`,
    email: 'a@b.example',
  });
  const grant = await signIn(people[1]!.email);
  const service = world.service.app.get(PortalUsersService);
  const end = (column: 'reseller_id' | 'system_provider_id', id: string) =>
    world.db.transactional((em) => service.endUnder(em, OPERATOR, column, id, world.clock.now()));
  expect(await end('reseller_id', reseller.id)).toBe(3);
  expect(await refusal(refresh(grant.refreshToken))).toMatchObject({ code: 'session-ended' });
  for (const { id } of people)
    expect(await refusal(world.call(h.getPortalUser, { id }))).toMatchObject({ kind: 'not-found' });
  expect(await refusal(world.call(h.getApiKey, { id: key.id }))).toMatchObject({ kind: 'not-found' });
  expect((await world.call(h.listHistory, { objectId: people[2]!.id })).items[0]).toMatchObject({ action: 'deleted' });
  await world.call(h.getApiKey, { id: providerKey.id });

  const platformId = world.newId();
  await world.call(h.holdAlertGuard, { systemProviderId: provider.id, platformId });
  expect(await refusal(end('system_provider_id', provider.id))).toMatchObject({ code: 'alert-recipient-required' });
  await world.call(h.getPortalUser, { id: above.id });
  await world.call(h.releaseAlertGuard, { platformId });
  expect(await end('system_provider_id', provider.id)).toBe(1);
  for (const error of await Promise.all(
    [
      world.call(h.getInterfaceUser, { id: robot.id }),
      world.call(h.getApiKey, { id: providerKey.id }),
      world.call(h.getPortalUser, { id: above.id }),
    ].map(refusal),
  ))
    expect(error).toMatchObject({ kind: 'not-found' });
});
