import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DEVELOPMENT_KEYRING, DEVELOPMENT_TOKEN_SECRET } from '@strowger/config';
import { newId } from '@strowger/kernel';
import { call, canary, type Answer } from './security.fixtures.js';
import { system, a, b, url, holds } from './security-system.fixtures.js';
import { shape, complaintsAbout } from './security-requests.fixtures.js';
import { MINUTES } from './world.fixtures.js';

/** Part of security.e2e.spec.ts: webhooks, carrier addresses, sessions and start-up. */

describe('webhooks', () => {
  holds('an address that is none answers 404, whichever way it is wrong', async () => {
    const token = b.secrets['hookToken']!;
    const hooks = system.world.stack.urls.hooksUrl;
    const wrong = [
      `restcomm/${canary('hook')}`,
      `inteliquent/${token}`,
      `restcomm/${token}x`,
      `restcomm/${token.toLowerCase()}A`,
      'restcomm/__proto__',
      `restcomm/${'x'.repeat(400)}`,
      'restcomm/%00',
    ];
    const answers = await Promise.all(
      wrong.map((path) => call(`${hooks}/hooks/${path}`, 'POST', '', { raw: 'SmsSid=1' })),
    );
    expect(answers.map(({ status }) => status)).toEqual(wrong.map(() => 404));
    expect(new Set(answers.map((answer) => JSON.stringify(shape(answer)))).size).toBe(1);
  });

  holds('only what a carrier does is stored: other methods and bodies too large are refused', async () => {
    const hook = b.platform.webhookUrl;
    const stored = async (): Promise<number> => (await system.world.sql('select id from routing.quarantined')).length;
    const before = await stored();
    const statuses: unknown[] = [];
    for (const method of ['HEAD', 'OPTIONS', 'PUT', 'PATCH', 'DELETE'])
      statuses.push((await call(hook, method, '')).status);
    expect(statuses).toEqual([200, 204, 405, 405, 405]);
    const large = await call(hook, 'POST', '', {
      raw: 'x'.repeat(300 * 1024),
      headers: { 'content-type': 'text/plain' },
    });
    expect([large.status, large.headers.get('content-type')]).toEqual([
      413,
      expect.stringContaining('application/problem+json'),
    ]);
    expect(await stored()).toBe(before);
  });

  holds('nonsense from whoever knows the address is kept and answered, never with a 5xx', async () => {
    const hook = b.platform.webhookUrl;
    const bodies = [
      '',
      '\0\0\0',
      '%',
      '&&&==',
      'SmsSid=%00&From=%ff&To=&Body=%ED%A0%80',
      '{"a":',
      '<xml',
      `From=${'9'.repeat(5000)}`,
      '__proto__[x]=1&SmsSid=a',
    ];
    for (const raw of bodies)
      for (const type of ['application/x-www-form-urlencoded; charset=utf-8', 'application/json', 'nonsense;;;']) {
        const { status } = await call(hook, 'POST', '', { raw, headers: { 'content-type': type } });
        expect([raw.slice(0, 20), type, status]).toEqual([raw.slice(0, 20), type, 200]);
      }
    for (const query of ['?%', '?From=%00', '?__proto__=1', `?x=${'y'.repeat(4000)}`])
      expect((await call(hook + query, 'GET', '')).status).toBe(200);
  });
});

describe('a platform', () => {
  holds('can only be at an address this installation allows', async () => {
    let asked = 0;
    const trap = createServer((_request, response) => {
      asked += 1;
      response.end('{}');
    });
    await new Promise<void>((resolve) => trap.listen(0, '127.0.0.1', resolve));
    const inside = `http://127.0.0.1:${(trap.address() as AddressInfo).port}`;
    const allowed = new URL(a.platform.baseUrl);
    const before = await b.admin.get(`/v1/system-providers/${b.provider.id}/platforms`);
    for (const baseUrl of [
      ...[
        inside,
        `${inside}/2012-04-24`,
        'http://169.254.169.254/latest/meta-data',
        'file:///etc/passwd',
        'gopher://127.0.0.1:6379/_',
        '//127.0.0.1',
      ],
      ...[
        `${a.platform.baseUrl}@127.0.0.1`,
        `${a.platform.baseUrl}/../..`,
        `${a.platform.baseUrl}?x=`,
        `${a.platform.baseUrl}#`,
        a.platform.baseUrl.toUpperCase(),
        ` ${inside}`,
      ],
      `http://${allowed.host}@${inside.slice(7)}${allowed.pathname}`,
    ]) {
      const answer = await call(`${url}/v1/system-providers/${b.provider.id}/platforms`, 'POST', b.admin.token, {
        json: { kind: 'restcomm', credentials: { account: b.account.sid, secret: b.account.token }, baseUrl },
      });
      expect([baseUrl, answer.status, answer.headers.get('content-type')]).toEqual([
        baseUrl,
        400,
        expect.stringContaining('problem+json'),
      ]);
    }
    expect(asked).toBe(0);
    expect(await b.admin.get(`/v1/system-providers/${b.provider.id}/platforms`)).toEqual(before);
    await new Promise((resolve) => trap.close(resolve));
  });
});

