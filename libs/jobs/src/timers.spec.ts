import { setLogLevel } from '@strowger/telemetry';
import { eventually } from '@strowger/testing';
import { Timers } from './timers.js';

setLogLevel('silent');
let timers: Timers;
beforeEach(() => {
  timers = new Timers();
});
afterEach(() => timers.beforeApplicationShutdown());

it('runs again and again, also after a run that threw', async () => {
  let runs = 0;
  timers.everySeconds(0.005, 'sweep', () => Promise.reject(new Error(`run ${++runs}`)));
  timers.onApplicationBootstrap();
  await eventually(() => runs >= 3);
});

it('never runs twice at once, and shutdown waits for the run under way', async () => {
  let inside = 0;
  let most = 0;
  let finish!: () => void;
  timers.everySeconds(0.001, 'slow', async () => {
    most = Math.max(most, ++inside);
    await new Promise<void>((resolve) => (finish = resolve));
    inside--;
  });
  timers.onApplicationBootstrap();
  await eventually(() => inside === 1);
  const again = timers.runNow('slow');
  const stopped = timers.beforeApplicationShutdown();
  finish();
  await Promise.all([again, stopped]);
  expect({ inside, most }).toEqual({ inside: 0, most: 1 });
});

it('does not start before the application, and stops when asked to', async () => {
  let runs = 0;
  const stop = timers.everySeconds(0.001, 'sweep', () => Promise.resolve(runs++));
  expect(runs).toBe(0);
  await timers.runNow('sweep');
  expect(runs).toBe(1);
  stop();
  timers.onApplicationBootstrap();
  await expect(timers.runNow('sweep')).rejects.toThrow(/No timer/);
});
