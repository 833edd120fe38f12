import type { InboundMessageFact, RawDelivery, ReceiptFact } from './index.js';

type Field = { type: 'string' | 'boolean' | 'object'; enum?: unknown[]; additionalProperties?: Field };
/** A field that is missing here, or no longer exists, fails the type check. */
type SchemaOf<T> = {
  type: 'object';
  properties: Record<keyof T & string, Field>;
  required: (keyof T & string)[];
};

const text: Field = { type: 'string' };
const flag: Field = { type: 'boolean', enum: [true] };

// Said for the event's schema only: on the high-rate path these parts are not validated again by class-validator.

export const RAW_DELIVERY_SCHEMA: SchemaOf<RawDelivery> = {
  type: 'object',
  properties: {
    method: text,
    contentType: text,
    query: text,
    bodyBase64: text,
    headers: { type: 'object', additionalProperties: text },
  },
  required: ['method', 'contentType', 'query', 'bodyBase64'],
};

export const INBOUND_MESSAGE_SCHEMA: SchemaOf<InboundMessageFact> = {
  type: 'object',
  properties: {
    type: { type: 'string', enum: ['message.received'] },
    carrierMessageId: text,
    fingerprint: flag,
    from: text,
    to: text,
    text,
    carrierAccountId: text,
    suspectEncoding: flag,
  },
  required: ['type', 'carrierMessageId', 'from', 'to', 'text', 'carrierAccountId'],
};

export const RECEIPT_SCHEMA: SchemaOf<ReceiptFact> = {
  type: 'object',
  properties: {
    type: { type: 'string', enum: ['receipt.received'] },
    carrierMessageId: text,
    status: text,
    errorCode: text,
    from: text,
    to: text,
  },
  required: ['type', 'carrierMessageId', 'status'],
};
