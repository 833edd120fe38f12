import { setImmediate as turn } from 'node:timers/promises';
import { SharedRounds } from './shared-rounds.js';

function recorded(fails: (items: number[]) => boolean = () => false) {
  const rounds: number[][] = [];
  const shared = new SharedRounds<number, number>(async (items) => {
    rounds.push(items);
    await turn();
    if (fails(items)) throw new Error(`no ${items.join(' ')}`);
    return items.map((item) => item * 10);
  });
  return { rounds, shared };
}

it('lets the first go at once and those who come meanwhile together, each with its own answer', async () => {
  const { rounds, shared } = recorded();
  expect(await Promise.all([1, 2, 3, 4, 5].map((n) => shared.do('a', n)))).toEqual([10, 20, 30, 40, 50]);
  expect(rounds).toEqual([[1], [2], [3, 4, 5]]);
  expect(await shared.do('a', 6)).toBe(60);
});

it('keeps different keys apart', async () => {
  const { rounds, shared } = recorded();
  await Promise.all([shared.do('a', 1), shared.do('b', 2), shared.do('a', 3), shared.do('b', 4)]);
  expect(rounds).toEqual([[1], [2], [3], [4]]);
});

it('lets one that fails fail alone', async () => {
  const { shared } = recorded((items) => items.includes(4));
  const results = await Promise.allSettled([1, 2, 3, 4, 5].map((n) => shared.do('a', n)));
  expect(results.map((r) => (r.status === 'fulfilled' ? r.value : String(r.reason)))).toEqual([
    10,
    20,
    30,
    'Error: no 4',
    50,
  ]);
  expect(await shared.do('a', 6)).toBe(60);
});
