import { rpc, type Page, type RpcContract } from '@strowger/kernel';
import { IsUUID } from 'class-validator';
import * as r from './requests.js';
import type * as v from './views.js';

export class ById {
  @IsUUID() id!: string;
}
export class ListPlatforms {
  @IsUUID() systemProviderId!: string;
}

const define = <B extends object, R>(verbNoun: string, body: new () => B): RpcContract<B, R> =>
  rpc<B, R>(`rpc.provisioning.${verbNoun}.v1`, body);

export const createPlatform = define<r.CreatePlatform, v.PlatformView>('create-platform', r.CreatePlatform);
export const updatePlatform = define<r.UpdatePlatform, v.PlatformView>('update-platform', r.UpdatePlatform);
export const getPlatform = define<ById, v.PlatformView>('get-platform', ById);
export const listPlatforms = define<ListPlatforms, v.PlatformView[]>('list-platforms', ListPlatforms);
/** Refused while numbers on it are not released. */
export const deletePlatform = define<ById, null>('delete-platform', ById);
export const verifyPlatform = define<ById, v.PlatformView>('verify-platform', ById);
/** A new webhook token; the old one works for another 24 h. */
export const rotateWebhook = define<ById, v.PlatformView>('rotate-webhook', ById);

export const assignNumber = define<r.AssignNumber, v.NumberOutcome>('assign-number', r.AssignNumber);
export const releaseNumber = define<r.ReleaseNumber, v.NumberOutcome>('release-number', r.ReleaseNumber);
export const updateNumber = define<r.UpdateNumber, v.NumberView>('update-number', r.UpdateNumber);
export const getNumber = define<ById, v.NumberView>('get-number', ById);
export const listNumbers = define<r.ListNumbers, Page<v.NumberView>>('list-numbers', r.ListNumbers);
/** Numbers of the node and below it that are not released yet, for any reason. */
export const countNumbersUnder = define<r.CountNumbersUnder, v.NumbersUnder>(
  'count-numbers-under',
  r.CountNumbersUnder,
);
/** Checks the enablement job now; at most once in 30 s per number. */
export const refreshNumber = define<ById, v.NumberView>('refresh-number', ById);
/** After a failed enablement: asks Message Exchange again. */
export const retryEnablement = define<ById, v.NumberView>('retry-enablement', ById);
export const numberTimeline = define<ById, v.TimelineEntryView[]>('number-timeline', ById);
export const getOperation = define<ById, v.OperationView>('get-operation', ById);

/** Service to service; answers at platform scope only. */
export const getPlatformAccess = define<ById, v.PlatformAccessView>('get-platform-access', ById);
