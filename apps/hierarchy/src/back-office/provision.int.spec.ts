import { DEVELOPMENT_KEYRING } from '@strowger/config';
import {
  hierarchyRpc as h,
  PasswordResetRequestedV1,
  PortalUserInvitedV1,
  PROVISION_OPERATIONS,
  PROVISION_PARAMETERS,
  type OperationName,
  type ParameterName,
  type ParametersOf,
} from '@strowger/contracts-hierarchy';
import { SecretBox } from '@strowger/kernel';
import { sql } from '@strowger/persistence';
import { ALERTED, PASSWORD, refusal, startHierarchy, type World } from '../hierarchy.fixtures.js';
import { backOffice, type BackOffice } from './provision.fixtures.js';

let world: World;
let office: BackOffice;
beforeAll(async () => {
  world = await startHierarchy({ OPERATOR_EMAIL: 'root@demo.example', OPERATOR_PASSWORD: PASSWORD });
});
afterAll(() => world.stop());
beforeEach(async () => {
  office = await backOffice(world);
});

/** Where a value must look like something before anything is looked up. */
const VALUES: Partial<Record<ParameterName, string>> = new Proxy(
  {
    newUserEmailAddress: 'pat@acme.example',
    newUserPassword: 'a long and rare passphrase',
    pageNumber: '1',
    pageSize: '1',
  },
  { get: (values, name) => (values as Record<string | symbol, string>)[name] ?? 'x' },
);
const PRO = { applicationName: 'UnityDesktop', licenseType: 'Pro' };
const codeOf = async <N extends OperationName>(operation: N, parameters: ParametersOf<N>): Promise<string> =>
  (await office.refused(operation, parameters)).code;

describe('system providers', () => {
  it('are added below the caller, listed, changed and deleted', async () => {
    const childHost = `child-${office.host}`;
    const child = { newSystemProviderServerHostName: childHost, newSystemProviderId: 'kid' };
    await office.call('AddSystemProvider', child);
    expect(await codeOf('AddSystemProvider', { ...child, newSystemProviderServerHostName: 'x.example' })).toBe(
      'PROVIDER_EXISTS',
    );
    expect(await codeOf('AddSystemProvider', { ...child, newSystemProviderId: 'kid2' })).toBe('HOSTNAME_IN_USE');
    const at = { serverHostName: childHost.toUpperCase() };
    await office.call('UpdateSystemProvider', {
      ...at,
      newSystemProviderName: 'The Kid',
      trialDurationDays: '7',
      useTrialLicensesUntilExpiration: 'true',
    });
    await office.call('AddServerHostName', { ...at, newServerHostName: `second-${childHost}` });
    const { systemProviders } = await office.call('GetSystemProviders', {});
    const own = office.provider.key;
    expect(systemProviders).toEqual([
      { systemProviderId: own, systemProviderName: own, parentSystemProviderId: null, serverHostNames: [office.host] },
      {
        systemProviderId: 'kid',
        systemProviderName: 'The Kid',
        parentSystemProviderId: own,
        serverHostNames: [childHost, `second-${childHost}`],
      },
    ]);
    await office.call('DeleteServerHostName', { ...at, serverHostNameToDelete: `second-${childHost}` });
    expect(await codeOf('DeleteServerHostName', { ...at, serverHostNameToDelete: childHost })).toBe(
      'LAST_SERVER_HOST_NAME',
    );
    await office.call('DeleteSystemProvider', at);
    expect(await codeOf('GetResellers', at)).toBe('PROVIDER_NOT_FOUND');
    expect(await codeOf('DeleteSystemProvider', { serverHostName: office.host })).toBe('OWN_PROVIDER');
  });

  it('refuse names in the words of the call', async () => {
    expect(
      await office.refused('AddServerHostName', { serverHostName: office.host, newServerHostName: 'not a host' }),
    ).toEqual({ code: 'PARAMETER_INVALID', message: expect.stringContaining('newServerHostName') as string });
  });
});

