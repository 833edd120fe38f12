import { Injectable } from '@nestjs/common';
import {
  routingRpc as rpc,
  type AttemptView,
  type ConversationView,
  type ListConversations,
  type ListMessages,
  type MessageView,
  type PreviewMessage,
  type PreviewView,
  type SendMessage,
  type SendMessages,
} from '@strowger/contracts-routing';
import {
  AppError,
  InvalidInput,
  newId,
  NotFound,
  pageOf,
  parseNanp,
  type Page,
  type RpcRequest,
  type SerializedError,
  type TenantScope,
} from '@strowger/kernel';
import { Db, sql } from '@strowger/persistence';
import { Answers } from '@strowger/rpc';
import { analyze, isShortCode, MAX_TEXT_LENGTH } from '@strowger/sms';
import { inScopeOfUser, timeCursor } from '../directory/scope.js';
import { mayMove, MESSAGE_COLUMNS, messageViewOf, type MessageRow } from '../messages/message.js';
import { MessageStore } from '../messages/message.store.js';
import type { Refusal } from '../messages/queue.store.js';
import { OutboundMessages } from '../outbound/outbound-messages.js';
import {
  MessageNotRetryable,
  NotLicensed,
  NumberNotOwned,
  OptedOut,
  RemoteBlocked,
  SenderRequired,
  SmsNotAvailable,
  TextTooLong,
} from './messages.errors.js';

/** `repeated`: the id was known, and this is the message it belongs to, as it is now. */
type Sent = MessageView & { repeated?: true };

@Injectable()
export class MessagesService {
  constructor(
    private readonly db: Db,
    private readonly outbound: OutboundMessages,
    private readonly messages: MessageStore,
  ) {}

  /** Puts a text in line. Safe to repeat with the same `messageId`. */
  @Answers(rpc.sendMessage)
  async send({ scope, body }: RpcRequest<SendMessage>): Promise<Sent> {
    const { messageId = newId(), userId, from, to, text } = body;
    if (text.length > MAX_TEXT_LENGTH) throw new TextTooLong(text.length);
    const remote = isShortCode(to) ? to : parseNanp(to, 'to');
    const owner = userId ?? (scope.level === 'user' ? scope.id : undefined);
    if (owner === undefined)
      throw new InvalidInput([{ field: 'userId', rule: 'required', message: 'Say for which user it is sent.' }]);
    const sender = from === undefined ? undefined : parseNanp(from, 'from');
    const queued = await this.outbound.submit({ id: messageId, userId: owner, scope, from: sender, remote, text });
    switch (queued.verdict) {
      case 'queued':
        return messageViewOf(queued.message);
      case 'known':
        return { ...sameOrConflict(queued, remote, text), repeated: true };
      case 'no-number':
        // A user of the scope who has no number can't send; a user outside of the scope does not exist here.
        if (scope.level === 'user' && scope.id === owner) throw new NumberNotOwned(undefined);
        throw new NotFound('user', owner);
      case 'sender-required':
        throw new SenderRequired(queued.numbers);
      case 'number-not-owned':
        throw new NumberNotOwned(sender);
      default:
        throw refusalOf(queued.verdict, remote);
    }
  }

  /** Many at once, each for itself. Safe to repeat with the same `messageId`s. */
  @Answers(rpc.sendMessages)
  async sendMany({
    body,
    ...context
  }: RpcRequest<SendMessages>): Promise<{ items: (Sent | { refused: SerializedError })[] }> {
    const items = body.items.map((item) =>
      this.send({ ...context, body: item }).catch((error: unknown) => ({ refused: AppError.wrap(error).toJSON() })),
    );
    return { items: await Promise.all(items) };
  }

  @Answers(rpc.previewMessage)
  async preview({ body: { text } }: RpcRequest<PreviewMessage>): Promise<PreviewView> {
    const { encoding, units, segments, parts } = analyze(text);
    const warnings: string[] = [];
    if (segments > 1) warnings.push(`Carriers bill ${segments} segments for this text, and may bill more.`);
    if (encoding === 'UCS-2')
      warnings.push(
        'A character outside the GSM alphabet leaves room for 70 characters in one segment instead of 160.',
      );
    if (text.length > MAX_TEXT_LENGTH) warnings.push(`Longer than the ${MAX_TEXT_LENGTH} characters that can be sent.`);
    return { encoding, units, segments, parts, warnings };
  }

  @Answers(rpc.getMessage)
  async get({ scope, body }: RpcRequest<{ id: string }>): Promise<MessageView> {
    return messageViewOf(await this.row(scope, body.id));
  }

  /** Sends a failed message again, as a new attempt. What may still arrive is not sent twice. */
  @Answers(rpc.retryMessage)
  async retry({ scope, body: { id } }: RpcRequest<{ id: string }>): Promise<MessageView> {
    return this.db.transactional(async () => {
      const row = await this.row(scope, id, true);
      if (!mayMove(row, 'retried')) throw new MessageNotRetryable(row.state);
      await this.mustBeAllowed(row.numberId, row.remote);
      await this.messages.move([{ message: row, cause: 'retried' }]);
      this.outbound.wake(row.platformId);
      return messageViewOf(await this.row(scope, id));
    });
  }

