import { createHash } from 'node:crypto';
import type { RestcommStore } from './store.js';
import { type Call, empty, type Reply, text } from '../wire.js';
import { html500, longDate, render, representationOf } from './format.js';
import type { Account } from './types.js';

const UNAUTHORIZED: Reply = {
  status: 401,
  headers: { 'www-authenticate': 'Basic realm="Restcomm realm"' },
};

/** HTTP Basic as in §1.2. Accepted headers are remembered, for a hash per request would be felt under load. */
export class Credentials {
  private readonly known = new Map<string, Account>();
  private version = -1;

  constructor(private readonly store: RestcommStore) {}

  /** The refusal, or nothing when the caller may act on the account in the path. */
  refuse(call: Call, accountSid: string): Reply | undefined {
    const caller = this.caller(call.headers.authorization);
    if (!caller) return UNAUTHORIZED;
    if (caller.status !== 'active') return text(403, 'Provided Account is not active');
    if (caller.sid === accountSid) return undefined;
    const target = this.store.accounts.get(accountSid);
    if (!target) return html500();
    return this.isAncestor(caller.sid, target) ? undefined : empty(403);
  }

  private isAncestor(sid: string, account: Account): boolean {
    let parent = account.parent_sid;
    for (let depth = 0; parent !== null && depth < 20; depth += 1) {
      if (parent === sid) return true;
      parent = this.store.accounts.get(parent)?.parent_sid ?? null;
    }
    return false;
  }

  private caller(header: string | undefined): Account | undefined {
    if (!header) return undefined;
    if (this.version !== this.store.accountsVersion) {
      this.known.clear();
      this.version = this.store.accountsVersion;
    }
    const known = this.known.get(header);
    if (known) return known;
    const [scheme, encoded = ''] = header.split(' ', 2);
    if (scheme?.toLowerCase() !== 'basic') return undefined;
    const decoded = Buffer.from(encoded, 'base64').toString('utf8');
    const colon = decoded.indexOf(':');
    const name = decoded.slice(0, colon);
    const password = decoded.slice(colon + 1);
    const account = this.store.accountByEmail(name) ?? this.store.accounts.get(name);
    const matches = account?.token === password || account?.token === createHash('md5').update(password).digest('hex');
    if (colon < 0 || !account || !matches) return undefined;
    if (this.known.size < 10_000) this.known.set(header, account);
    return account;
  }
}

export function getAccount(store: RestcommStore, call: Call, accountSid: string): Reply {
  const account = store.accounts.get(accountSid);
  if (!account) return empty(404);
  const created = longDate(account.date_created, store.switches.utcOffsetMinutes);
  return render(representationOf(call), 'Account', {
    sid: account.sid,
    friendly_name: account.friendly_name,
    type: 'Full',
    status: account.status,
    date_created: created,
    date_updated: created,
    uri: `/2012-04-24/Accounts.json/${account.sid}`,
  });
}
