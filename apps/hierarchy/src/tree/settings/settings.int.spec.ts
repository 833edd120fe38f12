import { hierarchyRpc as h, UserSavedV1, type NodeSettings, type SettingLevel } from '@strowger/contracts-hierarchy';
import type { TenantScope } from '@strowger/kernel';
import { refusal, scopeOf, startHierarchy, type World } from '../../hierarchy.fixtures.js';

let world: World;
beforeAll(async () => {
  world = await startHierarchy();
});
afterAll(() => world?.stop());

const settingsOf = async (level: SettingLevel, id: string, scope?: TenantScope): Promise<NodeSettings> =>
  (await world.call(h.getSettings, { level, id }, scope)).settings;

/** A tree whose provider has one above it. */
async function tree() {
  const top = await world.given.provider('Top');
  const provider = await world.given.child(top.id, 'Middle');
  const reseller = await world.given.reseller(provider.id);
  const group = await world.given.group(reseller.id);
  const user = await world.given.user(group.id);
  return { top, provider, reseller, group, user };
}

it('are defaults of the installation until somebody sets them', async () => {
  const { provider, user } = await tree();
  const from = { level: 'platform' };
  expect(await settingsOf('user', user.id)).toEqual({
    timezone: { value: 'UTC', from },
    language: { value: 'en', from },
    brandingReference: { value: null, from },
  });
  expect(await settingsOf('system-provider', provider.id)).toEqual({
    timezone: { value: 'UTC', from },
    language: { value: 'en', from },
    brandingReference: { value: null, from },
    accountsReference: { value: null, from },
    trialDurationDays: { value: 14, from },
    useTrialLicensesUntilExpiration: { value: false, from },
    snapshotReportFrequency: { value: 'none', from },
    autoCreateFromClient: { value: false, from },
    inviteFromBackOffice: { value: true, from },
    newResellerKind: { value: 'service-provider', from },
    automaticAssignment: {},
  });
});

it('come from the nearest node that sets them, level by level, and go back to the one above', async () => {
  const { top, provider, reseller, group, user } = await tree();
  const zone = async () => (await settingsOf('user', user.id)).timezone;
  await world.call(h.changeProviderSettings, { id: top.id, timezone: 'America/New_York' });
  expect(await zone()).toEqual({
    value: 'America/New_York',
    from: { level: 'system-provider', id: top.id, name: 'Top' },
  });
  await world.call(h.changeProviderSettings, { id: provider.id, timezone: 'America/Chicago' });
  await world.call(h.changeResellerSettings, { id: reseller.id, timezone: 'America/Denver' });
  await world.call(h.changeGroupSettings, { id: group.id, timezone: 'America/Boise' });
  const { settings } = await world.call(h.changeUserSettings, { id: user.id, timezone: 'America/Adak' });
  expect(settings.timezone).toEqual({ value: 'America/Adak', from: { level: 'user', id: user.id, name: user.name } });
  await world.call(h.changeUserSettings, { id: user.id, timezone: null });
  expect(await zone()).toEqual({ value: 'America/Boise', from: { level: 'group', id: group.id, name: group.name } });
  await world.call(h.changeGroupSettings, { id: group.id, timezone: null });
  expect((await zone()).from.level).toBe('reseller');
  await world.call(h.changeResellerSettings, { id: reseller.id, timezone: null });
  expect((await zone()).from).toEqual({ level: 'system-provider', id: provider.id, name: 'Middle' });
  await world.call(h.updateSystemProvider, { id: provider.id, timezone: null });
  expect((await zone()).from.id).toBe(top.id);
});

it('keep false, zero and none, which are values', async () => {
  const { top, provider } = await tree();
  const set = {
    trialDurationDays: 30,
    autoCreateFromClient: true,
    automaticAssignment: { UnityDesktop: 'Pro', UnityMobile: 'Standard' },
  };
  await world.call(h.changeProviderSettings, { id: top.id, ...set });
  await world.call(h.changeProviderSettings, {
    id: provider.id,
    trialDurationDays: 0,
    autoCreateFromClient: false,
    automaticAssignment: { UnityDesktop: 'none' },
  });
  const from = { level: 'system-provider', id: provider.id, name: 'Middle' };
  expect(await settingsOf('system-provider', provider.id)).toMatchObject({
    trialDurationDays: { value: 0, from },
    autoCreateFromClient: { value: false, from },
    automaticAssignment: {
      UnityDesktop: { value: 'none', from },
      UnityMobile: { value: 'Standard', from: { ...from, id: top.id, name: 'Top' } },
    },
  });
  expect(await world.call(h.getSystemProvider, { id: provider.id })).toMatchObject({ trialDurationDays: 0 });
});

it('show of nodes above the caller’s own only the level', async () => {
  const { top, provider, reseller, group, user } = await tree();
  await world.call(h.changeProviderSettings, { id: top.id, timezone: 'America/Denver', brandingReference: 'skin-1' });
  const above = { level: 'system-provider' };
  expect((await settingsOf('system-provider', provider.id, scopeOf.provider(provider.id))).timezone).toEqual({
    value: 'America/Denver',
    from: above,
  });
  await world.call(h.changeResellerSettings, { id: reseller.id, language: 'de' });
  const seen = await settingsOf('user', user.id, scopeOf.group(group));
  expect(seen.brandingReference).toEqual({ value: 'skin-1', from: above });
  expect(seen.language).toEqual({ value: 'de', from: { level: 'reseller' } });
  const { language } = await settingsOf('user', user.id, scopeOf.reseller(reseller));
  expect(language.from).toEqual({ level: 'reseller', id: reseller.id, name: reseller.name });
});

it('are changed with a version, a history entry and, for users, a fact', async () => {
  const { group, user } = await tree();
  const change = { id: user.id, version: 1, timezone: 'America/Denver' };
  expect(await world.call(h.changeUserSettings, change, scopeOf.group(group))).toMatchObject({ version: 2 });
  expect(await refusal(world.call(h.changeUserSettings, change))).toMatchObject({ code: 'version-mismatch' });
  expect(await world.call(h.changeUserSettings, { id: user.id, timezone: 'America/Denver' })).toMatchObject({
    version: 2,
  });
  const { items } = await world.call(h.listHistory, { objectId: user.id, search: 'updated' });
  expect(items.map((item) => item.changes)).toEqual([{ timezone: { from: null, to: 'America/Denver' } }]);
  expect((await world.facts(UserSavedV1, user.id)).map((fact) => fact.data.timezone)).toEqual([
    undefined,
    'America/Denver',
  ]);
});

it('are refused where they make no sense', async () => {
  const { provider } = await tree();
  const set = (body: object) => refusal(world.call(h.changeProviderSettings, { id: provider.id, ...body }));
  expect(await set({ timezone: 'Chicago' })).toMatchObject({ kind: 'invalid' });
  expect(await set({ trialDurationDays: 91 })).toMatchObject({ kind: 'invalid' });
  expect(await set({ automaticAssignment: { UnityDesktop: 'Gold' } })).toMatchObject({ code: 'unknown-license-type' });
  expect(await set({ automaticAssignment: { Unity: 'Pro' } })).toMatchObject({ code: 'unknown-application' });
});
