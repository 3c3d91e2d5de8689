import { spawnSync } from 'node:child_process';
import { cpSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { defects, type Defect } from './defects.js';

/**
 * `npm run defects [-- ID ...] [--verbose]`: gives a copy of the library each defect in turn, and runs the spec that is named after
 * it, which has to fail. Ends with 1 where a change no longer applies, a spec does not notice, or one fails without the change too.
 */
const project = resolve('.');
const copy = join(project, '.cache', 'defects');

/** As the reporter tells it. */
interface Run {
  readonly tests: readonly { readonly fullName: string; readonly status: string; readonly why: string }[];
  /** Why there are no results: a spec that does not even load notices nothing. */
  readonly broken: readonly string[];
}

interface Verdict {
  readonly ok: boolean;
  readonly text: string;
  readonly details?: readonly string[];
}

function main(ids: readonly string[], verbose: boolean): number {
  const chosen = defects.filter(({ id }) => ids.length === 0 || ids.includes(id));
  if (chosen.length === 0) {
    console.log(`there is no such defect: ${ids.join(' ')}`);
    return 1;
  }
  const begun = performance.now();
  makeCopy();
  const sound = run(chosen);
  let noticed = 0;
  for (const defect of chosen) {
    const { ok, text, details = [] } = verdict(defect, sound);
    if (ok) noticed++;
    console.log(`${ok ? 'ok   ' : 'WRONG'} ${defect.id.padEnd(3)} ${defect.effect.padEnd(60)} ${text}`);
    if (verbose || !ok) for (const line of details) console.log(`          ${line}`);
  }
  const seconds = ((performance.now() - begun) / 1000).toFixed(0);
  console.log(`\n${chosen.length} changes, ${noticed} noticed by the spec named after the defect, ${seconds} s`);
  return noticed === chosen.length ? 0 : 1;
}

/** What specs need, beside the same packages. */
function makeCopy(): void {
  rmSync(copy, { recursive: true, force: true });
  const skipped = ['spec/angular/versions', 'spec/browser', 'spec/bench'].map((path) => join(project, path));
  for (const name of ['lib', 'spec', 'jest.config.js', 'package.json'])
    cpSync(join(project, name), join(copy, name), { recursive: true, filter: (path) => !skipped.includes(path) });
  symlinkSync(join(project, 'node_modules'), join(copy, 'node_modules'));
}

/** The specs of these, with the copy as it is now. */
function run(cited: readonly Defect[]): Run {
  const report = join(copy, 'report.json');
  rmSync(report, { force: true });
  const { status, stderr } = spawnSync(
    process.execPath,
    [
      join(project, 'node_modules', 'jest', 'bin', 'jest.js'),
      '--runInBand',
      // A defect may show as silence, and leave sockets behind.
      ...['--testTimeout=5000', '--forceExit'],
      `--reporters=${join(copy, 'spec', 'parity', 'reporter.mjs')}`,
      ...['--testNamePattern', cited.map(({ title }) => titled(title).source).join('|')],
      ...['--runTestsByPath', ...new Set(cited.map(({ spec }) => spec))],
    ],
    { cwd: copy, encoding: 'utf8', timeout: 300_000, killSignal: 'SIGKILL' },
  );
  try {
    return JSON.parse(readFileSync(report, 'utf8')) as Run;
  } catch {
    return { tests: [], broken: [`Jest ended with ${status}: ${stderr}`] };
  }
}

function titled(title: string): RegExp {
  return new RegExp(`(^| )${title.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')}`);
}

function verdict(defect: Defect, sound: Run): Verdict {
  const own = ({ tests }: Run, status: string) =>
    tests.filter((test) => test.status === status && titled(defect.title).test(test.fullName));
  const details = (run: Run) => [
    ...own(run, 'failed').map(({ fullName, why }) => `${fullName}: ${firstLine(why)}`),
    ...run.broken,
  ];
  if (details(sound).length > 0) return { ok: false, text: 'fails without the change', details: details(sound) };
  const passed = own(sound, 'passed').length;
  if (passed === 0) return { ok: false, text: 'no spec has this title' };
  const changed = withDefect(defect);
  if (!changed) return { ok: false, text: 'the change no longer applies' };
  const failed = own(changed, 'failed').length;
  const ok = failed > 0 && changed.broken.length === 0;
  return { ok, text: `${failed} of ${passed} fail`, details: details(changed) };
}

/** Runs the spec with the change; `undefined` where the change does not apply. */
function withDefect(defect: Defect): Run | undefined {
  const path = join(copy, defect.file);
  const original = readFileSync(path, 'utf8');
  if (defect.edits.some(([find]) => original.split(find).length !== 2)) return undefined;
  const spoilt = defect.edits.reduce((text, [find, replace]) => text.replace(find, () => replace), original);
  writeFileSync(path, spoilt);
  try {
    return run([defect]);
  } finally {
    writeFileSync(path, original);
  }
}

function firstLine(message: string): string {
  return stripVTControlCharacters(message).split('\n')[0]!;
}

const args = process.argv.slice(2);
process.exitCode = main(
  args.filter((arg) => !arg.startsWith('-')),
  args.includes('--verbose'),
);
