import { Injectable } from '@nestjs/common';
import type { EntityManager } from '@mikro-orm/postgresql';
import {
  hierarchyRpc,
  type ChangeGroupSettings,
  type ChangeProviderSettings,
  type ChangeResellerSettings,
  type ChangeUserSettings,
  type GetSettings,
  type NodeSettings,
  type SettingLevel,
  type SettingOrigin,
  type SettingsView,
} from '@strowger/contracts-hierarchy';
import { checkVersion, type RpcContext, type RpcRequest, type TenantColumns, type TenantScope } from '@strowger/kernel';
import { Db, Outbox } from '@strowger/persistence';
import { Answers } from '@strowger/rpc';
import { GroupsService } from '../groups/groups.service.js';
import { isEmpty, type Changes } from '../../history/changes.js';
import { HistoryService, type HistoryObject } from '../../history/history.service.js';
import { ResellersService } from '../resellers/resellers.service.js';
import { SystemProvidersService } from '../system-providers/system-providers.service.js';
import { UsersService } from '../users/users.service.js';
import { effectiveOf, SETTINGS_AT, type Effective, type Origin } from '../../nodes/settings.js';
import { SettingsService, type SettingsLink } from '../../nodes/settings.service.js';

/** What a node's row is to its settings. */
interface SettingsNode {
  id: string;
  version: number;
  systemProviderId: string;
  historyObject(): HistoryObject;
}

/** Settings read and changed at any level. */
@Injectable()
export class NodeSettingsService {
  constructor(
    private readonly db: Db,
    private readonly outbox: Outbox,
    private readonly history: HistoryService,
    private readonly settings: SettingsService,
    private readonly providers: SystemProvidersService,
    private readonly resellers: ResellersService,
    private readonly groups: GroupsService,
    private readonly users: UsersService,
  ) {}

  @Answers(hierarchyRpc.getSettings)
  async get(request: RpcRequest<GetSettings>): Promise<SettingsView> {
    const {
      scope,
      body: { level },
    } = request;
    const em = this.db.em();
    switch (level) {
      case 'system-provider': {
        const row = await this.providers.get(request);
        return this.view(em, scope, level, row, { systemProviderId: row.id });
      }
      case 'reseller': {
        const row = await this.resellers.get(request);
        return this.view(em, scope, level, row, { ...row, resellerId: row.id });
      }
      case 'group': {
        const row = await this.groups.get(request);
        return this.view(em, scope, level, row, { ...row, groupId: row.id });
      }
      case 'user': {
        const row = await this.users.get(request);
        return this.view(em, scope, level, row, { ...row, userId: row.id });
      }
    }
  }

  @Answers(hierarchyRpc.changeProviderSettings)
  async ofProvider({ body, ...context }: RpcRequest<ChangeProviderSettings>): Promise<SettingsView> {
    return this.db.transactional(async (em) => {
      const row = await this.providers.changeSettings(em, context, body);
      return this.view(em, context.scope, 'system-provider', row, { systemProviderId: row.id });
    });
  }

  @Answers(hierarchyRpc.changeResellerSettings)
  async ofReseller({ body, ...context }: RpcRequest<ChangeResellerSettings>): Promise<SettingsView> {
    const { id, version, ...given } = body;
    return this.db.transactional(async (em) => {
      const row = await this.resellers.lock(em, context.scope, id);
      checkVersion('reseller', row, version);
      await this.changed(em, context, row, row.changeSettings(given));
      return this.view(em, context.scope, 'reseller', row, { ...idsOf(row), resellerId: row.id });
    });
  }

  @Answers(hierarchyRpc.changeGroupSettings)
  async ofGroup({ body, ...context }: RpcRequest<ChangeGroupSettings>): Promise<SettingsView> {
    const { id, version, ...given } = body;
    return this.db.transactional(async (em) => {
      const row = await this.groups.lock(em, context.scope, id);
      checkVersion('group', row, version);
      await this.changed(em, context, row, row.changeSettings(given));
      return this.view(em, context.scope, 'group', row, { ...idsOf(row), groupId: row.id });
    });
  }

  @Answers(hierarchyRpc.changeUserSettings)
  async ofUser({ body, ...context }: RpcRequest<ChangeUserSettings>): Promise<SettingsView> {
    const { id, version, ...given } = body;
    return this.db.transactional(async (em) => {
      const row = await this.users.lock(em, context.scope, id);
      checkVersion('user', row, version);
      const changes = row.changeSettings(given);
      if (!isEmpty(changes)) this.outbox.add(em, row.saved());
      await this.changed(em, context, row, changes);
      return this.view(em, context.scope, 'user', row, { ...idsOf(row), userId: row.id });
    });
  }

  private async changed(em: EntityManager, { actor }: RpcContext, row: SettingsNode, changes: Changes): Promise<void> {
    if (!isEmpty(changes)) this.history.record(em, actor, 'updated', row.historyObject(), changes);
    await em.flush(); // what applies is read from the tables
  }

  private async view(
    em: EntityManager,
    scope: TenantScope,
    level: SettingLevel,
    { id, version }: { id: string; version: number },
    node: TenantColumns,
  ): Promise<SettingsView> {
    return { id, level, version, settings: shown(scope, level, await this.settings.chain(em, node)) };
  }
}

const idsOf = ({ systemProviderId, resellerId, groupId }: TenantColumns): TenantColumns => ({
  systemProviderId,
  resellerId,
  groupId,
});

/** The settings of the level. Of nodes above the caller's own only the level is shown, never which. */
function shown(scope: TenantScope, level: SettingLevel, chain: readonly SettingsLink[]): NodeSettings {
  const settings = effectiveOf(chain);
  const first = scope.level === 'platform' ? 0 : chain.findIndex(({ origin }) => origin.id === scope.id);
  const seen = new Set(chain.slice(first < 0 ? chain.length : first).map(({ origin }) => origin.id));
  const from = ({ level, id, name }: Origin): SettingOrigin => (seen.has(id) ? { level, id, name } : { level });
  const show = <T>(setting: Effective<T>) => ({ value: setting.value, from: from(setting.from) });
  return {
    ...Object.fromEntries(SETTINGS_AT[level].map((name) => [name, show<unknown>(settings[name])])),
    ...(level === 'system-provider' && {
      automaticAssignment: Object.fromEntries(
        Object.entries(settings.automaticAssignment).map(([application, setting]) => [application, show(setting)]),
      ),
    }),
  } as unknown as NodeSettings;
}
