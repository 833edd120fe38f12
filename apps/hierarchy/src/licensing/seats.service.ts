import { Injectable } from '@nestjs/common';
import type { EntityManager } from '@mikro-orm/postgresql';
import { MessagingEntitlementChangedV1, type ProductView } from '@strowger/contracts-hierarchy';
import { BatchedByKey, Clock, newId, NotFound, SYSTEM_ACTOR, type Actor, type RpcContext } from '@strowger/kernel';
import { Db, Outbox, sql } from '@strowger/persistence';
import { rankOf } from './catalog.js';
import { LicenseAssignment, type Licensee } from './license-assignment.entity.js';
import { InsufficientLicenses, type LicenseRefusal } from './licensing.errors.js';
import { PoolsService } from './pools.service.js';

type Product = Pick<ProductView, 'application' | 'licenseType'>;

interface Assigned extends LicenseRefusal {
  outcome: 'assigned' | 'kept' | 'no-user' | 'refused';
  licenseId: string;
  entitledNow: boolean;
  own: number | null;
}

interface Request {
  scopeLevel: string;
  scope: string | null;
  userId: string;
  application: string;
  licenseType: string;
  messaging: boolean;
  at: Date;
  actor: Actor;
  id: string;
  historyId: string;
  /** The fact of a change of entitlement as JSON, without what only the user's row knows. */
  event: string;
}

const OUTCOME = sql.raw(
  'outcome, license_id as "licenseId", entitled_now as "entitledNow", level, requested, available, own',
);

/** Large enough to share a commit among many, small enough that nobody waits long for it. */
const MOST_AT_ONCE = 50;
/** While one round is being committed the next one stands at the lock already. */
const ROUNDS_AT_ONCE = 2;

/** Columns that hold a node's id in the rows below it. */
const LEVELS = { systemProviderId: 'system-provider', resellerId: 'reseller', groupId: 'group' } as const;
export type NodeColumn = keyof typeof LEVELS;

/**
 * Gives licenses to users and takes them back. Each is one call of a function in the database, which holds the pool's
 * row only while it works: N parallel assignments on k free licenses give exactly k. Order of locks: user, then pools.
 */
@Injectable()
export class SeatsService {
  private readonly rounds = new BatchedByKey<Request, Assigned>(
    (requests) =>
      this.pools.statement(() =>
        requests.length === 1 ? this.one(requests[0]!).then((row) => [row]) : this.several(requests),
      ),
    { most: MOST_AT_ONCE, atOnce: ROUNDS_AT_ONCE, eager: true, onFailure: 'each' },
  );

  constructor(
    private readonly db: Db,
    private readonly outbox: Outbox,
    private readonly clock: Clock,
    private readonly pools: PoolsService,
  ) {}

  /**
   * The user's license, new or as it was. Everything in one statement: the user's lock, the invariants, the counters,
   * the assignment, ledger, history and fact. Outside of a transaction, those for one product share statements.
   * @throws NotFound when the scope holds no such user; InsufficientLicenses, and then nothing is written
   */
  async assign(
    { scope, actor }: RpcContext,
    userId: string,
    product: ProductView,
  ): Promise<{ license: LicenseAssignment; taken: boolean }> {
    const { application, licenseType, messaging } = product;
    const at = this.clock.now();
    const id = newId();
    const event = this.outbox.rowOf({ type: MessagingEntitlementChangedV1.type, subject: '', sequence: 0, data: {} });
    const request: Request = {
      scopeLevel: scope.level,
      scope: scope.id || null,
      userId,
      application,
      licenseType,
      messaging,
      at,
      actor,
      id,
      historyId: newId(),
      event: event.event,
    };
    const row = this.db.inTransaction
      ? await this.pools.statement(() => this.one(request))
      : await this.rounds.add(`${scope.systemProviderId} ${application} ${licenseType}`, request);
    const { outcome, licenseId, entitledNow, own } = row;
    if (outcome === 'no-user') throw new NotFound('user', userId);
    if (outcome === 'refused') throw new InsufficientLicenses(product, row, own === 0);
    if (entitledNow) this.outbox.wakeAfterCommit();
    if (outcome === 'kept')
      return { license: await this.db.em().findOneOrFail(LicenseAssignment, licenseId), taken: false };
    const held = { id, userId: userId.toLowerCase(), application, licenseType, assignedAt: at };
    const license = Object.assign(new LicenseAssignment(), held);
    return { license, taken: true };
  }

