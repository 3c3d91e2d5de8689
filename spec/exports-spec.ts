import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { builtPackage, installBuiltPackage } from './support/built-package.js';
import { projectRoot } from './support/project-root.js';
import { importsOf } from './support/source-imports.js';

/** What each entry point exports at run time, in the order of `sort()`. (Its types are in the API report.) */
const names: Record<string, string> = {
  rxmpp: `
    DEFAULT_TIMEOUTS DEFAULT_XML_LIMITS Jid JidError NS SaslError StanzaError StreamError TlsError TransportError UsageError
    XmlElement XmlError XmppError XmppTimeoutError anonymous backoff bind cancelRegistration changePassword clientState connect connectTimeout dataForm deadline
    defaultMechanisms disconnect enableManagement extendableTimeout external intercept isRetryable
    jid keepAlive legacySession negotiate oauthBearer openStream
    parseStream pipelining plain reconnect register resumeSession sasl scopeMap scram scramKeyCache serialize session startTls storedSession submitForm webCrypto
    websocket whitespace xOauth2 xml xmppClient xmppStream
  `,
  'rxmpp/node': 'announcePeer discoverPeers multicastDns nodeCrypto nodeResolver p2p p2pListen pinSpki tcp websocket',
  'rxmpp/angular': 'Xmpp injectXmpp injectXmppStatus provideXmpp withConnectOnStart withZone',
  'rxmpp/testing': `
    ScriptError SeededScheduler XmppServer XmppTesting after assertMarbles cut end exchange expects expectsEnd inMemoryServer
    like memoryTransport mute perConnection provideXmppTesting reply run scriptedTransport seededRandom simulatedNetwork
    stall stanzas startTls statuses testSession unstall xmlMatchers zoneResolver
  `,
  'rxmpp/testing/node': 'startServer startServerAsync',
};
/** Two entry points know each other's classes. */
const sameClass = `await Promise.all([load('rxmpp'), load('rxmpp/node')]).then(([{ UsageError }, { tcp }]) => {
  try { tcp({ port: -1 }); } catch (error) { return error instanceof UsageError; }
})`;

interface Manifest {
  readonly version: string;
  readonly exports: Record<string, { readonly import: string; readonly require: string } | string>;
  readonly dependencies?: object;
  readonly peerDependencies: object;
  readonly peerDependenciesMeta: object;
}

describe('the package', () => {
  const manifest = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as Manifest;
  let folder: string;

  // As an application has it: in a node_modules, where rxjs is found too.
  beforeAll(() => {
    folder = mkdtempSync(join(builtPackage(), '../exports-'));
    // Else what is loaded here would belong to this project, and find that under its own name.
    writeFileSync(join(folder, 'package.json'), '{}');
    installBuiltPackage(folder);
  }, 60_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const evaluate = (format: 'module' | 'commonjs', expression: string): unknown => {
    const load = format === 'module' ? '(name) => import(name)' : 'async (name) => require(name)';
    const code = `const load = ${load}; (async () => console.log(JSON.stringify(${expression})))();`;
    const file = join(folder, format === 'module' ? 'run.mjs' : 'run.cjs');
    writeFileSync(file, code);
    return JSON.parse(execFileSync(process.execPath, [file], { encoding: 'utf8' }));
  };
  const installedFiles = (format: 'esm' | 'cjs') => {
    const root = join(folder, 'node_modules/rxmpp/dist', format);
    return readdirSync(root, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.js'))
      .map((file) => ({ file, text: readFileSync(join(root, file), 'utf8') }));
  };

  it('has the entry points that are listed here', () => {
    const entries = Object.keys(manifest.exports).filter((key) => key !== './package.json');
    expect(entries.map((key) => key.replace('.', 'rxmpp')).sort()).toEqual(Object.keys(names).sort());
  });

  it.each(['module', 'commonjs'] as const)('exports these names and no others, loaded as %s', (format) => {
    const loaded = evaluate(
      format,
      `Object.fromEntries(await Promise.all(${JSON.stringify(Object.keys(names))}.map(
        async (name) => [name, Object.keys(await load(name)).sort().join(' ')])))`,
    );
    const expected = Object.entries(names).map(([entry, list]) => [entry, list.trim().split(/\s+/).join(' ')]);
    expect(loaded).toEqual(Object.fromEntries(expected));
  });

  it.each(['module', 'commonjs'] as const)('has one copy of a class, loaded as %s', (format) => {
    expect(evaluate(format, sameClass)).toBe(true);
  });

  it.each(['esm', 'cjs'] as const)('imports nothing but rxjs, and Node where it is for Node, in %s', (format) => {
    const files = installedFiles(format);
    expect(files.length).toBeGreaterThan(20);
    const foreign = files.flatMap(({ file, text }) =>
      importsOf(file, text)
        .map(({ specifier }) => specifier)
        .filter((specifier) => !specifier.startsWith('.') && !/^rxjs(\/|$)/.test(specifier))
        .filter((specifier) => !(specifier.startsWith('node:') && /^cli\/|(^|\/)node\//.test(file)))
        .filter((specifier) => !(/^@angular\/core(\/|$)/.test(specifier) && /^angular\//.test(file)))
        .filter((specifier) => !(specifier === 'ws' && file === 'transport/node/websocket.js'))
        .filter((specifier) => !(specifier === 'multicast-dns' && file === 'p2p/node/multicast-dns.js'))
        .map((specifier) => `${file}: ${specifier}`),
    );
    expect(foreign).toEqual([]);
  });

  it('calls no require() that a bundler of ES modules would have to resolve', () => {
    const calls = installedFiles('esm').filter(({ text }) => /(?<![\w$.])require\(/.test(text));
    expect(calls.map(({ file }) => file)).toEqual([]);
  });

  it('brings along the code of others that it needs, with its licence', () => {
    const notices = readFileSync(join(folder, 'node_modules/rxmpp/dist/THIRD-PARTY-LICENSES.txt'), 'utf8');
    expect(notices.match(/^\S+ \d+\.\d+\.\d+ \(.*\)$/gm)).toEqual([
      expect.stringMatching(/^@noble\/hashes .* \(MIT\)$/),
      // The command has its own.
      expect.stringMatching(/^rxjs .* \(Apache-2.0\)$/),
      expect.stringMatching(/^tslib .* \(0BSD\)$/),
    ]);
  });

  it('has the command as one file, which runs with nothing beside it', () => {
    const commands = installedFiles('esm').filter(({ file }) => file.startsWith('cli/'));
    expect(commands.map(({ file }) => file)).toEqual(['cli/main.js']);
    // Out of the project, where no rxjs is found.
    const alone = mkdtempSync(join(tmpdir(), 'rxmpp-'));
    try {
      cpSync(join(folder, 'node_modules/rxmpp'), alone, { recursive: true });
      const main = join(alone, 'dist/esm/cli/main.js');
      expect(execFileSync(process.execPath, [main, '--version'], { encoding: 'utf8' })).toContain(manifest.version);
    } finally {
      rmSync(alone, { recursive: true, force: true });
    }
  });

  it('depends on nothing, on rxjs as a peer, and on others only where they are there', () => {
    expect(Object.keys(manifest.dependencies ?? {})).toEqual([]);
    expect(Object.keys(manifest.peerDependencies)).toEqual(['@angular/core', 'multicast-dns', 'rxjs', 'ws']);
    const optional = { optional: true };
    expect(manifest.peerDependenciesMeta).toEqual({
      '@angular/core': optional,
      'multicast-dns': optional,
      ws: optional,
    });
  });
});
