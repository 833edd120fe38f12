import { Injectable } from '@nestjs/common';
import type { EntityManager } from '@mikro-orm/postgresql';
import { hierarchyRpc, type ListTrials, type TrialView } from '@strowger/contracts-hierarchy';
import { Clock, isId, pageOf, readCursor, type Actor, type Page, type RpcRequest } from '@strowger/kernel';
import { Db, sql } from '@strowger/persistence';
import { Answers } from '@strowger/rpc';
import { HistoryService } from '../../history/history.service.js';
import { DEFAULT_LIMIT, matching, type Where } from '../../listing.js';
import { columnOf, NodesService } from '../../nodes/nodes.service.js';
import { seenBy } from '../../visibility.js';
import { productsOf } from '../catalog.js';
import { Entitlement } from '../entitlement.service.js';
import { historyObjectOf, type LicensedUser } from '../licensed-user.js';
import { Trial } from './trial.entity.js';

interface TrialHolder {
  id: string;
  name: string;
  broadworksUserId: string;
}

/** The one trial that each user id has of an application. */
@Injectable()
export class TrialsService {
  constructor(
    private readonly db: Db,
    private readonly clock: Clock,
    private readonly history: HistoryService,
    private readonly nodes: NodesService,
    private readonly entitlement: Entitlement,
  ) {}

  /** The one trial this user id ever had for the application. The caller holds the user's row. */
  async find(em: EntityManager, user: LicensedUser, application: string): Promise<Trial | null> {
    const { systemProviderId, broadworksUserKey: userKey } = user;
    const trial = await em.findOne(Trial, { systemProviderId, userKey, application }, { refresh: true });
    if (trial && trial.userId !== user.id) {
      // The same id again after a deletion: the trial goes on where it was, to the end it had.
      trial.belongTo(user);
      await this.entitlement.settle(user.id);
    }
    return trial;
  }

  /** Of the highest license type, so that the user sees what there is to buy. Counts in no pool. */
  async start(em: EntityManager, actor: Actor, user: LicensedUser, application: string, days: number): Promise<Trial> {
    const trial = Trial.start(user, productsOf(application)[0]!, days, this.clock.now());
    em.persist(trial);
    this.history.record(em, actor, 'trial-started', historyObjectOf(user), {
      application,
      licenseType: trial.licenseType,
      expiresAt: trial.endsAt.toISOString(),
    });
    await em.flush();
    await this.note(actor, trial, 'started');
    await this.entitlement.settle(user.id);
    return trial;
  }

  /** A permanent license is served in its place from now on. */
  async supersede(
    em: EntityManager,
    actor: Actor,
    user: LicensedUser,
    trial: Trial,
    assignmentId: string,
  ): Promise<void> {
    if (!trial.supersede(assignmentId, this.clock.now())) return;
    await em.flush();
    await this.note(actor, trial, 'superseded');
    await this.entitlement.settle(user.id);
  }

  /** An entry of the license ledger, in the transaction of the change. */
  async note(actor: Actor, trial: Trial, action: 'started' | 'superseded' | 'expired'): Promise<void> {
    await this.db.query(sql`
      insert into license_ledger (at, system_provider_id, kind, action, item_id, reseller_id, group_id, user_id,
          actor_kind, actor_id)
        values (${this.clock.now()}, ${trial.systemProviderId}, 'trial', ${action}, ${trial.id}, ${trial.resellerId},
          ${trial.groupId}, ${trial.userId}, ${actor.kind}, ${actor.id})`);
  }

  /** Newest first. */
  @Answers(hierarchyRpc.listTrials)
  async list({ scope, body: query }: RpcRequest<ListTrials>): Promise<Page<TrialView>> {
    const limit = query.limit ?? DEFAULT_LIMIT;
    const where: Where[] = [seenBy(scope), ...matching(query.search, 'userKey', 'application')];
    if (query.parentId) {
      const node = await this.nodes.get(scope, query.parentId);
      where.push({ [columnOf(node)]: node.id });
    }
    if (query.state) where.push({ state: query.state });
    if (query.cursor) where.push({ id: { $lt: readCursor(query.cursor, isId)[0] } });
    const em = this.db.em();
    const rows = await em.find(Trial, { $and: where } as never, { orderBy: { id: 'desc' }, limit: limit + 1 });
    const users = await this.db.query(sql<TrialHolder>`
      select id, name, broadworks_user_id as "broadworksUserId" from app_user
      where id = any(${rows.map((row) => row.userId)}::uuid[]) and ended_at is null`);
    const byId = new Map(users.map((user) => [user.id, user]));
    return pageOf(
      rows,
      limit,
      (row) => [row.id],
      (row) => viewOf(row, byId.get(row.userId)),
    );
  }
}

function viewOf(trial: Trial, user: TrialHolder | undefined): TrialView {
  const { id, systemProviderId, userKey, application, licenseType, state, licensed, reason } = trial;
  return {
    id,
    systemProviderId,
    broadworksUserId: user?.broadworksUserId ?? userKey,
    ...(user ? { userId: user.id, userName: user.name } : {}),
    application,
    licenseType,
    state,
    startedAt: trial.startedAt.toISOString(),
    expiresAt: trial.endsAt.toISOString(),
    ...(trial.endedAt ? { endedAt: trial.endedAt.toISOString() } : {}),
    ...(typeof licensed === 'boolean' ? { licensed } : {}),
    ...(reason ? { reason } : {}),
  };
}
