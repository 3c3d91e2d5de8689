import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { overSockets, pairs, scripted, socketPairs, special, specials, specialsAtOnce, type Row } from './campaign.js';
import { realServers } from '../servers/index.js';
import { missingFor } from '../support/needs.js';
import { inBetween, SETTINGS } from './attacks/in-between.js';
import type { Special } from './special.js';
import { summary, table } from './table.js';

/**
 * `npm run hostile [-- --cuts N] [--only TEXT] [--workers N]`: every attack, whole, octet by octet and cut in two at every octet (or at N
 * places) in virtual time, and whole over TCP, TLS, ws: and wss:; then those by certificates and look-ups, and those of somebody between
 * the client and Prosody and ejabberd. Prints a table, and fails where one row of it is not as it must be.
 */
interface Share {
  readonly from: number;
  readonly step: number;
  readonly cuts: number;
  readonly only: string;
}

const chosen = <T extends { readonly attack: { readonly row: string; readonly name: string } }>(
  all: readonly T[],
  only: string,
) => all.filter(({ attack }) => `${attack.row} ${attack.name}`.includes(only));

async function work({ from, step, cuts, only }: Share): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [index, pair] of chosen(pairs, only).entries())
    if (index % step === from) rows.push(await scripted(pair, cuts));
  return rows;
}

function inWorker(share: Share): Promise<Row[]> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(fileURLToPath(import.meta.url), { workerData: share });
    worker.once('message', resolve).once('error', reject);
    worker.once('exit', () => reject(new Error('a worker is gone')));
  });
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      cuts: { type: 'string', default: 'Infinity' },
      only: { type: 'string', default: '' },
      workers: { type: 'string', default: String(availableParallelism()) },
    },
  });
  const uncaught: unknown[] = [];
  process.on('uncaughtException', (error) => uncaught.push(error));
  process.on('unhandledRejection', (error) => uncaught.push(error));
  const began = performance.now();
  const only = values.only;
  const step = Number(values.workers);
  const shares = await Promise.all(
    Array.from({ length: step }, (_, from) => inWorker({ from, step, cuts: Number(values.cuts), only })),
  );
  const order = new Map(
    chosen(pairs, only).map(({ attack, link }, index) => [`${attack.name} scripted ${link}`, index]),
  );
  const rows = shares
    .flat()
    .sort((one, other) => order.get(`${one.name} ${one.via}`)! - order.get(`${other.name} ${other.via}`)!);
  const sockets = chosen(socketPairs, only);
  if (sockets.length > 0) rows.push(...(await overSockets(sockets)));
  const matches = ({ row, name }: Special) => `${row} ${name}`.includes(only);
  for (const attack of await specials()) if (matches(attack)) rows.push(await special(attack));
  for (const name of ['prosody', 'ejabberd'] as const) {
    const missing = missingFor(name);
    if (missing.length > 0) {
      console.log(
        `left out: what is made between the client and ${name}, since ${missing.join(', ')} is not installed`,
      );
      continue;
    }
    const server = await realServers[name](SETTINGS);
    try {
      rows.push(...(await specialsAtOnce(inBetween(server).filter(matches))));
    } finally {
      await server.stop();
    }
  }
  const { text, good } = summary(rows);
  console.log(`${table(rows)}\n\n${text}; ${uncaught.length} uncaught exceptions and unhandled rejections`);
  console.log(`${Math.round((performance.now() - began) / 1000)} s`);
  for (const error of uncaught) console.error(error);
  process.exitCode = good && uncaught.length === 0 ? 0 : 1;
}

if (isMainThread) await main();
else parentPort!.postMessage(await work(workerData as Share));
