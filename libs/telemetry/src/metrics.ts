/**
 * Metrics in the Prometheus text format 0.0.4, always on. A small registry of our own, because OpenTelemetry's metrics SDK and its
 * Prometheus exporter cost 50 ms and 30 MiB per process before the first number. Labels stay few: never a tenant, a
 * number or an id.
 */
export type Labels = Readonly<Record<string, string | number>>;

export interface Counter {
  inc(by?: number): void;
  inc(labels: Labels, by?: number): void;
}
export interface Gauge extends Counter {
  set(value: number): void;
  set(labels: Labels, value: number): void;
  dec(by?: number): void;
  dec(labels: Labels, by?: number): void;
}
export interface Histogram {
  observe(value: number): void;
  observe(labels: Labels, value: number): void;
  /** Starts a clock; the returned function observes the seconds since. */
  startTimer(labels?: Labels): (more?: Labels) => number;
}

/** What a gauge's `collect` may return when it is read: one value, or one per label set. */
export type Reading = number | readonly (readonly [Labels, number])[] | undefined;

/** Seconds, for requests: from a millisecond to the longest timeout. */
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const NAME = /^[a-z_][a-z0-9_]*$/;

interface Metric {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  lines(name: string): Promise<string[]> | string[];
}

const registry = new Map<string, Metric>();

function registered<M extends Metric>(name: string, make: () => M): M {
  const existing = registry.get(name);
  const metric = (existing ?? make()) as M;
  if (existing && existing.type !== make().type)
    throw new Error(`The metric ${name} is already registered as a ${existing.type}.`);
  if (!NAME.test(name)) throw new Error(`'${name}' is not a metric name: lower-case letters, digits and underscores.`);
  registry.set(name, metric);
  return metric;
}

const TO_ESCAPE = /[\\"\n]/;
function escape(value: string | number): string {
  const text = String(value);
  if (!TO_ESCAPE.test(text)) return text;
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

function keyOf(labels: Labels | undefined): string {
  if (!labels) return '';
  let key = '';
  for (const name of Object.keys(labels).sort()) key += `${key ? ',' : ''}${name}="${escape(labels[name]!)}"`;
  return key;
}

class Values implements Metric, Gauge {
  private readonly values = new Map<string, number>();

  constructor(
    readonly type: 'counter' | 'gauge',
    readonly help: string,
    public collect?: () => Reading | Promise<Reading>,
  ) {
    if (type === 'counter') this.values.set('', 0);
  }

  inc(labels?: Labels | number, by?: number): void {
    this.add(labels, by ?? 1, 1);
  }
  dec(labels?: Labels | number, by?: number): void {
    this.add(labels, by ?? 1, -1);
  }
  set(labels: Labels | number, value?: number): void {
    if (typeof labels === 'number') this.values.set('', labels);
    else this.values.set(keyOf(labels), value ?? 0);
  }
  private add(labels: Labels | number | undefined, by: number, sign: number): void {
    const amount = typeof labels === 'number' ? labels : by;
    const key = typeof labels === 'number' ? '' : keyOf(labels);
    if (key) this.unlabelled();
    this.values.set(key, (this.values.get(key) ?? 0) + sign * amount);
  }
  /** The zero an unlabelled counter starts from would be a wrong series beside labelled ones. */
  private unlabelled(): void {
    if (this.values.get('') === 0) this.values.delete('');
  }

  async lines(name: string): Promise<string[]> {
    if (this.collect) {
      const reading = await this.collect();
      if (typeof reading === 'number') this.set(reading);
      else if (reading) {
        this.values.clear();
        for (const [labels, value] of reading) this.set(labels, value);
      }
    }
    return [...this.values].map(([key, value]) => `${name}${key && `{${key}}`} ${value}`);
  }
}

class Buckets implements Metric, Histogram {
  readonly type = 'histogram';
  private readonly series = new Map<string, { counts: number[]; sum: number; count: number }>();

  constructor(
    readonly help: string,
    private readonly bounds: readonly number[],
  ) {}

  observe(labels: Labels | number, value?: number): void {
    const observed = typeof labels === 'number' ? labels : (value ?? 0);
    const key = typeof labels === 'number' ? '' : keyOf(labels);
    let series = this.series.get(key);
    if (!series) this.series.set(key, (series = { counts: this.bounds.map(() => 0), sum: 0, count: 0 }));
    const bucket = this.bounds.findIndex((bound) => observed <= bound);
    if (bucket >= 0) series.counts[bucket]!++;
    series.sum += observed;
    series.count++;
  }
  startTimer(labels: Labels = {}): (more?: Labels) => number {
    const started = performance.now();
    return (more = {}) => {
      const seconds = (performance.now() - started) / 1000;
      this.observe({ ...labels, ...more }, seconds);
      return seconds;
    };
  }

  lines(name: string): string[] {
    return [...this.series].flatMap(([key, { counts, sum, count }]) => {
      const prefix = key && `${key},`;
      let below = 0;
      const buckets = this.bounds.map((bound, i) => `${name}_bucket{${prefix}le="${bound}"} ${(below += counts[i]!)}`);
      const braces = key && `{${key}}`;
      return [
        ...buckets,
        `${name}_bucket{${prefix}le="+Inf"} ${count}`,
        `${name}_sum${braces} ${sum}`,
        `${name}_count${braces} ${count}`,
      ];
    });
  }
}

/** Only goes up; end the name in `_total`. The same name gives the same counter. */
export const counter = (name: string, help: string): Counter => registered(name, () => new Values('counter', help));

/** @param collect read at scrape time instead of set; the newest one wins when a service is started twice in a test. */
export function gauge(name: string, help: string, collect?: () => Reading | Promise<Reading>): Gauge {
  const metric = registered(name, () => new Values('gauge', help, collect));
  if (collect) metric.collect = collect;
  return metric;
}

/** @param buckets upper bounds, ascending; seconds from 1 ms to 30 s when not given. */
export const histogram = (name: string, help: string, buckets: readonly number[] = SECONDS): Histogram =>
  registered(name, () => new Buckets(help, buckets));

/** The page of /metrics. A gauge whose reading fails is left out rather than failing the scrape. */
export async function renderMetrics(): Promise<string> {
  const parts = await Promise.all(
    [...registry].map(async ([name, metric]) => {
      const lines = await Promise.resolve()
        .then(() => metric.lines(name))
        .catch(() => []);
      return lines.length === 0
        ? ''
        : `# HELP ${name} ${metric.help.replaceAll('\n', ' ')}\n# TYPE ${name} ${metric.type}\n${lines.join('\n')}\n`;
    }),
  );
  return parts.join('');
}
