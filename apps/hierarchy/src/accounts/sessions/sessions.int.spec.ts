import { ENDED_SESSIONS_BUCKET, ENDED_SESSIONS_SECONDS, hierarchyRpc as h } from '@strowger/contracts-hierarchy';
import { startService } from '@strowger/http';
import { Timers } from '@strowger/jobs';
import type { Actor } from '@strowger/kernel';
import { kvBucket, Messaging } from '@strowger/messaging';
import { sql } from '@strowger/persistence';
import { eventually } from '@strowger/testing';
import { AppModule } from '../../app.module.js';
import { Accounts } from '../portal-users/accounts.service.js';
import { PASSWORD, refusal, scopeOf, startHierarchy, type World } from '../../hierarchy.fixtures.js';

let world: World;
beforeAll(async () => {
  world = await startHierarchy();
});
afterAll(() => world?.stop());

let addresses = 0;
const from = (ip = `198.51.100.${++addresses}`): Actor => ({ kind: 'system', id: 'gateway', name: 'Gateway', ip });
const signIn = (email: string, password = PASSWORD, actor = from()) =>
  world.call(h.signIn, { email, password }, undefined, actor);
const refresh = (refreshToken: string) => world.call(h.refreshSession, { refreshToken });

const endedSessions = () =>
  kvBucket(world.service.app.get(Messaging), ENDED_SESSIONS_BUCKET, { ttlSeconds: ENDED_SESSIONS_SECONDS });
const endedSession = (id: string) => endedSessions().get(id);

describe('signing in', () => {
  it('answers who it is and what may be seen, and notes the time', async () => {
    const { reseller } = await world.given.tree();
    const person = await world.given.portalUser(reseller.id, { level: 'reseller', role: 'support' });
    const grant = await signIn(person.email.toUpperCase());
    expect(grant.principal).toEqual({
      portalUserId: person.id,
      email: person.email,
      name: person.name,
      role: 'support',
      readsTexts: false,
      scope: scopeOf.reseller(reseller),
    });
    const days = (new Date(grant.refreshExpiresAt).getTime() - world.clock.now().getTime()) / 86_400_000;
    expect(days).toBeCloseTo(30);
    const view = await world.call(h.getPortalUser, { id: person.id });
    expect(view).toMatchObject({ lastSuccessfulLoginAt: world.clock.now().toISOString(), version: 1 });
    const [row] = await world.db.query(
      sql<{ token_hash: string }>`select token_hash from session where portal_user_id = ${person.id}`,
    );
    expect(row!.token_hash).toMatch(/^[0-9a-f]{64}$/);
    expect(row!.token_hash).not.toContain(grant.refreshToken);
  });

  it('answers the same for a wrong password as for nobody', async () => {
    const { provider } = await world.given.tree();
    const person = await world.given.portalUser(provider.id);
    const wrong = await refusal(signIn(person.email, 'not the password'));
    const nobody = await refusal(signIn('nobody@demo.example', 'not the password'));
    expect(wrong).toMatchObject({ kind: 'unauthenticated', code: 'invalid-credentials' });
    expect(nobody.toJSON()).toEqual(wrong.toJSON());
    const view = await world.call(h.getPortalUser, { id: person.id });
    expect(view.lastUnsuccessfulLoginAt).toBe(world.clock.now().toISOString());
  });

  it('is not for those who were deleted', async () => {
    const { provider } = await world.given.tree();
    const person = await world.given.portalUser(provider.id);
    const grant = await signIn(person.email);
    await world.call(h.deletePortalUser, { id: person.id });
    expect(await refusal(signIn(person.email))).toMatchObject({ code: 'invalid-credentials' });
    expect(await refusal(refresh(grant.refreshToken))).toMatchObject({ code: 'session-ended' });
  });
});

