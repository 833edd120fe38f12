import { hierarchyRpc as h, UserSavedV1, type EnsurePath, type GroupView } from '@strowger/contracts-hierarchy';
import { sql } from '@strowger/persistence';
import { refusal, scopeOf, startHierarchy, type World } from '../../hierarchy.fixtures.js';

let world: World;
let systemProviderId: string;
let counter = 0;
beforeAll(async () => {
  world = await startHierarchy();
});
afterAll(() => world?.stop());
beforeEach(async () => {
  systemProviderId = (await world.given.provider()).id;
});

const pathOf = (more: { reseller?: string; group?: string; user?: string } = {}): EnsurePath => ({
  systemProviderId,
  reseller: { key: more.reseller ?? 'acme', name: 'Acme' },
  group: { key: more.group ?? 'acme-hq', name: 'Headquarters' },
  user: { broadworksUserId: more.user ?? `user-${++counter}@acme.example`, name: 'Chris Tutt' },
});
const ensure = (path: EnsurePath) => world.call(h.ensurePath, path);
const results = (view: Awaited<ReturnType<typeof ensure>>) =>
  [view.reseller, view.group, view.user].map(({ result }) => result);
const rows = async (table: string): Promise<number> => {
  const [row] = await world.db.query(
    sql<{ n: number }>`select count(*)::int as n from ${sql.id(table)} where system_provider_id = ${systemProviderId}`,
  );
  return row!.n;
};

