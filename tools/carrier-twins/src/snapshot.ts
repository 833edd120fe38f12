import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Enablement, Job } from './exchange/book.js';
import type { Account, Application, Message, NumberRow } from './restcomm/types.js';
import type { Switches } from './switches.js';
import type { World } from './world.js';

interface Snapshot {
  version: 1;
  clockOffsetMs: number;
  switches: Switches;
  accounts: Omit<Account, 'numbers'>[];
  applications: Application[];
  numbers: NumberRow[];
  /** Oldest first. */
  messages: Message[];
  exchange: { rows: Enablement[]; jobs: Job[]; tries: [string, number][]; nextJobId: number };
}

const SAVE_AFTER_MS = 1000;
/** A load test's half million messages are not worth a file of gigabytes. */
const MESSAGES_KEPT = 5000;

/** Keeps the world in a file: saved a second after a change at the earliest, and at the stop. */
export class SnapshotFile {
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly world: World,
    private readonly file: string,
  ) {}

  open(): void {
    if (existsSync(this.file)) restore(this.world, JSON.parse(readFileSync(this.file, 'utf8')) as Snapshot);
    this.world.onChange = () => {
      this.timer ??= setTimeout(() => this.save(), SAVE_AFTER_MS).unref();
    };
  }

  save(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    mkdirSync(dirname(this.file), { recursive: true });
    // Written whole and then renamed, so that a crash leaves the old one.
    writeFileSync(`${this.file}.new`, JSON.stringify(capture(this.world)), { mode: 0o600 });
    renameSync(`${this.file}.new`, this.file);
  }

  close(): void {
    this.world.onChange = undefined;
    this.save();
  }
}

function capture(world: World): Snapshot {
  const messages: Message[] = [];
  for (const message of world.restcomm.messages.newestFirst()) {
    if (messages.length >= MESSAGES_KEPT) break;
    messages.push(message);
  }
  return {
    version: 1,
    clockOffsetMs: world.clock.now() - Date.now(),
    switches: world.switches,
    accounts: [...world.restcomm.accounts.values()].map(({ numbers: _numbers, ...account }) => account),
    applications: [...world.restcomm.applications.values()],
    numbers: [...world.restcomm.numbers.values()],
    messages: messages.reverse(),
    exchange: {
      rows: [...world.exchange.rows.values()],
      jobs: [...world.exchange.jobs.values()],
      tries: [...world.exchange.tries],
      nextJobId: world.exchange.nextJobId,
    },
  };
}

function restore(world: World, snapshot: Snapshot): void {
  if (snapshot.version !== 1) return;
  const { restcomm, exchange } = world;
  restcomm.clear();
  world.clock.reset(snapshot.clockOffsetMs);
  Object.assign(world.switches, snapshot.switches);
  for (const account of snapshot.accounts) restcomm.restoreAccount({ ...account, numbers: new Map() });
  for (const app of snapshot.applications) restcomm.applications.set(app.sid, app);
  for (const row of snapshot.numbers) restcomm.addNumber(row);
  for (const message of snapshot.messages) {
    restcomm.addMessage(message);
    if (message.status === 'sending' || message.status === 'sent') world.lifecycle.accepted(message);
  }
  exchange.clear();
  for (const row of snapshot.exchange.rows) exchange.rows.set(`${row.accountSid}/${row.number}`, row);
  for (const job of snapshot.exchange.jobs) exchange.jobs.set(job.jobId, job);
  for (const [key, count] of snapshot.exchange.tries) exchange.tries.set(key, count);
  exchange.nextJobId = snapshot.exchange.nextJobId;
}
