import { Publisher } from '@strowger/messaging';
import { newId } from '@strowger/kernel';
import { startWorld, type World } from './gateway.fixtures.js';

let world: World;
beforeAll(async () => (world = await startWorld()));
afterAll(() => world.close());

const ask = (path: string, token = world.operatorToken) => world.request('GET', path, token);

/** What a consumer gives up, in the form in which the library keeps it. */
async function bury(count: number, message: Buffer): Promise<void> {
  const publisher = new Publisher(world.messaging);
  for (let at = 0; at < count; at++)
    await publisher.publishRaw('dead.spec-consumer', message, {
      msgId: newId(),
      headers: { 'Dead-Consumer': 'spec-consumer', 'Dead-Reason': 'unreadable', 'Dead-Error': 'unreadable' },
    });
}

it('shows no more of large dead letters than a page can hold, all of them in pages, and the message of one', async () => {
  await bury(60, Buffer.alloc(200_000, 'x'));
  const seen = new Set<string>();
  let [path, pages] = ['/v1/dead-letters?limit=200', 0];
  for (let cursor: string | undefined = ''; cursor !== undefined; pages++) {
    const answer = await (await ask(path)).text();
    expect(answer.length).toBeLessThan(100_000);
    const page = JSON.parse(answer) as { items: { id: string; sizeBytes: number }[]; nextCursor?: string };
    for (const { id, sizeBytes } of page.items) {
      seen.add(id);
      expect(sizeBytes).toBe(200_000);
    }
    cursor = page.nextCursor;
    path = `/v1/dead-letters?limit=200&cursor=${cursor}`;
  }
  expect([seen.size, pages]).toEqual([60, 3]);
  const [id] = seen;
  const whole = (await (await ask(`/v1/dead-letters/${id}`)).json()) as { messageBase64: string };
  expect(Buffer.from(whole.messageBase64, 'base64').length).toBe(200_000);
});

it.each([
  ['limit=0', 'limit'],
  ['limit=-1', 'limit'],
  ['limit=abc', 'limit'],
  ['limit=', 'limit'],
  ['limit=201', 'limit'],
  ['limit=1&limit=2', 'limit'],
  ['foo=1', 'foo'],
  ['consumer=%3E', 'consumer'],
  ['cursor=x', 'cursor'],
])('refuses %s and names the field', async (query, field) => {
  const answer = await ask(`/v1/dead-letters?${query}`);
  const { errors } = (await answer.json()) as { errors: { field: string }[] };
  expect([answer.status, new Set(errors.map((error) => error.field))]).toEqual([400, new Set([field])]);
});

it('is for operators only, the whole one too', async () => {
  for (const path of ['/v1/dead-letters', '/v1/dead-letters/1'])
    expect((await ask(path, world.adminToken)).status).toBe(403);
  expect((await ask('/v1/dead-letters/999999')).status).toBe(404);
});
