/** Inbound load, the same for every twin: `concurrency` lanes, at most `ratePerSecond` starts, each waiting for its webhook's answer. */
export interface BatchInput {
  accountSid?: string;
  /** Taken in turn. */
  to: string[];
  from: string[];
  count: number;
  /** Default: as fast as it goes. */
  ratePerSecond?: number;
  /** Webhooks under way at once; default 32. */
  concurrency?: number;
  /** `{n}` becomes the message's index; default `Batch message {n}`. */
  body?: string;
  /** Return every SmsSid; default false. */
  listSids?: boolean;
}

export interface BatchResult {
  sent: number;
  delivered: number;
  failed: number;
  durationMs: number;
  perSecond: number;
  /** Webhook latency, milliseconds. */
  p50Ms: number;
  p99Ms: number;
  maxMs: number;
  smsSids?: string[];
}

export async function runBatch(
  batch: BatchInput,
  receive: (message: {
    accountSid?: string;
    to: string;
    from: string;
    body: string;
  }) => Promise<{ smsSid: string; delivered: boolean }>,
): Promise<BatchResult> {
  const { to, from, count, ratePerSecond, accountSid } = batch;
  const template = batch.body ?? 'Batch message {n}';
  const latencies = new Float64Array(count);
  const smsSids: string[] = [];
  const started = performance.now();
  let next = 0;
  let delivered = 0;

  const lane = async (): Promise<void> => {
    while (next < count) {
      const index = next;
      next += 1;
      if (ratePerSecond !== undefined) await until(started + (index * 1000) / ratePerSecond);
      const begun = performance.now();
      const result = await receive({
        accountSid,
        to: to[index % to.length]!,
        from: from[index % from.length]!,
        body: template.replaceAll('{n}', String(index)),
      });
      latencies[index] = performance.now() - begun;
      if (result.delivered) delivered += 1;
      if (batch.listSids) smsSids.push(result.smsSid);
    }
  };
  await Promise.all(Array.from({ length: Math.min(count, batch.concurrency ?? 32) }, lane));

  const durationMs = performance.now() - started;
  latencies.sort();
  const percentile = (share: number): number => round(latencies[Math.min(count - 1, Math.floor(count * share))] ?? 0);
  return {
    sent: count,
    delivered,
    failed: count - delivered,
    durationMs: round(durationMs),
    perSecond: Math.round((count * 1000) / durationMs),
    p50Ms: percentile(0.5),
    p99Ms: percentile(0.99),
    maxMs: percentile(1),
    smsSids: batch.listSids ? smsSids : undefined,
  };
}

const round = (value: number): number => Math.round(value * 100) / 100;

async function until(atMs: number): Promise<void> {
  const waitMs = atMs - performance.now();
  if (waitMs > 1) await new Promise((resolve) => setTimeout(resolve, waitMs));
}
