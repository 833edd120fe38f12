import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { Refused, until } from '@strowger/api-client';
import type { NumberView } from '@strowger/contracts-provisioning';
import type { MessageView } from '@strowger/contracts-routing';
import { FollowingClient } from './client.fixtures.js';
import { MINUTES, persist, type E2e } from './world.fixtures.js';

/** Starts a lane makes each second, so that the load is the same on a fast machine and a slow one. */
const INBOUND_PER_SECOND = 20;
const OUTBOUND_PER_SECOND = 10;
const INBOUND_LANES = 8;
const OUTBOUND_LANES = 2;

let loads = 0;

export interface Posted {
  carrierMessageId: string;
  remote: string;
  text: string;
}

export interface LoadOptions {
  inbound?: boolean;
  outbound?: boolean;
  numbers?: boolean;
}

/**
 * A steady mixed load: carriers' webhooks, sends with an Idempotency-Key, numbers that come and go, enablements that
 * fail and are mailed. Each lane does one thing after the other and repeats what was not answered, as its kind of
 * client does.
 */
export class Load {
  /** Answered 2xx, each thread in its order. */
  readonly accepted: Posted[] = [];
  /** Answers to webhooks that were not 2xx; 0 is none at all. */
  readonly refusals: number[] = [];
  /** Answered 202. */
  readonly sent: MessageView[] = [];
  readonly assigned: NumberView[] = [];
  /** Ten digits of numbers whose enablement is to fail. */
  readonly failing: string[] = [];
  readonly client: FollowingClient;
  private stopping = false;
  private readonly lanes: Promise<void>[];
  private readonly tag = randomBytes(3).toString('hex');
  /** Remote parties of its own for each load. */
  private readonly block = 220 + 10 * (loads % 70) + 2 + (loads++ % 7);

  private constructor(
    private readonly world: E2e,
    { inbound = true, outbound = true, numbers = true }: LoadOptions,
  ) {
    this.client = new FollowingClient(world.addresses.gatewayUrl, world.clientToken);
    const lanes = (count: number, lane: (at: number) => Promise<void>) =>
      Array.from({ length: count }, (_, at) => lane(at));
    this.lanes = [
      ...(inbound ? lanes(INBOUND_LANES, (at) => this.inboundLane(at)) : []),
      ...(outbound ? lanes(OUTBOUND_LANES, (at) => this.outboundLane(at)) : []),
      ...(numbers ? [this.numbersLane(), this.failingLane()] : []),
    ];
    // Seen by `stop`; until then nobody waits for them.
    for (const lane of this.lanes) lane.catch(() => undefined);
  }

  static start(world: E2e, options: LoadOptions = {}): Load {
    return new Load(world, options);
  }

  /** Waits until so much more of each kind has been done. */
  async flows({ inbound = 150, sends = 20, numbers = 2 } = {}): Promise<void> {
    const [accepted, sent, assigned] = [this.accepted.length, this.sent.length, this.assigned.length];
    await until(
      `${inbound} deliveries, ${sends} sends and ${numbers} numbers under load`,
      async () => {
        await Promise.race([this.failure(), pause(0)]);
        return (
          this.accepted.length >= accepted + inbound &&
          this.sent.length >= sent + sends &&
          this.assigned.length >= assigned + numbers
        );
      },
      2 * MINUTES,
    );
  }

  /** Lets each lane finish what it has begun. */
  async stop(): Promise<void> {
    this.stopping = true;
    await Promise.all(this.lanes);
  }

