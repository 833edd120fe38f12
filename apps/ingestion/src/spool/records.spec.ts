import { crc32 } from 'node:zlib';
import { decodeRecords, encodeBatch, formGroups, groupAt, type SpoolEntry } from './records.js';

const entries = (...sizes: number[]): SpoolEntry[] =>
  sizes.map((size, i) => ({ seq: i + 1, key: `k${i + 1}`, payload: Buffer.alloc(size, 'x'), group: 1 }));
const groupsOf = (all: readonly SpoolEntry[]): number[][] => {
  const groups: number[][] = [];
  for (let at = 0; at < all.length;) {
    const group = groupAt(all, at);
    groups.push(group.map(({ seq }) => seq));
    at += group.length;
  }
  return groups;
};

describe('entries that go together', () => {
  it('are at most 64 and 128 KiB; a larger one goes alone', () => {
    const many = entries(...Array.from({ length: 150 }, () => 10));
    formGroups(many);
    expect(groupsOf(many).map((group) => group.length)).toEqual([64, 64, 22]);
    const large = entries(10, 10, 200 * 1024, 10, 100 * 1024, 50 * 1024, 10);
    formGroups(large);
    expect(groupsOf(large)).toEqual([[1, 2], [3], [4, 5], [6, 7]]);
  });

  it('are the same when they are read again', () => {
    const all = entries(10, 10, 10, 10, 10);
    formGroups(all.slice(0, 3));
    formGroups(all.slice(3));
    const { records } = decodeRecords(encodeBatch(all, 7), 7);
    const read = records.map((record, i) => ({ seq: i + 1, ...record }) as SpoolEntry);
    expect(read).toEqual(all);
    expect(groupsOf(read)).toEqual([
      [1, 2, 3],
      [4, 5],
    ]);
  });

  it('are read without a beginning that is settled, or an end that was never written', () => {
    const all = entries(10, 10, 10, 10, 10, 10);
    formGroups(all.slice(0, 3));
    formGroups(all.slice(3));
    expect(groupsOf(all.slice(1))).toEqual([[2], [3], [4, 5, 6]]);
    expect(groupsOf([...all.slice(0, 2), ...all.slice(3)])).toEqual([
      [1, 2],
      [4, 5, 6],
    ]);
  });

  it('of an earlier version go alone', () => {
    const body = Buffer.concat([Buffer.from([1, 2]), Buffer.from('k1{"n":1}')]);
    const header = Buffer.alloc(8);
    header.writeUInt32BE(body.length, 0);
    header.writeUInt32BE(crc32(body, 7), 4);
    const { records } = decodeRecords(Buffer.concat([header, body]), 7);
    expect(records).toEqual([{ key: 'k1', payload: Buffer.from('{"n":1}'), group: 1 }]);
  });
});
