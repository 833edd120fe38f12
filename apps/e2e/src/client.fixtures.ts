import type { ClientFrame, MessageView } from '@strowger/contracts-routing';
import { WebSocket } from 'ws';

/**
 * A client that never gives up: whatever closes its socket, it comes back with the cursor of the last frame it saw.
 * Keeps what it was shown as new, so that a test sees a loss, a repeat and a wrong order.
 */
export class FollowingClient {
  readonly created: MessageView[] = [];
  readonly updated: MessageView[] = [];
  /** Times the socket had to be opened. */
  connections = 0;
  private cursor = 0;
  private socket?: WebSocket;
  private stopping = false;
  private readonly ended: Promise<void>;

  constructor(
    private readonly gatewayUrl: string,
    private readonly token: string,
  ) {
    this.ended = this.follow();
  }

  /** Texts of inbound messages in the order they were shown, by the other party. */
  threads(): Map<string, string[]> {
    const threads = new Map<string, string[]>();
    for (const { direction, remote, text } of this.created)
      if (direction === 'inbound') threads.set(remote, [...(threads.get(remote) ?? []), text]);
    return threads;
  }

  async stop(): Promise<void> {
    this.stopping = true;
    this.socket?.terminate();
    await this.ended;
  }

  private async follow(): Promise<void> {
    while (!this.stopping) {
      await this.once();
      if (!this.stopping) await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** One connection, until it closes. */
  private once(): Promise<void> {
    return new Promise((resolve) => {
      const socket = new WebSocket(`${this.gatewayUrl.replace(/^http/, 'ws')}/v1/client/ws`, ['strowger.v1'], {
        headers: { authorization: `Bearer ${this.token}` },
        perMessageDeflate: false,
        handshakeTimeout: 5000,
      });
      this.socket = socket;
      socket.on('open', () => {
        this.connections += 1;
        socket.send(JSON.stringify({ type: 'hello', cursor: this.cursor }));
      });
      socket.on('message', (data) => this.receive(JSON.parse(String(data)) as ClientFrame));
      socket.on('error', () => socket.terminate());
      socket.on('close', () => resolve());
    });
  }

  private receive(frame: ClientFrame): void {
    if (frame.type === 'message.created') this.created.push(frame.message);
    if (frame.type === 'message.updated') this.updated.push(frame.message);
    if (frame.type === 'message.created' || frame.type === 'message.updated' || frame.type === 'synced')
      this.cursor = Math.max(this.cursor, frame.cursor);
    if (frame.type === 'message.created') this.socket?.send(JSON.stringify({ type: 'ack', cursor: this.cursor }));
  }
}
