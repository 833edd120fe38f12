import { Type } from 'class-transformer';
import {
  IsEmail,
  IsIn,
  IsInt,
  IsISO8601,
  IsOptional,
  IsString,
  IsUUID,
  Length,
  Matches,
  Max,
  MaxLength,
  Min,
} from 'class-validator';
import { JSONSchema } from 'class-validator-jsonschema';
import { rpc, type Page, type RpcContract } from '@strowger/kernel';

/** What a media stream lets in, spelt as the provisioning API spells it. */
export const MEDIA_STREAM_TYPES = ['WebChat', 'Callback', 'IMAP', 'SMS', 'Twitter', 'Facebook', 'WhatsApp'] as const;
export type MediaStreamType = (typeof MEDIA_STREAM_TYPES)[number];

/** Names are stored as given, so white space at their ends would make two that look the same. */
const AS_GIVEN = /^(?!\s)[^\p{Cc}]*(?<!\s)$/u;
const asGiven = { message: '$property must not begin or end with a space or hold control characters' };

// Requests

class ById {
  @IsUUID() id!: string;
}

/** `search` is looked for anywhere in the name, without case. */
class Paged {
  @IsOptional() @Type(() => Number) @IsInt() @Min(1) @Max(200) @JSONSchema({ default: 50 }) limit?: number;
  @IsOptional() @IsString() @MaxLength(500) cursor?: string;
  @IsOptional() @IsString() @MaxLength(255) search?: string;
}

export class AddResellerQueue {
  @IsUUID() resellerId!: string;
  @IsString() @Length(1, 255) @Matches(AS_GIVEN, asGiven) @JSONSchema({ examples: ['Sales'] }) name!: string;
}
export class AddGroupQueue {
  @IsUUID() groupId!: string;
  @IsString() @Length(1, 255) @Matches(AS_GIVEN, asGiven) @JSONSchema({ examples: ['Sales'] }) name!: string;
}
export class UpdateQueue {
  @IsUUID() id!: string;
  @IsOptional() @IsInt() version?: number;
  @IsOptional()
  @IsString()
  @Length(1, 255)
  @Matches(AS_GIVEN, asGiven)
  @JSONSchema({ examples: ['Sales'] })
  name?: string;
}
export class ListQueues extends Paged {}
/** The reseller's own queues, not those of its groups. */
export class ListResellerQueues extends Paged {
  @IsUUID() resellerId!: string;
}
export class ListGroupQueues extends Paged {
  @IsUUID() groupId!: string;
}
export class CountQueuesUnder {
  @IsIn(['system-provider', 'reseller', 'group', 'user']) level!: 'system-provider' | 'reseller' | 'group' | 'user';
  /** Of the node, which hierarchy may have deleted. */
  @IsUUID() id!: string;
}
/** A queue by its name at its level: the group's when there is one, else the reseller's. */
export class FindQueue {
  @IsUUID() resellerId!: string;
  @IsOptional() @IsUUID() groupId?: string;
  @IsString() @Length(1, 255) name!: string;
}

export class AddMediaStream {
  @IsUUID() queueId!: string;
  @IsString() @Length(1, 255) @Matches(AS_GIVEN, asGiven) @JSONSchema({ examples: ['Sales by text'] }) name!: string;
  @IsIn(MEDIA_STREAM_TYPES) @JSONSchema({ examples: ['SMS'] }) type!: MediaStreamType;
  /** E.164, or ten digits of a US number. An SMS stream needs one; WhatsApp and Callback may have one. */
  @IsOptional() @IsString() @Length(1, 32) @JSONSchema({ examples: ['+12015550123'] }) number?: string;
}
export class UpdateMediaStream {
  @IsUUID() id!: string;
  @IsOptional() @IsInt() version?: number;
  @IsOptional()
  @IsString()
  @Length(1, 255)
  @Matches(AS_GIVEN, asGiven)
  @JSONSchema({ examples: ['Sales by text'] })
  name?: string;
  @IsOptional() @IsIn(MEDIA_STREAM_TYPES) @JSONSchema({ examples: ['SMS'] }) type?: MediaStreamType;
  /** Null takes the number off, which an SMS stream refuses. */
  @IsOptional()
  @IsString()
  @Length(1, 32)
  @JSONSchema({ type: ['string', 'null'], examples: ['+12015550123'] })
  number?: string | null;
}
export class ListMediaStreams extends Paged {}
export class ListQueueMediaStreams extends Paged {
  @IsUUID() queueId!: string;
}
/** A media stream by its name in the queue of that name. */
export class FindMediaStream {
  @IsUUID() resellerId!: string;
  @IsOptional() @IsUUID() groupId?: string;
  @IsString() @Length(1, 255) queueName!: string;
  @IsString() @Length(1, 255) name!: string;
}

