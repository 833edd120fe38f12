import { isId, newId } from './ids.js';

describe('ids', () => {
  it('are UUIDv7 of now (RFC 9562 §5.7)', () => {
    const before = Date.now();
    const id = newId();
    expect(isId(id)).toBe(true);
    expect(id).toMatch(/^.{8}-.{4}-7.{3}-[89ab]/);
    const at = Number.parseInt(id.replace('-', '').slice(0, 12), 16);
    expect(at).toBeGreaterThanOrEqual(before);
    expect(at).toBeLessThanOrEqual(Date.now());
  });

  it('sort by the order in which they were made, and never repeat', () => {
    const ids = Array.from({ length: 20_000 }, () => newId());
    expect(ids).toEqual(ids.toSorted());
    expect(new Set(ids).size).toBe(ids.length);
  });
});
