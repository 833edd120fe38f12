import { rpc, type RpcContract } from '@strowger/kernel';

/** A request hierarchy answers: `rpc.hierarchy.<verb-noun>.v1`. */
export const define = <B extends object, R>(verbNoun: string, body: new () => B): RpcContract<B, R> =>
  rpc<B, R>(`rpc.hierarchy.${verbNoun}.v1`, body);
