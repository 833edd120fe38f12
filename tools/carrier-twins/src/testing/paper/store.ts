import type { World } from '../../world.js';
import { Hooks } from './hooks.js';
import { type Account, type HeldNumber, type Message, newId, type PaperSwitches } from './types.js';

/** Everything that Paper holds. */
export class PaperStore {
  readonly accounts = new Map<string, Account>();
  readonly numbers = new Map<string, HeldNumber>();
  /** Numbers that another customer of the carrier holds. */
  readonly heldElsewhere = new Set<string>();
  /** By id, oldest first. */
  readonly messages = new Map<string, Message>();
  /** Numbers whose scenario was acted out. */
  readonly limitedOnce = new Set<string>();
  readonly hooks: Hooks;

  constructor(
    readonly world: World,
    readonly switches: PaperSwitches,
  ) {
    this.hooks = new Hooks(this);
  }

  /** Creates an account, or changes what is given. */
  putAccount(input: Partial<Account>): Account {
    const account = input.account ?? `PA${String(this.accounts.size + 1).padStart(4, '0')}`;
    const old = this.accounts.get(account) ?? {
      account,
      status: 'active',
      apiKey: newId('key'),
      apiSecret: newId('secret'),
      signingKey: newId('sign'),
      webhookUrl: null,
    };
    const changed = { ...old, ...input, account };
    this.accounts.set(account, changed);
    this.world.changed();
    return changed;
  }

  /** `authorization: Basic base64(apiKey:apiSecret)`. */
  accountBy(authorization: string | undefined): Account | undefined {
    for (const account of this.accounts.values()) {
      const pair = Buffer.from(`${account.apiKey}:${account.apiSecret}`).toString('base64');
      if (authorization === `Basic ${pair}`) return account;
    }
    return undefined;
  }

  clear(): void {
    this.hooks.clear();
    this.accounts.clear();
    this.numbers.clear();
    this.heldElsewhere.clear();
    this.messages.clear();
    this.limitedOnce.clear();
  }
}
