/**
 * Mutation testing: `npm run mutation`, or of a part: `npm run mutation -- --mutate 'lib/sasl/**\/*.ts'`. Only what has changed since the last
 * run is run again. A survivor is a change that no spec of the same folders notices.
 *
 * @type {import('@stryker-mutator/api/core').PartialStrykerOptions}
 */
export default {
  testRunner: 'jest',
  plugins: ['@stryker-mutator/jest-runner'],
  jest: { configFile: '.ci/jest-mutation.config.mjs' },
  coverageAnalysis: 'perTest',
  // What runs once at the beginning (tables, patterns) would need all specs for each change.
  ignoreStatic: true,
  mutate: ['lib/{stream,sasl,session,xml,transport,client}/**/*.ts', '!lib/**/index.ts'],
  ignorePatterns: ['/dist', '/.cache', '/coverage', '/spec/browser', '/spec/bench/node_modules'],
  incremental: true,
  incrementalFile: '.cache/mutation.json',
  tempDirName: '.cache/stryker',
  reporters: ['clear-text', 'progress'],
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
  thresholds: { high: 95, low: 85, break: 85 },
  concurrency: 2,
  timeoutMS: 10_000,
  disableTypeChecks: false,
};
