import { Injectable } from '@nestjs/common';
import { loadConfig, ServiceConfig } from '@strowger/config';
import {
  hierarchyRpc,
  type ApiKeyGrant,
  type ApiKeyWithSecret,
  type AuthenticateApiKey,
  type LicenseDecision,
  type ProviderIdsView,
  type RequestLicense,
  type RequestPasswordReset,
  type SystemProviderView,
  type UserView,
} from '@strowger/contracts-hierarchy';
import {
  encodePush,
  pushSubject,
  routingRpc,
  type MessageView,
  type SendMessage,
  type SendMessages,
  type SyncClient,
  type SyncView,
} from '@strowger/contracts-routing';
import {
  provisioningRpc,
  type AssignNumber,
  type NumberOutcome,
  type NumberView,
} from '@strowger/contracts-provisioning';
import { startService } from '@strowger/http';
import { AppError, newId, type RpcRequest, PLATFORM_SCOPE } from '@strowger/kernel';
import { Messaging } from '@strowger/messaging';
import { Answers } from '@strowger/rpc';
import { testNats } from '@strowger/testing';
import { Tokens } from './auth/tokens.js';
import { GatewayConfig } from './config.js';
import { startGateway } from './gateway.js';

export const SECRET = 'a secret of the tests, at least 32 characters long';

/** What stands behind the gateway in its own specs: one user with one feed, and a count of what was asked. */
@Injectable()
export class Behind {
  static feed: MessageView[] = [];
  static acked = 0;
  static textsRead: object[] = [];
  /** System providers below the administrator's. */
  static children: string[] = [];
  static asked: RpcRequest<object>[] = [];
  static sent = new Map<string, MessageView>();
  /** What the next sends are refused with. */
  static refuse?: AppError;

  @Answers(routingRpc.syncClient)
  async sync({ body: { cursor = 0, limit = 200 } }: RpcRequest<SyncClient>): Promise<SyncView> {
    const head = Behind.feed.length;
    if (cursor > head) throw new AppError('conflict', 'cursor-ahead', 'Start again from 0.', { head });
    const after = Behind.feed.filter((m) => m.cursor > cursor);
    const items = after.slice(0, limit).map((message) => ({ type: 'message.created' as const, message }));
    return { items, cursor: items.at(-1)?.message.cursor ?? cursor, more: after.length > limit };
  }
  @Answers(hierarchyRpc.recordTextsRead)
  async noteTextsRead({ body }: RpcRequest<object>): Promise<null> {
    Behind.textsRead.push(body);
    return null;
  }
  @Answers(routingRpc.listMessages)
  async messages(): Promise<{ items: MessageView[] }> {
    return { items: Behind.feed };
  }
  @Answers(routingRpc.ackClient)
  async ack({ body }: RpcRequest<{ cursor: number }>): Promise<null> {
    Behind.acked = body.cursor;
    return null;
  }
  @Answers(routingRpc.feedHeads)
  async heads({ body }: RpcRequest<{ userIds: string[] }>): Promise<Record<string, number>> {
    return Object.fromEntries(body.userIds.map((id) => [id, Behind.feed.length]));
  }
  @Answers(routingRpc.sendMessage)
  async send(request: RpcRequest<SendMessage>): Promise<MessageView & { repeated?: true }> {
    Behind.asked.push(request);
    if (Behind.refuse) throw Behind.refuse;
    const { messageId = newId(), text } = request.body;
    const known = Behind.sent.get(messageId);
    if (known && known.text !== text)
      throw new AppError('conflict', 'message-id-reused', 'Another message has this id.');
    if (known) return { ...known, repeated: true };
    const message = { ...messageAt(1, text), id: messageId };
    Behind.sent.set(messageId, message);
    return message;
  }
  @Answers(routingRpc.sendMessages)
  async sendMany({ body, ...context }: RpcRequest<SendMessages>) {
    const items = body.items.map((item) =>
      this.send({ ...context, body: item }).catch((error: unknown) => ({ refused: AppError.wrap(error).toJSON() })),
    );
    return { items: await Promise.all(items) };
  }
  @Answers(provisioningRpc.assignNumber)
  async assign(request: RpcRequest<AssignNumber>): Promise<NumberOutcome> {
    Behind.asked.push(request);
    if (Behind.refuse) throw Behind.refuse;
    const id = request.body.numberId ?? newId();
    const operation = { id, state: 'succeeded' as const, kind: 'provision', subjectId: id, startedAt: '' };
    return { operation, number: { id, e164: request.body.number, version: 1 } as NumberView };
  }
  @Answers(hierarchyRpc.listProviderIds)
  async providerIds({ body }: RpcRequest<{ id: string }>): Promise<ProviderIdsView> {
    return { ids: [body.id, ...Behind.children] };
  }
  @Answers(hierarchyRpc.createSystemProvider)
  async createProvider({ body }: RpcRequest<{ name: string }>): Promise<SystemProviderView> {
    return { id: newId(), name: body.name, version: 1 } as SystemProviderView;
  }
  /** API keys by the sha256 of their secret, and how often one was asked about. */
  static keys = new Map<string, ApiKeyGrant>();
  static keysAsked = 0;
  @Answers(hierarchyRpc.authenticateApiKey)
  async authenticateKey({ body }: RpcRequest<AuthenticateApiKey>): Promise<ApiKeyGrant> {
    Behind.keysAsked += 1;
    const grant = Behind.keys.get(body.secretHash);
    if (!grant) throw new AppError('unauthenticated', 'api-key-refused', 'No such key.');
    return grant;
  }
  @Answers(hierarchyRpc.createApiKey)
  async createKey(request: RpcRequest<{ name: string }>): Promise<ApiKeyWithSecret> {
    Behind.asked.push(request);
    return { id: newId(), name: request.body.name, key: 'stk_shown_once', version: 1 } as ApiKeyWithSecret;
  }
  @Answers(hierarchyRpc.requestPasswordReset)
  async requestReset(request: RpcRequest<RequestPasswordReset>): Promise<null> {
    Behind.asked.push(request);
    return null;
  }
  /** What license requests are answered. */
  static decision: LicenseDecision = { outcome: 'rejected' };
  @Answers(hierarchyRpc.requestLicense)
  async requestLicense(request: RpcRequest<RequestLicense>): Promise<LicenseDecision> {
    Behind.asked.push(request);
    return Behind.decision;
  }
  @Answers(hierarchyRpc.updateUser)
  async updateUser(request: RpcRequest<{ id: string }>): Promise<UserView> {
    Behind.asked.push(request);
    return { id: request.body.id, version: 8 } as UserView;
  }
}

