import type { SessionView } from '@strowger/contracts-hierarchy';
import { Entity, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';

/** One refresh token. A family is the chain of tokens that began with one sign-in. */
@Entity({ tableName: 'session' })
export class Session {
  @PrimaryKey({ type: 'uuid' }) id!: string;
  @Property({ type: 'uuid' }) familyId!: string;
  @Property({ type: 'uuid' }) portalUserId!: string;
  /** sha256 of the token, hex. */
  @Property({ type: 'text', hidden: true }) tokenHash!: string;
  @Property({ type: 'datetime' }) createdAt!: Date;
  /** When the family began: the sign-in. */
  @Property({ type: 'datetime' }) startedAt!: Date;
  @Property({ type: 'text', nullable: true }) ip?: string | null;
  @Property({ type: 'text', nullable: true }) userAgent?: string | null;
  @Property({ type: 'datetime' }) expiresAt!: Date;
  /** Set when the token was used and replaced: a while later its use means it was stolen, before or after. */
  @Property({ type: 'datetime', nullable: true }) rotatedAt?: Date | null;
  @Property({ type: 'datetime', nullable: true }) revokedAt?: Date | null;

  view(currentId: string | undefined): SessionView {
    return {
      id: this.familyId,
      startedAt: this.startedAt.toISOString(),
      lastUsedAt: this.createdAt.toISOString(),
      expiresAt: this.expiresAt.toISOString(),
      ...(this.ip ? { ip: this.ip } : {}),
      ...(this.userAgent ? { userAgent: this.userAgent } : {}),
      current: this.familyId === currentId,
    };
  }

  isOver(now: Date): boolean {
    return this.revokedAt != null || now >= this.expiresAt;
  }
}
