import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '@strowger/testing';
import { IngestionWorld, sms, textsOf, type GivenEndpoint } from './testing/ingestion-world.fixtures.js';

const numbered = (count: number, prefix = 't'): string[] => Array.from({ length: count }, (_, i) => `${prefix}${i}`);

describe('on the bad day', () => {
  let world: IngestionWorld;
  let endpoint: GivenEndpoint;
  beforeEach(async () => {
    world = await IngestionWorld.start();
    await world.serve();
    endpoint = await world.givenEndpoint();
  });
  afterEach(() => world.stop());

  const send = async (text: string): Promise<number> => (await world.post(endpoint.path, sms({ Body: text }))).status;
  const sendAll = async (texts: readonly string[]): Promise<void> => {
    for (const text of texts) expect(await send(text)).toBe(200);
  };

  it('goes on answering without the stream, and delivers once and in order when it is back', async () => {
    await sendAll(['before']);
    await world.nats.stop();
    const started = performance.now();
    const away = numbered(50);
    expect(await send(away[0]!)).toBe(200);
    expect(performance.now() - started).toBeLessThan(600);
    await sendAll(away.slice(1));
    expect(await world.metric('ingestion_unacked_deliveries')).toBe(50);
    expect(await world.metric('ingestion_answered_without_ack_total')).toBeGreaterThanOrEqual(50);
    expect((await fetch(`${world.opsUrl}/readyz`)).status).toBe(200);
    await world.nats.start();
    await sendAll(['after']);
    await eventually(async () => (await world.storedCount()) === 52, { timeoutMs: 15_000 });
    expect(textsOf(await world.delivered())).toEqual(['before', ...away, 'after']);
    await eventually(async () => (await world.metric('ingestion_unacked_deliveries')) === 0);
  });

  it('does not take a reply without a stream for an ack', async () => {
    await world.deleteStream();
    await sendAll(numbered(5));
    expect(await world.metric('ingestion_unacked_deliveries')).toBe(5);
    await world.createStream();
    await eventually(async () => (await world.storedCount()) === 5);
    expect(textsOf(await world.delivered())).toEqual(numbered(5));
  });

  it('starts without the stream, knows its carriers, and delivers what an earlier process left', async () => {
    await world.nats.stop();
    await sendAll(numbered(10, 'first'));
    await world.stopService();
    expect((await readdir(world.spoolDirectory)).filter((name) => name.endsWith('.log'))).toHaveLength(1);
    await world.serve();
    expect((await fetch(`${world.opsUrl}/readyz`)).status).toBe(200);
    await sendAll(numbered(10, 'second'));
    expect(await world.metric('ingestion_oldest_unacked_seconds')).toBeGreaterThan(0);
    await world.nats.start();
    await eventually(async () => (await world.storedCount()) === 20, { timeoutMs: 15_000 });
    expect(textsOf(await world.delivered())).toEqual([...numbered(10, 'first'), ...numbered(10, 'second')]);
  });

  it('leaves nothing in the spool when it is stopped under load', async () => {
    const statuses: number[] = [];
    const load = Promise.all(
      numbered(20).map(async (text) => {
        for (let i = 0; ; i++) {
          try {
            statuses.push(await send(`${text}/${i}`));
          } catch {
            return; // refused connection: the service has stopped
          }
        }
      }),
    );
    await eventually(() => statuses.length > 300);
    const { spoolDirectory } = world;
    await world.stopService();
    await load;
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(await readdir(spoolDirectory)).toEqual(['endpoints.json']);
    expect(await world.storedCount()).toBeGreaterThanOrEqual(statuses.length);
  });

  it('puts aside what the stream will never take, and delivers what comes after it', async () => {
    const id = '01a1f87e-1837-7262-a7cf-48dd9fb98477';
    await world.ingestion.journal.accept(id, Buffer.alloc(9 * 1024 * 1024, 'x'));
    await sendAll(numbered(3));
    await eventually(async () => (await world.storedCount()) === 3);
    await eventually(async () => (await readdir(world.spoolDirectory)).includes('refused'));
    expect(await readdir(join(world.spoolDirectory, 'refused'))).toEqual([`${id}.json`]);
    await eventually(async () => (await world.metric('ingestion_unacked_deliveries')) === 0);
  });

  it('sends one by one what the stream does not take together', async () => {
    await world.limitMessages(2000);
    const statuses = await Promise.all(numbered(40).map(send));
    expect(new Set(statuses)).toEqual(new Set([200]));
    await eventually(async () => (await world.metric('ingestion_unacked_deliveries')) === 0);
    expect(textsOf(await world.delivered()).sort()).toEqual(numbered(40).sort());
    expect(await readdir(world.spoolDirectory)).not.toContain('refused');
  });

  it('asks carriers to send again only when the spool is full', async () => {
    await world.stopService();
    await world.nats.stop();
    await world.serve({ SPOOL_MAX_BYTES: String(1024 * 1024), SPOOL_SEGMENT_BYTES: String(64 * 1024) });
    const big = 'x'.repeat(100 * 1024);
    const responses: Response[] = [];
    while (responses.at(-1)?.status !== 503 && responses.length < 20)
      responses.push(await world.post(endpoint.path, sms({ Body: big })));
    expect(responses.length).toBeGreaterThan(2);
    expect(responses.at(-1)!.headers.get('retry-after')).toBe('10');
    expect(await responses.at(-1)!.json()).toMatchObject({ code: 'SPOOL_FULL' });
    await world.nats.start();
    await eventually(async () => (await world.storedCount()) === responses.length - 1, { timeoutMs: 15_000 });
    await eventually(async () => (await send('small')) === 200);
  });

  it('without a disk answers only what the stream has', async () => {
    await world.stopService();
    await world.serve({ DURABILITY: 'stream' });
    await world.ingestion.endpoints.ready();
    await sendAll(['kept']);
    await world.deleteStream();
    expect(await send('nowhere to put')).toBe(503);
    await world.createStream();
    await sendAll(['again']);
    expect(textsOf(await world.delivered())).toEqual(['again']);
  });
});
