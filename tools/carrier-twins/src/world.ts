/** What every twin shares, and the twins themselves by kind. */
import { VirtualClock } from './clock.js';
import { Faults } from './faults.js';
import { Journal } from './journal.js';
import type { TwinsOptions } from './options.js';
import type { Twin, TwinDefinition } from './twin.js';
import { Webhooks } from './webhooks.js';

export class World {
  readonly clock = new VirtualClock();
  readonly faults = new Faults((kind) => this.twins.get(kind)?.sends);
  readonly journal = new Journal();
  readonly webhooks: Webhooks;
  readonly twins: ReadonlyMap<string, Twin>;
  /** Set by the state file, which saves after changes. */
  onChange: (() => void) | undefined;

  constructor(
    definitions: readonly TwinDefinition[],
    readonly options: TwinsOptions,
  ) {
    this.webhooks = new Webhooks(options.webhookConnections);
    this.twins = new Map(definitions.map((definition) => [definition.kind, definition.start(this)]));
  }

  changed(): void {
    this.onChange?.();
  }

  /** As on the first day: what the twins seed, nothing else. */
  reset(): void {
    this.faults.clear();
    this.journal.clear();
    this.webhooks.clear();
    this.clock.reset();
    for (const twin of this.twins.values()) twin.reset();
    this.changed();
  }
}
