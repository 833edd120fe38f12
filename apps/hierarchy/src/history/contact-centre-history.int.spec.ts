import { hierarchyRpc as h } from '@strowger/contracts-hierarchy';
import { ContactCentreChangedV1 } from '@strowger/contracts-routing';
import { newId } from '@strowger/kernel';
import { Messaging, Publisher } from '@strowger/messaging';
import { scopeOf, startHierarchy, type World } from '../hierarchy.fixtures.js';

let world: World;
beforeAll(async () => {
  world = await startHierarchy();
});
afterAll(() => world?.stop());

it('what routing does to queues, streams and agents is in the history of each level above them, once', async () => {
  const { provider, reseller, group } = await world.given.tree();
  const sibling = await world.given.group(reseller.id);
  const objectId = newId();
  const id = newId();
  const time = new Date().toISOString();
  const actor = { kind: 'interface-user', id: 'i-1', name: 'parentprovision', ip: '192.0.2.7' };
  const data = {
    objectKind: 'queue' as const,
    objectId,
    objectName: 'Sales',
    action: 'updated' as const,
    systemProviderId: provider.id,
    resellerId: reseller.id,
    groupId: group.id,
    changes: { name: { from: 'Sale', to: 'Sales' } },
    actor,
  };
  const publisher = world.service.app.get(Publisher, { strict: false });
  for (const msgId of ['one', 'two'])
    await publisher.publishRaw(
      ContactCentreChangedV1.type,
      Buffer.from(
        JSON.stringify({
          specversion: '1.0',
          id,
          type: ContactCentreChangedV1.type,
          source: '/routing',
          subject: objectId,
          sequence: 2,
          time,
          datacontenttype: 'application/json',
          data,
        }),
      ),
      { msgId },
    );
  await world.service.app.get(Messaging).idle();
  for (const scope of [scopeOf.provider(provider.id), scopeOf.reseller(reseller), scopeOf.group(group)]) {
    const { items } = await world.call(h.listHistory, { objectId }, scope);
    expect(items).toEqual([
      {
        id,
        at: time,
        actorKind: actor.kind,
        actorName: actor.name,
        ip: actor.ip,
        action: 'updated',
        objectKind: 'queue',
        objectId,
        objectName: 'Sales',
        changes: data.changes,
      },
    ]);
  }
  expect((await world.call(h.listHistory, { objectId }, scopeOf.group(sibling))).items).toEqual([]);
});
