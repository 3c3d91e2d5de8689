import { importsOf, librarySources } from './support/source-imports.js';

/**
 * What each folder may import, beside itself: what a connection is made of comes first, what is made of it later. `type`
 * marks what may be imported for its types only. The entry points and the command put everything together.
 */
const core = [
  'errors',
  'trace',
  'xml',
  'jid',
  'crypto',
  'transport',
  'sasl',
  'stream',
  'session',
  'client',
  'extensions',
  'p2p',
];
const before = (layer: string) => core.slice(0, core.indexOf(layer));
const testing = ['xml', 'errors', 'jid', 'type transport'];
const layers: Record<string, readonly string[]> = {
  ...Object.fromEntries(core.map((layer) => [layer, before(layer)])),
  'crypto/node': ['crypto'],
  'transport/node': ['transport', 'crypto/node', 'errors', 'trace'],
  'p2p/node': [...core, 'transport/node'],
  angular: core,
  // The embedded server shares no protocol code with the client that it is to prove.
  testing,
  // The token that components inject has to be the same one, and a double answers requests and reads errors as a client does.
  'testing/angular': [...testing, ...core.map((layer) => `type ${layer}`), 'testing', 'angular', 'stream', 'session'],
  // What a session or client emits, and what an application would see of it.
  'testing/marbles': [...testing, ...core.map((layer) => `type ${layer}`), 'testing', 'testing/angular'],
  // Where a client looks, and in which order, is the client's affair: what is simulated is what answers.
  'testing/network': [...testing, 'type trace', 'transport', 'testing'],
  'testing/node': ['testing', ...testing],
  cli: [...core, 'transport/node', 'testing', 'testing/node', 'entry'],
  entry: [...core, 'angular', 'testing', 'testing/angular', 'testing/marbles', 'testing/network'],
  'entry for node': [...core, 'crypto/node', 'transport/node', 'p2p/node', 'testing', 'testing/node', 'entry'],
};
const forNode = ['crypto/node', 'transport/node', 'testing/node', 'cli', 'p2p/node', 'entry for node'];
const entriesForNode = ['lib/node.ts', 'lib/testing-node.ts'];

function layerOf(file: string): string {
  if (entriesForNode.includes(file)) return 'entry for node';
  const [, folder, inner, ...rest] = file.split('/');
  if (inner === undefined) return 'entry';
  return ['node', 'angular', 'marbles', 'network'].includes(inner) && rest.length > 0 ? `${folder}/${inner}` : folder!;
}

type Sources = ReadonlyMap<string, string>;

function violations(sources: Sources): string[] {
  return [...sources].flatMap(([file, text]) => {
    const layer = layerOf(file);
    const allowed = layers[layer];
    if (!allowed) return [`${file}: ${layer} is no known layer`];
    return importsOf(file, text).flatMap(({ specifier, file: imported, typeOnly }) => {
      if (specifier.startsWith('node:')) return forNode.includes(layer) ? [] : [`${file}: ${specifier}`];
      if (imported === undefined) return [];
      if (!sources.has(imported)) return [`${file}: ${specifier} is no source`];
      const target = layerOf(imported);
      const fine = target === layer || allowed.includes(target) || (typeOnly && allowed.includes(`type ${target}`));
      return fine ? [] : [`${file}: ${specifier} (${layer} may not import ${target})`];
    });
  });
}

/** The way from an entry point to a module of Node, if there is one: types count too, since declarations show them. */
function wayToNode(sources: Sources, entry: string): string | undefined {
  const ways = new Map([[entry, entry]]);
  for (const [file, way] of ways) {
    for (const { specifier, file: imported } of importsOf(file, sources.get(file) ?? '')) {
      if (specifier.startsWith('node:')) return `${way} > ${specifier}`;
      if (imported !== undefined && !ways.has(imported)) ways.set(imported, `${way} > ${imported}`);
    }
  }
  return undefined;
}

