import { spawnSync } from 'node:child_process';
import { delimiter, dirname } from 'node:path';
import { nodeOfNpm } from '../support/node-of-npm.js';

/** What stands on Node itself: sockets, TLS, DNS, processes. Versions of it differ there, also within one major. */
const ON_NODE = ['spec/transport', 'spec/crypto', 'spec/testing/node', 'spec/cli/', 'spec/p2p'];

/** `npm run test:node -- VERSION [PATH...]`: runs specs with another Node than this one. */
const [version = '24', ...paths] = process.argv.slice(2);
const node = nodeOfNpm(version);
console.log(spawnSync(node, ['-p', '`Node ${process.version}`'], { encoding: 'utf8' }).stdout.trim());
const specs = paths.length > 0 ? paths : ON_NODE;
const PATH = [dirname(node), process.env['PATH']].join(delimiter);
const { status } = spawnSync(node, ['node_modules/jest/bin/jest.js', ...specs], {
  stdio: 'inherit',
  env: { ...process.env, PATH },
});
process.exitCode = status ?? 1;
