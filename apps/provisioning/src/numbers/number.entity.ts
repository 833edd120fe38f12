import {
  NumberActivatedV1,
  NumberCleanupRequiredV1,
  NumberEnablementFailedV1,
  NumberReleasedV1,
  type EnablementState,
  type NumberOwner,
  type NumberState,
  type NumberView,
} from '@strowger/contracts-provisioning';
import type { EnablementRecord } from '@strowger/cpaas';
import { factOf, nationalDigits, newId, type Fact } from '@strowger/kernel';
import { Entity, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';
import { NumberStateConflict } from './number.errors.js';

/** Whom a number serves, as hierarchy reported it. */
export interface OwnerSnapshot {
  id: string;
  systemProviderId: string;
  resellerId: string;
  groupId: string;
  name: string;
  broadworksUserId: string;
  version: number;
}

/** What a number was found or made to be at its carriers. */
export interface Provisioned {
  carrierSid: string;
  createdByUs: boolean;
  /** Absent when the platform has no Message Exchange token. */
  enablement?: Pick<EnablementRecord, 'state' | 'jobId'>;
}

/** A number's assignment to an owner, from its reservation to its end. Guards its own transitions; silent on repeats. */
@Entity({ tableName: 'cpaas_number' })
export class CpaasNumber {
  @PrimaryKey({ type: 'uuid' }) id!: string;
  @Property({ type: 'text', fieldName: 'e164' }) e164!: string;
  @Property({ type: 'text' }) friendlyName!: string;
  @Property({ type: 'uuid' }) platformId!: string;
  @Property({ type: 'uuid' }) systemProviderId!: string;
  @Property({ type: 'uuid' }) resellerId!: string;
  @Property({ type: 'uuid' }) groupId!: string;
  @Property({ type: 'uuid' }) userId!: string;
  @Property({ type: 'text' }) ownerKind: NumberOwner['kind'] = 'user';
  @Property({ type: 'text' }) ownerName!: string;
  /** Version of the user the copied columns are from. */
  @Property({ type: 'integer' }) ownerRevision!: number;
  @Property({ type: 'text' }) broadworksUserId!: string;
  @Property({ type: 'text' }) state: NumberState = 'provisioning';
  @Property({ type: 'text' }) enablement: EnablementState = 'not-applicable';
  @Property({ type: 'text', nullable: true }) enablementJobId?: string | null;
  @Property({ type: 'text', nullable: true }) enablementReason?: string | null;
  @Property({ type: 'datetime', nullable: true }) pendingSince?: Date | null;
  @Property({ type: 'datetime', nullable: true }) lastCheckedAt?: Date | null;
  /** When the enablement is looked at next; the truth behind the queue's job. */
  @Property({ type: 'datetime', nullable: true }) nextCheckAt?: Date | null;
  @Property({ type: 'integer' }) checkErrors = 0;
  @Property({ type: 'datetime', nullable: true }) refreshedAt?: Date | null;
  @Property({ type: 'text', nullable: true }) carrierSid?: string | null;
  @Property({ type: 'boolean' }) createdByUs = false;
  @Property({ type: 'uuid', nullable: true }) releaseOperationId?: string | null;
  /** Its owner went away while it was still being provisioned. */
  @Property({ type: 'boolean' }) releaseWhenReady = false;
  @Property({ type: 'boolean' }) deleteMessages = false;
  @Property({ type: 'text', nullable: true }) endedBecause?: 'released' | 'assignment-failed' | null;
  @Property({ type: 'integer' }) version = 1;
  @Property({ type: 'datetime' }) createdAt!: Date;
  @Property({ type: 'datetime', nullable: true }) activatedAt?: Date | null;
  @Property({ type: 'datetime', nullable: true }) endedAt?: Date | null;

  static reserve(
    given: { id: string; e164: string; platformId: string; friendlyName?: string | null },
    owner: OwnerSnapshot,
    at: Date,
  ): CpaasNumber {
    return Object.assign(new CpaasNumber(), {
      id: given.id,
      e164: given.e164,
      friendlyName: given.friendlyName ?? nationalDigits(given.e164),
      platformId: given.platformId,
      systemProviderId: owner.systemProviderId,
      resellerId: owner.resellerId,
      groupId: owner.groupId,
      userId: owner.id,
      ownerName: owner.name,
      ownerRevision: owner.version,
      broadworksUserId: owner.broadworksUserId,
      createdAt: at,
    });
  }

  /** At the end of provisioning: active unless a result is still to come. */
  provisioned(result: Provisioned, at: Date, nextCheckAt: Date): Fact<NumberActivatedV1> | undefined {
    if (this.state !== 'provisioning' && this.state !== 'cleanup-required') return undefined;
    this.carrierSid = result.carrierSid;
    this.createdByUs = result.createdByUs;
    const { enablement } = result;
    if (enablement?.state !== 'pending') return this.activate(enablement ? 'enabled' : 'not-applicable', at);
    this.awaitEnablement(enablement.jobId, at, nextCheckAt);
    return undefined;
  }

  /** Provisioning ended without success and left nothing behind at the carrier; the number is free again. */
  assignmentFailed(reason: string, at: Date): void {
    if (this.endedAt) return;
    this.end('assignment-failed', at);
    this.enablementReason = reason;
  }

  /** Enablement was requested, at first or again after a failure: a result is to come. */
  awaitEnablement(jobId: string | null, at: Date, nextCheckAt: Date): void {
    this.state = 'pending';
    this.enablement = 'pending';
    this.enablementJobId = jobId;
    this.enablementReason = null;
    this.pendingSince = at;
    this.nextCheckAt = nextCheckAt;
    this.checkErrors = 0;
    this.version += 1;
  }

  /** True while an answer of Message Exchange may still change something. */
  get checkable(): boolean {
    return this.state === 'pending' || this.state === 'failed';
  }

  /**
   * What Message Exchange says now. A success counts even after a failure; a failure counts once; and "pending" changes
   * nothing until the time is up.
   */
  enablementChecked(
    record: Pick<EnablementRecord, 'state' | 'jobId' | 'reason'>,
    at: Date,
    timing: { nextCheckAt: Date; giveUpHours: number },
  ): Fact | undefined {
    if (!this.checkable) return undefined;
    this.lastCheckedAt = at;
    this.checkErrors = 0;
    if (record.state === 'enabled') return this.activate('enabled', at);
    if (record.state === 'failed') return this.enablementFailed(record.reason ?? 'No reason given');
    if (record.jobId) this.enablementJobId = record.jobId;
    return this.stillPending(at, timing);
  }

  /** A number never fails because we could not ask, only because the time to wait is over. */
  checkFailed(at: Date, timing: { nextCheckAt: Date; giveUpHours: number }): Fact | undefined {
    if (!this.checkable) return undefined;
    this.lastCheckedAt = at;
    this.checkErrors += 1;
    return this.stillPending(at, timing);
  }

  private stillPending(
    at: Date,
    { nextCheckAt, giveUpHours }: { nextCheckAt: Date; giveUpHours: number },
  ): Fact | undefined {
    if (this.state !== 'pending') return undefined;
    if (this.pendingSince && at.getTime() - this.pendingSince.getTime() >= giveUpHours * 3600_000)
      return this.enablementFailed(`No result from Message Exchange after ${giveUpHours} hours`);
    this.nextCheckAt = nextCheckAt;
    return undefined;
  }

  private enablementFailed(reason: string): Fact<NumberEnablementFailedV1> | undefined {
    if (this.state !== 'pending') return undefined;
    this.state = 'failed';
    this.enablement = 'failed';
    this.enablementReason = reason;
    this.nextCheckAt = null;
    this.version += 1;
    const { id: numberId, e164, platformId } = this;
    return factOf(NumberEnablementFailedV1, this.about(), {
      numberId,
      e164,
      platformId,
      owner: this.owner(),
      reason,
      incidentId: newId(),
    });
  }

  private activate(enablement: EnablementState, at: Date): Fact<NumberActivatedV1> {
    this.state = 'active';
    this.enablement = enablement;
    this.enablementReason = null;
    this.nextCheckAt = null;
    this.activatedAt = at;
    this.version += 1;
    const { id: numberId, e164, platformId, friendlyName } = this;
    return factOf(NumberActivatedV1, this.about(), { numberId, e164, platformId, friendlyName, owner: this.owner() });
  }

  /** Begins the end. False when it has begun already. */
  release(operationId: string, deleteMessages: boolean): boolean {
    if (this.releaseOperationId) return false;
    if (!['active', 'pending', 'failed'].includes(this.state))
      throw new NumberStateConflict(
        this.id,
        this.state,
        this.state === 'provisioning'
          ? 'it can be released once its provisioning has ended'
          : 'it is being taken off the carrier already',
      );
    this.state = 'releasing';
    this.releaseOperationId = operationId;
    this.deleteMessages = deleteMessages;
    this.nextCheckAt = null;
    this.version += 1;
    return true;
  }

  released(at: Date): Fact<NumberReleasedV1> | undefined {
    if (this.endedAt) return undefined;
    this.end('released', at);
    const { id: numberId, e164, systemProviderId, deleteMessages } = this;
    return factOf(NumberReleasedV1, this.about(), { numberId, e164, systemProviderId, deleteMessages });
  }

  /** Something of ours is stuck at a carrier. */
  cleanupRequired(reason: string): Fact<NumberCleanupRequiredV1> | undefined {
    if (this.state === 'cleanup-required' || this.endedAt) return undefined;
    this.state = 'cleanup-required';
    this.nextCheckAt = null;
    this.version += 1;
    const { id: numberId, e164, platformId, systemProviderId } = this;
    return factOf(NumberCleanupRequiredV1, this.about(), {
      numberId,
      e164,
      platformId,
      systemProviderId,
      reason,
      incidentId: newId(),
    });
  }

  rename(friendlyName: string): void {
    if (friendlyName === this.friendlyName) return;
    this.friendlyName = friendlyName;
    this.version += 1;
  }

  /** Takes hierarchy's newer state of the owner, also for an ended assignment; an older one changes nothing. */
  ownerChanged(owner: Omit<OwnerSnapshot, 'id' | 'version'>, revision: number): void {
    if (revision <= this.ownerRevision) return;
    this.ownerRevision = revision;
    this.ownerName = owner.name;
    this.broadworksUserId = owner.broadworksUserId;
    this.resellerId = owner.resellerId;
    this.groupId = owner.groupId;
  }

  private end(because: 'released' | 'assignment-failed', at: Date): void {
    this.state = 'released';
    this.endedBecause = because;
    this.endedAt = at;
    this.nextCheckAt = null;
    this.version += 1;
  }

  private owner(): NumberOwner {
    const { ownerKind: kind, userId: id, ownerName: name, systemProviderId, resellerId, groupId } = this;
    return { kind, id, name, systemProviderId, resellerId, groupId };
  }

  private about(): { subject: string; sequence: number; tenantId: string } {
    return { subject: this.id, sequence: this.version, tenantId: this.systemProviderId };
  }

  view(platformName: string): NumberView {
    const iso = (date: Date | null | undefined): string | undefined => date?.toISOString();
    return {
      id: this.id,
      e164: this.e164,
      number: nationalDigits(this.e164),
      friendlyName: this.friendlyName,
      platformId: this.platformId,
      platformName,
      messagingType: 'SMS',
      state: this.state,
      enablement: {
        state: this.enablement,
        jobId: this.enablementJobId ?? undefined,
        reason: this.enablementReason ?? undefined,
        lastCheckedAt: iso(this.lastCheckedAt),
        nextCheckAt: iso(this.nextCheckAt),
      },
      owner: {
        kind: this.ownerKind,
        id: this.userId,
        name: this.ownerName,
        broadworksUserId: this.broadworksUserId,
      },
      systemProviderId: this.systemProviderId,
      version: this.version,
      createdAt: this.createdAt.toISOString(),
      activatedAt: iso(this.activatedAt),
      endedAt: iso(this.endedAt),
    };
  }
}
