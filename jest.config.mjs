/** Tests run from the TypeScript sources: swc strips types per file, `npm run check` does the type checking. */
export default {
  extensionsToTreatAsEsm: ['.ts'],
  testEnvironment: 'node',
  testEnvironmentOptions: { customExportConditions: ['@strowger/source', 'node', 'node-addons'] },
  transform: { '^.+\\.ts$': '@swc/jest' },
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  testMatch: ['<rootDir>/{apps,libs,tools}/**/*.spec.ts'],
  modulePathIgnorePatterns: ['/dist/', '/.local/'],
  watchman: false,
};
