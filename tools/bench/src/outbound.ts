import { setTimeout as wait } from 'node:timers/promises';
import type { Bench } from './bench.js';
import { watchCpu } from './cpu.js';
import type { LoadOrder, LoadReport } from './load.js';

const CONNECTIONS = 64;
const PATIENCE_MS = 120_000;
const BATCH = 1000;

/**
 * Texts through the API while everything runs, as customers send: from the first request until the carrier has accepted
 * them all. The processor time is that of all receipts too.
 */
export async function measureSending(bench: Bench, floor: number): Promise<void> {
  const { sizes, report, tenant } = bench;
  const before = await atCarrier(bench);
  await texts(bench, { firstSequence: 0, count: sizes.outbound / 10 });
  await settled(bench, performance.now() + PATIENCE_MS);
  const warm = (await atCarrier(bench)) - before;
  const startedAt = performance.now();
  const cpu = watchCpu(tenant.stack);
  const sent = await texts(bench, { firstSequence: sizes.outbound, durationMs: sizes.sendingMs });
  const deadline = performance.now() + PATIENCE_MS;
  while ((await atCarrier(bench)) - before - warm < sent.accepted && performance.now() < deadline) await wait(20);
  const seconds = (performance.now() - startedAt) / 1000;
  await settled(bench, deadline);
  const used = cpu();
  const there = (await atCarrier(bench)) - before - warm;
  if (there !== sent.accepted)
    report.fail(`outbound.live: ${sent.accepted} texts were taken, the carrier has ${there}. ${sent.refusal ?? ''}`);
  report.add(
    'outbound.live',
    'messages/s',
    there / seconds,
    floor,
    {
      messages: there,
      connections: CONNECTIONS,
      p50: sent.p50Ms,
      p99: sent.p99Ms,
      cpuMicros: used.microsFor(there),
      cpu: used.text,
    },
    { of: 'value', least: 3000 },
  );
}

