/** Receipts move messages forward, never back: twice, late or out of order makes no difference. */
import { Injectable } from '@nestjs/common';
import type { MessageFailure } from '@strowger/contracts-routing';
import { carrierOf } from '@strowger/cpaas';
import { arrayLiteral, Db, sql } from '@strowger/persistence';
import { advance, type ReceiptMeaning } from '@strowger/sms';
import { counter, logger } from '@strowger/telemetry';
import { stateOfParts } from '../messages/message.js';
import { SendingStore, type Report, type TakenAttempt } from '../messages/sending.store.js';

/** A carrier's word on one part of a message, as its webhook brought it. */
export interface Receipt {
  platformId: string;
  carrierMessageId: string;
  /** Verbatim. */
  status: string;
  errorCode?: string;
  receivedAt: string;
}

const log = logger('receipts');
const receiptsTotal = counter('strowger_receipts_total', 'Receipts by what happened to them');
const UNKNOWN: ReceiptMeaning = { state: 'unknown', recognized: false };
/** A word of a carrier that has no receipts, or that this version doesn't know, means nothing. */
const meaningOf = (kind: string, { status, errorCode }: Receipt): ReceiptMeaning =>
  carrierOf(kind)?.receipts?.(status, errorCode) ?? UNKNOWN;
/** How long unmatched receipts are kept. */
const PARKED_HOURS = 72;

@Injectable()
export class ReceiptsService {
  constructor(
    private readonly db: Db,
    private readonly sending: SendingStore,
  ) {}

  /** Safe to repeat. What matches nothing yet is parked. Not for use inside a transaction. */
  async apply(receipts: readonly Receipt[]): Promise<void> {
    if (receipts.length === 0) return;
    const unmatched = await this.match(receipts);
    // The sender may have stored the id while they were being parked, and found nothing parked yet.
    for (const [platformId, parked] of Map.groupBy(unmatched, (receipt) => receipt.platformId))
      await this.applyParked(
        platformId,
        parked.map((receipt) => receipt.carrierMessageId),
      );
  }

  private async match(receipts: readonly Receipt[]): Promise<Receipt[]> {
    return this.db.transactional(async () => {
      const attempts = await this.sending.takenAs(receipts);
      const byId = new Map(attempts.map((a) => [`${a.platformId} ${a.carrierMessageId}`, a]));
      const unmatched: Receipt[] = [];
      const failures = new Map<string, MessageFailure>();
      const reports = new Map<string, Report>();
      for (const receipt of receipts) {
        const attempt = byId.get(`${receipt.platformId} ${receipt.carrierMessageId}`);
        if (!attempt) {
          unmatched.push(receipt);
          continue;
        }
        const { state, reason, nextStep, recognized } = meaningOf(attempt.kind, receipt);
        if (!recognized)
          log.error(
            { platformId: receipt.platformId, status: receipt.status, errorCode: receipt.errorCode },
            'receipt-status-unknown',
          );
        if (!advance(attempt.state, state)) continue;
        attempt.state = state;
        const { status, errorCode } = receipt;
        reports.set(attempt.id, { attemptId: attempt.id, messageId: attempt.messageId, state, status, errorCode });
        if (reason)
          failures.set(attempt.messageId, { reason, carrierCode: receipt.errorCode, nextStep: nextStep ?? '' });
      }
      await this.park(unmatched);
      receiptsTotal.inc({ as: 'applied' }, receipts.length - unmatched.length);
      await this.sending.report([...reports.values()], (message, parts) => ({
        message,
        cause: `receipt:${stateOfParts(parts)}`,
        failure: failures.get(message.id) ?? null,
      }));
      return unmatched;
    });
  }

  /** No receipt will come of these locked attempts, as far as anybody can know. In the caller's transaction. */
  async end(attempts: readonly TakenAttempt[]): Promise<void> {
    const reports = attempts.map(({ id, messageId }) => ({
      attemptId: id,
      messageId,
      state: 'unknown' as const,
      status: 'no receipt came',
    }));
    await this.sending.report(reports, (message, parts) => ({ message, cause: `receipt:${stateOfParts(parts)}` }));
  }

  /** Receipts that were quicker than the answer to the request they belong to. */
  async applyParked(platformId: string, carrierMessageIds: readonly string[]): Promise<void> {
    if (carrierMessageIds.length === 0) return;
    const ids = arrayLiteral(carrierMessageIds);
    // Mostly there are none, which needs no transaction.
    const waiting = await this.db.query<{ one: number }>(
      sql`select 1 as one from parked_receipt where platform_id = ${platformId} and carrier_message_id = any(${ids}::text[]) limit 1`,
    );
    if (waiting.length === 0) return;
    await this.db.transactional(async () => {
      const parked = await this.db.query<Receipt>(sql`
        delete from parked_receipt p where platform_id = ${platformId} and carrier_message_id = any(${ids}::text[])
          and exists (select 1 from send_attempt a where a.platform_id = p.platform_id and a.carrier_message_id = p.carrier_message_id)
        returning platform_id as "platformId", carrier_message_id as "carrierMessageId", status, nullif(error_code, '') as "errorCode", received_at as "receivedAt"`);
      if (parked.length > 0) await this.match(parked.map((r) => ({ ...r, errorCode: r.errorCode ?? undefined })));
    });
  }

  async forgetOldParked(): Promise<void> {
    await this.db.query(
      sql`delete from parked_receipt where received_at < now() - ${PARKED_HOURS} * interval '1 hour'`,
    );
  }

  private async park(receipts: readonly Receipt[]): Promise<void> {
    if (receipts.length === 0) return;
    receiptsTotal.inc({ as: 'parked' }, receipts.length);
    await this.db.query(sql`
      insert into parked_receipt (platform_id, carrier_message_id, status, error_code, received_at)
      select * from unnest(${receipts.map((r) => r.platformId)}::uuid[], ${receipts.map((r) => r.carrierMessageId)}::text[], ${receipts.map((r) => r.status)}::text[],
                           ${receipts.map((r) => r.errorCode ?? '')}::text[], ${receipts.map((r) => r.receivedAt)}::timestamptz[])
      on conflict do nothing`);
  }
}
