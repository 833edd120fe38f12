import { type Call, json, nationalDigits, type Operation, type Reply } from '../wire.js';
import type { Account } from './accounts.js';
import { elevenDigits, type Enablement, type EnablementBook, FORBIDDEN_ME_TOKEN } from './book.js';

type Route = Partial<Operation> & { name: string; handle: (account: Account) => Reply };

/**
 * The TeleAPI dialect of §3.1 and §6: everything is a GET with the token in the query, the HTTP status is always 200 and the
 * body's `code` decides, numbers have 10 digits and job ids are now a number, now a string. `path` is what follows `/teleapi/`.
 */
export function teleapiOperation(book: EnablementBook, call: Call, path: string): Operation {
  const token = call.query.get('token');
  const account = token === null ? undefined : book.accountByToken(token);
  const { name, handle, ...rest } = route(book, call, account, path) ?? {
    name: 'exchange.unknown',
    handle: () => error(404, 'Unknown command'),
  };
  return {
    name,
    accountSid: account?.sid,
    refusal: error(400, 'Number not eligible'),
    run: () => {
      if (token === FORBIDDEN_ME_TOKEN) return error(403, 'Permission denied');
      return account ? handle(account) : error(401, 'Invalid token');
    },
    ...rest,
  };
}

function route(book: EnablementBook, call: Call, account: Account | undefined, path: string): Route | undefined {
  if (call.method !== 'GET') return undefined;
  const asked = call.query.get('number') ?? call.query.get('did_number');
  const number = asked === null ? undefined : elevenDigits(asked);
  const row = account && number !== undefined ? book.rows.get(`${account.sid}/${number}`) : undefined;
  const vanish = (): void => {
    if (row) book.remove(row);
  };
  switch (path.replace(/\/$/, '')) {
    case 'dids/offnet/check':
      return { name: 'exchange.check', number: numbersIn(call)[0], handle: (owner) => check(book, call, owner) };
    case 'dids/offnet/submit': {
      const jobId = call.query.get('jobid');
      if (jobId !== null) return jobRoute(book, jobId);
      return { name: 'exchange.add', number: numbersIn(call)[0], handle: (owner) => submit(book, call, owner) };
    }
    case 'dids/offnet/status':
      return jobRoute(book, call.query.get('jobid') ?? '');
    case 'dids/offnet/jobs/numbers': {
      const jobId = call.query.get('job_id') ?? '';
      return {
        ...jobRoute(book, jobId),
        name: 'exchange.job-numbers',
        handle: (owner) => jobNumbers(book, owner, jobId),
      };
    }
    case 'dids/offnet/list':
    case 'user/dids/list':
      return {
        name: 'exchange.list',
        handle: (owner) => success(book.ofAccount(owner.sid).map((one) => record(book, one))),
      };
    case 'user/dids/get':
      return { name: 'exchange.lookup', number, vanish, handle: (owner) => get(book, owner, number) };
    case 'user/dids/remove':
      return { name: 'exchange.remove', number, vanish, handle: (owner) => remove(book, owner, number) };
    default:
      return undefined;
  }
}

const success = (data: unknown): Reply => json(200, { code: 200, status: 'success', data });
const error = (code: number, message: string): Reply => json(200, { code, status: 'error', error: message });

/** A JSON array as a string; a bare number is seen too (§3.1). */
function numbersIn(call: Call): string[] {
  const value = call.query.get('numbers') ?? '';
  try {
    const parsed: unknown = JSON.parse(value);
    if (Array.isArray(parsed)) return parsed.map(String);
  } catch {
    // A bare number with a plus is not JSON.
  }
  return value === '' ? [] : value.split(',');
}

function submit(book: EnablementBook, call: Call, account: Account): Reply {
  const numbers = numbersIn(call);
  if (numbers.length === 0) return error(400, 'Missing numbers');
  const accepted: string[] = [];
  const fail: Record<string, string> = {};
  let jobId: string | undefined;
  let withhold = false;
  for (const number of numbers) {
    const answer = book.add(account.sid, elevenDigits(number), jobId);
    if (answer.kind === 'unavailable') return error(503, 'Service temporarily unavailable');
    if (answer.kind === 'rate-limited') return error(429, 'Too many requests');
    if (answer.kind === 'invalid') fail[number] = 'Invalid USA/CAN number';
    else if (answer.kind === 'exists') fail[number] = 'Number already loaded';
    else {
      jobId = answer.jobId;
      withhold ||= answer.withhold;
      accepted.push(number);
    }
  }
  if (book.switches.teleapiSubmit === 'wild') {
    if (jobId === undefined) return error(400, Object.values(fail)[0]!);
    return { ...success({ jobid: jobId }), withhold };
  }
  const wireId = jobId === undefined ? {} : { jobid: Number(jobId) % 2 === 0 ? jobId : Number(jobId) };
  return { ...json(200, { success: accepted, fail, ...wireId }), withhold };
}

function check(book: EnablementBook, call: Call, account: Account): Reply {
  const verdict = (number: string): string => {
    const eleven = elevenDigits(number);
    if (eleven.length !== 11 || eleven.endsWith('0000')) return 'Invalid USA/CAN number';
    return book.lookup(account.sid, eleven) ? 'Number already loaded' : 'ok';
  };
  return success(Object.fromEntries(numbersIn(call).map((number) => [number, verdict(number)])));
}

function jobRoute(book: EnablementBook, jobId: string): Route {
  return {
    name: 'exchange.job',
    number: book.jobs.get(jobId)?.numbers[0],
    vanish: () => void book.jobs.delete(jobId),
    handle: (account) => status(book, account, jobId),
  };
}

function status(book: EnablementBook, account: Account, jobId: string): Reply {
  const job = book.job(account.sid, jobId);
  if (!job) return error(404, 'Job not found');
  const view = book.jobView(job);
  if (view.status === 'failed') return error(500, view.failureReason ?? 'Failed');
  if (view.status === 'completed') return success('Completed');
  const word = job.numbers.some((number) => number.endsWith('0011')) ? 'provisioning' : 'pending';
  return json(200, { code: 200, status: word, data: 'Job is still running' });
}

function jobNumbers(book: EnablementBook, account: Account, jobId: string): Reply {
  const job = book.job(account.sid, jobId);
  return job ? success(job.numbers.map(nationalDigits)) : error(404, 'Job not found');
}

function get(book: EnablementBook, account: Account, number: string | undefined): Reply {
  const row = number === undefined ? undefined : book.lookup(account.sid, number);
  return row ? success(record(book, row)) : error(404, 'Number not found');
}

function remove(book: EnablementBook, account: Account, number: string | undefined): Reply {
  const row = number === undefined ? undefined : book.lookup(account.sid, number);
  if (!row) return error(404, 'Number not found');
  if (book.statusOf(row) === 'pending') return error(400, 'Number has a pending job');
  book.remove(row);
  return success('Number removed');
}

/** All values are strings, and no failed state is exposed (§3.1, §6). */
function record(book: EnablementBook, row: Enablement): Record<string, string> {
  const number = nationalDigits(row.number);
  return {
    id: row.jobId ?? '1',
    user_id: '2',
    number,
    country_code: '1',
    npa: number.slice(0, 3),
    nxx: number.slice(3, 6),
    xxxx: number.slice(6),
    number_type: 'offnet',
    state: 'NJ',
    ratecenter: 'HACKENSACK',
    sms_enabled: book.statusOf(row) === 'enabled' ? '1' : '0',
    xmpp_enabled: '0',
    sms_post_url: '',
    call_post_url: '',
    note: '',
  };
}
