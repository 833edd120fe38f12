/** What the state file keeps of Message Exchange. */
import { isRecord } from '../twin.js';
import type { Enablement, EnablementBook, Job } from './book.js';

interface Saved {
  rows: Enablement[];
  jobs: Job[];
  tries: [string, number][];
  nextJobId: number;
}

export const save = (book: EnablementBook): Saved => ({
  rows: [...book.rows.values()],
  jobs: [...book.jobs.values()],
  tries: [...book.tries],
  nextJobId: book.nextJobId,
});

export function restore(book: EnablementBook, saved: unknown): void {
  if (!isSaved(saved)) return;
  for (const row of saved.rows) book.rows.set(`${row.accountSid}/${row.number}`, row);
  for (const job of saved.jobs) book.jobs.set(job.jobId, job);
  for (const [key, count] of saved.tries) book.tries.set(key, count);
  book.nextJobId = saved.nextJobId;
}

/** The rows are as they were saved: the file is the twins' own. */
const isSaved = (saved: unknown): saved is Saved =>
  isRecord(saved) &&
  ['rows', 'jobs', 'tries'].every((name) => Array.isArray(saved[name])) &&
  typeof saved['nextJobId'] === 'number';
