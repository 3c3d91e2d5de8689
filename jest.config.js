/** Specs run from source: swc only strips types (tsc checks them, in `npm test` too). */
export default {
  testEnvironment: 'node',
  // One suite on each core; by default Jest leaves one idle.
  maxWorkers: '100%',
  // Not a bound of anything under test (those are in virtual time): processes and real servers on a busy machine are slow.
  testTimeout: 30_000,
  // With --coverage: V8 counts by itself, so that nothing is instrumented.
  coverageProvider: 'v8',
  collectCoverageFrom: ['lib/**/*.ts'],
  coverageReporters: ['text-summary'],
  testMatch: ['<rootDir>/spec/**/*-spec.ts'],
  testPathIgnorePatterns: [
    '/node_modules/',
    '<rootDir>/spec/angular/versions/',
    '<rootDir>/spec/browser/angular-chat/',
  ],
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/.cache/', '<rootDir>/spec/bench/node_modules/'],
  transform: {
    '^.+\\.[cm]?ts$': [
      '@swc/jest',
      {
        jsc: {
          parser: { syntax: 'typescript' },
          target: 'es2022',
          keepClassNames: true,
          // As tsconfig.json says, by which the package is built.
          transform: { useDefineForClassFields: false },
        },
        module: { type: 'commonjs', ignoreDynamic: true },
        sourceMaps: 'inline',
      },
    ],
    // Angular comes as ES modules only.
    '/node_modules/@angular/.+\\.mjs$': [
      '@swc/jest',
      { jsc: { target: 'es2022' }, module: { type: 'commonjs', ignoreDynamic: true } },
    ],
  },
  transformIgnorePatterns: ['/node_modules/(?!@angular/)'],
  moduleNameMapper: {
    // The sources name the emitted files (`./x.js`), as Node's ESM resolution asks.
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
};
