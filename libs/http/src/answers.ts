import {
  applyDecorators,
  type ArgumentMetadata,
  Catch,
  type ExceptionFilter,
  type PipeTransform,
  UseFilters,
  UsePipes,
} from '@nestjs/common';
import { MessagePattern } from '@nestjs/microservices';
import { AppError, type RpcContract, type RpcRequest } from '@strowger/kernel';
import { type Observable, throwError } from 'rxjs';
import { validated } from './validation.js';

/** The body becomes a validated instance of the contract's class; the scope and the actor must be there. */
class RequestPipe<B extends object> implements PipeTransform {
  constructor(private readonly contract: RpcContract<B, unknown>) {}

  transform(request: RpcRequest<B>, { type }: ArgumentMetadata): RpcRequest<B> {
    if (type !== 'body') return request;
    if (!request?.scope?.level || !request.actor?.kind)
      throw new AppError(
        'internal',
        'rpc-context-missing',
        `A request to ${this.contract.subject} must carry a scope and an actor.`,
      );
    return { scope: request.scope, actor: request.actor, body: validated(this.contract.body, request.body ?? {}) };
  }
}

/** Keeps Nest from turning our errors into its own; the server decides what crosses. */
@Catch()
class RethrowAsAppError implements ExceptionFilter {
  catch(thrown: unknown): Observable<never> {
    return throwError(() => AppError.wrap(thrown));
  }
}

/**
 * The controller method answers a contract: `(request: RpcRequest<Body>) => Promise<Reply>`. The body arrives
 * validated; what the method throws reaches the caller as the same AppError, anything else as `internal`.
 */
export const Answers = <B extends object, R>(contract: RpcContract<B, R>): MethodDecorator =>
  applyDecorators(
    MessagePattern(contract.subject),
    UsePipes(new RequestPipe(contract)),
    UseFilters(new RethrowAsAppError()),
  );