describe('the tree', () => {
  it('is built level by level, read and renamed', async () => {
    const { reseller, path, user } = office;
    expect(await codeOf('AddGroup', path)).toBe('RESELLER_NOT_FOUND');
    await office.call('AddReseller', { ...reseller, resellerName: 'Acme', isEnterprise: true });
    expect(await codeOf('AddReseller', { ...reseller, isEnterprise: false })).toBe('RESELLER_EXISTS');
    expect(await codeOf('AddUser', user)).toBe('GROUP_NOT_FOUND');
    await office.call('AddGroup', { ...path, groupName: 'Headquarters' });
    expect(await codeOf('AddGroup', path)).toBe('GROUP_EXISTS');
    await office.call('AddUser', { ...user, userName: 'Chris' });
    expect(await codeOf('AddUser', { ...user, broadworksUserId: 'CHRIS@acme.example' })).toBe('USER_EXISTS');

    await office.call('UpdateReseller', { ...reseller, newResellerName: '', newResellerId: 'acme2' });
    const moved = { ...reseller, resellerId: 'acme2' };
    expect(await office.call('GetResellers', { serverHostName: office.host })).toEqual({
      resellers: [{ resellerId: 'acme2', resellerName: '', isEnterprise: true }],
    });
    expect(await office.call('GetReseller', moved)).toEqual({
      reseller: { resellerId: 'acme2', resellerName: '', isEnterprise: true },
    });
    await office.call('UpdateGroup', { ...moved, groupId: 'hq', newGroupName: 'Head office', newGroupId: 'ho' });
    const group = { ...moved, groupId: 'ho' };
    expect(await office.call('GetGroup', group)).toEqual({
      group: { resellerId: 'acme2', groupId: 'ho', groupName: 'Head office' },
    });
    await office.call('AddGroup', { ...moved, groupId: 'branch' });
    expect((await office.call('GetGroups', moved)).groups.map(({ groupId }) => groupId)).toEqual(['branch', 'ho']);

    const chris = { ...group, broadworksUserId: 'Chris@Acme.example' };
    await office.call('UpdateUser', { ...chris, newUserName: 'Chris T', newBroadworksUserId: 'ct@acme.example' });
    await office.call('UpdateUser', { ...group, broadworksUserId: 'ct@acme.example', newGroupId: 'branch' });
    const branch = { ...moved, groupId: 'branch' };
    expect(await office.call('GetUser', { ...branch, broadworksUserId: 'ct@acme.example' })).toEqual({
      user: { ...{ resellerId: 'acme2', groupId: 'branch' }, broadworksUserId: 'ct@acme.example', userName: 'Chris T' },
    });
    expect(await codeOf('GetUser', { ...group, broadworksUserId: 'ct@acme.example' })).toBe('USER_NOT_FOUND');
    await office.call('DeleteUser', { ...branch, broadworksUserId: 'ct@acme.example' });
    expect(await office.call('GetUsers', branch)).toMatchObject({ users: [], hasMore: false });
    await office.call('DeleteGroup', group);
    await office.call('DeleteReseller', moved);
    expect(await codeOf('GetReseller', moved)).toBe('RESELLER_NOT_FOUND');
  });

  it('is made with its first user in one call that may be repeated, also at once', async () => {
    const user = { ...office.user, resellerName: 'Acme', groupName: 'HQ', userName: 'Chris' };
    const others = Array.from({ length: 20 }, (_, n) => ({ ...user, broadworksUserId: `u${n}@acme.example` }));
    await Promise.all([user, user, ...others].map((one) => office.call('AddUserWithHierarchy', one)));
    await office.call('AddUserWithHierarchy', { ...user, resellerName: 'Other' });
    const { resellers } = await office.call('GetResellers', { serverHostName: office.host });
    expect(resellers).toEqual([{ resellerId: 'acme', resellerName: 'Acme', isEnterprise: false }]);
    expect(await codeOf('AddUserWithHierarchy', { ...user, groupId: 'other' })).toBe('USER_IN_OTHER_GROUP');
    expect(await office.refused('AddUserWithHierarchy', { ...user, broadworksUserId: 'nodomain' })).toMatchObject({
      code: 'PARAMETER_INVALID',
      message: expect.stringContaining('broadworksUserId') as string,
    });
    const page = (pageNumber: string) => office.call('GetUsers', { ...office.path, pageNumber, pageSize: '15' });
    const [first, second] = [await page('1'), await page('2')];
    expect([first.users.length, first.hasMore, second.users.length, second.hasMore]).toEqual([15, true, 6, false]);
  });
});

