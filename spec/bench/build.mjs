// Builds what the benchmark runs: rxmpp as it is published, and the starter of Prosody.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

export const root = resolve(import.meta.dirname, '../..');
export const out = join(root, '.cache/bench');

function run(command, args) {
  const { status } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed`);
}

/** The peers, at the versions of the lock file. */
export function installPeers() {
  const installed = join(import.meta.dirname, 'node_modules/.package-lock.json');
  const wanted = JSON.parse(readFileSync(join(import.meta.dirname, 'package-lock.json'), 'utf8')).packages;
  const present = existsSync(installed) ? JSON.parse(readFileSync(installed, 'utf8')).packages : {};
  const missing = Object.entries(wanted).some(([path, { version }]) => path && present[path]?.version !== version);
  if (missing) run('npm', ['--prefix', import.meta.dirname, 'ci', '--no-audit', '--no-fund']);
}

/** @returns The folder with rxmpp's ES modules. */
export function buildRxmpp() {
  mkdirSync(out, { recursive: true });
  run(process.execPath, ['.ci/build.mjs', '--js', '--out', join(out, 'rxmpp')]);
  return join(out, 'rxmpp/esm');
}

/** @returns `startProsody` and the others of spec/servers. */
export async function servers() {
  const outfile = join(out, 'servers.mjs');
  await build({
    absWorkingDir: root,
    entryPoints: ['spec/servers/index.ts'],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    logLevel: 'warning',
  });
  return import(pathToFileURL(outfile));
}
