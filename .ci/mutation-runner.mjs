/**
 * Runs specs for Stryker in one process that is kept: a change is switched on, and the specs that reach it run at once, the first failure
 * being enough. Jest as such would load every spec file anew for each of thousands of changes, which takes days. jest-circus declares
 * the specs and Jest's expect judges them, as in `npm test`; only to run them is done here.
 *
 * A spec that fails with a change runs once more without it. If it fails then too, something that a change left behind has spoilt the
 * process: it is begun anew, and the change tried again there. So no failure counts that the change did not make.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire, Module } from 'node:module';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { INSTRUMENTER_CONSTANTS } from '@stryker-mutator/api/core';
import { commonTokens, declareClassPlugin, PluginKind, tokens } from '@stryker-mutator/api/plugin';
import { DryRunStatus, TestStatus, toMutantRunResult } from '@stryker-mutator/api/test-runner';

/** Folders of spec/ whose specs a change is to be noticed by: those without processes and servers. */
const FOLDERS = ['stream', 'sasl', 'session', 'xml', 'transport', 'client'];
/** Real milliseconds that a spec may take beyond five times of what it takes without a change. Time in specs is virtual. */
const PATIENCE = 2_000;
/** Real milliseconds that a spec may take without a change. */
const LONGEST = 30_000;
/** What the first run found, in Stryker's copy of the project. */
const KNOWN = '.cache/specs.json';

// Specs may replace these.
const { setTimeout, clearTimeout } = globalThis;
const now = performance.now.bind(performance);
const require = createRequire(import.meta.url);

const stryker = (globalThis[INSTRUMENTER_CONSTANTS.NAMESPACE] ??= {});

/** TypeScript by swc with the options that Jest has, and `./x.js` for `./x.ts`. */
function loadTypeScript(root) {
  const { transformSync } = require('@swc/core');
  const options = JSON.parse(readFileSync(join(root, 'spec/support/swc.json'), 'utf8'));
  const codes = new Map();
  const codeOf = (filename) => {
    if (!codes.has(filename))
      codes.set(filename, transformSync(readFileSync(filename, 'utf8'), { ...options, filename }).code);
    return codes.get(filename);
  };
  Module._extensions['.ts'] = (module, filename) => module._compile(codeOf(filename), filename);
  const resolveFilename = Module._resolveFilename;
  Module._resolveFilename = function (request, parent, ...rest) {
    if (/^\.{1,2}\//.test(request) && parent?.filename?.startsWith(root) && !parent.filename.includes('node_modules')) {
      const file = resolve(dirname(parent.filename), request.replace(/\.js$/, ''));
      for (const found of [`${file}.ts`, join(file, 'index.ts')]) if (existsSync(found)) return found;
    }
    return resolveFilename.call(this, request, parent, ...rest);
  };
}

/** What Jest makes global. */
function provideGlobals(circus) {
  const { ModuleMocker } = require('jest-mock');
  const { ModernFakeTimers } = require('@jest/fake-timers');
  const { jestExpect } = require('@jest/expect');
  const mocker = new ModuleMocker(globalThis);
  const config = { fakeTimers: {}, rootDir: process.cwd(), testEnvironmentOptions: {} };
  const timers = new ModernFakeTimers({ config, global: globalThis });
  const { describe, it, test, beforeAll, beforeEach, afterAll, afterEach } = circus;
  Object.assign(globalThis, { describe, it, test, beforeAll, beforeEach, afterAll, afterEach, expect: jestExpect });
  globalThis.jest = {
    fn: mocker.fn.bind(mocker),
    spyOn: mocker.spyOn.bind(mocker),
    restoreAllMocks: mocker.restoreAllMocks.bind(mocker),
    useFakeTimers: () => timers.useFakeTimers(),
    useRealTimers: () => timers.useRealTimers(),
    runAllTimers: () => timers.runAllTimers(),
    getTimerCount: () => timers.getTimerCount(),
    setTimeout: () => undefined,
    requireActual: require,
  };
}

/** Errors that nobody caught, of the spec that is running. */
const caught = [];
/** Whether the spec that is running has put something off. To wait after each costs more than all else on a busy machine. */
let inLaterTurn = false;
for (const name of ['setTimeout', 'setImmediate', 'setInterval']) {
  const original = globalThis[name];
  globalThis[name] = Object.assign((...args) => ((inLaterTurn = true), original(...args)), original);
}

class SpecRunner {
  static inject = tokens(commonTokens.logger, commonTokens.options);
  #circus;
  #require;
  /** The file of each spec. */
  #files = new Map();
  /** How long each spec takes without a change, in milliseconds, and how often it comes by each place of a change. */
  #known;
  #mutant;
  /** That of lib/ which the change is in. */
  #folder;

  constructor(log, options) {
    this.log = log;
    this.folders = options.specFolders ?? FOLDERS;
    this.slowest = options.slowestSpec ?? Infinity;
    this.budget = options.specBudget ?? Infinity;
  }

  /** Nothing is to be loaded anew: with `ignoreStatic` a change is never on while modules are. */
  capabilities() {
    return { reloadEnvironment: true };
  }

