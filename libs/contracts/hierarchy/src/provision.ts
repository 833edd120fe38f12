import { IsIn, IsObject, IsOptional, IsString, MaxLength } from 'class-validator';
import type { Actor, TenantScope } from '@strowger/kernel';
import { define } from './define.js';
import { PROVISION_OPERATIONS, type OperationName } from './provision-operations.js';

export const PROVISION_BINDINGS = ['SOAP11', 'SOAP12', 'FORM'] as const;
export type ProvisionBinding = (typeof PROVISION_BINDINGS)[number];

/**
 * One call of the provisioning API, bound and checked by the gateway. The login inside says who calls, not the request's
 * scope and actor: hierarchy verifies it and finds the scope itself.
 */
export class Provision {
  @IsIn(Object.keys(PROVISION_OPERATIONS)) operation!: OperationName;
  /** As `ParametersOf<operation>`. */
  @IsObject() parameters!: Record<string, string | number | boolean | undefined>;
  @IsString() @MaxLength(255) userName!: string;
  @IsString() @MaxLength(256) password!: string;
  /** Canonical; absent when the proxies named none that counts, which no access list allows. */
  @IsOptional() @IsString() @MaxLength(64) address?: string;
  /** `X-Forwarded-For` as it came, for the login history. */
  @IsOptional() @IsString() @MaxLength(1024) forwardedFor?: string;
  @IsIn(PROVISION_BINDINGS) binding!: ProvisionBinding;
  @IsOptional() @IsString() @MaxLength(512) userAgent?: string;
  @IsString() @MaxLength(64) requestId!: string;
}

/** What is known once an operation of routing has been authenticated and its names looked up. */
export interface ProvisionTarget {
  scope: TenantScope;
  actor: Actor;
  systemProviderId: string;
  resellerId: string;
  /** Absent where the operation is about the reseller itself. */
  groupId?: string;
  portalUserId?: string;
  /** Names of the agents of the group, for lists of them. */
  portalUserNames?: Record<string, string>;
}

/** `data`: what the operation answers beside success. `target`: the rest is routing's. */
export interface ProvisionReply {
  data?: object;
  target?: ProvisionTarget;
}

/** Everything behind the SOAP door. Refusals of any kind cross as AppErrors; their code is the `errorCode` in kebab-case. */
export const provision = define<Provision, ProvisionReply>('provision', Provision);
