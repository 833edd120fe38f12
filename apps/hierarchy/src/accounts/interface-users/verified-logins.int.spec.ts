import { hierarchyRpc as h } from '@strowger/contracts-hierarchy';
import { Timers } from '@strowger/jobs';
import { sql } from '@strowger/persistence';
import { eventually } from '@strowger/testing';
import { refusal } from '../../hierarchy.fixtures.js';
import { HERE, startDoors, type Doors } from './interface-users.fixtures.js';

let doors: Doors;
beforeAll(async () => {
  doors = await startDoors();
}, 60_000);
afterAll(() => doors?.stop());

describe('the login history', () => {
  it('counts successes by address and hour, and notes the last one at most once a minute', async () => {
    const user = await doors.interfaceUser({ addresses: [{ address: HERE }, { address: '192.0.2.8' }] });
    const first = doors.world.clock.now().toISOString();
    for (let i = 0; i < 5; i++) await doors.login(user.userName);
    await doors.login(user.userName, { address: '192.0.2.8', binding: 'FORM', operation: 'AddUser' });
    doors.world.clock.advance(30_000);
    await doors.login(user.userName);
    await doors.world.service.app.get(Timers).runNow('interface-user-logins');
    expect(await doors.viewOf(user.id)).toMatchObject({ lastSuccessfulLoginAt: first });
    expect(await doors.historyOf(user.id)).toMatchObject([
      { address: '192.0.2.8', count: 1, binding: 'FORM', operation: 'AddUser' },
      {
        at: first,
        address: HERE,
        forwardedFor: HERE,
        count: 6,
        outcome: 'SUCCESS',
        userAgent: 'spec',
        requestId: 'r-1',
      },
    ]);
    doors.world.clock.advance(3_600_000);
    await doors.login(user.userName);
    expect((await doors.historyOf(user.id)).map(({ count }) => count)).toEqual([1, 1, 6]);
    expect(await doors.viewOf(user.id)).toMatchObject({ lastSuccessfulLoginAt: doors.world.clock.now().toISOString() });
  });

  it('is only ever added to, and forgotten after its time', async () => {
    const user = await doors.interfaceUser();
    await doors.login(user.userName);
    for (const change of [
      sql`update login_history set outcome = 'LOCKED', count = count + 1`,
      sql`update login_history set count = count - 1`,
      sql`delete from login_history`,
    ])
      await expect(doors.world.db.query(change)).rejects.toThrow(/append-only|check/);
    expect(await doors.historyOf(user.id)).toHaveLength(1);
    doors.world.clock.advance(401 * 86_400_000);
    await doors.world.service.app.get(Timers).runNow('session-expiry');
    expect(await doors.historyOf(user.id)).toEqual([]);
  });

  it('of hours of calls to a locked account is counted', async () => {
    const user = await doors.interfaceUser();
    await doors.world.call(h.lockInterfaceUser, { id: user.id });
    for (let i = 0; i < 3; i++) await refusal(doors.login(user.userName));
    doors.world.clock.advance(120_000);
    for (let i = 0; i < 5; i++) await refusal(doors.login(user.userName));
    expect((await doors.historyOf(user.id)).map(({ outcome, count }) => [outcome, count])).toEqual([
      ['LOCKED', 5],
      ['LOCKED', 1],
      ['LOCKED', 1],
      ['LOCKED', 1],
    ]);
    expect(await doors.viewOf(user.id)).toMatchObject({ lockReason: 'administrator' });
  });
});

describe('a verified login', () => {
  it('is not verified again for five minutes, by anyone who calls with it', async () => {
    const user = await doors.interfaceUser();
    const verify = doors.verifications();
    await Promise.all(Array.from({ length: 20 }, () => doors.login(user.userName)));
    const first = verify.calls;
    expect(first).toBe(1);
    for (let i = 0; i < 20; i++) await doors.login(user.userName);
    expect(verify.calls).toBe(first);
    doors.world.clock.advance(5 * 60_000);
    await doors.login(user.userName);
    expect(verify.calls).toBe(first + 1);
    verify.restore();
  });

  it('costs no query within a second', async () => {
    const user = await doors.interfaceUser();
    await doors.login(user.userName);
    const queries = await doors.statements(async () => {
      for (let i = 0; i < 50; i++) await doors.login(user.userName);
    });
    expect(queries).toBe(0);
    doors.world.clock.advance(1000);
    expect(
      await doors.statements(() => Promise.all(Array.from({ length: 50 }, () => doors.login(user.userName)))),
    ).toBe(1);
  });

  it.each([
    ['a lock', (id: string) => doors.world.call(h.lockInterfaceUser, { id }), 'auth-failed'],
    ['another password', (id: string) => doors.world.call(h.setInterfaceUserPassword, { id }), 'auth-failed'],
    ['another list', (id: string) => doors.world.call(h.updateInterfaceUser, { id, addresses: [] }), 'ip-not-allowed'],
    ['disabling', (id: string) => doors.world.call(h.updateInterfaceUser, { id, disabled: true }), 'auth-failed'],
    ['its deletion', (id: string) => doors.world.call(h.deleteInterfaceUser, { id }), undefined],
  ])('ends with %s at once, in other processes too', async (_, change, code) => {
    const user = await doors.interfaceUser();
    const far = doors.far;
    await Promise.all([doors.login(user.userName), doors.login(user.userName, {}, far)]);
    await doors.interfaceUser(); // someone else is allowed from here still
    await change(user.id);
    const near = await refusal(doors.login(user.userName));
    expect(near).toMatchObject({ code: code ?? 'auth-failed' });
    // The clock stands still: it is the push that is heard, not the look after a second.
    expect(
      await eventually(async () => (await refusal(doors.login(user.userName, {}, far)).catch(() => undefined))?.code),
    ).toBe(code ?? 'auth-failed');
  });

  it('ends within a second where the push was lost', async () => {
    const user = await doors.interfaceUser();
    await doors.login(user.userName);
    await doors.world.db.query(sql`
      update interface_user set locked_at = now(), lock_reason = 'administrator', auth_revision = auth_revision + 1
      where id = ${user.id}`);
    await doors.login(user.userName);
    doors.world.clock.advance(1000);
    expect(await refusal(doors.login(user.userName))).toMatchObject({ code: 'auth-failed' });
  });
});
