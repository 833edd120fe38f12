import { Injectable } from '@nestjs/common';
import { LockMode, raw, type EntityManager } from '@mikro-orm/postgresql';
import {
  hierarchyRpc,
  MOST_HOST_NAMES,
  type AddServerHostName,
  type ById,
  type ChangeProviderSettings,
  type CreateSystemProvider,
  type ListServerHostNames,
  type ListSystemProviders,
  type ProviderIdsView,
  type RemoveServerHostName,
  type ServerHostNameView,
  type SystemProviderView,
  type UpdateSystemProvider,
} from '@strowger/contracts-hierarchy';
import {
  checkVersion,
  Clock,
  isId,
  NotFound,
  pageOf,
  readCursor,
  type Actor,
  type Page,
  type RpcContext,
  type RpcRequest,
  type TenantScope,
} from '@strowger/kernel';
import { Db, Outbox } from '@strowger/persistence';
import { Answers } from '@strowger/rpc';
import { isEmpty, type Changes } from '../../history/changes.js';
import { HistoryService } from '../../history/history.service.js';
import { byPerson } from '../../accounts/credentials/by-person.js';
import { productOf } from '../../licensing/catalog.js';
import { DEFAULT_LIMIT, matching, pageByName, type Where } from '../../listing.js';
import { SettingsService } from '../../nodes/settings.service.js';
import { AlertRecipients } from '../../accounts/portal-users/alert-recipients.service.js';
import { uniquely } from '../../uniqueness.js';
import { OperatorOnly, seenBy } from '../../visibility.js';
import { ServerHostName } from './server-host-name.entity.js';
import { SystemProvider } from './system-provider.entity.js';
import { HostNameInUse, LastServerHostName, ProviderExists, TooManyServerHostNames } from './system-provider.errors.js';
import { hostNameKeyOf } from '../keys.js';

const visible = (scope: TenantScope) => ({ ...seenBy(scope, { 'system-provider': 'id' }), endedAt: null });

/** Everything below the provider and itself. */
const under = (id: string): Where => ({ [raw('path @> array[?::uuid]', [id])]: [] });

/** System providers with their server host names: made, changed and found. */
@Injectable()
export class SystemProvidersService {
  constructor(
    private readonly db: Db,
    private readonly outbox: Outbox,
    private readonly clock: Clock,
    private readonly history: HistoryService,
    private readonly settings: SettingsService,
    private readonly alertRecipients: AlertRecipients,
  ) {}

  /** The operator adds system providers at the top; below one, anyone who administers it or one above it. */
  @Answers(hierarchyRpc.createSystemProvider)
  async create({ scope, actor, body: given }: RpcRequest<CreateSystemProvider>): Promise<SystemProviderView> {
    const hostNames = given.serverHostNames ?? [];
    return this.db.transactional(async (em) => {
      if (!given.parentId && scope.level !== 'platform') throw new OperatorOnly('add system providers at the top');
      // Locked, so that it isn't deleted as empty at the same time.
      const parent = given.parentId ? await this.lock(em, scope, given.parentId) : undefined;
      const at = this.clock.now();
      const provider = SystemProvider.create(given, parent, at);
      em.persist(provider);
      await this.flush(em, hostNames, provider.key); // host names refer to it
      for (const hostName of hostNames) em.persist(ServerHostName.create(provider.id, hostName, at));
      // Not its parent: it reads its own history.
      const { key } = provider;
      const changes = { ...(key ? { key } : {}), serverHostNames: hostNames };
      this.history.record(em, actor, 'created', provider.historyObject(), changes);
      this.outbox.add(em, provider.created());
      await this.flush(em, hostNames);
      return this.view(em, scope, provider);
    });
  }

  @Answers(hierarchyRpc.updateSystemProvider)
  async update({ scope, actor, body: given }: RpcRequest<UpdateSystemProvider>): Promise<SystemProviderView> {
    return this.db.transactional(async (em) => {
      const provider = await this.lock(em, scope, given.id);
      checkVersion('system provider', provider, given.version);
      const changes = provider.update(given);
      if (given.serverHostNames) {
        const before = await this.hostNamesOf(em, provider.id);
        if (await this.replaceHostNames(em, provider.id, given.serverHostNames)) {
          changes['serverHostNames'] = { from: before, to: given.serverHostNames };
          provider.version += 1;
        }
      }
      await this.changed(em, actor, provider, changes, given.serverHostNames);
      return this.view(em, scope, provider);
    });
  }

