import { provisioningRpc as rpc } from '@strowger/contracts-provisioning';
import { AppError, newId } from '@strowger/kernel';
import { sql } from '@strowger/persistence';
import { logger } from '@strowger/telemetry';
import { recordSpans } from '@strowger/telemetry/testing';
import { pino } from 'pino';
import { startProvisioning, type World } from './provisioning.fixtures.js';

const SECRET = 'canary5ecret0000000000000000auth';
const TOKEN = 'canary-exchange-token-0123456789';
const OTHER = 'canaryWrongSecret000000000000000';

/** Everything any logger of the process writes. */
function captureLogs(): { lines: string[]; stop(): void } {
  const stream = (logger('canary') as unknown as Record<symbol, { write(line: string): unknown }>)[
    pino.symbols.streamSym
  ]!;
  const write = stream.write.bind(stream);
  const lines: string[] = [];
  stream.write = (line) => void lines.push(line);
  return { lines, stop: () => void (stream.write = write) };
}

/** Every row of every table of the service, as text. */
async function wholeDatabase(world: World): Promise<string> {
  const tables = await world.db.query(
    sql<{ name: string }>`select table_name as name from information_schema.tables where table_schema = 'provisioning'`,
  );
  const dumps = await Promise.all(
    tables.map(({ name }) => world.db.query(sql<{ row: string }>`select t::text as row from ${sql.id(name)} t`)),
  );
  return dumps
    .flat()
    .map(({ row }) => row)
    .join('\n');
}

it('lets no secret out: logs, spans, facts, errors, timelines, sagas', async () => {
  const logs = captureLogs();
  const { spans, stop } = await recordSpans('provisioning');
  const world = await startProvisioning({ LOG_LEVEL: 'trace' });
  const heard: unknown[] = [];
  const hear = async (work: Promise<unknown>): Promise<void> => {
    heard.push(await work.catch((error: unknown) => AppError.wrap(error).toJSON()));
  };
  try {
    const tenant = await world.given.tenant({ carrier: { token: SECRET, meToken: TOKEN } });
    const { platform, account, scope, provider } = tenant;
    const hookToken = platform.webhookUrl.split('/').at(-1)!;
    // Each carrier knows, and may quote, what it was given.
    const echo = (body: string) => ({ do: 'status', status: 500, body, times: 6 }) as const;

    await hear(world.given.platform(provider.id, account, { secret: OTHER }));
    await hear(world.given.platform(provider.id, account, { messageExchangeToken: OTHER }));
    await hear(world.call(rpc.updatePlatform, { id: platform.id, credentials: { secret: OTHER } }, scope));
    await hear(world.assign(tenant, '2025550001'));
    await hear(world.assign(tenant, '2025550000'));
    await hear(world.assign(tenant, '2025550004'));
    await world.twins.control.addFault({ carrier: 'restcomm', ...echo(`${SECRET} ${platform.webhookUrl}`) });
    await hear(world.assign(tenant, '2025551234', { numberId: newId() }));
    await world.twins.control.clearFaults();
    await world.twins.control.addFault({ carrier: 'message-exchange', ...echo(`refused ${TOKEN}`) });
    await hear(world.assign(tenant, '2025551235'));
    await world.pass(21 * 60_000);
    await world.twins.control.clearFaults();
    await world.twins.control.putAccount({ sid: account.sid, token: 'x', meToken: 'y' });
    for (let i = 0; i < 4; i++) await world.pass(21 * 60_000);
    world.clock.advance(3600_000);
    await world.main.timers.runNow('platform-verification-sweep');
    const { items } = await world.call(rpc.listNumbers, {}, scope);
    for (const { id } of items) {
      await hear(world.call(rpc.numberTimeline, { id }, scope));
      await hear(world.call(rpc.refreshNumber, { id }, scope));
      await hear(world.call(rpc.releaseNumber, { id, waitSeconds: 5 }, scope));
    }
    await hear(world.call(rpc.deletePlatform, { id: platform.id }, scope));

    const places: Record<string, string> = {
      logs: logs.lines.join('\n'),
      spans: JSON.stringify(spans),
      database: await wholeDatabase(world),
      answers: JSON.stringify(heard),
    };
    expect(logs.lines.length).toBeGreaterThan(20);
    expect(spans.length).toBeGreaterThan(20);
    expect(heard.length).toBeGreaterThan(10);
    for (const [place, text] of Object.entries(places))
      for (const secret of [SECRET, TOKEN, OTHER, hookToken])
        expect({ place, secret, found: text.includes(secret) }).toEqual({ place, secret, found: false });
  } finally {
    await world.stop();
    await stop();
    logs.stop();
  }
}, 90_000);