/** A thousand texts in each request, one request after the other, while everything runs: until they are queued. */
export async function measureBatches(bench: Bench, floor: number): Promise<void> {
  const { sizes, report, tenant } = bench;
  const { users, remotes, stack } = tenant;
  const before = await atCarrier(bench);
  const user = users[0]!;
  const send = async (texts: number, key: string): Promise<void> => {
    const items = Array.from({ length: texts }, (_, i) => ({
      to: `+1${remotes[i % remotes.length]}`,
      text: `batch ${i} Shall we say half past seven at the usual place tonight`,
    }));
    const response = await fetch(`${stack.urls.gatewayUrl}/v1/client/messages:batch`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${user.token}`, 'idempotency-key': key },
      body: JSON.stringify({ items }),
    });
    const answer = await response.text();
    const taken = answer.split('"status":202').length - 1;
    if (taken !== texts) report.fail(`outbound.batch: of ${texts} texts ${taken} were queued. ${answer.slice(0, 500)}`);
  };
  await send(100, `${bench.run}-warm`);
  const count = sizes.outbound;
  const cpu = watchCpu(stack);
  const startedAt = performance.now();
  for (let n = 0; n < count; n += BATCH) await send(BATCH, `${bench.run}-${n}`);
  const seconds = (performance.now() - startedAt) / 1000;
  await settled(bench, performance.now() + PATIENCE_MS);
  const used = cpu();
  const there = (await atCarrier(bench)) - before - 100;
  if (there !== count) report.fail(`outbound.batch: ${count} texts were taken, the carrier has ${there}`);
  const extra = { messages: count, cpuMicros: used.microsFor(count), cpu: used.text };
  report.add('outbound.batch', 'messages/s', count / seconds, floor, extra, { of: 'value', least: 5000 });
}

/** Queued through the API while somebody else holds the platform's right to send; then let go. */
export async function measureOutbound(bench: Bench, floor: number): Promise<void> {
  const { sizes, report, tenant } = bench;
  const { platform } = tenant;
  const before = await atCarrier(bench);
  await tenant.sql(
    `update routing.platform set sender = 'bench', sender_until = now() + interval '1 hour' where platform_id = $1`,
    [platform.id],
  );
  const queueing = watchCpu(tenant.stack);
  const queued = await texts(bench, { firstSequence: 0, count: sizes.outbound });
  const queueingUsed = queueing();
  if (queued.accepted !== sizes.outbound)
    report.fail(`outbound.queue: of ${queued.sent} texts ${queued.accepted} were queued. ${queued.refusal ?? ''}`);
  report.add('outbound.queue', 'messages/s', queued.perSecond, floor, {
    connections: CONNECTIONS,
    p50: queued.p50Ms,
    p99: queued.p99Ms,
    cpuMicros: queueingUsed.microsFor(queued.accepted),
    cpu: queueingUsed.text,
  });
  if ((await atCarrier(bench)) !== before) report.fail('outbound.drain: texts went out while the sender was held back');
  await tenant.sql(`update routing.platform set sender = null, sender_until = null where platform_id = $1`, [
    platform.id,
  ]);
  const startedAt = performance.now();
  const deadline = startedAt + PATIENCE_MS;
  const sending = watchCpu(tenant.stack);
  let first: { at: number; there: number } | undefined;
  let there = 0;
  // A lease taken away by hand is noticed by a sweep; a text that comes in wakes the sender, as it does in life.
  const expected = queued.accepted + (await texts(bench, { firstSequence: sizes.outbound, count: 1 })).accepted;
  while (there < expected && performance.now() < deadline) {
    there = (await atCarrier(bench)) - before;
    if (there > 0) first ??= { at: performance.now(), there };
    await wait(100);
  }
  const doneAt = performance.now();
  const used = sending();
  const perSecond = (there / (doneAt - startedAt)) * 1000;
  const onceUnderWay = first ? ((there - first.there) / (doneAt - first.at)) * 1000 : 0;
  const states = await settled(bench, deadline);
  const deliveredAt = performance.now();
  there = (await atCarrier(bench)) - before;
  if (there !== expected) report.fail(`outbound.drain: ${expected} texts were queued, the carrier has ${there}`);
  const open = Object.entries(states).filter(([state]) => state !== 'delivered');
  if (open.length > 0) report.fail(`outbound.drain: not delivered: ${open.map((entry) => entry.join(' ')).join(', ')}`);
  report.add('outbound.drain', 'messages/s', perSecond, floor, {
    messages: there,
    cpuMicros: used.microsFor(there),
    cpu: used.text,
    waitedMs: Math.round((first?.at ?? doneAt) - startedAt),
    onceUnderWay,
    deliveredPerSecond: Math.round((there / (deliveredAt - startedAt)) * 1000),
  });
}

const atCarrier = async ({ tenant }: Bench): Promise<number> => (await tenant.twins.state()).messages;

/** Through the API, each with an idempotency key of its own. Sequences may be used again in another measurement. */
function texts(bench: Bench, order: Pick<LoadOrder, 'firstSequence' | 'count' | 'durationMs'>): Promise<LoadReport> {
  const { users, remotes, stack } = bench.tenant;
  return bench.load.run({
    port: Number(new URL(stack.urls.gatewayUrl).port),
    connections: Math.min(CONNECTIONS, order.count ?? CONNECTIONS),
    ...order,
    plan: {
      kind: 'text',
      run: `${bench.run}-${(bench.textRuns += 1)}`,
      tokens: users.map(({ token }) => token),
      numbers: users.map(({ number }) => number),
      remotes: [...remotes],
    },
  });
}

/** Waits until every text has its last state; answers how many are in which. */
async function settled({ tenant }: Bench, deadline: number): Promise<Record<string, number>> {
  return tenant.inDatabase(async (client) => {
    for (;;) {
      const { rows } = await client.query(
        `select state, count(*)::int as n from routing.message where platform_id = $1 and direction = 'outbound' group by state`,
        [tenant.platform.id],
      );
      const states = Object.fromEntries(rows.map((row) => [String(row['state']), Number(row['n'])]));
      if (Object.keys(states).every((state) => state === 'delivered') || performance.now() > deadline) return states;
      await wait(250);
    }
  });
}
