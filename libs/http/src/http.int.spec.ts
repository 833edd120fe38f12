import { connect as connectTo } from 'node:net';
import { text } from 'node:stream/consumers';
import { request as httpRequest } from 'node:http';
import { Body, Controller, Get, Module, Param, Post, Query } from '@nestjs/common';
import { AppError, NotFound, validated } from '@strowger/kernel';
import { Env, loadConfig, Secret, ServiceConfig } from '@strowger/config';
import { Type } from 'class-transformer';
import { IsEmail, IsInt, IsOptional, IsUUID, Max, ValidateNested } from 'class-validator';
import { Health } from '@strowger/telemetry';
import { type RunningService, shownCode, startService } from './index.js';

class SpecConfig extends ServiceConfig {
  @Env('SPEC_SECRET') @Secret() secret!: string;
}
class Owner {
  @IsUUID() id!: string;
}
class CreateThing {
  @IsEmail() email!: string;
  @ValidateNested() @Type(() => Owner) owner!: Owner;
}
class ListThings {
  @IsOptional() @IsInt() @Max(100) limit?: number;
  @IsOptional() all?: boolean;
}

@Controller('things')
class ThingsController {
  constructor(
    readonly config: SpecConfig,
    readonly base: ServiceConfig,
  ) {}
  @Post() create(@Body() body: CreateThing): object {
    return { made: body instanceof CreateThing, owner: body.owner instanceof Owner };
  }
  @Get() list(@Query() query: ListThings): object {
    return { ...query, sameConfig: this.config === this.base };
  }
  @Get('rate') rate(): never {
    throw new AppError('rate-limited', 'slow-down', 'Slow down.', {}, { retryAfterSeconds: 7 });
  }
  @Get('away') away(): never {
    throw new AppError('unavailable', 'away', 'Away.');
  }
  @Get('login') login(): never {
    throw new AppError('unauthenticated', 'unauthenticated', 'Sign in.');
  }
  @Get('bug') bug(): never {
    throw new Error(`canary ${this.config.secret}`);
  }
  @Get(':id') get(@Param('id') id: string): never {
    throw new NotFound('thing', id);
  }
}
/** What the things answer, or a problem in its place. */
interface Reply {
  [member: string]: unknown;
  detail: string;
  instance: string;
}

@Module({ controllers: [ThingsController] })
class SpecModule {}

