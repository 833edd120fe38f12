import {
  GroupDeletedV1,
  PortalUserDeletedV1,
  PortalUserSavedV1,
  ResellerDeletedV1,
  SystemProviderDeletedV1,
} from '@strowger/contracts-hierarchy';
import {
  ContactCentreChangedV1,
  MEDIA_STREAM_TYPES,
  routingRpc as rpc,
  type QueueView,
} from '@strowger/contracts-routing';
import { newId, type Actor, type CloudEvent, type RpcContract, type TenantScope } from '@strowger/kernel';
import { sql } from '@strowger/persistence';
import { scopesOf, type SpecNode } from '../hierarchy-stub.fixtures.js';
import { refusal, startRouting, type World } from '../routing.fixtures.js';

let world: World;
beforeAll(async () => {
  world = await startRouting();
}, 60_000);
afterAll(() => world.stop());

const BACK_OFFICE: Actor = { kind: 'interface-user', id: 'i-1', name: 'parentprovision', ip: '192.0.2.7' };
let names = 0;
const unique = (stem: string): string => `${stem} ${++names}`;

const addQueue = (node: SpecNode, name = unique('Queue'), scope?: TenantScope): Promise<QueueView> =>
  world.call(rpc.addGroupQueue, { groupId: node.groupId, name }, scope, BACK_OFFICE);
const addStream = (queue: QueueView, more: object = {}) =>
  world.call(
    rpc.addMediaStream,
    { queueId: queue.id, name: unique('Stream'), type: 'WebChat', ...more },
    undefined,
    BACK_OFFICE,
  );
const namesOf = async (node: SpecNode): Promise<string[]> =>
  (await world.call(rpc.listGroupQueues, { groupId: node.groupId })).items.map(({ name }) => name);

/** What the history is given about a record, oldest first. */
const historyOf = async (id: string) =>
  (
    await world.db.query(sql<{ event: string }>`
      select event from outbox where type = ${ContactCentreChangedV1.type} and subject = ${id} order by sequence`)
  ).map(({ event }) => (JSON.parse(event) as CloudEvent<ContactCentreChangedV1>).data);

