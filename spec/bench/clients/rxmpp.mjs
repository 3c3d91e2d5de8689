// rxmpp as it is published: the built modules, with a client's defaults (reconnecting, stream management, keep-alive).
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const dist = process.env.BENCH_RXMPP;
const load = (file) => import(pathToFileURL(join(dist, file)));
const { pipelining, xmppClient, xml } = await load('index.js');
const { tcp, websocket } = await load('node.js');

/** @param options More options of `xmppClient`. */
export function open({ url, host, port, domain, username, password, security, ca, onMessage, options }) {
  const client = xmppClient({
    jid: username && `${username}@${domain}`,
    domain: username ? undefined : domain,
    credentials: username && { password },
    transport: url
      ? websocket({ url })
      : tcp({ host, port, security: security === 'direct' ? 'direct' : 'starttls', ...(ca && { tls: { ca } }) }),
    tls: security ? 'required' : 'disabled',
    reconnect: options?.reconnect,
    streamManagement: options?.streamManagement,
    pipelining: options?.pipelining && pipelining,
  });
  const text = (message) =>
    (
      message.child('body') ??
      message
        .child('result', 'urn:xmpp:mam:2')
        ?.child('forwarded', 'urn:xmpp:forward:0')
        ?.child('message')
        ?.child('body')
    )?.text();
  if (onMessage) client.message$.subscribe((message) => onMessage(message, text));
  return new Promise((resolve, reject) => {
    client.session$.subscribe({
      next: (session) =>
        resolve({
          client,
          send: (to, id, body) => session.send(xml('message', { to, id, type: 'chat' }, xml('body', {}, body))),
          request: (next, failed) =>
            session
              .iq('get', xml('query', { xmlns: 'jabber:iq:version' }))
              .subscribe({ next: (result) => next(result.child('query').child('name').text()), error: failed }),
          close: () =>
            new Promise((closed) => client.close().subscribe({ complete: () => setImmediate(closed), error: closed })),
        }),
      error: reject,
    });
  });
}