  async init() {
    const root = process.cwd();
    loadTypeScript(root);
    process.on('uncaughtException', (error) => caught.push(error));
    process.on('unhandledRejection', (error) => caught.push(error));
    this.#circus = require('jest-circus');
    provideGlobals(this.#circus);
    this.#require = createRequire(join(root, 'package.json'));
    this.rxjs = this.#require('rxjs').config;
    const under = (folder) =>
      readdirSync(join(root, 'spec', folder), { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('-spec.ts'))
        .map((name) => join(folder, name));
    const named = (names) => names.flatMap((name) => (name.endsWith('-spec.ts') ? [name] : under(name)));
    const without = new Set(named(this.folders.filter((name) => name.startsWith('!')).map((name) => name.slice(1))));
    for (const file of new Set(named(this.folders.filter((name) => !name.startsWith('!'))).sort())) {
      if (without.has(file)) continue;
      const { specs } = this.#declare(file);
      for (const id of specs.keys()) this.#files.set(id, file);
    }
  }

  /** A file of specs, evaluated anew, so that what it keeps between its specs is new too; what it imports is not. */
  #declare(file) {
    this.#circus.resetState();
    const path = join(process.cwd(), 'spec', file);
    delete this.#require.cache[path];
    this.#circus.describe(file, () => void this.#require(path));
    const { rootDescribeBlock, hasFocusedTests } = this.#circus.getState();
    const specs = new Map();
    const collect = (block, names, skipped) => {
      for (const child of block.children) {
        const skip = skipped || ['skip', 'todo'].includes(child.mode) || (hasFocusedTests && child.mode !== 'only');
        if (child.type === 'describeBlock') collect(child, [...names, child.name], skip && child.mode !== undefined);
        else if (!skip) {
          const id = [...names, child.name].join(' › ');
          child.id = id;
          for (let n = 2; specs.has(child.id); n++) child.id = `${id} (${n})`;
          specs.set(child.id, child);
        }
      }
    };
    collect(rootDescribeBlock, [], false);
    return { root: rootDescribeBlock, specs };
  }

  async dryRun() {
    stryker.activeMutant = undefined;
    stryker.hitCount = undefined;
    // A spec that counts the handles or the octets of its process counts those of Stryker too: it is no judge here.
    const tests = (await this.#run([...this.#files.keys()], false)).filter(({ id, status, failureMessage }) => {
      if (status === TestStatus.Failed)
        this.log.warn('left out, since it fails without a change: %s: %s', id, failureMessage);
      return status !== TestStatus.Failed;
    });
    const { perTest = {} } = stryker.mutantCoverage ?? {};
    const judges = new Set(tests.map(({ id }) => id));
    for (const id of Object.keys(perTest)) if (!judges.has(id)) delete perTest[id];
    const known = Object.fromEntries(
      tests.map(({ id, timeSpentMs }) => [id, { took: timeSpentMs, hits: perTest[id] ?? {} }]),
    );
    // For the processes that come after this one.
    mkdirSync(dirname(KNOWN), { recursive: true });
    writeFileSync(KNOWN, JSON.stringify(known));
    return { status: DryRunStatus.Complete, tests, mutantCoverage: stryker.mutantCoverage };
  }

  async mutantRun({ activeMutant, testFilter }) {
    this.#known ??= JSON.parse(readFileSync(KNOWN, 'utf8'));
    const chosen = this.#choose(testFilter ?? [...this.#files.keys()], activeMutant.fileName);
    stryker.mutantCoverage = undefined;
    const change = async (ids) => {
      this.#mutant = activeMutant.id;
      try {
        return await this.#run(ids, true);
      } finally {
        this.#mutant = undefined;
      }
    };
    const failure = (tests) => tests.find(({ status }) => status === TestStatus.Failed);
    let tests = await change(chosen);
    // What took too long may have been the machine.
    if (failure(tests)?.hangs) tests = await change(chosen);
    const failed = failure(tests);
    if (!failed) return toMutantRunResult({ status: DryRunStatus.Complete, tests });
    const [again] = await this.#run([failed.id], true);
    if (failure([again])) {
      this.log.warn('%s has spoilt the process: %s', activeMutant.id, again.failureMessage);
      throw new Error(`${failed.id} fails without a change too`);
    }
    return toMutantRunResult(
      failed.hangs
        ? { status: DryRunStatus.Timeout, reason: `${failed.id} hangs` }
        : { status: DryRunStatus.Complete, tests },
    );
  }

  /** Of the specs that come by a change, those that are quick enough, those of its own folder and the quick ones first. */
  #choose(ids, fileName) {
    const took = (id) => this.#known[id]?.took ?? 0;
    this.#folder = relative(join(process.cwd(), 'lib'), fileName).split(sep)[0];
    let left = this.budget;
    return ids
      .filter((id) => took(id) <= this.slowest)
      .sort((one, other) => this.#far(one) - this.#far(other) || took(one) - took(other))
      .filter((id) => (left -= took(id)) >= 0);
  }

