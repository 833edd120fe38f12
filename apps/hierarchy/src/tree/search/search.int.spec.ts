import { hierarchyRpc as h, type SearchTree } from '@strowger/contracts-hierarchy';
import type { TenantScope } from '@strowger/kernel';
import { sql } from '@strowger/persistence';
import { refusal, scopeOf, startHierarchy, type World } from '../../hierarchy.fixtures.js';

let world: World;
beforeAll(async () => {
  world = await startHierarchy();
});
afterAll(() => world?.stop());

/** One of each kind that holds the word. */
async function given(word: string) {
  const provider = await world.given.provider(`${word} Telecom`);
  const reseller = await world.call(h.createReseller, {
    systemProviderId: provider.id,
    key: `${word}-r`,
    name: 'Acme',
    kind: 'enterprise',
  });
  const group = await world.call(h.createGroup, { resellerId: reseller.id, key: 'hq', name: `The ${word} group` });
  const byName = await world.given.user(group.id, `Chris ${word}`);
  const byId = await world.call(h.createUser, {
    groupId: group.id,
    broadworksUserId: `${word}@acme.example`,
    name: 'Dana',
  });
  const other = await world.given.user(group.id, 'Somebody Else');
  const portalUser = await world.given.portalUser(group.id, { level: 'group', email: `${word}@portal.example` });
  return { provider, reseller, group, byName, byId, other, portalUser };
}
const found = async (query: SearchTree, scope?: TenantScope) =>
  (await world.call(h.searchTree, query, scope)).items.map(({ kind, id }) => `${kind} ${id}`);

it('finds whatever holds the text in its name or id, from the top of the tree down', async () => {
  const { provider, reseller, group, byName, byId, portalUser } = await given('Quux');
  const { items } = await world.call(h.searchTree, { search: 'quux' });
  const above = [
    { level: 'system-provider', id: provider.id, name: 'Quux Telecom' },
    { level: 'reseller', id: reseller.id, name: 'Acme' },
    { level: 'group', id: group.id, name: 'The Quux group' },
  ];
  expect(items).toEqual([
    { kind: 'system-provider', id: provider.id, name: 'Quux Telecom', path: [] },
    { kind: 'reseller', id: reseller.id, name: 'Acme', key: 'Quux-r', path: above.slice(0, 1) },
    { kind: 'group', id: group.id, name: 'The Quux group', key: 'hq', path: above.slice(0, 2) },
    { kind: 'user', id: byName.id, name: 'Chris Quux', key: byName.broadworksUserId, path: above },
    { kind: 'user', id: byId.id, name: 'Dana', key: 'Quux@acme.example', path: above },
    {
      kind: 'portal-user',
      id: portalUser.id,
      name: 'Pat Portal',
      key: expect.stringMatching(/quux@portal/i),
      path: above,
    },
  ]);
  expect(await found({ search: 'quux', kind: 'user' })).toEqual([`user ${byName.id}`, `user ${byId.id}`]);
});

it('comes in pages that miss nothing and repeat nothing, across kinds', async () => {
  const { provider } = await given('Corge');
  const scope = scopeOf.provider(provider.id);
  const whole = await found({ search: 'corge' }, scope);
  const paged: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await world.call(h.searchTree, { search: 'corge', limit: 2, cursor }, scope);
    paged.push(...page.items.map(({ kind, id }) => `${kind} ${id}`));
    cursor = page.nextCursor;
  } while (cursor);
  expect(whole).toHaveLength(6);
  expect(paged).toEqual(whole);
  for (const bad of ['x', Buffer.from('["number","a","b"]').toString('base64url')])
    expect(await refusal(world.call(h.searchTree, { search: 'corge', cursor: bad }))).toMatchObject({
      code: 'invalid-input',
    });
});

