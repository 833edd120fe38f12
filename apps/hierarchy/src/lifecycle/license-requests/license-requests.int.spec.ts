import { hierarchyRpc as h, UserSavedV1 } from '@strowger/contracts-hierarchy';
import { refusal, scopeOf, startHierarchy, type World } from '../../hierarchy.fixtures.js';
import { placesOf, PRO } from '../../licensing/terms/license-terms.fixtures.js';

let world: World;
let place: ReturnType<typeof placesOf>;
beforeAll(async () => {
  world = await startHierarchy();
  place = placesOf(world);
});
afterAll(() => world?.stop());

describe('a client that is matched', () => {
  it('is served its permanent license, which is consumed by that', async () => {
    const at = await place();
    await at.purchase(1);
    const assigned = await at.assign();
    expect(assigned.firstConsumedAt).toBeUndefined();
    const first = world.clock.now().toISOString();
    expect(await at.ask()).toEqual({
      outcome: 'matched',
      userId: at.user.id,
      systemProviderId: at.provider.id,
      userName: at.user.name,
      license: { kind: 'permanent', ...PRO, features: ['messaging'] },
    });
    world.clock.advance(60_000);
    await at.ask();
    const lastConsumedAt = world.clock.now().toISOString();
    expect(await at.licenses()).toMatchObject([{ firstConsumedAt: first, lastConsumedAt }]);
    expect(await at.stock()).toMatchObject({ used: 1, consumed: 1 });
  });

  it('is served the highest of several licenses of its application', async () => {
    const at = await place();
    for (const licenseType of ['Enterprise', 'Pro'] as const) {
      const product = { application: 'UnityDesktop', licenseType };
      await at.purchase(1, undefined, product);
      await at.assign(at.user, product);
    }
    expect((await at.ask()).license).toMatchObject({ licenseType: 'Enterprise' });
  });

  it('corrects the name of its account, once', async () => {
    const at = await place();
    const answers = await Promise.all([1, 2, 3].map(() => at.ask(at.user, { userName: 'Christopher Tutt ' })));
    expect(answers.map((answer) => answer.userName)).toEqual(Array(3).fill('Christopher Tutt'));
    const saved = await world.facts(UserSavedV1, at.user.id);
    expect(saved.map((fact) => fact.data.name)).toEqual([at.user.name, 'Christopher Tutt']);
    await at.ask(at.user, { userName: '' });
    expect(await world.call(h.getUser, { id: at.user.id })).toMatchObject({ name: 'Christopher Tutt' });
  });

  it('by its user id in any case, as BroadWorks compares them', async () => {
    const at = await place();
    const broadworksUserId = at.user.broadworksUserId.toUpperCase();
    expect(await at.ask({ broadworksUserId })).toMatchObject({ outcome: 'matched', userId: at.user.id });
  });
});

describe('a client that is not matched', () => {
  const stranger = { broadworksUserId: 'stranger@acme.example' };

  it('is rejected with a reason, and nothing assigned is consumed', async () => {
    const at = await place();
    await at.purchase(1);
    await at.assign();
    const answer = await at.ask({ broadworksUserId: `x${at.user.broadworksUserId}` });
    expect(answer).toMatchObject({ outcome: 'rejected', reason: 'account-not-found' });
    expect(answer.message).toContain('Add it with the ids it has in BroadWorks');
    expect(answer.license).toBeUndefined();
    expect(await at.stock()).toMatchObject({ used: 1, consumed: 0 });
  });

  it('gets an account of what it says where the provider lets clients make theirs', async () => {
    const at = await place({ autoCreateFromClient: true });
    const path = { resellerId: 'new-reseller', groupId: 'new-group', userName: 'Stella Stranger' };
    const answer = await at.ask(stranger, path);
    expect(answer).toMatchObject({ outcome: 'created', userName: 'Stella Stranger', license: { kind: 'trial' } });
    expect(await at.ask(stranger, path)).toMatchObject({ outcome: 'matched', userId: answer.userId });
    const user = await world.call(h.getUser, { id: answer.userId! });
    expect(user).toMatchObject({ ...stranger, name: 'Stella Stranger' });
    expect(await world.call(h.getGroup, { id: user.groupId })).toMatchObject({ key: 'new-group' });
    expect(await world.call(h.getReseller, { id: user.resellerId })).toMatchObject({ key: 'new-reseller' });
  });

  it('gets one account when many of them ask at the same time', async () => {
    const at = await place({ autoCreateFromClient: true });
    const path = { resellerId: 'many', groupId: 'many' };
    const answers = await Promise.all(Array.from({ length: 8 }, () => at.ask(stranger, path)));
    expect(new Set(answers.map((answer) => answer.userId)).size).toBe(1);
    expect(answers.filter((answer) => answer.outcome === 'created')).toHaveLength(1);
  });

  it('keeps the account that was made for it when there is no license for it', async () => {
    const at = await place({ autoCreateFromClient: true, trialDurationDays: 0 });
    const answer = await at.ask(stranger);
    expect(answer).toMatchObject({ outcome: 'rejected', reason: 'no-license', userId: expect.any(String) });
    expect(await world.call(h.getUser, { id: answer.userId! })).toMatchObject(stranger);
  });

  it('because its user is in another group here says so, and nobody is moved', async () => {
    const at = await place({ autoCreateFromClient: true });
    const other = await world.given.group(at.reseller.id);
    const answer = await at.ask(at.user, { groupId: other.key });
    expect(answer).toMatchObject({ outcome: 'rejected', reason: 'user-in-other-group' });
    expect(answer.message).toContain(`'${at.group.key}'`);
    expect(await world.call(h.getUser, { id: at.user.id })).toMatchObject({ groupId: at.group.id });
  });

  it('matches reseller and group ids exactly, case and all', async () => {
    const at = await place();
    expect(await at.ask(at.user, { groupId: at.group.key.toUpperCase() })).toMatchObject({
      reason: 'user-in-other-group',
    });
  });
});

it('an application that is not in the catalog is refused by its name', async () => {
  const at = await place();
  const error = await refusal(at.ask(at.user, { application: 'unitydesktop' }));
  expect(error).toMatchObject({ kind: 'invalid', code: 'unknown-application' });
  expect(error.message).toContain("did you mean 'UnityDesktop'?");
});

it('a server host name is found without case, by those who see its provider only', async () => {
  const at = await place();
  const stranger = await place();
  expect(await at.ask(at.user, { serverHostName: at.serverHostName.toUpperCase() })).toMatchObject({
    outcome: 'matched',
  });
  const { reseller, group, user } = at;
  const body = {
    resellerId: reseller.key,
    groupId: group.key,
    broadworksUserId: user.broadworksUserId,
    application: 'UnityDesktop',
  };
  const asked = (serverHostName: string) =>
    refusal(world.call(h.requestLicense, { ...body, serverHostName }, scopeOf.provider(stranger.provider.id)));
  const [foreign, missing] = await Promise.all([asked(at.serverHostName), asked('nowhere.carrier.example')]);
  expect(foreign).toMatchObject({ kind: 'not-found', code: 'provider-not-found' });
  expect(foreign.message.replace(at.serverHostName, '#')).toBe(missing.message.replace('nowhere.carrier.example', '#'));
  for (const scope of [scopeOf.reseller(reseller), scopeOf.group(group)])
    expect(
      await refusal(world.call(h.requestLicense, { ...body, serverHostName: at.serverHostName }, scope)),
    ).toMatchObject({ code: 'provider-not-found' });
});
