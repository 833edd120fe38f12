import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { jetstreamManager } from '@nats-io/jetstream';
import { Kvm } from '@nats-io/kv';
import { AppError, newId } from '@strowger/kernel';
import { kvBucket } from '@strowger/messaging';
import { Behind, startWorld, type World } from '../gateway.fixtures.js';
import { answersBox, IdempotencyKeys, idFromKey } from './idempotency.js';
import { ifMatchVersion, preferredWait } from './route-host.js';

let world: World;
beforeAll(async () => (world = await startWorld()));
afterAll(() => world.close());
beforeEach(() => (Behind.asked = []));

const send = (body: object, headers: Record<string, string> = {}) =>
  world.request('POST', '/v1/client/messages', world.clientToken, body, headers);
const SOAP_PATH = '/KakapoProvision/ProvisionV3.asmx';
const text = { to: '+12015550199', text: 'Hello' };
const number = { number: '2015550101' };
const assign = (body: object, headers: Record<string, string> = {}) =>
  world.request('POST', `/v1/users/${world.user.id}/numbers`, world.adminToken, body, headers);

describe('idempotency keys', () => {
  it('answer a repeat from memory, without asking the service again', async () => {
    const key = { 'idempotency-key': newId() };
    const first = await assign(number, key);
    const again = await assign(number, key);
    expect(first.status).toBe(201);
    expect(await again.json()).toEqual(await first.json());
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(Behind.asked).toHaveLength(1);
  });

  it('answer a repeat without the secret that the first answer showed', async () => {
    const key = { 'idempotency-key': newId() };
    const make = () =>
      world.request(
        'POST',
        '/v1/api-keys',
        world.adminToken,
        { level: 'platform', name: 'CRM', permissions: ['read'] },
        key,
      );
    const [first, again] = [await make(), await make()];
    const { key: shown, ...rest } = (await first.json()) as { key: string };
    expect([first.status, shown]).toEqual([201, 'stk_shown_once']);
    expect([again.status, await again.json()]).toEqual([201, rest]);
    expect(Behind.asked).toHaveLength(1);
  });

  it('take the same fields in another order for the same request', async () => {
    const key = { 'idempotency-key': newId() };
    await assign({ ...number, friendlyName: 'Chris' }, key);
    const again = await assign({ friendlyName: 'Chris', ...number }, key);
    expect([again.status, again.headers.get('idempotency-replayed')]).toEqual([201, 'true']);
    expect(Behind.asked).toHaveLength(1);
  });

  it('are answered 503 while NATS is away, and nothing is begun', async () => {
    const other = await startWorld();
    try {
      await other.nats.kill9();
      const path = `/v1/users/${other.user.id}/numbers`;
      const answer = await other.request('POST', path, other.adminToken, number, { 'idempotency-key': newId() });
      expect(answer.status).toBe(503);
      expect(await answer.json()).toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
      expect(Behind.asked).toEqual([]);
    } finally {
      await other.close();
    }
  });

  it('refuse another body under the same key with 422', async () => {
    const key = { 'idempotency-key': newId() };
    await assign(number, key);
    const other = await assign({ number: '2015550102' }, key);
    expect(other.status).toBe(422);
    expect(await other.json()).toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' });
  });

  it('give the service an id that is the same for every try and differs between callers', () => {
    expect(idFromKey('ann POST /x', 'k')).toBe(idFromKey('ann POST /x', 'k'));
    expect(idFromKey('ann POST /x', 'k')).not.toBe(idFromKey('bob POST /x', 'k'));
    expect(idFromKey('ann POST /x', 'k')).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
  });

  it('do not remember a failure: the same key may be tried again', async () => {
    const key = { 'idempotency-key': newId() };
    const refused = await assign({}, key);
    expect(refused.status).toBe(400);
    expect((await assign({}, key)).status).toBe(400);
  });

  it('keep what was answered sealed, as it holds message texts', async () => {
    await assign({ ...number, friendlyName: 'nobody else reads this' }, { 'idempotency-key': newId() });
    const bucket = await new Kvm(world.messaging.nc).open('idempotency-keys');
    const kept: string[] = [];
    for await (const key of await bucket.keys()) kept.push((await bucket.get(key))!.string());
    expect(kept.length).toBeGreaterThan(0);
    expect(kept.filter((entry) => entry.includes('nobody else') || entry.includes('"body"'))).toEqual([]);
  });

  it('begin again after a try that failed for certain, and go on after one that may have worked', async () => {
    const key = { 'idempotency-key': newId() };
    const ids = () => Behind.asked.map(({ body }) => (body as { numberId: string }).numberId);
    Behind.refuse = new AppError('conflict', 'not-now', 'Not now.');
    await assign(number, key);
    Behind.refuse = new AppError('unavailable', 'who-knows', 'Who knows.', {}, { outcome: 'unknown' });
    await assign(number, key);
    Behind.refuse = undefined;
    expect((await assign(number, key)).status).toBe(201);
    const [first, second, third] = ids();
    expect(second).not.toBe(first);
    expect(third).toBe(second);
  });

  it('go on after a try that may have worked, however many learn nothing of it, until one does', async () => {
    const key = { 'idempotency-key': newId() };
    const away = (outcome?: 'unknown') => new AppError('unavailable', 'database-unavailable', 'Away.', {}, { outcome });
    for (const refusal of [away('unknown'), away(), away(), new AppError('conflict', 'not-now', 'Not now.')]) {
      Behind.refuse = refusal;
      await assign(number, key);
    }
    const other = await assign({ number: '2015550103' }, key);
    Behind.refuse = undefined;
    await assign(number, key);
    const ids = Behind.asked.map(({ body }) => (body as { numberId: string }).numberId);
    expect(new Set(ids.slice(0, 4)).size).toBe(1);
    expect(new Set(ids.slice(3)).size).toBe(3);
    // What the first body was for is known to have failed, so the key was free for another.
    expect(other.status).toBe(409);
  });

  it('answer what worked though it could not be noted, and find it again under its id', async () => {
    await new Kvm(world.messaging.nc).create('answers-too-large');
    const kv = kvBucket(world.messaging, 'answers-too-large');
    const jsm = await jetstreamManager(world.messaging.nc);
    await jsm.streams.update('KV_answers-too-large', { max_msg_size: 1_000 });
    const keys = new IdempotencyKeys(kv, answersBox('a secret'));
    const attempts: number[] = [];
    const ask = (bytes: number) =>
      keys.once('ann POST /x', 'k', {}, (attempt) => {
        attempts.push(attempt);
        return Promise.resolve({ status: 201, body: { text: 'x'.repeat(bytes) } });
      });
    expect(await ask(2_000)).toMatchObject({ status: 201 });
    expect(await ask(10)).toMatchObject({ status: 201 });
    expect(await ask(10)).toMatchObject({ headers: { 'idempotency-replayed': 'true' } });
    expect(attempts).toEqual([0, 0]);
  });

  it('are not free for another request while the first may have worked', async () => {
    const key = { 'idempotency-key': newId() };
    Behind.refuse = new AppError('unavailable', 'database-unavailable', 'Away.', {}, { outcome: 'unknown' });
    await assign(number, key);
    expect((await assign({ number: '2015550103' }, key)).status).toBe(422);
    Behind.refuse = undefined;
    expect(Behind.asked).toHaveLength(1);
  });

  it('let exactly one of many parallel requests through', async () => {
    const key = { 'idempotency-key': newId() };
    const answers = await Promise.all(Array.from({ length: 12 }, () => assign(number, key)));
    expect(Behind.asked).toHaveLength(1);
    expect(answers.filter((a) => a.status === 201).length).toBeGreaterThanOrEqual(1);
    expect(answers.every((a) => a.status === 201 || a.status === 409)).toBe(true);
  });
});