describe('too many failures', () => {
  it('of one e-mail address close it for a while, the right password too, also for an unknown one', async () => {
    const { provider } = await world.given.tree();
    const person = await world.given.portalUser(provider.id);
    for (const email of [person.email, 'unknown@demo.example']) {
      for (let i = 0; i < 10; i++) {
        expect(await refusal(signIn(email, 'wrong wrong wrong'))).toMatchObject({ code: 'invalid-credentials' });
        world.clock.advance(1000);
      }
      const error = await refusal(signIn(email));
      expect(error).toMatchObject({ kind: 'rate-limited', code: 'too-many-login-attempts' });
      expect(error.retryAfterSeconds).toBe(15 * 60 - 10);
    }
    // Someone who goes on trying meanwhile does not lock the rightful one out for longer.
    world.clock.advance(600_000);
    for (let i = 0; i < 12; i++) await refusal(signIn(person.email, 'wrong wrong wrong'));
    world.clock.advance(300_000 - 10_000);
    await signIn(person.email);
  });

  it('in parallel are counted as well', async () => {
    const results = await Promise.all(
      Array.from({ length: 25 }, () => refusal(signIn('parallel@demo.example', 'wrong wrong wrong'))),
    );
    const guesses = results.filter((error) => error.code === 'invalid-credentials');
    expect(guesses.length).toBeLessThanOrEqual(10);
    expect(results.every((e) => ['invalid-credentials', 'too-many-login-attempts'].includes(e.code))).toBe(true);
  });

  it('from one address close that address, no matter who is named', async () => {
    const { provider } = await world.given.tree();
    const person = await world.given.portalUser(provider.id);
    const actor = from('203.0.113.9');
    for (let i = 0; i < 50; i++) await refusal(signIn(`guess-${i}@demo.example`, 'wrong wrong wrong', actor));
    expect(await refusal(signIn(person.email, PASSWORD, actor))).toMatchObject({ code: 'too-many-login-attempts' });
    await signIn(person.email);
  });
});

