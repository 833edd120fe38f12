import type { Clock } from '@strowger/kernel';
import { PlatformUnavailable } from '../errors.js';
import type { RestcommAccess } from './access.js';
import { RESTCOMM } from './answers.js';
import { type Json, type RestcommClient, str } from './client.js';
import { ConnectorApplicationMissing } from './errors.js';

export const DEFAULT_APPLICATION = 'UnitySmsConnector';

export interface ConnectorApplication {
  sid: string;
  name: string;
  /** Rows of numbers the list carried for it. */
  numbers: number;
  warnings: string[];
}

/** How long an answer is good for, in milliseconds: for the steps of one piece of work, and at least for those who work beside it. */
const GOOD_FOR = { same: 5000, others: 100 };

interface Asked {
  key: string;
  at: number;
  /** A millisecond longer for each number the answer carried: the dearer it is, the longer it is shared. */
  sharedMs: number;
  application: Promise<ConnectorApplication>;
}

/**
 * Applications by platform, asked for again before each binding, for one that was imported again has a new sid
 * (carrier-restcomm §2.2). Its list carries every bound number and grows with the account, so one answer does for
 * registering and binding with one `RestcommAccess`, and for what many numbers ask at the same moment. One that failed
 * anybody is forgotten.
 */
export class Applications {
  private readonly byAccess = new WeakMap<RestcommAccess, Asked>();
  private readonly byPlatform = new Map<string, Asked>();

  constructor(
    private readonly client: RestcommClient,
    private readonly clock: Clock,
    private readonly downloadUrl: string,
  ) {}

  /** From the carrier, always. */
  ask(access: RestcommAccess): Promise<ConnectorApplication> {
    return resolveApplication(this.client, access, this.downloadUrl);
  }

  async use<T>(access: RestcommAccess, work: (application: ConnectorApplication) => Promise<T>): Promise<T> {
    const asked = this.find(access);
    try {
      return await work(await asked.application);
    } catch (error) {
      this.byAccess.delete(access);
      if (this.byPlatform.get(asked.key) === asked) this.byPlatform.delete(asked.key);
      throw error;
    }
  }

  private find(access: RestcommAccess): Asked {
    const key = keyOf(access);
    const now = this.clock.now().getTime();
    for (const [other, { at, sharedMs }] of this.byPlatform) if (now - at >= sharedMs) this.byPlatform.delete(other);
    const mine = this.byAccess.get(access);
    if (mine && mine.key === key && now - mine.at < GOOD_FOR.same) return mine;
    let asked = this.byPlatform.get(key);
    if (!asked) {
      const application = this.ask(access);
      const fresh: Asked = { key, at: now, sharedMs: GOOD_FOR.others, application };
      application.then(
        ({ numbers }) => (fresh.sharedMs = Math.min(Math.max(numbers, GOOD_FOR.others), GOOD_FOR.same)),
        () => undefined,
      );
      this.byPlatform.set(key, (asked = fresh));
    }
    this.byAccess.set(access, asked);
    return asked;
  }
}

/** The secret belongs to it: a wrong one must not profit from the answer to a right one. */
const keyOf = ({ baseUrl, accountSid, authToken, applicationName }: RestcommAccess): string =>
  [baseUrl, accountSid, authToken, applicationName].join('\n');

/**
 * The application numbers are bound to, by its exact name (carrier-restcomm §2.2). The list has no filter and no pages;
 * rows of other accounts and shared rows are passed over; of several the one of kind `sms`, then the oldest, is taken.
 */
export async function resolveApplication(
  client: RestcommClient,
  access: RestcommAccess,
  downloadUrl: string,
): Promise<ConnectorApplication> {
  const name = access.applicationName ?? DEFAULT_APPLICATION;
  const body = await client.read(access, 'Applications', {}, [404]);
  if (!Array.isArray(body)) throw new PlatformUnavailable(RESTCOMM, 'unreadable answer');
  const own = (body as Json[]).filter((row) => str(row, 'account_sid') === access.accountSid);
  const named = own.filter((row) => str(row, 'friendly_name') === name).toSorted(byPreference);
  const sid = named[0] && str(named[0], 'sid');
  if (!sid) {
    const names = own.map((row) => str(row, 'friendly_name') ?? '');
    const variant = names.find((other) => other.trim().toLowerCase() === name.toLowerCase());
    throw new ConnectorApplicationMissing(name, downloadUrl, variant);
  }
  const warnings =
    named.length > 1
      ? [`Restcomm has ${named.length} applications named ${name}; ${sid} is used. Remove the others.`]
      : [];
  const numbers: unknown = named[0]!['numbers'];
  return { sid, name, numbers: Array.isArray(numbers) ? numbers.length : 0, warnings };
}

function byPreference(a: Json, b: Json): number {
  const kind = Number(str(b, 'kind') === 'sms') - Number(str(a, 'kind') === 'sms');
  return kind || Date.parse(str(a, 'date_created') ?? '') - Date.parse(str(b, 'date_created') ?? '') || 0;
}
