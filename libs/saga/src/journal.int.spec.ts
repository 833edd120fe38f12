import { newId } from '@strowger/kernel';
import type { TestDatabase } from '@strowger/testing';
import { SagaJournal, type Move, type SagaRecord } from './journal.js';
import { FixtureDb, sagaDatabase } from './saga.fixtures.js';

let database: TestDatabase;
let db: FixtureDb;
let journal: SagaJournal;

beforeAll(async () => {
  database = await sagaDatabase();
  db = await FixtureDb.connect(database.url);
  journal = new SagaJournal(db);
});
afterAll(async () => {
  await db?.orm.close();
  await database?.drop();
});

async function claimed(count: number): Promise<SagaRecord[]> {
  const ids = Array.from({ length: count }, () => newId());
  for (const id of ids) await journal.insert({ id, name: 'test.v1', subject: id, steps: ['one', 'two'], input: {} });
  const records = await journal.claim({ owner: 'us', leaseMs: 60_000, names: ['test.v1'], limit: count, ids });
  for (const record of records) await journal.move(record, OPEN);
  return records;
}
const OPEN: Move = { to: { state: 'running', phase: 'run', step: 'one' }, open: true };
const done = (output: unknown): Move => ({
  to: { state: 'running', phase: 'run', step: 'two' },
  close: { step: 'one', phase: 'run', state: 'done', output },
  open: true,
});
const outputOf = async ({ id }: SagaRecord): Promise<unknown> =>
  (await journal.find(id))?.journal.find(({ step, state }) => step === 'one' && state === 'done')?.output;

describe('moves of many sagas at once', () => {
  it('are written each for its own saga', async () => {
    const records = await claimed(20);
    const attempts = await Promise.all(records.map((record, i) => journal.move(record, done({ i }))));
    expect(attempts).toEqual(records.map(() => ({ attempt: 1 })));
    for (const [i, record] of records.entries()) expect(await outputOf(record)).toEqual({ i });
  });

  it('are refused only for the one whose lease is lost', async () => {
    const [first, lost, last] = await claimed(3);
    const stale = { id: lost!.id, leaseToken: String(BigInt(lost!.leaseToken) - 1n) };
    const moves = [first!, stale, last!].map((lease) => journal.move(lease, done('x')));
    expect(await Promise.all(moves)).toEqual([{ attempt: 1 }, undefined, { attempt: 1 }]);
    expect(await outputOf(lost!)).toBeUndefined();
  });

  it('fail only for the one that can not be written', async () => {
    const records = await claimed(3);
    // No JSON of this database's may hold it.
    const outputs = ['a', 'b\0', 'c'];
    const moves = records.map((record, i) => journal.move(record, done(outputs[i])));
    const settled = await Promise.allSettled(moves);
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(await outputOf(records[2]!)).toBe('c');
  });
});
