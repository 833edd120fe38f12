import { Controller, Inject } from '@nestjs/common';
import type * as c from '@strowger/contracts-routing';
import { routingRpc as rpc } from '@strowger/contracts-routing';
import { Answers } from '@strowger/http';
import type { Page, RpcRequest } from '@strowger/kernel';
import { AgentsService } from './agents.service.js';
import { MediaStreamsService } from './media-streams.service.js';
import { QueuesService } from './queues.service.js';

type ById = { id: string };

@Controller()
export class ContactCentreController {
  constructor(
    @Inject(QueuesService) private readonly queues: QueuesService,
    @Inject(MediaStreamsService) private readonly streams: MediaStreamsService,
    @Inject(AgentsService) private readonly agents: AgentsService,
  ) {}

  @Answers(rpc.addResellerQueue)
  addResellerQueue(request: RpcRequest<c.AddResellerQueue>): Promise<c.QueueView> {
    return this.queues.addToReseller(request, request.body);
  }
  @Answers(rpc.addGroupQueue)
  addGroupQueue(request: RpcRequest<c.AddGroupQueue>): Promise<c.QueueView> {
    return this.queues.addToGroup(request, request.body);
  }
  @Answers(rpc.updateQueue)
  updateQueue(request: RpcRequest<c.UpdateQueue>): Promise<c.QueueView> {
    return this.queues.update(request, request.body);
  }
  @Answers(rpc.deleteQueue)
  async deleteQueue(request: RpcRequest<ById>): Promise<null> {
    await this.queues.delete(request, request.body.id);
    return null;
  }
  @Answers(rpc.getQueue)
  getQueue({ scope, body }: RpcRequest<ById>): Promise<c.QueueView> {
    return this.queues.get(scope, body.id);
  }
  @Answers(rpc.findQueue)
  findQueue({ scope, body }: RpcRequest<c.FindQueue>): Promise<c.QueueView> {
    return this.queues.find(scope, body);
  }
  @Answers(rpc.listQueues)
  listQueues({ scope, body }: RpcRequest<c.ListQueues>): Promise<Page<c.QueueView>> {
    return this.queues.list(scope, body);
  }
  @Answers(rpc.listResellerQueues)
  listResellerQueues(request: RpcRequest<c.ListResellerQueues>): Promise<Page<c.QueueView>> {
    return this.queues.ofReseller(request, request.body);
  }
  @Answers(rpc.listGroupQueues)
  listGroupQueues(request: RpcRequest<c.ListGroupQueues>): Promise<Page<c.QueueView>> {
    return this.queues.ofGroup(request, request.body);
  }

  @Answers(rpc.countQueuesUnder)
  countQueuesUnder({ scope, body }: RpcRequest<c.CountQueuesUnder>): Promise<c.QueuesUnder> {
    return this.queues.countUnder(scope, body);
  }

  @Answers(rpc.addMediaStream)
  addMediaStream(request: RpcRequest<c.AddMediaStream>): Promise<c.MediaStreamView> {
    return this.streams.add(request, request.body);
  }
  @Answers(rpc.updateMediaStream)
  updateMediaStream(request: RpcRequest<c.UpdateMediaStream>): Promise<c.MediaStreamView> {
    return this.streams.update(request, request.body);
  }
  @Answers(rpc.deleteMediaStream)
  async deleteMediaStream(request: RpcRequest<ById>): Promise<null> {
    await this.streams.delete(request, request.body.id);
    return null;
  }
  @Answers(rpc.getMediaStream)
  getMediaStream({ scope, body }: RpcRequest<ById>): Promise<c.MediaStreamView> {
    return this.streams.get(scope, body.id);
  }
  @Answers(rpc.findMediaStream)
  findMediaStream({ scope, body }: RpcRequest<c.FindMediaStream>): Promise<c.MediaStreamView> {
    return this.streams.find(scope, body);
  }
  @Answers(rpc.listMediaStreams)
  listMediaStreams({ scope, body }: RpcRequest<c.ListMediaStreams>): Promise<Page<c.MediaStreamView>> {
    return this.streams.list(scope, body);
  }
  @Answers(rpc.listQueueMediaStreams)
  listQueueMediaStreams({ scope, body }: RpcRequest<c.ListQueueMediaStreams>): Promise<Page<c.MediaStreamView>> {
    return this.streams.ofQueue(scope, body);
  }

  @Answers(rpc.addAgent)
  addAgent(request: RpcRequest<c.AddAgent>): Promise<c.AgentView> {
    return this.agents.add(request, request.body);
  }
  @Answers(rpc.removeAgent)
  async removeAgent(request: RpcRequest<c.RemoveAgent>): Promise<null> {
    await this.agents.remove(request, request.body);
    return null;
  }
  @Answers(rpc.listAgents)
  listAgents(request: RpcRequest<c.ListAgents>): Promise<Page<c.AgentView>> {
    return this.agents.list(request, request.body);
  }
}
