import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import type { EntityManager } from '@mikro-orm/postgresql';
import { HOOK_ENDPOINTS_BUCKET, type HookEndpoint } from '@strowger/contracts-provisioning';
import { Timers } from '@strowger/jobs';
import { Clock } from '@strowger/kernel';
import { kvBucket, Messaging, type KvBucket, type KvMirror } from '@strowger/messaging';
import { Db, sql } from '@strowger/persistence';
import { logger } from '@strowger/telemetry';
import { Carriers } from '../carriers/carriers.service.js';
import { ProvisioningConfig } from '../config.js';
import { StoredHookEndpoint } from './hook-endpoint.entity.js';
import type { Platform } from './platform.entity.js';

const RECONCILE_SECONDS = 60;
const OVERLAP_MS = 24 * 3600_000;
const log = logger('hook-endpoints');

interface Row {
  tokenHash: string;
  endpointId: string;
  platformId: string;
  systemProviderId: string;
  kind: string;
  carrierAccountId: string;
  sealedKeys: string | null;
  expiresAt: string | null;
  live: boolean;
}

/** Webhook endpoints: the rows are the truth, the bucket is what ingestion works from. */
@Injectable()
export class HookEndpoints implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly bucket: KvBucket;
  private readonly mirror: KvMirror<string>;

  constructor(
    private readonly db: Db,
    private readonly messaging: Messaging,
    private readonly carriers: Carriers,
    private readonly clock: Clock,
    private readonly timers: Timers,
    private readonly config: ProvisioningConfig,
  ) {
    this.bucket = kvBucket(messaging, HOOK_ENDPOINTS_BUCKET);
    this.mirror = this.bucket.mirror((value) => Buffer.from(value).toString());
  }

  onApplicationBootstrap(): void {
    this.timers.everySeconds(RECONCILE_SECONDS, 'hook-endpoints-reconcile', () => this.reconcile());
    void this.mirror
      .ready()
      .then(() => this.reconcile())
      .catch((error: unknown) => log.warn({ err: error }, 'hook-endpoints-not-reconciled'));
  }

  async onApplicationShutdown(): Promise<void> {
    await this.mirror.stop();
  }

  /** A new current endpoint; the one before works for another 24 h. */
  async issue(em: EntityManager, platformId: string): Promise<void> {
    const now = this.clock.now();
    const expiresAt = new Date(now.getTime() + OVERLAP_MS);
    await em.nativeUpdate(StoredHookEndpoint, { platformId, expiresAt: null }, { expiresAt });
    em.persist(StoredHookEndpoint.create(platformId, this.carriers.box, now));
  }

  /** What the carrier must call. Holds the token, so it is a secret. */
  async urlOf(platform: Platform, em: EntityManager = this.db.em()): Promise<string> {
    const endpoint = await em.findOneOrFail(StoredHookEndpoint, { platformId: platform.id, expiresAt: null });
    return this.url(platform.kind, this.carriers.box.open(endpoint.sealedToken, platform.sealContext));
  }

  maskedUrlOf(platform: Platform): string {
    return this.url(platform.kind, '.....');
  }

  /** Brings one platform's endpoints to the bucket. Safe to repeat. */
  async project(platformId: string): Promise<void> {
    for (const row of await this.rows(platformId))
      await (row.live ? this.bucket.put(row.tokenHash, valueOf(row)) : this.bucket.delete(row.tokenHash));
  }

  /** Makes the bucket equal to the rows. */
  async reconcile(): Promise<void> {
    if (!this.messaging.connected) return;
    // The bucket is read first: what is in it was committed before, so a key without a row does not belong there.
    const held = new Map(this.mirror.entries());
    const wanted = new Map((await this.rows()).filter(({ live }) => live).map((row) => [row.tokenHash, valueOf(row)]));
    const missing = [...wanted].filter(([key, value]) => held.get(key) !== value);
    const surplus = [...held.keys()].filter((key) => !wanted.has(key));
    for (const [key, value] of missing) await this.bucket.put(key, value);
    for (const key of surplus) await this.bucket.delete(key);
    const put = missing.length;
    const deleted = surplus.length;
    if (put + deleted > 0) log.info({ put, deleted }, 'hook-endpoints-reconciled');
  }

  private rows(platformId?: string): Promise<Row[]> {
    const only = platformId ? sql`where e.platform_id = ${platformId}` : sql``;
    return this.db.query(sql<Row>`
      select e.token_hash as "tokenHash", e.id as "endpointId", e.platform_id as "platformId", p.kind,
        p.system_provider_id as "systemProviderId", p.account as "carrierAccountId", p.sealed_hook_keys as "sealedKeys",
        to_char(e.expires_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "expiresAt",
        p.deleted_at is null and coalesce(e.expires_at > ${this.clock.now()}, true) as live
      from hook_endpoint e join platform p on p.id = e.platform_id ${only}`);
  }

  private url(kind: string, token: string): string {
    return `${this.config.hooksPublicUrl.replace(/\/+$/, '')}/hooks/${kind}/${token}`;
  }
}

function valueOf({ tokenHash: _, live: __, sealedKeys, expiresAt, ...row }: Row): string {
  const endpoint: HookEndpoint = {
    ...row,
    ...(sealedKeys ? { sealedKeys } : {}),
    ...(expiresAt ? { expiresAt } : {}),
  };
  return JSON.stringify(endpoint);
}
