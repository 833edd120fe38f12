import { Entity, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';

/** Someone asked for a new password, perhaps for an e-mail address that nobody has. */
@Entity({ tableName: 'password_reset' })
export class PasswordReset {
  @PrimaryKey({ type: 'uuid' }) id!: string;
  @Property({ type: 'uuid', nullable: true }) portalUserId?: string | null;
  @Property({ type: 'text' }) emailKey!: string;
  @Property({ type: 'text', nullable: true }) ip?: string | null;
  /** sha256 of the token, hex. */
  @Property({ type: 'text', hidden: true }) tokenHash!: string;
  @Property({ type: 'datetime' }) createdAt!: Date;
  @Property({ type: 'datetime' }) expiresAt!: Date;
  @Property({ type: 'datetime', nullable: true }) usedAt?: Date | null;
}
