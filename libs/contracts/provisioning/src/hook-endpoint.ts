import { IsISO8601, IsNotEmpty, IsOptional, IsString, IsUUID } from 'class-validator';

/** NATS KV bucket with every webhook endpoint; the key is the SHA-256 (hex) of the endpoint's token. */
export const HOOK_ENDPOINTS_BUCKET = 'hook-endpoints';

/** What ingestion must know of an endpoint to accept a delivery without a database. */
export class HookEndpoint {
  @IsUUID() endpointId!: string;
  @IsUUID() platformId!: string;
  @IsUUID() systemProviderId!: string;
  @IsString() @IsNotEmpty() kind!: string;
  /** The account that deliveries must name, if they name any. */
  @IsString() carrierAccountId!: string;
  /** What deliveries are authenticated with, a JSON list of texts; sealed, context `platform:<platformId>`. Absent where nothing is signed. */
  @IsOptional() @IsString() sealedKeys?: string;
  /** Set while an old token still works beside its successor. ISO-8601. */
  @IsOptional() @IsISO8601() expiresAt?: string;
}
