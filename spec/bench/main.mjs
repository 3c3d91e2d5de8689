// npm run bench -- [--quick] [--only FIGURE,...] [--rounds N] [--save]
// npm run bench -- --profile CLIENT --only FIGURE    shows where that client's time goes, and keeps the profile
//
// Measures rxmpp and its peers: every measurement in a process of its own, the contenders of a figure one after the other,
// round by round. Prints a table; text and JSON go to .cache/bench/, with --save to spec/bench/ (the committed report).
import { execFileSync, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildRxmpp, installPeers, out, root, servers } from './build.mjs';
import { figures } from './figures.mjs';
import { keepAwake } from './keep-awake.mjs';
import { hottest } from './profile.mjs';
import { startReplay } from './replay.mjs';
import { NAMES, summarize, text } from './report.mjs';

const here = import.meta.dirname;
const { values: args } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    rounds: { type: 'string' },
    save: { type: 'boolean', default: false },
    profile: { type: 'string' },
    verbose: { type: 'boolean', default: false },
  },
});
const rounds = Number(args.rounds ?? (args.quick ? 2 : 7));
const only = args.only?.split(',');

installPeers();
const rxmpp = buildRxmpp();

/** What a worker told. One that fails ends the run: a client that loses a stanza has no speed. */
function work(client, task, given, more = {}) {
  return new Promise((resolve, reject) => {
    const worker = spawn(process.execPath, [join(here, 'worker.mjs'), client, task, JSON.stringify(given)], {
      env: { ...process.env, BENCH_RXMPP: rxmpp, ...(given.caFile && { NODE_EXTRA_CA_CERTS: given.caFile }), ...more },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const limit = setTimeout(() => worker.kill('SIGKILL'), 120_000);
    let output = '';
    worker.stdout.setEncoding('utf8').on('data', (chunk) => (output += chunk));
    worker.on('close', (code) => {
      clearTimeout(limit);
      if (code !== 0) reject(new Error(`${client}, ${task}: the worker ended with ${code}`));
      else resolve(JSON.parse(output));
    });
  });
}

const version = (name) =>
  JSON.parse(readFileSync(join(here, `node_modules/${NAMES[name] ?? name}/package.json`), 'utf8')).version;
const git = (...command) => execFileSync('git', command, { cwd: root, encoding: 'utf8' }).trim();

const { startProsody } = await servers();
const replay = await startReplay();
// TLS is a figure of its own; and clients log in more often than any limit for people allows (there is none here).
const [plain, tls] = await Promise.all([startProsody({ tls: 'absent' }), startProsody()]);
const account = ({ domain, ports, ca, caFile }, secure) => ({
  domain,
  ports,
  username: 'alice',
  password: 'wonder',
  ...(secure && { ca, caFile }),
});
const results = [];
try {
  const measured = figures({
    scale: args.profile ? 4 : args.quick ? 0.4 : 1,
    replay: replay.ports,
    prosody: { plain: account(plain, false), tls: account(tls, true) },
  }).filter(({ name }) => !only || only.some((wanted) => name.startsWith(wanted)));
  if (measured.length === 0) throw new Error(`there is no figure '${args.only}'`);
  for (const figure of args.profile ? measured : []) {
    const { task, given } = figure.contenders[args.profile] ?? {};
    if (!task) continue;
    const file = join(out, `${figure.name}-${args.profile}.cpuprofile`);
    await work(args.profile, task, given, { BENCH_PROFILE: file });
    process.stdout.write(`${figure.name}, ${args.profile} (${file})\n${hottest(file)}\n\n`);
  }
  for (const figure of args.profile ? [] : measured) {
    const told = {};
    const letSleep = figure.awake ? keepAwake() : () => undefined;
    for (let round = 0; round < rounds; round++) {
      const list = Object.entries(figure.contenders).filter(([, { once }]) => !once || round === 0);
      // Whoever begins has the machine as the last figure left it: not always the same one.
      list.push(...list.splice(0, round % Math.max(1, list.length)));
      for (const [contender, { task, given }] of list) {
        const result = await work(
          contender.split(' ')[0] === 'xmpp-js' && task === 'send' ? contender : contender.split(' ')[0],
          task,
          given,
        );
        if (args.verbose) process.stderr.write(`${figure.name} ${contender} ${JSON.stringify(result)}\n`);
        (told[contender] ??= []).push(result);
      }
    }
    letSleep();
    const ordered = Object.fromEntries(Object.keys(figure.contenders).map((contender) => [contender, told[contender]]));
    results.push(summarize(figure, ordered));
    process.stderr.write(`${figure.name} `);
  }
  process.stderr.write('\n');
} finally {
  replay.stop();
  await Promise.all([plain.stop(), tls.stop()]);
}

if (args.profile) process.exit();

const report = {
  machine: {
    commit: git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain', 'lib') ? ' with changes' : ''),
    node: process.version,
    processor: `${os.cpus().length} x ${os.cpus()[0].model.trim()}`,
    load: os
      .loadavg()
      .map((load) => load.toFixed(1))
      .join(' '),
    peers: ['xmpp-js', 'stanza', 'strophe'].map((name) => `${NAMES[name] ?? name} ${version(name)}`).join(', '),
    rounds: `${rounds}, each measurement in a fresh process; medians, with the least and the most`,
  },
  figures: results,
};
process.stdout.write(text(report));
const folder = args.save ? here : out;
writeFileSync(join(folder, 'report.txt'), text(report));
writeFileSync(join(folder, 'report.json'), `${JSON.stringify(report, null, 1)}\n`);
