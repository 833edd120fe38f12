import type { LoginBinding, LoginHistoryView, LoginOutcome } from '@strowger/contracts-hierarchy';
import { Entity, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';

/** Logins, to the portal and to the SOAP API. Only ever added to and counted up: the database refuses the rest. */
@Entity({ tableName: 'login_history' })
export class LoginHistoryEntry {
  /** UUIDv7, so the order of ids is the order of time. */
  @PrimaryKey({ type: 'uuid' }) id!: string;
  @Property({ type: 'datetime' }) at!: Date;
  @Property({ type: 'datetime' }) lastAt!: Date;
  @Property({ type: 'integer' }) count!: number;
  @Property({ type: 'text', nullable: true }) accountKind?: 'interface-user' | 'portal-user' | null;
  @Property({ type: 'uuid', nullable: true }) accountId?: string | null;
  @Property({ type: 'text' }) presentedUserName!: string;
  @Property({ type: 'text', nullable: true }) address?: string | null;
  @Property({ type: 'text', nullable: true }) forwardedFor?: string | null;
  @Property({ type: 'text' }) outcome!: LoginOutcome;
  @Property({ type: 'text', nullable: true }) binding?: LoginBinding | null;
  @Property({ type: 'text', nullable: true }) operation?: string | null;
  @Property({ type: 'text', nullable: true }) userAgent?: string | null;
  @Property({ type: 'text', nullable: true }) requestId?: string | null;
  @Property({ type: 'text', nullable: true }) sameAs?: string | null;

  view(): LoginHistoryView {
    const { id, count, presentedUserName, outcome } = this;
    const given = <T>(field: string, value: T | null | undefined) => (value == null ? {} : { [field]: value });
    return {
      id,
      at: this.at.toISOString(),
      lastAt: this.lastAt.toISOString(),
      count,
      ...given('accountId', this.accountId),
      presentedUserName,
      ...given('address', this.address),
      ...given('forwardedFor', this.forwardedFor),
      outcome,
      ...given('binding', this.binding),
      ...given('operation', this.operation),
      ...given('userAgent', this.userAgent),
      ...given('requestId', this.requestId),
    };
  }
}
