// One peer in a process of its own, with its documented defaults: node worker.mjs <peer>. It is told of a server by a message, and tells
// what came of it, in the peer's own words.
import { inspect } from 'node:util';

const peers = {
  // @xmpp/client: https://github.com/xmppjs/xmpp.js/tree/main/packages/client
  '@xmpp/client': async ({ url, port, link, username, domain, password, ask }, told) => {
    const { WebSocket } = await import('ws');
    globalThis.WebSocket ??= WebSocket;
    const { client, xml } = await import('@xmpp/client');
    const service = url ?? `${link === 'tls' ? 'xmpps' : 'xmpp'}://127.0.0.1:${port}`;
    const xmpp = client({ service, domain, username, password });
    xmpp.on('error', (error) => told('error', error));
    xmpp.on('stanza', (stanza) => stanza.attrs.id === 'survived' && told('survived'));
    xmpp.on('online', () => {
      told('online');
      if (ask)
        xmpp.iqCaller
          .request(
            xml('iq', { type: 'get', to: 'bob@example.org/phone' }, xml('query', { xmlns: 'jabber:iq:version' })),
          )
          .then(
            (answer) => told('answer', answer.getChildText('query')),
            (error) => told('answer', error.condition),
          );
    });
    xmpp.start().catch((error) => told('error', error));
    return () => void xmpp.stop().catch(() => undefined);
  },
  // stanza: https://stanzajs.org
  stanza: async ({ url, username, domain, password, ask }, told) => {
    const { createClient } = await import('stanza');
    const client = createClient({
      jid: `${username}@${domain}`,
      server: domain,
      password,
      transports: { websocket: url, bosh: false },
    });
    client.on('auth:failed', () => told('error', 'auth:failed'));
    client.on('stream:error', (error) => told('error', error));
    client.on('disconnected', (error) => told('error', error ?? 'disconnected'));
    client.on('message', ({ id }) => id === 'survived' && told('survived'));
    client.on('session:started', () => {
      told('online');
      if (ask)
        client.sendIQ({ to: 'bob@example.org/phone', type: 'get', softwareVersion: {} }).then(
          (answer) => told('answer', JSON.stringify(answer.softwareVersion ?? {})),
          (error) => told('answer', error?.error?.condition ?? error),
        );
    });
    client.connect();
    return () => void client.disconnect();
  },
  // strophe.js: https://strophe.im/strophejs
  'strophe.js': async ({ url, username, domain, password, ask }, told) => {
    const { $iq, Strophe } = await import('strophe.js');
    const names = Object.fromEntries(Object.entries(Strophe.Status).map(([name, value]) => [value, name]));
    const connection = new Strophe.Connection(url);
    connection.connect(`${username}@${domain}`, password, (status, condition) => {
      if (status === Strophe.Status.CONNECTED) {
        told('online');
        connection.addHandler(
          (stanza) => (stanza.getAttribute('id') === 'survived' && told('survived'), true),
          null,
          'message',
        );
        if (ask)
          connection.sendIQ(
            $iq({ type: 'get', to: 'bob@example.org/phone' }).c('query', { xmlns: 'jabber:iq:version' }),
            (answer) => told('answer', answer.getElementsByTagName('query')[0]?.textContent),
            (error) => told('answer', error?.getAttribute?.('type') ?? 'error'),
          );
      } else if (['CONNFAIL', 'AUTHFAIL', 'ERROR', 'DISCONNECTED', 'CONNTIMEOUT'].includes(names[status]))
        told('error', `${names[status]} ${condition ?? ''}`.trim());
    });
    return () => connection.disconnect('');
  },
};

const words = (thing) =>
  thing instanceof Error
    ? `${thing.name}: ${thing.condition ?? ''} ${thing.message}`.replaceAll(/\s+/g, ' ')
    : typeof thing === 'string'
      ? thing
      : inspect(thing, { breakLength: Infinity });

process.on('uncaughtException', (error) => process.send({ told: 'crash', what: words(error) }, () => process.exit(1)));
process.on('unhandledRejection', (error) => process.send({ told: 'rejection', what: words(error) }));

let stop = () => undefined;
process.on('message', async (server) => {
  if (server === 'stop') return stop();
  stop = await peers[process.argv[2]](server, (told, what) =>
    process.send({ id: server.id, told, what: what === undefined ? '' : words(what) }),
  );
});
