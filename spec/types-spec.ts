import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { projectRoot } from './support/project-root.js';

const run = promisify(execFile);

/** Jest only strips types. A process of its own, so that the other suites go on meanwhile. */
it('compiles: sources, specs, and what spec/types expects of types', async () => {
  const tsc = join(projectRoot, 'node_modules/typescript/bin/tsc');
  // By its exit code: a compiler that cannot run at all says nothing on its standard output either.
  const complaints = await run(process.execPath, [tsc, '--noEmit', '-p', projectRoot]).then(
    () => '',
    ({ stdout, stderr, message }: { stdout: string; stderr: string; message: string }) => stdout + stderr || message,
  );
  expect(complaints).toBe('');
}, 300_000);
