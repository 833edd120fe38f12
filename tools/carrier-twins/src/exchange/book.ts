import { type Account, accountsIn } from './accounts.js';
import { nationalDigits, type Reply } from '../wire.js';
import type { World } from '../world.js';

/** What faults, the journal and the control API call it. */
export const KIND = 'message-exchange';

/** Tokens that no account has: refused with 401 and 403. */
export const REVOKED_ME_TOKEN = 'revoked';
export const FORBIDDEN_ME_TOKEN = 'forbidden';

export interface ExchangeSwitches {
  /** Shape of TeleAPI's submit answer: as documented, or as one consumer saw it (§3.1). */
  teleapiSubmit: 'documented' | 'wild';
  /** How long a job takes, on the virtual clock. */
  jobDelayMs: number;
}

export type EnablementStatus = 'enabled' | 'pending' | 'failed';

/** One number at Message Exchange. Its state is read off the virtual clock; nothing ticks. */
export interface Enablement {
  accountSid: string;
  /** 11 digits. */
  number: string;
  jobId: string | null;
  /** What it becomes at `dueAt`. */
  outcome: 'enabled' | 'failed';
  reason: string | null;
  /** Milliseconds on the virtual clock. */
  submittedAt: number;
  dueAt: number;
}

export interface Job {
  jobId: string;
  accountSid: string;
  numbers: string[];
  submittedAt: number;
  /** A job nobody can look up any more (suffix 0010). */
  hidden: boolean;
  /** `completed` although its number failed (suffix 0005). */
  claimsSuccess: boolean;
}

export interface EnablementView {
  accountSid: string;
  number: string;
  status: EnablementStatus;
  jobId: string | null;
  failureReason: string | null;
  /** ISO-8601, virtual clock. */
  createdAt: string;
  updatedAt: string;
}

export interface JobView {
  jobId: string;
  accountSid: string;
  status: 'pending' | 'completed' | 'failed';
  failureReason: string | null;
  submittedAt: string;
  completedAt: string | null;
  numbers: EnablementView[];
}

export type AddAnswer =
  | { kind: 'accepted'; jobId: string; withhold: boolean }
  | { kind: 'invalid' }
  | { kind: 'exists' }
  | { kind: 'unavailable' }
  | { kind: 'rate-limited'; retryAfterSeconds: number };

export const NEVER = Number.MAX_SAFE_INTEGER;
const INELIGIBLE = 'Carrier rejected: number not eligible';
const WIRELESS = 'Number is a wireless number';

/** Jobs and numbers, and the scenario each number's last four digits ask for (§8). A removed number has used its scenario up. */
export class EnablementBook {
  readonly rows = new Map<string, Enablement>();
  readonly jobs = new Map<string, Job>();
  /** Numbers whose suffix was acted out, and how often an add was tried. */
  readonly tries = new Map<string, number>();
  nextJobId = 8471;
  /** Answers by account and Idempotency-Key. */
  readonly idempotent = new Map<string, { body: string; untilMs: number; reply: Reply }>();
  private tokens = new Map<string, Account>();
  private tokensVersion = -1;

  constructor(
    readonly world: World,
    readonly switches: ExchangeSwitches,
  ) {}

  /** Each account has a token of its own here. */
  accountByToken(token: string): Account | undefined {
    const { accounts, accountsVersion } = accountsIn(this.world);
    if (this.tokensVersion !== accountsVersion) {
      const holders = [...accounts.values()].filter((account) => account.me_token !== null);
      this.tokens = new Map(holders.map((account) => [account.me_token!, account]));
      this.tokensVersion = accountsVersion;
    }
    return token === REVOKED_ME_TOKEN || token === FORBIDDEN_ME_TOKEN ? undefined : this.tokens.get(token);
  }

  lookup(accountSid: string, number: string): Enablement | undefined {
    const key = keyOf(accountSid, number);
    const row = this.rows.get(key);
    if (row || this.tries.has(key)) return row;
    const now = this.world.clock.now();
    switch (number.length === 11 ? number.slice(-4) : '') {
      case '0001':
        return this.put({
          accountSid,
          number,
          outcome: 'enabled',
          reason: null,
          submittedAt: now,
          dueAt: now,
          jobId: null,
        });
      case '0002':
        return this.put({
          accountSid,
          number,
          outcome: 'failed',
          reason: WIRELESS,
          submittedAt: now,
          dueAt: now,
          jobId: null,
        });
      case '0003':
        return this.submit(accountSid, [number]).rows[0];
      default:
        return undefined;
    }
  }

  /** One number: the scenario decides. `jobId` lets several numbers share a job. */
  add(accountSid: string, number: string, jobId?: string): AddAnswer {
    const key = keyOf(accountSid, number);
    const suffix = number.slice(-4);
    if (!/^\d{11}$/.test(number) || suffix === '0000') return { kind: 'invalid' };
    if (this.lookup(accountSid, number)) return { kind: 'exists' };
    const tries = this.tries.get(key) ?? 0;
    this.tries.set(key, tries + 1);
    const now = this.world.clock.now();
    if (suffix === '0006' && tries === 0) {
      // Somebody else was faster: unknown at the first look, there at the add.
      this.put({ accountSid, number, outcome: 'enabled', reason: null, submittedAt: now, dueAt: now, jobId: null });
      return { kind: 'exists' };
    }
    if (suffix === '0008' && tries < 2) return { kind: 'unavailable' };
    if (suffix === '0012' && tries === 0) return { kind: 'rate-limited', retryAfterSeconds: 5 };
    const { job, rows } = this.submit(accountSid, [number], jobId);
    const row = rows[0]!;
    if (suffix === '0004' || suffix === '0005') Object.assign(row, { outcome: 'failed', reason: INELIGIBLE });
    if (suffix === '0005') job.claimsSuccess = true;
    if (suffix === '0009') row.dueAt = NEVER;
    if (suffix === '0010') job.hidden = true;
    return { kind: 'accepted', jobId: job.jobId, withhold: suffix === '0007' && tries === 0 };
  }

