import { MailDeliveryView, notificationRpc } from '@strowger/contracts-notification';
import * as m from '@strowger/contracts-routing';
import { routingRpc as rpc } from '@strowger/contracts-routing';
import { problemOf } from '@strowger/http';
import { AppError, type RpcContract } from '@strowger/kernel';
import type { Principal } from '../auth/tokens.js';
import { IdempotencyKeyReused } from './idempotency.js';
import { routes, type Answer } from './route.js';

type ReplyOf<C> = C extends RpcContract<infer _, infer R> ? R : never;

const ownUser = (principal: Principal): { userId: string } => ({
  userId: principal.kind === 'client' ? principal.userId : '',
});
/** Of one request; routing refuses more. */
const MOST_TEXTS = 1000;
/** Routing's word for an id that belongs to another text. */
const REUSED = 'message-id-reused';
/** The message that was sent under the key before is shown as it is now. */
const sent = ({ repeated, ...message }: m.MessageView & { repeated?: true }): Answer => ({
  status: 202,
  body: message,
  ...(repeated && { headers: { 'idempotency-replayed': 'true' } }),
});
const sendErrors = {
  'number-invalid': 'invalid',
  'number-not-owned': 'invalid',
  'sender-required': 'invalid',
  'opted-out': 'conflict',
  'remote-blocked': 'conflict',
  'not-licensed': 'conflict',
  'text-too-long': 'invalid',
} as const;

/** Counted before routing has looked at them: there may be no list, or too long a one. */
const textsIn = ({ items }: { items: unknown }): number =>
  Array.isArray(items) ? Math.min(Math.max(items.length, 1), MOST_TEXTS) : 1;
const sentMany = ({ items }: ReplyOf<typeof rpc.sendMessages>): Answer => ({
  status: 200,
  body: {
    items: items.map((item) => {
      if (!('refused' in item)) {
        const { repeated, ...message } = item;
        return { status: 202, message, ...(repeated && { repeated }) };
      }
      const error = AppError.from(item.refused);
      const { status, code, detail } = problemOf(error.code === REUSED ? new IdempotencyKeyReused() : error);
      return { status, problem: { code, detail } };
    }),
  },
});
const MANY =
  `Up to 1,000 texts, at most 1 MiB, in the order they are to be sent. Each is taken or refused by itself, so the status is 200
and each item has the status it would have had alone. A repeat under the same Idempotency-Key sends nothing twice: what was taken before
is shown, what was refused is tried again. A malformed item refuses the whole, and nothing is sent.`.replaceAll(
    '\n',
    ' ',
  );

const client = routes('Client');
client.add('POST /v1/client/messages', rpc.sendMessage, {
  summary: 'Send a text',
  access: 'client',
  status: 202,
  response: { view: m.MessageView },
  idempotent: { id: 'messageId', reused: REUSED },
  sends: () => 1,
  bundled: true,
  answer: sent,
  fill: ownUser,
  errors: sendErrors,
});
client.add('POST /v1/client/messages::batch', rpc.sendMessages, {
  summary: 'Send many texts',
  description: MANY,
  access: 'client',
  response: { view: m.SentManyView },
  idempotent: { id: 'messageId', of: 'items', reused: REUSED },
  sends: textsIn,
  answer: sentMany,
});
client.add('GET /v1/client/messages', rpc.listMessages, {
  summary: 'Own messages, newest first',
  access: 'client',
  response: { view: m.MessageView, as: 'page' },
  fill: ownUser,
});
client.add('GET /v1/client/messages/:id', rpc.getMessage, {
  summary: 'One message',
  access: 'client',
  response: { view: m.MessageView },
});
client.add('POST /v1/client/messages/:id/retry', rpc.retryMessage, {
  summary: 'Send a failed message again, as a new attempt',
  access: 'client',
  status: 202,
  response: { view: m.MessageView },
  errors: { 'message-not-retryable': 'conflict' },
});
client.add('GET /v1/client/conversations', rpc.listConversations, {
  summary: 'Own conversations, latest first',
  access: 'client',
  response: { view: m.ConversationView, as: 'page' },
  fill: ownUser,
});
client.add('GET /v1/client/sync', rpc.syncClient, {
  summary: 'Everything that changed after a cursor, oldest change first',
  description: 'The REST twin of the socket: a client that was away asks from its last cursor until `more` is false.',
  access: 'client',
  response: { view: m.SyncView },
  errors: { 'cursor-ahead': 'conflict' },
  fill: ownUser,
});
client.add('POST /v1/client/acks', rpc.ackClient, {
  summary: 'Report that everything up to a cursor was shown',
  access: 'client',
  response: null,
  fill: ownUser,
});
client.add('GET /v1/client/blocks', rpc.listBlocks, {
  summary: 'Blocked numbers',
  access: 'client',
  response: { view: m.BlockView, as: 'list' },
  fill: ownUser,
});
client.add('POST /v1/client/blocks', rpc.blockNumber, {
  summary: 'Block a number',
  access: 'client',
  status: 201,
  response: { view: m.BlockView },
  fill: ownUser,
  idempotent: true,
  errors: { 'blocking-not-allowed': 'forbidden' },
});
client.add('DELETE /v1/client/blocks/:id', rpc.unblockNumber, {
  summary: 'Unblock a number',
  access: 'client',
  response: null,
  fill: ownUser,
});

