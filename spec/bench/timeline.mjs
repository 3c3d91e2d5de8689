// Where a log-in over WebSocket takes its time:  node spec/bench/timeline.mjs [RUNS]
//
// rxmpp, strophe.js and a bare socket in turn on Prosody, each with a client of its own and no key cached. For each frame that comes or goes: the median of the
// milliseconds since the one before. All use `ws`, whose sending and receiving is what is noted.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { buildRxmpp, installPeers, servers } from './build.mjs';

const runs = Number(process.argv[2] ?? 41);
installPeers();
process.env.BENCH_RXMPP = buildRxmpp();
const { startProsody } = await servers();

let steps = [];
let last = 0;
function note(step) {
  const now = performance.now();
  steps.push([step, now - last]);
  last = now;
}

const here = createRequire(import.meta.url);
for (const owner of [join(process.env.BENCH_RXMPP, 'node.js'), here.resolve('strophe.js')]) {
  const { prototype } = createRequire(owner)('ws');
  const { send, emit } = prototype;
  const noted = (data) => String(data).replace(/[\s/>][^]*$/, '>');
  prototype.send = function (data, ...more) {
    note(`out ${noted(data)}`);
    return send.call(this, data, ...more);
  };
  prototype.emit = function (event, ...args) {
    if (event === 'open') note('in  (the WebSocket is open)');
    if (event === 'message') note(`in  ${noted(args[0])}`);
    return emit.call(this, event, ...args);
  };
}

// strophe.js tells what it does on the console.
console.debug = console.info = console.warn = () => undefined;
const log = console.log;
console.log = () => undefined;

const server = await startProsody({ tls: 'absent' });
const account = { domain: server.domain, username: 'alice', password: 'wonder' };
const url = `ws://127.0.0.1:${server.ports.http}/xmpp-websocket`;
const clients = Object.fromEntries(
  await Promise.all(['rxmpp', 'strophe', 'bare'].map(async (name) => [name, await import(`./clients/${name}.mjs`)])),
);
const all = { rxmpp: [], strophe: [], bare: [] };
for (let run = 0; run < runs; run++) {
  for (const [name, { open }] of Object.entries(clients)) {
    steps = [];
    last = performance.now();
    const session = await open({ url, ...account });
    note('online');
    all[name].push(steps);
    steps = [];
    await session.close();
    // What Prosody does of itself (a few milliseconds, once for each session) falls on no step in particular.
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 60));
  }
}
await server.stop();

const median = (list) => list.sort((a, b) => a - b)[list.length >> 1];
for (const [name, made] of Object.entries(all)) {
  const later = made.slice(5);
  const total = median(later.map((one) => one.reduce((sum, [, time]) => sum + time, 0)));
  log(`\n${name}: ${total.toFixed(1)} ms`);
  later[0].forEach(([step], index) =>
    log(
      `${median(later.map((one) => one[index][1]))
        .toFixed(2)
        .padStart(8)}  ${step}`,
    ),
  );
}
process.exit();