describe('texts under an idempotency key', () => {
  it('are known to routing by it: a repeat shows the message, also from many at once', async () => {
    const key = { 'idempotency-key': newId() };
    const answers = await Promise.all(Array.from({ length: 12 }, () => send(text, key)));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 202));
    const messages = (await Promise.all(answers.map((answer) => answer.json()))) as { id: string }[];
    expect(new Set(messages.map(({ id }) => id)).size).toBe(1);
    expect(messages.filter((message) => 'repeated' in message)).toEqual([]);
    expect(answers.filter((answer) => answer.headers.get('idempotency-replayed') === 'true')).toHaveLength(11);
  });

  it('refuse another text with 422, and may be tried again after a refusal', async () => {
    const key = { 'idempotency-key': newId() };
    Behind.refuse = new AppError('conflict', 'opted-out', 'Opted out.');
    expect((await send(text, key)).status).toBe(409);
    Behind.refuse = undefined;
    expect((await send(text, key)).status).toBe(202);
    const other = await send({ ...text, text: 'Goodbye' }, key);
    expect(other.status).toBe(422);
    expect(await other.json()).toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' });
  });
});

describe('many texts in one request', () => {
  const sendMany = (items: unknown, headers: Record<string, string> = {}) =>
    world.request('POST', '/v1/client/messages:batch', world.clientToken, { items }, headers);

  it('are each answered for itself, and a repeat under the key sends none twice', async () => {
    const key = { 'idempotency-key': newId() };
    const texts = [text, { ...text, text: 'Second' }, { ...text, text: 'Third' }];
    const first = await sendMany(texts, key);
    expect(first.status).toBe(200);
    const { items } = (await first.json()) as { items: { status: number; message: { id: string; text: string } }[] };
    expect(items.map(({ status, message }) => [status, message.text])).toEqual([
      [202, 'Hello'],
      [202, 'Second'],
      [202, 'Third'],
    ]);
    const again = await sendMany([text, { ...text, text: 'Another' }, texts[2]], key);
    expect(await again.json()).toEqual({
      items: [
        { status: 202, repeated: true, message: items[0]!.message },
        { status: 422, problem: { code: 'IDEMPOTENCY_KEY_REUSED', detail: expect.any(String) } },
        { status: 202, repeated: true, message: items[2]!.message },
      ],
    });
  });

  it.each([
    ['no list', 7],
    ['an empty list', []],
    ['a list of what is no text', [text, null]],
    ['a malformed one among them', [text, { to: 7 }]],
    ['one too many', Array.from({ length: 1001 }, () => text)],
  ])('are refused as a whole when there is %s, with and without a key', async (_, items) => {
    const headed: Record<string, string>[] = [{}, { 'idempotency-key': newId() }];
    for (const headers of headed) {
      const answer = await sendMany(items, headers);
      expect(answer.status).toBe(400);
      const { errors } = (await answer.json()) as { errors: { field: string }[] };
      expect(errors.every(({ field }) => field.startsWith('items'))).toBe(true);
    }
    expect(Behind.asked).toEqual([]);
  });
});

