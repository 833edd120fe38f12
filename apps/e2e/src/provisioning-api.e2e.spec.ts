import { ClientSocket, PortalApi, until } from '@strowger/api-client';
import type {
  ApiKeyWithSecret,
  DeletionPreview,
  GroupView,
  InterfaceUserView,
  LicenseGrantView,
  LicenseView,
  LoginHistoryView,
  PortalUserView,
  ResellerView,
  SystemProviderView,
  TrialView,
  UserView,
} from '@strowger/contracts-hierarchy';
import type { NumberView, OperationView } from '@strowger/contracts-provisioning';
import type { AgentView, MediaStreamView, QueueView } from '@strowger/contracts-routing';
import type { Page } from '@strowger/kernel';
import { AGENT, atOnce, HOST, PRO, Provisioned } from './provisioning.fixtures.js';
import type { BackOffice, Fields } from './soap.fixtures.js';
import { mailsTo } from './security.fixtures.js';
import { e2e, MINUTES } from './world.fixtures.js';

const stack = e2e('provisioning-api', 21_500);
const SEATS = 50;
const CALLERS = 200;

let its: Provisioned;
let admin: PortalApi;
let backOffice: BackOffice;

/** A group, as the back office names it. */
const place = (resellerId: string, groupId = 'hq') => ({ resellerId, groupId });
const BY_ROBOT = { actorKind: 'interface-user', actorName: 'robot.main' };

