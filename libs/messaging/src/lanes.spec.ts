import { setImmediate as turn } from 'node:timers/promises';
import { Lanes, type LaneWork } from './lanes.js';

/** Works are written `lane kind`; each run ends when the test lets it. */
function started({ concurrency = 2, most = 1 } = {}) {
  const runs: string[][] = [];
  const ends: (() => void)[] = [];
  const lanes = new Lanes<LaneWork>({
    concurrency,
    most: (kind) => (kind === 'alone' ? 1 : most),
    run: (works) => {
      runs.push(works.map(({ lane, kind }) => `${lane} ${kind}`));
      return new Promise<void>((resolve) => ends.push(resolve));
    },
  });
  const add = (...works: string[]): void => {
    for (const work of works) {
      const [lane = '', kind = ''] = work.split(' ');
      lanes.add({ lane, kind });
    }
  };
  const end = async (which: number): Promise<void> => {
    ends[which]!();
    await turn();
  };
  return { lanes, runs, add, end };
}

describe('lanes', () => {
  it('run one after the other what is of one lane, and at once what is of several', async () => {
    const { runs, add, end } = started();
    add('a 1', 'a 2', 'b 1', 'c 1');
    expect(runs).toEqual([['a 1'], ['b 1']]);
    await end(1);
    expect(runs.slice(2)).toEqual([['c 1']]);
    await end(0);
    expect(runs.slice(3)).toEqual([['a 2']]);
  });

  it('let a long lane wait its turn again after each of its works', async () => {
    const { runs, add, end } = started({ concurrency: 1 });
    add('a 1', 'a 2', 'b 1');
    await end(0);
    await end(1);
    expect(runs).toEqual([['a 1'], ['b 1'], ['a 2']]);
  });

  it('run together works of one kind, each the first of its lane, up to the most', async () => {
    const { runs, add, end } = started({ concurrency: 1, most: 3 });
    add('x other', 'a k', 'a k', 'b alone', 'c k', 'd k', 'e k');
    await end(0);
    expect(runs[1]).toEqual(['a k', 'c k', 'd k']);
    await end(1);
    expect(runs[2]).toEqual(['b alone']);
    await end(2);
    expect(runs[3]).toEqual(['e k', 'a k']);
  });

  it('begin nothing more once closed, and hand back everything that is not through', async () => {
    const { lanes, runs, add, end } = started({ concurrency: 1 });
    add('a 1', 'a 2', 'b 1');
    lanes.close();
    expect(lanes.clear().map(({ lane, kind }) => `${lane} ${kind}`)).toEqual(['a 1', 'a 2', 'b 1']);
    const quiet = lanes.quiet();
    await end(0);
    await quiet;
    expect(runs).toEqual([['a 1']]);
  });
});
