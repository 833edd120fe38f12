import { Controller, Inject } from '@nestjs/common';
import type * as c from '@strowger/contracts-routing';
import { routingRpc as rpc } from '@strowger/contracts-routing';
import { Answers } from '@strowger/http';
import type { Page, RpcRequest } from '@strowger/kernel';
import { BlocksService } from '../consent/blocks.service.js';
import { ConsentService } from '../consent/consent.service.js';
import { FeedService } from '../messages/feed.service.js';
import { QuarantineService } from '../inbound/quarantine.service.js';
import { MessagesService } from './messages.service.js';

type ById = { id: string };
type ByUser = { userId: string };

@Controller()
export class MessagesController {
  constructor(
    @Inject(MessagesService) private readonly messages: MessagesService,
    @Inject(FeedService) private readonly feed: FeedService,
    @Inject(BlocksService) private readonly blocks: BlocksService,
    @Inject(ConsentService) private readonly consent: ConsentService,
    @Inject(QuarantineService) private readonly quarantine: QuarantineService,
  ) {}

  @Answers(rpc.sendMessage)
  send({ scope, body }: RpcRequest<c.SendMessage>): Promise<c.MessageView> {
    return this.messages.send(scope, body);
  }
  @Answers(rpc.previewMessage)
  async preview({ body }: RpcRequest<c.PreviewMessage>): Promise<c.PreviewView> {
    return this.messages.preview(body.text);
  }
  @Answers(rpc.getMessage)
  get({ scope, body }: RpcRequest<ById>): Promise<c.MessageView> {
    return this.messages.get(scope, body.id);
  }
  @Answers(rpc.retryMessage)
  retry({ scope, body }: RpcRequest<ById>): Promise<c.MessageView> {
    return this.messages.retry(scope, body.id);
  }
  @Answers(rpc.listAttempts)
  attempts({ scope, body }: RpcRequest<ById>): Promise<c.AttemptView[]> {
    return this.messages.attempts(scope, body.id);
  }
  @Answers(rpc.listMessages)
  list({ scope, body }: RpcRequest<c.ListMessages>): Promise<Page<c.MessageView>> {
    return this.messages.list(scope, body);
  }
  @Answers(rpc.listConversations)
  conversations({ scope, body }: RpcRequest<c.ListConversations>): Promise<Page<c.ConversationView>> {
    return this.messages.conversations(scope, body);
  }
  @Answers(rpc.syncClient)
  sync({ scope, body }: RpcRequest<c.SyncClient>): Promise<c.SyncView> {
    return this.feed.sync(scope, body);
  }
  @Answers(rpc.feedHeads)
  heads({ scope, body }: RpcRequest<c.FeedHeads>): Promise<Record<string, number>> {
    return this.feed.heads(scope, body.userIds);
  }
  @Answers(rpc.ackClient)
  async ack({ scope, body }: RpcRequest<c.AckClient>): Promise<null> {
    await this.feed.ack(scope, body.userId, body.cursor);
    return null;
  }
  @Answers(rpc.blockNumber)
  block({ scope, body }: RpcRequest<c.BlockNumber>): Promise<c.BlockView> {
    return this.blocks.block(scope, body.userId, body.number);
  }
  @Answers(rpc.unblockNumber)
  async unblock({ scope, body }: RpcRequest<ByUser & ById>): Promise<null> {
    await this.blocks.unblock(scope, body.userId, body.id);
    return null;
  }
  @Answers(rpc.listBlocks)
  listBlocks({ scope, body }: RpcRequest<ByUser>): Promise<c.BlockView[]> {
    return this.blocks.list(scope, body.userId);
  }
  @Answers(rpc.listOptOuts)
  optOuts({ scope, body }: RpcRequest<ById>): Promise<c.OptOutView[]> {
    return this.consent.list(scope, body.id);
  }
  @Answers(rpc.listQuarantine)
  listQuarantine({ scope, body }: RpcRequest<c.ListQuarantine>): Promise<Page<c.QuarantinedView>> {
    return this.quarantine.list(scope, body);
  }
  @Answers(rpc.replayQuarantined)
  replay({ scope, body }: RpcRequest<ById>): Promise<c.QuarantinedView> {
    return this.quarantine.replay(scope, body.id);
  }
}
