// What a module adds to a browser application that has rxjs already: both bundled and minified by esbuild as an application
// would, by gzip -9, less what rxjs alone takes there.
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

export const BROWSER = {
  bundle: true,
  minify: true,
  write: false,
  format: 'esm',
  platform: 'browser',
  target: 'es2022',
  logLevel: 'error',
};

const RXJS = `export * from 'rxjs';`;
const gzipped = (contents) => gzipSync(contents, { level: 9 }).length;

/**
 * @param contents What the application exports, as source.
 * @param resolveDir The folder that its imports are looked up from.
 * @param options More of esbuild's.
 * @returns Octets.
 */
export async function added(contents, resolveDir, options = {}) {
  const sizeOf = async (source) => {
    const stdin = { contents: source, resolveDir };
    const { outputFiles } = await build({ ...BROWSER, ...options, stdin });
    return gzipped(outputFiles[0].contents);
  };
  return (await sizeOf(RXJS + contents)) - (await sizeOf(RXJS));
}