  /** The settings of its own; the provider's row stays locked. */
  async changeSettings(
    em: EntityManager,
    { scope, actor }: RpcContext,
    { id, version, ...given }: ChangeProviderSettings,
  ): Promise<SystemProvider> {
    const provider = await this.lock(em, scope, id);
    checkVersion('system provider', provider, version);
    if (given.inviteFromBackOffice !== undefined) byPerson(actor, 'change who may add portal users');
    for (const [application, licenseType] of Object.entries(given.automaticAssignment ?? {}))
      if (licenseType !== 'none') productOf(application, licenseType);
    await this.changed(em, actor, provider, provider.changeSettings(given));
    return provider;
  }

  @Answers(hierarchyRpc.addServerHostName)
  async addHostName({ scope, actor, body }: RpcRequest<AddServerHostName>): Promise<ServerHostNameView> {
    const { id, hostName } = body;
    return this.db.transactional(async (em) => {
      const provider = await this.lock(em, scope, id);
      const before = await this.hostNamesOf(em, provider.id);
      if (before.length >= MOST_HOST_NAMES) throw new TooManyServerHostNames(MOST_HOST_NAMES);
      const added = ServerHostName.create(provider.id, hostName, this.clock.now());
      em.persist(added);
      provider.version += 1;
      this.history.record(em, actor, 'host-name-added', provider.historyObject(), { hostName });
      await this.flush(em, [hostName]);
      return added.view();
    });
  }

  @Answers(hierarchyRpc.removeServerHostName)
  async removeHostName({ scope, actor, body: { id, hostName } }: RpcRequest<RemoveServerHostName>): Promise<null> {
    await this.db.transactional(async (em) => {
      const provider = await this.lock(em, scope, id);
      const active = await em.find(ServerHostName, { systemProviderId: provider.id, endedAt: null });
      const row = active.find((host) => host.hostNameKey === hostNameKeyOf(hostName));
      if (!row) throw new NotFound('server-host-name', hostName);
      if (active.length === 1) throw new LastServerHostName(row.hostName);
      row.endedAt = this.clock.now();
      provider.version += 1;
      this.history.record(em, actor, 'host-name-removed', provider.historyObject(), { hostName: row.hostName });
    });
    return null;
  }

  /** They are free for another provider at once. */
  async endHostNames(em: EntityManager, systemProviderId: string, at: Date): Promise<void> {
    await em.nativeUpdate(ServerHostName, { systemProviderId, endedAt: null }, { endedAt: at });
  }

  /** Oldest first. */
  @Answers(hierarchyRpc.listServerHostNames)
  async listHostNames({ scope, body: query }: RpcRequest<ListServerHostNames>): Promise<Page<ServerHostNameView>> {
    const em = this.db.em();
    const provider = await this.find(scope, query.id, em);
    if (!provider) throw new NotFound('system-provider', query.id);
    const limit = query.limit ?? DEFAULT_LIMIT;
    const where: Where[] = [{ systemProviderId: provider.id, endedAt: null }, ...matching(query.search, 'hostName')];
    if (query.cursor) where.push({ id: { $gt: readCursor(query.cursor, isId)[0] } });
    const rows = await em.find(ServerHostName, { $and: where } as never, { orderBy: { id: 'asc' }, limit: limit + 1 });
    return pageOf(
      rows,
      limit,
      (row) => [row.id],
      (row) => row.view(),
    );
  }

  @Answers(hierarchyRpc.getSystemProvider)
  async get({ scope, body: { id } }: RpcRequest<ById>): Promise<SystemProviderView> {
    const em = this.db.em();
    const provider = await this.find(scope, id, em);
    if (!provider) throw new NotFound('system-provider', id);
    return this.view(em, scope, provider);
  }

  @Answers(hierarchyRpc.listSystemProviders)
  async list({ scope, body: query }: RpcRequest<ListSystemProviders>): Promise<Page<SystemProviderView>> {
    const em = this.db.em();
    const where: Where[] = [visible(scope), ...matching(query.search, 'name', 'key')];
    if (query.parentId) {
      const parent = await this.find(scope, query.parentId, em);
      if (!parent) throw new NotFound('system-provider', query.parentId);
      where.push(query.descendants ? under(parent.id) : { parentId: parent.id }, { id: { $ne: parent.id } });
    }
    return pageByName(em, SystemProvider, where, query, async (rows) => {
      const ids = rows.map((row) => row.id);
      const hosts = await em.find(
        ServerHostName,
        { systemProviderId: { $in: ids }, endedAt: null },
        { orderBy: { id: 'asc' } },
      );
      const settings = await this.settings.ofProviders(em, ids);
      return rows.map((row) => {
        const own = hosts.filter((host) => host.systemProviderId === row.id).map((host) => host.hostName);
        return row.view(scope, own, settings.get(row.id)!);
      });
    });
  }

