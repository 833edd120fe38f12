import { hierarchyRpc as h, InterfaceUserAddressRefusedV1 } from '@strowger/contracts-hierarchy';
import { sql } from '@strowger/persistence';
import { ALERTED, PASSWORD, refusal, SILENT, startHierarchy } from '../../hierarchy.fixtures.js';
import { ELSEWHERE, HERE, LOGIN, startDoors, type Doors } from './interface-users.fixtures.js';
import { InterfaceUsersService } from './interface-users.service.js';

let doors: Doors;
beforeAll(async () => {
  doors = await startDoors();
}, 60_000);
afterAll(() => doors?.stop());

describe('the access control list', () => {
  it('is looked at before name and password, and reveals nothing about either', async () => {
    const user = await doors.interfaceUser();
    const verify = doors.verifications();
    const answers = [
      await refusal(doors.login(user.userName, { address: ELSEWHERE })),
      await refusal(doors.login(user.userName, { address: ELSEWHERE, password: 'wrong wrong wrong' })),
      await refusal(doors.login('nobody knows this one', { address: ELSEWHERE })),
      await refusal(doors.login(user.userName, { address: undefined, forwardedFor: 'evil' })),
    ];
    for (const answer of answers) expect(answer.toJSON()).toEqual(answers[0]!.toJSON());
    expect(answers[0]).toMatchObject({ kind: 'forbidden', code: 'ip-not-allowed' });
    expect(verify.calls).toBe(0);
    verify.restore();
    expect(await doors.viewOf(user.id)).toMatchObject({ locked: false });
    const rows = await doors.historyOf(user.id);
    expect(rows).toMatchObject([
      { outcome: 'ACL_DENIED', forwardedFor: 'evil', count: 1 },
      { outcome: 'ACL_DENIED', address: ELSEWHERE, count: 2 },
    ]);
    // Someone who is on nobody's list can't make us send mails.
    expect(await addressFacts(user.id)).toEqual([]);
  });

  it('of another account does not help: refused, reported once an hour, not locked', async () => {
    const user = await doors.interfaceUser();
    await doors.interfaceUser({ addresses: [{ address: '192.0.2.77' }] });
    const alerted = await doors.world.given.portalUser(user.systemProviderId, { notifications: ALERTED });
    const technical = await doors.world.given.portalUser(user.systemProviderId, {
      notifications: { ...SILENT, technicalEmails: true },
      timezone: 'Europe/Madrid',
    });
    await doors.world.given.portalUser(user.systemProviderId);
    for (let i = 0; i < 3; i++)
      expect(await refusal(doors.login(user.userName, { address: '192.0.2.77' }))).toMatchObject({
        code: 'ip-not-allowed',
      });
    expect(await doors.viewOf(user.id)).toMatchObject({
      locked: false,
      lastUnsuccessfulLoginRemark: 'The address 192.0.2.77 is not allowed.',
    });
    const facts = await addressFacts(user.id);
    expect(facts).toMatchObject([{ userName: user.userName, address: '192.0.2.77', operation: 'Ping' }]);
    expect(facts[0]!.recipients.map(({ email, timezone }) => [email, timezone])).toEqual([
      [alerted.email, 'UTC'],
      [technical.email, 'Europe/Madrid'],
    ]);
    await doors.login(user.userName);
  });

  it('allows nobody while it is empty', async () => {
    const user = await doors.interfaceUser({ addresses: [] });
    expect(await refusal(doors.login(user.userName))).toMatchObject({ code: 'ip-not-allowed' });
    await doors.world.call(h.addInterfaceUserAddress, { id: user.id, address: HERE, description: 'Office' });
    await doors.login(user.userName);
    expect((await doors.viewOf(user.id)).addresses).toEqual([{ address: HERE, description: 'Office' }]);
    await doors.world.call(h.removeInterfaceUserAddress, { id: user.id, address: HERE });
    expect(await refusal(doors.login(user.userName))).toMatchObject({ code: 'ip-not-allowed' });
  });

  it('takes addresses and networks of both families, at their edges', async () => {
    const user = await doors.interfaceUser({
      addresses: [
        { address: '192.0.2.0/24' },
        { address: '2001:DB8:0:FF00::/56' },
        { address: '2001:db8:1::7' },
        { address: '::ffff:203.0.113.5' },
      ],
    });
    expect(user.addresses.map(({ address }) => address)).toEqual([
      '192.0.2.0/24',
      '2001:db8:0:ff00::/56',
      '2001:db8:1::7',
      '203.0.113.5',
    ]);
    expect((await doors.viewOf(user.id)).addresses).toEqual(user.addresses);
    for (const address of [
      '192.0.2.0',
      '192.0.2.255',
      '::ffff:192.0.2.1',
      '2001:db8:0:ff00::1',
      '2001:db8:0:ffff:ffff:ffff:ffff:ffff',
      '2001:0db8:0001::0007',
      '203.0.113.5',
    ])
      await doors.login(user.userName, { address });
    for (const address of ['192.0.1.255', '192.0.3.0', '2001:db8:0:feff::1', '2001:db8:1::8', '203.0.113.6', 'junk'])
      expect([address, (await refusal(doors.login(user.userName, { address }))).code]).toEqual([
        address,
        'ip-not-allowed',
      ]);
  });

  it('refuses what is no address, too large a network, and the same twice', async () => {
    const user = await doors.interfaceUser();
    const given = ['10.0.0.0/23', '2001:db8::/48', 'example.net', '192.0.2.1', '::ffff:192.0.2.1'];
    const error = await refusal(
      doors.world.call(h.updateInterfaceUser, { id: user.id, addresses: given.map((address) => ({ address })) }),
    );
    expect(error.errors!.map(({ field, rule }) => `${field} ${rule}`)).toEqual([
      'addresses.0.address ip-address',
      'addresses.1.address ip-address',
      'addresses.2.address ip-address',
      'addresses.4.address unique',
    ]);
    const many = Array.from({ length: 101 }, (_, i) => ({ address: `192.0.2.${i}` }));
    expect(await refusal(doors.world.call(h.updateInterfaceUser, { id: user.id, addresses: many }))).toMatchObject({
      kind: 'invalid',
    });
    await doors.world.call(h.updateInterfaceUser, { id: user.id, addresses: many.slice(0, 100) });
    expect(
      await refusal(doors.world.call(h.addInterfaceUserAddress, { id: user.id, address: '192.0.2.200' })),
    ).toMatchObject({
      errors: [{ field: 'addresses', rule: 'array-max-size' }],
    });
  });
});

