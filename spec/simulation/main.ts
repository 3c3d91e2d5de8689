import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { playGolden, referencesOf, strikes, type Strike, type Via } from './golden.js';
import { scenarios } from './golden-scenarios.js';
import { simulate, unhandledErrors } from './simulate.js';

/**
 * `npm run simulate -- --seeds N [--seed S] [--trace]`: N seeds from S on (default 0), or with --trace the one run in full.
 *
 * `npm run simulate -- --golden [--stride N] [--only TEXT] [--trace [--strike JSON]]`: the golden transcripts, broken after every N-th
 * octet (default: every); only those with the text in their name; or with --trace the wire of them.
 */
type Share =
  | { readonly kind: 'seeds'; readonly from: number; readonly to: number; readonly step: number }
  | {
      readonly kind: 'golden';
      readonly from: number;
      readonly step: number;
      readonly stride: number;
      readonly only: string;
    };

interface Report {
  readonly runs: number;
  readonly counts: Record<string, number>;
  readonly failed: readonly { readonly seed: number; readonly violations: readonly string[] }[];
}

interface GoldenRow {
  readonly name: string;
  readonly via: Via;
  readonly in: number;
  readonly out: number;
  runs: number;
  /** The longest that it took to recover or to end, in virtual milliseconds. */
  slowest: number;
  failed: { readonly strike: Strike | undefined; readonly violations: readonly string[] }[];
}

function work(share: Share): Report | GoldenRow[] {
  return share.kind === 'seeds' ? runSeeds(share) : runGolden(share);
}

function runSeeds({ from, to, step }: Share & { kind: 'seeds' }): Report {
  const counts: Record<string, number> = {};
  const failed: { seed: number; violations: readonly string[] }[] = [];
  let runs = 0;
  for (let seed = from; seed < to; seed += step) {
    const run = simulate(seed);
    const violations = [
      ...run.violations,
      ...unhandledErrors.splice(0).map((error) => `I11: unhandled ${String(error)}`),
    ];
    runs++;
    for (const [name, count] of Object.entries(run.counts)) counts[name] = (counts[name] ?? 0) + count;
    if (violations.length > 0) failed.push({ seed, violations });
  }
  return { runs, counts, failed };
}

function runGolden({ from, step, stride, only }: Share & { kind: 'golden' }): GoldenRow[] {
  let turn = 0;
  return chosen(only).map((reference) => {
    const { scenario, via, run } = reference;
    const row: GoldenRow = { name: scenario.name, via, in: reference.in, out: reference.out, ...noRuns() };
    const add = (strike: Strike | undefined, { violations, settledAt }: typeof run) => {
      const all = [...violations, ...unhandledErrors.splice(0).map((error) => `I11: unhandled ${String(error)}`)];
      row.runs++;
      row.slowest = Math.max(row.slowest, settledAt);
      if (all.length > 0) row.failed.push({ strike, violations: all });
    };
    if (from === 0) add(undefined, run);
    for (const strike of strikes(reference, stride))
      if (turn++ % step === from) add(strike, playGolden(scenario, via, strike));
    return row;
  });
}

const chosen = (only: string) =>
  scenarios.filter(({ name }) => name.toLowerCase().includes(only.toLowerCase())).flatMap(referencesOf);
const noRuns = () => ({ runs: 0, slowest: 0, failed: [] });

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '100' },
      seed: { type: 'string', default: '0' },
      golden: { type: 'boolean', default: false },
      stride: { type: 'string', default: '1' },
      only: { type: 'string', default: '' },
      strike: { type: 'string' },
      trace: { type: 'boolean', default: false },
    },
  });
  if (values.golden && values.trace) return traceGolden(values.only, values.strike);
  if (values.golden) return golden(Number(values.stride), values.only);
  const first = Number(values.seed);
  if (values.trace) return traceSeed(first);
  return seeds(first, Number(values.seeds));
}

