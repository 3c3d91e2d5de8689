import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import all from '../../../jest.config.js';

// These are of a run, the rest is of each project.
const config = { ...all };
delete config.maxWorkers;
delete config.testTimeout;
delete config.coverageReporters;
const here = import.meta.dirname;
const root = join(here, '../../..');

/** `npm run test:angular`: the specs of rxmpp/angular, and those that need more of Angular, with each version that it supports. */
export default {
  projects: ['angular-20', 'angular-21', 'angular-22'].map((version) => {
    const folder = join(here, version);
    install(folder);
    return {
      ...config,
      displayName: version,
      rootDir: root,
      testMatch: ['<rootDir>/spec/angular/*-spec.ts', '<rootDir>/spec/angular/versions/*-spec.ts'],
      testPathIgnorePatterns: ['/node_modules/'],
      moduleNameMapper: { ...config.moduleNameMapper, ...modulesOf(folder) },
      globals: { angularFolder: folder },
    };
  }),
  maxWorkers: all.maxWorkers,
  testTimeout: 120_000,
};

/** What its lock file says, unless that is there already. */
function install(folder) {
  const stamp = createHash('sha256')
    .update(readFileSync(join(folder, 'package-lock.json')))
    .digest('hex');
  const file = join(folder, 'node_modules/.stamp');
  if (existsSync(file) && readFileSync(file, 'utf8') === stamp) return;
  const { status, stderr } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--ignore-scripts'], {
    cwd: folder,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`npm ci in ${folder}:\n${stderr}`);
  writeFileSync(file, stamp);
}

/** Each entry point of this version's packages, by its file. RxJS is the library's for all: it is mapped already. */
function modulesOf(folder) {
  const modules = {};
  const packages = Object.keys(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).dependencies);
  for (const name of packages.filter((name) => name !== 'rxjs')) {
    const place = join(folder, 'node_modules', name);
    const { exports } = JSON.parse(readFileSync(join(place, 'package.json'), 'utf8'));
    for (const [path, target] of Object.entries(exports)) {
      const file = typeof target === 'string' ? target : (target.require ?? target.default);
      if (path.includes('*') || typeof file !== 'string') continue;
      modules[`^${join(name, path)}$`] = join(place, file);
    }
  }
  return modules;
}
