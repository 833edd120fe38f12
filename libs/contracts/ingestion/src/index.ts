import { IsArray, IsISO8601, IsObject, IsOptional, IsString, IsUUID } from 'class-validator';
import { JSONSchema } from 'class-validator-jsonschema';
import { INBOUND_MESSAGE_SCHEMA, RAW_DELIVERY_SCHEMA, RECEIPT_SCHEMA } from './schemas.js';

/** The request as it came, for replay and evidence. The endpoint token is not in it. */
export interface RawDelivery {
  method: string;
  contentType: string;
  /** Query string without the question mark. */
  query: string;
  bodyBase64: string;
  /** Those the carrier's hook keeps, names in lower case; absent in deliveries of versions that kept none. */
  headers?: Record<string, string>;
}

/** A message a carrier says it received for one of our numbers. */
export interface InboundMessageFact {
  type: 'message.received';
  /** The carrier's id, or a documented fingerprint of the message where it sent none. */
  carrierMessageId: string;
  fingerprint?: true;
  /** E.164 where the carrier's number parses; short codes and the rest as given. */
  from: string;
  to: string;
  text: string;
  carrierAccountId: string;
  /** The text may have been damaged on its way and should be read again from the carrier. */
  suspectEncoding?: true;
}
/** A carrier's word on a message we sent. */
export interface ReceiptFact {
  type: 'receipt.received';
  carrierMessageId: string;
  /** Verbatim. */
  status: string;
  errorCode?: string;
  from?: string;
  to?: string;
}
export type HookFact = InboundMessageFact | ReceiptFact;

/**
 * A carrier's delivery is on disk and was answered. High-rate: published straight from the spool, not from an outbox;
 * the spool entry is the queue of record until the stream has acked. `id` of the event is `deliveryId`.
 */
export class DeliveryReceivedV1 {
  static readonly type = 'ingestion.delivery.received.v1';
  @IsUUID() deliveryId!: string;
  @IsUUID() endpointId!: string;
  @IsUUID() platformId!: string;
  @IsUUID() systemProviderId!: string;
  @IsString() kind!: string;
  @IsISO8601() receivedAt!: string;
  @IsObject() @JSONSchema(RAW_DELIVERY_SCHEMA) raw!: RawDelivery;
  @IsArray() @JSONSchema({ items: { oneOf: [INBOUND_MESSAGE_SCHEMA, RECEIPT_SCHEMA] } }) facts!: HookFact[];
  /** Why the body could not be read; it is kept and can be replayed. */
  @IsOptional() @IsString() unreadable?: string;
  /** Why it must not be routed although it could be read: `account-mismatch`, a fact names another account than the endpoint's. */
  @IsOptional() @IsString() quarantine?: string;
}

export const INGESTION_EVENTS = [DeliveryReceivedV1] as const;
