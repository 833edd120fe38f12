import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startTelemetry, stopTelemetry } from './sdk.js';

/** One finished span, as a test wants to see it. */
export interface RecordedSpan {
  service: string;
  name: string;
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  /** Trace ids this span links to. */
  links: string[];
  attributes: Record<string, unknown>;
}

/** Tracing of this process into memory. `stop` turns it off again. */
export async function recordSpans(service = 'test'): Promise<{ spans: RecordedSpan[]; stop(): Promise<void> }> {
  const spans: RecordedSpan[] = [];
  await startTelemetry({
    service,
    spanProcessors: [
      {
        onStart: () => undefined,
        onEnd: (ended) => {
          const { traceId, spanId } = ended.spanContext();
          const links = ended.links.map((link) => link.context.traceId);
          spans.push({
            service,
            name: ended.name,
            traceId,
            spanId,
            parentSpanId: ended.parentSpanContext?.spanId,
            links,
            attributes: { ...ended.attributes },
          });
        },
        forceFlush: () => Promise.resolve(),
        shutdown: () => Promise.resolve(),
      },
    ],
  });
  return { spans, stop: stopTelemetry };
}

interface OtlpAttribute {
  key: string;
  value: Record<string, unknown>;
}
interface OtlpTraces {
  resourceSpans?: {
    resource?: { attributes?: OtlpAttribute[] };
    scopeSpans?: {
      spans?: {
        name: string;
        traceId: string;
        spanId: string;
        parentSpanId?: string;
        links?: { traceId: string }[];
        attributes?: OtlpAttribute[];
      }[];
    }[];
  }[];
}

const plain = (attributes: OtlpAttribute[] = []): Record<string, unknown> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));

/**
 * An OTLP/HTTP collector in this process. Give other processes `env`; their spans arrive in `spans`, so a test can
 * follow one trace through all of them.
 */
export async function startCollector(): Promise<{
  url: string;
  env: Record<string, string>;
  spans: RecordedSpan[];
  stop(): Promise<void>;
}> {
  const spans: RecordedSpan[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const traces = JSON.parse(Buffer.concat(chunks).toString()) as OtlpTraces;
      for (const resource of traces.resourceSpans ?? []) {
        const service = String(plain(resource.resource?.attributes)['service.name']);
        for (const each of resource.scopeSpans?.flatMap((scope) => scope.spans ?? []) ?? [])
          spans.push({
            service,
            name: each.name,
            traceId: each.traceId,
            spanId: each.spanId,
            parentSpanId: each.parentSpanId || undefined,
            links: (each.links ?? []).map((link) => link.traceId),
            attributes: plain(each.attributes),
          });
      }
      response.setHeader('content-type', 'application/json').end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: url,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_EXPORTER_OTLP_COMPRESSION: 'none',
    // Fast enough to wait for in a test.
    OTEL_BSP_SCHEDULE_DELAY: '50',
  };
  const stop = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  };
  return { url, env, spans, stop };
}
