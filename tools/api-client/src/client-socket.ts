import type { ClientFrame } from '@strowger/contracts-routing';
import { WebSocket } from 'ws';
import { until } from './until.js';

/** A client on the socket: says hello, keeps every frame, answers what it was shown. */
export class ClientSocket {
  readonly frames: ClientFrame[] = [];
  /** Position of the last frame seen. */
  cursor: number;

  private constructor(
    private readonly socket: WebSocket,
    cursor: number,
  ) {
    this.cursor = cursor;
  }

  /** Connects and waits until the feed has been caught up with. */
  static async open(gatewayUrl: string, token: string, cursor = 0): Promise<ClientSocket> {
    const socket = new WebSocket(`${gatewayUrl.replace(/^http/, 'ws')}/v1/client/ws`, ['strowger.v1'], {
      headers: { authorization: `Bearer ${token}` },
      perMessageDeflate: false,
    });
    const client = new ClientSocket(socket, cursor);
    await new Promise<void>((resolve, reject) => socket.once('open', resolve).once('error', reject));
    socket.on('message', (data) => client.receive(JSON.parse(String(data)) as ClientFrame));
    socket.send(JSON.stringify({ type: 'hello', cursor }));
    await until('the end of the catch-up', async () => client.frames.some((frame) => frame.type === 'synced'));
    return client;
  }

  /** The first frame that fits, now or within the time. */
  seen<F extends ClientFrame>(what: string, fits: (frame: ClientFrame) => frame is F, timeoutMs?: number): Promise<F> {
    return until(what, async () => this.frames.find(fits), timeoutMs);
  }

  /** Messages in the order they were shown, by text. */
  texts(): string[] {
    return this.frames.flatMap((frame) => (frame.type === 'message.created' ? [frame.message.text] : []));
  }

  async close(): Promise<void> {
    if (this.socket.readyState === WebSocket.CLOSED) return;
    const closed = new Promise((resolve) => this.socket.once('close', resolve));
    this.socket.close();
    await closed;
  }

  private receive(frame: ClientFrame): void {
    this.frames.push(frame);
    if (frame.type === 'message.created' || frame.type === 'message.updated' || frame.type === 'synced')
      this.cursor = Math.max(this.cursor, frame.cursor);
    // What was shown before belongs to a feed that is no more.
    if (frame.type === 'cursor-ahead') {
      this.cursor = 0;
      this.socket.send(JSON.stringify({ type: 'hello', cursor: 0 }));
    }
    if (frame.type === 'message.created') this.socket.send(JSON.stringify({ type: 'ack', cursor: this.cursor }));
  }
}
