import { Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import type { LockReason, LoginBinding, LoginOutcome } from '@strowger/contracts-hierarchy';
import { Timers } from '@strowger/jobs';
import { AppError, canonicalAddress, Clock, NetworkList, SYSTEM_ACTOR, type RpcContext } from '@strowger/kernel';
import { LockMode } from '@mikro-orm/postgresql';
import { Db, sql } from '@strowger/persistence';
import { logger } from '@strowger/telemetry';
import { HierarchyConfig } from '../../config.js';
import { HistoryService } from '../../history/history.service.js';
import { LoginHistory, type LoginSeen } from '../logins/login-history.service.js';
import { plainText } from '../logins/plain-text.js';
import { PasswordHasher } from '../credentials/password-hasher.js';
import { PortalUser } from '../portal-users/portal-user.entity.js';
import { CredentialDrops } from '../credentials/credential-drops.js';
import { IncidentReports } from './incident-reports.service.js';
import { InterfaceUser } from './interface-user.entity.js';
import { AuthFailed, CredentialMissing, IpNotAllowed, TooManyLogins } from './interface-user.errors.js';
import { VerifiedLogins, type VerifiedAccount } from './verified-logins.js';
import { emailKeyOf } from '../portal-users/email-key.js';

/** The credentials of one call of the SOAP API, and what its login history keeps of the call. */
export interface InterfaceLogin {
  userName: string | undefined;
  password: string | undefined;
  /** Of the client, behind our proxies (`clientAddress`); undefined when that is not known. */
  address: string | undefined;
  /** `X-Forwarded-For` as it was sent. */
  forwardedFor?: string;
  binding: Exclude<LoginBinding, 'PORTAL'>;
  operation: string;
  userAgent?: string;
  requestId?: string;
}

interface Found extends VerifiedAccount {
  passwordHash: string;
  locked: boolean;
  /** A minute ago or longer. */
  lockedLong: boolean;
  disabled: boolean;
}

/** Successes of one account from one address within one hour, not yet in the history. */
interface Pending {
  hour: number;
  count: number;
  account: VerifiedAccount;
  login: LoginSeen;
}

const HOUR_MS = 3_600_000;
const FLUSH_SECONDS = 60;
/** Waiting for argon2; at some 20 ms each on four threads the last one waits a second. */
const MOST_WAITING = 200;
/** An account that changes under every look is being changed by a program. */
const MOST_LOOKS = 3;

const log = logger('hierarchy');

/** Who calls the SOAP API: the decisions of provisioning-soap-api.md §3.2, in their order. */
@Injectable()
export class InterfaceUsersService implements BeforeApplicationShutdown {
  private readonly pending = new Map<string, Pending>();
  private readonly verifying = new Map<string, Promise<boolean>>();

  constructor(
    private readonly db: Db,
    private readonly clock: Clock,
    private readonly config: HierarchyConfig,
    private readonly passwords: PasswordHasher,
    private readonly history: HistoryService,
    private readonly logins: LoginHistory,
    private readonly verified: VerifiedLogins,
    private readonly drops: CredentialDrops,
    private readonly incidents: IncidentReports,
    timers: Timers,
  ) {
    timers.everySeconds(FLUSH_SECONDS, 'interface-user-logins', () => this.flush());
  }

  /**
   * The scope and actor of a call. Call it outside of a transaction: a refusal rolls the caller's back, and what it
   * leaves (a lock, the history) must stay.
   * @throws CredentialMissing, IpNotAllowed, AuthFailed, TooManyLogins
   */
  async authenticate(login: InterfaceLogin): Promise<RpcContext> {
    if (this.db.inTransaction) throw new Error('authenticate() must not be called inside of a transaction.');
    const { userName, password } = login;
    if (!userName?.trim()) throw new CredentialMissing('loginUserName');
    if (!password?.trim()) throw new CredentialMissing('loginPassword');
    const nameKey = InterfaceUser.nameKeyOf(userName);
    const known = await this.verified.find(nameKey, password, login.address);
    const context = known ?? (await this.verify(nameKey, password, login));
    // Sync but for the first call from an address in an hour.
    await this.succeeded(context, userName, login);
    return context;
  }

  /** Brings counted successes to the history; the rest of a minute is lost in a crash, and only that. */
  async flush(): Promise<void> {
    const hour = this.hour();
    for (const [key, pending] of this.pending) {
      const { count, account, login } = pending;
      pending.count = 0;
      if (pending.hour !== hour) this.pending.delete(key);
      if (count === 0) continue;
      await this.db.transactional(async () => {
        await this.logins.add(login, 'SUCCESS', { as: account.id, count });
        await this.noteSuccess(account.id);
      });
    }
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.flush().catch((error: unknown) => log.warn({ code: AppError.wrap(error).code }, 'logins-not-counted'));
  }

  private async verify(nameKey: string, password: string, login: InterfaceLogin): Promise<RpcContext> {
    const { userName, password: _, ...call } = login;
    const address = canonicalAddress(login.address);
    const seen: LoginSeen = { ...call, presentedUserName: userName!, address };
    for (let look = 1; ; look++) {
      const mark = this.verified.mark;
      const { listed, account } = await this.look(nameKey, address);
      if (!listed || address === undefined || (account && !account.networks.has(address)))
        return await this.denied(seen, account, listed);
      if (!account) return await this.unknown(nameKey, password, seen);
      seen.account = { kind: 'interface-user', id: account.id };
      if (account.locked || account.disabled) return await this.shutOut(seen, account);
      const fingerprint = this.verified.fingerprint(account, password);
      try {
        const right = this.verified.holds(nameKey, fingerprint) || (await this.matches(account, password, fingerprint));
        const settled = right ? await this.confirm(account, password) : await this.lockOut(account, seen);
        if (settled && !right) throw new AuthFailed();
        if (settled) {
          this.verified.keep(nameKey, account, password, mark);
          return this.verified.contextOf(account, address);
        }
      } finally {
        // Not before it is kept: a call in between would verify again.
        this.verifying.delete(fingerprint);
      }
      // Changed while the password was verified: decided again on what it is now.
      if (look === MOST_LOOKS) throw new TooManyLogins();
    }
  }

  /** Whether the address is on anybody's list, and the account; in one look, which costs the same for every name. */
  private async look(nameKey: string, address: string | undefined): Promise<{ listed: boolean; account?: Found }> {
    const at = this.clock.now();
    const [row] = await this.db.query(
      sql<{ listed: boolean } & Record<string, unknown>>`
        select exists (select 1 from interface_user_address where network >>= ${address ?? null}::inet) as listed,
          u.id, u.name, u.system_provider_id, u.auth_revision, u.password_hash, u.disabled,
          u.locked_at is not null as locked,
          coalesce(u.locked_at < ${new Date(at.getTime() - 60_000)}, false) as locked_long,
          array(select network::text from interface_user_address where interface_user_id = u.id) as networks
        from (select 1) as always
        left join interface_user u on u.name_key = ${plainText(nameKey, 1000)} and u.ended_at is null`,
    );
    if (!row?.['id']) return { listed: row?.listed ?? false };
    const account: Found = {
      id: row['id'] as string,
      userName: row['name'] as string,
      systemProviderId: row['system_provider_id'] as string,
      authRevision: row['auth_revision'] as number,
      passwordHash: row['password_hash'] as string,
      locked: row['locked'] as boolean,
      lockedLong: row['locked_long'] as boolean,
      disabled: row['disabled'] as boolean,
      networks: new NetworkList(row['networks'] as string[]),
    };
    return { listed: row.listed, account };
  }

  /** No lock and no look at the password: or anyone who knows a name could lock it from anywhere. */
  private async denied(seen: LoginSeen, account: Found | undefined, listed: boolean): Promise<never> {
    if (account) {
      seen.account = { kind: 'interface-user', id: account.id };
      await this.db.transactional(async (em) => {
        // Calls from elsewhere come in any number: one row an hour for each address.
        const added = await this.logins.add(seen, 'ACL_DENIED', { as: account.id });
        if (this.config.lockOnAclDenied) await this.lock(account, 'acl-denied', seen);
        if (!added) return;
        await this.noteRefusal(
          account.id,
          `The address ${seen.address ?? 'could not be found out and'} is not allowed.`,
        );
        // Someone who is on nobody's list must not be able to make us send mails.
        if (listed) await this.incidents.addressRefused(em, account, seen);
      });
    } else await this.logins.add(seen, 'ACL_DENIED', { as: '-' });
    throw new IpNotAllowed();
  }

  /** The same answer in the same time as for a wrong password. */
  private async unknown(nameKey: string, password: string, seen: LoginSeen): Promise<never> {
    await this.limited(() => this.passwords.verify(undefined, password));
    const emailKey = emailKeyOf(plainText(nameKey, 1000)!);
    const portalUser = await this.db.em().findOne(PortalUser, { emailKey, endedAt: null });
    if (portalUser) {
      seen.account = { kind: 'portal-user', id: portalUser.id };
      await this.logins.add(seen, 'NOT_INTERFACE_USER', { as: portalUser.id });
    } else await this.logins.add(seen, 'UNKNOWN_USER', { as: nameKey.slice(0, 255) });
    throw new AuthFailed();
  }

  /** Locked or disabled: the password is not verified, so that the answer says nothing about it. */
  private async shutOut(seen: LoginSeen, account: Found): Promise<never> {
    const outcome: LoginOutcome = account.disabled ? 'DISABLED' : 'LOCKED';
    // A back office that goes on for hours with a locked account is counted, not listed.
    const same = account.disabled || account.lockedLong ? { as: account.id } : undefined;
    if (await this.logins.add(seen, outcome, same))
      await this.noteRefusal(account.id, `A login attempt was made while the account was ${outcome.toLowerCase()}.`);
    throw new AuthFailed();
  }

  /** One verification for any number of calls with the same password at once. */
  private matches(account: Found, password: string, fingerprint: string): Promise<boolean> {
    const running =
      this.verifying.get(fingerprint) ?? this.limited(() => this.passwords.verify(account.passwordHash, password));
    this.verifying.set(fingerprint, running);
    return running;
  }

  private waiting = 0;
  private async limited<T>(verify: () => Promise<T>): Promise<T> {
    if (this.waiting >= MOST_WAITING) throw new TooManyLogins();
    this.waiting += 1;
    try {
      return await verify();
    } finally {
      this.waiting -= 1;
    }
  }

  /** False when the account is no longer what the password was verified for. */
  private async confirm(account: Found, password: string): Promise<boolean> {
    const passwordHash = this.passwords.isOutdated(account.passwordHash)
      ? await this.passwords.hash(password)
      : account.passwordHash;
    const at = this.clock.now();
    const rows = await this.db.query(sql`
      update interface_user set password_hash = ${passwordHash},
        last_successful_login_at = case when last_successful_login_at > ${new Date(at.getTime() - 60_000)}
          then last_successful_login_at else ${at} end
      where id = ${account.id} and auth_revision = ${account.authRevision} and ended_at is null returning 1`);
    return rows.length === 1;
  }

  /** The lock and its row in the history commit together. False when there is another password by now. */
  private lockOut(account: Found, seen: LoginSeen): Promise<boolean> {
    return this.db.transactional(async () => {
      const current = await this.lock(account, 'bad-password', seen);
      if (!current) return false;
      await this.logins.add(seen, 'BAD_PASSWORD');
      return true;
    });
  }

  /** Locks it unless it is locked. False when it is gone, or has another password than was looked at. */
  private async lock({ id, passwordHash }: Found, reason: LockReason, seen: LoginSeen): Promise<boolean> {
    const em = this.db.em();
    const user = await em.findOne(
      InterfaceUser,
      { id, endedAt: null },
      { lockMode: LockMode.PESSIMISTIC_WRITE, refresh: true },
    );
    if (user?.passwordHash !== passwordHash) return false;
    const at = this.clock.now();
    if (reason === 'bad-password') user.refused(at, 'A login attempt was made with a wrong password.');
    if (user.lock(reason, at)) {
      const { address, operation } = seen;
      this.history.record(em, { ...SYSTEM_ACTOR, ip: address }, 'locked', user.historyObject(), { reason });
      this.drops.afterCommit({ interfaceUserIds: [id] });
      await this.incidents.locked(em, user, { address, operation });
    }
    await em.flush();
    return true;
  }

  private async succeeded({ actor }: RpcContext, userName: string, login: InterfaceLogin): Promise<void> {
    const key = `${actor.id} ${actor.ip}`;
    const hour = this.hour();
    const pending = this.pending.get(key);
    if (pending?.hour === hour) {
      pending.count += 1;
      return;
    }
    const { address: _, password: __, userName: ___, ...call } = login;
    const seen: LoginSeen = {
      ...call,
      account: { kind: 'interface-user', id: actor.id },
      presentedUserName: userName,
      address: actor.ip,
    };
    const account = { id: actor.id } as VerifiedAccount;
    const before = pending?.count ?? 0;
    this.pending.set(key, { hour, count: 0, account, login: seen });
    // What the hour before still had belongs to it no longer exactly, but is not lost.
    await this.logins.add(seen, 'SUCCESS', { as: actor.id, count: 1 + before });
    await this.noteSuccess(actor.id);
  }

  private async noteSuccess(id: string): Promise<void> {
    const at = this.clock.now();
    await this.db.query(sql`
      update interface_user set last_successful_login_at = ${at} where id = ${id} and
        (last_successful_login_at is null or last_successful_login_at <= ${new Date(at.getTime() - 60_000)})`);
  }

  private async noteRefusal(id: string, remark: string): Promise<void> {
    const at = this.clock.now();
    await this.db.query(sql`
      update interface_user set last_unsuccessful_login_at = ${at}, last_unsuccessful_login_remark = ${remark}
      where id = ${id}`);
  }

  private hour(): number {
    return Math.floor(this.clock.now().getTime() / HOUR_MS);
  }
}
