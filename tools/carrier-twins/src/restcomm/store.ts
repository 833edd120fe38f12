import { Ring } from '../ring.js';
import { nationalDigits } from '../wire.js';
import type { World } from '../world.js';
import { Credentials } from './accounts.js';
import { newSid } from './format.js';
import { Inbound } from './inbound.js';
import { Lifecycle } from './lifecycle.js';
import type { RestcommSwitches } from './switches.js';
import type { Account, Application, Message, Notification, NumberRow } from './types.js';

export interface AccountSeed {
  sid?: string;
  token?: string;
  email?: string | null;
  friendlyName?: string;
  status?: Account['status'];
  parentSid?: string | null;
  organizationSid?: string;
  meToken?: string | null;
}

/** Restcomm's database, in memory, and the parts that act on it. Every look-up on a message's way is a Map's. */
export class RestcommStore {
  readonly accounts = new Map<string, Account>();
  readonly applications = new Map<string, Application>();
  readonly numbers = new Map<string, NumberRow>();
  private readonly byPhone = new Map<string, NumberRow[]>();
  /** Rows by every ten digits in a row in their number, in the order they came. */
  private readonly byDigits = new Map<string, Set<NumberRow>>();
  private readonly byEmail = new Map<string, Account>();
  private readonly bySid = new Map<string, Message>();
  readonly messages: Ring<Message>;
  readonly credentials = new Credentials(this);
  readonly lifecycle: Lifecycle;
  readonly inbound: Inbound;
  /** Bumped when accounts change, so that remembered credentials are checked again. */
  accountsVersion = 0;
  lastListMetadata: Record<string, string | number> | undefined;

  constructor(
    readonly world: World,
    readonly switches: RestcommSwitches,
  ) {
    const kept = world.options.maxMessages ?? 500_000;
    this.messages = new Ring<Message>(kept, (message) => this.bySid.delete(message.sid));
    this.lifecycle = new Lifecycle(this);
    this.inbound = new Inbound(this);
  }

  /** A resource's `uri`, with the servlet context where the switch wants it (§1.1). */
  uri(path: string): string {
    return this.switches.uriWithContext ? `/restcomm${path}` : path;
  }

  /** Creates an account, or replaces its settings and keeps what it owns. */
  putAccount(seed: AccountSeed, nowMs: number): Account {
    const sid = seed.sid ?? newSid('AC');
    const old = this.accounts.get(sid);
    const account: Account = {
      sid,
      token: seed.token ?? old?.token ?? newSid(''),
      email: seed.email ?? old?.email ?? null,
      friendly_name: seed.friendlyName ?? old?.friendly_name ?? 'Twin account',
      status: seed.status ?? old?.status ?? 'active',
      parent_sid: seed.parentSid ?? old?.parent_sid ?? null,
      organization_sid: seed.organizationSid ?? old?.organization_sid ?? newSid('OR'),
      me_token: seed.meToken === undefined ? (old?.me_token ?? `me-${sid}`) : seed.meToken,
      date_created: old?.date_created ?? nowMs,
      numbers: old?.numbers ?? new Map<string, NumberRow>(),
      notifications: old?.notifications ?? [],
    };
    if (old?.email) this.byEmail.delete(old.email);
    this.accounts.set(sid, account);
    if (account.email) this.byEmail.set(account.email, account);
    this.accountsVersion += 1;
    return account;
  }

  restoreAccount(account: Account): void {
    this.accounts.set(account.sid, account);
    if (account.email) this.byEmail.set(account.email, account);
    this.accountsVersion += 1;
  }

  accountByEmail(email: string): Account | undefined {
    return this.byEmail.get(email);
  }

  /** Own and shared ones, oldest first (§2.1). */
  applicationsOf(accountSid: string): Application[] {
    return [...this.applications.values()]
      .filter((app) => app.account_sid === accountSid || app.account_sid === null)
      .sort((left, right) => left.date_created - right.date_created || (left.sid < right.sid ? -1 : 1));
  }

  addNumber(row: NumberRow): void {
    this.numbers.set(row.sid, row);
    this.accounts.get(row.account_sid)!.numbers.set(row.sid, row);
    const rows = this.byPhone.get(row.phone_number);
    if (rows) rows.push(row);
    else this.byPhone.set(row.phone_number, [row]);
    for (const digits of tens(row.phone_number)) {
      const holders = this.byDigits.get(digits);
      if (holders) holders.add(row);
      else this.byDigits.set(digits, new Set([row]));
    }
  }

  removeNumber(row: NumberRow): void {
    this.numbers.delete(row.sid);
    this.accounts.get(row.account_sid)?.numbers.delete(row.sid);
    const rows = this.byPhone.get(row.phone_number)?.filter((other) => other !== row) ?? [];
    if (rows.length > 0) this.byPhone.set(row.phone_number, rows);
    else this.byPhone.delete(row.phone_number);
    for (const digits of tens(row.phone_number)) {
      const holders = this.byDigits.get(digits);
      holders?.delete(row);
      if (holders?.size === 0) this.byDigits.delete(digits);
    }
  }

  /** The account's rows among which those are whose number contains `part`: few when it begins with ten digits, else all. */
  *numbersWith(part: string | null, accountSid: string): Generator<NumberRow> {
    if (part === null || !/^\d{10}/.test(part)) return yield* this.accounts.get(accountSid)!.numbers.values();
    for (const row of this.byDigits.get(part.slice(0, 10)) ?? []) if (row.account_sid === accountSid) yield row;
  }

  /** Exactly this spelling. */
  numbersSpelled(phone: string): readonly NumberRow[] {
    return this.byPhone.get(phone) ?? [];
  }

  /** The raw value first, then US E.164, with and without plus (§6.4). */
  findNumber(phone: string, accountSid?: string): NumberRow | undefined {
    for (const spelling of spellings(phone)) {
      for (const row of this.numbersSpelled(spelling)) {
        if (accountSid === undefined || row.account_sid === accountSid) return row;
      }
    }
    return undefined;
  }

  addMessage(message: Message): void {
    this.bySid.set(message.sid, message);
    this.messages.push(message);
  }

  message(sid: string): Message | undefined {
    const message = this.bySid.get(sid);
    return message?.present ? message : undefined;
  }

  notify(notification: Omit<Notification, 'sid'>): Notification | undefined {
    const account = this.accounts.get(notification.account_sid);
    if (!account) return undefined;
    const stored = { sid: newSid('NO'), ...notification };
    account.notifications.push(stored);
    if (account.notifications.length > 10_000) account.notifications.splice(0, 1_000);
    return stored;
  }

  clear(): void {
    this.lifecycle.clear();
    this.inbound.clear();
    this.lastListMetadata = undefined;
    this.accounts.clear();
    this.applications.clear();
    this.numbers.clear();
    this.byPhone.clear();
    this.byDigits.clear();
    this.byEmail.clear();
    this.bySid.clear();
    this.messages.clear();
    this.accountsVersion += 1;
  }
}

function* tens(phone: string): Generator<string> {
  for (let end = 10; end <= phone.length; end++) {
    const digits = phone.slice(end - 10, end);
    if (/^\d{10}$/.test(digits)) yield digits;
  }
}

function* spellings(phone: string): Generator<string> {
  yield phone;
  const national = nationalDigits(phone);
  if (national.length !== 10) {
    const digits = phone.replace(/\D/g, '');
    if (digits !== phone) yield digits;
    if (`+${digits}` !== phone) yield `+${digits}`;
    return;
  }
  for (const spelling of [`+1${national}`, `1${national}`, national]) if (spelling !== phone) yield spelling;
}
