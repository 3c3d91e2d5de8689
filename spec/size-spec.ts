import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { builtPackage } from './support/built-package.js';
import { projectRoot } from './support/project-root.js';

/** Octets by gzip -9 that the core client may add to a browser application; to go down to 20,000. */
const LIMIT = 29_700;

interface Part {
  readonly name: string;
  readonly size: number;
  readonly minified: number;
}

interface Bundle {
  readonly size: number;
  readonly minified: number;
  readonly imports: readonly string[];
  readonly folders: readonly Part[];
  readonly files: readonly Part[];
}

describe('what the core client adds to a browser application that has rxjs', () => {
  let bundle: Bundle;

  beforeAll(() => {
    const args = [join(projectRoot, 'spec/bench/bundle.mjs'), join(builtPackage(), 'dist/esm'), '--json'];
    bundle = JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as Bundle;
  }, 120_000);

  it(`is at most ${LIMIT} octets, compressed`, () => {
    expect(bundle.size).toBeLessThanOrEqual(LIMIT);
  });

  it('is all that the client does by default', () => {
    const files = bundle.files.map(({ name }) => name);
    expect(files).toEqual(
      expect.arrayContaining([
        'sasl/scram.ts',
        'stream/features/stream-management.ts',
        'client/reconnect.ts',
        'transport/websocket/host-meta.ts',
        'xml/tokenizer.ts',
      ]),
    );
    expect(bundle.files.reduce((sum, { minified }) => sum + minified, 0)).toBeGreaterThan(bundle.minified * 0.99);
  });

  it('imports nothing but rxjs, and nothing that only Node or other entry points use', () => {
    expect(new Set(bundle.imports)).toEqual(new Set(['rxjs']));
    const others = bundle.files.filter(({ name }) => /(^|\/)(node|testing|angular|cli|extensions)\//.test(name));
    expect(others).toEqual([]);
  });
});
