import { Injectable } from '@nestjs/common';
import type { EntityManager } from '@mikro-orm/postgresql';
import { Clock, newId, pageOf, type Actor, type Page, type RpcContext } from '@strowger/kernel';
import { Db } from '@strowger/persistence';
import type { HistoryEntryView, ListHistory } from '@strowger/contracts-hierarchy';
import { DEFAULT_LIMIT, matching, positionOf, type Where } from '../listing.js';
import { seenBy } from '../visibility.js';
import { HistoryEntry } from './history-entry.entity.js';

/** What an entry is about, and the nodes whose portal users may read it. */
export interface HistoryObject {
  kind: string;
  id: string;
  name: string;
  systemProviderId?: string | null;
  resellerId?: string | null;
  groupId?: string | null;
  userId?: string | null;
}

const COLUMNS = {
  'system-provider': 'systemProviderId',
  reseller: 'resellerId',
  group: 'groupId',
  user: 'userId',
};

@Injectable()
export class HistoryService {
  constructor(
    private readonly db: Db,
    private readonly clock: Clock,
  ) {}

  /** Adds an entry to the transaction of the change it tells of. `changes` must hold no secrets. */
  record(
    em: EntityManager,
    actor: Actor,
    action: string,
    about: HistoryObject,
    changes: Record<string, unknown> = {},
  ): void {
    em.persist(
      Object.assign(new HistoryEntry(), {
        id: newId(),
        at: this.clock.now(),
        actorKind: actor.kind,
        actorId: actor.id,
        actorName: actor.name,
        ip: actor.ip ?? null,
        action,
        objectKind: about.kind,
        objectId: about.id,
        objectName: about.name,
        changes,
        systemProviderId: about.systemProviderId || null,
        resellerId: about.resellerId ?? null,
        groupId: about.groupId ?? null,
        userId: about.userId ?? null,
      }),
    );
  }

  /** Newest first. */
  async list({ scope }: RpcContext, query: ListHistory): Promise<Page<HistoryEntryView>> {
    const limit = query.limit ?? DEFAULT_LIMIT;
    const where: Where[] = [seenBy(scope, COLUMNS), ...matching(query.search, 'objectName', 'actorName', 'action')];
    if (query.objectId) where.push({ objectId: query.objectId.toLowerCase() });
    if (query.cursor) where.push({ id: { $lt: positionOf(query.cursor, 1)[0] } });
    const rows = await this.db.em().find(HistoryEntry, { $and: where } as never, {
      orderBy: { id: 'desc' },
      limit: limit + 1,
    });
    return pageOf(
      rows,
      limit,
      (row) => [row.id],
      (row) => row.view(),
    );
  }
}
