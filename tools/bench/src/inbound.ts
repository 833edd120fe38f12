import { setTimeout as wait } from 'node:timers/promises';
import { headers } from '@nats-io/nats-core';
import { jetstream } from '@nats-io/jetstream';
import { type Bench, CONNECTIONS, MOST_IN_FLIGHT } from './bench.js';
import { watchCpu } from './cpu.js';

/** F and ingest.accept, in turns, so that what else the machine does meets both. Routing is away meanwhile. */
export async function measureAccepting(bench: Bench, withIngest: boolean): Promise<number> {
  const { sizes, report, stack } = bench;
  const closed = { warmUpMs: sizes.warmUpMs, durationMs: sizes.measureMs };
  await bench.floorPort();
  if (withIngest) await bench.stopService('routing');
  const floors: number[] = [];
  const floorMicros: number[] = [];
  const accepts: Accepting[] = [];
  const acceptedBefore = bench.accepted;
  for (let round = 0; round < sizes.rounds; round++) {
    const watched = watchCpu(stack, [{ name: 'floor', pid: await bench.floorPid() }]);
    const { perSecond, accepted } = await bench.webhooks('floor', closed);
    floors.push(perSecond);
    floorMicros.push(((watched().seconds.get('floor') ?? 0) / accepted) * 1e6);
    if (withIngest) accepts.push(await acceptingRound(bench, closed));
  }
  const floor = Math.max(...floors);
  // On a busy machine processor time says more than the clock does.
  const cpuMicros = Math.min(...floorMicros);
  report.add('F', 'requests/s', floor, floor, {
    rounds: floors.map(Math.round).join(' / '),
    connections: CONNECTIONS,
    cpuMicros,
  });
  if (!withIngest) return floor;
  // Deliveries that are answered without the stream's ack do not count, so such a round can't win by it.
  const { perSecond, ...extra } = accepts.reduce((a, b) => (a.perSecond > b.perSecond ? a : b));
  report.add(
    'ingest.accept',
    'accepts/s',
    perSecond,
    floor,
    { ...extra, cpuRatio: cpuMicros / extra.cpuMicros },
    { of: 'ratio', least: 0.5 },
  );
  const backlog = bench.accepted - acceptedBefore;
  await stack.startService('routing');
  const startedAt = performance.now();
  const cpu = watchCpu(stack);
  await bench.routed();
  const used = cpu();
  const seconds = (performance.now() - startedAt) / 1000;
  await bench.checkStored('inbound.backlog');
  report.add('inbound.backlog', 'messages/s', backlog / seconds, floor, {
    messages: backlog,
    cpuMicros: used.microsFor(backlog),
    cpu: used.text,
  });
  return floor;
}

interface Accepting {
  /** Answered after disk and stream. */
  perSecond: number;
  p50: number;
  p99: number;
  answeredWithoutAck: number;
  /** Of ingestion's process, for one delivery. */
  cpuMicros: number;
  cpu: string;
}

async function acceptingRound(bench: Bench, order: { warmUpMs: number; durationMs: number }): Promise<Accepting> {
  const withoutAck = (): Promise<number> => bench.metric('ingestion', 'ingestion_answered_without_ack_total');
  const before = await withoutAck();
  const cpu = watchCpu(bench.stack);
  const { perSecond, measuredMs, p50Ms, p99Ms, accepted } = await bench.webhooks('ingestion', order);
  const used = cpu();
  const answeredWithoutAck = (await withoutAck()) - before;
  const cpuMicros = ((used.seconds.get('ingestion') ?? 0) / accepted) * 1e6;
  const counted = Math.max(0, perSecond - (answeredWithoutAck / measuredMs) * 1000);
  return { perSecond: counted, p50: p50Ms, p99: p99Ms, answeredWithoutAck, cpuMicros, cpu: used.text };
}

