/** A message from a carrier, wherever it came from: a webhook, the carrier's list, or out of quarantine. */
export interface Inbound {
  deliveryId: string;
  /** Which message of the delivery. */
  part: number;
  platformId: string;
  systemProviderId: string;
  carrierMessageId: string;
  from: string;
  to: string;
  text: string;
  receivedAt: string;
  carrierAccountId: string;
  suspectEncoding?: true;
}