async function seeds(first: number, number: number): Promise<void> {
  const begun = performance.now();
  const step = Math.min(availableParallelism(), number);
  const reports = await Promise.all(
    Array.from({ length: step }, (_, index) =>
      share<Report>({ kind: 'seeds', from: first + index, to: first + number, step }),
    ),
  );
  const failed = reports.flatMap((report) => report.failed).sort((one, other) => one.seed - other.seed);
  const runs = reports.reduce((sum, report) => sum + report.runs, 0);
  const counts: Record<string, number> = {};
  for (const report of reports)
    for (const [name, count] of Object.entries(report.counts)) counts[name] = (counts[name] ?? 0) + count;
  for (const name of Object.keys(counts).sort()) console.log(`${name.padEnd(16)} ${counts[name]}`);
  for (const { seed, violations } of failed.slice(0, 10)) {
    console.log(`\nseed ${seed}:\n  ${violations.slice(0, 5).join('\n  ')}`);
    console.log(`  (npm run simulate -- --seed ${seed} --trace)`);
  }
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  console.log(`\n${runs} seeds, ${failed.length} with violations, ${seconds} s`);
  process.exitCode = failed.length > 0 ? 1 : 0;
}

function traceSeed(seed: number): void {
  const run = simulate(seed);
  console.log([...run.trace, '', run.hash, ...run.violations].join('\n'));
  process.exitCode = run.violations.length > 0 ? 1 : 0;
}

async function golden(stride: number, only: string): Promise<void> {
  const begun = performance.now();
  const step = availableParallelism();
  const reports = await Promise.all(
    Array.from({ length: step }, (_, from) => share<GoldenRow[]>({ kind: 'golden', from, step, stride, only })),
  );
  // Every worker has the same rows, and a share of the runs of each.
  const rows = reports[0]!.map((row, index) => {
    const same = reports.map((report) => report[index]!);
    return {
      ...row,
      runs: same.reduce((sum, { runs }) => sum + runs, 0),
      slowest: Math.max(...same.map(({ slowest }) => slowest)),
      failed: same.flatMap(({ failed }) => failed),
    };
  });
  console.log('scenario'.padEnd(38), 'by    ', ' octets in     out    runs  slowest  with violations');
  for (const row of rows) {
    const figures = [
      String(row.in).padStart(10),
      String(row.out).padStart(7),
      String(row.runs).padStart(7),
      `${(row.slowest / 1000).toFixed(1)} s`.padStart(8),
      String(row.failed.length).padStart(16),
    ];
    console.log(row.name.padEnd(38), row.via.padEnd(6), figures.join(' '));
  }
  for (const { name, failed } of rows)
    for (const { strike, violations } of failed.slice(0, 3)) {
      const flags = strike ? ` --strike '${JSON.stringify(strike)}'` : '';
      console.log(`\n${name}${flags}:\n  ${violations.slice(0, 5).join('\n  ')}`);
      console.log(`  (npm run simulate -- --golden --only '${name}' --trace${flags})`);
    }
  const total = rows.reduce((sum, { runs }) => sum + runs, 0);
  const wrong = rows.reduce((sum, { failed }) => sum + failed.length, 0);
  const transcripts = new Set(rows.map(({ name }) => name)).size;
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  console.log(`\n${transcripts} transcripts, ${total} runs, ${wrong} with violations, ${seconds} s`);
  process.exitCode = total === 0 || wrong > 0 ? 1 : 0;
}

function traceGolden(only: string, strike: string | undefined): void {
  for (const { scenario, via } of chosen(only)) {
    const run = playGolden(scenario, via, strike ? (JSON.parse(strike) as Strike) : undefined, { wire: true });
    console.log([`${scenario.name}, by ${via}`, ...run.trace, ...run.violations, ''].join('\n'));
    if (run.violations.length > 0) process.exitCode = 1;
  }
}

function share<T extends Report | GoldenRow[]>(data: Share): Promise<T> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(fileURLToPath(import.meta.url), { workerData: data });
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

if (isMainThread) await main();
else parentPort!.postMessage(work(workerData as Share));
