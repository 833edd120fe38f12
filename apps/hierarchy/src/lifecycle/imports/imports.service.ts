import { Injectable } from '@nestjs/common';
import {
  hierarchyRpc,
  IMPORT_COLUMNS,
  type AddImportPart,
  type ById,
  type FinishImport,
  type ImportRowState,
  type ImportRowView,
  type ImportState,
  type ImportView,
  type ListImportRows,
  type ListImports,
  type StartImport,
} from '@strowger/contracts-hierarchy';
import {
  Clock,
  isCursorNumber,
  isId,
  newId,
  NotFound,
  pageOf,
  readCursor,
  type Page,
  type RpcRequest,
  type TenantScope,
} from '@strowger/kernel';
import { Db, sql, type RawBuilder } from '@strowger/persistence';
import { Answers } from '@strowger/rpc';
import { HistoryService } from '../../history/history.service.js';
import { DEFAULT_LIMIT } from '../../listing.js';
import { providerSeenBy } from '../../nodes/scope-sql.js';
import { SystemProvidersService } from '../../tree/system-providers/system-providers.service.js';
import { CsvReader } from './csv.js';
import { columnsOf } from './import-columns.js';
import { ImportIncomplete, ImportNotOpen, ImportOver, ImportUnreadable } from './import.errors.js';
import { ImportRunner } from './import-runner.service.js';

interface Row {
  id: string;
  systemProviderId: string;
  fileName: string | null;
  dryRun: boolean;
  state: ImportState;
  rows: number;
  created: number;
  kept: number;
  failed: number;
  problem: string | null;
  createdAt: string;
  finishedAt: string | null;
}
interface RowResult extends Record<(typeof IMPORT_COLUMNS)[number], string> {
  number: number;
  state: ImportRowState;
  code: string | null;
  message: string | null;
  userId: string | null;
}

const COLUMNS = sql`i.id, i.system_provider_id as "systemProviderId", i.file_name as "fileName", i.dry_run as "dryRun",
  i.state, i.rows, i.created, i.kept, i.failed, i.problem, i.created_at as "createdAt", i.finished_at as "finishedAt"`;

/** Bulk imports of users from CSV: takes the file in parts, and reports how its rows fared. */
@Injectable()
export class ImportsService {
  constructor(
    private readonly db: Db,
    private readonly clock: Clock,
    private readonly history: HistoryService,
    private readonly providers: SystemProvidersService,
    private readonly runner: ImportRunner,
  ) {}

  /** Safe to repeat with the same id. */
  @Answers(hierarchyRpc.startImport)
  async start({ scope, actor, body: given }: RpcRequest<StartImport>): Promise<ImportView> {
    const id = given.id?.toLowerCase() ?? newId();
    return this.db.transactional(async (em) => {
      const provider = await this.providers.hold(em, scope, given.systemProviderId);
      const { fileName, dryRun = false } = given;
      const made = await this.db.query(sql`
        insert into user_import (id, system_provider_id, file_name, dry_run, state, actor, created_at)
        values (${id}, ${provider.id}, ${fileName ?? null}, ${dryRun}, 'receiving', ${JSON.stringify(actor)},
          ${this.clock.now()})
        on conflict (id) do nothing returning id`);
      if (made.length > 0) {
        const about = { kind: 'import', id, name: fileName ?? '', systemProviderId: provider.id };
        this.history.record(em, actor, 'started', about, { dryRun });
      }
      return viewOf(await this.find(scope, id));
    });
  }

  /** @throws ImportUnreadable at once when the first part does not begin with a header that can be used */
  @Answers(hierarchyRpc.addImportPart)
  async addPart({ scope, body: { id, number, content } }: RpcRequest<AddImportPart>): Promise<null> {
    const { state } = await this.find(scope, id);
    if (state !== 'receiving') throw new ImportNotOpen(state);
    if (number === 0) checkHeader(content);
    await this.db.query(sql`
      insert into user_import_part (import_id, number, content) values (${id}, ${number}, ${content})
      on conflict (import_id, number) do nothing`);
    return null;
  }

  /** Lets the runner at it. Safe to repeat. */
  @Answers(hierarchyRpc.finishImport)
  async finish({ scope, body: { id, parts } }: RpcRequest<FinishImport>): Promise<ImportView> {
    return this.db.transactional(async () => {
      const found = await this.find(scope, id, sql`for update of i`);
      if (found.state !== 'receiving') return viewOf(found);
      const [received] = await this.db.query(
        sql<{
          n: number;
        }>`select count(*)::int as n from user_import_part where import_id = ${id} and number < ${parts}`,
      );
      if (parts === 0) throw new ImportUnreadable('The file is empty.');
      if (received!.n !== parts) throw new ImportIncomplete(parts, received!.n);
      await this.db.query(sql`update user_import set state = 'waiting' where id = ${id}`);
      this.db.afterCommit(this.runner.kick);
      return viewOf({ ...found, state: 'waiting' });
    });
  }

