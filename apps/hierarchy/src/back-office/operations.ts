import {
  asParameters,
  type AnswerOf,
  type Names,
  type OperationName,
  type ParametersOf,
  type ProvisionTarget,
} from '@strowger/contracts-hierarchy';
import { type RpcContext, validated } from '@strowger/kernel';

/** Handlers by operation: an answer's fields, or nothing where success is all there is to say. */
export type Operations<N extends OperationName> = {
  [K in N]: (context: RpcContext, given: ParametersOf<K>) => Promise<AnswerOf<K> | void>;
};

/** Handlers of what routing finishes: who asks, and the ids of what was named. */
export type Targets<N extends OperationName> = {
  [K in N]: (context: RpcContext, given: ParametersOf<K>) => Promise<Omit<ProvisionTarget, 'scope' | 'actor'>>;
};

/**
 * The request REST would send, checked by the same rules.
 * @throws AppError parameter-invalid, naming the parameter the caller knows
 */
export function requestOf<T extends object>(cls: new () => T, fields: T, names: Names): T {
  try {
    return validated(cls, fields);
  } catch (error) {
    throw asParameters(error, names);
  }
}
