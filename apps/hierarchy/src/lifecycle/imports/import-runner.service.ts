import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { shownCode } from '@strowger/http';
import { Timers } from '@strowger/jobs';
import { AppError, Clock, type Actor } from '@strowger/kernel';
import { Db, sql } from '@strowger/persistence';
import { counter, inBackground, logger } from '@strowger/telemetry';
import { HierarchyConfig } from '../../config.js';
import { HistoryService } from '../../history/history.service.js';
import { CsvReader, CsvUnreadable, type CsvRecord } from './csv.js';
import { ImportBatch, type PendingRow, type RowOutcome } from './import-batch.service.js';
import { columnsOf, rowOf, type ImportColumns, type ImportRow } from './import-columns.js';
import { ImportUnreadable } from './import.errors.js';
import { userKeyOf } from '../../tree/keys.js';

interface Work {
  id: string;
  systemProviderId: string;
  fileName: string | null;
  dryRun: boolean;
  state: 'waiting' | 'running';
  actor: Actor;
}

const TIMER = 'user-imports';
/** How late at most a kick that got lost is made good, and the next replica takes over from a dead one. */
const SWEEP_SECONDS = 5;
const ROWS_A_STATEMENT = 2000;
/** More than 20 MB of plausible rows hold. */
const MOST_ROWS = 500_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** A file that stopped coming. */
const ABANDONED_MS = HOUR_MS;

const log = logger('imports');
const rowsDone = counter('strowger_import_rows_total', 'Rows of imports worked off, by result.');

/**
 * Works imports off, batch by batch: each is one transaction that holds the import's row, does the rows and notes how
 * they ended. So a process that dies leaves a batch undone as a whole, and the next sweep of any replica goes on there.
 */
@Injectable()
export class ImportRunner implements OnModuleDestroy {
  private stopping = false;
  private kicked = false;
  /** Imports whose last batch broke: done row by row until the one that breaks it is found. */
  private readonly careful = new Set<string>();

  constructor(
    private readonly db: Db,
    private readonly clock: Clock,
    private readonly timers: Timers,
    private readonly config: HierarchyConfig,
    private readonly history: HistoryService,
    private readonly batch: ImportBatch,
  ) {
    timers.everySeconds(SWEEP_SECONDS, TIMER, () => this.work());
  }

  /** There is something to do: look now. */
  readonly kick = (): void => {
    this.kicked = true;
    inBackground(TIMER, this.timers.runNow(TIMER));
  };

  onModuleDestroy(): void {
    this.stopping = true;
  }

  /** Until nothing is left to do. */
  async work(): Promise<void> {
    await this.tidy();
    do {
      this.kicked = false;
      while (!this.stopping && (await this.step()));
    } while (this.kicked && !this.stopping);
  }

  /** Reads one file, or does one batch; false when there is nothing. */
  async step(): Promise<boolean> {
    let current: Work | undefined;
    try {
      return await this.db.transactional(async () => {
        current = await this.next();
        if (!current) return false;
        if (current.state === 'waiting') await this.read(current);
        else await this.doBatch(current);
        return true;
      });
    } catch (error) {
      if (!current || AppError.wrap(error).kind === 'unavailable') throw error;
      log.error({ err: error, importId: current.id, careful: this.careful.has(current.id) }, 'import-batch-failed');
      if (this.careful.has(current.id)) await this.giveUpOnRow(current.id);
      else this.careful.add(current.id);
      return true;
    }
  }

  /** The one that waited longest, so that a long import does not keep a short one waiting. */
  private async next(): Promise<Work | undefined> {
    const [work] = await this.db.query(sql<Work>`
      update user_import set worked_at = clock_timestamp() where id = (
        select id from user_import where finished_at is null and state in ('waiting', 'running')
        order by worked_at nulls first, id limit 1 for update skip locked)
      returning id, system_provider_id as "systemProviderId", file_name as "fileName", dry_run as "dryRun", state, actor`);
    return work;
  }

  private async read(work: Work): Promise<void> {
    await this.db.query(sql`savepoint import_file`);
    try {
      const { rows, failed } = await this.readParts(work.id);
      await this.db.query(sql`
        update user_import set state = 'running', rows = ${rows}, failed = ${failed} where id = ${work.id}`);
    } catch (error) {
      if (!(error instanceof CsvUnreadable || error instanceof ImportUnreadable)) throw error;
      await this.db.query(sql`rollback to savepoint import_file`);
      await this.finish(work, 'failed', error.message);
    }
    await this.db.query(sql`delete from user_import_part where import_id = ${work.id}`);
  }

  private async readParts(importId: string): Promise<{ rows: number; failed: number }> {
    const reader = new CsvReader();
    let columns: ImportColumns | undefined;
    let waiting: ImportRow[] = [];
    let [rows, failed] = [0, 0];
    const take = async (records: readonly CsvRecord[]): Promise<void> => {
      for (const record of records) {
        if (columns) waiting.push(rowOf(record, columns));
        else columns = headerOf(record);
      }
      if (waiting.length < ROWS_A_STATEMENT) return;
      await store();
    };
    const store = async (): Promise<void> => {
      rows += waiting.length;
      failed += waiting.filter(({ state }) => state === 'failed').length;
      if (rows > MOST_ROWS)
        throw new ImportUnreadable(`The file has more than ${MOST_ROWS} rows. Split it and import the pieces.`);
      await this.insertRows(importId, waiting);
      waiting = [];
    };
    for (let number = 0; ; number++) {
      const [part] = await this.db.query(sql<{ content: string }>`
        select content from user_import_part where import_id = ${importId} and number = ${number}`);
      if (!part) break;
      await take(reader.push(part.content));
    }
    await take(reader.end());
    if (!columns) throw new ImportUnreadable('The file has no first row that names the columns.');
    await store();
    return { rows, failed };
  }

