import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const projectRoot = join(__dirname, '..');

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
  let folder: string;
  let bundle: Bundle;

  beforeAll(() => {
    mkdirSync(join(projectRoot, '.cache'), { recursive: true });
    folder = mkdtempSync(join(projectRoot, '.cache/size-'));
    const node = (...args: string[]) => execFileSync(process.execPath, args, { encoding: 'utf8' });
    node(join(projectRoot, '.ci/build.mjs'), '--js', '--out', folder);
    bundle = JSON.parse(node(join(projectRoot, 'spec/bench/bundle.mjs'), join(folder, 'esm'), '--json')) as Bundle;
  }, 120_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

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
