import * as c from '@strowger/contracts-routing';
import { routingRpc as rpc } from '@strowger/contracts-routing';
import { routes } from './route.js';

const page = (view: new () => object) => ({ view, as: 'page' as const });

const queues = routes('Contact centre');
queues.add('POST /v1/resellers/:resellerId/queues', rpc.addResellerQueue, {
  summary: 'Add a queue to a reseller',
  description:
    'The name is kept as given and must be new among the queues of the reseller itself; its groups have their own.',
  access: 'write',
  status: 201,
  response: { view: c.QueueView },
  idempotent: true,
  errors: { 'reseller-not-found': 'not-found', 'queue-exists': 'conflict' },
});
queues.add('GET /v1/resellers/:resellerId/queues', rpc.listResellerQueues, {
  summary: 'The queues of a reseller',
  description: 'By name. Those of its groups are listed under the groups, and all of them under `/v1/queues`.',
  access: 'read',
  response: page(c.QueueView),
  errors: { 'reseller-not-found': 'not-found' },
});
queues.add('POST /v1/groups/:groupId/queues', rpc.addGroupQueue, {
  summary: 'Add a queue to a group',
  description: 'The name is kept as given and must be new in the group.',
  access: 'write',
  status: 201,
  response: { view: c.QueueView },
  idempotent: true,
  errors: { 'group-not-found': 'not-found', 'queue-exists': 'conflict' },
});
queues.add('GET /v1/groups/:groupId/queues', rpc.listGroupQueues, {
  summary: 'The queues of a group',
  access: 'read',
  response: page(c.QueueView),
  errors: { 'group-not-found': 'not-found' },
});
queues.add('GET /v1/queues', rpc.listQueues, {
  summary: 'All queues, by name',
  description: 'Those of every reseller and group the caller may see. `search` finds a part of the name.',
  access: 'read',
  response: page(c.QueueView),
});
queues.add('GET /v1/queues/:id', rpc.getQueue, {
  summary: 'Read a queue',
  access: 'read',
  response: { view: c.QueueView },
  versioned: true,
  errors: { 'queue-not-found': 'not-found' },
});
queues.add('PATCH /v1/queues/:id', rpc.updateQueue, {
  summary: 'Rename a queue',
  access: 'write',
  response: { view: c.QueueView },
  versioned: true,
  errors: { 'queue-not-found': 'not-found', 'queue-exists': 'conflict' },
});
queues.add('DELETE /v1/queues/:id', rpc.deleteQueue, {
  summary: 'Delete a queue and its media streams',
  access: 'write',
  response: null,
  errors: { 'queue-not-found': 'not-found' },
});

const numbered = { 'number-already-assigned': 'conflict', 'media-stream-exists': 'conflict' } as const;
queues.add('POST /v1/queues/:queueId/media-streams', rpc.addMediaStream, {
  summary: 'Add a media stream to a queue',
  description:
    'A media stream is an entry into the queue. An `SMS` stream needs the number that texts are sent to; `WhatsApp` and `Callback` may have one. A number serves one owner only: a user, or one media stream.',
  access: 'write',
  status: 201,
  response: { view: c.MediaStreamView },
  idempotent: true,
  errors: { 'queue-not-found': 'not-found', ...numbered },
});
queues.add('GET /v1/queues/:queueId/media-streams', rpc.listQueueMediaStreams, {
  summary: 'The media streams of a queue',
  access: 'read',
  response: page(c.MediaStreamView),
  errors: { 'queue-not-found': 'not-found' },
});
queues.add('GET /v1/media-streams', rpc.listMediaStreams, {
  summary: 'All media streams, by name',
  access: 'read',
  response: page(c.MediaStreamView),
});
queues.add('GET /v1/media-streams/:id', rpc.getMediaStream, {
  summary: 'Read a media stream',
  access: 'read',
  response: { view: c.MediaStreamView },
  versioned: true,
  errors: { 'media-stream-not-found': 'not-found' },
});
queues.add('PATCH /v1/media-streams/:id', rpc.updateMediaStream, {
  summary: 'Change a media stream',
  description: '`number: null` takes the number off, which an `SMS` stream refuses.',
  access: 'write',
  response: { view: c.MediaStreamView },
  versioned: true,
  errors: { 'media-stream-not-found': 'not-found', ...numbered },
});
queues.add('DELETE /v1/media-streams/:id', rpc.deleteMediaStream, {
  summary: 'Delete a media stream',
  description: 'Its number is free for another owner.',
  access: 'write',
  response: null,
  errors: { 'media-stream-not-found': 'not-found' },
});

queues.add('POST /v1/groups/:groupId/agents', rpc.addAgent, {
  summary: 'Make a portal user an agent of a group',
  description: "The portal user must exist at the level of the group's reseller.",
  access: 'write',
  status: 201,
  response: { view: c.AgentView },
  idempotent: true,
  errors: {
    'group-not-found': 'not-found',
    'portal-user-not-found': 'not-found',
    'association-exists': 'conflict',
  },
});
queues.add('GET /v1/groups/:groupId/agents', rpc.listAgents, {
  summary: 'The agents of a group, by name',
  access: 'read',
  response: page(c.AgentView),
  errors: { 'group-not-found': 'not-found' },
});
queues.add('DELETE /v1/groups/:groupId/agents/:portalUserId', rpc.removeAgent, {
  summary: 'Take a portal user out of the agents of a group',
  description: 'The portal user stays.',
  access: 'write',
  response: null,
  errors: { 'group-not-found': 'not-found', 'association-not-found': 'not-found' },
});

export const contactCentreRoutes = queues.all;
