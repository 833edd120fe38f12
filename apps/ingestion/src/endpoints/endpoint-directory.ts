import { hash } from 'node:crypto';
import { HOOK_ENDPOINTS_BUCKET, type HookEndpoint } from '@strowger/contracts-provisioning';
import { kvBucket, type KvMirror, type Messaging } from '@strowger/messaging';
import { EndpointsUnknown, HookEndpointNotFound } from './endpoint.errors.js';

interface KnownEndpoint extends HookEndpoint {
  /** Milliseconds since 1970; Infinity when it does not expire. */
  expires: number;
}

/** Longest token looked at; ours have 43 characters. */
const MAX_TOKEN = 128;

/**
 * Every webhook endpoint in memory, by the SHA-256 of its token, kept current by provisioning's bucket. The last known state
 * is also in a file, so that a start while NATS is away still knows the carriers.
 */
export class EndpointDirectory {
  private readonly mirror: KvMirror<KnownEndpoint>;
  private read = false;

  constructor(messaging: Messaging, snapshotFile?: string) {
    this.mirror = kvBucket(messaging, HOOK_ENDPOINTS_BUCKET).mirror(parseEndpoint, { snapshotFile });
    void this.mirror.ready().then(() => (this.read = true));
  }

  /**
   * The endpoint of a token. A token is compared only through its digest, which a caller can't steer, so the time a lookup
   * takes tells nothing about other tokens.
   * @throws HookEndpointNotFound also for an expired token and for another kind's; EndpointsUnknown before anything is known
   */
  find(kind: string, token: string, now: number): HookEndpoint {
    const known = token.length <= MAX_TOKEN ? this.mirror.get(hash('sha256', token, 'hex')) : undefined;
    if (known && known.kind === kind && known.expires > now) return known;
    if (!this.read && this.mirror.size === 0) throw new EndpointsUnknown();
    throw new HookEndpointNotFound();
  }

  get size(): number {
    return this.mirror.size;
  }
  /** Resolves once the bucket has been read from the server. */
  ready(): Promise<void> {
    return this.mirror.ready();
  }
  stop(): Promise<void> {
    return this.mirror.stop();
  }
}

function parseEndpoint(value: Uint8Array): KnownEndpoint {
  const endpoint = JSON.parse(Buffer.from(value).toString('utf8')) as HookEndpoint;
  const expires = endpoint.expiresAt === undefined ? Infinity : Date.parse(endpoint.expiresAt);
  if (!endpoint.endpointId || !endpoint.kind || Number.isNaN(expires)) throw new Error('not a hook endpoint');
  return { ...endpoint, expires };
}
