import { setTimeout as wait } from 'node:timers/promises';
import type { Bench } from './bench.js';
import { watchCpu } from './cpu.js';

/** Queued through the API while somebody else holds the platform's right to send; then let go. */
export async function measureOutbound(bench: Bench, floor: number): Promise<void> {
  const { sizes, report, tenant, load } = bench;
  const { twins, platform, users, remotes } = tenant;
  const atTwin = async (): Promise<number> => (await twins.state()).messages;
  const before = await atTwin();
  const CONNECTIONS = 64;
  await tenant.sql(
    `update routing.platform set sender = 'bench', sender_until = now() + interval '1 hour' where platform_id = $1`,
    [platform.id],
  );
  const queue = (firstSequence: number, count: number): ReturnType<typeof load.run> =>
    load.run({
      port: Number(new URL(tenant.stack.urls.gatewayUrl).port),
      connections: Math.min(CONNECTIONS, count),
      firstSequence,
      count,
      plan: {
        kind: 'text',
        run: `${bench.run}-${before}`,
        tokens: users.map(({ token }) => token),
        numbers: users.map(({ number }) => number),
        remotes: [...remotes],
      },
    });
  const queueing = watchCpu(tenant.stack);
  const queued = await queue(0, sizes.outbound);
  const queueingUsed = queueing();
  if (queued.accepted !== sizes.outbound)
    report.fail(`outbound.queue: of ${queued.sent} texts ${queued.accepted} were queued. ${queued.refusal ?? ''}`);
  report.add('outbound.queue', 'messages/s', queued.perSecond, floor, {
    connections: CONNECTIONS,
    p50: queued.p50Ms,
    p99: queued.p99Ms,
    cpu: queueingUsed.text,
  });
  if ((await atTwin()) !== before) report.fail('outbound.send: texts went out while the sender was held back');
  await tenant.sql(`update routing.platform set sender = null, sender_until = null where platform_id = $1`, [
    platform.id,
  ]);
  const startedAt = performance.now();
  const deadline = startedAt + 120_000;
  const sending = watchCpu(tenant.stack);
  let first: { at: number; there: number } | undefined;
  let there = 0;
  // A lease taken away by hand is noticed by a sweep; a text that comes in wakes the sender, as it does in life.
  const expected = queued.accepted + (await queue(sizes.outbound, 1)).accepted;
  while (there < expected && performance.now() < deadline) {
    there = (await atTwin()) - before;
    if (there > 0) first ??= { at: performance.now(), there };
    await wait(100);
  }
  const doneAt = performance.now();
  const used = sending();
  const perSecond = (there / (doneAt - startedAt)) * 1000;
  const onceUnderWay = first ? ((there - first.there) / (doneAt - first.at)) * 1000 : 0;
  const states = await settled(bench, deadline);
  const deliveredAt = performance.now();
  there = (await atTwin()) - before;
  if (there !== expected) report.fail(`outbound.send: ${expected} texts were queued, the carrier has ${there}`);
  const open = Object.entries(states).filter(([state]) => state !== 'delivered');
  if (open.length > 0) report.fail(`outbound.send: not delivered: ${open.map((entry) => entry.join(' ')).join(', ')}`);
  report.add(
    'outbound.send',
    'messages/s',
    perSecond,
    floor,
    {
      messages: there,
      cpu: used.text,
      waitedMs: Math.round((first?.at ?? doneAt) - startedAt),
      onceUnderWay,
      deliveredPerSecond: Math.round((there / (deliveredAt - startedAt)) * 1000),
    },
    { of: 'value', least: 2000 },
  );
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