  /** The provider and everything below it. */
  @Answers(hierarchyRpc.listProviderIds)
  async idsUnder({ scope, body: { id } }: RpcRequest<ById>): Promise<ProviderIdsView> {
    const em = this.db.em();
    const provider = await this.find(scope, id, em);
    if (!provider) throw new NotFound('system-provider', id);
    const rows = await em.execute<{ id: string }[]>(
      'select id from system_provider where path @> array[?::uuid] and ended_at is null order by id',
      [provider.id],
    );
    return { ids: rows.map((row) => row.id) };
  }

  find(scope: TenantScope, id: string, em = this.db.em()): Promise<SystemProvider | null> {
    return em.findOne(SystemProvider, { $and: [visible(scope), { id }] });
  }

  /**
   * The provider with its row locked until the transaction ends. Everything that must not slip between a change of alert
   * recipients and a platform's hold takes this lock first.
   */
  async lock(em: EntityManager, scope: TenantScope, id: string): Promise<SystemProvider> {
    return this.locked(em, scope, id, LockMode.PESSIMISTIC_WRITE);
  }

  /** Keeps the provider from being deleted until the transaction ends; others may do the same meanwhile. */
  async hold(em: EntityManager, scope: TenantScope, id: string): Promise<SystemProvider> {
    return this.locked(em, scope, id, LockMode.PESSIMISTIC_READ);
  }

  private async locked(em: EntityManager, scope: TenantScope, id: string, lockMode: LockMode): Promise<SystemProvider> {
    const provider = await em.findOne(SystemProvider, { $and: [visible(scope), { id }] }, { lockMode, refresh: true });
    if (!provider) throw new NotFound('system-provider', id);
    return provider;
  }

  private async changed(
    em: EntityManager,
    actor: Actor,
    provider: SystemProvider,
    changes: Changes,
    hostNames: string[] = [],
  ): Promise<void> {
    if (!isEmpty(changes)) this.history.record(em, actor, 'updated', provider.historyObject(), changes);
    await this.flush(em, hostNames);
    if (changes['name'] ?? changes['timezone']) await this.alertRecipients.publish(em, provider.id);
    if (changes['timezone']) await this.publishBelowIt(em, provider);
  }

  /** Mails carry times in the provider's timezone, which may come from above. */
  private async publishBelowIt(em: EntityManager, provider: SystemProvider): Promise<void> {
    const below = await em.find(
      SystemProvider,
      { $and: [under(provider.id), { id: { $ne: provider.id }, timezone: null, endedAt: null }] } as never,
      { orderBy: { id: 'asc' }, lockMode: LockMode.PESSIMISTIC_WRITE },
    );
    const settings = await this.settings.ofProviders(
      em,
      below.map((row) => row.id),
    );
    for (const row of below) {
      const between = row.path.slice(row.path.indexOf(provider.id) + 1);
      if (!between.includes(settings.get(row.id)!.timezone.from.id)) await this.alertRecipients.publish(em, row.id);
    }
  }

  private async view(em: EntityManager, scope: TenantScope, provider: SystemProvider): Promise<SystemProviderView> {
    const settings = await this.settings.effective(em, { systemProviderId: provider.id });
    return provider.view(scope, await this.hostNamesOf(em, provider.id), settings);
  }

  private async hostNamesOf(em: EntityManager, systemProviderId: string): Promise<string[]> {
    const rows = await em.find(ServerHostName, { systemProviderId, endedAt: null }, { orderBy: { id: 'asc' } });
    return rows.map((row) => row.hostName);
  }

  /** True when anything changed. A name that differs in case only is the same name, kept as it was first given. */
  private async replaceHostNames(em: EntityManager, systemProviderId: string, hostNames: string[]): Promise<boolean> {
    const at = this.clock.now();
    const existing = await em.find(ServerHostName, { systemProviderId, endedAt: null });
    if (existing[0] && hostNames.length === 0) throw new LastServerHostName(existing[0].hostName);
    const wanted = new Map(hostNames.map((name) => [hostNameKeyOf(name), name]));
    const gone = existing.filter((row) => !wanted.delete(row.hostNameKey));
    for (const row of gone) row.endedAt = at;
    for (const name of wanted.values()) em.persist(ServerHostName.create(systemProviderId, name, at));
    return gone.length + wanted.size > 0;
  }

  private flush(em: EntityManager, hostNames: string[], key?: string | null): Promise<void> {
    return uniquely(em.flush(), {
      server_host_name_active: () => new HostNameInUse(hostNames),
      system_provider_key_active: () => new ProviderExists(key ?? ''),
    });
  }
}
