import {
  SystemProviderCreatedV1,
  SystemProviderDeletedV1,
  type ChangeProviderSettings,
  type CreateSystemProvider,
  type ResellerKind,
  type SnapshotReportFrequency,
  type SystemProviderView,
  type UpdateSystemProvider,
} from '@strowger/contracts-hierarchy';
import { ArrayType } from '@mikro-orm/core';
import { Entity, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';
import { factOf, newId, type Actor, type Fact, type TenantScope } from '@strowger/kernel';
import { applyChanges, isEmpty, type Changes } from '../../history/changes.js';
import type { HistoryObject } from '../../history/history.service.js';
import { changeOfMap, SETTINGS_AT, type EffectiveSettings } from '../../nodes/settings.js';

/** The tenant: a carrier that sells to resellers, or one that sells through it. Settings left null are as above. */
@Entity({ tableName: 'system_provider' })
export class SystemProvider {
  @PrimaryKey({ type: 'uuid' }) id!: string;
  @Property({ type: 'uuid', nullable: true }) parentId?: string | null;
  /** Ids from the top of the tree down to this one. */
  @Property({ type: new ArrayType(), columnType: 'uuid[]' }) path!: string[];
  @Property({ type: 'text', nullable: true }) key?: string | null;
  @Property({ type: 'text' }) name!: string;
  @Property({ type: 'text', nullable: true }) timezone?: string | null;
  @Property({ type: 'text', nullable: true }) language?: string | null;
  @Property({ type: 'text', nullable: true }) brandingReference?: string | null;
  @Property({ type: 'text', nullable: true }) accountsReference?: string | null;
  @Property({ type: 'integer', nullable: true }) trialDurationDays?: number | null;
  @Property({ type: 'boolean', nullable: true }) useTrialLicensesUntilExpiration?: boolean | null;
  @Property({ type: 'text', nullable: true }) snapshotReportFrequency?: SnapshotReportFrequency | null;
  @Property({ type: 'boolean', nullable: true }) autoCreateFromClient?: boolean | null;
  @Property({ type: 'boolean', nullable: true }) inviteFromBackOffice?: boolean | null;
  @Property({ type: 'text', nullable: true }) newResellerKind?: ResellerKind | null;
  @Property({ type: 'json', nullable: true }) automaticAssignment?: Record<string, string> | null;
  @Property({ type: 'integer' }) version = 1;
  @Property({ type: 'datetime' }) createdAt!: Date;
  @Property({ type: 'datetime', nullable: true }) endedAt?: Date | null;

  static create(given: CreateSystemProvider, parent: SystemProvider | undefined, at: Date): SystemProvider {
    const id = newId();
    return Object.assign(new SystemProvider(), {
      id,
      parentId: parent?.id ?? null,
      path: [...(parent?.path ?? []), id],
      key: given.key ?? null,
      name: given.name,
      timezone: given.timezone ?? null,
      language: given.language ?? null,
      accountsReference: given.accountsReference ?? null,
      trialDurationDays: given.trialDurationDays ?? null,
      createdAt: at,
    });
  }

  update(given: Omit<UpdateSystemProvider, 'id' | 'version'>): Changes {
    const { serverHostNames: _, ...fields } = given;
    return this.changed(applyChanges<SystemProvider>(this, fields, ['name'], SETTINGS_AT['system-provider']));
  }

  changeSettings(given: Omit<ChangeProviderSettings, 'id' | 'version'>): Changes {
    const { automaticAssignment, ...fields } = given;
    const changes = {
      ...applyChanges<SystemProvider>(this, fields, [], SETTINGS_AT['system-provider']),
      ...changeOfMap(this.automaticAssignment, automaticAssignment),
    };
    if ('automaticAssignment' in changes) this.automaticAssignment = automaticAssignment ?? null;
    return this.changed(changes);
  }

  /** No more than the operator sees; a system provider does not see the one above its own. */
  isBelow(scope: TenantScope): boolean {
    return scope.level === 'platform' || (this.id !== scope.id && this.path.includes(scope.id));
  }

  created(): Fact<SystemProviderCreatedV1> {
    const { id: systemProviderId, path } = this;
    return factOf(
      SystemProviderCreatedV1,
      { subject: systemProviderId, sequence: this.version, tenantId: systemProviderId },
      { systemProviderId, path },
    );
  }

  end(at: Date, actor: Actor): Fact<SystemProviderDeletedV1> {
    this.endedAt = at;
    this.version += 1;
    const { id: systemProviderId } = this;
    const { kind, id, name, ip } = actor;
    return factOf(
      SystemProviderDeletedV1,
      { subject: systemProviderId, sequence: this.version, tenantId: systemProviderId },
      { systemProviderId, actor: { kind, id, name, ...(ip ? { ip } : {}) } },
    );
  }

  historyObject(): HistoryObject {
    return { kind: 'system-provider', id: this.id, name: this.name, systemProviderId: this.id };
  }

  view(scope: TenantScope, serverHostNames: string[], settings: EffectiveSettings): SystemProviderView {
    const { id, parentId, key, name, version } = this;
    const accountsReference = settings.accountsReference.value;
    return {
      id,
      ...(parentId && this.isBelow(scope) ? { parentId } : {}),
      ...(key ? { key } : {}),
      name,
      timezone: settings.timezone.value,
      language: settings.language.value,
      ...(accountsReference ? { accountsReference } : {}),
      trialDurationDays: settings.trialDurationDays.value,
      serverHostNames,
      version,
      createdAt: this.createdAt.toISOString(),
    };
  }

  private changed(changes: Changes): Changes {
    if (!isEmpty(changes)) this.version += 1;
    return changes;
  }
}
