import { VirtualClock } from './clock.js';
import { EnablementBook } from './exchange/book.js';
import { Faults } from './faults.js';
import { Journal } from './journal.js';
import type { TwinsOptions } from './options.js';
import { Credentials } from './restcomm/accounts.js';
import { designerUrl, newApplication } from './restcomm/applications.js';
import { Inbound } from './restcomm/inbound.js';
import { Lifecycle } from './restcomm/lifecycle.js';
import { RestcommStore } from './restcomm/store.js';
import type { Account } from './restcomm/types.js';
import { APPLICATION_NAME, SEEDED_ACCOUNTS } from './seed.js';
import { defaultSwitches, type Switches } from './switches.js';
import { Webhooks } from './webhooks.js';
import type { Reply } from './wire.js';

/** Everything both carriers know, and the parts that act on it. */
export class World {
  readonly clock = new VirtualClock();
  readonly faults = new Faults();
  readonly journal = new Journal();
  readonly switches: Switches;
  readonly restcomm: RestcommStore;
  readonly exchange = new EnablementBook(this);
  readonly credentials = new Credentials(this);
  readonly lifecycle = new Lifecycle(this);
  readonly inbound = new Inbound(this);
  readonly webhooks: Webhooks;
  readonly idempotent = new Map<string, { body: string; untilMs: number; reply: Reply }>();
  lastListMetadata: Record<string, string | number> | undefined;
  /** Set by whoever keeps the state file. */
  onChange: (() => void) | undefined;
  private tokens = new Map<string, Account>();
  private tokensVersion = -1;

  constructor(private readonly options: TwinsOptions) {
    this.restcomm = new RestcommStore(options.maxMessages ?? 500_000);
    this.webhooks = new Webhooks(options.webhookConnections);
    this.switches = this.freshSwitches();
    this.seed();
  }

  changed(): void {
    this.onChange?.();
  }

  /** A resource's `uri`, with the servlet context where the switch wants it (Restcomm §1.1). */
  uri(path: string): string {
    return this.switches.uriWithContext ? `/restcomm${path}` : path;
  }

  /** `revoked` and `forbidden` are nobody's. */
  accountByToken(token: string): Account | undefined {
    if (this.tokensVersion !== this.restcomm.accountsVersion) {
      const holders = [...this.restcomm.accounts.values()].filter((account) => account.me_token !== null);
      this.tokens = new Map(holders.map((account) => [account.me_token!, account]));
      this.tokensVersion = this.restcomm.accountsVersion;
    }
    return token === 'revoked' || token === 'forbidden' ? undefined : this.tokens.get(token);
  }

  /** As on the first day: seeded accounts, nothing else. */
  reset(): void {
    this.lifecycle.clear();
    this.inbound.clear();
    this.faults.clear();
    this.journal.clear();
    this.webhooks.clear();
    this.exchange.clear();
    this.idempotent.clear();
    this.lastListMetadata = undefined;
    this.clock.reset();
    Object.assign(this.switches, this.freshSwitches());
    this.restcomm.clear();
    this.seed();
    this.changed();
  }

  private freshSwitches(): Switches {
    const { jobDelayMs, sentDelayMs, deliveredDelayMs } = this.options;
    const timings = Object.entries({ jobDelayMs, sentDelayMs, deliveredDelayMs });
    return defaultSwitches(Object.fromEntries(timings.filter(([, value]) => value !== undefined)));
  }

  private seed(): void {
    const now = this.clock.now();
    for (const { hasApplication, ...account } of SEEDED_ACCOUNTS) {
      this.restcomm.putAccount(account, now);
      if (!hasApplication) continue;
      const app = newApplication(account.sid, APPLICATION_NAME, now);
      app.kind = 'sms';
      app.rcml_url = this.options.rcmlUrl ?? designerUrl(app.sid);
      this.restcomm.applications.set(app.sid, app);
    }
  }
}