  /** Everything accepted came out, once and in order, at every far end. */
  async arrivedOnce(): Promise<void> {
    await this.world.booksAgree(this.accepted);
    const expected = new Map<string, string[]>();
    for (const { remote, text } of this.accepted) expected.set(remote, [...(expected.get(remote) ?? []), text]);
    const mine = (threads: Map<string, string[]>) =>
      Object.fromEntries([...threads].filter(([remote]) => expected.has(remote)).sort());
    await until(
      'the socket having shown everything',
      async () => isDeepStrictEqual(mine(this.client.threads()), mine(expected)),
      MINUTES / 2,
    ).catch(() => undefined);
    expect(mine(this.client.threads())).toEqual(mine(expected));
    const ids = this.client.created.map(({ id }) => id);
    expect(ids.filter((id, at) => ids.indexOf(id) !== at)).toEqual([]);

    for (const remote of new Set(this.sent.map((message) => message.remote))) {
      const ours = this.sent.filter((message) => message.remote === remote).map(({ text }) => text);
      const atCarrier = await this.world.twins.messages({ to: remote, direction: 'outbound', limit: 100_000 });
      // The carrier lists the newest first.
      expect(atCarrier.map(({ body }) => body).reverse()).toEqual(ours);
    }
    await this.failuresMailedOnce();
  }

  private async failuresMailedOnce(): Promise<void> {
    const times = async () => {
      const mails = await this.world.tenant.mail();
      return Object.fromEntries(
        this.failing.map((ten) => [ten, mails.filter(({ text }) => text.includes(ten)).length]),
      );
    };
    await until(
      'every failure being mailed',
      async () => Object.values(await times()).every((n) => n > 0),
      MINUTES,
    ).catch(() => undefined);
    expect(await times()).toEqual(Object.fromEntries(this.failing.map((ten) => [ten, 1])));
  }

  /** Rejects as soon as a lane does. */
  private async failure(): Promise<never> {
    await Promise.all(this.lanes.map((lane) => lane.then(() => new Promise(() => undefined))));
    throw new Error('unreachable');
  }

  private async repeat(perSecond: number, once: (n: number) => Promise<void>): Promise<void> {
    for (let n = 1; !this.stopping; n += 1) {
      const rest = pause(1000 / perSecond);
      await once(n);
      await rest;
    }
  }

  /** Posts each text until it is answered 2xx, and only then the next. */
  private inboundLane(lane: number): Promise<void> {
    const remote = `1415${this.block}${1000 + lane}`;
    const thread = `${this.tag}-${lane}`;
    return this.repeat(INBOUND_PER_SECOND, async (n) => {
      const sid = `SM${thread}-${n}`;
      const text = `${thread} ${n}`;
      const answered = async (): Promise<boolean> => {
        const status = await this.world.post({ sid, from: remote, to: `1${this.world.number.number}`, body: text });
        const ok = status >= 200 && status < 300;
        if (!ok) this.refusals.push(status);
        return ok;
      };
      await until(`a webhook answered 2xx (${sid})`, answered, 2 * MINUTES);
      this.accepted.push({ carrierMessageId: sid, remote: `+${remote}`, text });
    });
  }

  private outboundLane(lane: number): Promise<void> {
    const to = `+1650${this.block}${1000 + lane}`;
    return this.repeat(OUTBOUND_PER_SECOND, async (n) => {
      const text = `answer ${this.tag}-${lane} ${n}`;
      const key = { 'idempotency-key': `send-${text}` };
      const body = { from: this.world.number.e164, to, text };
      this.sent.push(await persist(() => this.world.client.post<MessageView>('/v1/client/messages', body, key)));
    });
  }

  /** Numbers come; every second one goes again. */
  private numbersLane(): Promise<void> {
    return this.repeat(2, async (n) => {
      const number = await this.world.assign(this.world.phone());
      if (n % 2 === 0) await this.world.release(number.id);
      this.assigned.push(number);
    });
  }

  /** Message Exchange takes these and fails them later (scenario 0004). */
  private failingLane(): Promise<void> {
    return this.repeat(1, async () => {
      const ten = this.world.phone('0004');
      try {
        await this.world.assign(ten);
      } catch (error) {
        // Where the saga is held up, the job has ended before it looks: refused outright, and nobody is mailed.
        if (error instanceof Refused && error.problem.code === 'SMS_ENABLEMENT_REFUSED') return;
        throw error;
      }
      this.failing.push(ten);
    });
  }
}
