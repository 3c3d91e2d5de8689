import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { buildSync } from 'esbuild';
import { projectRoot } from '../../support/project-root.js';

const COUNT = 10_000;

describe('P2P (XEP-0174): connectTo:withAddress:, connectP2PWithSocket:', () => {
  let folder: string;
  const children: ChildProcess[] = [];
  beforeAll(() => {
    mkdirSync(join(projectRoot, '.cache'), { recursive: true });
    // Within the project, where rxjs is found.
    folder = mkdtempSync(join(projectRoot, '.cache/p2p-'));
    buildSync({
      entryPoints: [join(projectRoot, 'spec/p2p/support/peer.ts')],
      ...{ bundle: true, platform: 'node', format: 'esm', target: 'node20', packages: 'external', logLevel: 'warning' },
      outfile: join(folder, 'peer.mjs'),
    });
  });
  afterAll(() => {
    for (const child of children) child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });

  const start = (...args: string[]) => {
    const child = spawn(process.execPath, [join(folder, 'peer.mjs'), ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(child);
    const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
    const line = async () => JSON.parse((await lines.next()).value as string) as Record<string, unknown>;
    const exit = new Promise<number | null>((resolve) => child.once('exit', resolve));
    return { line, exit };
  };

  it(`two processes send each other ${COUNT} messages over loopback: none lost, in order, and a clean close`, async () => {
    const listener = start('listen', String(COUNT));
    const { port } = await listener.line();
    const initiator = start('connect', String(port), String(COUNT));
    const [ours, theirs] = await Promise.all([initiator.line(), listener.line()]);
    const all = { received: COUNT, inOrder: true, ended: 'closed' };
    expect([ours, theirs]).toMatchObject([all, { ...all, peer: 'juliet@pronto' }]);
    // Nothing is left that would keep either process alive.
    expect(await Promise.all([initiator.exit, listener.exit])).toEqual([0, 0]);
  }, 120_000);
});
