import { InFlight } from './in-flight.js';

describe('what is in flight', () => {
  it('is found until it is taken back, in any order and number', () => {
    const inFlight = new InFlight<string>();
    const known = new Map<number, string>();
    let next = 7;
    for (let round = 0; round < 30_000; round++) {
      // More come than go, then the other way round.
      const coming = (round / 10_000) % 2 < 1 ? 0.8 : 0.3;
      if (Math.random() < coming) {
        const sequence = (next += Math.random() < 0.01 ? 3 : 1);
        inFlight.add(sequence, `v${sequence}`);
        known.set(sequence, `v${sequence}`);
      } else {
        const keys = [...known.keys()].slice(0, 40);
        const sequence = keys[Math.floor(Math.random() * keys.length)] ?? next + 1;
        inFlight.delete(sequence);
        inFlight.delete(sequence);
        known.delete(sequence);
        expect(inFlight.get(sequence)).toBeUndefined();
      }
      expect(inFlight.size).toBe(known.size);
    }
    expect([...inFlight]).toEqual([...known]);
    for (const [sequence, value] of known) expect(inFlight.get(sequence)).toBe(value);
    expect(inFlight.get(next + 1)).toBeUndefined();
    expect(inFlight.get(0)).toBeUndefined();
    for (const [sequence] of inFlight) inFlight.delete(sequence);
    expect([inFlight.size, [...inFlight]]).toEqual([0, []]);
  });

  it('is not found under a sequence that was left out', () => {
    const inFlight = new InFlight<string>();
    inFlight.add(0, 'oldest');
    for (let sequence = 1; sequence < 1024; sequence++) inFlight.add(sequence, 'young');
    // 1024 would stand where 0 does, did the room not grow.
    inFlight.add(1030, 'newest');
    expect(inFlight.get(1024)).toBeUndefined();
    expect([...inFlight]).toHaveLength(1025);
  });
});
