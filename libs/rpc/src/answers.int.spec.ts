import { Injectable, type Type } from '@nestjs/common';
import { loadConfig, ServiceConfig } from '@strowger/config';
import { type RunningService, startService } from '@strowger/http';
import { rpc, type RpcContract, type RpcRequest } from '@strowger/kernel';
import { IsInt } from 'class-validator';
import { Answers, findAnswers } from './index.js';
import { DiscoveryService } from '@nestjs/core';

class Ask {
  @IsInt() size!: number;
}
const one: RpcContract<Ask, number> = rpc('rpc.spec.one.v1', Ask);
const two: RpcContract<Ask, number> = rpc('rpc.spec.two.v1', Ask);

@Injectable()
class Base {
  protected readonly more: number = 1;
  @Answers(one)
  async one({ body }: RpcRequest<Ask>): Promise<number> {
    return body.size + this.more;
  }
}
@Injectable()
class Extended extends Base {
  protected override readonly more: number = 10;
  @Answers(two)
  async two(): Promise<number> {
    return this.more;
  }
}
@Injectable()
class Another {
  @Answers(two)
  async two(): Promise<number> {
    return 2;
  }
}
@Injectable()
class TwoArguments {
  async one(_request: RpcRequest<Ask>, more: number): Promise<number> {
    return more;
  }
}
Answers(one)(TwoArguments.prototype, 'one', {});
@Injectable()
class NoMethod {
  readonly one = 1;
}
Answers(one)(NoMethod.prototype, 'one', {});
@Injectable()
class OnClass {
  @Answers(one)
  static async one(): Promise<number> {
    return 1;
  }
}

/** The types refuse these, each for its own reason. */
export class Refused {
  // @ts-expect-error another body
  @Answers(one)
  async body(_request: RpcRequest<{ other: string }>): Promise<number> {
    return 1;
  }
  // @ts-expect-error another reply
  @Answers(one)
  async reply(_request: RpcRequest<Ask>): Promise<string> {
    return '';
  }
  // @ts-expect-error more than the request
  @Answers(one)
  async more(_request: RpcRequest<Ask>, _more: number): Promise<number> {
    return 1;
  }
}

const config = loadConfig(class SpecConfig extends ServiceConfig {}, {
  STROWGER_MODE: 'test',
  NATS_URL: 'nats://127.0.0.1:1',
  OPS_PORT: '0',
  OPS_HOST: '127.0.0.1',
  LOG_LEVEL: 'silent',
});
const start = (...providers: Type[]): Promise<RunningService> =>
  startService({ name: 'spec', module: { module: class {}, providers }, config });

const request = { scope: { level: 'platform' }, actor: { kind: 'system', id: 's', name: 's' }, body: { size: 3 } };

it('finds the answers of providers, inherited ones too', async () => {
  const service = await start(Extended);
  const answers = findAnswers(service.app.get(DiscoveryService));
  expect([...answers.keys()].sort()).toEqual([one.subject, two.subject]);
  expect(await answers.get(one.subject)!(request)).toBe(13);
  await service.close();
  const other = await start(Base, Another);
  expect(findAnswers(other.app.get(DiscoveryService)).size).toBe(2);
  await other.close();
});

it('counts one provider under two names once', async () => {
  const alias = { provide: 'alias', useExisting: Base };
  const module = { module: class {}, providers: [Base, alias] };
  const service = await startService({ name: 'spec', module, config });
  await service.close();
});

it('does not start when a contract has two answers', async () => {
  await expect(start(Base, Extended)).rejects.toMatchObject({ code: 'answered-twice' });
  await expect(start(Extended, Another)).rejects.toMatchObject({
    code: 'answered-twice',
    message: 'rpc.spec.two.v1 has two answers; one is Another.two.',
  });
});

it.each([TwoArguments, NoMethod, OnClass])('does not start when a method can not be an answer: %p', async (cls) => {
  await expect(start(cls)).rejects.toMatchObject({ code: 'answer-malformed' });
});