  #far(id) {
    return this.#files.get(id).split(sep)[0] === this.#folder ? 0 : 1;
  }

  #took(child) {
    if (child.type === 'test') return this.#known?.[child.id]?.took ?? 0;
    return child.children.reduce((sum, one) => sum + this.#took(one), 0);
  }

  dispose() {
    // What a change has left open must not keep the process.
    setTimeout(() => process.exit(0), 100).unref();
  }

  /** The chosen specs, the quick ones first, since most changes are noticed by them; with `bail` up to the first that fails. */
  async #run(ids, bail) {
    const results = [];
    const chosen = new Set(ids);
    const files = new Map();
    for (const id of ids) {
      const file = files.get(this.#files.get(id)) ?? { far: this.#far(id), took: 0 };
      files.set(this.#files.get(id), file);
      file.took += this.#known?.[id]?.took ?? 0;
    }
    const has = (block) => block.children.some((child) => (child.type === 'test' ? chosen.has(child.id) : has(child)));
    const hooks = (block, type) => block.hooks.filter((hook) => hook.type === type);
    const stop = () => bail && results.at(-1)?.status === TestStatus.Failed;
    const runBlock = async (block, before, after) => {
      let broken;
      for (const { fn } of hooks(block, 'beforeAll')) broken ??= await attempt(fn, LONGEST);
      const inBefore = [...before, ...hooks(block, 'beforeEach')];
      const inAfter = [...hooks(block, 'afterEach'), ...after];
      for (const child of [...block.children].sort((one, other) => this.#took(one) - this.#took(other))) {
        if (stop()) break;
        if (child.type === 'describeBlock') {
          if (has(child)) await runBlock(child, inBefore, inAfter);
        } else if (chosen.has(child.id)) results.push(await this.#spec(child, inBefore, inAfter, broken));
      }
      for (const { fn } of hooks(block, 'afterAll')) await attempt(fn, LONGEST);
    };
    for (const [file] of [...files].sort(([, one], [, other]) => one.far - other.far || one.took - other.took)) {
      if (stop()) break;
      await runBlock(this.#declare(file).root, [], []);
    }
    return results;
  }

  async #spec(test, before, after, broken) {
    const began = now();
    const { took, hits = {} } = this.#known?.[test.id] ?? {};
    const limit = took === undefined ? LONGEST : PATIENCE + 5 * took;
    stryker.activeMutant = this.#mutant;
    // A loop without end comes by much more often.
    stryker.hitLimit = 1_000 + 50 * (hits[this.#mutant] ?? 0);
    stryker.hitCount = 0;
    caught.length = 0;
    inLaterTurn = false;
    this.rxjs.onUnhandledError = (error) => caught.push(error);
    stryker.currentTestId = test.id;
    globalThis.expect.setState({ currentTestName: test.id, assertionCalls: 0, expectedAssertionsNumber: null });
    let error = broken;
    for (const { fn } of before) error ??= await attempt(fn, limit);
    error ??= await attempt(test.fn, limit);
    for (const { fn } of after) {
      const failure = await attempt(fn, limit);
      error ??= failure;
    }
    // RxJS tells in a later turn what nobody caught.
    if (inLaterTurn) await new Promise((done) => setTimeout(done, 1));
    if (caught.length > 0) error ??= { reason: caught[0] };
    stryker.currentTestId = undefined;
    stryker.activeMutant = undefined;
    if (stryker.hitCount > stryker.hitLimit) error = { reason: HANGS };
    return {
      id: test.id,
      name: test.id,
      timeSpentMs: now() - began,
      ...(error
        ? { status: TestStatus.Failed, failureMessage: text(error.reason), hangs: error.reason === HANGS }
        : { status: TestStatus.Success }),
    };
  }
}

const HANGS = new Error('the spec hangs');
const text = (reason) => String(reason instanceof Error ? (reason.stack ?? reason.message) : reason);

/** What went wrong in a function of a spec, which may return a promise or take a callback. */
async function attempt(fn, limit) {
  let timer;
  try {
    const run = fn.length > 0 ? () => new Promise((done, fail) => fn((error) => (error ? fail(error) : done()))) : fn;
    const returned = run.call({});
    if (typeof returned?.then !== 'function') return undefined;
    await Promise.race([
      returned,
      new Promise((_, fail) => {
        timer = setTimeout(() => fail(HANGS), limit);
      }),
    ]);
    return undefined;
  } catch (reason) {
    return { reason };
  } finally {
    clearTimeout(timer);
  }
}

export const strykerPlugins = [declareClassPlugin(PluginKind.TestRunner, 'specs', SpecRunner)];

export const strykerValidationSchema = {
  properties: {
    specBudget: {
      type: 'number',
      description: 'Milliseconds of specs for each change; what comes behind is left out.',
    },
    slowestSpec: { type: 'number', description: 'Milliseconds; specs that take longer are left out.' },
    specFolders: {
      type: 'array',
      items: { type: 'string' },
      description: 'Folders and files of spec/ that are run, and with ! in front not run.',
    },
  },
};
