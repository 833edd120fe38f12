import { type RecordedSpan, recordSpans } from './testing.js';
import { currentSpanIds, span, telemetryOn, traceparent, withTraceparent } from './tracing.js';

const PARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

it('is off, and passes through, until started', async () => {
  expect(telemetryOn()).toBe(false);
  expect(withTraceparent(PARENT, 'x', () => traceparent())).toBeUndefined();
  await expect(span('x', async () => 1)).resolves.toBe(1);
});

describe('tracing', () => {
  let recording: { spans: RecordedSpan[]; stop(): Promise<void> };
  beforeAll(async () => (recording = await recordSpans()));
  beforeEach(() => (recording.spans.length = 0));
  afterAll(() => recording.stop());

  it('continues a trace across awaits and hands it on', async () => {
    const onward = await withTraceparent(PARENT, 'outer', async () => {
      await Promise.resolve();
      return span('inner', async () => [traceparent(), currentSpanIds()?.traceid]);
    });
    const [inner, outer] = recording.spans;
    expect(inner).toMatchObject({
      name: 'inner',
      traceId: '0af7651916cd43dd8448eb211c80319c',
      parentSpanId: outer!.spanId,
    });
    expect(outer).toMatchObject({ name: 'outer', parentSpanId: 'b7ad6b7169203331' });
    expect(onward).toEqual([`00-${inner!.traceId}-${inner!.spanId}-01`, inner!.traceId]);
  });

  it('links a redelivery to the first try instead of continuing it', () => {
    withTraceparent(PARENT, 'again', () => undefined, undefined, { linked: true });
    expect(recording.spans[0]).toMatchObject({ parentSpanId: undefined, links: ['0af7651916cd43dd8448eb211c80319c'] });
    expect(recording.spans[0]!.traceId).not.toBe('0af7651916cd43dd8448eb211c80319c');
  });

  it.each([undefined, '', 'nonsense', '00-00000000000000000000000000000000-b7ad6b7169203331-01'])(
    'starts a trace of its own for %p',
    (given) => {
      withTraceparent(given, 'fresh', () => undefined);
      expect(recording.spans[0]).toMatchObject({ name: 'fresh', parentSpanId: undefined });
    },
  );

  it('records of a failure its code, not its message', async () => {
    const failure = Object.assign(new Error('canary'), { code: 'number-taken' });
    await expect(span('failing', () => Promise.reject(failure))).rejects.toBe(failure);
    expect(recording.spans[0]!.attributes).toEqual({ 'error.type': 'number-taken' });
  });
});