describe('queues', () => {
  it('belong to a reseller or to a group, and a name is taken once per level', async () => {
    const node = world.tree.group();
    const { resellerId, groupId, systemProviderId } = node;
    const ofReseller = await world.call(rpc.addResellerQueue, { resellerId, name: 'Sales' });
    const ofGroup = await addQueue(node, 'Sales');
    expect(ofReseller).toMatchObject({ systemProviderId, resellerId, name: 'Sales', version: 1 });
    expect(ofReseller).not.toHaveProperty('groupId');
    expect(ofGroup).toMatchObject({ systemProviderId, resellerId, groupId });
    expect(await refusal(addQueue(node, 'Sales'))).toMatchObject({ kind: 'conflict', code: 'queue-exists' });
    expect(await refusal(world.call(rpc.addResellerQueue, { resellerId, name: 'Sales' }))).toMatchObject({
      code: 'queue-exists',
    });
    await addQueue(world.tree.group({ resellerId, systemProviderId }), 'Sales');
    // Names are kept as given: another case is another name.
    await addQueue(node, 'sales');
    expect((await world.call(rpc.listResellerQueues, { resellerId })).items).toEqual([ofReseller]);
    expect(await namesOf(node)).toEqual(expect.arrayContaining(['Sales', 'sales']));
    expect(await world.call(rpc.findQueue, { resellerId, name: 'Sales' })).toEqual(ofReseller);
    expect(await world.call(rpc.findQueue, { resellerId, groupId, name: 'Sales' })).toEqual(ofGroup);
    const missing = refusal(world.call(rpc.findQueue, { resellerId, groupId, name: 'Sale' }));
    expect(await missing).toMatchObject({ kind: 'not-found', code: 'queue-not-found' });
  });

  it('of one name, added in parallel, are one queue', async () => {
    const node = world.tree.group();
    const tries = await Promise.allSettled(Array.from({ length: 10 }, () => addQueue(node, 'Once')));
    expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(tries.filter(({ status }) => status === 'rejected')).toMatchObject(
      Array(9).fill({ reason: { code: 'queue-exists' } }),
    );
  });

  it('are renamed, unless the name is taken or somebody was faster', async () => {
    const node = world.tree.group();
    const [one, two] = [await addQueue(node, 'One'), await addQueue(node, 'Two')];
    const renamed = await world.call(rpc.updateQueue, { id: one.id, version: 1, name: 'First' });
    expect(renamed).toMatchObject({ id: one.id, name: 'First', version: 2 });
    expect(await refusal(world.call(rpc.updateQueue, { id: two.id, name: 'First' }))).toMatchObject({
      code: 'queue-exists',
    });
    expect(await refusal(world.call(rpc.updateQueue, { id: one.id, version: 1, name: 'x' }))).toMatchObject({
      code: 'version-mismatch',
    });
    expect(await world.call(rpc.updateQueue, { id: one.id, name: 'First' })).toEqual(renamed);
  });

  it('take their media streams with them, and leave their name and numbers free', async () => {
    const node = world.tree.group();
    const queue = await addQueue(node, 'Gone');
    const number = world.newNumber();
    const stream = await addStream(queue, { type: 'SMS', number });
    await world.call(rpc.deleteQueue, { id: queue.id }, undefined, BACK_OFFICE);
    expect(await refusal(world.call(rpc.getQueue, { id: queue.id }))).toMatchObject({ code: 'queue-not-found' });
    expect(await refusal(world.call(rpc.getMediaStream, { id: stream.id }))).toMatchObject({
      code: 'media-stream-not-found',
    });
    expect(await refusal(world.call(rpc.deleteQueue, { id: queue.id }))).toMatchObject({ code: 'queue-not-found' });
    const again = await addQueue(node, 'Gone');
    expect(again.id).not.toBe(queue.id);
    await addStream(again, { type: 'SMS', number });
  });

  it('are listed by name in pages, and found by a part of it', async () => {
    const node = world.tree.group();
    const all = ['d 50%', 'a', 'c', 'b', 'e_f'];
    for (const name of all) await addQueue(node, name);
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await world.call(rpc.listGroupQueues, { groupId: node.groupId, limit: 2, cursor });
      seen.push(...page.items.map(({ name }) => name));
      cursor = page.nextCursor;
    } while (cursor);
    expect(seen).toEqual([...all].sort());
    const search = async (text: string) =>
      (await world.call(rpc.listQueues, { search: text }, scopesOf(node).group)).items.map(({ name }) => name);
    expect(await search('0%')).toEqual(['d 50%']);
    expect(await search('_')).toEqual(['e_f']);
    expect(await search('A')).toEqual(['a']);
    for (const bad of ['rubbish', Buffer.from('["a","b"]').toString('base64url')])
      expect(await refusal(world.call(rpc.listQueues, { cursor: bad }))).toMatchObject({ kind: 'invalid' });
  });
});

