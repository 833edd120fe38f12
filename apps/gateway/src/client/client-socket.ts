import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { ClientRequest, pushSubject, routingRpc, type ClientFrame, type SyncView } from '@strowger/contracts-routing';
import { AppError, clientAddress, InvalidInput, validated, type RpcContext } from '@strowger/kernel';
import { counter, gauge, guarded, inBackground, logger, withTraceparent } from '@strowger/telemetry';
import { Messaging } from '@strowger/messaging';
import { Rpc } from '@strowger/rpc';
import type { NatsConnection, Subscription } from '@nats-io/nats-core';
import type { FastifyInstance } from 'fastify';
import { WebSocketServer, type RawData, type WebSocket } from 'ws';
import { type Principal, Tokens } from '../auth/tokens.js';
import { GatewayConfig, trustedProxiesOf } from '../config.js';
import { Quotas } from '../rates/quotas.js';
import { TooManyRequests } from '../rates/request-rates.js';

const PATH = '/v1/client/ws';

/** A request that opens a client's socket. */
export const opensSocket = ({ method, url, headers }: IncomingMessage): boolean =>
  method === 'GET' && url?.split('?')[0] === PATH && headers.upgrade?.toLowerCase() === 'websocket';

class UpgradeRequired extends AppError {
  constructor() {
    super('invalid', 'upgrade-required', 'This is a WebSocket: send `Connection: Upgrade` and `Upgrade: websocket`.');
  }
}

/** For who asks for the socket's address with plain HTTP. */
export function registerSocketAddress(fastify: FastifyInstance): void {
  fastify.get(PATH, (_, reply) => {
    reply.headers({ upgrade: 'websocket', connection: 'upgrade' });
    throw new UpgradeRequired();
  });
}
const PROTOCOL = 'strowger.v1';
const SYNC_PAGE = 500;
const PING_SECONDS = 20;
/** A socket that lets this much pile up is closed: it resumes from its cursor when it can keep up again. */
const MOST_BUFFERED_BYTES = 4 * 1024 * 1024;
const SPACE = 0x20;
const UTF8 = new TextDecoder('utf-8', { fatal: true });

const CLOSE = {
  tokenExpired: 4001,
  protocol: 4002,
  slow: 4008,
  goingAway: 1001,
  failed: 1011,
  tryAgain: 1013,
} as const;

const log = logger('client-socket');
const framesSent = counter('strowger_client_frames_total', 'Frames sent to clients');
const resyncs = counter('strowger_client_resyncs_total', 'Times a gap in the live frames was filled from the feed');

type ClientPrincipal = Extract<Principal, { kind: 'client' }>;

/**
 * One client's connection: `hello {cursor}` → missed items in order → live. A user's cursors have no gaps, so a live
 * frame that jumps ahead shows a lost push, and the feed is read again from the last frame sent.
 */
class ClientConnection {
  private last = 0;
  private live = false;
  /** Counts hellos: what was asked for an earlier one is not sent. */
  private hellos = 0;
  private syncing = false;
  private again = false;
  private alive = true;
  private pendingAck = 0;
  private acking = false;
  private subscription?: Subscription;
  private readonly expiry: NodeJS.Timeout;

  constructor(
    private readonly socket: WebSocket,
    readonly userId: string,
    private readonly context: RpcContext,
    expiresAt: number,
    private readonly rpc: Rpc,
    private readonly nats: NatsConnection,
  ) {
    this.expiry = setTimeout(
      () => socket.close(CLOSE.tokenExpired, 'token expired'),
      Math.max(expiresAt - Date.now(), 0),
    );
    socket.on(
      'message',
      guarded('client-frame', (data: RawData) => this.receive(data), this.fail),
    );
    socket.on('pong', () => (this.alive = true));
    socket.on('error', () => socket.terminate());
  }

  /** Position of the last frame sent, or undefined while the client has not said hello. */
  get position(): number | undefined {
    return this.live && !this.syncing ? this.last : undefined;
  }

  release(): void {
    clearTimeout(this.expiry);
    this.subscription?.unsubscribe();
  }

  close(): void {
    this.socket.close(CLOSE.goingAway, 'server is restarting');
  }

  ping(): void {
    if (!this.alive) return this.socket.terminate();
    this.alive = false;
    this.socket.ping();
  }

  /** What a listener of this connection throws ends this connection and nothing else. */
  private readonly fail = (): void => this.socket.close(CLOSE.failed, 'internal');

