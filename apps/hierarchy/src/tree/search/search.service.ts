import { Injectable } from '@nestjs/common';
import {
  hierarchyRpc,
  SEARCH_KINDS,
  type PathStep,
  type SearchHit,
  type SearchKind,
  type SearchTree,
} from '@strowger/contracts-hierarchy';
import { isCursorText, isId, pageOf, readCursor, type Page, type RpcRequest, type TenantScope } from '@strowger/kernel';
import { Db, sql, type RawBuilder } from '@strowger/persistence';
import { Answers } from '@strowger/rpc';
import { DEFAULT_LIMIT, providersOf } from '../../listing.js';
import { providerSeenBy, rowSeenBy } from '../../nodes/scope-sql.js';

interface Row {
  kind: SearchKind;
  id: string;
  name: string;
  key: string | null;
  systemProviderId: string | null;
  resellerId: string | null;
  groupId: string | null;
}
type TreeKind = Exclude<SearchKind, 'number'>;
type Position = { name: string; id: string };

const KINDS = SEARCH_KINDS.filter((kind): kind is TreeKind => kind !== 'number');
/** From the top; a scope sees no names of nodes above it. */
const LEVELS = ['system-provider', 'reseller', 'group'] as const;

/** A trigram has three characters: a shorter text anywhere inside would mean reading every row. */
const SHORTEST_INSIDE = 3;

const escaped = (text: string): string => text.replaceAll(/[\\%_]/g, '\\$&');

/** Where a kind is kept, and what of it is searched. */
const SOURCES: Record<
  TreeKind,
  { table: string; key: string; above: string; seen: (scope: TenantScope) => RawBuilder<boolean> }
> = {
  'system-provider': {
    table: 'system_provider',
    key: 'key',
    above: 'n.id as "systemProviderId", null::uuid as "resellerId", null::uuid as "groupId"',
    seen: (scope) => providerSeenBy(scope, 'n'),
  },
  reseller: {
    table: 'reseller',
    key: 'key',
    above: 'n.system_provider_id as "systemProviderId", null::uuid as "resellerId", null::uuid as "groupId"',
    seen: (scope) => rowSeenBy(scope, 'n', 'reseller'),
  },
  group: {
    table: 'reseller_group',
    key: 'key',
    above: 'n.system_provider_id as "systemProviderId", n.reseller_id as "resellerId", null::uuid as "groupId"',
    seen: (scope) => rowSeenBy(scope, 'n', 'group'),
  },
  user: {
    table: 'app_user',
    key: 'broadworks_user_id',
    above: 'n.system_provider_id as "systemProviderId", n.reseller_id as "resellerId", n.group_id as "groupId"',
    seen: (scope) => rowSeenBy(scope, 'n', 'user'),
  },
  'portal-user': {
    table: 'portal_user',
    key: 'email',
    above: 'n.system_provider_id as "systemProviderId", n.reseller_id as "resellerId", n.group_id as "groupId"',
    seen: (scope) => rowSeenBy(scope, 'n', 'portal-user'),
  },
};

/** Finds whatever holds a text in its name or id, kind after kind from the top of the tree, each by name. */
@Injectable()
export class SearchService {
  constructor(private readonly db: Db) {}

  @Answers(hierarchyRpc.searchTree)
  async search({ scope, body: query }: RpcRequest<SearchTree>): Promise<Page<SearchHit>> {
    const limit = query.limit ?? DEFAULT_LIMIT;
    const { kind: from, position } = query.cursor ? positionOf(query.cursor) : { kind: KINDS[0]!, position: undefined };
    const wanted = KINDS.slice(KINDS.indexOf(from)).filter((kind) => !query.kind || kind === query.kind);
    const providers = await providersOf(this.db.em(), scope);
    const rows: Row[] = [];
    for (const kind of wanted) {
      const after = kind === from ? position : undefined;
      rows.push(...(await this.ofKind(scope, providers, kind, query.search, limit + 1 - rows.length, after)));
      if (rows.length > limit) break;
    }
    const page = pageOf(
      rows,
      limit,
      (row) => [row.kind, row.name, row.id],
      (row) => row,
    );
    return { ...page, items: await this.hits(scope, page.items) };
  }

  private ofKind(
    scope: TenantScope,
    providers: readonly string[] | undefined,
    kind: TreeKind,
    text: string,
    limit: number,
    after?: Position,
  ): Promise<Row[]> {
    const { table, key, above, seen } = SOURCES[kind];
    const pattern = `${text.length >= SHORTEST_INSIDE ? '%' : ''}${escaped(text)}%`;
    // As in pageByName: the first bound is for the index, the second drops the ties before the cursor.
    const rest = after ? sql`and n.name >= ${after.name} and (n.name > ${after.name} or n.id > ${after.id})` : sql``;
    const found = (visible: RawBuilder<unknown>): RawBuilder<Row> => sql<Row>`
      select ${kind} as kind, n.id, n.name, n.${sql.id(key)} as key, ${sql.raw(above)} from ${sql.id(table)} n
      where ${visible} and n.ended_at is null and (n.name ilike ${pattern} or n.${sql.id(key)} ilike ${pattern})
        ${rest}
      order by n.name, n.id limit ${limit}`;
    if (!providers || kind === 'system-provider') return this.db.query(found(seen(scope)));
    if (providers.length === 1) return this.db.query(found(sql`n.system_provider_id = ${providers[0]}`));
    return this.db.query(sql<Row>`
      select hit.* from unnest(${providers}::uuid[]) as provider (id)
      cross join lateral (${found(sql`n.system_provider_id = provider.id`)}) as hit
      order by hit.name, hit.id limit ${limit}`);
  }

  private async hits(scope: TenantScope, rows: Row[]): Promise<SearchHit[]> {
    const ids = (field: 'systemProviderId' | 'resellerId' | 'groupId'): string[] => [
      ...new Set(rows.map((row) => row[field]).filter((id) => id !== null)),
    ];
    const names =
      rows.length === 0
        ? []
        : await this.db.query(sql<{ id: string; name: string }>`
            select id, name from system_provider where id = any (${ids('systemProviderId')}::uuid[])
            union all select id, name from reseller where id = any (${ids('resellerId')}::uuid[])
            union all select id, name from reseller_group where id = any (${ids('groupId')}::uuid[])`);
    const nameOf = new Map(names.map(({ id, name }) => [id, name]));
    const visible = LEVELS.slice(scope.level === 'platform' ? 0 : Math.max(LEVELS.indexOf(scope.level as never), 0));
    return rows.map((row) => {
      const above = { 'system-provider': row.systemProviderId, reseller: row.resellerId, group: row.groupId };
      const path = visible
        .map((level): PathStep => ({ level, id: above[level] ?? '', name: nameOf.get(above[level] ?? '') ?? '' }))
        .filter(({ id }) => id !== '' && id !== row.id);
      return { kind: row.kind, id: row.id, name: row.name, ...(row.key ? { key: row.key } : {}), path };
    });
  }
}

const isTreeKind = (part: unknown): part is TreeKind => KINDS.some((kind) => kind === part);

function positionOf(cursor: string): { kind: TreeKind; position: Position } {
  const [kind, name, id] = readCursor(cursor, isTreeKind, isCursorText, isId);
  return { kind, position: { name, id } };
}
