// Packs the package and asks publint, are-the-types-wrong and the strictest TypeScript about the tarball, which is what users
// get. It is built and packed in a folder of its own, so that a `dist` in use stays as it is.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
const bin = (name) => join(root, 'node_modules/.bin', name);
mkdirSync(join(root, '.cache'), { recursive: true });
// Inside the project, where rxjs is found.
const folder = mkdtempSync(join(root, '.cache/package-'));
/** What is not given may be given as `undefined`, whatever an application sets. */
const UNDEFINED = `
import * as rxmpp from 'rxmpp';
rxmpp.xmppClient({
  jid: 'me@example.org',
  credentials: { password: '', username: undefined },
  transport: rxmpp.websocket({ url: undefined, fetch: undefined }),
  resource: undefined,
  timeouts: { connect: undefined },
  streamManagement: { acknowledgements: { every: undefined }, store: undefined },
  reconnect: { veto: undefined, backoff: rxmpp.backoff({ initial: undefined }) },
  features: undefined,
});
new rxmpp.StreamError({ condition: 'reset', text: undefined });
`;
/** Whether an application compiles that reads every declaration (no `skipLibCheck`), by all that `strict` leaves out too. */
const compiles = (entries, options) => {
  const imports = entries.map((entry, index) => `export * as e${index} from '${entry}';\n`);
  writeFileSync(join(folder, 'application.ts'), imports.join('') + UNDEFINED);
  const compilerOptions = {
    ...{ target: 'es2022', lib: ['es2022', 'dom'], strict: true, skipLibCheck: false, noEmit: true },
    ...{ exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, noPropertyAccessFromIndexSignature: true },
    ...options,
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['application.ts'] }));
  return run(bin('tsc'), '-p', 'tsconfig.json');
};
const run = (command, ...args) => spawnSync(command, args, { cwd: folder, stdio: 'inherit' }).status === 0;

try {
  for (const name of ['package.json', 'README.md', 'CHANGELOG.md', 'LICENSE', 'lib']) {
    if (existsSync(join(root, name))) cpSync(join(root, name), join(folder, name), { recursive: true });
  }
  if (!run(process.execPath, join(root, '.ci/build.mjs'), '--out', join(folder, 'dist'))) throw new Error('not built');
  const pack = spawnSync('npm', ['pack', '--json', '--ignore-scripts'], { cwd: folder });
  if (pack.status !== 0) throw new Error(String(pack.stderr));
  const tarball = join(folder, Object.values(JSON.parse(String(pack.stdout)))[0].filename);
  const results = [
    run(bin('publint'), 'run', tarball, '--strict'),
    // The profile leaves out what resolves no `exports` at all (TypeScript's deprecated "node10").
    run(bin('attw'), tarball, '--profile', 'node16'),
  ];
  // As npm would install it; what it names is found in the project.
  rmSync(join(folder, 'dist'), { recursive: true });
  mkdirSync(join(folder, 'node_modules/rxmpp'), { recursive: true });
  if (!run('tar', 'xf', tarball, '-C', 'node_modules/rxmpp', '--strip-components=1')) throw new Error('not unpacked');
  const ofBrowsers = ['rxmpp', 'rxmpp/angular', 'rxmpp/testing'];
  const all = [...ofBrowsers, 'rxmpp/node', 'rxmpp/testing/node'];
  for (const type of ['module', 'commonjs']) {
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ type }));
    results.push(compiles(all, { module: 'nodenext', types: ['node'] }));
  }
  results.push(compiles(ofBrowsers, { module: 'preserve', moduleResolution: 'bundler', types: [] }));
  process.exitCode = results.every(Boolean) ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