describe('requests', () => {
  it('take the user from the token, whatever the body says', async () => {
    await send({ ...text, userId: newId() });
    expect(Behind.asked[0]).toMatchObject({
      scope: { level: 'user', id: world.user.id },
      body: { userId: world.user.id },
    });
  });

  it('name the field and the rule of bad input', async () => {
    const answer = await send({ to: 7, text: 'x'.repeat(1601), color: 'red' });
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    const { errors } = (await answer.json()) as { errors: { field: string }[] };
    expect(new Set(errors.map((e) => e.field))).toEqual(new Set(['color', 'text', 'to']));
  });

  it('refuse a body or a query that is not UTF-8, and say so', async () => {
    const headers = {
      'content-type': 'application/json; charset=iso-8859-1',
      authorization: `Bearer ${world.clientToken}`,
    };
    const post = (body: Buffer) => fetch(`${world.url}/v1/client/messages`, { method: 'POST', headers, body });
    const latin = await post(Buffer.from(JSON.stringify({ ...text, text: 'Zoë' }), 'latin1'));
    expect([latin.status, await latin.json()]).toMatchObject([
      400,
      { errors: [{ field: 'body', rule: 'utf-8', message: 'The body is not valid UTF-8.' }] },
    ]);
    const query = await world.request('GET', '/v1/users?search=Zo%EB', world.adminToken);
    expect([query.status, await query.json()]).toMatchObject([400, { errors: [{ field: 'query', rule: 'utf-8' }] }]);
    expect(Behind.asked).toEqual([]);
    expect((await post(Buffer.from(`\ufeff${JSON.stringify({ ...text, text: 'Zoë' })}`))).status).toBe(202);
    expect(Behind.asked[0]!.body).toMatchObject({ text: 'Zoë' });
  });

  it.each(['h2c', 'TLS/1.2', 'websocket'])(
    'that offer to upgrade to %s are answered as without that',
    async (protocol) => {
      const asked = async (method: string, path: string, body = '') => {
        const [response] = (await once(
          request(`${world.url}${path}`, {
            method,
            headers: {
              connection: 'Upgrade, HTTP2-Settings',
              upgrade: protocol,
              'http2-settings': 'AAMAAABkAAQAoAAAAAIAAAAA',
              authorization: `Bearer ${world.clientToken}`,
              'content-type': 'application/json',
              'content-length': Buffer.byteLength(body),
            },
          }).end(body),
          'response',
        )) as [IncomingMessage];
        return [response.statusCode, (await buffer(response)).length > 0];
      };
      expect(await asked('POST', '/v1/client/messages', JSON.stringify(text))).toEqual([202, true]);
      expect(Behind.asked).toHaveLength(1);
      expect(await asked('GET', '/docs')).toEqual([200, true]);
      expect(await asked('GET', `${SOAP_PATH}?wsdl`)).toEqual([200, true]);
      expect(await asked('GET', '/v1/nowhere')).toEqual([404, true]);
    },
  );

  it('from the page of the API keep their token in its memory only', async () => {
    const start = await (await fetch(`${world.url}/docs/start.js`)).text();
    expect(start).toContain('SwaggerUIBundle');
    expect(start).toContain('persistAuthorization: false');
  });

  it('for the socket without a WebSocket are answered 426 and how to ask', async () => {
    const answer = await fetch(`${world.url}/v1/client/ws`);
    expect([answer.status, answer.headers.get('upgrade')]).toEqual([426, 'websocket']);
    expect(await answer.json()).toMatchObject({ code: 'UPGRADE_REQUIRED', status: 426 });
  });

  it('take an Authorization with more than one space, and an id of the path again in capitals', async () => {
    const id = newId();
    const answer = await world.request(
      'PATCH',
      `/v1/users/${id.toUpperCase()}`,
      '',
      { id, name: 'X' },
      {
        authorization: `bearer   ${world.adminToken} `,
      },
    );
    expect(answer.status).toBe(200);
    expect(Behind.asked[0]!.body).toMatchObject({ id });
  });

  it('refuse in the address what belongs in the body, as a password', async () => {
    const path = `/v1/interface-users/${newId()}/password?password=correct-horse-battery`;
    const answer = await world.request('POST', path, world.adminToken, {});
    expect([answer.status, await answer.json()]).toMatchObject([
      400,
      { errors: [{ field: 'password', rule: 'in-body' }] },
    ]);
    expect(Behind.asked).toEqual([]);
  });

  it('refuse a body that contradicts the path', async () => {
    const answer = await world.request('PATCH', `/v1/users/${newId()}`, world.adminToken, { id: newId(), name: 'X' });
    expect(await answer.json()).toMatchObject({ status: 400, errors: [{ field: 'id', rule: 'path' }] });
  });

  it('refuse, everywhere, text that is none and nesting without end', async () => {
    const deep = `{"email":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
    const headers = { 'content-type': 'application/json' };
    const sessions = await fetch(`${world.url}/v1/sessions`, { method: 'POST', body: deep, headers });
    const answers = [sessions, await send({ ...text, text: '\ud800' }), await send({ ...text, text: 'a\0b' })];
    for (const answer of answers) {
      expect(answer.status).toBe(400);
      expect(await answer.json()).toMatchObject({ code: 'INVALID_INPUT', errors: [{ field: expect.any(String) }] });
    }
    expect((await world.request('GET', '/v1/users?search=%00', world.adminToken)).status).toBe(400);
  });

  it('refuse a null, except where it empties a field', async () => {
    const refused = await send({ ...text, from: null });
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({ errors: [{ field: 'from', rule: 'not-null' }] });
    const password = await world.request('POST', `/v1/interface-users/${newId()}/password`, world.adminToken, {
      password: null,
    });
    expect(await password.json()).toMatchObject({ status: 400, errors: [{ field: 'password', rule: 'not-null' }] });
    expect(Behind.asked).toEqual([]);
    await world.request('PATCH', `/v1/users/${newId()}`, world.adminToken, { language: null });
    expect(Behind.asked[0]!.body).toMatchObject({ language: null });
  });

  it('are answered so that nothing on the way keeps the answer', async () => {
    for (const path of ['/v1/me', '/v1/nowhere', '/v1/client/sync'])
      expect((await world.request('GET', path, world.adminToken)).headers.get('cache-control')).toBe('no-store');
  });

  it('take the version from If-Match and show the new one as ETag', async () => {
    const answer = await world.request(
      'PATCH',
      `/v1/users/${newId()}`,
      world.adminToken,
      { name: 'X' },
      { 'if-match': '"7"' },
    );
    expect(Behind.asked[0]).toMatchObject({ body: { version: 7 } });
    expect(answer.headers.get('etag')).toBe('"8"');
  });

  it('answer malformed JSON, unknown paths and missing tokens as problems', async () => {
    const broken = await fetch(`${world.url}/v1/client/messages`, {
      method: 'POST',
      body: '{',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${world.clientToken}` },
    });
    const nowhere = await fetch(`${world.url}/v1/nowhere`);
    const anonymous = await fetch(`${world.url}/v1/users`);
    for (const [answer, status] of [
      [broken, 400],
      [nowhere, 404],
      [anonymous, 401],
    ] as const) {
      expect(answer.status).toBe(status);
      expect(answer.headers.get('content-type')).toContain('application/problem+json');
    }
  });

  it('keep client tokens out of the portal, portal users out of the client API, and agents from changing things', async () => {
    expect((await world.request('GET', '/v1/users', world.clientToken)).status).toBe(403);
    expect((await world.request('GET', '/v1/client/messages', world.adminToken)).status).toBe(403);
    const { accessToken } = await world.tokens.forPortalUser({
      portalUserId: newId(),
      email: 's@b.example',
      name: 'Sue',
      role: 'support',
      scope: { level: 'system-provider', id: newId(), systemProviderId: newId() },
    });
    expect((await world.request('DELETE', `/v1/users/${newId()}`, accessToken)).status).toBe(403);
    expect((await world.request('GET', '/v1/login-history', world.adminToken)).status).toBe(403);
  });

  it('refuse a token signed with another key', async () => {
    const [head, payload] = world.adminToken.split('.');
    expect((await world.request('GET', '/v1/users', `${head}.${payload}.AAAA`)).status).toBe(401);
  });
});

it.each([
  ['wait=5', 5],
  ['respond-async, wait=10', 10],
  ['wait=900', 30],
  [undefined, 20],
  ['wait=x', 20],
])('reads Prefer %s as %i seconds', (header, seconds) => expect(preferredWait(header)).toBe(seconds));

it('reads If-Match, weak or strong, and refuses what is no ETag', () => {
  expect(ifMatchVersion('"3"')).toBe(3);
  expect(ifMatchVersion('W/"3"')).toBe(3);
  expect(ifMatchVersion('*')).toBeUndefined();
  expect(() => ifMatchVersion('3')).toThrow('ETag');
});
