import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { LockMode, type EntityManager } from '@mikro-orm/postgresql';
import {
  hierarchyRpc,
  type ApiKeyGrant,
  type ApiKeyView,
  type ApiKeyWithSecret,
  type AuthenticateApiKey,
  type ById,
  type CreateApiKey,
  type ListUnder,
  type RotateApiKey,
  type UpdateApiKey,
} from '@strowger/contracts-hierarchy';
import {
  checkVersion,
  Clock,
  InvalidInput,
  NotFound,
  type Actor,
  type Page,
  type RpcRequest,
  type TenantScope,
} from '@strowger/kernel';
import { Db, sql } from '@strowger/persistence';
import { Answers } from '@strowger/rpc';
import { isEmpty } from '../../history/changes.js';
import { HistoryService } from '../../history/history.service.js';
import { matching, pageByName, type Where } from '../../listing.js';
import { columnOf, NodesService } from '../../nodes/nodes.service.js';
import { byPerson } from '../credentials/by-person.js';
import { CredentialDrops } from '../credentials/credential-drops.js';
import { seenBy } from '../../visibility.js';
import { ApiKey } from './api-key.entity.js';
import { ApiKeyRefused } from './api-key.errors.js';

const DEFAULT_OVERLAP_HOURS = 24;
const USED_EVERY_MS = 60_000;

const visible = (scope: TenantScope) => ({
  ...seenBy(scope, { 'system-provider': 'systemProviderId', reseller: 'resellerId', group: 'groupId' }),
  endedAt: null,
});
const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('hex');
const same = (a: string, b: string): boolean =>
  a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));

/** Keys of REST integrators: `stk_<prefix>_<secret>`, shown once. */
@Injectable()
export class ApiKeysService {
  constructor(
    private readonly db: Db,
    private readonly clock: Clock,
    private readonly history: HistoryService,
    private readonly nodes: NodesService,
    private readonly drops: CredentialDrops,
  ) {}

  @Answers(hierarchyRpc.createApiKey)
  async create({ scope, actor, body: given }: RpcRequest<CreateApiKey>): Promise<ApiKeyWithSecret> {
    const node = await this.nodeOf(scope, given);
    byPerson(actor, 'manage API keys');
    const at = this.clock.now();
    this.checkExpiry(given.expiresAt, at);
    const prefix = randomBytes(6).toString('hex');
    const secret = randomBytes(32).toString('base64url');
    return this.db.transactional(async (em) => {
      if (node?.level === 'system-provider') await this.nodes.lockProvider(scope, node.id);
      if (node) await this.nodes.hold(node);
      const key = ApiKey.create(given, node ?? {}, { prefix, secretHash: hashOf(secret) }, actor, at);
      em.persist(key);
      const { name, permissions, expiresAt } = given;
      this.history.record(em, actor, 'created', key.historyObject(), { name, permissions, expiresAt });
      await em.flush();
      return { ...key.view(at), key: `stk_${prefix}_${secret}` };
    });
  }

  @Answers(hierarchyRpc.updateApiKey)
  async update({ scope, actor, body: given }: RpcRequest<UpdateApiKey>): Promise<ApiKeyView> {
    const at = this.clock.now();
    this.checkExpiry(given.expiresAt, at);
    return this.change(scope, actor, given.id, (em, key) => {
      checkVersion('API key', key, given.version);
      const changes = key.update(given);
      if (!isEmpty(changes)) this.history.record(em, actor, 'updated', key.historyObject(), changes);
      return key.view(at);
    });
  }

  /** A new secret; the one before works on for the overlap, so that its users can be changed over. */
  @Answers(hierarchyRpc.rotateApiKey)
  async rotate({ scope, actor, body: given }: RpcRequest<RotateApiKey>): Promise<ApiKeyWithSecret> {
    const secret = randomBytes(32).toString('base64url');
    const overlapHours = given.overlapHours ?? DEFAULT_OVERLAP_HOURS;
    const at = this.clock.now();
    return this.change(scope, actor, given.id, (em, key) => {
      key.rotate(hashOf(secret), overlapHours, at);
      this.history.record(em, actor, 'rotated', key.historyObject(), { overlapHours });
      return { ...key.view(at), key: `stk_${key.prefix}_${secret}` };
    });
  }