  /**
   * Ends licenses of a user whose row the caller holds: one, those of a product, or all. Returns which they were. The
   * caller settles the user's entitlement.
   */
  async release(
    em: EntityManager,
    user: Licensee,
    which: { licenseId?: string; product?: Product } = {},
    actor: Actor = SYSTEM_ACTOR,
  ): Promise<Product[]> {
    await em.flush();
    const { licenseId = null, product } = which;
    const released = await this.db.query<Product>(sql`
      select application, license_type as "licenseType" from release_licenses(${user.id}, ${licenseId},
        ${product?.application ?? null}, ${product?.licenseType ?? null}, ${this.clock.now()},
        ${JSON.stringify(actor)})`);
    return released.sort((a, b) => rankOf(a.application, a.licenseType) - rankOf(b.application, b.licenseType));
  }

  /** Ends every license and client session of a user who is being deleted; returns which licenses they were. */
  async giveBackAll(em: EntityManager, user: Licensee, actor?: Actor): Promise<Product[]> {
    await this.db.query(sql`
      update license_session set ended_at = ${this.clock.now()} where user_id = ${user.id} and ended_at is null`);
    return this.release(em, user, {}, actor);
  }

  /**
   * Draws what the user holds from another group, before the caller moves the user, whose row it holds.
   * @throws InsufficientLicenses when the group or its reseller has no room for one of them; then nothing has changed
   */
  async move(
    em: EntityManager,
    user: Licensee,
    toGroup: { id: string; resellerId: string },
    actor: Actor = SYSTEM_ACTOR,
  ): Promise<void> {
    await em.flush();
    const [row] = await this.db.query<Partial<LicenseRefusal> & Product>(sql`
      select level, requested, available, application, license_type as "licenseType"
      from move_licenses(${user.id}, ${toGroup.resellerId}, ${toGroup.id}, ${this.clock.now()},
        ${JSON.stringify(actor)})`);
    if (row?.level) throw new InsufficientLicenses(row, row as LicenseRefusal);
  }

  /**
   * Ends all licenses and sub-purchases under a node, set by set, and of a system provider its purchases. The caller
   * has locked the node and ended its users. Returns how many licenses became free.
   */
  async releaseUnder(
    em: EntityManager,
    column: NodeColumn,
    nodeId: string,
    at: Date = this.clock.now(),
    actor: Actor = SYSTEM_ACTOR,
  ): Promise<number> {
    await em.flush();
    const [row] = await this.db.query<{ released: number }>(
      sql`select release_licenses_under(${LEVELS[column]}, ${nodeId}, ${at}, ${JSON.stringify(actor)}) as released`,
    );
    return row!.released;
  }

  private async one(r: Request): Promise<Assigned> {
    const statement = sql<Assigned>`
      select ${OUTCOME} from assign_license(${r.scopeLevel}, ${r.scope}, ${r.userId}, ${r.application},
        ${r.licenseType}, ${r.messaging}, ${r.at}, ${JSON.stringify(r.actor)}, ${r.id}, ${r.historyId}, ${r.event})`;
    const [row] = await this.db.query(statement, { prepared: true });
    return row!;
  }

  private several(requests: Request[]): Promise<Assigned[]> {
    const json = `[${requests.map(({ event, ...r }) => `${JSON.stringify(r).slice(0, -1)},"event":${event}}`).join()}]`;
    return this.db.query(sql<Assigned>`select ${OUTCOME} from assign_licenses(${json})`, { prepared: true });
  }

  /** Active licenses in the order of the catalog. */
  async heldBy(em: EntityManager, userId: string): Promise<LicenseAssignment[]> {
    const licenses = await em.find(LicenseAssignment, { userId, endedAt: null });
    return licenses.sort((a, b) => rankOf(a.application, a.licenseType) - rankOf(b.application, b.licenseType));
  }
}
