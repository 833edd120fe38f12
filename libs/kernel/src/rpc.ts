import type { Actor } from './events.js';
import type { TenantScope } from './tenancy.js';

/** One request a service answers: its subject, its request class (class-validator) and its reply shape. */
export interface RpcContract<Body extends object, Reply> {
  /** `rpc.<owner>.<verb-noun>.v1` */
  readonly subject: string;
  readonly body: new () => Body;
  /** Type-level only. */
  readonly __reply?: Reply;
}

export const rpc = <Body extends object, Reply>(subject: string, body: new () => Body): RpcContract<Body, Reply> => ({
  subject,
  body,
});

/** What every request carries beside its body: whose rows may be seen, and who asks. */
export interface RpcContext {
  scope: TenantScope;
  actor: Actor;
}

export interface RpcRequest<Body> extends RpcContext {
  body: Body;
}