describe('media streams', () => {
  it('are entries into a queue, each name once in it', async () => {
    const node = world.tree.group();
    const [queue, other] = [await addQueue(node, 'Streams'), await addQueue(node)];
    for (const type of MEDIA_STREAM_TYPES)
      await addStream(queue, { name: type, type, ...(type === 'SMS' ? { number: world.newNumber() } : {}) });
    expect(await refusal(addStream(queue, { name: 'WebChat' }))).toMatchObject({ code: 'media-stream-exists' });
    await addStream(other, { name: 'WebChat' });
    const { items } = await world.call(rpc.listQueueMediaStreams, { queueId: queue.id });
    expect(items.map(({ type }) => type)).toEqual([...MEDIA_STREAM_TYPES].sort());
    const { resellerId, groupId } = node;
    const find = (name: string, queueName = 'Streams') =>
      world.call(rpc.findMediaStream, { resellerId, groupId, queueName, name });
    expect(await find('IMAP')).toMatchObject({ queueId: queue.id, type: 'IMAP', groupId, resellerId });
    expect(await refusal(find('imap'))).toMatchObject({ code: 'media-stream-not-found' });
    expect(await refusal(find('IMAP', 'None'))).toMatchObject({ code: 'queue-not-found' });
    expect(await refusal(addStream({ ...queue, id: newId() }))).toMatchObject({ code: 'queue-not-found' });
    expect(await refusal(addStream(queue, { type: 'sms' }))).toMatchObject({ kind: 'invalid' });
  });

  it.each([
    ['an SMS stream without a number', { type: 'SMS' }, 'required'],
    ['a number that is none', { type: 'SMS', number: '12345' }, 'e164'],
    ['a North American number that does not exist', { type: 'SMS', number: '+11115550123' }, 'e164'],
    ['a web chat with a number', { type: 'WebChat', number: '+12015550123' }, 'type'],
  ])('refuses %s', async (_, given, rule) => {
    const error = await refusal(addStream(await addQueue(world.tree.group()), given));
    expect(error).toMatchObject({ kind: 'invalid', code: 'invalid-input', errors: [{ field: 'number', rule }] });
  });

  it('keep their number as E.164 and share it with nobody', async () => {
    const [queue, foreign] = [await addQueue(world.tree.group()), await addQueue(world.tree.group())];
    const number = world.newNumber();
    const stream = await addStream(queue, { type: 'SMS', number: number.slice(2) });
    expect(stream.number).toBe(number);
    expect(await addStream(queue, { type: 'WhatsApp', number: '+442070846845' })).toMatchObject({
      number: '+442070846845',
    });
    const taken = { kind: 'conflict', code: 'number-already-assigned' };
    expect(await refusal(addStream(foreign, { type: 'SMS', number }))).toMatchObject(taken);
    const user = await world.given.user();
    expect(await refusal(addStream(foreign, { type: 'SMS', number: user.e164 }))).toMatchObject(taken);
    const [racing, more] = [world.newNumber(), [queue, foreign, queue, foreign]];
    const race = await Promise.allSettled(more.map((q) => addStream(q, { type: 'SMS', number: racing })));
    expect(race.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    await world.call(rpc.deleteMediaStream, { id: stream.id });
    await addStream(foreign, { type: 'SMS', number });
  });

  it('change their name, type and number by the same rules', async () => {
    const queue = await addQueue(world.tree.group());
    const [one, two] = [await addStream(queue, { name: 'One' }), await addStream(queue, { name: 'Two' })];
    const update = (more: object) => world.call(rpc.updateMediaStream, { id: one.id, ...more });
    expect(await refusal(update({ type: 'SMS' }))).toMatchObject({ errors: [{ field: 'number', rule: 'required' }] });
    expect(await refusal(update({ name: two.name }))).toMatchObject({ code: 'media-stream-exists' });
    const number = world.newNumber();
    expect(await update({ name: 'Uno', type: 'SMS', number })).toMatchObject({ name: 'Uno', number, version: 2 });
    expect(await refusal(update({ number: null }))).toMatchObject({ errors: [{ field: 'number' }] });
    expect(await update({ type: 'Callback', number: null })).not.toHaveProperty('number');
    expect(await refusal(update({ version: 1, name: 'x' }))).toMatchObject({ code: 'version-mismatch' });
    expect((await historyOf(one.id)).map(({ action, changes }) => [action, changes])).toEqual([
      ['created', { queue: queue.name, type: 'WebChat' }],
      [
        'updated',
        {
          name: { from: 'One', to: 'Uno' },
          type: { from: 'WebChat', to: 'SMS' },
          number: { from: null, to: number },
        },
      ],
      ['updated', { type: { from: 'SMS', to: 'Callback' }, number: { from: number, to: null } }],
    ]);
  });
});

describe('agents', () => {
  it('are portal users of the group’s reseller', async () => {
    const node = world.tree.group();
    const [ada, outsider] = [world.tree.portalUser(node), world.tree.portalUser(world.tree.group())];
    const add = (portalUserId: string, scope?: TenantScope) =>
      world.call(rpc.addAgent, { groupId: node.groupId, portalUserId }, scope);
    const agent = await add(ada.id);
    expect(agent).toMatchObject({ groupId: node.groupId, portalUserId: ada.id, name: ada.name, email: ada.email });
    expect(await refusal(add(ada.id))).toMatchObject({ kind: 'conflict', code: 'association-exists' });
    for (const id of [outsider.id, newId(), world.tree.portalUser(node, 'group').id])
      expect(await refusal(add(id))).toMatchObject({ kind: 'not-found', code: 'portal-user-not-found' });
    expect((await world.call(rpc.listAgents, { groupId: node.groupId })).items).toEqual([agent]);
    await world.call(rpc.removeAgent, { groupId: node.groupId, portalUserId: ada.id });
    expect((await world.call(rpc.listAgents, { groupId: node.groupId })).items).toEqual([]);
    const gone = world.call(rpc.removeAgent, { groupId: node.groupId, portalUserId: ada.id });
    expect(await refusal(gone)).toMatchObject({ kind: 'not-found', code: 'association-not-found' });
    await add(ada.id);
  });

  it('have the name hierarchy sent last, and end with their portal user', async () => {
    const node = world.tree.group();
    const ada = world.tree.portalUser(node);
    await world.call(rpc.addAgent, { groupId: node.groupId, portalUserId: ada.id });
    const { systemProviderId, resellerId: nodeId } = node;
    const saved = (name: string, sequence: number) =>
      world.publish(
        PortalUserSavedV1,
        ada.id,
        { portalUserId: ada.id, systemProviderId, level: 'reseller', nodeId, name, email: ada.email },
        { sequence },
      );
    await saved('Ada Lovelace', 3);
    await saved('Ada Byron', 2);
    await world.idle();
    const names = async () =>
      (await world.call(rpc.listAgents, { groupId: node.groupId })).items.map(({ name }) => name);
    expect(await names()).toEqual(['Ada Lovelace']);
    await world.publish(PortalUserDeletedV1, ada.id, { portalUserId: ada.id, systemProviderId });
    await world.idle();
    expect(await names()).toEqual([]);
    // Hierarchy's answer may be older than the news.
    const late = world.call(rpc.addAgent, { groupId: node.groupId, portalUserId: ada.id });
    expect(await refusal(late)).toMatchObject({ code: 'portal-user-not-found' });
  });
});

describe('scopes', () => {
  it('see their own and answer for what is another’s as for what is missing', async () => {
    const [mine, theirs] = [world.tree.group(), world.tree.group()];
    const queue = await addQueue(theirs);
    const stream = await addStream(queue);
    const missing = newId();
    const asked: [RpcContract<object, unknown>, (id: string) => object, string][] = [
      [rpc.getQueue, (id) => ({ id }), queue.id],
      [rpc.updateQueue, (id) => ({ id, name: 'x' }), queue.id],
      [rpc.deleteQueue, (id) => ({ id }), queue.id],
      [rpc.addMediaStream, (queueId) => ({ queueId, name: 'x', type: 'WebChat' }), queue.id],
      [rpc.listQueueMediaStreams, (queueId) => ({ queueId }), queue.id],
      [rpc.getMediaStream, (id) => ({ id }), stream.id],
      [rpc.updateMediaStream, (id) => ({ id, name: 'x' }), stream.id],
      [rpc.deleteMediaStream, (id) => ({ id }), stream.id],
      [rpc.addResellerQueue, (resellerId) => ({ resellerId, name: 'x' }), theirs.resellerId],
      [rpc.listResellerQueues, (resellerId) => ({ resellerId }), theirs.resellerId],
      [rpc.findQueue, (resellerId) => ({ resellerId, name: queue.name }), theirs.resellerId],
      [rpc.addGroupQueue, (groupId) => ({ groupId, name: 'x' }), theirs.groupId],
      [rpc.listGroupQueues, (groupId) => ({ groupId }), theirs.groupId],
      [rpc.listAgents, (groupId) => ({ groupId }), theirs.groupId],
      [rpc.addAgent, (groupId) => ({ groupId, portalUserId: newId() }), theirs.groupId],
      [rpc.removeAgent, (groupId) => ({ groupId, portalUserId: newId() }), theirs.groupId],
    ];
    for (const scope of Object.values(scopesOf(mine))) {
      for (const [contract, body, foreign] of asked) {
        const [one, other] = [
          await refusal(world.call(contract, body(foreign), scope)),
          await refusal(world.call(contract, body(missing), scope)),
        ];
        expect([contract.subject, one.kind, one.code]).toEqual([contract.subject, 'not-found', other.code]);
      }
      expect(await world.call(rpc.listQueues, {}, scope)).toEqual({ items: [] });
      expect(await world.call(rpc.listMediaStreams, {}, scope)).toEqual({ items: [] });
    }
    const { provider, reseller, group } = scopesOf(theirs);
    for (const scope of [provider, reseller, group]) {
      expect((await world.call(rpc.getQueue, { id: queue.id }, scope)).id).toBe(queue.id);
      expect((await world.call(rpc.listMediaStreams, {}, scope)).items).toEqual([stream]);
    }
    // A provider whose child the other is.
    const parent = { ...scopesOf(mine).provider, providerIds: [mine.systemProviderId, theirs.systemProviderId] };
    expect((await world.call(rpc.getQueue, { id: queue.id }, parent)).id).toBe(queue.id);
    expect(await addQueue(theirs, undefined, parent)).toMatchObject({ groupId: theirs.groupId });
  });
});

it('counts what hangs on a node and below it, inside the scope', async () => {
  const node = world.tree.group();
  await world.call(rpc.addResellerQueue, { resellerId: node.resellerId, name: 'Own' });
  await addStream(await addQueue(node));
  await world.call(rpc.addAgent, { groupId: node.groupId, portalUserId: world.tree.portalUser(node).id });
  const { systemProviderId, resellerId, groupId } = node;
  const count = (level: 'system-provider' | 'reseller' | 'group' | 'user', id: string, scope?: TenantScope) =>
    world.call(rpc.countQueuesUnder, { level, id }, scope);
  expect(await count('system-provider', systemProviderId)).toEqual({ count: 2, mediaStreams: 1, agents: 1 });
  expect(await count('reseller', resellerId)).toEqual({ count: 2, mediaStreams: 1, agents: 1 });
  expect(await count('group', groupId, scopesOf(node).group)).toEqual({ count: 1, mediaStreams: 1, agents: 1 });
  const none = { count: 0, mediaStreams: 0, agents: 0 };
  expect(await count('user', newId())).toEqual(none);
  expect(await count('reseller', resellerId, scopesOf(world.tree.group()).provider)).toEqual(none);
});

describe('when hierarchy deletes', () => {
  /** Two groups of one reseller with a queue, stream and agent each, and a queue of the reseller. */
  const planted = async () => {
    const first = world.tree.group();
    const second = world.tree.group({ resellerId: first.resellerId, systemProviderId: first.systemProviderId });
    const own = await world.call(rpc.addResellerQueue, { resellerId: first.resellerId, name: 'Own' });
    const ada = world.tree.portalUser(first);
    for (const node of [first, second]) {
      await addStream(await addQueue(node));
      await world.call(rpc.addAgent, { groupId: node.groupId, portalUserId: ada.id });
    }
    return { first, second, own, ada };
  };
  const left = async (node: SpecNode) => {
    const scope = scopesOf(node).group;
    const [queues, streams, agents] = [
      await world.call(rpc.listQueues, {}, scope),
      await world.call(rpc.listMediaStreams, {}, scope),
      await world.call(rpc.listAgents, { groupId: node.groupId }),
    ];
    return [queues, streams, agents].map(({ items }) => items.length);
  };

  it('a group, everything of the group ends once, in the name of who deleted it', async () => {
    const { first, second, own } = await planted();
    const [queue] = (await world.call(rpc.listGroupQueues, { groupId: first.groupId })).items;
    for (let times = 0; times < 2; times++)
      await world.publish(GroupDeletedV1, first.groupId, { ...first, actor: { ...BACK_OFFICE } });
    await world.idle();
    expect(await left(first)).toEqual([0, 0, 0]);
    expect(await left(second)).toEqual([1, 1, 1]);
    expect((await world.call(rpc.getQueue, { id: own.id })).id).toBe(own.id);
    expect(await historyOf(queue!.id)).toMatchObject([
      { action: 'created', objectKind: 'queue', objectName: queue!.name, actor: BACK_OFFICE },
      { action: 'deleted', groupId: first.groupId, actor: BACK_OFFICE },
    ]);
  });

  it('a reseller, its own and its groups’ end', async () => {
    const { first, second, own } = await planted();
    const { resellerId, systemProviderId } = first;
    await world.publish(ResellerDeletedV1, resellerId, { resellerId, systemProviderId });
    await world.idle();
    for (const node of [first, second]) expect(await left(node)).toEqual([0, 0, 0]);
    expect(await refusal(world.call(rpc.getQueue, { id: own.id }))).toMatchObject({ code: 'queue-not-found' });
  });

  it('a system provider, everything under it ends', async () => {
    const { first, second } = await planted();
    const { systemProviderId } = first;
    await world.publish(SystemProviderDeletedV1, systemProviderId, { systemProviderId });
    await world.idle();
    for (const node of [first, second]) expect(await left(node)).toEqual([0, 0, 0]);
  });

  it('nothing is left of what was added at the same moment, and nothing is added later', async () => {
    const node = world.tree.group();
    const adding = Array.from({ length: 20 }, () => addQueue(node).catch((error: unknown) => error));
    await world.publish(GroupDeletedV1, node.groupId, node);
    await Promise.all(adding);
    await world.idle();
    expect(await left(node)).toEqual([0, 0, 0]);
    // Hierarchy's stub still knows the group, as a request under way does.
    expect(await refusal(addQueue(node))).toMatchObject({ kind: 'not-found', code: 'group-not-found' });
  });
});
