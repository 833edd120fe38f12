import { rpc, type Page, type RpcContract, type SerializedError } from '@strowger/kernel';
import { IsUUID } from 'class-validator';
import * as r from './requests.js';
import type * as v from './views.js';

export class ById {
  @IsUUID() id!: string;
}
export class ByUser {
  @IsUUID() userId!: string;
}
export class Unblock {
  @IsUUID() userId!: string;
  @IsUUID() id!: string;
}

const define = <B extends object, R>(verbNoun: string, body: new () => B): RpcContract<B, R> =>
  rpc<B, R>(`rpc.routing.${verbNoun}.v1`, body);

/** `repeated`: the id was known, and this is the message it belongs to, as it is now. */
export const sendMessage = define<r.SendMessage, v.MessageView & { repeated?: true }>('send-message', r.SendMessage);
/** In the order of the texts. */
export const sendMessages = define<
  r.SendMessages,
  { items: ((v.MessageView & { repeated?: true }) | { refused: SerializedError })[] }
>('send-messages', r.SendMessages);
export const previewMessage = define<r.PreviewMessage, v.PreviewView>('preview-message', r.PreviewMessage);
export const getMessage = define<ById, v.MessageView>('get-message', ById);
/** A failed message again, as a new attempt. Not for messages whose outcome is unknown. */
export const retryMessage = define<ById, v.MessageView>('retry-message', ById);
export const listAttempts = define<ById, v.AttemptView[]>('list-attempts', ById);
/** Newest first. */
export const listMessages = define<r.ListMessages, Page<v.MessageView>>('list-messages', r.ListMessages);
export const listConversations = define<r.ListConversations, Page<v.ConversationView>>(
  'list-conversations',
  r.ListConversations,
);
export const syncClient = define<r.SyncClient, v.SyncView>('sync-client', r.SyncClient);
/** Where each user's feed stands now; users without one are absent. Lets the gateway find lost live pushes. */
export const feedHeads = define<r.FeedHeads, Record<string, number>>('feed-heads', r.FeedHeads);
export const ackClient = define<r.AckClient, null>('ack-client', r.AckClient);
export const blockNumber = define<r.BlockNumber, v.BlockView>('block-number', r.BlockNumber);
export const unblockNumber = define<Unblock, null>('unblock-number', Unblock);
export const listBlocks = define<ByUser, v.BlockView[]>('list-blocks', ByUser);
/** Opt-outs of remote parties towards one of our numbers, by the number's id. */
export const listOptOuts = define<ById, v.OptOutView[]>('list-opt-outs', ById);
export const listQuarantine = define<r.ListQuarantine, Page<v.QuarantinedView>>('list-quarantine', r.ListQuarantine);
/** Runs a quarantined delivery through routing again. */
export const replayQuarantined = define<ById, v.QuarantinedView>('replay-quarantined', ById);
export {
  addAgent,
  addGroupQueue,
  addMediaStream,
  addResellerQueue,
  countQueuesUnder,
  deleteMediaStream,
  deleteQueue,
  findMediaStream,
  findQueue,
  getMediaStream,
  getQueue,
  listAgents,
  listGroupQueues,
  listMediaStreams,
  listQueueMediaStreams,
  listQueues,
  listResellerQueues,
  removeAgent,
  updateMediaStream,
  updateQueue,
} from './contact-centre.js';
