// What the core client adds to a browser application that has rxjs already:  npm run size  (after npm run build)
//
// What is measured is `xmppClient` with everything that it does by default (SCRAM, stream management, reconnecting), `websocket` and
// `xml`, of the built ES modules (see added.mjs). What a part adds is what the bundle of rxmpp alone lacks without its characters;
// the parts share what gzip finds in several, so they add up to less than the whole.
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { added, BROWSER } from './added.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const CORE = `export { xmppClient, websocket, xml } from './index.js';`;
/** The same, but for what `xmppClient` is beside the operators: whoever puts these together has no need of it. */
const OPERATORS = `export { connect, openStream, negotiate, sasl, scram, bind, enableManagement, resumeSession, session, reconnect, websocket, xml } from './index.js';`;
const gzipped = (text) => gzipSync(text, { level: 9 }).length;

/**
 * @param {string} esm The folder of the built ES modules.
 * @returns {Promise<{ size: number, minified: number, operators: number, imports: string[], folders: Part[], files: Part[] }>} `Part`:
 *   `{ name, size, minified }`, the largest first; all sizes in octets.
 */
export async function bundle(esm) {
  const { outputFiles, metafile } = await build({
    ...BROWSER,
    absWorkingDir: esm,
    stdin: { contents: CORE, resolveDir: esm },
    external: ['rxjs'],
    metafile: true,
    sourcemap: 'external',
    outdir: esm,
  });
  const map = JSON.parse(outputFiles.find(({ path }) => path.endsWith('.map')).text);
  const code = outputFiles.find(({ path }) => path.endsWith('.js')).text;
  const alone = gzipped(code);
  const pieces = piecesOf(code, map);
  const parts = (nameOf) => {
    const names = new Set(pieces.map(({ source }) => nameOf(source)));
    names.delete('');
    return [...names]
      .map((name) => {
        const others = pieces.filter(({ source }) => nameOf(source) !== name).map(({ text }) => text);
        const without = others.join('');
        return { name, size: alone - gzipped(without), minified: code.length - without.length };
      })
      .sort((a, b) => b.size - a.size);
  };
  return {
    size: await added(CORE, esm),
    minified: code.length,
    operators: await added(OPERATORS, esm),
    imports: Object.values(metafile.outputs).flatMap(({ imports }) => imports.map(({ path }) => path)),
    folders: parts((source) => source.split('/')[0]),
    files: parts((source) => source),
  };

  /** The code in pieces, each with the source that it comes from. */
  function piecesOf(text, { mappings, sources }) {
    const names = sources.map((source) => source.replace(/^.*?\b(?:lib|esm)\//, ''));
    const lines = text.split('\n');
    const found = [];
    let source = 0;
    let last = '';
    mappings.split(';').forEach((line, n) => {
      let column = 0;
      let from = 0;
      for (const segment of line.split(',')) {
        const [step, sourceStep] = vlq(segment);
        if (sourceStep === undefined) continue;
        column += step;
        found.push({ source: last, text: lines[n].slice(from, column) });
        from = column;
        source += sourceStep;
        last = names[source];
      }
      found.push({ source: last, text: `${lines[n].slice(from)}\n` });
    });
    return found;
  }
}

/** The numbers of a segment of a source map. */
function vlq(segment) {
  const numbers = [];
  let value = 0;
  let shift = 0;
  for (const char of segment) {
    const digit = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'.indexOf(char);
    value |= (digit & 31) << shift;
    shift += 5;
    if (digit & 32) continue;
    numbers.push(value & 1 ? -(value >> 1) : value >> 1);
    value = shift = 0;
  }
  return numbers;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [esm = `${root}/dist/esm`] = process.argv.slice(2).filter((arg) => arg !== '--json');
  const table = await bundle(resolve(esm));
  if (process.argv.includes('--json')) console.log(JSON.stringify(table));
  else print(table);
}

function print({ size, minified, operators, folders, files }) {
  const row = (part) =>
    console.log(`${String(part.size).padStart(8)}${String(part.minified).padStart(10)}  ${part.name}`);
  console.log('gzip -9  minified');
  row({ name: 'all', size, minified });
  row({ name: 'the operators without xmppClient', size: operators, minified: '' });
  for (const parts of [folders, files]) {
    console.log();
    parts.forEach(row);
  }
}
