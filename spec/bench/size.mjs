// What a client adds to a browser application, minified, by gzip -9; rxjs is left out, for who uses rxmpp has it.
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const USES = {
  rxmpp: `export { xmppClient, websocket, xml } from 'rxmpp';`,
  'xmpp-js': `export { client, xml } from '@xmpp/client';`,
  stanza: `export { createClient } from 'stanza';`,
  strophe: `export { Strophe, $iq, $msg, $pres } from 'strophe.js';`,
};

export async function size(client) {
  const { outputFiles } = await build({
    stdin: { contents: USES[client], resolveDir: import.meta.dirname },
    alias: { rxmpp: `${process.env.BENCH_RXMPP}/index.js` },
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    // Of @xmpp/resolve: bundlers of applications leave it out or put an empty module in its place.
    external: ['rxjs', 'node:dns'],
    define: { global: 'globalThis' },
    logLevel: 'error',
  });
  return { value: gzipSync(outputFiles[0].contents, { level: 9 }).length / 1000 };
}
