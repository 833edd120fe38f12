import { batchConsumerOf, consumerOf, handlersOf, type BatchHandler } from './decorators.js';
import { BatchRunner } from './batch-runner.js';
import { ConsumerRunner } from './consumer-runner.js';
import type { InboxTransaction } from './inbox.js';
import type { Messaging } from './messaging.js';
import type { Publisher } from './publisher.js';

type Runner = ConsumerRunner | BatchRunner;

/** The consumers of one process. Start-up fails on a class without handlers or a name used twice. */
export class Consumers {
  private readonly runners: Runner[] = [];
  private readonly forget: (() => void)[] = [];

  constructor(
    private readonly messaging: Messaging,
    private readonly publisher: Publisher,
    private readonly inbox?: InboxTransaction,
  ) {}

  /** Starts those of the instances whose class is a @Consumer or a @BatchConsumer; they run once NATS is there. */
  start(instances: readonly object[]): void {
    for (const instance of instances) {
      const runner = this.runnerOf(instance);
      if (!runner) continue;
      this.runners.push(runner);
      this.forget.push(this.messaging.addIdleSource(runner));
    }
  }

  /** Resolves when all of them pull. */
  async started(): Promise<void> {
    await Promise.all(this.runners.flatMap((runner) => runner.durables.map((durable) => durable.started())));
  }

  /** Stops pulling, hands back what has not begun and waits for what has. */
  async stop(deadlineMs = 15_000): Promise<void> {
    const runners = this.runners.splice(0);
    for (const forget of this.forget.splice(0)) forget();
    await Promise.all(runners.map((runner) => runner.stop(deadlineMs)));
    if (this.messaging.connected) await this.messaging.nc.flush().catch(() => undefined);
  }

  private runnerOf(instance: object): Runner | undefined {
    const target = instance.constructor;
    const batch = batchConsumerOf(target);
    const definition = consumerOf(target);
    const name = batch?.name ?? definition?.name;
    if (name === undefined) return undefined;
    if (this.runners.some((runner) => runner.name === name)) throw new Error(`Two consumers are called '${name}'.`);
    if (batch) return new BatchRunner(this.messaging, this.publisher, batch, instance as BatchHandler);
    const handlers = handlersOf(target);
    if (handlers.length === 0) throw new Error(`The consumer '${name}' has no @Handles method.`);
    const types = handlers.map(({ contract }) => contract.type);
    if (new Set(types).size < types.length) throw new Error(`The consumer '${name}' handles a type twice.`);
    return new ConsumerRunner(this.messaging, this.publisher, this.inbox, definition!, instance, handlers);
  }
}
