import { createHmac, createSecretKey, randomBytes, timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Clock, NetworkList, type RpcContext, type TenantScope } from '@strowger/kernel';
import { Db, sql } from '@strowger/persistence';
import { CredentialDrops } from '../credentials/credential-drops.js';

/** A password is verified again after this long, whatever happened. */
const KEEP_MS = 5 * 60_000;
/** A lost push keeps a lock from this process for at most this long. */
const CHECK_MS = 1000;
const MOST_ACCOUNTS = 10_000;
/** More addresses of one account than this are looked up again each time. */
const MOST_ADDRESSES = 1000;

/** What an account was when its password was verified. */
export interface VerifiedAccount {
  id: string;
  userName: string;
  systemProviderId: string;
  authRevision: number;
  networks: NetworkList;
}

interface Entry extends VerifiedAccount {
  mac: Buffer;
  scope: TenantScope;
  until: number;
  checkedAt: number;
  checking?: Promise<boolean>;
  allowed: Set<string>;
}

/**
 * Logins verified a moment ago, in this process's memory: the password comes with every call, and argon2 would set the
 * speed. Kept is an HMAC of account, revision and password under a key that dies with the process; failures are not
 * kept. An entry goes with any change of the account, here at once, in other replicas by a push; and since a push may be
 * lost, the account's revision is looked at (one indexed row) when the last look was more than a second ago. So no call
 * in a second of thousands costs a query, and a lock is never later than a second anywhere.
 */
@Injectable()
export class VerifiedLogins {
  /** A key object: bytes would be made into one for each call, which takes five times as long as the HMAC. */
  private readonly key = createSecretKey(randomBytes(32));
  private readonly entries = new Map<string, Entry>();
  private readonly names = new Map<string, string>();
  /** Counts what was dropped: a verification that began before a drop is not kept. */
  private drops = 0;

  constructor(
    private readonly db: Db,
    private readonly clock: Clock,
    credentialDrops: CredentialDrops,
  ) {
    credentialDrops.onDropped((dropped) => {
      if (dropped === 'everything') this.dropAll();
      else for (const id of dropped.interfaceUserIds ?? []) this.drop(id);
    });
  }

  /** The caller of a login verified before; undefined when it has to be verified (again). */
  async find(nameKey: string, password: string, address: string | undefined): Promise<RpcContext | undefined> {
    const entry = this.entries.get(nameKey);
    if (!entry || address === undefined) return undefined;
    const now = this.clock.now().getTime();
    if (now >= entry.until) return void this.drop(entry.id);
    if (!this.allows(entry, address) || !timingSafeEqual(entry.mac, this.macOf(entry, password))) return undefined;
    if (now - entry.checkedAt >= CHECK_MS || now < entry.checkedAt) {
      entry.checking ??= this.isUnchanged(entry).finally(() => (entry.checking = undefined));
      if (!(await entry.checking)) return undefined;
    }
    // Dropped while we looked.
    if (this.entries.get(nameKey) !== entry) return undefined;
    return this.contextOf(entry, address);
  }

  /** Take it before the account is read, and give it to `keep`. */
  get mark(): number {
    return this.drops;
  }

  keep(nameKey: string, account: VerifiedAccount, password: string, mark: number): void {
    if (mark !== this.drops) return;
    if (this.entries.size >= MOST_ACCOUNTS) this.dropAll();
    const now = this.clock.now().getTime();
    this.entries.set(nameKey, {
      ...account,
      mac: this.macOf(account, password),
      scope: scopeOf(account),
      until: now + KEEP_MS,
      checkedAt: now,
      allowed: new Set(),
    });
    this.names.set(account.id, nameKey);
  }

  /** The same for two calls with the same password, so that it need not be hashed twice at once. */
  fingerprint(account: Pick<VerifiedAccount, 'id' | 'authRevision'>, password: string): string {
    return this.macOf(account, password).toString('base64');
  }

  /** Whether that very login has been verified meanwhile. */
  holds(nameKey: string, fingerprint: string): boolean {
    return this.entries.get(nameKey)?.mac.toString('base64') === fingerprint;
  }

  contextOf(account: VerifiedAccount & { scope?: TenantScope }, address: string): RpcContext {
    const { id, userName: name } = account;
    return {
      scope: account.scope ?? scopeOf(account),
      actor: { kind: 'interface-user', id, name, role: 'administrator', ip: address },
    };
  }

  private drop(id: string): void {
    this.drops += 1;
    const nameKey = this.names.get(id);
    this.names.delete(id);
    if (nameKey !== undefined) this.entries.delete(nameKey);
  }

  private dropAll(): void {
    this.drops += 1;
    this.entries.clear();
    this.names.clear();
  }

  private allows(entry: Entry, address: string): boolean {
    if (entry.allowed.has(address)) return true;
    if (!entry.networks.has(address)) return false;
    if (entry.allowed.size < MOST_ADDRESSES) entry.allowed.add(address);
    return true;
  }

  private async isUnchanged(entry: Entry): Promise<boolean> {
    const asked = this.clock.now().getTime();
    const [row] = await this.db.query(
      sql<{ rev: number }>`select auth_revision as rev from interface_user where id = ${entry.id} and ended_at is null`,
    );
    if (row?.rev === entry.authRevision) {
      entry.checkedAt = asked;
      return true;
    }
    this.drop(entry.id);
    return false;
  }

  private macOf({ id, authRevision }: Pick<VerifiedAccount, 'id' | 'authRevision'>, password: string): Buffer {
    return createHmac('sha256', this.key).update(`${id}\0${authRevision}\0${password}`).digest();
  }
}

const scopeOf = ({ systemProviderId: id }: VerifiedAccount): TenantScope => ({
  level: 'system-provider',
  id,
  systemProviderId: id,
});
