export { guarded, inBackground } from './guarded.js';
export { Health, type Readiness } from './health.js';
export { type Log, logger, nestLogger, serializeError, setLogLevel } from './logger.js';
export {
  counter,
  type Counter,
  gauge,
  type Gauge,
  histogram,
  type Histogram,
  type Labels,
  renderMetrics,
} from './metrics.js';
export { startProcessMetrics } from './process-metrics.js';
export { startTelemetry, stopTelemetry, type TelemetryOptions } from './sdk.js';
export { currentSpanIds, span, type SpanOptions, telemetryOn, traceparent, withTraceparent } from './tracing.js';
