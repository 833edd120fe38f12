import { createHash, randomBytes } from 'node:crypto';
import { newId, type SecretBox } from '@strowger/kernel';
import { Entity, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';
import { sealContextOf } from './platform.entity.js';

const TOKEN_BYTES = 32;

/** A webhook address of a platform. The token is the carrier's only proof, so it is stored sealed, and hashed to be found. */
@Entity({ tableName: 'hook_endpoint' })
export class StoredHookEndpoint {
  @PrimaryKey({ type: 'uuid' }) id!: string;
  @Property({ type: 'uuid' }) platformId!: string;
  /** SHA-256 of the token, hex; also the key in the bucket. */
  @Property({ type: 'text' }) tokenHash!: string;
  @Property({ type: 'text' }) sealedToken!: string;
  @Property({ type: 'datetime' }) createdAt!: Date;
  /** Set when a newer token took over. */
  @Property({ type: 'datetime', nullable: true }) expiresAt?: Date | null;

  static create(platformId: string, box: SecretBox, at: Date): StoredHookEndpoint {
    const token = randomBytes(TOKEN_BYTES).toString('base64url');
    return Object.assign(new StoredHookEndpoint(), {
      id: newId(),
      platformId,
      tokenHash: createHash('sha256').update(token).digest('hex'),
      sealedToken: box.seal(token, sealContextOf(platformId)),
      createdAt: at,
      expiresAt: null,
    });
  }
}
