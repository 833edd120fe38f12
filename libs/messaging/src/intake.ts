import { Durable, type DurableSpec } from './durable.js';
import type { Messaging } from './messaging.js';
import { UnsettledMessages, type StallWatch, type Unsettled } from './unsettled.js';

/** What a runner gets from the server: the durable consumers it pulls from, and the messages it holds of them. */
export class Intake {
  readonly durables: readonly Durable[];
  readonly unsettled: UnsettledMessages;

  /** @param accept gets each message once while it is held */
  constructor(
    messaging: Messaging,
    specs: readonly DurableSpec[],
    accept: (entry: Unsettled, durable: Durable) => void,
    stalls?: StallWatch,
    onLost?: () => void,
  ) {
    this.unsettled = new UnsettledMessages(specs[0]!.ackWaitSeconds, stalls);
    const onMessage: ConstructorParameters<typeof Durable>[2] = (message, durable) => {
      const entry = this.unsettled.add(message);
      if (entry) accept(entry, durable);
    };
    this.durables = specs.map((spec) => new Durable(messaging, spec, onMessage, onLost));
  }

  async idle(): Promise<boolean> {
    if (this.unsettled.size > 0) return false;
    for (const durable of this.durables) if (await durable.hasWork()) return false;
    return true;
  }

  /** Lets other processes pull what only one may. Call when all is settled. */
  async release(): Promise<void> {
    await Promise.all(this.durables.map((durable) => durable.release()));
  }

  /** Stops pulling. What is held stays held until `unsettled.stop()`. */
  async close(): Promise<void> {
    await Promise.all(this.durables.map((durable) => durable.stop()));
  }
}
