import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from './project-root.js';

/** What the build comes of: a build that is named by all of it needs no second one. */
const sources = ['.ci/build.mjs', 'package.json', 'package-lock.json'];

/**
 * The package as `npm run build` makes it, without declarations: a folder with `package.json` and `dist`, within the project, where
 * rxjs is found. Built once for what the sources are now, in two seconds, and shared by all suites: nothing may be written there.
 */
export function builtPackage(): string {
  const cache = join(projectRoot, '.cache');
  const name = `built-${hashOfSources()}`;
  const folder = join(cache, name);
  if (existsSync(folder)) return folder;

  mkdirSync(cache, { recursive: true });
  const making = mkdtempSync(join(cache, 'making-'));
  try {
    execFileSync(process.execPath, [join(projectRoot, '.ci/build.mjs'), '--js', '--out', join(making, 'dist')]);
    cpSync(join(projectRoot, 'package.json'), join(making, 'package.json'));
    renameSync(making, folder);
  } catch (error) {
    rmSync(making, { recursive: true });
    // Else another suite was faster.
    if (!existsSync(folder)) throw error;
  }
  // Those of earlier sources, unless a run that began with them may still go on.
  const stale = readdirSync(cache)
    .filter((other) => other.startsWith('built-') && other !== name)
    .map((other) => join(cache, other))
    .filter((other) => Date.now() - statSync(other).mtimeMs > 3_600_000);
  for (const other of stale) rmSync(other, { recursive: true, force: true });
  return folder;
}

/** Puts it where an application in `folder` finds it, by its name. */
export function installBuiltPackage(folder: string): void {
  cpSync(builtPackage(), join(folder, 'node_modules/rxmpp'), { recursive: true });
}

function hashOfSources(): string {
  const lib = readdirSync(join(projectRoot, 'lib'), { recursive: true, encoding: 'utf8' });
  const files = [...sources, ...lib.filter((file) => file.endsWith('.ts')).map((file) => `lib/${file}`)].sort();
  const hash = createHash('sha256');
  for (const file of files) hash.update(`${file}\0`).update(readFileSync(join(projectRoot, file)));
  return hash.digest('hex').slice(0, 16);
}
