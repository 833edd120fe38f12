import { Injectable } from '@nestjs/common';
import { routingRpc as rpc, type ListQuarantine, type QuarantinedView } from '@strowger/contracts-routing';
import { carrierOf, CarrierUnknown } from '@strowger/cpaas';
import { AppError, NotFound, pageOf, type Page, type RpcRequest, type TenantScope } from '@strowger/kernel';
import { Db, inScope, sql } from '@strowger/persistence';
import { Answers } from '@strowger/rpc';
import { PlatformAccess } from '../directory/platform-access.js';
import { timeCursor } from '../directory/scope.js';
import { ReceiptsService, type Receipt } from '../outbound/receipts.service.js';
import type { Inbound } from './inbound.js';
import { InboundService } from './inbound.service.js';
import type { Unreadable } from './quarantine.js';

interface Row {
  id: string;
  platformId: string;
  systemProviderId: string;
  deliveryId: string;
  reason: QuarantinedView['reason'];
  detail: string;
  number: string | null;
  content: Inbound | Unreadable;
  at: string;
  releasedAt: string | null;
}

export class QuarantineNotReleasable extends AppError {
  constructor(detail: string) {
    super('conflict', 'quarantine-not-releasable', `It still can't be routed: ${detail}`);
  }
}

const BATCH = 500;

const COLUMNS = sql.raw(
  `id, platform_id as "platformId", system_provider_id as "systemProviderId", delivery_id as "deliveryId", reason, detail, number, content, at, released_at as "releasedAt"`,
);

@Injectable()
export class QuarantineService {
  constructor(
    private readonly db: Db,
    private readonly receipts: ReceiptsService,
    private readonly platforms: PlatformAccess,
    private readonly inbound: InboundService,
  ) {}

  /** The number has an owner now: what waited for it is delivered, oldest first. */
  async releaseFor(platformId: string, e164: string): Promise<void> {
    await this.db.transactional(async () => {
      if (!(await this.isOwned(platformId, e164))) return;
      for (let more = true; more;) {
        const waiting = await this.db.query<Row>(sql`
          select ${COLUMNS} from quarantined where number = ${e164} and platform_id = ${platformId} and released_at is null and reason = 'number-unknown'
          order by at, id limit ${BATCH} for update`);
        if (waiting.length > 0) await this.inbound.receive(waiting.map((row) => row.content as Inbound));
        await this.db.query(
          sql`update quarantined set released_at = now() where id = any(${waiting.map((row) => row.id)}::uuid[])`,
        );
        more = waiting.length === BATCH;
      }
    });
  }

  @Answers(rpc.listQuarantine)
  async list({ scope, body }: RpcRequest<ListQuarantine>): Promise<Page<QuarantinedView>> {
    const { limit = 50, cursor, includeReleased } = body;
    const after = timeCursor(cursor);
    const rows = await this.db.query<Row>(sql`
      select ${COLUMNS} from quarantined
      where ${providerOnly(scope)} ${includeReleased ? sql`` : sql`and released_at is null`}
        ${after ? sql`and (at, id) < (${after.at}::timestamptz, ${after.id}::uuid)` : sql``}
      order by at desc, id desc limit ${limit + 1}`);
    return pageOf(rows, limit, (row) => [row.at, row.id], viewOf);
  }

  /** Routes it again; refused with the reason while the reason stands. */
  @Answers(rpc.replayQuarantined)
  async replay({ scope, body: { id } }: RpcRequest<{ id: string }>): Promise<QuarantinedView> {
    const row = await this.row(scope, id);
    if (row.releasedAt) return viewOf(row);
    const { messages, receipts } =
      'raw' in row.content
        ? parseAgain(row, row.content, (await this.platforms.of(row.platformId)).account)
        : { messages: [row.content], receipts: [] };
    if (row.reason === 'account-mismatch') await this.refuseOtherAccount(row.platformId, messages);
    const released = await this.db.transactional(async () => {
      const row = await this.row(scope, id, true);
      if (row.releasedAt) return row;
      for (const { platformId, to } of messages) {
        if (!(await this.isOwned(platformId, to)))
          throw new QuarantineNotReleasable(
            `no active number ${to} belongs to this platform. Add the number to a user first.`,
          );
      }
      await this.inbound.receive(messages);
      const [released] = await this.db.query<Row>(
        sql`update quarantined set released_at = now() where id = ${id} returning ${COLUMNS}`,
      );
      return released!;
    });
    await this.receipts.apply(receipts);
    return viewOf(released);
  }

  private async row(scope: TenantScope, id: string, lock = false): Promise<Row> {
    const [row] = await this.db.query<Row>(
      sql`select ${COLUMNS} from quarantined where id = ${id} and ${providerOnly(scope)} ${lock ? sql`for update` : sql``}`,
    );
    if (!row) throw new NotFound('quarantined-delivery', id);
    return row;
  }

  private async isOwned(platformId: string, e164: string): Promise<boolean> {
    const owners = await this.db.query(
      sql`select 1 from owned_number where e164 = ${e164} and platform_id = ${platformId} and active`,
    );
    return owners.length > 0;
  }

  /** The platform's account may have been corrected since. */
  private async refuseOtherAccount(platformId: string, messages: readonly Inbound[]): Promise<void> {
    const { account } = await this.platforms.of(platformId);
    if (messages.length === 0 || messages.some(({ carrierAccountId }) => carrierAccountId !== account))
      throw new QuarantineNotReleasable("the delivery names another account than this platform's.");
  }
}

/** For use after a release in which the adapter reads what it could not read before. */
function parseAgain(
  row: Row,
  { kind, raw }: Unreadable,
  account: string,
): { messages: Inbound[]; receipts: Receipt[] } {
  const carrier = carrierOf(kind);
  if (!carrier) throw new CarrierUnknown(kind);
  const { facts, unreadable } = carrier.hook.read({
    method: raw.method,
    contentType: raw.contentType,
    headers: raw.headers ?? {},
    query: raw.query,
    rawBody: Buffer.from(raw.bodyBase64, 'base64'),
    receivedAt: new Date(row.at),
    account,
  });
  if (unreadable || facts.length === 0)
    throw new QuarantineNotReleasable(`the body is unreadable (${unreadable?.reason ?? 'empty'}).`);
  const { deliveryId, platformId, systemProviderId } = row;
  const about = { deliveryId, platformId, systemProviderId, receivedAt: new Date(row.at).toISOString() };
  return {
    messages: facts.flatMap((fact, part) => (fact.type === 'message.received' ? [{ ...about, ...fact, part }] : [])),
    receipts: facts.flatMap((fact) => (fact.type === 'receipt.received' ? [{ ...about, ...fact }] : [])),
  };
}

/** A delivery that found no owner belongs to nobody below the system provider. */
const providerOnly = (scope: TenantScope) => inScope(scope, { 'system-provider': 'system_provider_id' });

const viewOf = (row: Row): QuarantinedView => ({
  id: row.id,
  platformId: row.platformId,
  deliveryId: row.deliveryId,
  reason: row.reason,
  detail: row.detail,
  ...(row.number ? { to: row.number } : {}),
  at: new Date(row.at).toISOString(),
  ...(row.releasedAt ? { releasedAt: new Date(row.releasedAt).toISOString() } : {}),
});
