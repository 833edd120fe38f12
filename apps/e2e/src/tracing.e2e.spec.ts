import { until } from '@strowger/api-client';
import { startCollector, type RecordedSpan } from '@strowger/telemetry/testing';
import { FollowingClient } from './client.fixtures.js';
import { e2e } from './world.fixtures.js';

type Collector = Awaited<ReturnType<typeof startCollector>>;

const SERVICES = ['gateway', 'hierarchy', 'provisioning', 'ingestion', 'routing', 'notification'];
let collector: Collector | undefined;
const stack = e2e('tracing', 25_000, async () => {
  collector = await startCollector();
  const named = (service: string) => ({ ...collector!.env, OTEL_SERVICE_NAME: service });
  return Object.fromEntries(SERVICES.map((service) => [service, named(service)]));
});
afterAll(() => collector?.stop());

const tracesOf = (spans: readonly RecordedSpan[], service: string, name: RegExp): Set<string> =>
  new Set(spans.filter((span) => span.service === service && name.test(span.name)).map(({ traceId }) => traceId));

const inTrace = (traceId: string): string[] =>
  collector!.spans.filter((span) => span.traceId === traceId).map((span) => `${span.service}: ${span.name}`);

describe('one trace', () => {
  beforeAll(() => stack.world.settleIn(), 120_000);

  stack.holds('of an inbound text reaches from the webhook to the push on the socket', async (world) => {
    const client = new FollowingClient(world.addresses.gatewayUrl, world.clientToken);
    try {
      await until('the socket', async () => client.connections > 0);
      const before = tracesOf(collector!.spans, 'ingestion', /./);
      expect(
        await world.post({ sid: 'SMtraced', from: '14155551234', to: `1${world.number.number}`, body: 'Follow me' }),
      ).toBe(200);
      await until('the text on the socket', async () => client.created.some(({ text }) => text === 'Follow me'));
      const traceId = await until('the span of the webhook', async () =>
        [...tracesOf(collector!.spans, 'ingestion', /./)].find((id) => !before.has(id)),
      );
      const whole = [/^ingestion: /, /^routing: consume routing-deliveries/, /^gateway: .*push/];
      await until(
        'the whole trace',
        async () => whole.every((part) => inTrace(traceId).some((span) => part.test(span))),
        5000,
      ).catch(() => undefined);
      for (const part of whole) expect(inTrace(traceId)).toContainEqual(expect.stringMatching(part));
    } finally {
      await client.stop();
    }
  });

  stack.holds('of an assignment reaches from the request through the saga to the carrier', async (world) => {
    const since = new Set(collector!.spans.map(({ traceId }) => traceId));
    const before = (await world.twins.requests({})).at(-1)?.seq ?? 0;
    await world.assign(world.phone());
    expect((await world.twins.requests({ since: before, operation: 'numbers.create' })).length).toBe(1);
    const asked = await until('the span of the request', async () =>
      collector!.spans.find(
        ({ service, name, traceId }) => service === 'gateway' && /assign-number/.test(name) && !since.has(traceId),
      ),
    );
    const whole = [
      /^gateway: POST/,
      /^provisioning: .*assign-number/,
      /^provisioning: .*(saga|provision-number)/,
      /^provisioning: .*carrier/,
    ];
    await until(
      'the whole trace',
      async () => whole.every((part) => inTrace(asked.traceId).some((span) => part.test(span))),
      5000,
    ).catch(() => undefined);
    for (const part of whole) expect(inTrace(asked.traceId)).toContainEqual(expect.stringMatching(part));
  });
});
