/** `npm start` keeps services running: one that ends by itself is started again, until it has ended too often. */
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually } from '@strowger/testing';
import { removeData, startStack, type Stack } from '../../../tools/setup/stack.ts';
import { MINUTES } from './world.fixtures.js';

const home = mkdtempSync(join(fileURLToPath(new URL('../../../.local', import.meta.url)), 'e2e-restarts-'));
const restarts: string[] = [];
let stack: Stack;
beforeAll(async () => {
  stack = await startStack({
    home,
    portBase: 26_900,
    services: ['mail-sink'],
    restarted: (service, how) => restarts.push(`${service} ${how}`),
  });
}, 2 * MINUTES);
afterAll(async () => {
  await stack.stop();
  removeData(join(home, 'data'));
});

const killIt = (): void => void process.kill(stack.children.get('mail-sink')!.pid, 'SIGKILL');

it(
  'a killed service comes back under the same address, and after five deaths in a minute all is given up with a word',
  async () => {
    let failure: Error | undefined;
    void stack.failed.then((error) => (failure = error));
    for (let deaths = 1; deaths < 5; deaths++) {
      killIt();
      await eventually(() => restarts.length === deaths, { timeoutMs: MINUTES / 2 });
      expect((await fetch(`${stack.urls.mailUrl}/api/messages`)).status).toBe(200);
    }
    expect(restarts).toEqual(Array.from({ length: 4 }, () => 'mail-sink SIGKILL'));
    expect(failure).toBeUndefined();
    killIt();
    await eventually(() => failure, { timeoutMs: MINUTES / 2 });
    expect(failure!.message).toMatch(/^mail-sink ended by itself \(SIGKILL, the 5th time within a minute\)/);
  },
  2 * MINUTES,
);
