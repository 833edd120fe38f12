import { Ring } from './ring.js';
import { type Call, type Operation, redactSearch, sameNumber } from './wire.js';

/** One request that reached a carrier. Credentials are never recorded. */
export interface JournalEntry {
  /** Grows by one; pass it as `since` to read what came later. */
  seq: number;
  /** ISO-8601, real time. */
  at: string;
  /** The twin's kind. */
  carrier: string;
  operation: string;
  method: string;
  path: string;
  query: string;
  number?: string;
  accountSid?: string;
  /** As received; form or JSON. */
  body: string;
  /** Absent while no answer was given. */
  status?: number;
  /** Id of the fault that got in the way. */
  faultId?: string;
}

export interface JournalFilter {
  carrier?: string;
  operation?: string;
  /** Compared by digits, a leading 1 ignored. */
  number?: string;
  accountSid?: string;
  since?: number;
  limit?: number;
}

interface Entry {
  seq: number;
  atMs: number;
  carrier: string;
  call: Call;
  operation: Operation;
  status: number | undefined;
  faultId: string | undefined;
}

export class Journal {
  private readonly entries = new Ring<Entry>(10_000);
  private seq = 0;

  add(carrier: string, call: Call, operation: Operation): Entry {
    const seq = (this.seq += 1);
    const entry = { seq, atMs: Date.now(), carrier, call, operation, status: undefined, faultId: undefined };
    this.entries.push(entry);
    return entry;
  }

  /** Oldest first. */
  list(filter: JournalFilter): JournalEntry[] {
    const found: JournalEntry[] = [];
    for (const entry of this.entries.newestFirst()) {
      const { operation } = entry;
      if (filter.since !== undefined && entry.seq <= filter.since) break;
      if (filter.carrier && entry.carrier !== filter.carrier) continue;
      if (filter.operation && operation.name !== filter.operation) continue;
      if (filter.accountSid && operation.accountSid !== filter.accountSid) continue;
      if (filter.number && !(operation.number && sameNumber(operation.number, filter.number))) continue;
      found.push(view(entry));
      if (filter.limit !== undefined && found.length >= filter.limit) break;
    }
    return found.reverse();
  }

  clear(): void {
    this.entries.clear();
  }
}

function view({ seq, atMs, carrier, call, operation, status, faultId }: Entry): JournalEntry {
  return {
    seq,
    at: new Date(atMs).toISOString(),
    carrier,
    operation: operation.name,
    method: call.method,
    path: call.path,
    query: redactSearch(call.search),
    number: operation.number,
    accountSid: operation.accountSid,
    body: call.body,
    status,
    faultId,
  };
}