it('stays inside the scope, and names nothing above it', async () => {
  const mine = await given('Grault');
  const other = await given('Grault2');
  const in_ = (scope: TenantScope) => found({ search: 'grault' }, scope);
  expect(await in_(scopeOf.provider(mine.provider.id))).toHaveLength(6);
  expect(await in_(scopeOf.reseller(mine.reseller))).toHaveLength(5);
  expect(await in_(scopeOf.group(mine.group))).toHaveLength(4);
  expect(await found({ search: 'grault2' }, scopeOf.provider(mine.provider.id))).toEqual([]);
  const user: TenantScope = { level: 'user', id: other.byName.id, systemProviderId: other.provider.id };
  expect(await in_(user)).toEqual([`user ${other.byName.id}`]);
  const { items } = await world.call(h.searchTree, { search: 'grault', kind: 'user' }, scopeOf.group(mine.group));
  expect(items[0]!.path).toEqual([{ level: 'group', id: mine.group.id, name: mine.group.name }]);
});

it('finds nothing that has ended, and looks for very short texts at the beginning only', async () => {
  const { provider, group, byName } = await given('Zy');
  const scope = scopeOf.provider(provider.id);
  await world.call(h.deleteGroup, { id: group.id });
  expect(await found({ search: 'Zy' }, scope)).toEqual([
    `system-provider ${provider.id}`,
    expect.stringMatching(/^reseller/),
  ]);
  expect(await found({ search: 'ZY TEL' }, scope)).toEqual([`system-provider ${provider.id}`]);
  expect(await found({ search: 'y-r' }, scope)).toHaveLength(1);
  expect(await found({ search: '-r' }, scope)).toEqual([]);
  expect(await found({ search: byName.id }, scope)).toEqual([]);
  expect(await found({ search: '%' }, scope)).toEqual([]);
});

it('and lists go through several system providers as through one', async () => {
  const parent = await world.given.provider('Waldo parent');
  const names = ['Ann', 'Bob', 'Bob', 'Cid', 'Dan', 'Eve', 'Fay'];
  for (const providers of [parent, await world.given.child(parent.id), await world.given.child(parent.id)]) {
    const reseller = await world.given.reseller(providers.id);
    const group = await world.given.group(reseller.id);
    for (const name of names) await world.given.user(group.id, `${name} Waldo`);
  }
  const ids = (await world.call(h.listProviderIds, { id: parent.id })).ids;
  const sorted = names.flatMap((name) => [1, 2, 3].map(() => `${name} Waldo`));
  for (const scope of [scopeOf.provider(parent.id), { ...scopeOf.provider(parent.id), providerIds: ids }]) {
    for (const query of [{}, { search: 'waldo' }]) {
      const seen: { id: string; name: string }[] = [];
      let cursor: string | undefined;
      do {
        const page = await world.call(h.listUsers, { ...query, limit: 4, cursor }, scope);
        seen.push(...page.items);
        cursor = page.nextCursor;
      } while (cursor);
      expect(seen.map(({ name }) => name)).toEqual(sorted);
      expect(new Set(seen.map(({ id }) => id)).size).toBe(sorted.length);
    }
    expect((await world.call(h.listGroups, {}, scope)).items).toHaveLength(3);
    expect((await world.call(h.listResellers, { search: 'ACME' }, scope)).items).toHaveLength(3);
    const hits: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await world.call(h.searchTree, { search: 'waldo', kind: 'user', limit: 4, cursor }, scope);
      hits.push(...page.items.map(({ name }) => name));
      cursor = page.nextCursor;
    } while (cursor);
    expect(hits).toEqual(sorted);
  }
  const { items } = await world.call(
    h.listUsers,
    { search: 'waldo' },
    scopeOf.provider(ids.find((id) => id !== parent.id)!),
  );
  expect(items).toHaveLength(names.length);
});

it('looks rare texts up in a trigram index, where the extension is at hand', async () => {
  const [row] = await world.db.query(
    sql<{ n: number }>`select count(*)::int as n from pg_extension where extname = 'pg_trgm'`,
  );
  const indexes = await world.db.query(
    sql<{ name: string }>`select indexname as name from pg_indexes where indexdef like '%gin_trgm_ops%'`,
  );
  expect(indexes.length).toBe(row!.n ? 4 : 0);
});
