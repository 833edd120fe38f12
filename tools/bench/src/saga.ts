import { Pool } from 'undici';
import type { JournalEntry } from '@strowger/carrier-twins';
import type { NumberView } from '@strowger/contracts-provisioning';
import type { Bench } from './bench.js';
import { watchCpu } from './cpu.js';
import { inParallel } from './tenant.js';

const AT_ONCE = 32;
const SID = /PN[0-9a-f]{32}/;

/** Numbers added through the API, against the bare calls each of them needs at the carrier, one number after the other on 32 lanes. */
export async function measureSaga(bench: Bench): Promise<void> {
  const { sizes, report, tenant } = bench;
  const { admin, users } = tenant;
  const count = sizes.provisioned;
  const [sample, ...numbers] = await tenant.freshNumbers(0, count + 1);
  const bare = await tenant.freshNumbers(count + 1, count);
  const add = async (number: string, i: number): Promise<void> => {
    const { state } = await admin.post<NumberView>(`/v1/users/${users[i % users.length]!.id}/numbers`, { number });
    if (state !== 'active') throw new Error(`${number} is ${state}`);
  };
  const since = (await tenant.twins.requests({ limit: 1 })).at(-1)?.seq ?? 0;
  await add(sample!, 0);
  const calls = (await tenant.twins.requests({ accountSid: tenant.account.sid, since })).sort((a, b) => a.seq - b.seq);
  if (!calls.some(({ operation }) => operation === 'numbers.create'))
    throw new Error(`the carrier did not see a number being added: ${calls.map((call) => call.operation).join(', ')}`);
  const startedAt = performance.now();
  const failures: string[] = [];
  const cpu = watchCpu(tenant.stack);
  await inParallel(count, AT_ONCE, (i) =>
    add(numbers[i]!, i).catch((error: Error) => void failures.push(error.message)),
  );
  const perSecond = ((count - failures.length) / (performance.now() - startedAt)) * 1000;
  const used = cpu();
  if (failures.length > 0)
    report.fail(`saga.provision: ${failures.length} of ${count} failed, such as: ${failures[0]}`);
  const floor = await bareCalls(bench, calls, sample!, bare);
  report.add(
    'saga.provision',
    'numbers/s',
    perSecond,
    floor,
    { numbers: count, cpu: used.text, calls: calls.map(({ operation }) => operation).join(' ') },
    { of: 'value', least: 50 },
  );
}

/** Repeats what the sample made the carrier see, for other numbers. Answers numbers a second. */
async function bareCalls(bench: Bench, calls: JournalEntry[], sample: string, numbers: string[]): Promise<number> {
  const { account, stack } = bench.tenant;
  const pool = new Pool(stack.urls.twinsUrl, { connections: AT_ONCE });
  const basic = `Basic ${Buffer.from(`${account.sid}:${account.token}`).toString('base64')}`;
  try {
    const startedAt = performance.now();
    await inParallel(numbers.length, AT_ONCE, async (i) => {
      let sid: string | undefined;
      const own = (text: string): string => text.replaceAll(sample, numbers[i]!).replace(SID, sid ?? '$&');
      for (const { carrier, method, path, query, body, operation } of calls) {
        const search = query === '' ? '' : `?${query.replace(/^\?/, '')}`;
        const answer = await pool.request({
          method: method as 'GET',
          path: own(path + search),
          headers: {
            authorization: carrier === 'message-exchange' ? `Bearer ${account.meToken}` : basic,
            accept: 'application/json',
            ...(body === ''
              ? {}
              : { 'content-type': body.startsWith('{') ? 'application/json' : 'application/x-www-form-urlencoded' }),
          },
          body: body === '' ? null : own(body),
        });
        const text = await answer.body.text();
        if (answer.statusCode >= 400 && answer.statusCode !== 404)
          throw new Error(`the bare ${operation} answered ${answer.statusCode}: ${text.slice(0, 200)}`);
        if (operation === 'numbers.create') sid = SID.exec(text)?.[0];
      }
    });
    return (numbers.length / (performance.now() - startedAt)) * 1000;
  } finally {
    await pool.close();
  }
}