describe('sessions', () => {
  const signIn = (email: string, password: string, headers = {}): Promise<Answer> =>
    call(`${url}/v1/sessions`, 'POST', '', { json: { email, password }, headers });
  const cookieOf = (answer: Answer): string => answer.headers.getSetCookie()[0]!.split(';')[0]!;

  holds('an unknown e-mail and a wrong password are answered alike, and both are limited', async () => {
    const person = await b.portalUser('system-provider', b.provider.id, 'guessed');
    const unknown = `nobody-${newId()}@security.example`;
    // Per address there may be fifty; each of these is one more.
    const guesses = async (email: string): Promise<Answer[]> => {
      const answers: Answer[] = [];
      for (let n = 0; n < 12; n += 1)
        answers.push(await signIn(email, canary('password'), { 'x-forwarded-for': `192.0.2.${n}` }));
      return answers;
    };
    const [known, nobody] = [await guesses(person.email), await guesses(unknown)];
    expect(known.map(({ status }) => status)).toEqual([...Array<number>(10).fill(401), 429, 429]);
    expect(nobody.map(({ status }) => status)).toEqual(known.map(({ status }) => status));
    expect(shape(known[0]!)).toEqual(shape(nobody[0]!));
    expect(Number(known[11]!.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await signIn(person.email, b.secrets['password-guessed']!)).status).toBe(429);
  });

  holds('a refresh token works once; used again it ends the session', async () => {
    const person = await b.portalUser('system-provider', b.provider.id, 'refreshing');
    const first = await signIn(person.email, b.secrets['password-refreshing']!);
    const flags = first.headers.getSetCookie()[0]!;
    for (const flag of [/HttpOnly/i, /SameSite=Strict/i, /Path=\/v1\/sessions(;|$)/i, /Expires=/i])
      expect(flags).toMatch(flag);
    const refresh = (cookie: string): Promise<Answer> =>
      call(`${url}/v1/sessions/refresh`, 'POST', '', { headers: { cookie } });
    b.secrets['refresh-1'] = cookieOf(first).split('=')[1]!;
    const second = await refresh(cookieOf(first));
    b.secrets['refresh-2'] = cookieOf(second).split('=')[1]!;
    expect([
      second.status,
      second.text.includes(b.secrets['refresh-2']!),
      cookieOf(second) === cookieOf(first),
    ]).toEqual([200, false, false]);
    expect((await refresh(cookieOf(first))).body).toMatchObject({ status: 401, code: 'REFRESH_TOKEN_REUSED' });
    expect((await refresh(cookieOf(second))).status).toBe(401);
    for (const cookie of [
      'strowger_refresh=',
      'strowger_refresh=%00',
      `strowger_refresh=${'x'.repeat(3000)}`,
      'strowger_refresh=__proto__',
    ])
      expect(complaintsAbout(cookie, await refresh(cookie))).toEqual([]);
  });

  holds('a token that was not signed here, or not for this, opens nothing', async () => {
    const [head, claims] = a.admin.token.split('.') as [string, string];
    const none = Buffer.from('{"alg":"none"}').toString('base64url');
    const raised = JSON.parse(Buffer.from(claims, 'base64url').toString()) as object;
    const platform = Buffer.from(
      JSON.stringify({ ...raised, scope: { level: 'platform', id: '', systemProviderId: '' } }),
    ).toString('base64url');
    for (const token of [
      `${none}.${claims}.`,
      `${none}.${platform}.`,
      `${head}.${platform}.${a.admin.token.split('.')[2]}`,
      'x',
      `${head}.${claims}`,
      '../../',
      b.secrets['refresh-2'] ?? 'y',
    ])
      expect([token.slice(0, 20), (await call(`${url}/v1/system-providers`, 'GET', token)).status]).toEqual([
        token.slice(0, 20),
        401,
      ]);
    expect((await call(`${url}/v1/system-providers`, 'POST', a.admin.token, { json: { name: 'Mine' } })).status).toBe(
      403,
    );
  });
});

describe('outside development', () => {
  const REPOSITORY = fileURLToPath(new URL('../../..', import.meta.url));
  const SECRETS = {
    STROWGER_TOKEN_SECRET: DEVELOPMENT_TOKEN_SECRET,
    STROWGER_SECRET_KEYS: DEVELOPMENT_KEYRING,
    OPERATOR_PASSWORD: 'change-me-please',
  };

  const start = (
    app: string,
    env: Record<string, string | undefined>,
  ): Promise<{ code: number | null; said: string }> =>
    new Promise((resolve) => {
      const child = spawn(process.execPath, [join(REPOSITORY, `apps/${app}/dist/main.js`)], {
        env,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let said = '';
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
      const timer = setTimeout(() => child.kill('SIGKILL'), MINUTES / 2);
      child.once('exit', (code) => {
        clearTimeout(timer);
        resolve({ code, said });
      });
    });

  describe.each([
    ['gateway', 'STROWGER_TOKEN_SECRET'],
    ['provisioning', 'STROWGER_SECRET_KEYS'],
    ['routing', 'STROWGER_SECRET_KEYS'],
    ['hierarchy', 'OPERATOR_PASSWORD'],
  ] as const)('%s', (app, variable) => {
    holds(`does not start with a known ${variable}`, async ({ stack }) => {
      const text = Object.entries(stack.envOf(app)).map(([name, value]): [string, string | undefined] => [
        name,
        value === undefined ? value : String(value),
      ]);
      const env = { ...Object.fromEntries(text), OPS_PORT: '0', PORT: '0', STROWGER_MODE: 'production' };
      const known = SECRETS[variable];
      const { code, said } = await start(app, { ...env, [variable]: known });
      expect(code).toBeGreaterThan(0);
      expect(said).toContain(variable);
      expect(said).not.toContain(known);
      if (variable === 'OPERATOR_PASSWORD') return;
      const without = await start(app, { ...env, [variable]: undefined, STROWGER_MODE: undefined });
      expect([without.code! > 0, without.said.includes(`${variable} is required`)]).toEqual([true, true]);
    });
  });
});
