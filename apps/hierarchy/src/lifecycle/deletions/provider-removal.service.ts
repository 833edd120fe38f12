import { Injectable } from '@nestjs/common';
import type { EntityManager } from '@mikro-orm/postgresql';
import { Clock, type RpcContext } from '@strowger/kernel';
import { Db, Outbox } from '@strowger/persistence';
import { HistoryService } from '../../history/history.service.js';
import { SeatsService } from '../../licensing/seats.service.js';
import { AccountEndings } from '../../accounts/portal-users/account-endings.service.js';
import { ServerHostName } from '../../tree/system-providers/server-host-name.entity.js';
import { OwnProvider, ProviderNotEmpty } from '../../tree/system-providers/system-provider.errors.js';
import { SystemProvidersService } from '../../tree/system-providers/system-providers.service.js';

/** Deletes a system provider that has nothing below it any more. */
@Injectable()
export class ProviderRemoval {
  constructor(
    private readonly db: Db,
    private readonly outbox: Outbox,
    private readonly clock: Clock,
    private readonly history: HistoryService,
    private readonly providers: SystemProvidersService,
    private readonly seats: SeatsService,
    private readonly accounts: AccountEndings,
  ) {}

  /**
   * Refused while it has resellers, child providers or platforms: whoever adds one of these holds or locks the row
   * first, so none slips in after the count. Its host names are free at once, its purchases are over, its portal users
   * and interface users can't sign in any more.
   */
  async delete({ scope, actor }: RpcContext, id: string): Promise<void> {
    await this.db.transactional(async (em) => {
      const provider = await this.providers.lock(em, scope, id);
      if (scope.level === 'system-provider' && scope.id === provider.id) throw new OwnProvider();
      const holds = await this.holds(em, provider.id);
      if (holds.resellers + holds.children + holds.platforms > 0) throw new ProviderNotEmpty(provider.id, holds);
      const at = this.clock.now();
      await em.nativeUpdate(ServerHostName, { systemProviderId: provider.id, endedAt: null }, { endedAt: at });
      await this.seats.releaseUnder(em, 'systemProviderId', provider.id, at, actor);
      await this.accounts.endUnder(em, actor, 'system_provider_id', provider.id, at);
      this.outbox.add(em, provider.end(at, actor));
      this.history.record(em, actor, 'deleted', provider.historyObject());
    });
  }

  /** Platforms show as the alert guard's holds. */
  private async holds(
    em: EntityManager,
    id: string,
  ): Promise<{ resellers: number; children: number; platforms: number }> {
    const [row] = await em.execute<{ resellers: number; children: number; platforms: number }[]>(
      `select
         (select count(*)::int from reseller where system_provider_id = ? and ended_at is null) as resellers,
         (select count(*)::int from system_provider where parent_id = ? and ended_at is null) as children,
         (select count(*)::int from alert_hold where system_provider_id = ?) as platforms`,
      [id, id, id],
    );
    return row!;
  }
}