describe('a session', () => {
  const someone = async () => {
    const person = await world.given.portalUser((await world.given.provider()).id);
    return { person, grant: await signIn(person.email) };
  };

  it('goes on with a new token each time', async () => {
    const { person, grant } = await someone();
    const second = await refresh(grant.refreshToken);
    expect(second.principal.portalUserId).toBe(person.id);
    expect(second.refreshToken).not.toBe(grant.refreshToken);
    await refresh(second.refreshToken);
  });

  it('ends for everyone once a used token is used again later', async () => {
    const { grant } = await someone();
    const second = await refresh(grant.refreshToken);
    world.clock.advance(31_000);
    expect(await refusal(refresh(grant.refreshToken))).toMatchObject({ code: 'refresh-token-reused' });
    expect(await refusal(refresh(second.refreshToken))).toMatchObject({ code: 'session-ended' });
  });

  it('has one and the same next token when refreshed by two tabs at once, or again within 30 seconds', async () => {
    const { grant } = await someone();
    const [first, second] = await Promise.all([refresh(grant.refreshToken), refresh(grant.refreshToken)]);
    world.clock.advance(29_000);
    const third = await refresh(grant.refreshToken);
    expect([second!.refreshToken, third.refreshToken]).toEqual([first!.refreshToken, first!.refreshToken]);
    expect(second!.refreshExpiresAt).toBe(first!.refreshExpiresAt);
    expect(first!.refreshToken).not.toBe(grant.refreshToken);
    const [{ tokens }] = (await world.db.query(
      sql<{ tokens: number }>`select count(*)::int as tokens from session where family_id = ${grant.sessionId}`,
    )) as [{ tokens: number }];
    expect(tokens).toBe(2);
    await refresh(first!.refreshToken);
  });

  it('does not come back within those seconds when it was ended', async () => {
    const { grant } = await someone();
    const next = await refresh(grant.refreshToken);
    await world.call(h.endSession, { refreshToken: next.refreshToken });
    for (const token of [grant, next])
      expect(await refusal(refresh(token.refreshToken))).toMatchObject({ code: 'session-ended' });
  });

  it('ends after 30 days without use', async () => {
    const { grant } = await someone();
    world.clock.advance(29 * 86_400_000);
    const second = await refresh(grant.refreshToken);
    world.clock.advance(30 * 86_400_000);
    expect(await refusal(refresh(second.refreshToken))).toMatchObject({ code: 'session-ended' });
  });

  it.each(['refreshed', 'begun'] as const)('ends with a password changed while it was being %s', async (how) => {
    const { person, grant } = await someone();
    const accounts = world.service.app.get(Accounts);
    let next: unknown;
    let change: Promise<unknown> | undefined;
    await world.db.transactional(async () => {
      next =
        how === 'begun'
          ? await accounts.signIn(person.email, PASSWORD, {})
          : await accounts.refresh(grant.refreshToken, {});
      change = world.call(h.updatePortalUser, { id: person.id, password: 'another long password' });
      await eventually(world.someoneWaits);
    });
    await change;
    expect(await refusal(refresh((next as typeof grant).refreshToken))).toMatchObject({ code: 'session-ended' });
  });

  it('and old login attempts are forgotten once they can no longer matter', async () => {
    await someone();
    const { grant } = await someone();
    const left = async () =>
      (
        await world.db.query(
          sql<{ sessions: number; attempts: number }>`select
            (select count(*)::int from session) as sessions, (select count(*)::int from login_attempt) as attempts`,
        )
      )[0]!;
    world.clock.advance(20 * 86_400_000);
    const timers = world.service.app.get(Timers);
    await timers.runNow('session-expiry');
    await refresh(grant.refreshToken);
    world.clock.advance(15 * 86_400_000);
    await timers.runNow('session-expiry');
    expect((await left()).sessions).toBe(1);
    world.clock.advance(90 * 86_400_000);
    await timers.runNow('session-expiry');
    expect(await left()).toEqual({ sessions: 0, attempts: 0 });
  });

  it('ends when signed out, which may be said twice', async () => {
    const { grant } = await someone();
    await world.call(h.endSession, { refreshToken: grant.refreshToken });
    await world.call(h.endSession, { refreshToken: grant.refreshToken });
    await world.call(h.endSession, { refreshToken: 'nobody knows this' });
    expect(await refusal(refresh(grant.refreshToken))).toMatchObject({ code: 'session-ended' });
  });

  it.each<[string, (of: Awaited<ReturnType<typeof someone>>) => Promise<unknown>, boolean]>([
    ['their role changes', ({ person }) => world.call(h.updatePortalUser, { id: person.id, role: 'support' }), true],
    ['they are locked', ({ person }) => world.call(h.lockPortalUser, { id: person.id }), true],
    ['they are deleted', ({ person }) => world.call(h.deletePortalUser, { id: person.id }), true],
    [
      'they are given a password',
      ({ person }) => world.call(h.updatePortalUser, { id: person.id, password: 'another long password' }),
      true,
    ],
    ['all their sessions are ended', ({ person }) => world.call(h.revokeSessions, { portalUserId: person.id }), true],
    [
      'a used token comes again',
      async ({ grant }) => {
        await refresh(grant.refreshToken);
        world.clock.advance(31_000);
        await refusal(refresh(grant.refreshToken));
      },
      false,
    ],
  ])('is listed as ended for every gateway, also those still to start, when %s', async (_, end, all) => {
    const session = await someone();
    const others = await signIn(session.person.email);
    expect(await endedSession(session.grant.sessionId)).toBeUndefined();
    await end(session);
    await eventually(async () => (await endedSession(session.grant.sessionId)) !== undefined);
    expect((await endedSession(others.sessionId)) !== undefined).toBe(all);
  });

  it('is in that list again after the list was lost, or the process died before it wrote it', async () => {
    const { grant } = await someone();
    await world.call(h.endSession, { refreshToken: grant.refreshToken });
    await eventually(async () => (await endedSession(grant.sessionId)) !== undefined);
    await endedSessions().delete(grant.sessionId);
    const again = await startService({
      name: 'hierarchy',
      module: AppModule.forRoot(world.config, world.clock),
      config: world.config,
    });
    await eventually(async () => (await endedSession(grant.sessionId)) !== undefined);
    await again.close();
  });

  it('ends with the password it was begun with', async () => {
    const { person, grant } = await someone();
    await world.call(h.updatePortalUser, { id: person.id, password: 'another long password' });
    expect(await refusal(refresh(grant.refreshToken))).toMatchObject({ code: 'session-ended' });
    expect(await refusal(signIn(person.email))).toMatchObject({ code: 'invalid-credentials' });
    await signIn(person.email, 'another long password');
  });
});