const messages = routes('Messages');
messages.add('POST /v1/messages/preview', rpc.previewMessage, {
  summary: 'Encoding, units and segments of a text',
  description: 'GSM 03.38 or UCS-2; nothing is sent or kept.',
  access: 'read',
  response: { view: m.PreviewView },
});
messages.add('POST /v1/client/messages/preview', rpc.previewMessage, {
  summary: 'Encoding, units and segments of a text',
  access: 'client',
  response: { view: m.PreviewView },
});
messages.add('POST /v1/users/:userId/messages', rpc.sendMessage, {
  summary: 'Send a text for a user',
  access: 'write',
  status: 202,
  response: { view: m.MessageView },
  idempotent: { id: 'messageId', reused: REUSED },
  sends: () => 1,
  bundled: true,
  answer: sent,
  errors: sendErrors,
});
messages.add('POST /v1/messages::batch', rpc.sendMessages, {
  summary: 'Send many texts, each for a user',
  description: MANY,
  access: 'write',
  response: { view: m.SentManyView },
  idempotent: { id: 'messageId', of: 'items', reused: REUSED },
  sends: textsIn,
  answer: sentMany,
});
messages.add('GET /v1/users/:userId/messages', rpc.listMessages, {
  summary: "A user's messages, newest first",
  ofUser: true,
  access: 'texts',
  response: { view: m.MessageView, as: 'page' },
});
messages.add('GET /v1/users/:userId/conversations', rpc.listConversations, {
  summary: "A user's conversations",
  ofUser: true,
  access: 'texts',
  response: { view: m.ConversationView, as: 'page' },
});
messages.add('GET /v1/messages/:id', rpc.getMessage, {
  summary: 'One message',
  access: 'texts',
  response: { view: m.MessageView },
});
messages.add('GET /v1/messages/:id/attempts', rpc.listAttempts, {
  summary: 'Every attempt to send a message',
  access: 'read',
  response: { view: m.AttemptView, as: 'list' },
});
messages.add('GET /v1/numbers/:id/opt-outs', rpc.listOptOuts, {
  summary: 'Remote parties who opted out of a number',
  access: 'read',
  response: { view: m.OptOutView, as: 'list' },
});
messages.add('GET /v1/quarantine', rpc.listQuarantine, {
  summary: 'Deliveries that could not be routed, with the reason',
  access: 'read',
  response: { view: m.QuarantinedView, as: 'page' },
});
messages.add('POST /v1/quarantine/:id/replay', rpc.replayQuarantined, {
  summary: 'Route a quarantined delivery again',
  access: 'write',
  response: { view: m.QuarantinedView },
});

const mail = routes('Notifications');
mail.add('GET /v1/mail-deliveries', notificationRpc.listDeliveries, {
  summary: 'Alerts mailed, to whom and how it went',
  access: 'read',
  response: { view: MailDeliveryView, as: 'page' },
});

export const routingRoutes = [client, messages, mail].flatMap((r) => r.all);