  job(accountSid: string, jobId: string): Job | undefined {
    const job = this.jobs.get(jobId);
    return job && job.accountSid === accountSid && !job.hidden ? job : undefined;
  }

  rowsOf(job: Job): Enablement[] {
    return job.numbers.flatMap((number) => this.rows.get(keyOf(job.accountSid, number)) ?? []);
  }

  ofAccount(accountSid: string): Enablement[] {
    return [...this.rows.values()].filter((row) => row.accountSid === accountSid);
  }

  statusOf(row: Enablement): EnablementStatus {
    return row.dueAt <= this.world.clock.now() ? row.outcome : 'pending';
  }

  remove(row: Enablement): void {
    const key = keyOf(row.accountSid, row.number);
    this.rows.delete(key);
    this.tries.set(key, (this.tries.get(key) ?? 0) + 1);
    this.world.changed();
  }

  /** Puts a number where a test wants it. */
  set(
    accountSid: string,
    number: string,
    change: { status: EnablementStatus; reason?: string; jobId?: string | null },
  ): Enablement {
    const now = this.world.clock.now();
    const old = this.rows.get(keyOf(accountSid, number));
    const pending = change.status === 'pending';
    if (change.jobId === undefined && pending && !old) {
      const row = this.submit(accountSid, [number]).rows[0]!;
      row.dueAt = NEVER;
      return row;
    }
    return this.put({
      accountSid,
      number,
      jobId: change.jobId === undefined ? (old?.jobId ?? null) : change.jobId,
      outcome: change.status === 'failed' ? 'failed' : 'enabled',
      reason: change.status === 'failed' ? (change.reason ?? INELIGIBLE) : null,
      submittedAt: old?.submittedAt ?? now,
      dueAt: pending ? NEVER : now,
    });
  }

  setJob(jobId: string, change: { status: 'pending' | 'completed' | 'failed'; reason?: string }): Job | undefined {
    const job = this.jobs.get(jobId);
    if (!job) return undefined;
    const status = change.status === 'completed' ? 'enabled' : change.status;
    for (const number of job.numbers) this.set(job.accountSid, number, { status, reason: change.reason, jobId });
    return job;
  }

  view(row: Enablement): EnablementView {
    const status = this.statusOf(row);
    const updatedAt = status === 'pending' ? row.submittedAt : row.dueAt;
    return {
      accountSid: row.accountSid,
      number: row.number,
      status,
      jobId: row.jobId,
      failureReason: status === 'failed' ? row.reason : null,
      createdAt: isoSeconds(row.submittedAt),
      updatedAt: isoSeconds(updatedAt),
    };
  }

  jobView(job: Job): JobView {
    const numbers = this.rowsOf(job).map((row) => this.view(row));
    const done = numbers.every((row) => row.status !== 'pending');
    const failed = numbers.find((row) => row.status === 'failed');
    return {
      jobId: job.jobId,
      accountSid: job.accountSid,
      status: !done ? 'pending' : failed && !job.claimsSuccess ? 'failed' : 'completed',
      failureReason: done && failed && !job.claimsSuccess ? failed.failureReason : null,
      submittedAt: isoSeconds(job.submittedAt),
      completedAt: done
        ? (numbers
            .map((row) => row.updatedAt)
            .sort()
            .at(-1) ?? null)
        : null,
      numbers,
    };
  }

  clear(): void {
    this.rows.clear();
    this.jobs.clear();
    this.tries.clear();
    this.idempotent.clear();
  }

  private submit(accountSid: string, numbers: string[], jobId?: string): { job: Job; rows: Enablement[] } {
    const now = this.world.clock.now();
    const id = jobId ?? String(this.nextJobId++);
    let job = this.jobs.get(id);
    if (!job) {
      job = { jobId: id, accountSid, numbers: [], submittedAt: now, hidden: false, claimsSuccess: false };
      this.jobs.set(id, job);
    }
    job.numbers.push(...numbers);
    const dueAt = now + this.switches.jobDelayMs;
    const rows = numbers.map((number) =>
      this.put({ accountSid, number, jobId: id, outcome: 'enabled', reason: null, submittedAt: now, dueAt }),
    );
    return { job, rows };
  }

  private put(row: Enablement): Enablement {
    const key = keyOf(row.accountSid, row.number);
    const old = this.rows.get(key);
    const kept = old ? Object.assign(old, row) : row;
    this.rows.set(key, kept);
    if (!this.tries.has(key)) this.tries.set(key, 0);
    this.world.changed();
    return kept;
  }
}

const keyOf = (accountSid: string, number: string): string => `${accountSid}/${number}`;
const isoSeconds = (atMs: number): string => new Date(atMs).toISOString().replace(/\.\d{3}Z$/, 'Z');

/** 11 digits from 10, +1 and 10, or 11; anything else digit by digit as it came. */
export function elevenDigits(number: string): string {
  const national = nationalDigits(number);
  return national.length === 10 ? `1${national}` : national;
}