describe('the provisioning API', () => {
  beforeAll(async () => {
    await stack.world.settleIn({ number: false });
    its = await Provisioned.enter(stack.world);
    ({ admin, backOffice } = its);
    await its.purchase(PRO, 100);
    await its.purchase(AGENT, SEATS);
  }, 3 * MINUTES);

  stack.holds('lets the back office in that the operator made, by each binding, and nobody else', async (world) => {
    for (const binding of ['SOAP11', 'SOAP12', 'FORM'] as const) {
      const reply = await backOffice.must('Ping', {}, binding);
      expect([binding, reply.contentType]).toEqual([
        binding,
        binding === 'SOAP12' ? 'application/soap+xml; charset=utf-8' : 'text/xml; charset=utf-8',
      ]);
    }
    const mine = { userName: 'robot.mine', email: 'mine@backoffice.example' };
    expect(await admin.refusal(admin.post(`${its.provider}/interface-users`, mine))).toMatchObject({ status: 403 });
    const { items } = await admin.get<Page<LoginHistoryView>>(`/v1/interface-users/${its.robot.id}/login-history`);
    expect(new Set(items.map(({ outcome, address }) => `${outcome} ${address}`))).toEqual(
      new Set(['SUCCESS 127.0.0.1']),
    );
    // It is a login of this door only.
    const { loginUserName, loginPassword } = backOffice.login;
    const portal = PortalApi.signIn(world.addresses.gatewayUrl, `${loginUserName}@backoffice.example`, loginPassword);
    expect(await admin.refusal(portal)).toMatchObject({ status: 401 });
  });

  stack.holds('makes a user with everything above it, which the portal sees at once, and who made it', async () => {
    const chris: Fields = {
      ...{ ...place('acme'), resellerName: 'Acme & Söhne', groupName: 'Head <quarters>' },
      ...{ broadworksUserId: 'chris@acme.example', userName: 'Chris Tutt' },
    };
    await backOffice.must('AddUserWithHierarchy', chris);
    const user = (await its.user('chris@acme.example'))!;
    const [reseller] = await its.resellers('acme');
    expect(reseller).toMatchObject({ name: 'Acme & Söhne', kind: 'service-provider' });
    expect(await admin.get(`/v1/groups/${user.groupId}`)).toMatchObject({ key: 'hq', name: 'Head <quarters>' });
    expect(user.name).toBe('Chris Tutt');
    for (const [kind, id] of [
      ['reseller', user.resellerId],
      ['group', user.groupId],
      ['user', user.id],
    ])
      expect(await its.history(`objectId=${id}`)).toEqual([
        expect.objectContaining({ ...BY_ROBOT, action: 'created', objectKind: kind, ip: '127.0.0.1' }),
      ]);
    // Again, with other names and other capitals: nothing changes, and no fact says that something did.
    await backOffice.must('AddUserWithHierarchy', { ...chris, resellerName: 'Other' }, 'FORM');
    await backOffice.must('AddUserWithHierarchy', { ...chris, broadworksUserId: 'CHRIS@acme.example' }, 'SOAP12');
    expect(await its.resellers('acme')).toEqual([reseller]);
    expect(await admin.get(`/v1/users/${user.id}`)).toEqual(user);
    expect(await its.history(`objectId=${user.id}`)).toHaveLength(1);
    const elsewhere = await backOffice.call('AddUserWithHierarchy', { ...chris, groupId: 'branch' });
    expect(elsewhere).toMatchObject({ status: 200, success: false, errorCode: 'USER_IN_OTHER_GROUP' });
    expect(await its.group('acme', 'branch')).toBeUndefined();
  });

  stack.holds('hands out licenses within sub-purchases and takes them back', async () => {
    await backOffice.must('AddUserWithHierarchy', { ...place('licensed'), broadworksUserId: 'one@licensed.example' });
    await backOffice.must('AddUserWithHierarchy', { ...place('licensed'), broadworksUserId: 'two@licensed.example' });
    const group = await its.group('licensed', 'hq');
    const before = await its.pool(PRO);
    await backOffice.must('AddResellerLicenseSubPurchase', { resellerId: 'licensed', ...PRO, numberOfLicenses: 2 });
    await backOffice.must('AddGroupLicenseSubPurchase', { ...place('licensed'), ...PRO, numberOfLicenses: 1 });
    expect(await its.pool(PRO)).toMatchObject({ committed: before.committed + 2, free: before.free! - 2 });
    const tooMany = { ...place('licensed'), ...PRO, numberOfLicenses: 2 };
    expect(await backOffice.call('AddGroupLicenseSubPurchase', tooMany)).toMatchObject({
      ...{ success: false, errorCode: 'INSUFFICIENT_RESELLER_LICENSES' },
    });

    const [one, two] = [
      { ...place('licensed'), broadworksUserId: 'one@licensed.example' },
      { ...place('licensed'), broadworksUserId: 'two@licensed.example' },
    ] as const;
    await backOffice.must('AddUserLicense', { ...one, ...PRO });
    await backOffice.must('AddUserLicense', { ...one, ...PRO }, 'FORM');
    expect(await backOffice.call('AddUserLicense', { ...two, ...PRO }, 'FORM')).toMatchObject({
      ...{ status: 200, success: false, errorCode: 'INSUFFICIENT_GROUP_LICENSES' },
    });
    const user = (await its.user('one@licensed.example'))!;
    const [license] = await admin.get<LicenseView[]>(`/v1/users/${user.id}/licenses`);
    const shown = (await backOffice.must('GetUserLicenses', one, 'SOAP12')).rows('UserLicense');
    expect(shown).toEqual([{ ...PRO, isTrial: 'false', assignedDate: license!.assignedAt }]);
    expect(await its.groupLicenses(group!, PRO)).toMatchObject({ subPurchased: 1, used: 1, free: 0 });
    for (const { id } of [group!, { id: group!.resellerId }])
      expect(await its.recorded(id, 'sub-purchase-set')).toMatchObject(BY_ROBOT);
    expect(await its.history(`objectId=${user.id}&action=license-assigned`)).toEqual([
      expect.objectContaining(BY_ROBOT),
    ]);
    expect((await its.user('one@licensed.example'))!.messagingEntitled).toBe(true);

    await backOffice.must('DeleteUserLicense', { ...one, ...PRO });
    await backOffice.must('DeleteUserLicense', { ...one, ...PRO });
    expect((await backOffice.must('GetUserLicenses', one)).rows('UserLicense')).toEqual([]);
    expect(await its.groupLicenses(group!, PRO)).toMatchObject({ used: 0, free: 1 });
    await backOffice.must('AddUserLicense', { ...two, ...PRO });
    await backOffice.must('DeleteUser', two);
    expect(await its.groupLicenses(group!, PRO)).toMatchObject({ used: 0, free: 1 });
    expect(await backOffice.call('GetUserLicenses', two)).toMatchObject({ errorCode: 'USER_NOT_FOUND' });
  });

  stack.holds('one new reseller comes of fifty calls at once that all need it', async () => {
    const replies = await atOnce(50, (at) =>
      backOffice.call('AddUserWithHierarchy', {
        ...{ ...place('rush', `team-${at % 3}`), resellerName: 'Rush', broadworksUserId: `u${at}@rush.example` },
      }),
    );
    expect(replies.filter(({ success }) => !success).map(({ text }) => text)).toEqual([]);
    const [reseller, ...others] = await its.resellers('rush');
    expect(others).toEqual([]);
    const groups = await admin.get<Page<GroupView>>(`/v1/resellers/${reseller!.id}/groups`);
    expect(groups.items.map(({ key }) => key).sort()).toEqual(['team-0', 'team-1', 'team-2']);
    const users = await admin.get<Page<UserView>>('/v1/users?search=@rush.example&limit=200');
    expect(users.items).toHaveLength(50);
    expect(await its.history(`objectId=${reseller!.id}`)).toHaveLength(1);
  });

  stack.holds('of two hundred who ask at once for fifty seats, fifty get one', async (world) => {
    const of = (at: number) => ({ ...place('crowd'), broadworksUserId: `u${at}@crowd.example` });
    for (let from = 0; from < CALLERS; from += 50)
      await atOnce(50, (at) => backOffice.must('AddUserWithHierarchy', of(from + at)));
    const replies = await atOnce(CALLERS, (at) => backOffice.call('AddUserLicense', { ...of(at), ...AGENT }));
    const refused = replies.filter(({ success }) => !success);
    expect([replies.length - refused.length, ...new Set(refused.map(({ errorCode }) => errorCode))]).toEqual([
      ...[SEATS, 'INSUFFICIENT_PROVIDER_LICENSES'],
    ]);
    expect(await its.pool(AGENT)).toMatchObject({ purchased: SEATS, committed: SEATS, used: SEATS, free: 0 });
    // Anyone who has a seat keeps it, full or not.
    const lucky = replies.findIndex(({ success }) => success);
    await backOffice.must('AddUserLicense', { ...of(lucky), ...AGENT });
    expect(await world.licenseDifferences()).toEqual([]);
  });

  stack.holds('keeps queues, media streams and agents, as the portal shows them', async (world) => {
    await backOffice.must('AddUserWithHierarchy', { ...place('contact'), broadworksUserId: 'a@contact.example' });
    const { id: groupId, resellerId } = (await its.group('contact', 'hq'))!;
    const queue = { ...place('contact'), queueName: 'Sales' };
    await backOffice.must('AddQueue', queue);
    await backOffice.must('AddQueue', { resellerId: 'contact', queueName: 'Sales' });
    expect(await backOffice.call('AddQueue', queue)).toMatchObject({ success: false, errorCode: 'QUEUE_EXISTS' });
    const number = world.phone();
    const stream = { ...queue, mediaStreamName: 'Texts', mediaStreamType: 'SMS' };
    expect(await backOffice.call('AddMediaStream', stream)).toMatchObject({ success: false });
    await backOffice.must('AddMediaStream', { ...stream, number });
    const [shown] = (await admin.get<Page<QueueView>>(`/v1/groups/${groupId}/queues`)).items;
    const streams = await admin.get<Page<MediaStreamView>>(`/v1/queues/${shown!.id}/media-streams`);
    expect(streams.items).toEqual([
      expect.objectContaining({ name: 'Texts', type: 'SMS', number: `+1${number}`, groupId, resellerId }),
    ]);
    expect((await backOffice.must('GetMediaStreams', queue)).rows('MediaStream')).toEqual([
      { queueName: 'Sales', mediaStreamName: 'Texts', mediaStreamType: 'SMS', number: `+1${number}` },
    ]);

    const person = {
      ...{ newUserName: 'dana', newUserEmailAddress: 'dana@contact.example', newUserIsAgent: false },
      newUserPassword: 'Velvet-tram-7-orchard',
    };
    await backOffice.must('AddPortalUser', { resellerId: 'contact', ...person });
    // The password of the call is not kept: the person chooses one by the mailed link.
    const token = await until('the invitation', async () => {
      const mails = (await mailsTo(world.stack, person.newUserEmailAddress)) as { text: string }[];
      return mails.map(({ text }) => /Token: ([\w-]{20,})/.exec(text)?.[1]).find(Boolean);
    });
    await admin.post('/v1/password-resets/confirm', { token, newPassword: person.newUserPassword });
    const dana = await PortalApi.signIn(
      ...([world.addresses.gatewayUrl, person.newUserEmailAddress, person.newUserPassword] as const),
    );
    expect((await dana.get<Page<ResellerView>>('/v1/resellers')).items.map(({ key }) => key)).toEqual(['contact']);
    const agent = { ...place('contact'), portalUserName: 'dana' };
    await backOffice.must('AddGroupAgentAssociation', agent);
    const agents = await admin.get<Page<AgentView>>(`/v1/groups/${groupId}/agents`);
    expect(agents.items).toEqual([expect.objectContaining({ email: person.newUserEmailAddress })]);
    const made = [shown!.id, streams.items[0]!.id, agents.items[0]!.portalUserId, agents.items[0]!.id];
    for (const id of made) expect(await its.recorded(id, 'created')).toMatchObject(BY_ROBOT);

    await backOffice.must('DeleteGroupAgentAssociation', agent);
    await backOffice.must('DeleteMediaStream', stream);
    await backOffice.must('DeleteQueue', queue);
    await backOffice.must('DeletePortalUser', { resellerId: 'contact', portalUserName: 'dana' });
    expect((await admin.get<Page<QueueView>>(`/v1/groups/${groupId}/queues`)).items).toEqual([]);
    expect((await admin.get<Page<AgentView>>(`/v1/groups/${groupId}/agents`)).items).toEqual([]);
    expect((await admin.get<Page<PortalUserView>>('/v1/portal-users?search=dana')).items).toEqual([]);
    for (const id of made) expect(await its.recorded(id, 'deleted')).toMatchObject(BY_ROBOT);
    await until('the session ending', async () => {
      const refused = await dana.get('/v1/resellers').catch((error: unknown) => error);
      return String(refused).includes('401');
    });
  });

  stack.holds(
    'a deleted group ends with its numbers released at the carrier, and the operation says so',
    async (world) => {
      const { account } = world.tenant;
      const user = { ...place('leaving'), broadworksUserId: 'u@leaving.example' };
      await backOffice.must('AddUserWithHierarchy', user);
      await backOffice.must('AddUserLicense', { ...user, ...PRO });
      const { id, groupId } = (await its.user('u@leaving.example'))!;
      const numbers = [await world.activeNumber(id), await world.activeNumber(id)];
      await backOffice.must('AddQueue', { ...place('leaving'), queueName: 'Sales' });
      await backOffice.must('AddMediaStream', {
        ...{ ...place('leaving'), queueName: 'Sales', mediaStreamName: 'Texts', mediaStreamType: 'SMS' },
        number: world.phone(),
      });
      const [queue] = (await admin.get<Page<QueueView>>(`/v1/groups/${groupId}/queues`)).items;
      expect(await admin.get<DeletionPreview>(`/v1/groups/${groupId}/deletion`)).toMatchObject({
        ...{ users: 1, licenses: 1, numbers: 2, queues: 1, portalUsers: 0 },
      });
      const before = await its.pool(PRO);

      // The carrier takes its time: the call does not wait for it, the operation does.
      const fault = { carrier: 'restcomm', match: { path: 'numbers.delete', accountSid: account.sid } } as const;
      await world.twins.addFault({ ...fault, do: 'timeout-before', times: 1 });
      await backOffice.must('DeleteGroup', place('leaving'));
      expect(await its.pool(PRO)).toMatchObject({ used: before.used - 1, free: before.free! + 1 });
      expect(await admin.refusal(admin.get(`/v1/groups/${groupId}`))).toMatchObject({ code: 'GROUP_NOT_FOUND' });
      expect(await admin.refusal(admin.get(`/v1/users/${id}`))).toMatchObject({ code: 'USER_NOT_FOUND' });
      const running = await admin.get<OperationView>(`/v1/operations/${groupId}`);
      expect(running).toMatchObject({ kind: 'delete-group', state: 'running', subjectId: groupId });
      await until(
        'the end of the deletion',
        async () => (await admin.get<OperationView>(`/v1/operations/${groupId}`)).state === 'succeeded',
        2 * MINUTES,
      );
      for (const { number, id: numberId } of numbers) {
        expect(await world.twins.numbers({ accountSid: account.sid, phone: number })).toEqual([]);
        expect((await admin.get<NumberView>(`/v1/numbers/${numberId}`)).state).toBe('released');
      }
      await until('the queue going', async () =>
        admin.get(`/v1/queues/${queue!.id}`).then(
          () => false,
          (error: unknown) => String(error).includes('QUEUE_NOT_FOUND'),
        ),
      );
      for (const object of [id, groupId, queue!.id])
        expect(await its.recorded(object, 'deleted')).toMatchObject(BY_ROBOT);
      const again = await backOffice.call('DeleteGroup', place('leaving'));
      expect(again).toMatchObject({ success: false, errorCode: 'GROUP_NOT_FOUND' });
      // The id is free: what comes now is somebody else.
      await backOffice.must('AddUserWithHierarchy', user);
      expect((await its.user('u@leaving.example'))!.id).not.toBe(id);
      await world.booksAgree();
    },
  );

  stack.holds('the first wrong password locks; it is mailed, and only an administrator unlocks', async (world) => {
    const { made, caller } = await its.anotherRobot(world.tenant.provider.id, 'careless', HOST);
    await caller.must('Ping');
    const wrong = await caller.but({ loginPassword: 'Not-the-password-9' }).call('Ping');
    expect(wrong).toMatchObject({ status: 200, success: false, errorCode: 'AUTH_FAILED' });
    // Right, and remembered as right a moment ago: it is locked all the same, and the answer does not say why.
    expect((await caller.call('Ping')).text).toBe(wrong.text);
    const path = `/v1/interface-users/${made.id}`;
    expect(await admin.get<InterfaceUserView>(path)).toMatchObject({ locked: true, lockReason: 'bad-password' });
    const { items } = await admin.get<Page<LoginHistoryView>>(`${path}/login-history`);
    expect(items.map(({ outcome, address }) => [outcome, address])).toEqual([
      ...[
        ['LOCKED', '127.0.0.1'],
        ['BAD_PASSWORD', '127.0.0.1'],
        ['SUCCESS', '127.0.0.1'],
      ],
    ]);
    await until('the mail', async () =>
      (await world.tenant.mail()).some(({ text }) => text.includes('robot.careless')),
    );

    const key = await admin.post<ApiKeyWithSecret>('/v1/api-keys', {
      ...{ level: 'system-provider', nodeId: world.tenant.provider.id, name: 'Robots', permissions: ['write'] },
    });
    const byKey = await admin.refusal(admin.as(key.key).post(`${path}/unlock`));
    expect(byKey).toMatchObject({ status: 403, code: 'PORTAL_USER_NEEDED' });
    await admin.post(`${path}/unlock`);
    await caller.must('Ping');
    await backOffice.must('Ping');

    // From elsewhere it may not call, whatever the password; that locks nobody.
    await admin.patch(path, { addresses: [{ address: '192.0.2.0/24' }] });
    for (const loginPassword of [caller.login.loginPassword, 'Not-the-password-9'])
      expect(await caller.but({ loginPassword }).call('Ping')).toMatchObject({ errorCode: 'IP_NOT_ALLOWED' });
    expect(await admin.get<InterfaceUserView>(path)).toMatchObject({ locked: false });
  });

  stack.holds('a child provider knows nothing of the one above it; that one manages it', async () => {
    const child = {
      newSystemProviderServerHostName: 'xsp.child.example',
      ...{ newSystemProviderId: 'child', newSystemProviderName: 'Child' },
    };
    await backOffice.must('AddSystemProvider', child);
    const providers = await admin.get<Page<SystemProviderView>>('/v1/system-providers');
    const { id } = providers.items.find(({ key }) => key === 'child')!;
    const { caller } = await its.anotherRobot(id, 'child', 'xsp.child.example');
    await caller.must('AddUserWithHierarchy', { ...place('own'), broadworksUserId: 'u@child.example' });
    expect((await caller.must('GetSystemProviders')).rows('SystemProvider')).toHaveLength(1);
    const above = caller.but({ serverHostName: HOST });
    const nowhere = caller.but({ serverHostName: 'xsp.nowhere.example' });
    const chris = { ...place('acme'), broadworksUserId: 'chris@acme.example' };
    for (const [operation, fields] of [
      ['GetResellers', {}],
      ['GetUserLicenses', chris],
      ['AddUserWithHierarchy', { ...place('acme'), broadworksUserId: 'intruder@acme.example' }],
      ['AddUserLicense', { ...chris, ...PRO }],
      ['DeleteUser', chris],
      ['AddQueue', { ...place('acme'), queueName: 'Intruders' }],
    ] as const) {
      const [theirs, nobodys] = [await above.call(operation, fields), await nowhere.call(operation, fields)];
      expect([operation, theirs.errorCode]).toEqual([operation, 'PROVIDER_NOT_FOUND']);
      expect(theirs.text.replaceAll(HOST, '?')).toBe(nobodys.text.replaceAll('xsp.nowhere.example', '?'));
    }
    expect(await its.user('intruder@acme.example')).toBeUndefined();
    // Its pool is its own.
    const ownUser = { ...place('own'), broadworksUserId: 'u@child.example' };
    const refused = await caller.call('AddUserLicense', { ...ownUser, ...PRO });
    expect(refused).toMatchObject({ errorCode: 'INSUFFICIENT_PROVIDER_LICENSES' });

    const below = backOffice.but({ serverHostName: 'xsp.child.example' });
    expect((await below.must('GetUser', ownUser)).rows('user')).toMatchObject([{ resellerId: 'own' }]);
    expect(await its.user('u@child.example')).toBeDefined();
    await below.must('DeleteReseller', { resellerId: 'own' });
    expect(await caller.call('GetUser', ownUser)).toMatchObject({ errorCode: 'RESELLER_NOT_FOUND' });
  });

  stack.holds('a new client gets an account, a trial, and its first text on the socket', async (world) => {
    const { provider } = world.tenant;
    const key = await admin.post<ApiKeyWithSecret>('/v1/api-keys', {
      ...{ level: 'system-provider', nodeId: provider.id, name: 'Location service' },
      permissions: ['license-requests:write'],
    });
    const locationService = admin.as(key.key);
    const client = {
      ...{ serverHostName: HOST.toUpperCase(), resellerId: 'walk-in', groupId: 'hq', userName: 'Robin Reed' },
      ...{ broadworksUserId: 'robin@walkin.example', application: 'UnityDesktop' },
    };
    const ask = () => locationService.post<LicenseGrantView>('/v1/license-requests', client);
    const settings = `${its.provider}/settings`;
    await admin.patch(settings, { autoCreateFromClient: false });
    const rejected = await ask();
    expect(rejected).toMatchObject({ outcome: 'rejected', reason: 'account-not-found' });
    expect([rejected.clientToken, await its.user(client.broadworksUserId)]).toEqual([undefined, undefined]);

    await admin.patch(settings, { autoCreateFromClient: true });
    const created = await ask();
    expect(created).toMatchObject({ outcome: 'created', license: { kind: 'trial', features: ['messaging'] } });
    const matched = await ask();
    expect(matched).toMatchObject({ outcome: 'matched', userId: created.userId, license: created.license });
    const { items: trials } = await admin.get<Page<TrialView>>(`${its.provider}/trials`);
    expect(trials).toEqual([expect.objectContaining({ broadworksUserId: client.broadworksUserId, state: 'running' })]);
    // The key is for this and nothing else.
    expect(await admin.refusal(locationService.get('/v1/users'))).toMatchObject({ status: 403 });

    const number = await world.activeNumber(created.userId);
    const socket = await ClientSocket.open(world.addresses.gatewayUrl, created.clientToken!);
    try {
      const text = { sid: 'SMfirsttext', from: '14155557788', to: `1${number.number}`, body: 'Welcome, Robin' };
      expect(await world.post(text)).toBe(200);
      await until('the text on the socket', async () => socket.texts().includes('Welcome, Robin'));
    } finally {
      await socket.close();
    }
    // Permanent from now on: the trial gives way.
    const user = { ...place('walk-in'), broadworksUserId: client.broadworksUserId };
    await backOffice.must('AddUserLicense', { ...user, ...PRO });
    expect(await ask()).toMatchObject({ license: { kind: 'permanent', licenseType: 'Pro' } });
    await backOffice.must('DeleteReseller', { resellerId: 'walk-in' });
    await until(
      'the number being released',
      async () =>
        (await world.twins.numbers({ accountSid: world.tenant.account.sid, phone: number.number })).length === 0,
    );
  });

  stack.holds('in the end all the books agree', async (world) => {
    await world.booksAgree([{ carrierMessageId: 'SMfirsttext' }]);
    expect(await world.licenseDifferences()).toEqual([]);
  });

  stack.holds('and the ledger of licenses shows a balance that is not as written', async (world) => {
    const { id } = world.tenant.provider;
    const pool = `select id from hierarchy.license_pool where system_provider_id = '${id}' and application = 'UnityAgent'`;
    await world.sql(`update hierarchy.license_pool set committed = committed - 1 where id in (${pool})`);
    await world.sql(
      `delete from hierarchy.license_assignment where id = (select id from hierarchy.license_assignment
       where pool_id in (${pool}) and ended_at is null limit 1)`,
    );
    const lines = await world.licenseDifferences();
    for (const line of ['pool-committed ', 'group-assignments '])
      expect(lines).toContainEqual(expect.stringMatching(new RegExp(`^${line}.*UnityAgent Standard`)));
  });
});
