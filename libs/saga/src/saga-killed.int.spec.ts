import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { newId } from '@strowger/kernel';
import { setLogLevel } from '@strowger/telemetry';
import type { TestDatabase } from '@strowger/testing';
import { FixtureDb, runnerFor, sagaDatabase, world } from './saga.fixtures.js';
import { sagaFaults } from './testing.js';

setLogLevel('silent');
const CHILD = fileURLToPath(new URL('saga-child.fixtures.mjs', import.meta.url));

let database: TestDatabase;
let db: FixtureDb;
beforeAll(async () => {
  database = await sagaDatabase();
  db = await FixtureDb.connect(database.url);
});
afterAll(async () => {
  await db?.orm.close();
  await database?.drop();
});

/** Resolves once the child is inside the step. */
function childAt(id: string, step: string, when: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['--conditions=@strowger/source', CHILD, database.url, id, step, when], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return new Promise((resolve, reject) => {
    let output = '';
    const read = (text: Buffer): void => {
      output += text.toString();
      if (output.includes('reached')) resolve(child);
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.once('exit', (code) => reject(new Error(`The child ended with ${code}: ${output}`)));
  });
}

it.each([
  ['before', ['probe', 'run', 'run']],
  ['after', ['probe', 'run']],
])(
  'a process killed %s the effect of a step is taken over when its lease runs out',
  async (when, calls) => {
    const id = newId();
    const child = await childAt(id, 'enable', when);
    child.kill('SIGKILL');
    const runner = runnerFor(db);
    const faults = sagaFaults(runner);
    await runner.open();
    expect(await runner.settled(id, 10_000)).toMatchObject({ state: 'done', undone: [] });
    expect(faults.calls.map(({ phase }) => phase)).toEqual(calls);
    expect(await world(db, id)).toMatchObject({ business: 'active', held: ['enablement', 'number'] });
    await runner.close();
  },
  30_000,
);
