import { parseArgs } from 'node:util';
import { soak, type SoakReport } from './soak.js';
import type { Counts } from './tally.js';

/**
 * `npm run soak -- [--sessions N] [--resets N] [--messages N] [--burst N] [--pace MS] [--seed S] [--servers prosody,ejabberd]`:
 * sessions on real servers through a proxy that resets their connections; then the server is killed. Exits with 1 if a
 * message was lost, doubled or not accounted for, or if a client changed the order.
 */
const { values } = parseArgs({
  options: {
    sessions: { type: 'string', default: '200' },
    resets: { type: 'string', default: '10' },
    messages: { type: 'string', default: '20000' },
    burst: { type: 'string' },
    pace: { type: 'string', default: '400' },
    seed: { type: 'string', default: '1' },
    servers: { type: 'string', default: 'prosody,ejabberd' },
  },
});

const PHASES: readonly (keyof Counts)[] = [
  ...(['sent', 'acked', 'unknown', 'failed', 'received'] as const),
  ...(['returned', 'lost', 'duplicated', 'reordered'] as const),
];

function table({ resets, kill, ...report }: SoakReport): string {
  const row = (name: string, counts: Counts) =>
    name.padEnd(12) + PHASES.map((column) => String(counts[column]).padStart(12)).join('');
  return [
    `${report.server}: ${report.seconds.toFixed(1)} s`,
    ''.padEnd(12) + PHASES.map((column) => column.padStart(12)).join(''),
    row('resets', resets),
    row('kill -9', kill),
    `connections ${report.attempts}, reset ${report.resetByOctet} by octet and ${report.resetByHand} by hand; ` +
      `sessions bound ${report.bound}, resumed ${report.resumed}, bound after the kill ${report.boundAfterKill}, ` +
      `all back ${(report.recovered / 1000).toFixed(1)} s after the restart` +
      (report.archived > 0 ? `, ${report.archived} acknowledged ones in the archive alone` : ''),
    ...Object.entries(report.failures).map(([what, count]) => `  ${String(count).padStart(6)} ${what}`),
    `violations: ${report.violations.length}`,
    ...report.violations.slice(0, 20).map((violation) => `  ${violation}`),
  ].join('\n');
}

const unhandled: unknown[] = [];
process.on('unhandledRejection', (reason) => unhandled.push(reason));
process.on('uncaughtException', (error) => unhandled.push(error));
const resources = () =>
  process
    .getActiveResourcesInfo()
    // Files of the module loader come and go.
    .filter((kind) => !/^(Immediate|CloseReq|FSReq)/.test(kind))
    .sort()
    .join(' ');
// Both are made when they are first asked for, and are pipes where somebody reads along.
void [process.stdout, process.stderr];
const before = resources();
let failed = false;
for (const server of values.servers.split(',') as ('prosody' | 'ejabberd')[]) {
  const begun = Date.now();
  const report = await soak(server, {
    sessions: Number(values.sessions),
    resets: Number(values.resets),
    messages: Number(values.messages),
    burst: Number(values.burst ?? Number(values.messages) / 10),
    pace: Number(values.pace),
    seed: Number(values.seed),
    progress: (text) => console.error(`${((Date.now() - begun) / 1000).toFixed(1).padStart(7)} s ${text}`),
  });
  console.log(table(report));
  if (report.violations.length > 0) failed = true;
}
// Sockets leave a turn or two after they were let go.
for (let turn = 0; turn < 1_000 && resources() !== before; turn++) await new Promise((next) => setImmediate(next));
const left = resources();
if (left !== before) console.log(`handles left: ${left}; before: ${before}`);
for (const error of unhandled) console.log('unhandled:', error);
process.exitCode = failed || left !== before || unhandled.length > 0 ? 1 : 0;
