import {
  AlertRecipientsChangedV1,
  hierarchyRpc as h,
  SystemProviderCreatedV1,
  SystemProviderDeletedV1,
} from '@strowger/contracts-hierarchy';
import type { AppError, TenantScope } from '@strowger/kernel';
import { ALERTED, refusal, scopeOf, startHierarchy, type World } from '../../hierarchy.fixtures.js';

let world: World;
beforeAll(async () => {
  world = await startHierarchy();
});
afterAll(() => world?.stop());

/** Three generations and a sibling of the middle one, each with its own administrators' scope. */
async function family() {
  const top = await world.given.provider();
  const child = await world.given.child(top.id);
  const sibling = await world.given.child(top.id);
  const grandchild = await world.given.child(child.id);
  const scope = {
    top: scopeOf.provider(top.id),
    child: scopeOf.provider(child.id),
    sibling: scopeOf.provider(sibling.id),
    grandchild: scopeOf.provider(grandchild.id),
  };
  return { top, child, sibling, grandchild, scope };
}
const namesOf = async (scope: TenantScope, body: object = {}): Promise<string[]> =>
  (await world.call(h.listSystemProviders, body, scope)).items.map((item) => item.name).sort();

describe('child system providers', () => {
  it('are created at any depth by anyone who administers the parent or one above it', async () => {
    const { top, child, grandchild, scope } = await family();
    const deep = await world.call(h.createSystemProvider, { parentId: grandchild.id, name: 'Deep' }, scope.top);
    expect(deep.parentId).toBe(grandchild.id);
    expect(await world.facts(SystemProviderCreatedV1, deep.id)).toMatchObject([
      { data: { path: [top.id, child.id, grandchild.id, deep.id] }, tenantid: deep.id },
    ]);
  });

  it('are not created above, beside, or at the top by a child’s administrator', async () => {
    const { top, sibling, scope } = await family();
    for (const parentId of [top.id, sibling.id])
      expect(await refusal(world.call(h.createSystemProvider, { parentId, name: 'Mine' }, scope.child))).toMatchObject({
        code: 'provider-not-found',
        kind: 'not-found',
      });
    expect(await refusal(world.call(h.createSystemProvider, { name: 'Mine' }, scope.child))).toMatchObject({
      code: 'operator-only',
    });
  });

  it('are seen and changed with all below them by a parent, and see nothing above or beside', async () => {
    const { top, child, sibling, grandchild, scope } = await family();
    expect(await namesOf(scope.top)).toEqual([top, child, sibling, grandchild].map((p) => p.name).sort());
    expect(await namesOf(scope.child)).toEqual([child, grandchild].map((p) => p.name).sort());
    expect(await namesOf(scope.grandchild)).toEqual([grandchild.name]);
    expect(await namesOf(scope.top, { parentId: top.id })).toEqual([child, sibling].map((p) => p.name).sort());
    expect(await namesOf(scope.top, { parentId: top.id, descendants: true })).toHaveLength(3);
    for (const { id } of [top, sibling])
      expect(await refusal(world.call(h.getSystemProvider, { id }, scope.child))).toMatchObject({
        code: 'provider-not-found',
      });
    expect(await world.call(h.updateSystemProvider, { id: grandchild.id, name: 'Renamed' }, scope.top)).toMatchObject({
      name: 'Renamed',
    });
    // Its own parent is nothing a child learns of.
    expect((await world.call(h.getSystemProvider, { id: child.id }, scope.child)).parentId).toBeUndefined();
    expect((await world.call(h.getSystemProvider, { id: grandchild.id }, scope.child)).parentId).toBe(child.id);
  });

  it('hold what their parents reach to the last user, license, portal user and history entry', async () => {
    const { child, grandchild, scope } = await family();
    const reseller = await world.call(
      h.createReseller,
      { systemProviderId: grandchild.id, key: 'deep', name: 'Deep', kind: 'enterprise' },
      scope.top,
    );
    const group = await world.call(h.createGroup, { resellerId: reseller.id, key: 'g', name: 'G' }, scope.top);
    const user = await world.call(
      h.createUser,
      { groupId: group.id, broadworksUserId: `deep-${grandchild.id}@x.example`, name: 'Deep' },
      scope.top,
    );
    const person = await world.given.portalUser(grandchild.id);
    for (const above of [scope.top, scope.child, scope.grandchild]) {
      expect((await world.call(h.listUsers, {}, above)).items).toEqual([user]);
      expect((await world.call(h.listUsers, { parentId: grandchild.id }, above)).items).toEqual([user]);
      expect(await world.call(h.recordClientToken, { id: user.id }, above)).toMatchObject({ id: user.id });
      expect(await world.call(h.listUserLicenses, { id: user.id }, above)).toEqual([]);
      expect((await world.call(h.listPortalUsers, {}, above)).items).toEqual([person]);
      expect((await world.call(h.listHistory, { objectId: user.id }, above)).items.length).toBeGreaterThan(0);
    }
    expect((await world.call(h.listUsers, { parentId: child.id }, scope.top)).items).toEqual([]);
    expect((await world.call(h.listUsers, {}, scope.sibling)).items).toEqual([]);
    expect(await refusal(world.call(h.getUser, { id: user.id }, scope.sibling))).toMatchObject({
      code: 'user-not-found',
    });
  });

  it('take an id that is unique among the children of one parent', async () => {
    const { top, child, scope } = await family();
    const given = { parentId: top.id, key: 'NorthWind', name: 'Northwind' };
    expect(await world.call(h.createSystemProvider, given, scope.top)).toMatchObject({ key: 'NorthWind' });
    expect(await refusal(world.call(h.createSystemProvider, given, scope.top))).toMatchObject({
      kind: 'conflict',
      code: 'provider-exists',
    });
    await world.call(h.createSystemProvider, { ...given, key: 'northwind' }, scope.top);
    await world.call(h.createSystemProvider, { ...given, parentId: child.id }, scope.top);
  });

  it('make one of many parallel creations with one id win', async () => {
    const { top } = await family();
    const create = (n: number) =>
      world.call(h.createSystemProvider, {
        parentId: top.id,
        key: 'race',
        name: 'Race',
        serverHostNames: [`race${n}-${top.id}.example`],
      });
    const results = await Promise.allSettled([1, 2, 3, 4, 5, 6].map(create));
    expect(results.filter((r) => r.status === 'fulfilled')).toHaveLength(1);
    expect(results.filter((r) => r.status === 'rejected')).toMatchObject(
      Array(5).fill({ reason: { code: 'provider-exists' } }),
    );
  });

  it('are published to services that have no tree', async () => {
    const { top, child, sibling, grandchild, scope } = await family();
    const ids = async (id: string, by: TenantScope) => (await world.call(h.listProviderIds, { id }, by)).ids.sort();
    expect(await ids(top.id, scope.top)).toEqual([top, child, sibling, grandchild].map((p) => p.id).sort());
    expect(await ids(grandchild.id, scope.grandchild)).toEqual([grandchild.id]);
  });
});

