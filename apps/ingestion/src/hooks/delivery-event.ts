import { DeliveryReceivedV1, type HookFact, type RawDelivery } from '@strowger/contracts-ingestion';
import type { HookEndpoint } from '@strowger/contracts-provisioning';
import type { HookRequest } from '@strowger/cpaas';
import type { CloudEvent } from '@strowger/kernel';

/** Why a readable delivery must not be routed as it is. */
export type QuarantineReason = 'account-mismatch';

/** What could be made of a request. */
export interface ReadableParts {
  facts: HookFact[];
  /** Why the rest, or all of it, could not be read. */
  unreadable?: string;
}

export interface DeliveryEvent {
  bytes: Buffer;
  quarantine?: QuarantineReason;
}

/**
 * The delivery as the CloudEvent that is spooled, published and replayed: one and the same bytes.
 * @param maxBytes what the stream takes; facts of a larger event are left out, the raw body stays
 */
export function deliveryEvent(
  deliveryId: string,
  endpoint: HookEndpoint,
  request: HookRequest,
  { facts, unreadable }: ReadableParts,
  maxBytes: number,
  traceparent?: string,
): DeliveryEvent {
  const receivedAt = request.receivedAt.toISOString();
  const quarantine = facts.some((fact) => namesOtherAccount(fact, endpoint)) ? 'account-mismatch' : undefined;
  const raw: RawDelivery = {
    method: request.method,
    contentType: request.contentType ?? '',
    query: request.query,
    bodyBase64: request.rawBody.toString('base64'),
    headers: hasAny(request.headers) ? request.headers : undefined,
  };
  const data: DeliveryReceivedV1 = {
    deliveryId,
    endpointId: endpoint.endpointId,
    platformId: endpoint.platformId,
    systemProviderId: endpoint.systemProviderId,
    kind: endpoint.kind,
    receivedAt,
    raw,
    facts,
    unreadable,
    quarantine,
  };
  const event: CloudEvent<DeliveryReceivedV1> = {
    specversion: '1.0',
    id: deliveryId,
    type: DeliveryReceivedV1.type,
    source: '/ingestion',
    subject: deliveryId,
    sequence: 1,
    time: receivedAt,
    datacontenttype: 'application/json',
    tenantid: endpoint.systemProviderId,
    traceparent,
    data,
  };
  let bytes = Buffer.from(JSON.stringify(event));
  if (bytes.length > maxBytes) {
    // Control characters grow sixfold in JSON; the raw body only by a third.
    data.facts = [];
    data.unreadable = 'too-large';
    bytes = Buffer.from(JSON.stringify(event));
  }
  return { bytes, quarantine };
}

/** A token that leaked, or a platform set up with the wrong account: accepted all the same, and marked. */
const namesOtherAccount = (fact: HookFact, endpoint: HookEndpoint): boolean =>
  fact.type === 'message.received' && fact.carrierAccountId !== endpoint.carrierAccountId;

function hasAny(headers: Readonly<Record<string, string>>): boolean {
  for (const _ in headers) return true;
  return false;
}