/** Import declarations in a circle, by value: such modules depend on who is loaded first. */
function circles(sources: Sources): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]) => {
    if (path.includes(file)) found.push([...path.slice(path.indexOf(file)), file].join(' > '));
    if (done.has(file) || path.includes(file)) return;
    for (const { file: imported, typeOnly } of importsOf(file, sources.get(file) ?? '')) {
      if (imported !== undefined && !typeOnly) visit(imported, [...path, file]);
    }
    done.add(file);
  };
  for (const file of sources.keys()) visit(file, []);
  return found;
}

describe('layers', () => {
  const sources = librarySources();

  it('import only what comes before them', () => {
    expect(violations(sources)).toEqual([]);
  });

  it('are not imported in a circle', () => {
    expect(circles(sources)).toEqual([]);
  });

  it.each(['lib/index.ts', 'lib/angular.ts', 'lib/testing.ts'])('reach no module of Node from %s', (entry) => {
    expect(sources.has(entry)).toBe(true);
    expect(wayToNode(sources, entry)).toBeUndefined();
  });
});

describe('the check of layers', () => {
  const base = { 'lib/xml/xml.ts': '', 'lib/jid/jid.ts': '', 'lib/transport/transport.ts': '', 'lib/stream/a.ts': '' };

  it.each([
    ['a later layer', 'lib/xml/b.ts', `import { a } from '../stream/a.js';`],
    ['a later layer by type', 'lib/xml/b.ts', `import type { A } from '../stream/a.js';`],
    ['a later layer by re-export', 'lib/xml/b.ts', `export * from '../stream/a.js';`],
    ['a later layer by import()', 'lib/xml/b.ts', `const a = import('../stream/a.js');`],
    ['a later layer by the type of import()', 'lib/xml/b.ts', `type A = import('../stream/a.js').A;`],
    ['Node in the core', 'lib/xml/b.ts', `import { isIP } from 'node:net';`],
    ['Node by type in the core', 'lib/index.ts', `import type { Socket } from 'node:net';`],
    ['the client from the embedded server', 'lib/testing/b.ts', `import { a } from '../stream/a.js';`],
    [
      'a value of the transport from the embedded server',
      'lib/testing/b.ts',
      `import { a } from '../transport/transport.js';`,
    ],
    ['the JIDs from a transport for Node', 'lib/transport/node/b.ts', `import { jid } from '../../jid/jid.js';`],
    ['what does not exist', 'lib/xml/b.ts', `import { c } from './c.js';`],
    ['an unknown folder', 'lib/other/b.ts', ''],
  ])('finds %s', (_, file, text) => {
    expect(violations(new Map(Object.entries({ ...base, [file]: text })))).toHaveLength(1);
  });

  it.each([
    ['an earlier layer', 'lib/stream/b.ts', `import { xml } from '../xml/xml.js'; export * from './a.js';`],
    [
      'types of the port from the embedded server',
      'lib/testing/b.ts',
      `import type { T } from '../transport/transport.js';`,
    ],
    ['Node where it belongs', 'lib/transport/node/b.ts', `import { isIP } from 'node:net'; import '../transport.js';`],
    ['everything from an entry point', 'lib/node.ts', `export { a } from './stream/a.js'; import 'node:net';`],
  ])('allows %s', (_, file, text) => {
    expect(violations(new Map(Object.entries({ ...base, [file]: text })))).toEqual([]);
  });

  it('finds a way to Node through others, and circles', () => {
    const sources = new Map([
      ['lib/index.ts', `export { a } from './a.js';`],
      ['lib/a.ts', `import type { B } from './b.js';`],
      ['lib/b.ts', `import 'node:net'; import './c.js';`],
      ['lib/c.ts', `import './b.js';`],
    ]);
    expect(wayToNode(sources, 'lib/index.ts')).toBe('lib/index.ts > lib/a.ts > lib/b.ts > node:net');
    expect(circles(sources)).toEqual(['lib/b.ts > lib/c.ts > lib/b.ts']);
  });
});
