import { breakingSince, drift, EVENTS, generatedSchemas } from './schema-files.js';

it('the schema files are those of the event classes', () => {
  expect(drift()).toEqual([]);
});

it('no event has changed in a way its readers cannot take since the last commit', () => {
  expect(breakingSince('HEAD')).toEqual([]);
});

it('there is one schema for each event, named after its type', () => {
  const types = Object.values(EVENTS).flatMap((events) => events.map(({ type }) => `${type}.json`));
  expect([...generatedSchemas().keys()].map((path) => path.split('/').at(-1))).toEqual(types);
  expect(types.length).toBeGreaterThan(10);
});

it('a file that is missing, differs or has no event counts as drift', () => {
  const [[path, schema] = ['', {}], ...others] = generatedSchemas();
  expect(drift(new Map([[path, { ...schema, title: 'Other' }], ...others]))).toEqual([
    expect.stringContaining(`${path}: differs`),
  ]);
  expect(drift(new Map(others))).toEqual([expect.stringContaining(`${path}: no event`)]);
  const elsewhere = path.replace('.v1', '.v9');
  expect(drift(new Map([[path, schema], [elsewhere, schema], ...others]))).toEqual([
    expect.stringContaining(`${elsewhere}: missing`),
  ]);
});

it('where there is no such commit nothing is broken', () => {
  expect(breakingSince('no-such-commit')).toEqual([]);
});
