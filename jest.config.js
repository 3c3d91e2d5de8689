import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { transformSync } from 'esbuild';

const lib = join(import.meta.dirname, 'lib');

/** Files of types alone have no code that could run: a count of lines would take them for lines that never ran. */
const typesAlone = () =>
  readdirSync(lib, { recursive: true })
    .filter((file) => file.endsWith('.ts'))
    .filter((file) => transformSync(readFileSync(join(lib, file), 'utf8'), { loader: 'ts' }).code === '');

/** Specs run from source: swc only strips types (spec/types-spec.ts has tsc check them). */
export default {
  testEnvironment: '<rootDir>/spec/support/plain-context.cjs',
  testSequencer: '<rootDir>/spec/support/longest-first.cjs',
  // One suite on each core, and two more, as some wait for servers. By default Jest leaves a core idle.
  maxWorkers: availableParallelism() + 2,
  // Not a bound of anything under test (those are in virtual time): processes and real servers on a busy machine are slow.
  testTimeout: 30_000,
  // With --coverage: V8 counts by itself, so that nothing is instrumented.
  coverageProvider: 'v8',
  collectCoverageFrom: [
    'lib/**/*.ts',
    ...(process.argv.includes('--coverage') ? typesAlone() : []).map((file) => `!lib/${file}`),
  ],
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
      // As tsconfig.json says, by which the package is built.
      JSON.parse(readFileSync(join(import.meta.dirname, 'spec/support/swc.json'), 'utf8')),
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
    // RxJS in one file: each suite loads it anew, and would find two hundred.
    '^rxjs$': '<rootDir>/node_modules/rxjs/dist/bundles/rxjs.umd.js',
    '^rxjs/(operators|testing)$': '<rootDir>/spec/support/rxjs-$1.cjs',
  },
};
