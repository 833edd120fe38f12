import { DeliveryReceivedV1 } from '@strowger/contracts-ingestion';
import type { CloudEvent } from '@strowger/kernel';
import { BatchConsumer, type RawMessage } from '@strowger/messaging';
import { ReceiptsService, type Receipt } from '../outbound/receipts.service.js';
import type { Inbound } from './inbound.js';
import { InboundService } from './inbound.service.js';
import { Quarantine, type Quarantined } from './quarantine.js';

/**
 * Carriers' deliveries, hundreds in one transaction. The contract is not validated here: ingestion made it from its own
 * types, and this is the hottest path there is; what does not parse throws, and the runner parks it.
 */
@BatchConsumer('routing-deliveries', { stream: 'INGESTION', filter: DeliveryReceivedV1.type, maxBatch: 500 })
export class DeliveriesConsumer {
  constructor(
    private readonly inbound: InboundService,
    private readonly receipts: ReceiptsService,
    private readonly quarantine: Quarantine,
  ) {}

  async handleBatch(messages: RawMessage[]): Promise<void> {
    const inbound: Inbound[] = [];
    const receipts: Receipt[] = [];
    const quarantined: Quarantined[] = [];
    for (const message of messages) {
      const { data: delivery } = message.json() as CloudEvent<DeliveryReceivedV1>;
      const { deliveryId, platformId, systemProviderId, receivedAt, facts, unreadable, quarantine, raw, kind } =
        delivery;
      const why = quarantine ?? unreadable;
      const about = { deliveryId, platformId, systemProviderId };
      if (why !== undefined)
        quarantined.push({ ...about, part: -1, ...explain(why), content: { kind, raw }, at: receivedAt });
      // A delivery for another account is kept, and goes no further: the endpoint's token does not stand for that account.
      if (quarantine) continue;
      for (const [part, fact] of facts.entries()) {
        if (fact.type === 'message.received') {
          const { carrierMessageId, from, to, text, carrierAccountId, suspectEncoding } = fact;
          inbound.push({
            ...about,
            part,
            carrierMessageId,
            from,
            to,
            text,
            receivedAt,
            carrierAccountId,
            suspectEncoding,
          });
        } else
          receipts.push({
            platformId,
            receivedAt,
            carrierMessageId: fact.carrierMessageId,
            status: fact.status,
            errorCode: fact.errorCode,
          });
      }
    }
    // Each safe to repeat, so each is a transaction of its own, and the usual batch has nothing but the second.
    await this.quarantine.add(quarantined);
    await this.inbound.receive(inbound);
    // After them: it locks messages before feeds, as all do that change messages.
    await this.receipts.apply(receipts);
  }
}

const explain = (why: string): Pick<Quarantined, 'reason' | 'detail'> =>
  why === 'account-mismatch'
    ? {
        reason: why,
        detail:
          "The delivery names another account than this platform's. Check which webhook URL the other account uses.",
      }
    : {
        reason: 'unreadable',
        detail: `The carrier's request could not be read (${why}). Its bytes are kept; replay it once the cause is mended.`,
      };
