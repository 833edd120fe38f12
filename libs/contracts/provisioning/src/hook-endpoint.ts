import type { PlatformKind } from './platform-kinds.js';

/** NATS KV bucket with every webhook endpoint; the key is the SHA-256 (hex) of the endpoint's token. */
export const HOOK_ENDPOINTS_BUCKET = 'hook-endpoints';

/** What ingestion must know of an endpoint to accept a delivery without a database. */
export interface HookEndpoint {
  endpointId: string;
  platformId: string;
  systemProviderId: string;
  kind: PlatformKind;
  /** The carrier's account the deliveries must name (Restcomm: Account SID). */
  carrierAccountId: string;
  /** Set while an old token still works beside its successor. ISO-8601. */
  expiresAt?: string;
}
