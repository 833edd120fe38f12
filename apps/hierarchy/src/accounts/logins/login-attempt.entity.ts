import { Entity, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';

/** One try to sign in. It counts as failed until it has succeeded, so parallel guesses count each other. */
@Entity({ tableName: 'login_attempt' })
export class LoginAttempt {
  @PrimaryKey({ type: 'uuid' }) id!: string;
  @Property({ type: 'text' }) emailKey!: string;
  @Property({ type: 'text', nullable: true }) ip?: string | null;
  @Property({ type: 'datetime' }) at!: Date;
  @Property({ type: 'boolean' }) failed = true;
}
