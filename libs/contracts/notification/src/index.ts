import { rpc, type Page, type RpcContract } from '@strowger/kernel';
import { Type } from 'class-transformer';
import { IsIn, IsInt, IsISO8601, IsOptional, IsString, IsUUID, Max, MaxLength, Min } from 'class-validator';
import { JSONSchema } from 'class-validator-jsonschema';

export class ListDeliveries {
  @IsOptional() @Type(() => Number) @IsInt() @Min(1) @Max(200) @JSONSchema({ default: 50 }) limit?: number;
  @IsOptional() @IsString() @MaxLength(500) cursor?: string;
}

/** One mail to one recipient about one incident. */
export class MailDeliveryView {
  @IsUUID() id!: string;
  @IsUUID() incidentId!: string;
  @IsString() template!: string;
  @IsString() recipient!: string;
  @IsString() subject!: string;
  @IsIn(['queued', 'sent', 'failed', 'suppressed', 'unknown']) state!:
    'queued' | 'sent' | 'failed' | 'suppressed' | 'unknown';
  @IsInt() attempts!: number;
  @IsOptional() @IsString() lastError?: string;
  @IsISO8601() createdAt!: string;
  @IsOptional() @IsISO8601() sentAt?: string;
}

export const notificationRpc = {
  listDeliveries: rpc<ListDeliveries, Page<MailDeliveryView>>(
    'rpc.notification.list-deliveries.v1',
    ListDeliveries,
  ) satisfies RpcContract<ListDeliveries, Page<MailDeliveryView>>,
};
