import { Injectable } from '@nestjs/common';
import { Batched, NotFound, type RpcContext } from '@strowger/kernel';
import { Db, sql } from '@strowger/persistence';
import { rankOf } from '../licensing/catalog.js';
import { HostNameUnknown, type NaturalKeys } from '../tree/natural-keys.service.js';
import { hostNameKeyOf, userKeyOf } from '../tree/keys.js';

/** A permanent license or a running trial, dates in ISO 8601. */
export interface HeldLicense {
  applicationName: string;
  licenseType: string;
  isTrial: boolean;
  assignedDate: string;
  expiryDate: string | null;
}
export interface Licensee {
  userId: string;
  licenses: HeldLicense[];
}

interface Asked {
  scope: string;
  host: string;
  reseller: string;
  group: string;
  user: string;
}
interface Row {
  nth: number;
  hasReseller: boolean;
  hasGroup: boolean;
  userId: string | null;
  /** application, license type, since, until in milliseconds; until only of a trial. */
  held: [application: string, licenseType: string, since: number, until: number | null][] | null;
}

/** Rows of one statement; more wait for the next. */
const MOST_AT_ONCE = 100;
/** A statement that takes longer than this no longer keeps the next from starting. */
const LONG_MS = 20;
const MOST_STATEMENTS = 4;

/**
 * A user's licenses by the names of the SOAP API. Back offices ask this more often than anything else, one user a call
 * and many calls at once, so what was asked while a statement was under way goes into the next one together: alone a
 * call costs one round trip, in a crowd a fraction of one. A statement shows what had committed when it began, and it
 * begins after the call came.
 */
@Injectable()
export class UserLicensesReader {
  /** One after the other, so that each carries many; more at once when there is enough for another, or one is slow. */
  private readonly statements = new Batched<Asked, Row | undefined>((asked) => this.read(asked), {
    most: MOST_AT_ONCE,
    atOnce: MOST_STATEMENTS,
    slowMs: LONG_MS,
  });

  constructor(private readonly db: Db) {}

  /** @throws HostNameUnknown, NotFound for the first thing that is not there or not the caller's */
  async of({ scope }: RpcContext, keys: Required<NaturalKeys>): Promise<Licensee> {
    const row = await this.statements.add({
      scope: scope.id,
      host: hostNameKeyOf(keys.serverHostName),
      reseller: keys.resellerId,
      group: keys.groupId,
      user: userKeyOf(keys.broadworksUserId),
    });
    return licenseeOf(keys, row);
  }

  private async read(asked: readonly Asked[]): Promise<(Row | undefined)[]> {
    const asking = JSON.stringify(asked.map((one, nth) => ({ nth, ...one })));
    const rows = await this.db.query(sql<Row>`
      select nth, has_reseller as "hasReseller", has_group as "hasGroup", user_id as "userId", held
      from licenses_by_names(${asking})`);
    const found = new Map(rows.map((row) => [row.nth, row]));
    return asked.map((_, nth) => found.get(nth));
  }
}

function licenseeOf(keys: Required<NaturalKeys>, row: Row | undefined): Licensee {
  if (!row) throw new HostNameUnknown(keys.serverHostName);
  if (!row.hasReseller) throw new NotFound('reseller', keys.resellerId);
  if (!row.hasGroup) throw new NotFound('group', keys.groupId);
  if (!row.userId) throw new NotFound('user', keys.broadworksUserId);
  const licenses = (row.held ?? [])
    .map(([applicationName, licenseType, since, until]) => ({
      applicationName,
      licenseType,
      isTrial: until !== null,
      assignedDate: new Date(since).toISOString(),
      expiryDate: until === null ? null : new Date(until).toISOString(),
    }))
    .sort(byCatalogue);
  return { userId: row.userId, licenses };
}

const byCatalogue = (a: HeldLicense, b: HeldLicense): number =>
  rankOf(a.applicationName, a.licenseType) - rankOf(b.applicationName, b.licenseType) ||
  Number(a.isTrial) - Number(b.isTrial);
