/**
 * Mutation testing: `npm run mutation`, or of a part: `npm run mutation -- --mutate 'lib/sasl/**\/*.ts'`. Only what has changed since the last
 * run is run again. A survivor is a change that no spec of the same folders notices.
 *
 * @type {import('@stryker-mutator/api/core').PartialStrykerOptions}
 */
export default {
  testRunner: 'specs',
  plugins: ['./.ci/mutation-runner.mjs'],
  // Folders of spec/ to be run, where it is not to be all of them: SPECS=sasl,stream/features npm run mutation -- ...
  ...(process.env.SPECS && { specFolders: process.env.SPECS.split(',') }),
  // Milliseconds that a spec may take to be run; all are by default. What the quick ones do not notice remains to be tried with all.
  ...(process.env.SLOWEST && { slowestSpec: Number(process.env.SLOWEST), timeoutFactor: 0.1 }),
  // Milliseconds of specs for each change. What survives needs all that come by it, which is where most of the time goes.
  ...(process.env.BUDGET && { specBudget: Number(process.env.BUDGET) }),
  coverageAnalysis: 'perTest',
  dryRunTimeoutMinutes: 20,
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
  // The runner knows by itself what has no end; this is for what it cannot get out of. A busy machine must not look like it.
  timeoutMS: 60_000,
  disableTypeChecks: false,
};
