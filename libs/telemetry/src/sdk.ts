import type { NodeSDKConfiguration } from '@opentelemetry/sdk-node';
import { switchTracing } from './tracing.js';

type SpanProcessor = NonNullable<NodeSDKConfiguration['spanProcessors']>[number];

export interface TelemetryOptions {
  /** Reported as `service.name`. */
  service: string;
  /** Where spans go; without one the OTEL_* variables decide (OTLP over HTTP). */
  spanProcessors?: SpanProcessor[];
}

let stop: (() => Promise<void>) | undefined;

/**
 * Turns tracing on for this process. The SDK costs about 200 ms and 40 MiB to load, so it is imported only here.
 * Metrics stay on /metrics and logs on standard output, hence no readers or processors for them.
 */
export async function startTelemetry({ service, spanProcessors }: TelemetryOptions): Promise<void> {
  if (stop) return;
  const { NodeSDK } = await import('@opentelemetry/sdk-node');
  const sdk = new NodeSDK({
    serviceName: service,
    autoDetectResources: false,
    instrumentations: [],
    metricReaders: [],
    logRecordProcessors: [],
    ...(spanProcessors ? { spanProcessors } : {}),
  });
  sdk.start();
  switchTracing(true);
  stop = async () => {
    switchTracing(false);
    await sdk.shutdown();
  };
}

/** Sends what is still buffered and turns tracing off. Does nothing when it is off. */
export async function stopTelemetry(): Promise<void> {
  const stopping = stop;
  stop = undefined;
  await stopping?.();
}
