import type { ProductView, TrialState } from '@strowger/contracts-hierarchy';
import { newId } from '@strowger/kernel';
import { Entity, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';
import type { LicensedUser } from '../licensed-user.js';

const DAY_MS = 86_400_000;

/**
 * The one trial of a user id for one application at one system provider. The row stays when the user is deleted, comes
 * back or moves, so no second trial begins. The nodes are those of the user who holds it now.
 */
@Entity({ tableName: 'trial' })
export class Trial {
  @PrimaryKey({ type: 'uuid' }) id!: string;
  @Property({ type: 'uuid' }) systemProviderId!: string;
  @Property({ type: 'text' }) userKey!: string;
  @Property({ type: 'text' }) application!: string;
  @Property({ type: 'text' }) licenseType!: string;
  @Property({ type: 'uuid' }) userId!: string;
  @Property({ type: 'uuid' }) resellerId!: string;
  @Property({ type: 'uuid' }) groupId!: string;
  @Property({ type: 'integer' }) durationDays!: number;
  @Property({ type: 'datetime' }) startedAt!: Date;
  /** Start plus 24 hours a day, in UTC; a changed setting does not move it. */
  @Property({ type: 'datetime' }) endsAt!: Date;
  @Property({ type: 'text' }) state: TrialState = 'running';
  @Property({ type: 'datetime', nullable: true }) endedAt?: Date | null;
  @Property({ type: 'uuid', nullable: true }) supersededBy?: string | null;
  @Property({ type: 'boolean', nullable: true }) licensed?: boolean | null;
  @Property({ type: 'text', nullable: true }) reason?: string | null;

  static start(user: LicensedUser, { application, licenseType }: ProductView, durationDays: number, at: Date): Trial {
    const { id: userId, systemProviderId, resellerId, groupId, broadworksUserKey: userKey } = user;
    return Object.assign(new Trial(), {
      id: newId(),
      systemProviderId,
      userKey,
      application,
      licenseType,
      userId,
      resellerId,
      groupId,
      durationDays,
      startedAt: at,
      endsAt: new Date(at.getTime() + durationDays * DAY_MS),
    });
  }

  /** From the very moment of its end it is over, whether a sweep has come by or not. */
  isOver(at: Date): boolean {
    return this.state !== 'running' || at >= this.endsAt;
  }

  /** A permanent license takes its place; it does not resume. Says nothing when it is over already. */
  supersede(assignmentId: string, at: Date): boolean {
    if (this.isOver(at)) return false;
    this.state = 'superseded';
    this.supersededBy = assignmentId;
    this.endedAt = at;
    return true;
  }

  /** @param unlicensedBecause why no permanent license follows; undefined when one does */
  expire(unlicensedBecause: string | undefined, at: Date): void {
    this.state = 'expired';
    this.endedAt = at;
    this.licensed = unlicensedBecause === undefined;
    this.reason = unlicensedBecause ?? null;
  }

  /** The user came back under the same id, or moved. */
  belongTo({ id, resellerId, groupId }: LicensedUser): void {
    Object.assign(this, { userId: id, resellerId, groupId });
  }
}
