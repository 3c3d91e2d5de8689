import rxjs from 'eslint-plugin-rxjs-x';
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';
import observableNames from './.ci/eslint/observable-names.mjs';

/** Where the outside world meets the core: sockets, processes, terminals. */
const edges = ['lib/transport/node/**', 'lib/p2p/node/**', 'lib/testing/node/**', 'lib/cli/**'];

const time =
  'Virtual time cannot see it: take a SchedulerLike (timer(), delay(), scheduler.now(), scheduler.schedule()).';
const chance = 'A run must be reproducible: take the injected `random`.';
const promises = 'Virtual time cannot see promises: return an Observable.';
const nowhere = 'There is none in a browser.';

const timers = ['setTimeout', 'setInterval', 'setImmediate', 'clearTimeout', 'clearInterval', 'clearImmediate'];

export default defineConfig(
  { ignores: ['dist/', 'coverage/', '.cache/', 'spec/browser/angular-chat/', 'spec/bench/node_modules/'] },
  {
    files: ['lib/**/*.ts', 'spec/**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked, rxjs.configs.recommended],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      eqeqeq: 'error',
      'no-console': 'error',
      '@typescript-eslint/no-import-type-side-effects': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      // `list[i]!` says that the index was thought of, also where the compiler does not ask.
      '@typescript-eslint/no-unnecessary-type-assertion': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      // Object.create(null) and new Map() are `any` to these; no-explicit-any and the other no-unsafe rules see the rest.
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      // What was thrown may be anything, and is told as it is.
      '@typescript-eslint/no-base-to-string': 'off',
      // The ports have methods that need no `this`; rxjs-x/no-unbound-methods keeps the trap that matters.
      '@typescript-eslint/unbound-method': 'off',
      // Stages error with an XmppError, and their observers may say so.
      'rxjs-x/no-implicit-any-catch': 'off',
      // An index is a folder's list of what other folders may use.
      'rxjs-x/no-index': 'off',
    },
  },
  {
    files: ['lib/**/*.ts'],
    plugins: { rxmpp: { rules: { 'observable-names': observableNames } } },
    rules: {
      'rxmpp/observable-names': 'error',
      'rxjs-x/no-exposed-subjects': 'error',
      'rxjs-x/no-floating-observables': 'error',
      'rxjs-x/no-ignored-subscribe': 'error',
      'rxjs-x/no-ignored-subscription': 'error',
      'rxjs-x/no-misused-observables': 'error',
      'rxjs-x/no-sharereplay-before-takeuntil': 'error',
      'rxjs-x/no-subclass': 'error',
    },
  },
  {
    files: ['lib/xml/**/*.ts'],
    rules: {
      // Thrown through the tokenizer and caught in the same folder: they need no stack, which is what costs.
      '@typescript-eslint/only-throw-error': 'off',
    },
  },
  {
    // Operators that hold two subscriptions at once and release them in an order of their own.
    files: ['lib/stream/scope-map.ts', 'lib/session/disconnect.ts'],
    rules: { 'rxjs-x/no-nested-subscribe': 'off' },
  },
  {
    // Handed from one session to the next that resumes it; Session shows an observable.
    files: ['lib/session/session-memory.ts', 'lib/client/client-memory.ts'],
    rules: { 'rxjs-x/no-exposed-subjects': 'off' },
  },
  {
    files: ['lib/**/*.ts'],
    ignores: edges,
    rules: {
      'no-restricted-globals': [
        'error',
        ...[...timers, 'queueMicrotask', 'performance'].map((name) => ({ name, message: time })),
        ...['process', 'Buffer', 'global'].map((name) => ({ name, message: nowhere })),
      ],
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: time },
        ...timers.map((property) => ({ object: 'globalThis', property, message: time })),
      ],
      'no-restricted-syntax': [
        'error',
        // Naming it as the default of `random` is fine.
        { selector: 'CallExpression[callee.object.name="Math"][callee.property.name="random"]', message: chance },
        { selector: 'NewExpression[callee.name="Date"][arguments.length=0]', message: time },
        { selector: 'NewExpression[callee.name="Promise"]', message: promises },
        { selector: 'MemberExpression[object.name="Promise"]', message: promises },
        { selector: ':function[async=true]', message: promises },
        { selector: 'AwaitExpression', message: promises },
        { selector: 'ImportSpecifier[imported.name=/^(first|last)ValueFrom$/]', message: promises },
      ],
    },
  },
  {
    // Where the program's life is subscribed to, and its end is the process's.
    files: ['lib/cli/**/*.ts'],
    rules: { 'no-console': 'off', 'rxjs-x/no-ignored-subscribe': 'off', 'rxjs-x/no-ignored-subscription': 'off' },
  },
  {
    files: ['spec/**/*.ts'],
    rules: {
      // Marbles and hostile peers bring errors that are none.
      'rxjs-x/throw-error': 'off',
      '@typescript-eslint/only-throw-error': 'off',
      // An async spec turns what it throws into its failure, whether it awaits or not.
      '@typescript-eslint/await-thenable': 'off',
      '@typescript-eslint/require-await': 'off',
      // A spec reaches into what it provokes, and answers for the types itself.
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/restrict-template-expressions': 'off',
      'no-restricted-syntax': [
        'error',
        {
          selector: 'MemberExpression[object.name=/^(it|test|describe)$/][property.name="only"]',
          message: 'It leaves every other spec out.',
        },
      ],
    },
  },
  {
    files: [
      'spec/support/needs.ts',
      'spec/support/node-of-npm.ts',
      'spec/bench/**/*.ts',
      'spec/simulation/**/*.ts',
      'spec/soak/main.ts',
      'spec/hostile/main.ts',
      'spec/hostile/peers.ts',
      'spec/fuzz/main.ts',
      'spec/parity/main.ts',
      'spec/node-versions/main.ts',
    ],
    rules: { 'no-console': 'off' },
  },
  { files: ['**/*.js', '**/*.mjs'], rules: { eqeqeq: 'error', 'no-unused-vars': 'error' } },
);
