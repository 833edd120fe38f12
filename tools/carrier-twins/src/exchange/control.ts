/** `/control/message-exchange/…`: numbers and jobs from behind, for tests. */
import { ControlError, type ControlRoutes } from '../control/table.js';
import { assertAccount, DEMO_ACCOUNT } from './accounts.js';
import {
  elevenDigits,
  type Enablement,
  type EnablementBook,
  type EnablementStatus,
  type EnablementView,
  type JobView,
} from './book.js';

/** A number's state, and its job when it has one. */
export interface ExchangeNumberView extends EnablementView {
  job: JobView | null;
}

export interface ExchangeNumberInput {
  status: EnablementStatus | 'absent';
  reason?: string;
  jobId?: string | null;
  accountSid?: string;
}

export interface ExchangeJobInput {
  status: 'pending' | 'completed' | 'failed';
  reason?: string;
}

export const exchangeControl: ControlRoutes<EnablementBook> = {
  'GET numbers/:number': (book, request): ExchangeNumberView => {
    const row = rowOf(book, elevenDigits(request.param('number')), request.text('accountSid'));
    if (!row) throw new ControlError(404, 'No such number');
    return numberView(book, row);
  },
  'POST numbers/:number': (book, request) =>
    setNumber(book, elevenDigits(request.param('number')), request.body<ExchangeNumberInput>()),
  'POST jobs/:id': (book, request): JobView => {
    const job = book.setJob(request.param('id'), request.body<ExchangeJobInput>());
    if (!job) throw new ControlError(404, `No job ${request.param('id')}`);
    return book.jobView(job);
  },
};

/** The first thousand. */
export const numberViews = (book: EnablementBook): EnablementView[] =>
  [...book.rows.values()].slice(0, 1000).map((row) => book.view(row));

function setNumber(
  book: EnablementBook,
  number: string,
  { accountSid, status, reason, jobId }: ExchangeNumberInput,
): ExchangeNumberView | undefined {
  const row = rowOf(book, number, accountSid);
  if (status === 'absent') {
    if (row) book.remove(row);
    return undefined;
  }
  const owner = row?.accountSid ?? accountSid ?? DEMO_ACCOUNT.sid;
  assertAccount(book.world, owner);
  return numberView(book, book.set(owner, number, { status, reason, jobId }));
}

/** Without an account: of any that holds it. Does not act out a scenario. */
function rowOf(book: EnablementBook, number: string, accountSid?: string): Enablement | undefined {
  if (accountSid !== undefined) return book.rows.get(`${accountSid}/${number}`);
  return [...book.rows.values()].find((row) => row.number === number);
}

function numberView(book: EnablementBook, row: Enablement): ExchangeNumberView {
  const job = row.jobId === null ? undefined : book.jobs.get(row.jobId);
  return { ...book.view(row), job: job ? book.jobView(job) : null };
}