describe('licenses', () => {
  beforeEach(async () => {
    await office.call('AddUserWithHierarchy', office.user);
    await world.given.purchase(office.provider.id, 'UnityDesktop', 'Pro', 5);
  });
  const held = async () => (await office.call('GetUserLicenses', office.user)).licenses;

  it('are assigned once, listed and taken away', async () => {
    const license = { ...office.user, ...PRO };
    await Promise.all([license, license, license].map((one) => office.call('AddUserLicense', one)));
    const at = world.clock.now().toISOString();
    expect(await held()).toEqual([{ ...PRO, isTrial: false, assignedDate: at, expiryDate: null }]);
    expect(await office.call('GetSystemProviderLicenses', { serverHostName: office.host })).toEqual({
      licenses: [{ ...PRO, isUnlimited: false, purchased: 5, committed: 1, used: 1, free: 4, expiryDate: null }],
    });
    await office.call('DeleteUserLicense', license);
    await office.call('DeleteUserLicense', license);
    expect(await held()).toEqual([]);
    await office.call('AddUserLicense', license);
    await office.call('DeleteUserLicenses', office.user);
    await office.call('DeleteUserLicenses', office.user);
    expect(await held()).toEqual([]);
  });

  it('are kept when there is none left, and refused to the next', async () => {
    await world.given.purchase(office.provider.id, 'UnityDesktop', 'Pro', 1);
    await office.call('AddUserLicense', { ...office.user, ...PRO });
    await office.call('AddUserLicense', { ...office.user, ...PRO });
    const next = { ...office.user, broadworksUserId: 'next@acme.example' };
    await office.call('AddUserWithHierarchy', next);
    expect(await codeOf('AddUserLicense', { ...next, ...PRO })).toBe('INSUFFICIENT_PROVIDER_LICENSES');
  });

  it.each([
    ['UnityDesktop', 'Standard', 'UNKNOWN_LICENSE_TYPE'],
    ['unitydesktop', 'Pro', 'UNKNOWN_APPLICATION'],
    ['UnityDashboard', 'Tabular100 ', 'UNKNOWN_LICENSE_TYPE'],
  ])('%s %j is %s', async (applicationName, licenseType, code) => {
    const product = { applicationName, licenseType };
    for (const operation of ['AddUserLicense', 'DeleteUserLicense'] as const)
      expect(await codeOf(operation, { ...office.user, ...product })).toBe(code);
    const sub = { ...office.reseller, ...product, numberOfLicenses: 1 };
    expect(await codeOf('AddResellerLicenseSubPurchase', sub)).toBe(code);
  });

  it('are sub-purchased by resellers and groups', async () => {
    const { reseller, path } = office;
    await office.call('AddResellerLicenseSubPurchase', { ...reseller, ...PRO, numberOfLicenses: 3 });
    await office.call('AddGroupLicenseSubPurchase', { ...path, ...PRO, numberOfLicenses: 1 });
    await office.call('AddGroupLicenseSubPurchase', { ...path, ...PRO, numberOfLicenses: 1 });
    await office.call('AddUserLicense', { ...office.user, ...PRO });
    expect(await office.call('GetResellerLicenseSubPurchases', reseller)).toEqual({
      subPurchases: [{ ...PRO, numberOfLicenses: 3, committed: 2, used: 1, free: 1 }],
    });
    expect(await office.call('GetGroupLicenseSubPurchases', path)).toEqual({
      subPurchases: [{ ...PRO, numberOfLicenses: 2, committed: 1, used: 1, free: 1 }],
    });
    expect(await codeOf('AddGroupLicenseSubPurchase', { ...path, ...PRO, numberOfLicenses: 2 })).toBe(
      'INSUFFICIENT_RESELLER_LICENSES',
    );
    expect(await codeOf('AddResellerLicenseSubPurchase', { ...reseller, ...PRO, numberOfLicenses: 3 })).toBe(
      'INSUFFICIENT_PROVIDER_LICENSES',
    );
    expect(await office.refused('AddResellerLicenseSubPurchase', { ...reseller, ...PRO, numberOfLicenses: 0 })).toEqual(
      {
        code: 'PARAMETER_INVALID',
        message: expect.stringContaining('numberOfLicenses') as string,
      },
    );
    await office.call('UpdateResellerLicenseSubPurchase', { ...reseller, ...PRO, numberOfLicenses: 2 });
    expect(await codeOf('UpdateGroupLicenseSubPurchase', { ...path, ...PRO, numberOfLicenses: 0 })).toBe(
      'QUANTITY_BELOW_COMMITTED',
    );
    await office.call('DeleteGroupLicenseSubPurchase', { ...path, ...PRO });
    await office.call('DeleteResellerLicenseSubPurchase', { ...reseller, ...PRO });
    expect(await codeOf('DeleteResellerLicenseSubPurchase', { ...reseller, ...PRO })).toBe('SUB_PURCHASE_NOT_FOUND');
  });

  it('have a catalog', async () => {
    expect((await office.call('GetLicenseTypes', {})).licenseTypes).toHaveLength(29);
  });

  it('are read for a crowd at once, each caller its own', async () => {
    const foreign = await backOffice(world);
    await foreign.call('AddUserWithHierarchy', foreign.user);
    await office.call('AddUserLicense', { ...office.user, ...PRO });
    const calls = Array.from({ length: 300 }, (_, n) =>
      n % 3 === 0
        ? office.call('GetUserLicenses', office.user).then(({ licenses }) => licenses.length)
        : n % 3 === 1
          ? foreign.call('GetUserLicenses', foreign.user).then(({ licenses }) => licenses.length)
          : foreign.refused('GetUserLicenses', office.user).then(({ code }) => code),
    );
    const answers = await Promise.all(calls);
    expect(new Set(answers.filter((_, n) => n % 3 === 0))).toEqual(new Set([1]));
    expect(new Set(answers.filter((_, n) => n % 3 === 1))).toEqual(new Set([0]));
    expect(new Set(answers.filter((_, n) => n % 3 === 2))).toEqual(new Set(['PROVIDER_NOT_FOUND']));
  });
});