export const messageAt = (cursor: number, text: string): MessageView => ({
  id: newId(),
  conversationId: newId(),
  direction: 'inbound',
  number: '+12015550123',
  remote: '+12015550199',
  text,
  state: 'received',
  encoding: 'GSM-7',
  segments: 1,
  createdAt: '2026-11-20T09:30:00.000Z',
  cursor,
});

const BASE_ENV = { STROWGER_MODE: 'test', OPS_PORT: '0', OPS_HOST: '127.0.0.1', LOG_LEVEL: 'error' };
/** All but the address of NATS. */
export const GATEWAY_ENV = {
  ...BASE_ENV,
  PORT: '0',
  STROWGER_TOKEN_SECRET: SECRET,
  SECURE_COOKIES: 'false',
  WRONG_CREDENTIALS_PER_MINUTE: '0',
  SENDS_PER_SECOND_OF_USER: '0',
};

/** The gateway on a real nats-server, with `Behind` answering for the services. */
export async function startWorld(env: Record<string, string> = {}) {
  const nats = await testNats();
  class BehindConfig extends ServiceConfig {}
  const behind = await startService({
    name: 'behind',
    module: { module: class {}, providers: [Behind] },
    config: loadConfig(BehindConfig, { ...BASE_ENV, NATS_URL: nats.url }),
  });
  await behind.rpcReady;
  const config = loadConfig(GatewayConfig, { ...GATEWAY_ENV, NATS_URL: nats.url, ...env });
  const gateway = await startGateway(config);
  const tokens = gateway.app.get(Tokens);
  const messaging = gateway.app.get(Messaging);
  await messaging.ready();
  const user = { id: newId(), systemProviderId: newId(), name: 'Chris' } as UserView;
  const { clientToken } = await tokens.forClient(user);
  const admin = await tokens.forPortalUser({
    portalUserId: newId(),
    email: 'a@b.example',
    name: 'Ann',
    role: 'administrator',
    scope: { level: 'system-provider', id: user.systemProviderId, systemProviderId: user.systemProviderId },
  });
  const operator = await tokens.forPortalUser({
    portalUserId: newId(),
    email: 'o@b.example',
    name: 'Olga',
    role: 'administrator',
    scope: PLATFORM_SCOPE,
  });
  Object.assign(Behind, { feed: [], acked: 0, asked: [] });
  return {
    url: gateway.url!,
    nats,
    user,
    clientToken,
    adminToken: admin.accessToken,
    operatorToken: operator.accessToken,
    tokens,
    messaging,
    /** A live push as routing publishes it. */
    push: (message: MessageView) =>
      messaging.nc.publish(
        pushSubject(user.id),
        encodePush(message.cursor, JSON.stringify({ type: 'message.created', cursor: message.cursor, message })),
      ),
    request: (method: string, path: string, token: string, body?: unknown, headers: Record<string, string> = {}) =>
      fetch(gateway.url + path, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        body: body === undefined ? undefined : JSON.stringify(body),
      }),
    close: async () => {
      await gateway.close();
      await behind.close();
      await nats.stop();
    },
  };
}
export type World = Awaited<ReturnType<typeof startWorld>>;
