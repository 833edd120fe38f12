import { Buckets, RequestRates, TooManyRequests } from './request-rates.js';

const start = () => {
  let now = 0;
  const rates = new RequestRates(
    { caller: { perSecond: 10, burst: 5 }, account: { perSecond: 1, burst: 2 } },
    () => now,
  );
  const ask = (account: string, caller = 'key'): number => {
    try {
      rates.admit(caller, account);
      return 0;
    } catch (error) {
      if (!(error instanceof TooManyRequests)) throw error;
      return error.retryAfterSeconds!;
    }
  };
  return { ask, wait: (ms: number) => (now += ms) };
};

it('lets a burst through for an account, then its rate', () => {
  const { ask, wait } = start();
  expect([ask('a'), ask('a'), ask('a')]).toEqual([0, 0, 1]);
  wait(1000);
  expect([ask('a'), ask('a')]).toEqual([0, 1]);
});

it('keeps one account from using up what its caller has for all', () => {
  const { ask } = start();
  for (let i = 0; i < 20; i++) ask('mad');
  expect([ask('b'), ask('c'), ask('d')]).toEqual([0, 0, 0]);
});

it('limits a caller over all its accounts, and nobody else with it', () => {
  const { ask, wait } = start();
  expect(['a', 'b', 'c', 'd', 'e', 'f'].map((account) => ask(account))).toEqual([0, 0, 0, 0, 0, 1]);
  expect(ask('a', 'another')).toBe(0);
  wait(100);
  expect([ask('g'), ask('h')]).toEqual([0, 1]);
});

it('stays small under a flood of names', () => {
  const rates = new RequestRates(
    { caller: { perSecond: 1e9, burst: 1e9 }, account: { perSecond: 0.001, burst: 2 } },
    () => 0,
  );
  for (let i = 0; i < 150_000; i++) rates.admit('key', String(i));
  expect((rates as unknown as { accounts: { byKey: Map<string, unknown> } }).accounts.byKey.size).toBeLessThanOrEqual(
    100_000,
  );
});

it('takes many at once where there is one, and has them waited for', () => {
  let now = 0;
  const buckets = new Buckets({ perSecond: 10, burst: 5 }, () => now);
  expect([buckets.take('a', 25), buckets.take('a')]).toEqual([0, 3]);
  now += 2100;
  expect([buckets.waitOf('a'), buckets.take('a'), buckets.take('a')]).toEqual([0, 0, 1]);
});