describe('deleting a system provider', () => {
  it('ends it, frees its names and signs its portal users out', async () => {
    const { top, sibling, scope } = await family();
    const host = `gone-${sibling.id}.example`;
    await world.call(h.addServerHostName, { id: sibling.id, hostName: host }, scope.sibling);
    const person = await world.given.portalUser(sibling.id);
    await world.call(h.deleteSystemProvider, { id: sibling.id }, scope.top);
    expect(await refusal(world.call(h.getSystemProvider, { id: sibling.id }))).toMatchObject({
      code: 'provider-not-found',
    });
    expect(await namesOf(scope.top)).not.toContain(sibling.name);
    expect(await refusal(world.call(h.getPortalUser, { id: person.id }))).toMatchObject({ kind: 'not-found' });
    await world.call(h.addServerHostName, { id: top.id, hostName: host });
    expect(await world.facts(SystemProviderDeletedV1, sibling.id)).toHaveLength(1);
    const { items } = await world.call(h.listHistory, { objectId: sibling.id }, scope.top);
    expect(JSON.stringify(items)).not.toContain(top.id); // a child reads this, too
    expect(items[0]).toMatchObject({ action: 'deleted', objectKind: 'system-provider' });
  });

  it('is refused while anything is below it, and for one’s own', async () => {
    const { child, grandchild, scope } = await family();
    const refused = { kind: 'conflict', code: 'provider-not-empty' };
    const remove = (id: string, by: TenantScope) => world.call(h.deleteSystemProvider, { id }, by);
    expect(await refusal(remove(child.id, scope.top))).toMatchObject({ ...refused, details: { children: 1 } });
    await world.given.reseller(grandchild.id);
    expect(await refusal(remove(grandchild.id, scope.child))).toMatchObject({ ...refused, details: { resellers: 1 } });
    expect(await refusal(remove(child.id, scope.child))).toMatchObject({ kind: 'forbidden', code: 'own-provider' });
    expect(await refusal(remove(child.id, scope.sibling))).toMatchObject({ code: 'provider-not-found' });
  });

  it('is refused while it has a platform', async () => {
    const { sibling, scope } = await family();
    await world.given.portalUser(sibling.id, { notifications: ALERTED });
    const platformId = world.newId();
    await world.call(h.holdAlertGuard, { systemProviderId: sibling.id, platformId }, scope.top);
    const remove = () => world.call(h.deleteSystemProvider, { id: sibling.id }, scope.top);
    const refused = { code: 'provider-not-empty', details: { platforms: 1 } };
    expect(await refusal(remove())).toMatchObject(refused);
    await world.call(h.releaseAlertGuard, { platformId }, scope.child);
    expect(await refusal(remove())).toMatchObject(refused);
    await world.call(h.releaseAlertGuard, { platformId }, scope.top);
    await remove();
  });

  it('and adding something below it at the same time: one of the two fails', async () => {
    const { top } = await family();
    for (let round = 0; round < 6; round++) {
      const { id } = await world.given.child(top.id);
      const add = round % 2 === 0 ? world.given.reseller(id) : world.given.child(id);
      const [removed, added] = await Promise.allSettled([world.call(h.deleteSystemProvider, { id }), add]);
      const codes = [removed, added].map((end) => (end.status === 'rejected' ? (end.reason as AppError).code : 'done'));
      expect([
        ['provider-not-empty', 'done'],
        ['done', 'provider-not-found'],
      ]).toContainEqual(codes);
    }
  });
});