describe('portal users', () => {
  const account = {
    newUserName: 'pat',
    newUserEmailAddress: 'pat@acme.example',
    newUserPassword: 'a long and rare passphrase',
    newUserIsAgent: true,
  };

  it('are added at each level, listed, changed and deleted', async () => {
    const suffix = office.provider.id;
    const at = (level: string) => ({
      ...account,
      newUserName: `pat-${level}`,
      newUserEmailAddress: `pat-${level}-${suffix}@acme.example`,
    });
    await office.call('AddUserWithHierarchy', office.user);
    await office.call('AddPortalUser', { serverHostName: office.host, ...at('provider') });
    await office.call('AddPortalUser', { ...office.reseller, ...at('reseller'), newUserGroupId: '' });
    await office.call('AddPortalUser', {
      ...office.reseller,
      newUserGroupId: 'hq',
      ...at('group'),
      newUserTimezone: 'Europe/Paris',
    });
    expect(await codeOf('AddPortalUser', { ...office.reseller, ...at('reseller') })).toBe('PORTAL_USER_EXISTS');
    // A group without its reseller would be a guess.
    const guess = { serverHostName: office.host, newUserGroupId: 'hq', ...at('nowhere') };
    expect(await codeOf('AddPortalUser', guess)).toBe('PARAMETER_MISSING');

    const lists = [{ serverHostName: office.host }, office.reseller, office.path];
    const found = await Promise.all(lists.map((level) => office.call('GetPortalUsers', level)));
    expect(found.map(({ portalUsers }) => portalUsers.map((user) => [user.portalUserName, user.isAgent]))).toEqual([
      [['pat-provider', false]],
      // Agents are of groups and enterprises, and this reseller is a service provider.
      [['pat-reseller', false]],
      [['pat-group', true]],
    ]);
    await office.call('UpdatePortalUser', {
      ...office.path,
      portalUserName: 'PAT-group',
      newPortalUserName: 'pam',
      newIsAgent: 'true',
      newUserTimezone: '',
    });
    expect((await office.call('GetPortalUsers', office.path)).portalUsers).toEqual([
      expect.objectContaining({ portalUserName: 'pam', isAgent: true, isLocked: false, lastSuccessfulLogin: null }),
    ]);
    await office.call('DeletePortalUser', { ...office.path, portalUserName: `pat-group-${suffix}@acme.example` });
    expect(await codeOf('DeletePortalUser', { ...office.path, portalUserName: 'pam' })).toBe('PORTAL_USER_NOT_FOUND');
  });

  it('are given a password, an e-mail address or a role by people only', async () => {
    const person = { ...account, newUserEmailAddress: `kept-${office.provider.id}@acme.example` };
    const at = { serverHostName: office.host };
    await office.call('AddPortalUser', { ...at, ...person });
    await office.call('AddUserWithHierarchy', office.user);
    const agent = { ...person, newUserName: 'agent', newUserEmailAddress: `agent-${person.newUserEmailAddress}` };
    await office.call('AddPortalUser', { ...office.reseller, newUserGroupId: 'hq', ...agent });
    for (const [operation, given] of [
      ['UpdatePortalUser', { ...at, portalUserName: 'pat', newUserPassword: 'another long passphrase' }],
      ['UpdatePortalUser', { ...at, portalUserName: 'pat', newUserEmailAddress: 'thief@acme.example' }],
      ['UpdatePortalUser', { ...office.path, portalUserName: 'agent', newIsAgent: 'false' }],
    ] as const)
      expect(await codeOf(operation, given)).toBe('PORTAL_USER_NEEDED');
  });

  it('are invited by mail, and those who receive alerts are notified; a switch ends it', async () => {
    const { id: systemProviderId } = office.provider;
    const email = `new-${systemProviderId}@acme.example`;
    const alerted = await world.given.portalUser(systemProviderId, { notifications: ALERTED });
    const given = { serverHostName: office.host, ...account, newUserEmailAddress: email };
    await office.call('AddPortalUser', given);
    const { id } = (await world.call(h.listPortalUsers, { search: email })).items[0]!;
    const signIn = (password: string) => world.call(h.signIn, { email, password });
    expect(await refusal(signIn(account.newUserPassword))).toMatchObject({ code: 'invalid-credentials' });
    const [invitation] = await world.facts(PortalUserInvitedV1, id);
    expect(invitation!.data).toMatchObject({
      ...{ email, level: 'system-provider', role: 'administrator', invitedBy: office.interfaceUser.userName },
      recipients: [{ email: alerted.email }],
    });
    const [mailed] = await world.db.query(
      sql<{ event: string }>`select event from outbox where type = ${PasswordResetRequestedV1.type}
        and event::text like ${`%${id}%`}`,
    );
    const { resetId, sealedToken, invitedBy } = (JSON.parse(mailed!.event) as { data: PasswordResetRequestedV1 }).data;
    expect(invitedBy).toBe(office.interfaceUser.userName);
    const token = SecretBox.fromKeyring(DEVELOPMENT_KEYRING).open(sealedToken, `password-reset:${resetId}`);
    await world.call(h.confirmPasswordReset, { token, newPassword: 'chosen by themselves' });
    expect(await signIn('chosen by themselves')).toMatchObject({ principal: { portalUserId: id } });

    await world.call(h.changeProviderSettings, { id: systemProviderId, inviteFromBackOffice: false });
    const other = { ...given, newUserName: 'other', newUserEmailAddress: `other-${email}` };
    expect(await codeOf('AddPortalUser', other)).toBe('INVITATIONS_OFF');
    expect((await world.call(h.listPortalUsers, { search: `other-${email}` })).items).toEqual([]);
  });

  it('are reported to the operators where nobody at the system provider is notified', async () => {
    const email = `silent-${office.provider.id}@acme.example`;
    await office.call('AddPortalUser', { serverHostName: office.host, ...account, newUserEmailAddress: email });
    const { id } = (await world.call(h.listPortalUsers, { search: email })).items[0]!;
    const [invitation] = await world.facts(PortalUserInvitedV1, id);
    expect(invitation!.data.recipients).toMatchObject([{ email: 'root@demo.example' }]);
  });

  it.each([
    ['newUserPassword', 'short'],
    ['newUserEmailAddress', 'nowhere'],
    ['newUserTimezone', 'Mars/Base'],
  ])('are refused with a bad %s', async (name, value) => {
    const given = { serverHostName: office.host, ...account, [name]: value };
    const refused = await office.refused('AddPortalUser', given);
    expect(refused).toEqual({ code: 'PARAMETER_INVALID', message: expect.stringContaining(name) as string });
    expect(refused.message).not.toContain('short');
  });
});

