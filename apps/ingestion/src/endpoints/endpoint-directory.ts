import { hash } from 'node:crypto';
import { HOOK_ENDPOINTS_BUCKET, HookEndpoint } from '@strowger/contracts-provisioning';
import { carrierOf, type Carrier } from '@strowger/cpaas';
import { validated, type SecretBox } from '@strowger/kernel';
import { kvBucket, type KvMirror, type Messaging } from '@strowger/messaging';
import { inBackground, logger } from '@strowger/telemetry';
import { EndpointsUnknown, HookEndpointNotFound } from './endpoint.errors.js';

export interface KnownEndpoint extends HookEndpoint {
  /** Milliseconds since 1970; Infinity when it does not expire. */
  expires: number;
  /** Undefined for a kind that this version doesn't know. */
  carrier?: Carrier;
  /** What deliveries are authenticated with; undefined where the envelope can't be opened. */
  keys?: readonly string[];
}

const log = logger('endpoints');
/** Longest token looked at; ours have 43 characters. */
const MAX_TOKEN = 128;

/**
 * Every webhook endpoint in memory, by the SHA-256 of its token, kept current by provisioning's bucket. The last known state
 * is also in a file, so that a start while NATS is away still knows the carriers.
 */
export class EndpointDirectory {
  private readonly mirror: KvMirror<KnownEndpoint>;
  private read = false;

  constructor(messaging: Messaging, box: SecretBox, snapshotFile?: string) {
    const parse = (value: Uint8Array): KnownEndpoint => parseEndpoint(value, box);
    this.mirror = kvBucket(messaging, HOOK_ENDPOINTS_BUCKET).mirror(parse, { snapshotFile });
    inBackground(
      'endpoints-read',
      this.mirror.ready().then(() => (this.read = true)),
    );
  }

  /**
   * The endpoint of a token. A token is compared only through its digest, which a caller can't steer, so the time of a
   * lookup reveals nothing about other tokens.
   * @throws HookEndpointNotFound also for an expired token and for another kind's; EndpointsUnknown before anything is known
   */
  find(kind: string, token: string, now: number): KnownEndpoint {
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

function parseEndpoint(value: Uint8Array, box: SecretBox): KnownEndpoint {
  const given: unknown = JSON.parse(Buffer.from(value).toString('utf8'));
  const endpoint = validated(HookEndpoint, given, { unknown: 'ignored' });
  const expires = endpoint.expiresAt === undefined ? Infinity : Date.parse(endpoint.expiresAt);
  if (Number.isNaN(expires)) throw new Error('not a hook endpoint');
  return { ...endpoint, expires, carrier: carrierOf(endpoint.kind), keys: keysOf(endpoint, box) };
}

function keysOf({ endpointId, platformId, sealedKeys }: HookEndpoint, box: SecretBox): string[] | undefined {
  if (sealedKeys === undefined) return [];
  try {
    const keys: unknown = JSON.parse(box.open(sealedKeys, `platform:${platformId}`));
    if (Array.isArray(keys) && keys.every((key) => typeof key === 'string')) return keys;
    throw new Error('not a list of keys');
  } catch (err) {
    // Our fault, not the carrier's: it is asked to send again until the keyring is complete.
    log.error({ endpointId, platformId, err }, 'hook-keys-unreadable');
    return undefined;
  }
}
