import { setImmediate as turn } from 'node:timers/promises';
import { Batched, BatchedByKey, type BatchedOptions } from './index.js';

/** Multiplies by ten; each batch ends when the test lets it. */
function held(options: BatchedOptions<number> = {}) {
  const batches: number[][] = [];
  const ends: PromiseWithResolvers<void>[] = [];
  const batched = new Batched<number, number>(async (items) => {
    batches.push(items);
    const end = Promise.withResolvers<void>();
    ends.push(end);
    await end.promise;
    return items.map((item) => item * 10);
  }, options);
  const end = async (which: number): Promise<void> => {
    ends[which]!.resolve();
    await turn();
    await turn();
  };
  return { batches, ends, end, batched };
}

/** Multiplies by ten, in a turn of the event loop. */
function quick(fails: (items: number[]) => boolean, options: BatchedOptions<number> = {}) {
  const batches: number[][] = [];
  const batched = new Batched<number, number>(async (items) => {
    batches.push(items);
    await turn();
    if (fails(items)) throw new Error(`no ${items.join(' ')}`);
    return items.map((item) => item * 10);
  }, options);
  return { batches, batched };
}

// Back to the clock of the prototype.
afterEach(() => Reflect.deleteProperty(performance, 'now'));

const outcomes = (results: PromiseSettledResult<number>[]) =>
  results.map((r) => (r.status === 'fulfilled' ? r.value : String(r.reason)));

describe('natural batching', () => {
  it('takes along what arrives in one turn of the event loop, in order, each with its own answer', async () => {
    const { batches, batched } = quick(() => false);
    expect(await Promise.all([1, 2, 3].map((n) => batched.add(n)))).toEqual([10, 20, 30]);
    expect(batches).toEqual([[1, 2, 3]]);
    expect(await batched.add(4)).toBe(40);
  });

  it('puts what arrives while one batch is under way into the next as one', async () => {
    const { batches, end, batched } = held();
    const answers = [batched.add(1)];
    await turn();
    answers.push(batched.add(2), batched.add(3));
    await turn();
    answers.push(batched.add(4));
    expect(batches).toEqual([[1]]);
    await end(0);
    expect(batches).toEqual([[1], [2, 3, 4]]);
    await end(1);
    expect(await Promise.all(answers)).toEqual([10, 20, 30, 40]);
  });

  it('makes no batch larger than the most, and never has more under way than allowed, however many wait', async () => {
    const { batches, end, batched } = held({ most: 2 });
    const answers = [1, 2, 3, 4, 5].map((n) => batched.add(n));
    await turn();
    await turn();
    expect(batches).toEqual([[1, 2]]);
    expect(batched.size).toBe(5);
    await end(0);
    expect(batches).toEqual([
      [1, 2],
      [3, 4],
    ]);
    await end(1);
    await end(2);
    expect(batches).toEqual([[1, 2], [3, 4], [5]]);
    expect(await Promise.all(answers)).toEqual([10, 20, 30, 40, 50]);
    expect(batched.size).toBe(0);
  });

  it('counts items by what they weigh; one that weighs more than the most goes too', async () => {
    const { batches, batched } = quick(() => false, { most: 10, weigh: (item) => item });
    await Promise.all([4, 4, 4, 4, 50, 1].map((n) => batched.add(n)));
    expect(batches).toEqual([[4, 4, 4], [4, 50], [1]]);
  });

  it('begins in the call itself when asked to', async () => {
    const { batches, end, batched } = held({ eager: true, atOnce: 2 });
    const answers = [1, 2, 3, 4].map((n) => batched.add(n));
    expect(batches).toEqual([[1], [2]]);
    await end(1);
    expect(batches).toEqual([[1], [2], [3, 4]]);
    await end(0);
    await end(2);
    expect(await Promise.all(answers)).toEqual([10, 20, 30, 40]);
  });

  it('begins a batch beside another only when it is full or the other is slow', async () => {
    const { batches, ends, batched } = held({ atOnce: 3, most: 2, slowMs: 20 });
    let now = 1000;
    Object.defineProperty(performance, 'now', { value: () => now, configurable: true });
    const answers = [batched.add(1)];
    await turn();
    answers.push(batched.add(2));
    await turn();
    expect(batches).toEqual([[1]]);
    answers.push(batched.add(3));
    await turn();
    expect(batches).toEqual([[1], [2, 3]]);
    now = 1021;
    answers.push(batched.add(4));
    await turn();
    expect(batches).toEqual([[1], [2, 3], [4]]);
    answers.push(batched.add(5), batched.add(6));
    await turn();
    expect(batches).toHaveLength(3);
    for (const end of ends) end.resolve();
    await turn();
    await turn();
    ends[3]!.resolve();
    expect(await Promise.all(answers)).toEqual([10, 20, 30, 40, 50, 60]);
  });

  it('gives the error of a batch to all of its callers, and goes on with the next', async () => {
    const { batches, batched } = quick((items) => items.includes(2), { most: 2 });
    const results = await Promise.allSettled([1, 2, 3, 4].map((n) => batched.add(n)));
    expect(outcomes(results)).toEqual(['Error: no 1 2', 'Error: no 1 2', 30, 40]);
    expect(batches).toEqual([
      [1, 2],
      [3, 4],
    ]);
  });

  it('lets one that fails fail alone where a failed batch did nothing', async () => {
    const { batches, batched } = quick((items) => items.includes(2), { onFailure: 'each' });
    const results = await Promise.allSettled([1, 2, 3].map((n) => batched.add(n)));
    expect(outcomes(results)).toEqual([10, 'Error: no 2', 30]);
    expect(batches).toEqual([[1, 2, 3], [1], [2], [3]]);
    expect(await batched.add(6)).toBe(60);
  });

  it('rejects when the work throws before it returns a promise', async () => {
    const batched = new Batched<number>(() => {
      throw new Error('at once');
    });
    await expect(batched.add(1)).rejects.toThrow('at once');
  });

  it('is idle when nothing waits and nothing is under way', async () => {
    const { end, batched } = held({ most: 1 });
    await batched.idle();
    const answers = [batched.add(1), batched.add(2)];
    let idle = false;
    const done = batched.idle().then(() => (idle = true));
    await turn();
    await end(0);
    expect(idle).toBe(false);
    await end(1);
    await done;
    expect(await Promise.all(answers)).toEqual([10, 20]);
  });
});

describe('natural batching by key', () => {
  const eager = { eager: true, atOnce: 2, onFailure: 'each' } as const;

  it('keeps different keys apart and forgets a key that nothing waits under', async () => {
    const batches: number[][] = [];
    const batched = new BatchedByKey<number, number>(async (items) => {
      batches.push(items);
      await turn();
      return items.map((item) => item * 10);
    }, eager);
    const first = [batched.add('a', 1), batched.add('b', 2), batched.add('a', 3), batched.add('b', 4)];
    expect(batches).toEqual([[1], [2], [3], [4]]);
    expect(await Promise.all([...first, batched.add('a', 5), batched.add('a', 6)])).toEqual([10, 20, 30, 40, 50, 60]);
    expect(batches.slice(4)).toEqual([[5, 6]]);
    expect(await batched.add('a', 7)).toBe(70);
    expect(batched.size).toBe(0);
  });
});
