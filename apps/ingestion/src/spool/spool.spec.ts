import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '@strowger/testing';
import { encodeBatch } from './records.js';
import { seedOf } from './segment.js';
import { SpoolFull } from './spool.errors.js';
import { Spool, type SpoolOptions } from './spool.js';

describe('the spool', () => {
  let directory: string;
  let opened: Spool[] = [];
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'strowger-spool-'));
  });
  afterEach(async () => {
    for (const spool of opened) await spool.close();
    opened = [];
    await rm(directory, { recursive: true, force: true });
  });

  const open = async (options: Partial<SpoolOptions> = {}): Promise<Spool> => {
    const spool = await Spool.open({ directory, segmentBytes: 64 * 1024, maxBytes: 10_000_000, ...options });
    opened.push(spool);
    return spool;
  };
  const append = (spool: Spool, payload: string, key = `key-${payload.slice(0, 8)}`): Promise<number> =>
    new Promise((resolve, reject) => {
      const seq: number = spool.append(key, Buffer.from(payload), (error) => (error ? reject(error) : resolve(seq)));
    });
  const readAll = async (spool: Spool, from = spool.settledThrough + 1): Promise<string[]> => {
    const cursor = spool.read(from);
    const payloads: string[] = [];
    for (let entries = await cursor.next(7); entries.length > 0; entries = await cursor.next(7))
      payloads.push(...entries.map((entry) => entry.payload.toString()));
    await cursor.close();
    return payloads;
  };
  const segments = async (): Promise<string[]> =>
    (await readdir(directory)).filter((name) => name.endsWith('.log')).sort();
  /** As after kill -9: the files stay as they are, and nothing is closed. */
  const crash = async (spool: Spool): Promise<void> => {
    opened = opened.filter((one) => one !== spool);
    const kept = await Promise.all(
      (await segments()).map(async (name) => [name, await readFile(join(directory, name))] as const),
    );
    await spool.close();
    for (const [name, bytes] of kept) await writeFile(join(directory, name), bytes);
  };

  it('gives back in order what was appended, after a crash too', async () => {
    const spool = await open();
    const payloads = Array.from({ length: 100 }, (_, i) => `payload ${i}`);
    await Promise.all(payloads.map((payload) => append(spool, payload)));
    expect(await readAll(spool)).toEqual(payloads);
    await crash(spool);
    const again = await open();
    expect(again.outstanding).toBe(100);
    expect(await readAll(again)).toEqual(payloads);
  });

  it('writes what one turn of the event loop brings together', async () => {
    const spool = await open();
    const batches: number[] = [];
    spool.onWrite = (batch) => batches.push(batch.length);
    await Promise.all(Array.from({ length: 20 }, (_, i) => append(spool, `p${i}`)));
    expect(batches).toEqual([20]);
  });

  it('goes on taking while writes are under way, and reports in order', async () => {
    const spool = await open();
    const reported: number[] = [];
    await Promise.all(Array.from({ length: 1000 }, (_, i) => append(spool, `p${i}`).then((seq) => reported.push(seq))));
    expect(reported).toEqual(Array.from({ length: 1000 }, (_, i) => i + 1));
  });

  it('leaves out a record that was cut off at the end', async () => {
    const spool = await open();
    await append(spool, 'whole');
    await crash(spool);
    const [name] = await segments();
    const bytes = await readFile(join(directory, name!));
    const torn = encodeBatch(
      [{ seq: 2, key: 'k', payload: Buffer.from('torn off'), group: 1 }],
      seedOf({ firstSeq: 1 }),
    ).subarray(0, 15);
    const end = encodeBatch([{ seq: 1, key: 'key-whole', payload: Buffer.from('whole'), group: 1 }], 0).length;
    torn.copy(bytes, end);
    await writeFile(join(directory, name!), bytes.subarray(0, end + 15));
    const again = await open();
    expect(await readAll(again)).toEqual(['whole']);
    await append(again, 'next');
    expect(await readAll(again)).toEqual(['whole', 'next']);
  });

  it('does not give out a record whose bytes have changed', async () => {
    const spool = await open();
    await append(spool, 'first');
    await append(spool, 'second');
    await crash(spool);
    const path = join(directory, (await segments())[0]!);
    const bytes = await readFile(path);
    bytes[bytes.indexOf('second')] = 0x58;
    await writeFile(path, bytes);
    expect(await readAll(await open())).toEqual(['first']);
  });

  it('does not take a record from a file’s earlier use for a new one', async () => {
    const spool = await open({ segmentBytes: 4096 });
    for (let round = 0; round < 30; round++) {
      await Promise.all(Array.from({ length: 10 }, (_, i) => append(spool, `${round}/${i} ${'x'.repeat(200)}`)));
      if (round < 29) spool.settle(spool.lastSeq);
    }
    await crash(spool);
    const again = await open({ segmentBytes: 4096 });
    expect((await readAll(again)).slice(-10).map((payload) => payload.split(' ')[0])).toEqual(
      Array.from({ length: 10 }, (_, i) => `29/${i}`),
    );
    expect(again.lastSeq).toBe(300);
  });

  it('closes a segment when it is large enough and removes it when all in it is settled', async () => {
    const spool = await open({ segmentBytes: 4096 });
    for (let i = 0; i < 20; i++) await append(spool, 'x'.repeat(1000));
    expect((await segments()).length).toBeGreaterThan(3);
    spool.settle(19);
    await eventually(async () => (await segments()).length === 1);
    expect(await readAll(spool)).toHaveLength(1);
  });

  it('repeats little of what was settled after a crash', async () => {
    const spool = await open();
    for (let i = 0; i < 10; i++) await append(spool, `p${i}`);
    spool.settle(9);
    await append(spool, 'p10');
    await crash(spool);
    expect(await readAll(await open())).toEqual(['p9', 'p10']);
  });

  it('records how far all is settled when nothing is appended any more', async () => {
    const spool = await open();
    await append(spool, 'p');
    const size = spool.bytes;
    spool.settle(1);
    await eventually(() => spool.bytes > size);
    await crash(spool);
    expect((await open()).outstanding).toBe(0);
  });

  it('leaves no file when everything is settled, and keeps the rest', async () => {
    const spool = await open();
    await append(spool, 'a');
    await append(spool, 'b');
    spool.settle(1);
    await spool.close();
    const again = await open();
    expect(await readAll(again)).toEqual(['b']);
    again.settle(2);
    await again.close();
    expect(await readdir(directory)).toEqual([]);
  });

  it('refuses more than it may hold, and takes entries again when there is room', async () => {
    const spool = await open({ segmentBytes: 4096, maxBytes: 10_000 });
    const appended: Promise<number>[] = [];
    expect(() => {
      for (let i = 0; i < 20; i++) appended.push(append(spool, 'x'.repeat(1000)));
      for (const one of appended) one.catch(() => undefined);
      spool.append('k', Buffer.alloc(1000), () => undefined);
    }).toThrow(SpoolFull);
    const outcomes = await Promise.allSettled(appended);
    expect(outcomes.filter((one) => one.status === 'fulfilled')).toHaveLength(9);
    expect(spool.full || spool.bytes > 9000).toBe(true);
    spool.settle(spool.lastSeq);
    await append(spool, 'fits'.repeat(100));
  });

  it('fails appends while the disk fails and works again when it does', async () => {
    const spool = await open({ segmentBytes: 4096 });
    await append(spool, 'before');
    await rm(directory, { recursive: true });
    await expect(
      Promise.all(Array.from({ length: 10 }, () => append(spool, 'x'.repeat(1000)))).then(() =>
        append(spool, 'y'.repeat(4000)),
      ),
    ).rejects.toMatchObject({ code: 'spool-failing', kind: 'unavailable' });
    expect(spool.writable).toBe(false);
    await mkdir(directory);
    await eventually(() => spool.writable);
    await append(spool, 'after');
  });

  it('keeps a segment that lost entries in its middle for a person', async () => {
    const spool = await open({ segmentBytes: 4096 });
    for (let i = 0; i < 8; i++) await append(spool, `${i}`.padEnd(1000, '.'));
    await crash(spool);
    const path = join(directory, (await segments())[0]!);
    const bytes = await readFile(path);
    bytes[bytes.indexOf('1....')] = 0x58;
    await writeFile(path, bytes);
    const again = await open({ segmentBytes: 4096 });
    const left = (await readAll(again)).map((payload) => payload[0]);
    expect(left).toEqual(['0', '5', '6', '7']);
    again.settle(again.lastSeq);
    await again.close();
    expect(await readdir(directory)).toEqual([expect.stringMatching(/\.damaged$/)]);
  });

  it('is for one process at a time', async () => {
    await writeFile(
      join(directory, 'lock'),
      `1 ${(await readFile('/proc/1/stat', 'utf8')).split(') ')[1]!.split(' ')[19]}\n`,
    );
    await expect(open()).rejects.toThrow('in use by process 1');
    await writeFile(join(directory, 'lock'), '1 17\n');
    await open();
  });
});