  @Answers(hierarchyRpc.revokeApiKey)
  async revoke({ scope, actor, body: { id } }: RpcRequest<ById>): Promise<null> {
    await this.change(scope, actor, id, (em, key) => {
      key.end(this.clock.now());
      this.history.record(em, actor, 'revoked', key.historyObject());
    });
    return null;
  }

  @Answers(hierarchyRpc.getApiKey)
  async get({ scope, body: { id } }: RpcRequest<ById>): Promise<ApiKeyView> {
    const key = await this.db.em().findOne(ApiKey, { $and: [visible(scope), { id }] });
    if (!key) throw new NotFound('api-key', id);
    return key.view(this.clock.now());
  }

  /** Those of a node and of the nodes below it. */
  @Answers(hierarchyRpc.listApiKeys)
  async list({ scope, body: query }: RpcRequest<ListUnder>): Promise<Page<ApiKeyView>> {
    const where: Where[] = [visible(scope), ...matching(query.search, 'name', 'prefix')];
    if (query.parentId) {
      const node = await this.nodes.get(scope, query.parentId);
      where.push({ [columnOf(node)]: node.id });
    }
    const now = this.clock.now();
    return pageByName(this.db.em(), ApiKey, where, query, (rows) => rows.map((row) => row.view(now)));
  }

  /** Service to service: who a key stands for. @throws ApiKeyRefused */
  @Answers(hierarchyRpc.authenticateApiKey)
  async authenticate({
    actor: { ip },
    body: { prefix, secretHash },
  }: RpcRequest<AuthenticateApiKey>): Promise<ApiKeyGrant> {
    const key = await this.db.em().findOne(ApiKey, { prefix, endedAt: null });
    const now = this.clock.now();
    if (!key || (key.expiresAt && now >= key.expiresAt)) throw new ApiKeyRefused();
    let endsAt = key.expiresAt ?? undefined;
    if (!same(key.secretHash, secretHash)) {
      const overlapEnds = key.previousSecretEndsAt;
      const isPrevious = key.previousSecretHash ? same(key.previousSecretHash, secretHash) : false;
      if (!isPrevious || !overlapEnds || now >= overlapEnds) throw new ApiKeyRefused();
      endsAt = endsAt && endsAt < overlapEnds ? endsAt : overlapEnds;
    }
    await this.noteUse(key, now, ip);
    return key.grant(endsAt);
  }

  private async noteUse(key: ApiKey, now: Date, ip: string | undefined): Promise<void> {
    const before = new Date(now.getTime() - USED_EVERY_MS);
    if (key.lastUsedAt && key.lastUsedAt > before) return;
    await this.db.query(sql`
      update api_key set last_used_at = ${now}, last_used_ip = ${ip ?? null}
      where id = ${key.id} and (last_used_at is null or last_used_at <= ${before})`);
  }

  private change<T>(
    scope: TenantScope,
    actor: Actor,
    id: string,
    apply: (em: EntityManager, key: ApiKey) => T,
  ): Promise<T> {
    return this.db.transactional(async (em) => {
      const where = { $and: [visible(scope), { id }] };
      const key = await em.findOne(ApiKey, where, { lockMode: LockMode.PESSIMISTIC_WRITE, refresh: true });
      if (!key) throw new NotFound('api-key', id);
      byPerson(actor, 'manage API keys');
      this.drops.afterCommit({ apiKeyIds: [key.id] });
      return apply(em, key);
    });
  }

  private async nodeOf(scope: TenantScope, { level, nodeId }: CreateApiKey) {
    if (level !== 'platform') return this.nodes.get(scope, nodeId ?? '', level);
    if (scope.level !== 'platform') throw new NotFound('node', nodeId ?? '');
    return undefined;
  }

  private checkExpiry(expiresAt: string | null | undefined, now: Date): void {
    if (expiresAt && new Date(expiresAt) <= now)
      throw new InvalidInput([
        {
          field: 'expiresAt',
          rule: 'future',
          message: 'The key would have expired already: expiresAt must be in the future.',
        },
      ]);
  }
}
