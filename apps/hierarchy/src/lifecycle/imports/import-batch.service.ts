import { Injectable } from '@nestjs/common';
import { shownCode } from '@strowger/http';
import { AppError, type Actor, type TenantScope } from '@strowger/kernel';
import { Db, sql } from '@strowger/persistence';
import { productOf } from '../../licensing/catalog.js';
import { SeatsService } from '../../licensing/seats.service.js';
import { UserIds } from '../../tree/users/user-ids.service.js';
import { UserInOtherGroup } from '../../tree/users/user.errors.js';
import { groupAt, Overtaken, PathBatches, type Levels } from '../../tree/paths/path-batches.service.js';
import { userKeyOf } from '../../tree/keys.js';

export interface PendingRow {
  number: number;
  resellerKey: string;
  resellerName: string;
  groupKey: string;
  groupName: string;
  broadworksUserId: string;
  userName: string;
  application: string;
  licenseType: string;
}
export interface RowOutcome {
  number: number;
  state: 'created' | 'kept' | 'failed';
  userId: string | null;
  /** Took a license the user did not have. */
  drew: boolean;
  code: string | null;
  message: string | null;
}
export interface Batch {
  importId: string;
  systemProviderId: string;
  dryRun: boolean;
  actor: Actor;
  rows: readonly PendingRow[];
}

/** A user that rows of a batch speak of: where it is or will be. */
interface Place {
  resellerKey: string;
  groupKey: string;
  /** Null in a dry run, for one that an earlier batch would have made. */
  userId: string | null;
  /** The row that makes it. */
  madeBy?: number;
}
type Failure = Pick<AppError, 'code' | 'message'>;

const MOST_TRIES = 10;

/**
 * Works off rows in the transaction the caller is in: users with the levels above them set by set, licenses one by one.
 * A row is done as a whole or not at all. When a license is refused whose row made its user, everything is undone and
 * done again without that row, which takes one more pass for all such rows of a batch.
 */
@Injectable()
export class ImportBatch {
  constructor(
    private readonly db: Db,
    private readonly paths: PathBatches,
    private readonly seats: SeatsService,
    private readonly userIds: UserIds,
  ) {}

  /** One outcome per row. In a dry run nothing is left of it. */
  async run(batch: Batch): Promise<RowOutcome[]> {
    const refused = new Map<number, RowOutcome>();
    for (let tries = 0; tries < MOST_TRIES;) {
      await this.db.query(sql`savepoint import_batch`);
      const rows = batch.rows.filter(({ number }) => !refused.has(number));
      const outcomes = await this.attempt({ ...batch, rows }).catch(async (error: unknown) => {
        if (!(error instanceof Overtaken)) throw error;
        tries += 1;
        return undefined;
      });
      const undone = outcomes?.filter(({ state, userId }) => state === 'failed' && userId === MADE);
      if (!outcomes || undone!.length > 0 || batch.dryRun) await this.db.query(sql`rollback to savepoint import_batch`);
      if (!outcomes) continue;
      for (const outcome of undone!) refused.set(outcome.number, { ...outcome, userId: null });
      if (undone!.length > 0) continue;
      await this.db.query(sql`release savepoint import_batch`);
      return [...refused.values(), ...outcomes].map((outcome) =>
        batch.dryRun && outcome.state === 'created' ? { ...outcome, userId: null } : outcome,
      );
    }
    throw new AppError('unavailable', 'conflict', 'Others change the same users all the time.');
  }

  private async attempt(batch: Batch): Promise<RowOutcome[]> {
    const failures = new Map<number, Failure>();
    const places = await this.placesOf(batch);
    const planned: PendingRow[] = [];
    for (const row of batch.rows) {
      const place = places.get(userKeyOf(row.broadworksUserId));
      if (place) {
        if (place.resellerKey !== row.resellerKey || place.groupKey !== row.groupKey)
          failures.set(row.number, new UserInOtherGroup(row.broadworksUserId, inWords(place)));
        continue;
      }
      const message = this.userIds.complaint(row.broadworksUserId);
      if (message) {
        failures.set(row.number, { code: 'parameter-invalid', message });
        continue;
      }
      const { resellerKey, groupKey, number: madeBy } = row;
      places.set(userKeyOf(row.broadworksUserId), { resellerKey, groupKey, userId: null, madeBy });
      planned.push(row);
    }
    const drawn = batch.dryRun ? await this.drawnBefore(batch) : [];
    const levels = await this.levelsFor(batch, [...planned, ...drawn]);
    await this.makeUsers(batch, planned, places, levels);
    const drew = new Set<number>();
    const licensed = batch.rows.filter((row) => row.application !== '' && !failures.has(row.number));
    if (licensed.length > 0) {
      await this.lockForLicenses(batch, licensed, places);
      await this.drawAgain(batch, drawn, levels);
      for (const row of inOrderOfProducts(licensed)) {
        const outcome = await this.assign(batch, row, places.get(userKeyOf(row.broadworksUserId))!);
        if (outcome === true) drew.add(row.number);
        else if (outcome) failures.set(row.number, outcome);
      }
    }
    return batch.rows.map((row) => {
      const place = places.get(userKeyOf(row.broadworksUserId));
      const made = place?.madeBy === row.number;
      const failure = failures.get(row.number);
      if (!failure) {
        const state = made ? 'created' : 'kept';
        return {
          number: row.number,
          state,
          userId: place!.userId,
          drew: drew.has(row.number),
          code: null,
          message: null,
        };
      }
      const { code, message } = failure;
      const userId = made ? MADE : null;
      return { number: row.number, state: 'failed', userId, drew: false, code: shownCode(code), message };
    });
  }