describe('ensuring a path', () => {
  it('makes what is missing and says so, level by level', async () => {
    const first = await ensure(pathOf({ user: 'Chris@Acme.example' }));
    expect(results(first)).toEqual(['created', 'created', 'created']);
    expect(await world.call(h.getReseller, { id: first.reseller.id })).toMatchObject({
      key: 'acme',
      name: 'Acme',
      kind: 'service-provider',
    });
    expect(await world.call(h.getGroup, { id: first.group.id })).toMatchObject({ resellerId: first.reseller.id });
    expect(await world.call(h.getUser, { id: first.user.id })).toMatchObject({
      groupId: first.group.id,
      resellerId: first.reseller.id,
      broadworksUserId: 'Chris@Acme.example',
      version: 1,
    });
    expect(results(await ensure(pathOf({ group: 'acme-2' })))).toEqual(['kept', 'created', 'created']);
    expect(results(await ensure(pathOf()))).toEqual(['kept', 'kept', 'created']);
    expect(await world.facts(UserSavedV1, first.user.id)).toEqual([
      expect.objectContaining({
        sequence: 1,
        tenantid: systemProviderId,
        data: expect.objectContaining({ userId: first.user.id, groupId: first.group.id, name: 'Chris Tutt' }),
      }),
    ]);
    const { items } = await world.call(h.listHistory, { userId: first.user.id });
    expect(items.map(({ action, actorName }) => [action, actorName])).toEqual([['created', 'Olga Operator']]);
  });

  it('keeps what exists as it is, whatever names are given, also when ids differ in case only', async () => {
    const path = pathOf({ user: 'dana@acme.example' });
    const first = await ensure(path);
    const again = await ensure({
      ...path,
      reseller: { key: 'acme', name: 'Other' },
      group: { key: 'acme-hq', name: 'Other' },
      user: { broadworksUserId: 'DANA@acme.example', name: 'Other' },
    });
    const kept = <T extends object>(node: T) => ({ ...node, result: 'kept' });
    expect(again).toEqual({
      systemProviderId,
      reseller: kept(first.reseller),
      group: kept(first.group),
      user: kept(first.user),
    });
    expect([await rows('history_entry'), await world.facts(UserSavedV1, first.user.id)]).toEqual([
      4,
      [expect.objectContaining({ sequence: 1 })],
    ]);
  });

  it('does without names', async () => {
    const { user } = await ensure({
      systemProviderId,
      reseller: { key: 'r' },
      group: { key: 'g' },
      user: { broadworksUserId: 'bare@acme.example' },
    });
    expect(user).toMatchObject({ name: '', result: 'created' });
  });

  it('refuses a user who is in another group, and makes nothing', async () => {
    await ensure(pathOf({ user: 'elsewhere@acme.example' }));
    const counts = [await rows('reseller'), await rows('reseller_group'), await rows('app_user')];
    for (const other of [{ group: 'acme-2' }, { reseller: 'beta' }]) {
      const error = await refusal(ensure(pathOf({ ...other, user: 'ELSEWHERE@acme.example' })));
      expect(error).toMatchObject({ kind: 'conflict', code: 'user-in-other-group' });
      expect(error.message).toContain("group 'acme-hq' of the reseller 'acme'");
    }
    expect([await rows('reseller'), await rows('reseller_group'), await rows('app_user')]).toEqual(counts);
  });

  it.each([
    ['50 users of one new reseller', () => Array.from({ length: 50 }, () => pathOf()), [1, 1, 50]],
    ['50 times one user', () => Array.from({ length: 50 }, () => pathOf({ user: 'one@acme.example' })), [1, 1, 1]],
    [
      '50 groups of one new reseller',
      () => Array.from({ length: 50 }, (_, i) => pathOf({ group: `g${i}` })),
      [1, 50, 50],
    ],
  ])('%s in parallel all succeed', async (_, paths, counts) => {
    const views = await Promise.all(paths().map(ensure));
    expect(new Set(views.map((view) => view.reseller.id)).size).toBe(1);
    expect([await rows('reseller'), await rows('reseller_group'), await rows('app_user')]).toEqual(counts);
    for (const [level, n] of [
      ['reseller', 1],
      ['group', counts[1]!],
      ['user', counts[2]!],
    ] as const)
      expect(views.filter((view) => view[level].result === 'created')).toHaveLength(n);
    // The provider's own entry, and one per object.
    expect(await rows('history_entry')).toBe(1 + counts[0]! + counts[1]! + counts[2]!);
  });

  it('in two groups at once lets one win; the other group is not left behind', async () => {
    const race = () => ['a', 'b', 'c', 'd'].map((group) => ensure(pathOf({ group, user: 'race@acme.example' })));
    const settled = await Promise.allSettled(race());
    expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(settled.filter(({ status }) => status === 'rejected')).toMatchObject(
      Array(3).fill({ reason: { code: 'user-in-other-group' } }),
    );
    expect([await rows('reseller'), await rows('reseller_group'), await rows('app_user')]).toEqual([1, 1, 1]);
  });

  it('goes with the transaction it is called in', async () => {
    const { PathsService } = await import('./paths.service.js');
    const paths = world.service.app.get(PathsService);
    const request = {
      scope: scopeOf.provider(systemProviderId),
      actor: { kind: 'system', id: 's', name: 'S' } as const,
      body: pathOf({ user: 'gone@acme.example' }),
    };
    const undone = world.db.transactional(async () => {
      expect(results(await paths.ensure(request))).toContain('created');
      expect(results(await paths.ensure(request))).not.toContain('created');
      throw new Error('undo');
    });
    await expect(undone).rejects.toThrow('undo');
    expect([await rows('reseller'), await rows('app_user')]).toEqual([0, 0]);
  });

  it('wants the domain of a user id, and ids within their lengths and as given', async () => {
    const bad = [
      pathOf({ user: 'no-domain' }),
      pathOf({ user: 'two@at@signs.example' }),
      pathOf({ user: ' space@acme.example' }),
      pathOf({ reseller: 'r'.repeat(31) }),
      pathOf({ group: '' }),
      pathOf({ group: 'tab\there' }),
      pathOf({ user: `${'x'.repeat(150)}@acme.example` }),
    ];
    const errors = await Promise.all(bad.map((path) => refusal(ensure(path))));
    expect(errors.map((error) => [error.code, error.errors?.[0]?.field])).toEqual([
      ['invalid-input', 'user.broadworksUserId'],
      ['invalid-input', 'user.broadworksUserId'],
      ['invalid-input', 'user.broadworksUserId'],
      ['invalid-input', 'reseller.key'],
      ['invalid-input', 'group.key'],
      ['invalid-input', 'group.key'],
      ['invalid-input', 'user.broadworksUserId'],
    ]);
    expect(await rows('reseller')).toBe(0);
  });

  it('makes a new reseller of the kind that the provider, or the one above it, says', async () => {
    await world.db.query(
      sql`update system_provider set new_reseller_kind = 'enterprise' where id = ${systemProviderId}`,
    );
    const child = await world.call(h.createSystemProvider, { name: 'Child', parentId: systemProviderId });
    for (const id of [systemProviderId, child.id]) {
      const { reseller } = await ensure({ ...pathOf(), systemProviderId: id });
      expect(await world.call(h.getReseller, { id: reseller.id })).toMatchObject({ kind: 'enterprise' });
    }
  });

  it('waits for a deletion of the group and then makes a new one', async () => {
    const first = await ensure(pathOf());
    let blocked!: Promise<unknown>;
    await world.db.transactional(async (em) => {
      await em.execute('select 1 from reseller_group where id = ? for update', [first.group.id]);
      blocked = ensure(pathOf({ user: 'late@acme.example' }));
      while (!(await world.someoneWaits()));
      await em.execute('update reseller_group set ended_at = now() where id = ?', [first.group.id]);
    });
    const late = (await blocked) as Awaited<ReturnType<typeof ensure>>;
    expect(late.group).toMatchObject({ result: 'created' });
    expect(late.group.id).not.toBe(first.group.id);
  });
});

it('is for system providers: a reseller’s or group’s portal users add to what they see', async () => {
  const { reseller, group } = await world.given.tree();
  for (const scope of [scopeOf.reseller(reseller), scopeOf.group(group as GroupView)])
    expect(
      await refusal(world.call(h.ensurePath, { ...pathOf(), systemProviderId: reseller.systemProviderId }, scope)),
    ).toMatchObject({ kind: 'not-found', code: 'provider-not-found' });
});