describe('the contact centre', () => {
  it('is given who asks and what is meant', async () => {
    await office.call('AddUserWithHierarchy', office.user);
    const portalUser = {
      newUserName: 'agent',
      newUserEmailAddress: `agent-${office.provider.id}@acme.example`,
      newUserPassword: 'a long and rare passphrase',
      newUserIsAgent: false,
    };
    await office.call('AddPortalUser', { ...office.reseller, ...portalUser });
    const ids = { systemProviderId: office.provider.id, resellerId: expect.any(String) as string };
    const { target } = await office.send('AddQueue', { ...office.reseller, groupId: '', queueName: 'Sales' });
    expect(target).toEqual({
      ...ids,
      scope: expect.objectContaining({ level: 'system-provider', id: office.provider.id }) as object,
      actor: expect.objectContaining({ kind: 'interface-user', id: office.interfaceUser.id }) as object,
    });
    const inGroup = (await office.send('GetQueues', office.path)).target;
    expect(inGroup).toMatchObject({ ...ids, groupId: expect.any(String) as string });
    const agent = { ...office.path, portalUserName: 'agent' };
    expect((await office.send('AddGroupAgentAssociation', agent)).target).toMatchObject({
      portalUserId: expect.any(String) as string,
    });
    const { portalUserNames } = (await office.send('GetGroupAgentAssociations', office.path)).target!;
    expect(Object.values(portalUserNames!)).toEqual(['agent']);
    expect(await codeOf('AddQueue', { ...office.path, groupId: 'none', queueName: 'Sales' })).toBe('GROUP_NOT_FOUND');
    expect(await codeOf('AddGroupAgentAssociation', { ...agent, portalUserName: 'nobody' })).toBe(
      'PORTAL_USER_NOT_FOUND',
    );
  });
});