  /** Where the users that the rows name are. */
  private async placesOf({ importId, systemProviderId, dryRun, rows }: Batch): Promise<Map<string, Place>> {
    const keys = [...new Set(rows.map((row) => userKeyOf(row.broadworksUserId)))].sort();
    const found = await this.db.query(sql<Place & { key: string }>`
      select u.broadworks_user_key as key, u.id as "userId", g.key as "groupKey", r.key as "resellerKey"
      from app_user u join reseller_group g on g.id = u.group_id join reseller r on r.id = g.reseller_id
      where u.system_provider_id = ${systemProviderId} and u.ended_at is null
        and u.broadworks_user_key = any (${keys}::text[])`);
    const earlier = dryRun
      ? await this.db.query(sql<Place & { key: string }>`
          select user_key as key, null as "userId", group_key as "groupKey", reseller_key as "resellerKey"
          from user_import_row
          where import_id = ${importId} and state = 'created' and user_key = any (${keys}::text[])`)
      : [];
    return new Map([...earlier, ...found].map(({ key, ...place }) => [key, place]));
  }

  private async levelsFor(
    batch: Batch,
    rows: readonly Pick<PendingRow, 'resellerKey' | 'resellerName' | 'groupKey' | 'groupName'>[],
  ): Promise<Levels> {
    if (rows.length === 0) return { resellers: new Map(), groups: new Map() };
    // The first row to name one gives it its name.
    const resellers = new Map(
      rows.toReversed().map(({ resellerKey: key, resellerName: name }) => [key, { key, name }] as const),
    );
    const groups = new Map(
      rows
        .toReversed()
        .map(
          ({ resellerKey, groupKey: key, groupName: name }) =>
            [groupAt(resellerKey, key), { resellerKey, key, name }] as const,
        ),
    );
    return this.paths.ensureLevels(batch, [...resellers.values()], [...groups.values()]);
  }

  private async makeUsers(
    batch: Batch,
    planned: readonly PendingRow[],
    places: Map<string, Place>,
    levels: Levels,
  ): Promise<void> {
    if (planned.length === 0) return;
    const wanted = planned.map(({ userName: name, ...row }) => ({ ...row, name }));
    const made = await this.paths.makeUsers(batch, wanted, levels, { importId: batch.importId });
    for (const [key, id] of made) places.get(key)!.userId = id;
  }

  /** Users first, then pools, each by id: the order of all who lock several. */
  private async lockForLicenses(
    { systemProviderId }: Batch,
    rows: readonly PendingRow[],
    places: ReadonlyMap<string, Place>,
  ): Promise<void> {
    const ids = rows.map((row) => places.get(userKeyOf(row.broadworksUserId))!.userId).filter((id) => id !== null);
    const wanted = [...new Set(ids)];
    const locked = await this.db.query(sql`
      select id from app_user where id = any (${wanted}::uuid[]) and ended_at is null order by id for update`);
    if (locked.length < wanted.length) throw new Overtaken();
    await this.db.query(sql`
      select id from license_pool
      where system_provider_id = ${systemProviderId} and (application, license_type) in (
        select * from unnest(${rows.map((row) => row.application)}::text[], ${rows.map((row) => row.licenseType)}::text[]))
      order by id for update`);
  }

  /** True when a license was taken, undefined when the user had it already, else why not. */
  private async assign(
    { systemProviderId, actor }: Batch,
    { application, licenseType }: PendingRow,
    { userId }: Place,
  ): Promise<true | undefined | Failure> {
    // In a dry run, of a user an earlier batch would have made: nothing stands against it but the balance.
    if (userId === null) return undefined;
    const scope: TenantScope = { level: 'system-provider', id: systemProviderId, systemProviderId };
    try {
      const { taken } = await this.seats.assign({ scope, actor }, userId, productOf(application, licenseType));
      return taken || undefined;
    } catch (error) {
      if (error instanceof AppError && error.kind === 'conflict') return error;
      throw error;
    }
  }

  /** What the batches before this one of a dry run took, by group and product. */
  private drawnBefore({ importId }: Batch): Promise<Drawn[]> {
    return this.db.query(sql<Drawn>`
      select reseller_key as "resellerKey", min(reseller_name) as "resellerName", group_key as "groupKey",
        min(group_name) as "groupName", application, license_type as "licenseType", count(*)::int as licenses
      from user_import_row where import_id = ${importId} and drew
      group by reseller_key, group_key, application, license_type order by application, license_type`);
  }

  /** So that the whole of a dry run counts, not only this batch. */
  private async drawAgain({ systemProviderId }: Batch, drawn: readonly Drawn[], levels: Levels): Promise<void> {
    for (const { resellerKey, groupKey, application, licenseType, licenses } of drawn) {
      const group = levels.groups.get(groupAt(resellerKey, groupKey))!;
      await this.db.query(sql`
        select draw_license(lock_license_pool(${systemProviderId}, ${application}, ${licenseType}), ${group.resellerId},
          ${group.id}, ${licenses})`);
    }
  }
}

interface Drawn extends Pick<PendingRow, 'resellerKey' | 'resellerName' | 'groupKey' | 'groupName'> {
  application: string;
  licenseType: string;
  licenses: number;
}

/** Stands for the id of a user whose making has to be undone. */
const MADE = 'made';

const inWords = ({ resellerKey: reseller, groupKey: group }: Place): { reseller: string; group: string } => ({
  reseller,
  group,
});

const productName = ({ application, licenseType }: PendingRow): string => `${application} ${licenseType}`;

/** Product by product, in each in the order of the file. */
const inOrderOfProducts = (rows: readonly PendingRow[]): PendingRow[] =>
  rows.toSorted((a, b) => {
    const [one, other] = [productName(a), productName(b)];
    return one === other ? a.number - b.number : one < other ? -1 : 1;
  });
