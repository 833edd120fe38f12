import { fileURLToPath } from 'node:url';
import { eventually, freePort, spawnService, type SpawnedService } from '@strowger/testing';
import { IngestionWorld, sms, textsOf, type GivenEndpoint } from './testing/ingestion-world.fixtures.js';

const loader = fileURLToPath(new URL('../../../libs/testing/src/from-source.ts', import.meta.url));
const entry = fileURLToPath(new URL('./main.ts', import.meta.url));

describe('a process that is killed', () => {
  let world: IngestionWorld;
  let endpoint: GivenEndpoint;
  let port: number;
  beforeEach(async () => {
    world = await IngestionWorld.start();
    endpoint = await world.givenEndpoint();
    port = await freePort();
  });
  afterEach(() => world.stop());

  const spawn = async (): Promise<SpawnedService> => {
    const opsPort = await freePort();
    // A mode that ends on SIGTERM.
    const env = world.env({
      STROWGER_MODE: 'development',
      PORT: String(port),
      OPS_PORT: String(opsPort),
      NODE_OPTIONS: `--import=${loader}`,
      LOG_LEVEL: 'error',
    });
    return spawnService({ entry, env, readyUrl: `http://127.0.0.1:${opsPort}/readyz`, timeoutMs: 30_000 });
  };
  const send = async (text: string): Promise<number> => {
    const body = sms({ Body: text });
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    return (await fetch(`http://127.0.0.1:${port}${endpoint.path}`, { method: 'POST', headers, body })).status;
  };
  /** Many carriers at once until the process is gone; collects the texts that were answered 200. */
  const load = async (answered: string[]): Promise<void> => {
    await Promise.all(
      Array.from({ length: 32 }, async (_, carrier) => {
        for (let i = 0; ; i++) {
          const text = `${carrier}/${i}`;
          const status = await send(text).catch(() => undefined);
          if (status === undefined) return;
          if (status === 200) answered.push(text);
        }
      }),
    );
  };

  it.each(['there', 'away'])(
    'loses nothing it answered for, and delivers it once: stream %s',
    async (stream) => {
      const victim = await spawn();
      await eventually(async () => (await send('warm-up')) === 200);
      if (stream === 'away') await world.nats.stop();
      const answered: string[] = [];
      const loading = load(answered);
      await eventually(() => answered.length > 1000, { timeoutMs: 20_000 });
      await victim.kill9();
      await loading;
      if (stream === 'away') await world.nats.start();

      const successor = await spawn();
      await eventually(async () => (await send('last')) === 200);
      await eventually(async () => textsOf(await world.delivered()).includes('last'), { timeoutMs: 15_000 });
      const texts = textsOf(await world.delivered());
      const times = new Map<string, number>();
      for (const text of texts) times.set(text, (times.get(text) ?? 0) + 1);
      expect(answered.filter((text) => times.get(text) !== 1)).toEqual([]);
      expect(await successor.stop()).toBe(0);
    },
    60_000,
  );
});
