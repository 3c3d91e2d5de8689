// What an idle session keeps on the heap:  node spec/bench/heap.mjs [CLIENT] [SESSIONS]
//
// Opens 50 idle TCP sessions and then so many more, and lists by kind what these have added to the heap, after the sums by type. Arrays, contexts of functions and plain
// objects are told by who holds them, functions by where they are written.
import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import v8 from 'node:v8';
import { buildRxmpp, installPeers } from './build.mjs';
import { startReplay } from './replay.mjs';

const client = process.argv[2] ?? 'rxmpp';
const sessions = Number(process.argv[3] ?? 500);
installPeers();
process.env.BENCH_RXMPP = buildRxmpp();
const { open } = await import(`./clients/${client}.mjs`);
const server = await startReplay();

const address = { host: '127.0.0.1', port: server.ports.tcp, domain: 'localhost' };
const kept = [];
async function connect(count) {
  for (; count > 0; count -= 10) {
    kept.push(...(await Promise.all(Array.from({ length: 10 }, () => open(address)))));
  }
  // Timers of the handshake, and turns that still hold something.
  await new Promise((resolve) => setTimeout(resolve, 300));
}
await connect(50);
// As text, so that it is not on the heap itself.
const before = JSON.stringify([...kinds()]);
await connect(sessions);
const after = kinds();
server.stop();

const former = new Map(JSON.parse(before));
const rows = [...after]
  .map(([what, { octets, number }]) => {
    const then = former.get(what) ?? { octets: 0, number: 0 };
    return { what, octets: (octets - then.octets) / sessions, number: (number - then.number) / sessions };
  })
  .filter(({ number }) => number >= 0.9)
  .sort((a, b) => b.octets - a.octets);
const total = rows.reduce((sum, { octets }) => sum + octets, 0);
console.log(
  `${client}: ${(total / 1024).toFixed(1)} KB for each of ${sessions} idle sessions\n\n  octets   number  what`,
);
for (const type of new Set(rows.map(typeOf))) {
  const own = rows.filter((kind) => typeOf(kind) === type);
  row(
    own.reduce((sum, { octets }) => sum + octets, 0),
    own.reduce((sum, { number }) => sum + number, 0),
    `(${type})`,
  );
}
console.log();
for (const { octets, number, what } of rows) {
  row(octets, number, what);
}
process.exit();

function row(octets, number, what) {
  console.log(`${octets.toFixed(0).padStart(8)}${number.toFixed(1).padStart(9)}  ${what}`);
}

/** What V8 calls it, but for the contexts of functions and for what holds the elements and properties of objects. */
function typeOf({ what }) {
  if (/^object system \/ Context/.test(what)) return 'contexts of functions';
  if (/^(array|hidden)|^object Array/.test(what)) return 'arrays';
  return what.split(' ')[0];
}

/** What is on the heap, by kind. */
function kinds() {
  const file = v8.writeHeapSnapshot(join(tmpdir(), `rxmpp-${process.pid}.heapsnapshot`));
  const { snapshot, nodes, edges, strings, locations } = JSON.parse(readFileSync(file, 'utf8'));
  rmSync(file);
  const { meta } = snapshot;
  const [nodeTypes, edgeTypes] = [meta.node_types[0], meta.edge_types[0]];
  const [width, edgeWidth] = [meta.node_fields.length, meta.edge_fields.length];
  const [SIZE, EDGES] = ['self_size', 'edge_count'].map((name) => meta.node_fields.indexOf(name));
  const labelOf = (node) => `${nodeTypes[nodes[node]]} ${strings[nodes[node + 1]].slice(0, 40)}`;

  // Whoever is met first as holder tells what a nameless thing is for.
  const holders = new Map();
  for (let node = 0, edge = 0; node < nodes.length; node += width) {
    for (const end = edge + nodes[node + EDGES] * edgeWidth; edge < end; edge += edgeWidth) {
      const type = edgeTypes[edges[edge]];
      const held = edges[edge + 2];
      if (type === 'weak' || holders.has(held)) continue;
      const name = type === 'element' || type === 'hidden' ? '[]' : strings[edges[edge + 1]];
      holders.set(held, `${name} of ${labelOf(node)}`);
    }
  }
  const places = new Map();
  for (let i = 0; i < locations.length; i += meta.location_fields.length) {
    const [node, script, line] = locations.slice(i, i + 3);
    places.set(node, `, script ${script} line ${line + 1}`);
  }

  const found = new Map();
  for (let node = 0; node < nodes.length; node += width) {
    const label = labelOf(node);
    const nameless = /^(array|hidden|native)|^object (Array|Object|system)/.test(label);
    const what = `${label}${nameless ? ` <- ${holders.get(node)}` : ''}${label.startsWith('closure') ? (places.get(node) ?? '') : ''}`;
    const kind = found.get(what) ?? { octets: 0, number: 0 };
    kind.octets += nodes[node + SIZE];
    kind.number++;
    found.set(what, kind);
  }
  return found;
}