  private receive(data: RawData): void {
    let frame: unknown;
    try {
      frame = JSON.parse(UTF8.decode(Array.isArray(data) ? Buffer.concat(data) : data));
    } catch {
      return this.refuse('frame-unreadable', 'A frame must be JSON.');
    }
    if (typeof frame !== 'object' || frame === null || Array.isArray(frame))
      return this.refuse('frame-invalid', 'A frame must be a JSON object.');
    let request: ClientRequest;
    try {
      request = validated(ClientRequest, frame);
    } catch (error) {
      if (error instanceof InvalidInput) return this.refuse('frame-invalid', error.message);
      throw error;
    }
    const { type, cursor = 0 } = request;
    if (type === 'hello') this.hello(cursor);
    if (type === 'ack') this.ack(cursor);
  }

  private hello(cursor: number): void {
    this.last = cursor;
    this.live = true;
    this.hellos++;
    // Subscribed before the feed is read: a change between the two is seen twice, never missed.
    this.subscription ??= this.nats.subscribe(pushSubject(this.userId), {
      callback: guarded(
        'client-push',
        (_, message) =>
          withTraceparent(message.headers?.get('traceparent'), 'push to client', () => this.push(message.data)),
        this.fail,
      ),
    });
    this.frame({ type: 'hello', userId: this.userId, cursor });
    this.sync();
  }

  /** `<cursor> <frame JSON>`: forwarded as it came, without parsing. */
  private push(payload: Uint8Array): void {
    let at = 0;
    let cursor = 0;
    for (; at < payload.length && payload[at] !== SPACE; at++) cursor = cursor * 10 + (payload[at]! - 48);
    if (!this.live || cursor <= this.last) return;
    if (this.syncing || cursor > this.last + 1) return this.sync();
    this.last = cursor;
    this.write(payload.subarray(at + 1));
  }

  /** Sends what the feed holds after the last frame. Asked for while it runs, it looks once more. */
  sync(): void {
    this.again = true;
    if (!this.syncing) inBackground('client-sync', this.readFeed());
  }

  private async readFeed(): Promise<void> {
    this.syncing = true;
    try {
      while (this.live && this.again && this.socket.readyState === this.socket.OPEN) {
        this.again = false;
        const { hellos } = this;
        const page = await this.pageAfter(this.last).catch((error: unknown) => {
          if (hellos === this.hellos) throw error;
        });
        // Another hello came meanwhile, which asked to look again.
        if (!page || hellos !== this.hellos) continue;
        for (const { type, message } of page.items) this.frame({ type, cursor: message.cursor, message });
        this.last = Math.max(this.last, page.cursor);
        if (page.more) this.again = true;
        else if (!this.again) this.frame({ type: 'synced', cursor: this.last });
      }
    } catch (error) {
      this.syncFailed(AppError.wrap(error));
    } finally {
      this.syncing = false;
    }
  }

  private pageAfter(cursor: number): Promise<SyncView> {
    return this.rpc.call(routingRpc.syncClient, {
      ...this.context,
      body: { userId: this.userId, cursor, limit: SYNC_PAGE },
    });
  }

  private syncFailed({ code, details, message }: AppError): void {
    if (code === 'cursor-ahead') {
      // Nothing is sent until the client has said from where.
      this.live = false;
      return this.frame({ type: 'cursor-ahead', cursor: Number(details['head']) });
    }
    log.warn({ userId: this.userId, code }, 'client-sync-failed');
    this.frame({ type: 'error', code, detail: message });
    this.socket.close(CLOSE.tryAgain, 'try again');
  }

  private ack(cursor: number): void {
    this.pendingAck = Math.max(this.pendingAck, Math.min(cursor, this.last));
    if (!this.acking) inBackground('client-ack', this.passAcksOn());
  }

  private async passAcksOn(): Promise<void> {
    this.acking = true;
    try {
      for (let sent = -1; sent < this.pendingAck;) {
        sent = this.pendingAck;
        await this.rpc.call(routingRpc.ackClient, { ...this.context, body: { userId: this.userId, cursor: sent } });
      }
    } catch (error) {
      log.warn({ userId: this.userId, code: AppError.wrap(error).code }, 'client-ack-failed');
    } finally {
      this.acking = false;
    }
  }

  private refuse(code: string, detail: string): void {
    this.frame({ type: 'error', code, detail });
    this.socket.close(CLOSE.protocol, code);
  }

  private frame(frame: ClientFrame): void {
    this.write(JSON.stringify(frame));
  }

  private write(frame: string | Uint8Array): void {
    if (this.socket.readyState !== this.socket.OPEN) return;
    if (this.socket.bufferedAmount > MOST_BUFFERED_BYTES)
      return this.socket.close(CLOSE.slow, 'too slow; resume from your cursor');
    this.socket.send(frame, { binary: false });
    framesSent.inc();
  }
}

