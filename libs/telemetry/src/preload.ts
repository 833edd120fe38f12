/**
 * `node --import @strowger/telemetry/preload main.js`: tracing for a service when an OTLP endpoint is configured (or
 * STROWGER_TELEMETRY=on, with the exporter chosen by the OTEL_* variables). Otherwise the SDK is not even loaded.
 */
import { environment } from '@strowger/config/environment';

if (environment['OTEL_EXPORTER_OTLP_ENDPOINT'] || environment['STROWGER_TELEMETRY'] === 'on') {
  const { startTelemetry } = await import('./sdk.js');
  await startTelemetry({ service: environment['OTEL_SERVICE_NAME'] ?? 'strowger' });
}
