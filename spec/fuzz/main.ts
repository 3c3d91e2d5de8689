import { fork } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { fuzz, type Finding } from './campaign.js';
import { compareWithExpat, Expat } from './differential.js';
import { sequences } from './sequences.js';
import { SUBJECTS } from './subjects.js';

/**
 * `npm run fuzz [-- --inputs N] [--sequences N] [--documents N] [--seed S] [--workers N]`: structured inputs (1,000,000 by default), sequences
 * against a client (100,000) and documents against expat (20,000). Prints a table, and what failed as the corpus keeps it.
 */
interface Share {
  readonly inputs: number;
  readonly sequences: number;
  readonly seed: number;
}

async function work({ inputs, sequences: count, seed }: Share): Promise<Finding[]> {
  const shares = SUBJECTS.reduce((sum, { share = 1 }) => sum + share, 0);
  const findings: Finding[] = [];
  for (const one of SUBJECTS) findings.push(await fuzz(one, Math.ceil((inputs * (one.share ?? 1)) / shares), seed));
  findings.push(await fuzz(sequences, count, seed));
  return findings;
}

/** In a process of its own: processor time is told of processes, not of threads. */
async function inWorker(share: Share): Promise<Finding[]> {
  const worker = fork(fileURLToPath(import.meta.url), [JSON.stringify(share)], { serialization: 'advanced' });
  const [first] = await Promise.race([once(worker, 'message'), once(worker, 'exit')]);
  if (!Array.isArray(first)) throw new Error('a worker is gone');
  return first as Finding[];
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      inputs: { type: 'string', default: '1000000' },
      sequences: { type: 'string', default: '100000' },
      documents: { type: 'string', default: '20000' },
      seed: { type: 'string', default: '1' },
      workers: { type: 'string', default: String(availableParallelism()) },
    },
  });
  const workers = Number(values.workers);
  const seed = Number(values.seed);
  const began = performance.now();
  const all = await Promise.all(
    Array.from({ length: workers }, (_, index) =>
      inWorker({
        inputs: Math.ceil(Number(values.inputs) / workers),
        sequences: Math.ceil(Number(values.sequences) / workers),
        seed: seed * 1_000 + index,
      }),
    ),
  );
  let good = true;
  console.log('inputs     slowest    failed  subject');
  for (const [index, { name }] of all[0]!.entries()) {
    const parts = all.map((findings) => findings[index]!);
    const inputs = parts.reduce((sum, part) => sum + part.inputs, 0);
    const slowest = Math.max(...parts.map((part) => part.slowest));
    const failures = parts.flatMap(({ failure }) => failure ?? []);
    const unhandled = parts.reduce((sum, part) => sum + part.unhandled, 0);
    console.log(
      `${String(inputs).padEnd(9)}  ${`${slowest.toFixed(1)} ms`.padEnd(9)}  ${String(failures.length + unhandled).padEnd(6)}  ${name}`,
    );
    for (const { message, value } of failures)
      console.log(`  ${message}\n  ${JSON.stringify({ subject: name, why: message.slice(0, 80), value })}`);
    if (failures.length + unhandled > 0) good = false;
  }
  const expat = await Expat.start();
  if (expat) {
    const { compared, skipped, differences } = await compareWithExpat(expat, Number(values.documents), seed);
    expat.stop();
    console.log(
      `${String(compared).padEnd(9)}             ${String(differences.length).padEnd(6)}  parser: accepted documents against expat (${skipped} with names of a later edition left out)`,
    );
    for (const difference of differences.slice(0, 5)) console.log(`  ${difference}`);
    if (differences.length > 0) good = false;
  } else console.log('left out: the comparison with expat, since there is no python3 with it');
  console.log(`${Math.round((performance.now() - began) / 1000)} s`);
  process.exitCode = good ? 0 : 1;
}

const [, , share] = process.argv;
if (process.send && share?.startsWith('{'))
  process.send(await work(JSON.parse(share) as Share), () => process.disconnect());
else await main();
