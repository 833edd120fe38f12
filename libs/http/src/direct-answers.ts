import { Global, Injectable, Module } from '@nestjs/common';
import { AppError, type RpcContract, type RpcRequest } from '@strowger/kernel';

/**
 * Answers given without Nest in between: no pipes, no class-validator, no observables. For what is asked thousands of
 * times a second by a caller that has checked its request; everything else uses `@Answers`. Register while the module
 * starts (`onModuleInit`).
 */
@Injectable()
export class DirectAnswers {
  readonly handlers = new Map<string, (data: unknown) => Promise<unknown>>();

  /** @param answer must look at the body itself; what it throws reaches the caller as with `@Answers` */
  add<B extends object, R>(contract: RpcContract<B, R>, answer: (request: RpcRequest<B>) => Promise<R>): void {
    if (this.handlers.has(contract.subject))
      throw new AppError('internal', 'answered-twice', `${contract.subject} has a direct answer already.`);
    this.handlers.set(contract.subject, (data) => answer(data as RpcRequest<B>));
  }
}

@Global()
@Module({ providers: [DirectAnswers], exports: [DirectAnswers] })
export class DirectAnswersModule {}
