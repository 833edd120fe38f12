/**
 * `@Answers(contract)` on a service's method serves the contract: the method takes the request and returns the reply.
 * Start-up finds the methods among the application's providers.
 */
import 'reflect-metadata';
import type { DiscoveryService } from '@nestjs/core';
import { AppError, type RpcContract, type RpcRequest, validated } from '@strowger/kernel';

/** One contract's answer, as the server calls it: what a request carried in, the reply out. */
export type Answer = (data: unknown) => Promise<unknown>;

export interface AnswerOptions<B extends object> {
  /**
   * A check of the body in place of class-validator's, which takes longer than a short answer does. For what is asked
   * thousands of times a second; the body then stays a plain object.
   */
  check?(body: unknown): body is B;
}

type Method<B extends object, R> = (request: RpcRequest<B>) => Promise<R>;

interface Declared extends AnswerOptions<object> {
  contract: RpcContract<object, unknown>;
  method: string | symbol;
}

const ANSWERS = Symbol('strowger.answers');

/**
 * The body arrives validated, as an instance of the contract's class; what the method throws reaches the caller as the
 * same AppError, anything else as `internal`.
 */
export const Answers =
  <B extends object, R>(contract: RpcContract<B, R>, options: AnswerOptions<B> = {}) =>
  <M extends Method<B, R>>(target: object, method: string | symbol, _descriptor: TypedPropertyDescriptor<M>): void => {
    const declared = { contract, method, ...options } as Declared;
    Reflect.defineMetadata(ANSWERS, [...declaredOn(target), declared], target);
  };

/** Those of the class and of the classes it extends. */
const declaredOn = (target: object): readonly Declared[] =>
  (Reflect.getMetadata(ANSWERS, target) as Declared[] | undefined) ?? [];

/**
 * The answers of the application by their subject.
 * @throws AppError when a contract has two answers, or a method can't be one
 */
export function findAnswers(discovery: DiscoveryService): Map<string, Answer> {
  const answers = new Map<string, Answer>();
  for (const instance of instancesOf(discovery)) {
    const [onClass] = declaredOn(instance.constructor);
    if (onClass) throw malformed(instance.constructor.name, onClass);
    for (const declared of declaredOn(instance)) {
      const { contract, method, check } = declared;
      const { subject } = contract;
      const answer: unknown = Reflect.get(instance, method);
      if (typeof answer !== 'function' || answer.length > 1) throw malformed(instance.constructor.name, declared);
      if (answers.has(subject))
        throw new AppError(
          'internal',
          'answered-twice',
          `${subject} has two answers; one is ${instance.constructor.name}.${String(method)}.`,
        );
      const accept = check ? checkedBy(check) : (body: unknown) => validated(contract.body, body ?? {});
      answers.set(subject, async (data) => (await answer.call(instance, requestOf(subject, data, accept))) as unknown);
    }
  }
  return answers;
}

const malformed = (className: string, { contract, method }: Declared): AppError =>
  new AppError(
    'internal',
    'answer-malformed',
    `${className}.${String(method)} can't answer ${contract.subject}: it must be a method of the instance that takes one request.`,
  );

/** Each once, whatever the number of names it is provided under. */
function instancesOf(discovery: DiscoveryService): Set<object> {
  const wrappers: { instance?: unknown }[] = discovery.getProviders();
  const objects = wrappers
    .map(({ instance }) => instance)
    .filter((instance): instance is object => typeof instance === 'object' && instance !== null);
  return new Set(objects);
}

const checkedBy =
  (check: (body: unknown) => boolean) =>
  (body: unknown): object => {
    if (check(body)) return body as object;
    throw new AppError('invalid', 'malformed-request', 'The request could not be read.');
  };

/** The scope and the actor must be there. */
function requestOf(subject: string, data: unknown, accept: (body: unknown) => object): RpcRequest<object> {
  const { scope, actor, body } = (data ?? {}) as Partial<RpcRequest<unknown>>;
  if (!scope?.level || !actor?.kind)
    throw new AppError('internal', 'rpc-context-missing', `A request to ${subject} must carry a scope and an actor.`);
  return { scope, actor, body: accept(body) };
}
