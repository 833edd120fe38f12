import { hierarchyRpc as h, InterfaceUserLockedV1 } from '@strowger/contracts-hierarchy';
import type { Actor } from '@strowger/kernel';
import { sql } from '@strowger/persistence';
import { OPERATOR, PASSWORD, refusal, scopeOf } from '../../hierarchy.fixtures.js';
import { ELSEWHERE, HERE, startDoors, type Doors } from './interface-users.fixtures.js';

const CANARY = 'canary-password-of-an-interface-user';

let doors: Doors;
beforeAll(async () => {
  doors = await startDoors();
}, 60_000);
afterAll(() => doors?.stop());

describe('an interface user', () => {
  it('calls as itself, for its system provider, with full control', async () => {
    const user = await doors.interfaceUser();
    expect(await doors.login(user.userName.toUpperCase())).toEqual({
      scope: scopeOf.provider(user.systemProviderId),
      actor: { kind: 'interface-user', id: user.id, name: user.userName, role: 'administrator', ip: HERE },
    });
  });

  it('is made by the operator of the installation only, and named once in it', async () => {
    const provider = await doors.world.given.provider();
    const given = { systemProviderId: provider.id, userName: 'Twice', email: 'a@b.example', password: PASSWORD };
    const scope = scopeOf.provider(provider.id);
    expect(await refusal(doors.world.call(h.createInterfaceUser, given, scope))).toMatchObject({
      code: 'operator-only',
    });
    const key: Actor = { kind: 'api-key', id: 'k', name: 'Key', role: 'administrator' };
    expect(await refusal(doors.world.call(h.createInterfaceUser, given, undefined, key))).toMatchObject({
      code: 'portal-user-needed',
    });
    const first = await doors.world.call(h.createInterfaceUser, given);
    expect(await refusal(doors.world.call(h.createInterfaceUser, { ...given, userName: 'tWICE' }))).toMatchObject({
      kind: 'conflict',
      code: 'interface-user-exists',
    });
    expect(
      await refusal(doors.world.call(h.createInterfaceUser, { ...given, userName: 'x', password: 'Password1234' })),
    ).toMatchObject({ errors: [{ field: 'password', rule: 'common-password' }] });
    await doors.world.call(h.deleteInterfaceUser, { id: first.id });
    await doors.world.call(h.createInterfaceUser, given);
  });

  it('gets a password made for it when none is given, which is shown once', async () => {
    const user = await doors.interfaceUser({ password: undefined });
    expect(user.password).toMatch(/^[\w-]{24}$/);
    await doors.login(user.userName, { password: user.password });
    expect(await doors.viewOf(user.id)).not.toHaveProperty('password');
    const { password } = await doors.world.call(h.setInterfaceUserPassword, { id: user.id });
    expect(password).not.toBe(user.password);
    await doors.login(user.userName, { password });
    expect(await refusal(doors.login(user.userName, { password: user.password }))).toMatchObject({
      code: 'auth-failed',
    });
  });

  it('is changed under its version, and seen at its system provider and above', async () => {
    const user = await doors.interfaceUser();
    const scope = scopeOf.provider(user.systemProviderId);
    const change = {
      id: user.id,
      version: 1,
      email: 'new@acme.example',
      timezone: 'America/Chicago',
      description: 'ERP',
    };
    expect(await doors.world.call(h.updateInterfaceUser, change, scope)).toMatchObject({ ...change, version: 2 });
    expect(await refusal(doors.world.call(h.updateInterfaceUser, change, scope))).toMatchObject({
      code: 'version-mismatch',
    });
    expect(
      (await doors.world.call(h.listInterfaceUsers, { parentId: user.systemProviderId }, scope)).items,
    ).toHaveLength(1);
  });
});