  @Answers(rpc.listAttempts)
  async attempts({ scope, body: { id } }: RpcRequest<{ id: string }>): Promise<AttemptView[]> {
    await this.row(scope, id);
    const rows = await this.db.query<Record<string, string | number | null>>(sql`
      select id, part, attempt, state, carrier_message_id as "carrierMessageId", carrier_status as "carrierStatus", error, started_at as "startedAt", finished_at as "finishedAt"
      from send_attempt where message_id = ${id} order by attempt, part`);
    return rows.map((row) => {
      const shown = Object.fromEntries(
        Object.entries(row).filter(([, value]) => value !== null),
      ) as unknown as AttemptView;
      return {
        ...shown,
        startedAt: iso(shown.startedAt),
        ...(shown.finishedAt ? { finishedAt: iso(shown.finishedAt) } : {}),
      };
    });
  }

  @Answers(rpc.listMessages)
  async list({ scope, body }: RpcRequest<ListMessages>): Promise<Page<MessageView>> {
    const { limit = 50, cursor, conversationId, userId } = body;
    const after = timeCursor(cursor);
    const rows = await this.db.query<MessageRow>(sql`
      select ${MESSAGE_COLUMNS} from message
      where ${inScopeOfUser(scope)} ${visible(scope)}
        ${conversationId ? sql`and conversation_id = ${conversationId}` : sql``} ${userId ? sql`and user_id = ${userId}` : sql``}
        ${after ? sql`and (created_at, id) < (${after.at}::timestamptz, ${after.id}::uuid)` : sql``}
      order by created_at desc, id desc limit ${limit + 1}`);
    return pageOf(rows, limit, (row) => [row.createdAt, row.id], messageViewOf);
  }

  @Answers(rpc.listConversations)
  async conversations({ scope, body }: RpcRequest<ListConversations>): Promise<Page<ConversationView>> {
    const { limit = 50, cursor, userId } = body;
    const after = timeCursor(cursor);
    const rows = await this.db.query<ConversationView>(sql`
      select c.id, c.user_id as "userId", c.number, c.remote, c.last_message_at as "lastMessageAt", case when o.id is null then 'none' else 'opted-out' end as "remoteConsent"
      from (select * from conversation where ${inScopeOfUser(scope)} ${shown(scope)} ${userId ? sql`and user_id = ${userId}` : sql``}
        ${after ? sql`and (last_message_at, id) < (${after.at}::timestamptz, ${after.id}::uuid)` : sql``}
        order by last_message_at desc, id desc limit ${limit + 1}) c
      left join opt_out o on o.number = c.number and o.remote = c.remote and o.cleared_at is null
      order by c.last_message_at desc, c.id desc`);
    return pageOf(
      rows,
      limit,
      (row) => [row.lastMessageAt, row.id],
      (row) => ({ ...row, lastMessageAt: iso(row.lastMessageAt) }),
    );
  }

  /** Everything that can forbid a text to a remote party. For a new text, the statement that stores it checks this. */
  private async mustBeAllowed(numberId: string, remote: string): Promise<void> {
    const [may] = await this.db.query<{
      e164: string;
      active: boolean;
      entitled: boolean;
      sms: boolean;
      optedOut: boolean;
      blocked: boolean;
    }>(sql`
      select n.e164, n.active, coalesce(e.entitled, false) as entitled, coalesce(p.sms_available, true) as sms,
             o.id is not null as "optedOut", b.id is not null as blocked
      from owned_number n
      left join user_entitlement e on e.user_id = n.user_id
      left join platform p on p.platform_id = n.platform_id
      left join opt_out o on o.number = n.e164 and o.remote = ${remote} and o.cleared_at is null
      left join block b on b.user_id = n.user_id and b.remote = ${remote}
      where n.number_id = ${numberId}`);
    if (!may?.active) throw new NumberNotOwned(may?.e164);
    if (!may.entitled) throw refusalOf('not-licensed', remote);
    if (!may.sms) throw refusalOf('sms-not-available', remote);
    if (may.optedOut) throw refusalOf('opted-out', remote);
    if (may.blocked) throw refusalOf('remote-blocked', remote);
  }

  private async row(scope: TenantScope, id: string, lock = false): Promise<MessageRow> {
    const [row] = await this.db.query<MessageRow>(
      sql`select ${MESSAGE_COLUMNS} from message where id = ${id} and ${inScopeOfUser(scope)} ${visible(scope)} ${lock ? sql`for update` : sql``}`,
    );
    if (!row) throw new NotFound('message', id);
    return row;
  }
}

/** A user does not see a message that is held. */
const visible = (scope: TenantScope) => (scope.level === 'user' ? sql`and feed_seq is not null` : sql``);
/** A user does not see a conversation in which every message is held. */
const shown = (scope: TenantScope) =>
  scope.level === 'user'
    ? sql`and exists (select 1 from message m where m.conversation_id = conversation.id and m.feed_seq is not null)`
    : sql``;
const iso = (timestamp: string): string => new Date(timestamp).toISOString();

function refusalOf(
  refusal: Exclude<Refusal, 'no-number' | 'sender-required' | 'number-not-owned'>,
  remote: string,
): AppError {
  switch (refusal) {
    case 'not-licensed':
      return new NotLicensed();
    case 'sms-not-available':
      return new SmsNotAvailable();
    case 'opted-out':
      return new OptedOut(remote);
    case 'remote-blocked':
      return new RemoteBlocked(remote);
  }
}

function sameOrConflict(
  { message, numberId }: { message: MessageRow; numberId: string },
  remote: string,
  text: string,
) {
  if (message.numberId !== numberId || message.remote !== remote || message.body !== text)
    throw new AppError('conflict', 'message-id-reused', 'Another message has this id.', { messageId: message.id });
  return messageViewOf(message);
}
