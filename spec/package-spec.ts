import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { projectRoot } from './support/project-root.js';

it('is a package that publint and are-the-types-wrong find nothing wrong with', () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(projectRoot, '.ci/check-package.mjs')], {
    encoding: 'utf8',
  });
  expect(status === 0 ? '' : stdout + stderr).toBe('');
  expect(stdout).toContain('All good!');
}, 120_000);
