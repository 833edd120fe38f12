/**
 * What one user, one system provider and one address may use of the gateway at once, so that one gone mad leaves
 * something for the others. Kept in this process: N gateways let N times as much through.
 */
import { Injectable } from '@nestjs/common';
import { GatewayConfig } from '../config.js';
import { Buckets, TooManyRequests } from './request-rates.js';

/** Who is behind a request; a quota of what is not known is not looked at. */
export interface Behind {
  userId?: string;
  /** Empty for the whole installation, which has no quota. */
  systemProviderId?: string;
  address?: string;
}
type Of = 'user' | 'provider' | 'address';

const WHOSE: Record<Of, string> = {
  user: 'of this user',
  provider: 'of this system provider',
  address: 'from this address',
};
/** So many seconds of the rate may come at once after a pause. */
const BURST_SECONDS = 10;
const GUESSES_AT_ONCE = 10;
const SOCKET_RETRY_SECONDS = 10;

@Injectable()
export class Quotas {
  private readonly sends: Partial<Record<Of, Buckets>>;
  private readonly guesses?: Buckets;
  private readonly mostSockets: Record<Of, number>;
  private readonly sockets: Record<Of, Map<string, number>> = {
    user: new Map(),
    provider: new Map(),
    address: new Map(),
  };

  constructor(config: GatewayConfig) {
    const ofRate = (perSecond: number): Buckets | undefined =>
      perSecond > 0 ? new Buckets({ perSecond, burst: BURST_SECONDS * perSecond }, Date.now) : undefined;
    this.sends = {
      user: ofRate(config.sendsPerSecondOfUser),
      provider: ofRate(config.sendsPerSecondOfProvider),
      address: ofRate(config.sendsPerSecondFromAddress),
    };
    if (config.wrongCredentialsPerMinute > 0)
      this.guesses = new Buckets(
        { perSecond: config.wrongCredentialsPerMinute / 60, burst: GUESSES_AT_ONCE },
        Date.now,
      );
    this.mostSockets = {
      user: config.socketsOfUser,
      provider: config.socketsOfProvider,
      address: config.socketsFromAddress,
    };
  }

  /** Texts are about to be sent. @throws TooManyRequests */
  send(who: Behind, texts: number): void {
    for (const [of, key] of keysOf(who)) {
      const wait = this.sends[of]?.take(key, texts) ?? 0;
      if (wait > 0) throw new TooManyRequests(WHOSE[of], wait);
    }
  }

  /** Before something is looked up that was never seen to be right. @throws TooManyRequests */
  mayGuess(address = ''): void {
    const wait = this.guesses?.waitOf(address) ?? 0;
    if (wait > 0) throw new TooManyRequests('with wrong credentials from this address', wait);
  }

  /** A token or a key was wrong. @throws TooManyRequests */
  guessed(address = ''): void {
    this.mayGuess(address);
    this.countGuess(address);
  }

  countGuess(address = ''): void {
    this.guesses?.take(address);
  }

  /**
   * A socket is about to be opened.
   * @returns what is to be called when it has closed
   * @throws TooManyRequests
   */
  openSocket(who: Behind): () => void {
    const keys = keysOf(who);
    for (const [of, key] of keys)
      if (this.mostSockets[of] > 0 && (this.sockets[of].get(key) ?? 0) >= this.mostSockets[of])
        throw new TooManyRequests(WHOSE[of], SOCKET_RETRY_SECONDS);
    const count = (by: 1 | -1): void => {
      for (const [of, key] of keys) {
        const open = (this.sockets[of].get(key) ?? 0) + by;
        if (open > 0) this.sockets[of].set(key, open);
        else this.sockets[of].delete(key);
      }
    };
    count(1);
    return () => count(-1);
  }
}

const keysOf = ({ userId, systemProviderId, address }: Behind): [Of, string][] =>
  (
    [
      ['user', userId],
      ['provider', systemProviderId],
      ['address', address],
    ] as const
  ).flatMap(([of, key]): [Of, string][] => (key ? [[of, key]] : []));