it('with the switch on, a call from elsewhere locks', async () => {
  const strict = await startHierarchy({ LOCK_ON_ACL_DENIED: 'true' });
  try {
    const provider = await strict.given.provider();
    const user = await strict.call(h.createInterfaceUser, {
      systemProviderId: provider.id,
      userName: 'strict',
      email: 'a@b.example',
      password: PASSWORD,
      addresses: [{ address: HERE }],
    });
    const at = strict.service.app.get(InterfaceUsersService);
    expect(await refusal(at.authenticate({ ...LOGIN, userName: 'strict', address: ELSEWHERE }))).toMatchObject({
      code: 'ip-not-allowed',
    });
    expect(await strict.call(h.getInterfaceUser, { id: user.id })).toMatchObject({
      locked: true,
      lockReason: 'acl-denied',
    });
    expect(await refusal(at.authenticate({ ...LOGIN, userName: 'strict' }))).toMatchObject({ code: 'auth-failed' });
  } finally {
    await strict.stop();
  }
});

/** Facts about addresses stand for themselves, so they are found by what they hold. */
async function addressFacts(interfaceUserId: string): Promise<InterfaceUserAddressRefusedV1[]> {
  const rows = await doors.world.db.query(
    sql<{ event: string }>`select event from outbox where type = ${InterfaceUserAddressRefusedV1.type}`,
  );
  return rows
    .map(({ event }) => (JSON.parse(event) as { data: InterfaceUserAddressRefusedV1 }).data)
    .filter((data) => data.interfaceUserId === interfaceUserId);
}
