import { Injectable, Module } from '@nestjs/common';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { loadConfig, ServiceConfig } from '@strowger/config';
import { AppError, PLATFORM_SCOPE, rpc, type RpcContract, type RpcRequest, SYSTEM_ACTOR } from '@strowger/kernel';
import { eventually, type ServerProcess, startNats } from '@strowger/testing';
import { traceparent } from '@strowger/telemetry';
import { type RecordedSpan, recordSpans } from '@strowger/telemetry/testing';
import { IsInt, IsOptional, IsString, Min } from 'class-validator';
import { type RunningService, startService } from '@strowger/http';
import { Answers, Rpc } from './index.js';

class GetThing {
  @IsInt() @Min(1) size!: number;
  @IsOptional() @IsString() mode?: string;
}
interface Thing {
  size: number;
  validated: boolean;
  actor: string;
  parent?: string;
}
const getThing: RpcContract<GetThing, Thing | undefined> = rpc('rpc.things.get-thing.v1', GetThing);
const slow: RpcContract<GetThing, Thing> = rpc('rpc.things.slow.v1', GetThing);
const direct: RpcContract<GetThing, Thing | undefined> = rpc('rpc.things.direct.v1', GetThing);
const absent: RpcContract<GetThing, Thing> = rpc('rpc.absent.get-thing.v1', GetThing);

/** More than the test server's max_payload of 8 MB. */
const TOO_LARGE = 9 << 20;

let release: (() => void) | undefined;

const isGetThing = (body: unknown): body is GetThing => typeof (body as GetThing | null)?.size === 'number';

@Injectable()
class Things {
  @Answers(direct, { check: isGetThing })
  direct(request: RpcRequest<GetThing>): Promise<Thing | undefined> {
    return request.body.mode === 'slow' ? this.slow(request) : this.get(request);
  }
  @Answers(getThing)
  async get({ body, actor }: RpcRequest<GetThing>): Promise<Thing | undefined> {
    if (body.mode === 'taken')
      throw new AppError('conflict', 'thing-taken', 'It is taken.', { by: 'x' }, { retryAfterSeconds: 3 });
    if (body.mode === 'bug') throw new TypeError('canary');
    if (body.mode === 'nothing') return undefined;
    if (body.mode === 'huge') return { size: 0, validated: true, actor: 'x'.repeat(TOO_LARGE) };
    return { size: body.size, validated: body instanceof GetThing, actor: actor.id, parent: traceparent() };
  }
  @Answers(slow)
  async slow({ body }: RpcRequest<GetThing>): Promise<Thing> {
    await new Promise<void>((resolve) => (release = resolve));
    return { size: body.size, validated: true, actor: '' };
  }
}
@Module({ providers: [Things] })
class ThingsModule {}

const ask = (size = 1, mode?: string): RpcRequest<GetThing> => ({
  scope: PLATFORM_SCOPE,
  actor: SYSTEM_ACTOR,
  body: { size, mode },
});

