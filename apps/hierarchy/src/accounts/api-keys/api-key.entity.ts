import { ArrayType } from '@mikro-orm/core';
import { Entity, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';
import type {
  ApiKeyGrant,
  ApiKeyView,
  CreateApiKey,
  PortalUserView,
  UpdateApiKey,
} from '@strowger/contracts-hierarchy';
import { newId, type Actor } from '@strowger/kernel';
import { isEmpty, type Changes } from '../../history/changes.js';
import type { HistoryObject } from '../../history/history.service.js';
import type { PortalNode } from '../portal-users/portal-user.entity.js';

const HOUR_MS = 3_600_000;

/** What a REST integrator calls with: a node it sees, what it may do there, and a secret of which only a hash is kept. */
@Entity({ tableName: 'api_key' })
export class ApiKey {
  @PrimaryKey({ type: 'uuid' }) id!: string;
  @Property({ type: 'text' }) level!: PortalUserView['level'];
  @Property({ type: 'uuid', nullable: true }) systemProviderId?: string | null;
  @Property({ type: 'uuid', nullable: true }) resellerId?: string | null;
  @Property({ type: 'uuid', nullable: true }) groupId?: string | null;
  @Property({ type: 'text' }) name!: string;
  /** How the key begins; finds its row. */
  @Property({ type: 'text' }) prefix!: string;
  /** sha256 of the secret part, hex: 256 random bits need no slow hash. */
  @Property({ type: 'text', hidden: true }) secretHash!: string;
  @Property({ type: 'text', nullable: true, hidden: true }) previousSecretHash?: string | null;
  @Property({ type: 'datetime', nullable: true }) previousSecretEndsAt?: Date | null;
  @Property({ type: new ArrayType(), columnType: 'text[]' }) permissions!: string[];
  @Property({ type: 'datetime', nullable: true }) expiresAt?: Date | null;
  @Property({ type: 'datetime', nullable: true }) lastUsedAt?: Date | null;
  @Property({ type: 'text', nullable: true }) lastUsedIp?: string | null;
  @Property({ type: 'text' }) createdBy!: string;
  @Property({ type: 'integer' }) version = 1;
  @Property({ type: 'datetime' }) createdAt!: Date;
  @Property({ type: 'datetime', nullable: true }) endedAt?: Date | null;

  static create(
    given: CreateApiKey,
    node: PortalNode,
    secret: { prefix: string; secretHash: string },
    actor: Actor,
    at: Date,
  ): ApiKey {
    return Object.assign(new ApiKey(), {
      id: newId(),
      level: given.level,
      systemProviderId: node.systemProviderId ?? null,
      resellerId: node.resellerId ?? null,
      groupId: node.groupId ?? null,
      name: given.name,
      ...secret,
      permissions: given.permissions,
      expiresAt: given.expiresAt ? new Date(given.expiresAt) : null,
      createdBy: actor.name,
      createdAt: at,
    });
  }

  update(given: Pick<UpdateApiKey, 'name' | 'permissions' | 'expiresAt'>): Changes {
    const changes: Changes = {};
    if (given.name && given.name !== this.name) {
      changes['name'] = { from: this.name, to: given.name };
      this.name = given.name;
    }
    if (given.permissions && given.permissions.join() !== this.permissions.join()) {
      changes['permissions'] = { from: this.permissions, to: given.permissions };
      this.permissions = given.permissions;
    }
    if (given.expiresAt !== undefined) {
      const to = given.expiresAt ? new Date(given.expiresAt) : null;
      if (to?.getTime() !== this.expiresAt?.getTime()) changes['expiresAt'] = { from: this.expiresAt ?? null, to };
      this.expiresAt = to;
    }
    if (!isEmpty(changes)) this.version += 1;
    return changes;
  }

  /** The secret of before works on for so long; of two rotations in that time only the last one's. */
  rotate(secretHash: string, overlapHours: number, at: Date): void {
    this.previousSecretHash = overlapHours > 0 ? this.secretHash : null;
    this.previousSecretEndsAt = overlapHours > 0 ? new Date(at.getTime() + overlapHours * HOUR_MS) : null;
    this.secretHash = secretHash;
    this.version += 1;
  }

  end(at: Date): void {
    this.endedAt = at;
    this.version += 1;
  }

  grant(endsAt: Date | undefined): ApiKeyGrant {
    const { id, name, level, permissions, systemProviderId } = this;
    return {
      id,
      name,
      scope: { level, id: this.nodeId, systemProviderId: systemProviderId ?? '' },
      permissions,
      ...(endsAt ? { endsAt: endsAt.toISOString() } : {}),
    };
  }

  get nodeId(): string {
    return this.groupId ?? this.resellerId ?? this.systemProviderId ?? '';
  }

  historyObject(): HistoryObject {
    const { id, name, systemProviderId, resellerId, groupId } = this;
    return { kind: 'api-key', id, name, systemProviderId, resellerId, groupId };
  }

  view(now: Date): ApiKeyView {
    const { id, level, nodeId, name, prefix, permissions, createdBy, version } = this;
    const time = (at: Date | null | undefined, field: string) => (at ? { [field]: at.toISOString() } : {});
    const overlaps = this.previousSecretEndsAt && this.previousSecretEndsAt > now;
    return {
      id,
      level,
      nodeId,
      name,
      prefix: `stk_${prefix}`,
      permissions,
      state: this.expiresAt && now >= this.expiresAt ? 'expired' : 'active',
      ...time(this.expiresAt, 'expiresAt'),
      ...(overlaps ? time(this.previousSecretEndsAt, 'previousSecretEndsAt') : {}),
      ...time(this.lastUsedAt, 'lastUsedAt'),
      ...(this.lastUsedIp ? { lastUsedIp: this.lastUsedIp } : {}),
      createdBy,
      version,
      createdAt: this.createdAt.toISOString(),
    };
  }
}
