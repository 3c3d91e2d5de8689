// Packs the package and asks publint and are-the-types-wrong about the tarball, which is what users get. It is built and
// packed in a folder of its own, so that a `dist` in use stays as it is.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
const bin = (name) => join(root, 'node_modules/.bin', name);
mkdirSync(join(root, '.cache'), { recursive: true });
// Inside the project, where rxjs is found.
const folder = mkdtempSync(join(root, '.cache/package-'));
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
  process.exitCode = results.every(Boolean) ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
