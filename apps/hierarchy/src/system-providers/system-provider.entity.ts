import type { CreateSystemProvider, SystemProviderView, UpdateSystemProvider } from '@strowger/contracts-hierarchy';
import { newId } from '@strowger/kernel';
import { Entity, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';
import { applyChanges, isEmpty, type Changes } from '../history/changes.js';
import type { HistoryObject } from '../history/history.service.js';

/** The tenant: a carrier that sells to resellers. */
@Entity({ tableName: 'system_provider' })
export class SystemProvider {
  @PrimaryKey({ type: 'uuid' }) id!: string;
  @Property({ type: 'text' }) name!: string;
  @Property({ type: 'text' }) timezone!: string;
  @Property({ type: 'text' }) language!: string;
  @Property({ type: 'text', nullable: true }) accountsReference?: string | null;
  @Property({ type: 'integer' }) trialDurationDays!: number;
  /** Sequence of the facts about who receives alerts; counts apart from `version`, which is what callers see. */
  @Property({ type: 'integer' }) alertRevision = 0;
  @Property({ type: 'integer' }) version = 1;
  @Property({ type: 'datetime' }) createdAt!: Date;
  @Property({ type: 'datetime', nullable: true }) endedAt?: Date | null;

  static create(given: CreateSystemProvider, at: Date): SystemProvider {
    return Object.assign(new SystemProvider(), {
      id: newId(),
      name: given.name,
      timezone: given.timezone ?? 'UTC',
      language: given.language ?? 'en',
      accountsReference: given.accountsReference ?? null,
      trialDurationDays: given.trialDurationDays ?? 14,
      createdAt: at,
    });
  }

  update(given: Omit<UpdateSystemProvider, 'id' | 'version'>): Changes {
    const changes = applyChanges<SystemProvider>(
      this,
      given,
      ['name', 'timezone', 'language', 'trialDurationDays'],
      ['accountsReference'],
    );
    if (!isEmpty(changes)) this.version += 1;
    return changes;
  }

  nextAlertRevision(): number {
    return ++this.alertRevision;
  }

  historyObject(): HistoryObject {
    return { kind: 'system-provider', id: this.id, name: this.name, systemProviderId: this.id };
  }

  view(serverHostNames: string[]): SystemProviderView {
    const { id, name, timezone, language, trialDurationDays, version } = this;
    return {
      id,
      name,
      timezone,
      language,
      ...(this.accountsReference ? { accountsReference: this.accountsReference } : {}),
      trialDurationDays,
      serverHostNames,
      version,
      createdAt: this.createdAt.toISOString(),
    };
  }
}