describe('a service over HTTP', () => {
  let service: RunningService;
  let release: () => void = () => undefined;
  const config = loadConfig(SpecConfig, {
    STROWGER_MODE: 'test',
    NATS_URL: 'nats://127.0.0.1:1',
    OPS_PORT: '0',
    OPS_HOST: '127.0.0.1',
    SPEC_SECRET: 'canary-secret',
    LOG_LEVEL: 'silent',
  });
  const start = (): Promise<RunningService> =>
    startService({
      name: 'spec',
      module: SpecModule,
      config,
      http: {
        port: 0,
        host: '127.0.0.1',
        bodyLimitBytes: 1000,
        configure: (fastify) => {
          fastify.get('/raw/slow', async () => {
            await new Promise<void>((resolve) => (release = resolve));
            return { done: true };
          });
          fastify.post('/raw/deep', { bodyLimit: 1 << 20 }, (request) =>
            Promise.resolve(validated(CreateThing, request.body)),
          );
          fastify.post(
            '/raw/checked',
            {
              schema: {
                body: { type: 'object', required: ['to'], properties: { to: { type: 'string', minLength: 2 } } },
              },
            },
            async () => ({}),
          );
        },
      },
    });

  beforeAll(async () => (service = await start()));
  afterAll(() => service.close());

  const ask = async (
    path: string,
    init: RequestInit = {},
  ): Promise<{ status: number; headers: Headers; body: Reply }> => {
    const response = await fetch(service.url + path, init);
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: text ? JSON.parse(text) : undefined };
  };
  const post = (path: string, body: string, type = 'application/json') =>
    ask(path, { method: 'POST', headers: { 'content-type': type }, body });

  it('gives handlers instances of their classes, and a query its types', async () => {
    const owner = { id: '0190b1a4-7a7a-7000-8000-000000000000' };
    expect((await post('/things', JSON.stringify({ email: 'a@b.example', owner }))).body).toEqual({
      made: true,
      owner: true,
    });
    expect((await ask('/things?limit=5&all=false')).body).toEqual({ limit: 5, all: false, sameConfig: true });
  });

  it('names every broken field in sentences', async () => {
    const { status, headers, body } = await post(
      '/things',
      JSON.stringify({ owner: { id: 'x', extra: 1 }, color: 'red' }),
    );
    expect(status).toBe(400);
    expect(headers.get('content-type')).toMatch('application/problem+json');
    expect(body).toMatchObject({ type: 'https://strowger.dev/problems/invalid-input', code: 'INVALID_INPUT' });
    expect(body.errors).toEqual(
      expect.arrayContaining([
        { field: 'email', rule: 'required', message: "The field 'email' is required." },
        { field: 'owner.id', rule: 'is-uuid', message: "The field 'owner.id' must be a UUID." },
        { field: 'owner.extra', rule: 'unknown-field', message: "The field 'owner.extra' is not known here." },
        { field: 'color', rule: 'unknown-field', message: "The field 'color' is not known here." },
      ]),
    );
    expect((await ask('/things?limit=500')).body.detail).toBe("The field 'limit' must not be greater than 100.");
    expect((await ask('/things?limit=many')).body.detail).toBe("The field 'limit' must be a number.");
  });

  it.each([
    ['malformed JSON', () => post('/things', '{"email":'), 400, 'malformed-request'],
    ['an empty body', () => post('/things', ''), 400, 'malformed-request'],
    ['a body that is a list', () => post('/things', '[]'), 400, 'invalid-input'],
    ['a foreign content type', () => post('/things', '<a/>', 'application/x-odd'), 415, 'unsupported-media-type'],
    ['a large body', () => post('/things', JSON.stringify({ email: 'a'.repeat(2000) })), 413, 'payload-too-large'],
    [
      'a body nested beyond reason',
      () => post('/raw/deep', `{"owner":${'['.repeat(100_000)}${']'.repeat(100_000)}}`),
      400,
      'invalid-input',
    ],
    ['an unknown route', () => ask('/nowhere?token=canary'), 404, 'no-such-route'],
    ['a malformed address', () => ask('/things/%zz'), 400, 'malformed-request'],
    ['a schema violation on a bare route', () => post('/raw/checked', '{"to":"x"}'), 400, 'invalid-input'],
    ['a missing thing', () => ask('/things/t-1'), 404, 'thing-not-found'],
    ['a bug', () => ask('/things/bug'), 500, 'internal'],
  ])('answers %s with a problem', async (_, send, status, code) => {
    const answer = await send();
    expect(answer).toMatchObject({
      status,
      body: { status, code: shownCode(code), type: `https://strowger.dev/problems/${code}` },
    });
    expect(answer.headers.get('content-type')).toMatch('application/problem+json');
    expect(JSON.stringify(answer.body)).not.toMatch(/canary|node_modules|\bat \S+ \(/);
    expect(answer.body.instance).toMatch(/^urn:strowger:request:/);
  });

  it('answers bytes that are no HTTP with a problem too', async () => {
    const socket = connectTo(service.port!, '127.0.0.1');
    socket.end('canary nonsense\r\n\r\n');
    const answer = await text(socket);
    expect(answer).toMatch(/^HTTP\/1.1 400 [^]*application\/problem\+json[^]*"code":"MALFORMED_REQUEST"/);
    expect(answer).not.toContain('canary');
  });

  it('bounds what it says about a body of nothing but mistakes', async () => {
    const mistakes = Object.fromEntries(Array.from({ length: 120 }, (_, i) => [`x${i}`, 1]));
    expect(
      (
        await post(
          '/things',
          JSON.stringify(mistakes)
            .slice(0, 990)
            .replace(/,"[^,]*$/, '}'),
        )
      ).body.errors,
    ).toHaveLength(50);
  });

  it('says when to come back and how to sign in', async () => {
    expect((await ask('/things/rate')).headers.get('retry-after')).toBe('7');
    expect((await ask('/things/away')).headers.get('retry-after')).toBe('5');
    expect((await ask('/things/login')).headers.get('www-authenticate')).toBe('Bearer');
  });

  it('keeps a harmless request id and replaces others', async () => {
    expect(
      (await ask('/things/rate', { headers: { 'x-request-id': 'caller-0001' } })).headers.get('x-request-id'),
    ).toBe('caller-0001');
    const odd = await ask('/things/rate', { headers: { 'x-request-id': '"><script>' } });
    expect(odd.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    expect(odd.body.instance).toBe(`urn:strowger:request:${odd.headers.get('x-request-id')}`);
  });

  it('sends security headers', async () => {
    const { headers } = await ask('/things');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('content-security-policy')).toBe("default-src 'none';frame-ancestors 'none'");
    expect(headers.get('strict-transport-security')).toMatch('max-age');
    expect(headers.get('x-powered-by')).toBeNull();
  });

  it('shows health by named checks, and metrics by route', async () => {
    const ready = async () => {
      const response = await fetch(`${service.opsUrl}/readyz`);
      return [response.status, await response.json()];
    };
    expect((await fetch(`${service.opsUrl}/livez`)).status).toBe(200);
    expect(await ready()).toEqual([200, { ready: true, checks: {} }]);
    service.app.get(Health).add('disk', () => Promise.reject(new Error('canary')));
    expect(await ready()).toEqual([503, { ready: false, checks: { disk: 'failing' } }]);
    service.health.remove('disk');
    await ask('/things/t-1');
    const metrics = await (await fetch(`${service.opsUrl}/metrics`)).text();
    expect(metrics).toMatch(/http_request_seconds_count\{method="GET",route="\/things\/:id",status="404"\} \d+/);
    expect(metrics).toContain('process_resident_memory_bytes ');
    expect((await fetch(`${service.opsUrl}/things`)).status).toBe(404);
  });

  it('finishes what is in flight, refuses what is new, and then is gone', async () => {
    const stopping = await start();
    const arrived = new Promise<void>((resolve) =>
      stopping.app.getHttpServer().prependOnceListener('request', () => resolve()),
    );
    const slow = new Promise<{ status?: number; connection?: string; text: string }>((resolve, reject) => {
      const sent = httpRequest(`${stopping.url}/raw/slow`, { agent: false }, (response) => {
        let text = '';
        response.on('data', (chunk) => (text += String(chunk)));
        response.on('end', () =>
          resolve({ status: response.statusCode, connection: response.headers.connection, text }),
        );
      });
      sent.on('error', reject).end();
    });
    await arrived;
    const closed = stopping.close();
    expect((await fetch(`${stopping.opsUrl}/readyz`)).status).toBe(503);
    await expect(fetch(`${stopping.url}/things`)).rejects.toThrow();
    release();
    expect(await slow).toMatchObject({ status: 200, text: '{"done":true}' });
    await closed;
    await expect(fetch(`${stopping.opsUrl}/livez`)).rejects.toThrow();
  });
});
