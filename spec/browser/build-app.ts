import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nodeOfNpm } from '../support/node-of-npm.js';

const root = process.cwd();
const app = join(root, 'spec/browser/angular-chat');
const place = join(root, '.cache/angular-chat');
const tarball = join(app, 'rxmpp.tgz');

/**
 * Builds the chat app against this very library, packed as npm would publish it, and tells where the built app is. What has not
 * changed since the last time is not built again.
 *
 * @throws For every error and every warning of the build.
 */
export function buildApp(say: (line: string) => void = () => undefined): string {
  const built = join(app, 'dist/angular-chat/browser');
  mkdirSync(place, { recursive: true });
  const library = stampOf('package.json', '.ci', 'lib');
  if (changed('library', library, tarball)) {
    say('Packing rxmpp ...');
    pack();
    keep('library', library);
  }
  const packages = stampOf('spec/browser/angular-chat/package-lock.json');
  const installed = join(app, 'node_modules');
  if (changed('packages', packages, join(installed, '@angular/build'))) {
    say('Installing Angular ...');
    run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], app);
    keep('packages', packages);
    keep('installed', library);
  } else if (changed('installed', library, join(installed, 'rxmpp'))) {
    rmSync(join(installed, 'rxmpp'), { recursive: true, force: true });
    mkdirSync(join(installed, 'rxmpp'));
    run('tar', ['-xzf', tarball, '--strip-components=1', '-C', join(installed, 'rxmpp')], app);
    // Angular's own cache does not notice.
    rmSync(join(app, '.angular'), { recursive: true, force: true });
    keep('installed', library);
  }
  const everything = [
    library,
    packages,
    stampOf('spec/browser/angular-chat/src', 'spec/browser/angular-chat/angular.json'),
  ].join(' ');
  if (changed('app', everything, built) || !existsSync(join(place, 'build.log'))) {
    say('Building the app ...');
    const output = run(nodeForAngular(), [join(installed, '@angular/cli/bin/ng.js'), 'build'], app);
    writeFileSync(join(place, 'build.log'), output);
    if (complaintsIn(output).length > 0) throw new Error(`ng build complains:\n${output}`);
    keep('app', everything);
    say(/Initial total.*/.exec(output)?.[0] ?? '');
  }
  return built;
}

/** The warnings and errors of a build, each by its first line. */
export function complaintsIn(output: string): string[] {
  return output.split('\n').filter((line) => /\[(WARNING|ERROR)\]|^\s*(npm )?(warning|warn|error)\b/i.test(line));
}

/** What the last build said. */
export const buildLog = (): string => readFileSync(join(place, 'build.log'), 'utf8');

/** As `npm publish` would, in a folder of its own: a `dist` in use stays as it is. */
function pack(): void {
  const folder = join(place, 'package');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  for (const name of ['package.json', 'README.md', 'CHANGELOG.md', 'LICENSE', 'lib']) {
    if (existsSync(join(root, name))) cpSync(join(root, name), join(folder, name), { recursive: true });
  }
  run(process.execPath, ['.ci/build.mjs', '--out', join(folder, 'dist')], root);
  const output = run('npm', ['pack', '--json', '--ignore-scripts', '--loglevel=error'], folder);
  const packed = Object.values(JSON.parse(output) as Record<string, { readonly filename: string }>)[0]!;
  cpSync(join(folder, packed.filename), tarball);
}

/** Angular 22 asks for Node 22.22.3, 24.15 or 26; where there is less, npm has one. */
function nodeForAngular(): string {
  const [major, minor, patch] = process.versions.node.split('.').map(Number) as [number, number, number];
  const enough =
    major >= 26 || (major === 24 && minor >= 15) || (major === 22 && (minor > 22 || (minor === 22 && patch >= 3)));
  return enough ? process.execPath : nodeOfNpm('22');
}

function run(command: string, args: string[], cwd: string): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
    env: { ...process.env, NG_CLI_ANALYTICS: 'false', NO_COLOR: '1', FORCE_COLOR: '0' },
  });
  if (status === 0) return stdout + (command.endsWith('npm') ? '' : stderr);
  throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? `exit code ${status}`}\n${stdout}\n${stderr}`);
}

/** What these files hold, in short. */
function stampOf(...paths: readonly string[]): string {
  const hash = createHash('sha256');
  const add = (path: string): void => {
    if (statSync(path).isDirectory()) {
      for (const entry of readdirSync(path).sort()) add(join(path, entry));
    } else {
      hash.update(path).update(readFileSync(path));
    }
  };
  for (const path of paths) add(join(root, path));
  return hash.digest('hex');
}

function changed(name: string, stamp: string, result: string): boolean {
  const file = join(place, name);
  return !existsSync(result) || !existsSync(file) || readFileSync(file, 'utf8') !== stamp;
}

function keep(name: string, stamp: string): void {
  writeFileSync(join(place, name), stamp);
}
