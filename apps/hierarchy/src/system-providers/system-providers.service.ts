import { Injectable } from '@nestjs/common';
import { LockMode, type EntityManager } from '@mikro-orm/postgresql';
import type {
  CreateSystemProvider,
  ListQuery,
  SystemProviderView,
  UpdateSystemProvider,
} from '@strowger/contracts-hierarchy';
import { Clock, NotFound, type Page, type RpcContext, type TenantScope, checkVersion } from '@strowger/kernel';
import { Db } from '@strowger/persistence';
import { isEmpty } from '../history/changes.js';
import { HistoryService } from '../history/history.service.js';
import { matching, pageByName } from '../listing.js';
import { AlertRecipients } from '../portal-users/alert-recipients.service.js';
import { uniquely } from '../uniqueness.js';
import { OperatorOnly, seenBy } from '../visibility.js';
import { ServerHostName } from './server-host-name.entity.js';
import { SystemProvider } from './system-provider.entity.js';
import { ServerHostNameTaken } from './system-provider.errors.js';

const visible = (scope: TenantScope) => ({ ...seenBy(scope, { 'system-provider': 'id' }), endedAt: null });

@Injectable()
export class SystemProvidersService {
  constructor(
    private readonly db: Db,
    private readonly clock: Clock,
    private readonly history: HistoryService,
    private readonly alertRecipients: AlertRecipients,
  ) {}

  async create({ scope, actor }: RpcContext, given: CreateSystemProvider): Promise<SystemProviderView> {
    if (scope.level !== 'platform') throw new OperatorOnly('add system providers');
    const hostNames = given.serverHostNames ?? [];
    return this.db.transactional(async (em) => {
      const at = this.clock.now();
      const provider = SystemProvider.create(given, at);
      em.persist(provider);
      await em.flush(); // host names refer to it
      for (const hostName of hostNames) em.persist(ServerHostName.create(provider.id, hostName, at));
      this.history.record(em, actor, 'created', provider.historyObject(), { serverHostNames: hostNames });
      await this.flush(em, hostNames);
      return provider.view(hostNames);
    });
  }

  async update({ scope, actor }: RpcContext, given: UpdateSystemProvider): Promise<SystemProviderView> {
    return this.db.transactional(async (em) => {
      const provider = await this.lock(em, scope, given.id);
      checkVersion('system provider', provider, given.version);
      const changes = provider.update(given);
      const alertsNameThese = changes['name'] ?? changes['timezone'];
      if (given.serverHostNames) {
        const before = await this.hostNamesOf(em, provider.id);
        if (await this.replaceHostNames(em, provider.id, given.serverHostNames)) {
          changes['serverHostNames'] = { from: before, to: given.serverHostNames };
          provider.version += 1;
        }
      }
      if (!isEmpty(changes)) this.history.record(em, actor, 'updated', provider.historyObject(), changes);
      await this.flush(em, given.serverHostNames ?? []);
      if (alertsNameThese) await this.alertRecipients.publish(em, provider);
      return provider.view(await this.hostNamesOf(em, provider.id));
    });
  }

  async get({ scope }: RpcContext, id: string): Promise<SystemProviderView> {
    const provider = await this.find(scope, id);
    if (!provider) throw new NotFound('system-provider', id);
    return provider.view(await this.hostNamesOf(this.db.em(), provider.id));
  }

  async list({ scope }: RpcContext, query: ListQuery): Promise<Page<SystemProviderView>> {
    const em = this.db.em();
    return pageByName(em, SystemProvider, [visible(scope), ...matching(query.search, 'name')], query, async (rows) => {
      const ids = rows.map((row) => row.id);
      const hosts = await em.find(
        ServerHostName,
        { systemProviderId: { $in: ids }, endedAt: null },
        { orderBy: { id: 'asc' } },
      );
      return rows.map((row) =>
        row.view(hosts.filter((host) => host.systemProviderId === row.id).map((host) => host.hostName)),
      );
    });
  }

  find(scope: TenantScope, id: string, em = this.db.em()): Promise<SystemProvider | null> {
    return em.findOne(SystemProvider, { $and: [visible(scope), { id }] });
  }

  /**
   * The provider with its row locked until the transaction ends. Whatever must not slip between a change of alert
   * recipients and a platform's hold takes this lock first.
   */
  async lock(em: EntityManager, scope: TenantScope, id: string): Promise<SystemProvider> {
    const provider = await em.findOne(
      SystemProvider,
      { $and: [visible(scope), { id }] },
      { lockMode: LockMode.PESSIMISTIC_WRITE, refresh: true },
    );
    if (!provider) throw new NotFound('system-provider', id);
    return provider;
  }

  private async hostNamesOf(em: EntityManager, systemProviderId: string): Promise<string[]> {
    const rows = await em.find(ServerHostName, { systemProviderId, endedAt: null }, { orderBy: { id: 'asc' } });
    return rows.map((row) => row.hostName);
  }

  /** True when anything changed. A name that differs in case only is the same name, kept as it was first given. */
  private async replaceHostNames(em: EntityManager, systemProviderId: string, hostNames: string[]): Promise<boolean> {
    const at = this.clock.now();
    const existing = await em.find(ServerHostName, { systemProviderId, endedAt: null });
    const wanted = new Map(hostNames.map((name) => [ServerHostName.keyOf(name), name]));
    const gone = existing.filter((row) => !wanted.delete(row.hostNameKey));
    for (const row of gone) row.endedAt = at;
    for (const name of wanted.values()) em.persist(ServerHostName.create(systemProviderId, name, at));
    return gone.length + wanted.size > 0;
  }

  private flush(em: EntityManager, hostNames: string[]): Promise<void> {
    return uniquely(em.flush(), { server_host_name_active: () => new ServerHostNameTaken(hostNames) });
  }
}
