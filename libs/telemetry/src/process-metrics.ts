import { monitorEventLoopDelay, PerformanceObserver } from 'node:perf_hooks';
import { gauge, histogram } from './metrics.js';

let started = false;

/** Memory, CPU, event loop delay and garbage collection of this process, under the names Prometheus users know. */
export function startProcessMetrics(): void {
  if (started) return;
  started = true;
  const delay = monitorEventLoopDelay({ resolution: 20 });
  delay.enable();
  gauge('process_resident_memory_bytes', 'Resident memory.', () => process.memoryUsage.rss());
  gauge('nodejs_heap_used_bytes', 'JavaScript heap in use.', () => process.memoryUsage().heapUsed);
  gauge('process_cpu_seconds', 'CPU time used since start.', () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  gauge('process_uptime_seconds', 'Time since start.', () => process.uptime());
  gauge('nodejs_eventloop_delay_seconds', 'Event loop delay since the last scrape.', () => {
    const at = (q: number): number => delay.percentile(q) / 1e9;
    const reading = [
      [{ percentile: '50' }, at(50)],
      [{ percentile: '99' }, at(99)],
      [{ percentile: '100' }, delay.max / 1e9],
    ] as const;
    delay.reset();
    return reading;
  });
  const pauses = histogram('nodejs_gc_duration_seconds', 'Garbage collection pauses.', [0.001, 0.01, 0.1, 1]);
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) pauses.observe(entry.duration / 1000);
  }).observe({ entryTypes: ['gc'] });
}