/** Makes a portal user of the group's reseller an agent of the group. */
export class AddAgent {
  @IsUUID() groupId!: string;
  @IsUUID() portalUserId!: string;
}
export class RemoveAgent {
  @IsUUID() groupId!: string;
  @IsUUID() portalUserId!: string;
}
export class ListAgents extends Paged {
  @IsUUID() groupId!: string;
}

// Views

export class QueueView {
  @IsUUID() id!: string;
  @IsUUID() systemProviderId!: string;
  @IsUUID() resellerId!: string;
  /** Absent for a queue of the reseller itself. */
  @IsOptional() @IsUUID() groupId?: string;
  @IsString() @JSONSchema({ examples: ['Sales'] }) name!: string;
  @IsInt() version!: number;
  @IsISO8601() createdAt!: string;
}
export class MediaStreamView {
  @IsUUID() id!: string;
  @IsUUID() queueId!: string;
  @IsUUID() systemProviderId!: string;
  @IsUUID() resellerId!: string;
  @IsOptional() @IsUUID() groupId?: string;
  @IsString() @JSONSchema({ examples: ['Sales by text'] }) name!: string;
  @IsIn(MEDIA_STREAM_TYPES) @JSONSchema({ examples: ['SMS'] }) type!: MediaStreamType;
  /** E.164. */
  @IsOptional() @IsString() @JSONSchema({ examples: ['+12015550123'] }) number?: string;
  @IsInt() version!: number;
  @IsISO8601() createdAt!: string;
}
/** A portal user who is an agent of a group. */
export class AgentView {
  @IsUUID() id!: string;
  @IsUUID() groupId!: string;
  @IsUUID() portalUserId!: string;
  @IsString() name!: string;
  @IsEmail() email!: string;
  @IsISO8601() createdAt!: string;
}

/** What hangs on a node and below it. */
export interface QueuesUnder {
  /** Queues. */
  count: number;
  mediaStreams: number;
  agents: number;
}

// Contracts; routing asks hierarchy, with the caller's scope, for every node it is given.

const define = <B extends object, R>(verbNoun: string, body: new () => B): RpcContract<B, R> =>
  rpc<B, R>(`rpc.routing.${verbNoun}.v1`, body);

/** @throws queue-exists, reseller-not-found */
export const addResellerQueue = define<AddResellerQueue, QueueView>('add-reseller-queue', AddResellerQueue);
/** @throws queue-exists, group-not-found */
export const addGroupQueue = define<AddGroupQueue, QueueView>('add-group-queue', AddGroupQueue);
/** @throws queue-exists, queue-not-found */
export const updateQueue = define<UpdateQueue, QueueView>('update-queue', UpdateQueue);
/** Its media streams go with it. @throws queue-not-found */
export const deleteQueue = define<ById, null>('delete-queue', ById);
export const getQueue = define<ById, QueueView>('get-queue', ById);
/** @throws queue-not-found */
export const findQueue = define<FindQueue, QueueView>('find-queue', FindQueue);
/** Everything in scope, by name. */
export const listQueues = define<ListQueues, Page<QueueView>>('list-queues', ListQueues);
export const listResellerQueues = define<ListResellerQueues, Page<QueueView>>(
  'list-reseller-queues',
  ListResellerQueues,
);
export const listGroupQueues = define<ListGroupQueues, Page<QueueView>>('list-group-queues', ListGroupQueues);

/** What the node's deletion would take along. */
export const countQueuesUnder = define<CountQueuesUnder, QueuesUnder>('count-queues-under', CountQueuesUnder);

/** @throws media-stream-exists, queue-not-found, number-already-assigned, invalid-input naming `number` */
export const addMediaStream = define<AddMediaStream, MediaStreamView>('add-media-stream', AddMediaStream);
/** @throws media-stream-exists, media-stream-not-found, number-already-assigned, invalid-input naming `number` */
export const updateMediaStream = define<UpdateMediaStream, MediaStreamView>('update-media-stream', UpdateMediaStream);
/** @throws media-stream-not-found */
export const deleteMediaStream = define<ById, null>('delete-media-stream', ById);
export const getMediaStream = define<ById, MediaStreamView>('get-media-stream', ById);
/** @throws queue-not-found, media-stream-not-found */
export const findMediaStream = define<FindMediaStream, MediaStreamView>('find-media-stream', FindMediaStream);
export const listMediaStreams = define<ListMediaStreams, Page<MediaStreamView>>('list-media-streams', ListMediaStreams);
export const listQueueMediaStreams = define<ListQueueMediaStreams, Page<MediaStreamView>>(
  'list-queue-media-streams',
  ListQueueMediaStreams,
);

/** @throws association-exists, group-not-found, portal-user-not-found (also for one of another level or reseller) */
export const addAgent = define<AddAgent, AgentView>('add-agent', AddAgent);
/** @throws association-not-found, group-not-found */
export const removeAgent = define<RemoveAgent, null>('remove-agent', RemoveAgent);
export const listAgents = define<ListAgents, Page<AgentView>>('list-agents', ListAgents);
