// What a client adds to a browser application that has rxjs already, minified, by gzip -9.
import { added } from './added.mjs';

const USES = {
  rxmpp: `export { xmppClient, websocket, xml } from 'rxmpp';`,
  'xmpp-js': `export { client, xml } from '@xmpp/client';`,
  stanza: `export { createClient } from 'stanza';`,
  strophe: `export { Strophe, $iq, $msg, $pres } from 'strophe.js';`,
};

export async function size(client) {
  const octets = await added(USES[client], import.meta.dirname, {
    alias: { rxmpp: `${process.env.BENCH_RXMPP}/index.js` },
    // Of @xmpp/resolve: bundlers of applications leave it out or put an empty module in its place.
    external: ['node:dns'],
    define: { global: 'globalThis' },
  });
  return { value: octets / 1000 };
}
