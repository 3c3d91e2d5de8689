import { spawnSync } from 'node:child_process';

/** Another Node than the one that runs this: fetched from npm's `node` package, and kept in npm's cache. Tells where it is. */
export function nodeOfNpm(version: string): string {
  const args = ['-y', '-p', `node@${version}`, 'node', '-p', 'process.execPath'];
  const { status, stdout, stderr, error } = spawnSync('npx', args, { encoding: 'utf8' });
  const path = stdout?.trim().split('\n').at(-1) ?? '';
  if (status === 0 && path !== '') return path;
  throw new Error(`npx ${args.join(' ')}: ${error?.message ?? `exit code ${status}`}\n${stderr}`);
}
