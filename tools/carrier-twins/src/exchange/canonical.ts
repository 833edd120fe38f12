import { type Call, empty, json, type Operation, type Reply } from '../wire.js';
import type { Account } from './accounts.js';
import { type Enablement, type EnablementBook, type EnablementView, FORBIDDEN_ME_TOKEN } from './book.js';

/** The canonical profile of carrier-message-exchange §5; `path` is what follows `/message-exchange/`. */
export function canonicalOperation(book: EnablementBook, call: Call, path: string): Operation {
  const [version, resource, id] = path.replace(/\/$/, '').split('/');
  const bearer = /^Bearer (.+)$/i.exec(call.headers.authorization ?? '')?.[1];
  const account = bearer === undefined ? undefined : book.accountByToken(bearer);
  const found = version === 'v1' ? route(book, call, account, resource, id) : undefined;
  const { name, handle, ...rest } = found ?? {
    name: 'exchange.unknown',
    handle: () => problem(404, 'NOT_FOUND', 'Not found'),
  };
  return {
    name,
    accountSid: account?.sid,
    refusal: problem(403, 'FORBIDDEN', 'Forbidden'),
    run: () => {
      const reply = refuse(bearer, account) ?? handle();
      const requestId = call.headers['x-request-id'];
      if (typeof requestId === 'string') reply.headers = { ...reply.headers, 'x-request-id': requestId };
      return reply;
    },
    ...rest,
  };
}

type Route = Partial<Operation> & { name: string; handle: () => Reply };

function route(
  book: EnablementBook,
  call: Call,
  account: Account | undefined,
  resource: string | undefined,
  id: string | undefined,
): Route | undefined {
  const { method } = call;
  if (resource === 'account' && method === 'GET') {
    return { name: 'exchange.account', handle: () => json(200, { accountSid: account!.sid, status: 'active' }) };
  }
  if (resource === 'numbers' && id === undefined && method === 'POST') {
    return {
      name: 'exchange.add',
      number: numbersIn(call)?.[0],
      refusal: problem(422, 'NOT_ELIGIBLE', 'Number not eligible', numbersIn(call)),
      handle: () => add(book, call, account!),
    };
  }
  if (resource === 'numbers' && id !== undefined) {
    const number = decodeURIComponent(id);
    const row = account ? book.rows.get(`${account.sid}/${number}`) : undefined;
    const vanish = (): void => {
      if (row) book.remove(row);
    };
    if (method === 'GET')
      return { name: 'exchange.lookup', number, vanish, handle: () => lookup(book, account!, number) };
    if (method === 'DELETE')
      return { name: 'exchange.remove', number, vanish, handle: () => remove(book, account!, number) };
  }
  if (resource === 'jobs' && id !== undefined && method === 'GET') {
    return {
      name: 'exchange.job',
      number: book.jobs.get(id)?.numbers[0],
      vanish: () => void book.jobs.delete(id),
      handle: () => job(book, account!, id),
    };
  }
  return undefined;
}

function refuse(bearer: string | undefined, account: Account | undefined): Reply | undefined {
  if (bearer === FORBIDDEN_ME_TOKEN) return problem(403, 'FORBIDDEN', 'This token may not enable numbers');
  return account ? undefined : problem(401, 'UNAUTHORIZED', 'Token not accepted');
}

export function problem(status: number, code: string, message: string, numbers?: string[]): Reply {
  return json(status, { error: { code, message, ...(numbers ? { numbers } : {}) } });
}

function lookup(book: EnablementBook, account: Account, number: string): Reply {
  const row = book.lookup(account.sid, number);
  if (!row) return problem(404, 'NOT_FOUND', 'Number not found');
  const { accountSid: _accountSid, ...view } = book.view(row);
  return json(200, { ...view, status: wireStatus(row, view) });
}

/** Suffix 0011 uses an undocumented word while it waits. */
const wireStatus = (row: Enablement, view: { status: EnablementView['status'] }): string =>
  view.status === 'pending' && row.number.endsWith('0011') ? 'provisioning' : view.status;

function remove(book: EnablementBook, account: Account, number: string): Reply {
  const row = book.lookup(account.sid, number);
  if (!row) return problem(404, 'NOT_FOUND', 'Number not found');
  if (book.statusOf(row) === 'pending') return problem(409, 'PENDING', 'The number has a job under way');
  book.remove(row);
  return empty(204);
}

function job(book: EnablementBook, account: Account, jobId: string): Reply {
  const found = book.job(account.sid, jobId);
  if (!found) return problem(404, 'NOT_FOUND', 'Job not found');
  const { accountSid: _accountSid, numbers, ...view } = book.jobView(found);
  const odd = view.status === 'pending' && found.numbers.some((number) => number.endsWith('0011'));
  return json(200, {
    ...view,
    status: odd ? 'provisioning' : view.status,
    numbers: book.rowsOf(found).map((row, index) => ({
      number: row.number,
      status: wireStatus(row, numbers[index]!),
      failureReason: numbers[index]!.failureReason,
    })),
  });
}

/** §5.3. The same Idempotency-Key with the same body meets the same answer for 24 h. */
function add(book: EnablementBook, call: Call, account: Account): Reply {
  const numbers = numbersIn(call);
  if (!numbers || numbers.length === 0)
    return problem(400, 'BAD_REQUEST', 'numbers must be a non-empty list of strings');
  const key = call.headers['idempotency-key'];
  const remembered = typeof key === 'string' ? `${account.sid}/${key}` : undefined;
  const earlier = remembered === undefined ? undefined : book.idempotent.get(remembered);
  if (earlier && earlier.body === call.body && earlier.untilMs > book.world.clock.now()) return { ...earlier.reply };
  const reply = addAll(book, account, numbers);
  if (remembered !== undefined && reply.status === 202) {
    if (book.idempotent.size > 10_000) book.idempotent.clear();
    const untilMs = book.world.clock.now() + 86_400_000;
    book.idempotent.set(remembered, { body: call.body, untilMs, reply: { ...reply, withhold: false } });
  }
  return reply;
}

function addAll(book: EnablementBook, account: Account, numbers: string[]): Reply {
  const accepted: string[] = [];
  const rejected: { number: string; reason: string }[] = [];
  let jobId: string | undefined;
  let withhold = false;
  for (const number of numbers) {
    const answer = book.add(account.sid, number, jobId);
    switch (answer.kind) {
      case 'accepted':
        jobId = answer.jobId;
        withhold ||= answer.withhold;
        accepted.push(number);
        break;
      case 'unavailable':
        return empty(503);
      case 'rate-limited': {
        const reply = problem(429, 'RATE_LIMITED', 'Too many requests');
        return { ...reply, headers: { 'retry-after': String(answer.retryAfterSeconds) } };
      }
      case 'exists':
        if (numbers.length === 1) return problem(409, 'ALREADY_EXISTS', 'Number already loaded', [number]);
        rejected.push({ number, reason: 'Number already loaded' });
        break;
      case 'invalid':
        rejected.push({ number, reason: 'Invalid numbers' });
    }
  }
  if (jobId === undefined)
    return problem(
      422,
      'INVALID_NUMBERS',
      'Invalid numbers',
      rejected.map((one) => one.number),
    );
  return { ...json(202, { jobId, accepted, rejected }), withhold };
}

function numbersIn(call: Call): string[] | undefined {
  try {
    const { numbers } = JSON.parse(call.body) as { numbers?: unknown };
    return Array.isArray(numbers) && numbers.every((one) => typeof one === 'string') ? numbers : undefined;
  } catch {
    return undefined;
  }
}