/** WebSocket door for clients (design §9): `/v1/client/ws`, token in `Authorization` or as subprotocol `bearer.<token>`. */
@Injectable()
export class ClientSockets implements OnModuleDestroy {
  private readonly server = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: 16 * 1024,
    handleProtocols: (offered) => (offered.has(PROTOCOL) ? PROTOCOL : false),
  });
  private readonly connections = new Set<ClientConnection>();
  private readonly timers: NodeJS.Timeout[] = [];

  constructor(
    private readonly tokens: Tokens,
    private readonly rpc: Rpc,
    private readonly messaging: Messaging,
    private readonly config: GatewayConfig,
    private readonly quotas: Quotas,
  ) {
    gauge('strowger_client_sockets', 'Clients connected', () => this.connections.size);
  }

  attach(http: Server): void {
    http.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) =>
      guarded(
        'client-upgrade',
        () => this.upgrade(request, socket, head),
        () => socket.destroy(),
      )(),
    );
    const ping = guarded('client-ping', (connection: ClientConnection) => connection.ping());
    this.timers.push(
      setInterval(
        guarded('client-pings', () => this.connections.forEach((connection) => ping(connection))),
        PING_SECONDS * 1000,
      ).unref(),
      setInterval(
        guarded('feed-check', () => this.checkFeeds()),
        this.config.feedCheckSeconds * 1000,
      ).unref(),
    );
  }

  async onModuleDestroy(): Promise<void> {
    this.timers.forEach(clearInterval);
    this.connections.forEach((c) => c.close());
    await new Promise<void>((done) => this.server.close(() => done()));
  }

  private async upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const refuse = (status: string, headers = ''): void =>
      void socket.end(`HTTP/1.1 ${status}\r\n${headers}connection: close\r\ncontent-length: 0\r\n\r\n`);
    socket.on('error', () => socket.destroy());
    const tooMany = (error: TooManyRequests): void =>
      refuse('429 Too Many Requests', `retry-after: ${error.retryAfterSeconds ?? 1}\r\n`);
    const address = this.addressOf(request);
    const principal = await this.principal(request, address);
    if (principal instanceof TooManyRequests) return tooMany(principal);
    if (!principal) return refuse('401 Unauthorized');
    if (!this.messaging.connected) return refuse('503 Service Unavailable', 'retry-after: 2\r\n');
    const { userId, scope } = principal;
    let release: () => void;
    try {
      release = this.quotas.openSocket({ userId, systemProviderId: scope.systemProviderId, address });
    } catch (error) {
      if (error instanceof TooManyRequests) return tooMany(error);
      throw error;
    }
    socket.once('close', release);
    this.server.handleUpgrade(request, socket, head, (ws) => {
      guarded(
        'client-connect',
        () => this.accept(ws, principal),
        () => ws.close(CLOSE.tryAgain, 'try again'),
      )();
    });
  }

  private accept(ws: WebSocket, { userId, scope, actor, expiresAt }: ClientPrincipal): void {
    const connection = new ClientConnection(ws, userId, { scope, actor }, expiresAt, this.rpc, this.messaging.nc);
    this.connections.add(connection);
    ws.on('close', () => {
      connection.release();
      this.connections.delete(connection);
    });
  }

  private addressOf({ socket, headers }: IncomingMessage): string | undefined {
    return clientAddress(socket.remoteAddress, headers['x-forwarded-for'], trustedProxiesOf(this.config));
  }

  private async principal(
    request: IncomingMessage,
    address: string | undefined,
  ): Promise<ClientPrincipal | TooManyRequests | undefined> {
    const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((p) => p.trim());
    const token =
      /^bearer +(\S+) *$/i.exec(request.headers.authorization ?? '')?.[1] ??
      offered.find((p) => p.startsWith('bearer.'))?.slice(7);
    if (!token) return undefined;
    try {
      const principal = await this.tokens.verify(token, address);
      return principal.kind === 'client' ? principal : undefined;
    } catch (error) {
      return error instanceof TooManyRequests ? error : undefined;
    }
  }

  /** Finds clients whose last push was lost: compares what they were sent with where their feeds stand. */
  private async checkFeeds(): Promise<void> {
    const settled = [...this.connections].filter((c) => c.position !== undefined);
    if (settled.length === 0) return;
    try {
      const heads = await this.rpc.call(routingRpc.feedHeads, {
        scope: { level: 'platform', id: '', systemProviderId: '' },
        actor: { kind: 'system', id: 'gateway', name: 'gateway' },
        body: { userIds: [...new Set(settled.map((c) => c.userId))] },
      });
      for (const connection of settled) {
        const head = heads[connection.userId] ?? 0;
        if (connection.position === undefined || connection.position === head) continue;
        if (connection.position < head) resyncs.inc();
        // Ahead of its feed, as after a restore, the client learns it when the feed is read.
        connection.sync();
      }
    } catch (error) {
      log.warn({ code: AppError.wrap(error).code }, 'feed-check-failed');
    }
  }
}
