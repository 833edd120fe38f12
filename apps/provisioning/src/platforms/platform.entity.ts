import {
  PlatformCredentialsFailedV1,
  PlatformCredentialsRecoveredV1,
  PlatformDeletedV1,
  PlatformSavedV1,
  type CreatePlatform,
  type UpdatePlatform,
} from '@strowger/contracts-provisioning';
import { carrierOf, type CarrierManifest } from '@strowger/cpaas';
import { factOf, newId, type Fact } from '@strowger/kernel';
import { Entity, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';

/** Which of a platform's two sets of credentials. */
export type CredentialKind = 'carrier' | 'exchange';

/** What is stored of a platform's credentials. */
export interface SealedCredentials {
  account: string;
  /** All fields in one envelope. */
  credentials: string;
  /** What ingestion authenticates webhooks with; null where the carrier signs nothing. */
  sealedHookKeys: string | null;
}

/** An account at a carrier, with which a system provider's numbers are set up and its messages sent. */
@Entity({ tableName: 'platform' })
export class Platform {
  @PrimaryKey({ type: 'uuid' }) id!: string;
  @Property({ type: 'uuid' }) systemProviderId!: string;
  @Property({ type: 'text' }) kind!: string;
  @Property({ type: 'text' }) name!: string;
  /** As the carrier writes it in its deliveries. */
  @Property({ type: 'text' }) account!: string;
  /** Missing only in rows of the version before, until `PlatformSecrets` has sealed them again. */
  @Property({ type: 'text', nullable: true }) credentials!: string;
  @Property({ type: 'text', nullable: true }) sealedHookKeys?: string | null;
  /** As chosen; without a choice, the installation's first address at the time of use. */
  @Property({ type: 'text', nullable: true }) baseUrl?: string | null;
  @Property({ type: 'boolean' }) smsAvailable = true;
  @Property({ type: 'boolean' }) userCanBlockNumbers = true;
  @Property({ type: 'double' }) ratePerSecond = 10;
  /** Set while the credentials are known not to work; one incident, one alert. */
  @Property({ type: 'uuid', nullable: true }) carrierIncidentId?: string | null;
  @Property({ type: 'uuid', nullable: true }) exchangeIncidentId?: string | null;
  /** In a row, while polling. */
  @Property({ type: 'integer' }) exchangeRefusals = 0;
  @Property({ type: 'datetime', nullable: true }) lastVerifiedAt?: Date | null;
  @Property({ type: 'datetime' }) nextVerifyAt!: Date;
  @Property({ type: 'integer' }) version = 1;
  @Property({ type: 'datetime' }) createdAt!: Date;
  @Property({ type: 'datetime', nullable: true }) deletedAt?: Date | null;

  static create(
    id: string,
    given: CreatePlatform,
    manifest: CarrierManifest,
    credentials: SealedCredentials,
    at: Date,
    nextVerifyAt: Date,
  ): Platform {
    const { options } = given;
    return Object.assign(new Platform(), {
      id,
      systemProviderId: given.systemProviderId,
      kind: given.kind,
      name: given.name ?? manifest.label,
      ...credentials,
      baseUrl: given.baseUrl ?? null,
      smsAvailable: options?.smsAvailable ?? true,
      userCanBlockNumbers: options?.userCanBlockNumbers ?? true,
      ratePerSecond: options?.ratePerSecond ?? manifest.ratePerSecond,
      lastVerifiedAt: at,
      nextVerifyAt,
      createdAt: at,
    });
  }

  /** Silent when nothing differs. */
  update(
    { name, options }: Pick<UpdatePlatform, 'name' | 'options'>,
    credentials: Partial<SealedCredentials> = {},
  ): Fact<PlatformSavedV1> | undefined {
    const wanted = Object.entries({ name, ...options, ...credentials });
    const changed = wanted.filter(([key, value]) => value !== undefined && value !== this[key as keyof this]);
    if (changed.length === 0) return undefined;
    Object.assign(this, Object.fromEntries(changed));
    return this.changed();
  }

  /** Anything that others must read again: the webhook token, too. */
  changed(): Fact<PlatformSavedV1> {
    this.version += 1;
    return this.saved();
  }

  saved(): Fact<PlatformSavedV1> {
    const { id: platformId, systemProviderId, kind, name, smsAvailable, userCanBlockNumbers, ratePerSecond } = this;
    const mmsAvailable = carrierOf(kind)?.manifest.mms ?? false;
    return factOf(PlatformSavedV1, this.about(), {
      platformId,
      systemProviderId,
      kind,
      name,
      smsAvailable,
      mmsAvailable,
      userCanBlockNumbers,
      ratePerSecond,
    });
  }

  delete(at: Date): Fact<PlatformDeletedV1> {
    this.deletedAt = at;
    this.version += 1;
    return factOf(PlatformDeletedV1, this.about(), { platformId: this.id, systemProviderId: this.systemProviderId });
  }

  /** One fact per incident, however often it is found. */
  credentialsRefused(which: CredentialKind, reason: string): Fact<PlatformCredentialsFailedV1> | undefined {
    const field = incidentOf(which);
    if (this[field]) return undefined;
    const incidentId = (this[field] = newId());
    this.version += 1;
    const { id: platformId, systemProviderId, name: platformName } = this;
    return factOf(PlatformCredentialsFailedV1, this.about(), {
      platformId,
      systemProviderId,
      platformName,
      reason,
      incidentId,
    });
  }

  credentialsWork(which: CredentialKind): Fact<PlatformCredentialsRecoveredV1> | undefined {
    if (which === 'exchange') this.exchangeRefusals = 0;
    const field = incidentOf(which);
    const incidentId = this[field];
    if (!incidentId) return undefined;
    this[field] = null;
    this.version += 1;
    const { id: platformId, systemProviderId, name: platformName } = this;
    return factOf(PlatformCredentialsRecoveredV1, this.about(), {
      platformId,
      systemProviderId,
      platformName,
      incidentId,
    });
  }

  get credentialsState(): 'working' | 'failing' {
    return this.carrierIncidentId || this.exchangeIncidentId ? 'failing' : 'working';
  }

  /** What its envelopes are bound to. */
  get sealContext(): string {
    return sealContextOf(this.id);
  }

  private about(): { subject: string; sequence: number; tenantId: string } {
    return { subject: this.id, sequence: this.version, tenantId: this.systemProviderId };
  }
}

export const sealContextOf = (platformId: string): string => `platform:${platformId}`;

const incidentOf = (which: CredentialKind): 'carrierIncidentId' | 'exchangeIncidentId' =>
  which === 'carrier' ? 'carrierIncidentId' : 'exchangeIncidentId';
