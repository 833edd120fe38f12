/** Tests run from the TypeScript sources: swc strips types per file, `npm run check` does the type checking. */
import { availableParallelism } from 'node:os';

export default {
  extensionsToTreatAsEsm: ['.ts'],
  testEnvironment: 'node',
  testEnvironmentOptions: { customExportConditions: ['@strowger/source', 'node', 'node-addons'] },
  transform: { '^.+\\.ts$': '@swc/jest' },
  moduleNameMapper: {
    '^(\\.{1,2}/.*)\\.js$': '$1',
    // Its ESM build imports JSON in a way that makes Jest warn once per file and spec.
    '^libphonenumber-js$': '<rootDir>/node_modules/libphonenumber-js/index.cjs',
    '^libphonenumber-js/max$': '<rootDir>/node_modules/libphonenumber-js/max/index.cjs',
  },
  testMatch: ['<rootDir>/{apps,libs,tools}/**/*.spec.ts'],
  modulePathIgnorePatterns: ['/dist/', '/.local/'],
  watchman: false,
  // Specs wait for servers half of the time, so the core that Jest leaves free by default is worth more as a worker.
  maxWorkers: Math.max(2, availableParallelism() - 1),
  testSequencer: '<rootDir>/libs/testing/src/whole-systems-first.ts',
  // Busy machines: creating a database or starting a server can take seconds.
  testTimeout: 60_000,
  globalSetup: '<rootDir>/libs/testing/src/jest-global-setup.ts',
  globalTeardown: '<rootDir>/libs/testing/src/jest-global-teardown.ts',
};
