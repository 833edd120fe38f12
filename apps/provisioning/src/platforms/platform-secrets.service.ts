import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { LockMode } from '@mikro-orm/postgresql';
import { Timers } from '@strowger/jobs';
import { Db } from '@strowger/persistence';
import { logger } from '@strowger/telemetry';
import { Carriers } from '../carriers/carriers.service.js';
import { StoredHookEndpoint } from './hook-endpoint.entity.js';
import { Platform } from './platform.entity.js';

const SWEEP_SECONDS = 600;
const log = logger('platform-secrets');

/** Seals anew what an older key sealed, so that a key can be taken out of the keyring after a while. */
@Injectable()
export class PlatformSecrets implements OnApplicationBootstrap {
  constructor(
    @Inject(Db) private readonly db: Db,
    @Inject(Timers) private readonly timers: Timers,
    @Inject(Carriers) private readonly carriers: Carriers,
  ) {}

  onApplicationBootstrap(): void {
    this.timers.everySeconds(SWEEP_SECONDS, 'platform-secrets-reseal', () => this.reseal());
  }

  /** Returns how many platforms had an old envelope. */
  async reseal(): Promise<number> {
    const { box } = this.carriers;
    const stale = (envelope: string | null | undefined): envelope is string => !!envelope && box.isStale(envelope);
    const renewed = (envelope: string, context: string): string => box.seal(box.open(envelope, context), context);
    let count = 0;
    for (const { id } of await this.db.em().find(Platform, { deletedAt: null }, { fields: ['id'] }))
      await this.db.transactional(async (em) => {
        const platform = await em.findOne(Platform, { id }, { lockMode: LockMode.PESSIMISTIC_WRITE });
        const endpoints = await em.find(StoredHookEndpoint, { platformId: id });
        if (!platform) return;
        const { sealContext } = platform;
        const before = count;
        for (const field of ['sealedSecret', 'sealedExchangeToken'] as const) {
          const envelope = platform[field];
          if (!stale(envelope)) continue;
          platform[field] = renewed(envelope, sealContext);
          count = before + 1;
        }
        for (const endpoint of endpoints) {
          if (!stale(endpoint.sealedToken)) continue;
          endpoint.sealedToken = renewed(endpoint.sealedToken, sealContext);
          count = before + 1;
        }
      });
    if (count > 0) log.info({ platforms: count }, 'platform-secrets-resealed');
    return count;
  }
}
