import {
  inWordsOf,
  type AnswerOf,
  type Names,
  type OperationName,
  type OperationsBy,
  type ParametersOf,
  type ProvisionTarget,
} from '@strowger/contracts-hierarchy';
import { routingRpc, type MediaStreamType } from '@strowger/contracts-routing';
import type { Rpc, RpcCallOptions } from '@strowger/rpc';
import { AppError, type Page, type RpcContract } from '@strowger/kernel';

/** Most rows of a page; lists here have no pages, so all are fetched. */
const LIMIT = 200;

/** Routing as the caller, whom hierarchy has authenticated and whose names it has looked up. */
class Routing {
  constructor(
    private readonly rpc: Rpc,
    readonly target: ProvisionTarget,
    private readonly options: RpcCallOptions,
  ) {}

  call<B extends object, R>(contract: RpcContract<B, R>, body: B): Promise<R> {
    const { scope, actor } = this.target;
    return this.rpc.call(contract, { scope, actor, body }, this.options);
  }

  async all<B extends object, T>(contract: RpcContract<B, Page<T>>, body: B): Promise<T[]> {
    const items: T[] = [];
    for (let cursor: string | undefined; ;) {
      const page: Page<T> = await this.call(contract, { ...body, limit: LIMIT, ...(cursor && { cursor }) });
      items.push(...page.items);
      cursor = page.nextCursor;
      if (!cursor) return items;
    }
  }

  /** The level a queue is looked for at. */
  get level(): { resellerId: string; groupId?: string } {
    const { resellerId, groupId } = this.target;
    return { resellerId, ...(groupId && { groupId }) };
  }

  queue(name: string) {
    return this.call(routingRpc.findQueue, { ...this.level, name });
  }

  stream(queueName: string, name: string) {
    return this.call(routingRpc.findMediaStream, { ...this.level, queueName, name });
  }

  /** Ids that hierarchy has found for an operation that names a group and a portal user. */
  get agent(): { groupId: string; portalUserId: string } {
    const { groupId, portalUserId } = this.target;
    if (!groupId || !portalUserId)
      throw new AppError('internal', 'target-incomplete', 'The group or the portal user is missing.');
    return { groupId, portalUserId };
  }
}

type Handlers = {
  [N in OperationsBy<'routing'>]: (routing: Routing, given: ParametersOf<N>) => Promise<AnswerOf<N> | void>;
};

const HANDLERS: Handlers = {
  async AddGroupAgentAssociation(routing) {
    await routing.call(routingRpc.addAgent, routing.agent);
  },
  async DeleteGroupAgentAssociation(routing) {
    await routing.call(routingRpc.removeAgent, routing.agent);
  },
  async GetGroupAgentAssociations(routing, { resellerId, groupId }) {
    const agents = await routing.all(routingRpc.listAgents, { groupId: routing.target.groupId! });
    return { associations: agents.map(({ name }) => ({ resellerId, groupId, portalUserName: name })) };
  },

  async AddQueue(routing, { queueName: name }) {
    const { resellerId, groupId } = routing.level;
    await (groupId
      ? routing.call(routingRpc.addGroupQueue, { groupId, name })
      : routing.call(routingRpc.addResellerQueue, { resellerId, name }));
  },
  async GetQueues(routing, { resellerId, groupId }) {
    const { level } = routing;
    const queues = await (level.groupId
      ? routing.all(routingRpc.listGroupQueues, { groupId: level.groupId })
      : routing.all(routingRpc.listResellerQueues, { resellerId: level.resellerId }));
    return { queues: queues.map(({ name }) => ({ resellerId, groupId: groupId ?? '', queueName: name })) };
  },
  async UpdateQueue(routing, { queueName, newQueueName }) {
    const { id } = await routing.queue(queueName);
    if (newQueueName) await routing.call(routingRpc.updateQueue, { id, name: newQueueName });
  },
  async DeleteQueue(routing, { queueName }) {
    const { id } = await routing.queue(queueName);
    await routing.call(routingRpc.deleteQueue, { id });
  },

  async AddMediaStream(routing, { queueName, mediaStreamName: name, mediaStreamType, number }) {
    const { id: queueId } = await routing.queue(queueName);
    const type = mediaStreamType as MediaStreamType;
    await routing.call(routingRpc.addMediaStream, { queueId, name, type, ...(number && { number }) });
  },
  async GetMediaStreams(routing, { queueName }) {
    const { id: queueId } = await routing.queue(queueName);
    const streams = await routing.all(routingRpc.listQueueMediaStreams, { queueId });
    return {
      mediaStreams: streams.map(({ name, type, number }) => ({
        queueName,
        mediaStreamName: name,
        mediaStreamType: type,
        number,
      })),
    };
  },
  async UpdateMediaStream(routing, { queueName, mediaStreamName, newMediaStreamName, newNumber }) {
    const { id } = await routing.stream(queueName, mediaStreamName);
    await routing.call(routingRpc.updateMediaStream, {
      id,
      ...(newMediaStreamName && { name: newMediaStreamName }),
      ...(newNumber !== undefined && { number: newNumber || null }),
    });
  },
  async DeleteMediaStream(routing, { queueName, mediaStreamName }) {
    const { id } = await routing.stream(queueName, mediaStreamName);
    await routing.call(routingRpc.deleteMediaStream, { id });
  },
};

/** What fields of routing's requests are called in a call. */
const NAMES: Partial<Record<OperationName, Names>> = {
  AddQueue: { name: 'queueName' },
  UpdateQueue: { name: 'newQueueName' },
  AddMediaStream: { name: 'mediaStreamName', type: 'mediaStreamType' },
  UpdateMediaStream: { name: 'newMediaStreamName', number: 'newNumber' },
};

/** The rest of an operation whose records routing keeps. What the names of its requests are here stays the binder's. */
export async function callContactCentre(
  rpc: Rpc,
  operation: OperationName,
  parameters: object,
  target: ProvisionTarget,
  options: RpcCallOptions,
): Promise<object | undefined> {
  const handler = HANDLERS[operation as OperationsBy<'routing'>] as (
    routing: Routing,
    given: object,
  ) => Promise<object | void>;
  const work = handler(new Routing(rpc, target, options), parameters);
  return (await inWordsOf(NAMES[operation] ?? {}, work)) ?? undefined;
}
