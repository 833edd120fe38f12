/** Keeps stored envelopes in their present form: sealed with the present key, a platform's credentials in one. */
import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { LockMode } from '@mikro-orm/postgresql';
import { Timers } from '@strowger/jobs';
import { Db, sql } from '@strowger/persistence';
import { logger } from '@strowger/telemetry';
import { Carriers } from '../carriers/carriers.service.js';
import { StoredHookEndpoint } from './hook-endpoint.entity.js';
import { Platform, sealContextOf } from './platform.entity.js';

const SWEEP_SECONDS = 600;
const log = logger('platform-secrets');

/** A platform as version 0.1.0 stored it: the secrets in envelopes of their own. */
interface FormerRow {
  id: string;
  account: string;
  sealedSecret: string;
  sealedExchangeToken: string | null;
  exchangeProfile: string | null;
}

@Injectable()
export class PlatformSecrets implements OnApplicationBootstrap {
  constructor(
    private readonly db: Db,
    private readonly timers: Timers,
    private readonly carriers: Carriers,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    this.timers.everySeconds(SWEEP_SECONDS, 'platform-secrets-reseal', () => this.reseal());
    // Before the first request. If the database is away now, the sweep tries again.
    await this.takeOver().catch((error: unknown) => log.warn({ err: error }, 'platform-secrets-not-taken-over'));
  }

  /**
   * Seals the credentials of rows that the version before wrote as one. Its columns stay for its instances that still
   * run beside this one; nothing here reads them again. Safe to repeat.
   */
  async takeOver(): Promise<number> {
    const { box } = this.carriers;
    const rows = await this.db.query(sql<FormerRow>`
      select id, account, sealed_secret as "sealedSecret", sealed_exchange_token as "sealedExchangeToken",
        exchange_profile as "exchangeProfile"
      from platform where credentials is null`);
    for (const { id, account, sealedSecret, sealedExchangeToken, exchangeProfile } of rows) {
      const context = sealContextOf(id);
      const credentials = {
        account,
        secret: box.open(sealedSecret, context),
        ...(sealedExchangeToken
          ? { messageExchangeToken: box.open(sealedExchangeToken, context), messageExchangeProfile: exchangeProfile }
          : {}),
      };
      const sealed = box.seal(JSON.stringify(credentials), context);
      await this.db.query(
        sql`update platform set credentials = ${sealed} where id = ${id} and credentials is null and sealed_secret = ${sealedSecret}`,
      );
    }
    if (rows.length > 0) log.info({ platforms: rows.length }, 'platform-secrets-taken-over');
    return rows.length;
  }

  /** Seals again what an older key sealed, so that the key can be removed from the keyring. Returns the number of platforms changed. */
  async reseal(): Promise<number> {
    await this.takeOver();
    const { box } = this.carriers;
    let count = 0;
    for (const { id } of await this.db.em().find(Platform, { deletedAt: null }, { fields: ['id'] }))
      await this.db.transactional(async (em) => {
        const platform = await em.findOne(Platform, { id }, { lockMode: LockMode.PESSIMISTIC_WRITE });
        const endpoints = await em.find(StoredHookEndpoint, { platformId: id });
        if (!platform) return;
        let stale = false;
        const renewed = (envelope: string): string => {
          if (!box.isStale(envelope)) return envelope;
          stale = true;
          return box.seal(box.open(envelope, platform.sealContext), platform.sealContext);
        };
        platform.credentials = renewed(platform.credentials);
        if (platform.sealedHookKeys) platform.sealedHookKeys = renewed(platform.sealedHookKeys);
        for (const endpoint of endpoints) endpoint.sealedToken = renewed(endpoint.sealedToken);
        if (stale) count += 1;
      });
    if (count > 0) log.info({ platforms: count }, 'platform-secrets-resealed');
    return count;
  }
}