describe('server host names', () => {
  it('are added, listed and removed; one of each provider only, whatever the case', async () => {
    const { child, sibling, scope } = await family();
    const [one, two] = [`XSP1.${child.id}.example`, `xsp2.${child.id}.example`];
    for (const hostName of [one, two]) await world.call(h.addServerHostName, { id: child.id, hostName }, scope.top);
    const first = await world.call(h.listServerHostNames, { id: child.id, limit: 1 }, scope.child);
    const rest = await world.call(h.listServerHostNames, { id: child.id, cursor: first.nextCursor }, scope.child);
    expect([...first.items, ...rest.items].map((item) => item.hostName)).toEqual([one, two]);
    for (const id of [child.id, sibling.id])
      expect(
        await refusal(world.call(h.addServerHostName, { id, hostName: one.toLowerCase() }, scope.top)),
      ).toMatchObject({ kind: 'conflict', code: 'hostname-in-use' });
    const view = await world.call(h.getSystemProvider, { id: child.id }, scope.child);
    expect(view).toMatchObject({ serverHostNames: [one, two], version: 3 });
    await world.call(h.removeServerHostName, { id: child.id, hostName: one.toUpperCase() }, scope.child);
    expect(
      await refusal(world.call(h.removeServerHostName, { id: child.id, hostName: one }, scope.child)),
    ).toMatchObject({ code: 'server-host-name-not-found' });
    await world.call(h.addServerHostName, { id: sibling.id, hostName: one }, scope.sibling);
  });

  it('never run out: the last one stays', async () => {
    const { child, scope } = await family();
    const hostName = `last.${child.id}.example`;
    await world.call(h.addServerHostName, { id: child.id, hostName }, scope.child);
    const last = { kind: 'conflict', code: 'last-server-host-name' };
    expect(await refusal(world.call(h.removeServerHostName, { id: child.id, hostName }, scope.child))).toMatchObject(
      last,
    );
    expect(
      await refusal(world.call(h.updateSystemProvider, { id: child.id, serverHostNames: [] }, scope.child)),
    ).toMatchObject(last);
    const more = `more.${child.id}.example`;
    await world.call(h.addServerHostName, { id: child.id, hostName: more }, scope.child);
    const both = [hostName, more].map((name) =>
      world.call(h.removeServerHostName, { id: child.id, hostName: name }, scope.child),
    );
    const results = await Promise.allSettled(both);
    expect(results.filter((r) => r.status === 'fulfilled')).toHaveLength(1);
  });

  it('are host names of at most 253 characters', async () => {
    const { child, scope } = await family();
    const add = (hostName: string) => world.call(h.addServerHostName, { id: child.id, hostName }, scope.child);
    for (const bad of ['', ' xsp.example', 'xsp .example', 'xsp\u0000.example', 'x'.repeat(254)])
      expect(await refusal(add(bad))).toMatchObject({ kind: 'invalid' });
    await add(`${'x'.repeat(253 - child.id.length)}${child.id}`);
  });
});

it('the timezone of alerts comes from above, and mails follow when it changes there', async () => {
  const { top, child, grandchild, sibling } = await family();
  await world.given.portalUser(grandchild.id, { notifications: ALERTED });
  await world.given.portalUser(sibling.id, { notifications: ALERTED });
  await world.call(h.updateSystemProvider, { id: sibling.id, timezone: 'Europe/Dublin' });
  await world.call(h.updateSystemProvider, { id: top.id, timezone: 'America/Chicago' });
  await world.call(h.updateSystemProvider, { id: child.id, timezone: 'America/Denver' });
  const zones = async (id: string) =>
    (await world.facts(AlertRecipientsChangedV1, id)).map((fact) => fact.data.recipients[0]?.timezone);
  expect(await zones(grandchild.id)).toEqual(['UTC', 'America/Chicago', 'America/Denver']);
  expect(await zones(sibling.id)).toEqual(['UTC', 'Europe/Dublin']);
});
