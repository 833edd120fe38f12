import { hierarchyRpc as h } from '@strowger/contracts-hierarchy';
import { sql } from '@strowger/persistence';
import { OPERATOR, PASSWORD, refusal, scopeOf, startHierarchy, type World } from '../hierarchy.fixtures.js';

let world: World;
beforeAll(async () => {
  world = await startHierarchy();
});
afterAll(() => world?.stop());

describe('the history', () => {
  it('shows who did what to which object, when and from where, newest first, at each level', async () => {
    const { provider, reseller, group, user } = await world.given.tree();
    await world.call(h.updateUser, { id: user.id, name: 'New Name' });
    await world.call(h.recordClientToken, { id: user.id });
    await world.call(h.deleteUser, { id: user.id });
    const actions = async (scope?: ReturnType<typeof scopeOf.group>) =>
      (await world.call(h.listHistory, {}, scope)).items.map((entry) => `${entry.objectKind} ${entry.action}`);
    const ofUser = ['user deleted', 'user client-token-minted', 'user updated', 'user created'];
    expect(await actions(scopeOf.group(group))).toEqual([...ofUser, 'group created']);
    expect(await actions(scopeOf.reseller(reseller))).toEqual([...ofUser, 'group created', 'reseller created']);
    expect(await actions(scopeOf.provider(provider.id))).toEqual([
      ...ofUser,
      'group created',
      'reseller created',
      'system-provider created',
    ]);
    const { items } = await world.call(h.listHistory, { objectId: user.id, search: 'updated' });
    expect(items).toEqual([
      {
        id: expect.any(String),
        at: world.clock.now().toISOString(),
        actorKind: 'portal-user',
        actorName: OPERATOR.name,
        ip: OPERATOR.ip,
        action: 'updated',
        objectKind: 'user',
        objectId: user.id,
        objectName: 'New Name',
        changes: { name: { from: 'Chris Tutt', to: 'New Name' } },
      },
    ]);
  });

  it('comes in pages', async () => {
    const { user } = await world.given.tree();
    for (const name of ['One', 'Two', 'Three']) await world.call(h.updateUser, { id: user.id, name });
    const first = await world.call(h.listHistory, { objectId: user.id, limit: 3 });
    const rest = await world.call(h.listHistory, { objectId: user.id, limit: 3, cursor: first.nextCursor });
    expect([...first.items, ...rest.items].map((entry) => entry.objectName)).toEqual([
      'Three',
      'Two',
      'One',
      'Chris Tutt',
    ]);
    expect(rest.nextCursor).toBeUndefined();
  });

  it('is read at every level, with filters, also after the node is gone', async () => {
    const { provider, reseller, group, user } = await world.given.tree();
    const other = await world.given.user(group.id);
    await world.call(h.updateUser, { id: user.id, name: 'New' });
    await world.call(h.deleteGroup, { id: group.id });
    const read = async (query: object) =>
      (await world.call(h.listHistory, query)).items.map(({ objectKind, action }) => `${objectKind} ${action}`);
    expect(await read({ userId: user.id })).toEqual(['user deleted', 'user updated', 'user created']);
    expect(await read({ groupId: group.id, objectKind: 'user', action: 'deleted' })).toHaveLength(2);
    expect(await read({ resellerId: reseller.id, objectKind: 'group' })).toEqual(['group deleted', 'group created']);
    expect(await read({ systemProviderId: provider.id, actorId: 'nobody' })).toEqual([]);
    expect(await read({ objectId: other.id, actorKind: 'portal-user' })).toEqual(['user deleted', 'user created']);
    const at = world.clock.now();
    const tomorrow = new Date(at.getTime() + 86_400_000).toISOString();
    expect(await read({ userId: user.id, since: tomorrow })).toEqual([]);
    expect(await read({ userId: user.id, until: tomorrow })).toHaveLength(3);
    expect(await read({ userId: user.id, since: at.toISOString(), until: tomorrow })).toHaveLength(3);
    const refused = await Promise.all(
      [{ userId: world.newId() }, { resellerId: group.id }, { since: 'yesterday' }].map((query) =>
        refusal(world.call(h.listHistory, query)),
      ),
    );
    expect(refused.map(({ code }) => code)).toEqual(['user-not-found', 'reseller-not-found', 'invalid-input']);
  });

  it('holds no password and no hash', async () => {
    const provider = await world.given.provider();
    const person = await world.given.portalUser(provider.id);
    await world.call(h.updatePortalUser, { id: person.id, password: 'another long password' });
    const { items } = await world.call(h.listHistory, { objectId: person.id });
    expect(items[0]!.changes).toHaveProperty('password');
    const rows = await world.db.query(sql<{ all: string }>`select row_to_json(e)::text as all from history_entry e`);
    const everything = rows.map((row) => row.all).join('\n');
    for (const secret of [PASSWORD, 'another long password', '$argon2']) expect(everything).not.toContain(secret);
    const outbox = await world.db.query(sql<{ event: string }>`select event from outbox`);
    for (const secret of [PASSWORD, '$argon2']) expect(JSON.stringify(outbox)).not.toContain(secret);
  });

  it('cannot be changed, not even by the service', async () => {
    await world.given.provider();
    for (const tamper of [sql`update history_entry set action = 'x'`, sql`delete from history_entry`]) {
      const error = await refusal(world.db.query(tamper));
      expect(error.message).toContain('append-only');
    }
  });

  it('says nothing of a change that failed', async () => {
    const { reseller, group } = await world.given.tree();
    await refusal(world.call(h.createGroup, { resellerId: reseller.id, key: group.key, name: 'Twice' }));
    const { items } = await world.call(h.listHistory, { search: 'Twice' }, scopeOf.reseller(reseller));
    expect(items).toEqual([]);
  });
});