  private async insertRows(importId: string, rows: readonly ImportRow[]): Promise<void> {
    for (let from = 0; from < rows.length; from += ROWS_A_STATEMENT) {
      const some = rows.slice(from, from + ROWS_A_STATEMENT).map(({ values, ...row }) => ({
        ...row,
        ...values,
        userKey: userKeyOf(values.broadworksUserId),
      }));
      await this.db.query(sql`
        insert into user_import_row (import_id, number, reseller_key, reseller_name, group_key, group_name,
          broadworks_user_id, user_key, user_name, application, license_type, state, code, message)
        select ${importId}::uuid, number, "resellerId", "resellerName", "groupId", "groupName", "broadworksUserId",
          "userKey", "userName", "applicationName", "licenseType", state, code, message
        from json_to_recordset(${JSON.stringify(some)}::json) as r (number int, "resellerId" text, "resellerName" text,
          "groupId" text, "groupName" text, "broadworksUserId" text, "userKey" text, "userName" text,
          "applicationName" text, "licenseType" text, state text, code text, message text)`);
    }
  }

  private async doBatch(work: Work): Promise<void> {
    const limit = this.careful.has(work.id) ? 1 : this.config.importBatchRows;
    const rows = await this.db.query(sql<PendingRow>`
      select number, reseller_key as "resellerKey", reseller_name as "resellerName", group_key as "groupKey",
        group_name as "groupName", broadworks_user_id as "broadworksUserId", user_name as "userName", application,
        license_type as "licenseType"
      from user_import_row where import_id = ${work.id} and state = 'pending' order by number limit ${limit}`);
    if (rows.length === 0) return this.finish(work, 'done');
    const { id: importId, systemProviderId, dryRun, actor } = work;
    const outcomes = await this.batch.run({ importId, systemProviderId, dryRun, actor, rows });
    await this.note(importId, outcomes);
    this.db.afterCommit(() => {
      for (const result of ['created', 'kept', 'failed'] as const)
        rowsDone.inc({ result }, outcomes.filter(({ state }) => state === result).length);
    });
  }

  private async note(importId: string, outcomes: readonly RowOutcome[]): Promise<void> {
    await this.db.query(sql`
      with noted as (
        update user_import_row r
        set state = o.state, user_id = o."userId", code = o.code, message = o.message, drew = o.drew
        from json_to_recordset(${JSON.stringify(outcomes)}::json)
          as o (number int, state text, "userId" uuid, drew boolean, code text, message text)
        where r.import_id = ${importId} and r.number = o.number and r.state = 'pending' returning r.state)
      update user_import set created = created + (select count(*) from noted where noted.state = 'created'),
        kept = kept + (select count(*) from noted where noted.state = 'kept'),
        failed = failed + (select count(*) from noted where noted.state = 'failed')
      where id = ${importId}`);
  }

  /** The row alone breaks us, which is our fault and not its author's; the others shall not wait for that. */
  private async giveUpOnRow(importId: string): Promise<void> {
    this.careful.delete(importId);
    await this.db.transactional(async () => {
      const [row] = await this.db.query(sql<{ number: number }>`
        select number from user_import_row where import_id = ${importId} and state = 'pending' order by number limit 1`);
      const message =
        'Something went wrong on our side. Import this row again, or ask the operator to look at the log.';
      if (row)
        await this.note(importId, [
          { number: row.number, state: 'failed', userId: null, drew: false, code: shownCode('internal'), message },
        ]);
    });
  }

  private async finish(work: Work, state: 'done' | 'failed', problem: string | null = null): Promise<void> {
    const { id, systemProviderId, fileName, actor } = work;
    this.careful.delete(id);
    const [counts] = await this.db.query(sql<Record<'rows' | 'created' | 'kept' | 'failed', number>>`
      update user_import set state = ${state}, problem = ${problem}, finished_at = ${this.clock.now()} where id = ${id}
      returning rows, created, kept, failed`);
    const about = { kind: 'import', id, name: fileName ?? '', systemProviderId };
    await this.history.recordAll([
      this.history.rowOf(actor, 'finished', about, { state, dryRun: work.dryRun, ...counts }),
    ]);
  }

  /** What stopped coming is closed, and what is old goes. */
  private async tidy(): Promise<void> {
    const now = this.clock.now();
    const before = (ms: number): Date => new Date(now.getTime() - ms);
    await this.db.query(sql`
      with given_up as (
        update user_import set state = 'failed', finished_at = ${now}, problem = 'The file did not arrive as a whole.'
        where finished_at is null and state = 'receiving' and created_at < ${before(ABANDONED_MS)} returning id)
      delete from user_import_part where import_id in (select id from given_up)`);
    await this.db.query(sql`
      delete from user_import where finished_at < ${before(this.config.importKeepDays * DAY_MS)}`);
  }
}

function headerOf({ fields }: CsvRecord): ImportColumns {
  const columns = columnsOf(fields);
  if (typeof columns === 'string') throw new ImportUnreadable(columns);
  return columns;
}
