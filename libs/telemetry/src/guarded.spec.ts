import { EventEmitter } from 'node:events';
import { guarded, inBackground } from './guarded.js';
import { setLogLevel } from './logger.js';
import { renderMetrics } from './metrics.js';

beforeAll(() => setLogLevel('silent'));
afterAll(() => setLogLevel('error'));

const broken = new Error('broken');
const failuresOf = async (name: string): Promise<number> => {
  const line = (await renderMetrics())
    .split('\n')
    .find((text) => text.includes(`listener_failures_total{name="${name}"`));
  return Number(line?.split(' ').at(-1) ?? 0);
};

describe('a guarded listener', () => {
  it('passes its arguments on, and what it throws goes no further than its end', async () => {
    const heard: unknown[] = [];
    const emitter = new EventEmitter();
    emitter.on(
      'frame',
      guarded(
        'spec-throws',
        (...args: number[]) => {
          heard.push(args);
          throw broken;
        },
        (error) => heard.push(error),
      ),
    );
    emitter.on('frame', () => heard.push('the next listener'));
    emitter.emit('frame', 1, 2);
    expect(heard).toEqual([[1, 2], broken, 'the next listener']);
    expect(await failuresOf('spec-throws')).toBe(1);
  });

  it('handles a promise that rejects in the same way', async () => {
    const ended = Promise.withResolvers<unknown>();
    guarded('spec-rejects', () => Promise.reject(broken), ended.resolve)();
    expect(await ended.promise).toBe(broken);
    expect(await failuresOf('spec-rejects')).toBe(1);
  });

  it('survives an end that fails too', () => {
    const thrower = (): never => {
      throw broken;
    };
    expect(guarded('spec-end', thrower, thrower)).not.toThrow();
  });
});

it('work in the background may fail', async () => {
  const ended = Promise.withResolvers<unknown>();
  inBackground('spec-background', Promise.reject(broken), ended.resolve);
  expect(await ended.promise).toBe(broken);
  expect(await failuresOf('spec-background')).toBe(1);
});