describe('a call', () => {
  it.each([
    ['no name', { userName: undefined }, 'loginUserName'],
    ['an empty name', { userName: '' }, 'loginUserName'],
    ['a blank name', { userName: ' \t' }, 'loginUserName'],
    ['no password', { password: undefined }, 'loginPassword'],
    ['an empty password', { password: '' }, 'loginPassword'],
    ['a blank password', { password: '  ' }, 'loginPassword'],
  ])('with %s is no attempt to log in', async (_, missing, parameter) => {
    const user = await doors.interfaceUser();
    // Also not from an address that nobody has: the parameter is looked at first.
    for (const address of [HERE, ELSEWHERE])
      expect(await refusal(doors.login(user.userName, { ...missing, address }))).toMatchObject({
        kind: 'invalid',
        code: 'parameter-missing',
        details: { parameter },
      });
    expect(await doors.viewOf(user.id)).toMatchObject({ locked: false });
    expect(await doors.historyOf(user.id)).toEqual([]);
    await doors.login(user.userName);
  });

  it('with a wrong password locks at once; the right one does not help until a portal user unlocks', async () => {
    const user = await doors.interfaceUser();
    const wrong = await refusal(doors.login(user.userName, { password: 'wrong wrong wrong' }));
    expect(wrong).toMatchObject({ kind: 'unauthenticated', code: 'auth-failed' });
    expect(wrong.message).toContain('the account has been locked. Please refer to the login history');
    const locked = await doors.viewOf(user.id);
    expect(locked).toMatchObject({
      locked: true,
      lockReason: 'bad-password',
      lockedAt: doors.world.clock.now().toISOString(),
      lastUnsuccessfulLoginAt: doors.world.clock.now().toISOString(),
      lastUnsuccessfulLoginRemark: 'A login attempt was made with a wrong password.',
    });
    const verify = doors.verifications();
    expect((await refusal(doors.login(user.userName))).toJSON()).toEqual(wrong.toJSON());
    expect(verify.calls).toBe(0);
    verify.restore();
    expect(await doors.outcomesOf(user.id)).toEqual(['LOCKED', 'BAD_PASSWORD']);

    const scope = scopeOf.provider(user.systemProviderId);
    for (const kind of ['interface-user', 'api-key'] as const) {
      const actor: Actor = { kind, id: user.id, name: 'Robot', role: 'administrator' };
      expect(await refusal(doors.world.call(h.unlockInterfaceUser, { id: user.id }, scope, actor))).toMatchObject({
        kind: 'forbidden',
        code: 'portal-user-needed',
      });
    }
    expect(await doors.world.call(h.unlockInterfaceUser, { id: user.id }, scope)).toMatchObject({ locked: false });
    await doors.login(user.userName);
    const { items } = await doors.world.call(h.listHistory, { objectId: user.id });
    expect(items.map(({ action, actorKind }) => [action, actorKind])).toEqual([
      ['unlocked', 'portal-user'],
      ['locked', 'system'],
      ['created', 'portal-user'],
    ]);
  });

  it.each([0, 1])(
    'with wrong passwords, 50 at once, locks once and leaves 50 rows (right one known: %i)',
    async (known) => {
      const user = await doors.interfaceUser();
      if (known) await doors.login(user.userName);
      const replicas = [undefined, doors.far];
      const refusals = await Promise.all(
        Array.from({ length: 50 }, (_, i) =>
          refusal(doors.login(user.userName, { password: `wrong ${i % 25} wrong` }, replicas[i % 2])),
        ),
      );
      expect(new Set(refusals.map(({ code }) => code))).toEqual(new Set(['auth-failed']));
      const failures = (await doors.historyOf(user.id)).filter(({ outcome }) => outcome !== 'SUCCESS');
      expect(failures).toHaveLength(50);
      expect(failures.every(({ count }) => count === 1)).toBe(true);
      expect((await doors.world.call(h.listHistory, { objectId: user.id, search: 'locked' })).items).toHaveLength(1);
      expect(await doors.world.facts(InterfaceUserLockedV1, user.id)).toHaveLength(1);
      expect((await doors.viewOf(user.id)).version).toBe(2);
      // What was verified before the lock counts no longer.
      expect(await refusal(doors.login(user.userName))).toMatchObject({ code: 'auth-failed' });
    },
  );

  it('by an unknown name, a disabled account or a portal user answers as a wrong password does', async () => {
    const user = await doors.interfaceUser();
    const disabled = await doors.interfaceUser();
    await doors.world.call(h.updateInterfaceUser, { id: disabled.id, disabled: true });
    const person = await doors.world.given.portalUser(user.systemProviderId);
    const wrong = (await refusal(doors.login(user.userName, { password: 'wrong wrong wrong' }))).toJSON();
    for (const name of ['nobody at all', 'null\0byte \ud800', disabled.userName, person.email])
      expect((await refusal(doors.login(name))).toJSON()).toEqual(wrong);
    expect(await doors.outcomesOf(disabled.id)).toEqual(['DISABLED']);
    expect(await doors.outcomesOf(person.id)).toEqual(['NOT_INTERFACE_USER']);
    expect(await doors.world.call(h.getPortalUser, { id: person.id })).toMatchObject({ locked: false, version: 1 });
    const [unknown] = (await doors.historyOf()).filter(
      ({ presentedUserName }) => presentedUserName === 'nobody at all',
    );
    expect(unknown).toMatchObject({ outcome: 'UNKNOWN_USER', address: HERE });
    expect(
      await refusal(doors.world.call(h.listLoginHistory, {}, scopeOf.provider(user.systemProviderId))),
    ).toMatchObject({
      code: 'operator-only',
    });
  });

  it('by an unknown name costs a verification, as a wrong password does', async () => {
    const verify = doors.verifications();
    await doors.interfaceUser();
    await refusal(doors.login('nobody knows me'));
    expect(verify.calls).toBe(1);
    verify.restore();
  });
});

it('no password is left anywhere', async () => {
  const user = await doors.interfaceUser({ password: CANARY });
  await doors.login(user.userName, { password: CANARY });
  await refusal(doors.login(user.userName, { password: `${CANARY} and more` }));
  await refusal(doors.login(user.userName, { password: CANARY }));
  await refusal(doors.login(CANARY.slice(0, 5), { password: CANARY }));
  await refusal(doors.login(user.userName, { password: CANARY, address: ELSEWHERE }));
  await doors.world.call(h.unlockInterfaceUser, { id: user.id }, undefined, OPERATOR);
  await doors.world.call(h.setInterfaceUserPassword, { id: user.id, password: `${CANARY}-2` });
  const tables = await doors.world.db.query(
    sql<{
      name: string;
    }>`select table_name as name from information_schema.tables where table_schema = current_schema()`,
  );
  expect(tables.length).toBeGreaterThan(10);
  for (const { name } of tables) {
    const found = await doors.world.db.query(
      sql`select 1 from ${sql.table(name)} as t where t::text like ${`%${CANARY}%`}`,
    );
    expect([name, found]).toEqual([name, []]);
  }
});
