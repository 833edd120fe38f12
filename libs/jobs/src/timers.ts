import { AsyncLocalStorage } from 'node:async_hooks';
import { type BeforeApplicationShutdown, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { counter, guarded, logger } from '@strowger/telemetry';

const log = logger('timers');
const failures = counter('timer_failures_total', 'Runs of in-process timers that threw');

interface Timer {
  name: string;
  everyMs: number;
  work: () => Promise<unknown>;
  next?: NodeJS.Timeout;
  running?: Promise<void>;
}

/** In-process timers for sweepers: each runs alone, none keeps the process alive, all end with the application. */
@Injectable()
export class Timers implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly timers = new Map<string, Timer>();
  private readonly outside = AsyncLocalStorage.snapshot();
  private started = false;
  private stopped = false;

  /**
   * First after a random part of the period, then a period (±10 %) after each run's end, so that replicas spread out.
   * A run that throws is logged and counted; the next comes as usual.
   * @returns stops this timer
   */
  everySeconds(seconds: number, name: string, work: () => Promise<unknown>): () => void {
    if (this.timers.has(name)) throw new Error(`Two timers are named '${name}'.`);
    const timer: Timer = { name, everyMs: seconds * 1000, work };
    this.timers.set(name, timer);
    if (this.started) this.arm(timer, Math.random());
    return () => {
      clearTimeout(timer.next);
      this.timers.delete(name);
    };
  }

  /** Runs it now, or waits for the run that is under way; for tests and operators. */
  async runNow(name: string): Promise<void> {
    const timer = this.timers.get(name);
    if (!timer) throw new Error(`No timer is named '${name}'.`);
    await this.run(timer);
  }

  onApplicationBootstrap(): void {
    this.started = true;
    for (const timer of this.timers.values()) this.arm(timer, Math.random());
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopped = true;
    for (const timer of this.timers.values()) clearTimeout(timer.next);
    await Promise.all([...this.timers.values()].map((timer) => timer.running));
  }

  private arm(timer: Timer, share: number): void {
    if (this.stopped || this.timers.get(timer.name) !== timer) return;
    clearTimeout(timer.next);
    const run = guarded(timer.name, () => this.run(timer));
    timer.next = this.outside(() => setTimeout(run, timer.everyMs * share)).unref();
  }

  private run(timer: Timer): Promise<void> {
    if (this.stopped) return Promise.resolve();
    timer.running ??= this.outside(async () => {
      try {
        await timer.work();
      } catch (error) {
        failures.inc({ timer: timer.name });
        log.error({ err: error, timer: timer.name }, 'timer-failed');
      } finally {
        timer.running = undefined;
        if (this.started) this.arm(timer, 0.9 + 0.2 * Math.random());
      }
    });
    return timer.running;
  }
}