  /** Rows done stay done; the others stay as they are. */
  @Answers(hierarchyRpc.cancelImport)
  async cancel({ scope, actor, body: { id } }: RpcRequest<ById>): Promise<ImportView> {
    return this.db.transactional(async (em) => {
      // Waits for the batch that is under way.
      const found = await this.find(scope, id, sql`for update of i`);
      if (found.finishedAt) throw new ImportOver(found.state);
      const at = this.clock.now();
      await this.db.query(sql`update user_import set state = 'cancelled', finished_at = ${at} where id = ${id}`);
      await this.db.query(sql`delete from user_import_part where import_id = ${id}`);
      const about = { kind: 'import', id, name: found.fileName ?? '', systemProviderId: found.systemProviderId };
      this.history.record(em, actor, 'cancelled', about);
      return viewOf({ ...found, state: 'cancelled', finishedAt: at.toISOString() });
    });
  }

  @Answers(hierarchyRpc.getImport)
  async get({ scope, body: { id } }: RpcRequest<ById>): Promise<ImportView> {
    return viewOf(await this.find(scope, id));
  }

  @Answers(hierarchyRpc.listImports)
  async list({ scope, body: query }: RpcRequest<ListImports>): Promise<Page<ImportView>> {
    const provider = await this.providers.find(scope, query.systemProviderId);
    if (!provider) throw new NotFound('system-provider', query.systemProviderId);
    const limit = query.limit ?? DEFAULT_LIMIT;
    const before = query.cursor ? sql`and i.id < ${readCursor(query.cursor, isId)[0]}` : sql``;
    const rows = await this.db.query(sql<Row>`
      select ${COLUMNS} from user_import i where i.system_provider_id = ${provider.id} ${before}
      order by i.id desc limit ${limit + 1}`);
    return pageOf(rows, limit, (row) => [row.id], viewOf);
  }

  @Answers(hierarchyRpc.listImportRows)
  async listRows({ scope, body: query }: RpcRequest<ListImportRows>): Promise<Page<ImportRowView>> {
    const { id } = await this.find(scope, query.id);
    const limit = query.limit ?? DEFAULT_LIMIT;
    const state = query.state ? sql`and state = ${query.state}` : sql``;
    const rows = await this.db.query(sql<RowResult>`
      select number, state, code, message, user_id as "userId", reseller_key as "resellerId",
        reseller_name as "resellerName", group_key as "groupId", group_name as "groupName",
        broadworks_user_id as "broadworksUserId", user_name as "userName", application as "applicationName",
        license_type as "licenseType"
      from user_import_row where import_id = ${id} and number > ${rowAfter(query.cursor)} ${state}
      order by number limit ${limit + 1}`);
    return pageOf(rows, limit, (row) => [row.number], rowView);
  }

  private async find(scope: TenantScope, id: string, lock: RawBuilder<unknown> = sql``): Promise<Row> {
    const [row] = await this.db.query(sql<Row>`
      select ${COLUMNS} from user_import i join system_provider p on p.id = i.system_provider_id
      where i.id = ${id} and ${providerSeenBy(scope, 'p')} ${lock}`);
    if (!row) throw new NotFound('import', id);
    return row;
  }
}

function checkHeader(beginning: string): void {
  const reader = new CsvReader();
  let header: readonly string[] | undefined;
  try {
    // A file of one line may be all there is.
    header = [...reader.push(beginning), ...reader.end()][0]?.fields;
  } catch {
    // What comes later is read by the runner, which names the row.
    header = new CsvReader().push(beginning.split(/\r\n|\n|\r/, 1)[0] + '\n')[0]?.fields;
  }
  const columns = header ? columnsOf(header) : 'The file has no first row that names the columns.';
  if (typeof columns === 'string') throw new ImportUnreadable(columns);
}

const isRowNumber = isCursorNumber(2 ** 31 - 1);
const rowAfter = (cursor: string | undefined): number => (cursor ? readCursor(cursor, isRowNumber)[0] : 0);

const viewOf = ({ fileName, problem, createdAt, finishedAt, ...row }: Row): ImportView => ({
  ...row,
  ...(fileName ? { fileName } : {}),
  ...(problem ? { problem } : {}),
  createdAt: new Date(createdAt).toISOString(),
  ...(finishedAt ? { finishedAt: new Date(finishedAt).toISOString() } : {}),
});

const rowView = ({ number: row, state: result, code, message, userId, ...values }: RowResult): ImportRowView => ({
  row,
  result,
  ...(code ? { code } : {}),
  ...(message ? { message } : {}),
  ...(userId ? { userId } : {}),
  ...values,
});
