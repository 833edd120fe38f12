/** NATS KV bucket with every webhook endpoint; the key is the SHA-256 (hex) of the endpoint's token. */
export const HOOK_ENDPOINTS_BUCKET = 'hook-endpoints';

/** What ingestion must know of an endpoint to accept a delivery without a database. */
export interface HookEndpoint {
  endpointId: string;
  platformId: string;
  systemProviderId: string;
  kind: string;
  /** The account that deliveries must name, if they name any. */
  carrierAccountId: string;
  /** What deliveries are authenticated with, a JSON list of texts; sealed, context `platform:<platformId>`. Absent where nothing is signed. */
  sealedKeys?: string;
  /** Set while an old token still works beside its successor. ISO-8601. */
  expiresAt?: string;
}