/** Webhook → disk and stream → routing → database → gateway → the client's socket. Answers the sustained rate. */
export async function measureEndToEnd(
  bench: Bench,
  floor: number,
  what: { throughput: boolean; latency: boolean },
): Promise<void> {
  const { sizes, report, tenant, load } = bench;
  await bench.routed();
  const cursors = await tenant.cursors();
  await load.connect(
    tenant.stack.urls.gatewayUrl,
    tenant.users.map(({ token }, i) => ({ token, cursor: cursors[i]! })),
  );
  try {
    const before = await streamed(bench);
    const cpu = watchCpu(bench.stack);
    const sustained = await bench.webhooks('ingestion', {
      warmUpMs: sizes.warmUpMs,
      durationMs: what.throughput ? sizes.inboundMs : sizes.measureMs,
      maxInFlight: MOST_IN_FLIGHT,
      awaitFrames: true,
    });
    const used = cpu();
    checkFrames(bench, 'inbound.end-to-end', sustained);
    const perSecond = sustained.sightings!.perSecond;
    await bench.routed();
    await bench.checkStored('inbound.end-to-end');
    if (what.throughput) {
      const { p50Ms: p50, p99Ms: p99 } = sustained.sightings!;
      const together = sustained.sent / ((await streamed(bench)).messages - before.messages);
      const extra = {
        clients: tenant.users.length,
        messages: sustained.sent,
        together,
        p50,
        p99,
        cpuMicros: used.microsFor(sustained.accepted),
        cpu: used.text,
      };
      report.add('inbound.end-to-end', 'messages/s', perSecond, floor, extra, { of: 'ratio', least: 0.3 });
    }
    if (!what.latency) return;
    await wait(1000);
    const ratePerSecond = Math.floor(perSecond / 2);
    const open = { warmUpMs: sizes.warmUpMs / 2, durationMs: sizes.latencyMs, ratePerSecond };
    const bare = await bench.webhooks('floor', { ...open, durationMs: sizes.measureMs });
    const paced = await bench.webhooks('ingestion', { ...open, awaitFrames: true });
    checkFrames(bench, 'inbound.latency', paced);
    const { p50Ms, p99Ms, maxMs } = paced.sightings!;
    const extra = { ratePerSecond, messages: paced.sent, acceptP50: paced.p50Ms, acceptP99: paced.p99Ms };
    report.add('inbound.latency.p50', 'ms', p50Ms, bare.p50Ms, extra);
    report.add('inbound.latency.p99', 'ms', p99Ms, bare.p99Ms, { ...extra, max: maxMs }, { of: 'value', most: 25 });
    await bench.routed();
    await bench.checkStored('inbound.latency');
  } finally {
    await load.disconnect();
  }
}

/** What the stream of deliveries holds. */
const streamed = async (bench: Bench): Promise<{ messages: number; bytes: number }> =>
  (await (await bench.jsm()).streams.info('INGESTION')).state;

function checkFrames(
  bench: Bench,
  what: string,
  { sightings, sent, accepted, dropped }: Awaited<ReturnType<Bench['webhooks']>>,
): void {
  const { missing, duplicates, strays, frames } = sightings!;
  if (missing + duplicates + strays > 0 || frames !== accepted)
    bench.report.fail(
      `${what}: of ${sent} sent and ${accepted} accepted, ${frames} were seen; ${missing} missing, ${duplicates} twice, ${strays} at the wrong client`,
    );
  if (dropped > 0) bench.report.fail(`${what}: ${dropped} client sockets were closed by the gateway`);
}

/** NATS goes away, webhooks are answered from the spool, NATS comes back. */
export async function measureDrain(bench: Bench): Promise<void> {
  const { sizes, report, stack } = bench;
  await bench.routed();
  const { messages, bytes } = await streamed(bench);
  const server = stack.servers.find(({ url }) => url === stack.urls.natsUrl);
  if (!server) throw new Error('the NATS server is not ours to stop');
  await server.stop();
  const sent = await bench.webhooks('ingestion', { count: sizes.drain });
  const spooled = await bench.metric('ingestion', 'ingestion_unacked_deliveries');
  if (spooled !== sizes.drain) report.fail(`drain: ${sizes.drain} webhooks were sent, ${spooled} are in the spool`);
  await server.start();
  const startedAt = performance.now();
  const deadline = startedAt + 180_000;
  let begunAt: number | undefined;
  for (let left = spooled; left > 0; await wait(20)) {
    left = await bench.metric('ingestion', 'ingestion_unacked_deliveries');
    if (left < spooled) begunAt ??= performance.now();
    if (performance.now() > deadline) return report.fail(`drain: ${left} deliveries are still in the spool`);
  }
  const drainedAt = performance.now();
  await bench.routed();
  const storedAt = performance.now();
  await bench.checkStored('drain');
  const now = await streamed(bench);
  const together = sizes.drain / (now.messages - messages);
  const messageBytes = Math.round((now.bytes - bytes) / (now.messages - messages));
  const floor = together * (await barePublishing(bench, now.messages - messages, messageBytes));
  const rate = (until: number): number => (sizes.drain / (until - startedAt)) * 1000;
  const extra = {
    messages: sizes.drain,
    acceptedPerSecondMeanwhile: Math.round(sent.perSecond),
    reconnectMs: Math.round((begunAt ?? drainedAt) - startedAt),
    together,
    messageBytes,
  };
  report.add('drain', 'messages/s', rate(drainedAt), floor, extra, { of: 'value', least: 5000 });
  report.add('drain.stored', 'messages/s', rate(storedAt), floor);
}

/** As many messages of the same size straight to a stream, with the library, as many under way as ingestion has. */
async function barePublishing(bench: Bench, count: number, size: number): Promise<number> {
  const WINDOW = 4096;
  const nc = await bench.natsConnection();
  const jsm = await bench.jsm();
  await jsm.streams.add({ name: 'BENCH', subjects: ['bench.floor'] });
  try {
    const js = jetstream(nc);
    const payload = new Uint8Array(size - headers().toString().length).fill(0x61);
    const startedAt = performance.now();
    let next = 0;
    const publish = async (): Promise<void> => {
      while (next < count) await js.publish('bench.floor', payload, { msgID: `bench-${next++}` });
    };
    await Promise.all(Array.from({ length: WINDOW }, publish));
    return (count / (performance.now() - startedAt)) * 1000;
  } finally {
    await jsm.streams.delete('BENCH');
  }
}
