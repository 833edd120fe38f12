import { carriers } from '@strowger/cpaas';
import { filesAt, textOf } from './repository.fixtures.js';

const PRODUCTION = filesAt('{apps,libs,tools}/**/*.{ts,mjs}').filter(
  (path) => !/\/restcomm\/|\.spec\.|\.fixtures\.|\/testing\/|^tools\/verify\//.test(path),
);

it('names a carrier outside its folders in a dozen files at most', () => {
  expect(PRODUCTION.length).toBeGreaterThan(400);
  const naming = PRODUCTION.filter((path) => /restcomm/i.test(textOf(path)));
  expect(naming).toContain('libs/cpaas/src/registry.ts');
  expect(naming.length).toBeLessThanOrEqual(12);
});

it('has a reader for every field of a carrier’s manifest', () => {
  const readers = PRODUCTION.filter((path) => path !== 'libs/cpaas/src/carrier.ts').map(textOf);
  const [{ manifest } = { manifest: {} }] = carriers();
  const reads = (field: string): boolean =>
    readers.some((text) =>
      new RegExp(`manifest\\)?[?!]?\\.${field}\\b|\\{[^{}]*\\b${field}\\b[^{}]*\\} = [^;]*manifest\\b`).test(text),
    );
  expect(Object.keys(manifest).length).toBeGreaterThan(4);
  expect(Object.keys(manifest).filter((field) => !reads(field))).toEqual([]);
  expect(reads('neverThere')).toBe(false);
});
