import { hierarchyRpc as h, UserSavedV1 } from '@strowger/contracts-hierarchy';
import { refusal, scopeOf, startHierarchy, type World } from '../../hierarchy.fixtures.js';

let world: World;
beforeAll(async () => {
  world = await startHierarchy();
});
afterAll(() => world?.stop());

const pro = { application: 'UnityDesktop', licenseType: 'Pro' };

describe('renaming', () => {
  it('changes names and ids of resellers and groups; what is under them stays', async () => {
    const { provider, reseller, group, user } = await world.given.tree();
    const key = `New-${reseller.key}`;
    expect(await world.call(h.updateReseller, { id: reseller.id, key, name: 'New' })).toEqual({
      ...reseller,
      key,
      name: 'New',
      version: 2,
    });
    expect(await world.call(h.updateGroup, { id: group.id, key: 'new-hq', name: '' })).toMatchObject({
      key: 'new-hq',
      name: '',
      version: 2,
    });
    expect(await world.call(h.getUser, { id: user.id })).toEqual(user);
    const again = await world.call(h.ensurePath, {
      systemProviderId: provider.id,
      reseller: { key },
      group: { key: 'new-hq' },
      user: { broadworksUserId: user.broadworksUserId },
    });
    expect([again.reseller.result, again.group.result, again.user.result]).toEqual(['kept', 'kept', 'kept']);
    const { items } = await world.call(h.listHistory, { objectId: reseller.id, action: 'updated' });
    expect(items[0]!.changes).toEqual({
      key: { from: reseller.key, to: key },
      name: { from: 'Acme', to: 'New' },
    });
  });

  it('refuses an id that is taken, and one of the wrong form', async () => {
    const { provider, reseller, group, user } = await world.given.tree();
    const otherReseller = await world.given.reseller(provider.id);
    const otherGroup = await world.given.group(reseller.id);
    const otherUser = await world.given.user(group.id);
    const refused = await Promise.all(
      [
        world.call(h.updateReseller, { id: otherReseller.id, key: reseller.key }),
        world.call(h.updateGroup, { id: otherGroup.id, key: group.key }),
        world.call(h.updateUser, { id: otherUser.id, broadworksUserId: user.broadworksUserId.toUpperCase() }),
        world.call(h.updateUser, { id: otherUser.id, broadworksUserId: 'no-domain' }),
        world.call(h.updateReseller, { id: reseller.id, key: ' x' }),
        world.call(h.updateGroup, { id: group.id, key: 'g'.repeat(31) }),
        world.call(h.updateGroup, { id: group.id, name: 'n'.repeat(256) }),
      ].map(refusal),
    );
    expect(refused.map(({ code }) => code)).toEqual([
      'reseller-exists',
      'group-exists',
      'user-exists',
      ...Array.from({ length: 4 }, () => 'invalid-input'),
    ]);
    expect(await world.call(h.getUser, { id: otherUser.id })).toEqual(otherUser);
  });

  it('of a user id changes its case too, frees the old one, and notifies the other services', async () => {
    const { group, user } = await world.given.tree();
    const upper = user.broadworksUserId.toUpperCase();
    expect(await world.call(h.updateUser, { id: user.id, broadworksUserId: upper })).toMatchObject({
      broadworksUserId: upper,
      version: 2,
    });
    await world.call(h.updateUser, { id: user.id, broadworksUserId: `x-${user.broadworksUserId}` });
    await world.call(h.createUser, { groupId: group.id, broadworksUserId: user.broadworksUserId });
    expect((await world.facts(UserSavedV1, user.id)).map(({ data }) => data.broadworksUserId)).toEqual([
      user.broadworksUserId,
      upper,
      `x-${user.broadworksUserId}`,
    ]);
  });
});

describe('moving a user', () => {
  it('takes it to another group, also of another reseller, and its licenses along', async () => {
    const { provider, group, user } = await world.given.tree();
    await world.given.purchase(provider.id, pro.application, pro.licenseType, 1);
    await world.call(h.assignLicense, { userId: user.id, ...pro });
    const reseller = await world.given.reseller(provider.id);
    const target = await world.given.group(reseller.id);
    const { version } = await world.call(h.getUser, { id: user.id });
    const moved = await world.call(h.updateUser, { id: user.id, version, groupId: target.id });
    expect(moved).toMatchObject({ groupId: target.id, resellerId: reseller.id });
    expect(await world.call(h.listUserLicenses, { id: user.id })).toHaveLength(1);
    const facts = await world.facts(UserSavedV1, user.id);
    expect(facts.at(-1)!.data).toMatchObject({ groupId: target.id, resellerId: reseller.id });
    expect((await world.call(h.listUsers, { parentId: group.id })).items).toEqual([]);
    await refusal(world.call(h.getUser, { id: user.id }, scopeOf.group(group)));
  });

  it('is recorded at both places', async () => {
    const { reseller, group, user } = await world.given.tree();
    const target = await world.given.group(reseller.id);
    await world.call(h.updateUser, { id: user.id, groupId: target.id });
    const actions = async (query: object, scope?: ReturnType<typeof scopeOf.group>) =>
      (await world.call(h.listHistory, { objectId: user.id, ...query }, scope)).items.map(({ action }) => action);
    expect(await actions({}, scopeOf.group(group))).toEqual(['moved-away', 'created']);
    expect(await actions({}, scopeOf.group(target))).toEqual(['updated']);
    expect(await actions({ resellerId: reseller.id })).toEqual(['updated', 'created']);
    expect(await actions({ userId: user.id })).toEqual(['updated', 'created']);
  });

  it('to where there is no room for its licenses changes nothing', async () => {
    const { provider, user } = await world.given.tree();
    await world.given.purchase(provider.id, pro.application, pro.licenseType, 5);
    await world.call(h.assignLicense, { userId: user.id, ...pro });
    const reseller = await world.given.reseller(provider.id);
    const full = await world.given.group(reseller.id);
    await world.call(h.setGroupSubPurchase, { groupId: full.id, ...pro, quantity: 0 });
    const before = await world.call(h.getUser, { id: user.id });
    const error = await refusal(world.call(h.updateUser, { id: user.id, groupId: full.id, name: 'Moved' }));
    expect(error).toMatchObject({ kind: 'conflict', code: 'insufficient-group-licenses' });
    expect(await world.call(h.getUser, { id: user.id })).toEqual(before);
    expect(await world.facts(UserSavedV1, user.id)).toHaveLength(1);
  });

  it('goes to groups in scope and of its own system provider only', async () => {
    const { reseller, user } = await world.given.tree();
    const other = await world.given.tree();
    const foreign = await refusal(
      world.call(h.updateUser, { id: user.id, groupId: other.group.id }, scopeOf.reseller(reseller)),
    );
    expect(foreign).toMatchObject({ code: 'group-not-found' });
    const across = await refusal(world.call(h.updateUser, { id: user.id, groupId: other.group.id }));
    expect(across.errors).toEqual([expect.objectContaining({ field: 'groupId' })]);
  });

  it('and deleting its old and its new group at once leaves nobody in a group that is gone', async () => {
    const { reseller, group, user } = await world.given.tree();
    const target = await world.given.group(reseller.id);
    await Promise.allSettled([
      world.call(h.updateUser, { id: user.id, groupId: target.id }),
      world.call(h.deleteGroup, { id: group.id }),
      world.call(h.deleteGroup, { id: target.id }),
    ]);
    expect(await refusal(world.call(h.getUser, { id: user.id }))).toMatchObject({ code: 'user-not-found' });
  });
});
