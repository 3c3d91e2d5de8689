import { spawnSync } from 'node:child_process';

/** Another Node than the one that runs this: fetched from npm's `node` package, and kept in npm's cache. Tells where it is. */
export function nodeOfNpm(version: string): string {
  const args = ['-y', '-p', `node@${version}`, 'node', '-p', 'process.execPath'];
  const { status, stdout, stderr, error } = spawnSync('npx', args, { encoding: 'utf8' });
  const path = stdout?.trim().split('\n').at(-1) ?? '';
  if (status === 0 && path !== '') return path;
  throw new Error(`npx ${args.join(' ')}: ${error?.message ?? `exit code ${status}`}\n${stderr}`);
}

/**
 * A suite that needs this version of Node or a newer one: the one that runs this, or with `CI=true` one of npm's. Else it is left
 * out and says so, so that a clean clone passes with nothing but the Node that there is.
 *
 * @param body Is given a function that tells where that Node is, and may take its time.
 */
export function describeWithNode(version: string, body: (node: () => string) => void): void {
  const name = `Node ${version}`;
  if (Number.parseInt(process.versions.node) >= Number(version)) {
    describe(name, () => body(() => process.execPath));
  } else if (process.env['CI'] === 'true') {
    describe(name, () => body(() => nodeOfNpm(version)));
  } else {
    console.warn(`Left out: the specs that need ${name} or newer, since this is ${process.versions.node}.`);
    describe.skip(name, () => body(() => process.execPath));
  }
}