describe('requests between services', () => {
  let nats: ServerProcess;
  let service: RunningService;
  let client: Rpc;
  const configFor = (natsUrl: string) =>
    loadConfig(class SpecConfig extends ServiceConfig {}, {
      STROWGER_MODE: 'test',
      NATS_URL: natsUrl,
      OPS_PORT: '0',
      OPS_HOST: '127.0.0.1',
      LOG_LEVEL: 'silent',
    });
  const start = (): Promise<RunningService> =>
    startService({ name: 'things', module: ThingsModule, config: configFor(nats.url) });

  beforeAll(async () => {
    nats = await startNats();
    service = await start();
    client = await Rpc.connect({ natsUrl: nats.url, name: 'spec' });
    await service.rpcReady;
  });
  afterAll(async () => {
    await service.close();
    await client.close();
    await nats.stop();
  });

  it('carries a validated body there and the answer back', async () => {
    expect(await client.call(getThing, ask(7))).toEqual({ size: 7, validated: true, actor: 'system' });
    expect(await client.call(getThing, ask(1, 'nothing'))).toBeUndefined();
  });

  it('carries our errors whole', async () => {
    const error: unknown = await client.call(getThing, ask(1, 'taken')).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(AppError);
    expect(error).toMatchObject({
      kind: 'conflict',
      code: 'thing-taken',
      message: 'It is taken.',
      details: { by: 'x' },
      retryAfterSeconds: 3,
    });
  });

  it('says of a bug only that it happened', async () => {
    const error = (await client.call(getThing, ask(1, 'bug')).catch((e: unknown) => e)) as AppError;
    expect(error).toMatchObject({ kind: 'internal', code: 'internal' });
    expect(JSON.stringify(error)).not.toContain('canary');
  });

  it('refuses a bad body by field, and a request without its context', async () => {
    await expect(client.call(getThing, ask(0))).rejects.toMatchObject({
      kind: 'invalid',
      errors: [{ field: 'size', rule: 'min' }],
    });
    await expect(client.call(getThing, { body: { size: 1 } } as RpcRequest<GetThing>)).rejects.toMatchObject({
      code: 'rpc-context-missing',
    });
  });

  it('asks the check of an answer that has one, instead of class-validator', async () => {
    expect(await client.call(direct, ask(0))).toMatchObject({ size: 0, validated: false });
    await expect(client.call(direct, { ...ask(), body: {} as GetThing })).rejects.toMatchObject({
      kind: 'invalid',
      code: 'malformed-request',
    });
    await expect(client.call(direct, { body: { size: 1 } } as RpcRequest<GetThing>)).rejects.toMatchObject({
      code: 'rpc-context-missing',
    });
  });

  it('answers, rather than times out, when the answer does not fit', async () => {
    await expect(client.call(getThing, ask(1, 'huge'))).rejects.toMatchObject({
      kind: 'internal',
      code: 'reply-too-large',
    });
    await expect(client.call(getThing, ask(1, 'x'.repeat(TOO_LARGE)))).rejects.toMatchObject({
      kind: 'invalid',
      code: 'payload-too-large',
    });
  });

  it('bundles what is asked at once, and none waits for another', async () => {
    const bundled = { bundled: true };
    const slowest = client.call(direct, ask(7, 'slow'), bundled);
    const refused = client.call(direct, ask(1, 'taken'), bundled);
    const broken = client.call(direct, ask(1, 'bug'), bundled);
    const huge = client.call(direct, ask(1, 'huge'), bundled);
    const nothing = client.call(direct, ask(1, 'nothing'), bundled);
    const sizes = Array.from({ length: 300 }, (_, size) => size);
    const many = Promise.all(sizes.map((size) => client.call(direct, ask(size), bundled)));
    await expect(refused).rejects.toMatchObject({ code: 'thing-taken', details: { by: 'x' } });
    await expect(broken).rejects.toMatchObject({ kind: 'internal', code: 'internal' });
    await expect(huge).rejects.toMatchObject({ code: 'reply-too-large' });
    expect(await nothing).toBeUndefined();
    expect((await many).map((thing) => thing?.size)).toEqual(sizes);
    release?.();
    expect(await slowest).toMatchObject({ size: 7 });
    await expect(client.call(direct, ask(1, 'x'.repeat(TOO_LARGE)), bundled)).rejects.toMatchObject({
      code: 'payload-too-large',
    });
    const nobody = Promise.all([client.call(absent, ask(), bundled), client.call(absent, ask(), bundled)]);
    await expect(nobody).rejects.toMatchObject({ kind: 'unavailable', outcome: undefined });
    const late = client.call(direct, ask(1, 'slow'), { ...bundled, timeoutMs: 60 });
    await expect(late).rejects.toMatchObject({ kind: 'unavailable', outcome: 'unknown' });
    release?.();
  });

  it('speaks the wire format of plain Nest, both ways', async () => {
    const nc: NatsConnection = await connect({ servers: nats.url });
    const asNest = async (data: object) => {
      const packet = JSON.stringify({ pattern: getThing.subject, data, id: 'id-1' });
      return (await nc.request(getThing.subject, packet)).json();
    };
    const response = { size: 3, validated: true, actor: 'system' };
    expect(await asNest(ask(3))).toEqual({ response, isDisposed: true, id: 'id-1' });
    expect(await asNest(ask(1, 'taken'))).toMatchObject({ err: { code: 'thing-taken' }, isDisposed: true, id: 'id-1' });
    const plain = rpc<GetThing, number>('rpc.things.plain.v1', GetThing);
    const asked: unknown[] = [];
    nc.subscribe(plain.subject, {
      callback: (_error, message) => {
        const packet = message.json<{ id: string; data: unknown }>();
        asked.push(packet);
        message.respond(JSON.stringify({ response: 2, isDisposed: true, id: packet.id }));
      },
    });
    await nc.flush();
    expect(await client.call(plain, ask(1))).toBe(2);
    expect(asked).toEqual([{ pattern: plain.subject, data: ask(1), id: expect.any(String) }]);
    await nc.drain();
  });

  it('names the service nobody answers for, and says an unanswered request may have worked', async () => {
    const nobody = (await client.call(absent, ask()).catch((e: unknown) => e)) as AppError;
    expect(nobody).toMatchObject({
      kind: 'unavailable',
      code: 'service-unavailable',
      details: { service: 'absent' },
      outcome: undefined,
    });
    const late = (await client.call(slow, ask(), { timeoutMs: 50 }).catch((e: unknown) => e)) as AppError;
    expect(late).toMatchObject({
      kind: 'unavailable',
      code: 'service-unavailable',
      details: { service: 'things' },
      outcome: 'unknown',
    });
    release?.();
  });

  it('survives garbage on its subjects', async () => {
    const nc: NatsConnection = await connect({ servers: nats.url });
    const packets = ['', '{', 'null', '[]', '"x"', '{"id":"1"}', '{"id":"1","data":{"body":null}}'];
    const bundles = ['[', '[null]', '[1]', '[{"token":1}]', '[{"token":"1"}]', '[{"token":"1","data":{"scope":1}}]'];
    for (const garbage of [...packets, ...bundles]) nc.publish(getThing.subject, garbage);
    const refused = await nc.request(getThing.subject, 'null');
    expect(refused.json()).toMatchObject({ err: { code: 'malformed-request' } });
    await nc.drain();
    expect(await client.call(getThing, ask(2))).toMatchObject({ size: 2 });
  });

  it('survives garbage as an answer', async () => {
    const nc: NatsConnection = await connect({ servers: nats.url });
    const odd = rpc<GetThing, Thing>('rpc.odd.get-thing.v1', GetThing);
    const garbage = ['{', 'null', '[1]', '[null]', '"x"', ''];
    nc.subscribe(odd.subject, { callback: (_error, message) => void message.respond(garbage.shift()) });
    await nc.flush();
    for (let left = garbage.length; left > 0; left--)
      await expect(client.call(odd, ask(), { bundled: left % 2 === 0, timeoutMs: 200 })).rejects.toMatchObject({
        outcome: 'unknown',
      });
    await nc.drain();
    expect(await client.call(getThing, ask(2))).toMatchObject({ size: 2 });
  });

  it('continues the trace of its caller', async () => {
    const recording: { spans: RecordedSpan[]; stop(): Promise<void> } = await recordSpans();
    const parent = (await client.call(getThing, ask()))?.parent;
    await recording.stop();
    const [server, caller] = recording.spans;
    expect(server).toMatchObject({ traceId: caller!.traceId, parentSpanId: caller!.spanId });
    expect(parent).toBe(`00-${server!.traceId}-${server!.spanId}-01`);
  });

  it('comes back after NATS was away, and starts while it is', async () => {
    await nats.kill9();
    await eventually(async () => (await service.health.readiness()).ready === false);
    await expect(client.call(getThing, ask(), { timeoutMs: 100 })).rejects.toMatchObject({
      kind: 'unavailable',
      outcome: undefined,
    });
    const early = await start();
    expect((await fetch(`${early.opsUrl}/readyz`)).status).toBe(503);
    await nats.start();
    await early.rpcReady;
    await eventually(async () => (await service.health.readiness()).ready);
    expect(await eventually(() => client.call(getThing, ask(5)))).toMatchObject({ size: 5 });
    await early.close();
    expect(await client.call(getThing, ask(6))).toMatchObject({ size: 6 });
  });

  it('closes while NATS is away', async () => {
    const away = await startService({
      name: 'away',
      module: ThingsModule,
      config: configFor('nats://127.0.0.1:1'),
    });
    await away.close();
    await away.rpcReady.catch(() => undefined);
  });

  it('finishes a request it has before it stops, and hands new ones to the others', async () => {
    const stopping = await startService({
      name: 'stopping',
      module: ThingsModule,
      config: configFor(nats.url),
    });
    await stopping.rpcReady;
    await service.close();
    release = undefined;
    const answer = client.call(slow, ask(9));
    await eventually(() => release !== undefined);
    const closed = stopping.close();
    service = await start();
    await service.rpcReady;
    expect(await client.call(getThing, ask(4))).toMatchObject({ size: 4 });
    release!();
    expect(await answer).toMatchObject({ size: 9 });
    await closed;
  });
});