describe('the door', () => {
  it('lets in whom Ping lets in, and locks on the first wrong password', async () => {
    await office.send('Ping', {});
    expect(await office.refused('Ping', {}, { address: '203.0.113.9' })).toMatchObject({ code: 'IP_NOT_ALLOWED' });
    const wrong = await office.refused('Ping', {}, { password: 'wrong password' });
    const locked = await office.refused('Ping', {});
    expect([wrong.code, locked]).toEqual(['AUTH_FAILED', wrong]);
    const { locked: isLocked } = await world.call(h.getInterfaceUser, { id: office.interfaceUser.id });
    expect(isLocked).toBe(true);
  });

  const naming = Object.entries(PROVISION_OPERATIONS)
    .filter(([, { params }]) => (params as readonly string[]).includes('serverHostName'))
    .map(([operation]) => operation as OperationName);

  it.each(naming)('answers %s the same for a provider above, beside or nowhere', async (operation) => {
    const above = await backOffice(world);
    const own = await backOffice(world, above.provider);
    const beside = await backOffice(world, above.provider);
    const sent = Object.fromEntries(
      PROVISION_OPERATIONS[operation].params.map((line) => {
        const name = line.replace('?', '') as ParameterName;
        const { type } = PROVISION_PARAMETERS[name];
        return [name, type === 'int' ? 1 : type === 'boolean' ? true : VALUES[name]];
      }),
    );
    for (const serverHostName of [above.host, beside.host, 'nowhere.example'])
      expect(await own.refused(operation, { ...sent, serverHostName } as never)).toEqual({
        code: 'PROVIDER_NOT_FOUND',
        message: expect.stringContaining(serverHostName) as string,
      });
  });

  it('shows no other provider, whatever is asked; a child it shows', async () => {
    const foreign = await backOffice(world);
    await foreign.call('AddUserWithHierarchy', foreign.user);
    const child = await backOffice(world, office.provider);
    await child.call('AddUserWithHierarchy', child.user);
    expect(await codeOf('GetUser', foreign.user)).toBe('PROVIDER_NOT_FOUND');
    expect(await codeOf('AddUserLicense', { ...foreign.user, ...PRO })).toBe('PROVIDER_NOT_FOUND');
    expect((await office.call('GetUser', child.user)).user).toMatchObject({ broadworksUserId: 'chris@acme.example' });
    expect((await child.refused('GetResellers', { serverHostName: office.host })).code).toBe('PROVIDER_NOT_FOUND');
  });
});
