import { performance } from 'node:perf_hooks';
import { WebSocket } from 'ws';
import { MARK, ownerOf, SEQUENCE_DIGITS } from './requests.js';

export interface ClientLogin {
  token: string;
  /** Position in the feed to begin after. */
  cursor: number;
}

/** What the clients saw of one run of messages. */
export interface Sightings {
  frames: number;
  /** Seen twice, or by somebody it was not for. */
  duplicates: number;
  strays: number;
  /** Sent and accepted, but never seen. */
  missing: number;
  /** Client, and how many it saw. */
  perClient: number[];
  p50Ms: number;
  p99Ms: number;
  maxMs: number;
  /** Frames a second inside the measured time. */
  perSecond: number;
}

/** How often a client acks. */
const ACK_MS = 1000;
const MOST_MESSAGES = 4_000_000;

/** Clients on the socket, as cheap as can be: a frame is known by the sequence in its text, without parsing. */
export class Clients {
  private readonly sockets: WebSocket[] = [];
  private readonly sentAt = new Float64Array(MOST_MESSAGES);
  private readonly latency = new Float32Array(MOST_MESSAGES);
  private readonly seenAt = new Float64Array(MOST_MESSAGES);
  private perClient: number[] = [];
  private frames = 0;
  private duplicates = 0;
  private strays = 0;
  private ackTimer?: NodeJS.Timeout;
  private readonly lastFrame: (Buffer | undefined)[] = [];
  onFrame: () => void = () => undefined;
  /** Sockets that closed without being asked to. */
  dropped = 0;

  async connect(gatewayUrl: string, logins: readonly ClientLogin[]): Promise<void> {
    const url = `${gatewayUrl.replace(/^http/, 'ws')}/v1/client/ws`;
    await Promise.all(logins.map((login, client) => this.open(url, login, client)));
    this.perClient = logins.map(() => 0);
    // One after the other round the second, as clients who know nothing of each other.
    let turn = 0;
    this.ackTimer = setInterval(() => this.ack(turn++ % logins.length), ACK_MS / logins.length);
  }

  get seen(): number {
    return this.frames;
  }

  noteSent(sequence: number, at: number): void {
    this.sentAt[sequence] = at;
  }

  begin(): void {
    this.frames = this.duplicates = this.strays = 0;
    this.perClient = this.sockets.map(() => 0);
  }

  result(first: number, count: number, from: number, to: number): Sightings {
    const latencies: number[] = [];
    let missing = 0;
    let inTime = 0;
    for (let sequence = first; sequence < first + count; sequence++) {
      const at = this.seenAt[sequence]!;
      if (at === 0) missing++;
      else {
        if (at >= from && at <= to) inTime++;
        if (this.sentAt[sequence]! >= from) latencies.push(this.latency[sequence]!);
      }
    }
    const sorted = Float64Array.from(latencies).sort();
    const at = (q: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0;
    return {
      frames: this.frames,
      duplicates: this.duplicates,
      strays: this.strays,
      missing,
      perClient: this.perClient,
      p50Ms: at(0.5),
      p99Ms: at(0.99),
      maxMs: sorted.at(-1) ?? 0,
      perSecond: (inTime / (to - from)) * 1000,
    };
  }

  async close(): Promise<void> {
    clearInterval(this.ackTimer);
    this.sockets.forEach((_, client) => this.ack(client));
    const open = this.sockets.splice(0);
    await Promise.all(
      open.map((socket) => {
        if (socket.readyState === WebSocket.CLOSED) return undefined;
        const closed = new Promise((resolve) => socket.removeAllListeners('close').once('close', resolve));
        socket.close();
        return closed;
      }),
    );
  }

  private async open(url: string, { token, cursor }: ClientLogin, client: number): Promise<void> {
    const socket = new WebSocket(url, ['strowger.v1'], {
      headers: { authorization: `Bearer ${token}` },
      perMessageDeflate: false,
    });
    await new Promise<void>((resolve, reject) => socket.once('open', resolve).once('error', reject));
    this.sockets[client] = socket;
    socket.on('close', () => this.dropped++);
    const synced = new Promise<void>((resolve, reject) => {
      socket.on('message', (data: Buffer) => {
        if (!this.frame(client, data) && data.includes('"type":"synced"')) resolve();
      });
      setTimeout(
        () => reject(new Error(`client ${client} did not receive that it is in sync within 30 s`)),
        30_000,
      ).unref();
    });
    socket.send(JSON.stringify({ type: 'hello', cursor }));
    await synced;
  }

  /** True when the frame carries one of the bench's texts. */
  private frame(client: number, data: Buffer): boolean {
    const at = data.indexOf(MARK, 0, 'latin1');
    if (at < 0) return false;
    let sequence = 0;
    for (let i = at + MARK.length; i < at + MARK.length + SEQUENCE_DIGITS; i++)
      sequence = sequence * 10 + (data[i]! - 48);
    const now = performance.now();
    if (this.seenAt[sequence]! > 0) this.duplicates++;
    else {
      this.seenAt[sequence] = now;
      this.latency[sequence] = now - this.sentAt[sequence]!;
      this.frames++;
    }
    if (ownerOf(sequence, this.sockets.length) !== client) this.strays++;
    this.perClient[client]!++;
    this.lastFrame[client] = data;
    this.onFrame();
    return true;
  }

  /** A client reports how far it has shown its messages. */
  private ack(client: number): void {
    const data = this.lastFrame[client];
    const socket = this.sockets[client];
    if (!data || socket?.readyState !== WebSocket.OPEN) return;
    this.lastFrame[client] = undefined;
    const { cursor } = JSON.parse(data.toString('utf8')) as { cursor: number };
    socket.send(JSON.stringify({ type: 'ack', cursor }));
  }
}
