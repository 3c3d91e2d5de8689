// @xmpp/client with its defaults. Node 20 has no WebSocket: `ws` takes its place, as its README says.
import WebSocket from 'ws';
globalThis.WebSocket ??= WebSocket;
const { client, xml } = await import('@xmpp/client');

export async function open({ url, host, port, domain, username, password, security, onMessage, noDelay }) {
  const service = url ?? `${security === 'direct' ? 'xmpps' : 'xmpp'}://${host}:${port}`;
  const xmpp = client({ service, domain, username, password });
  xmpp.on('error', () => undefined);
  const text = (message) =>
    (
      message.getChild('body') ??
      message
        .getChild('result', 'urn:xmpp:mam:2')
        ?.getChild('forwarded', 'urn:xmpp:forward:0')
        ?.getChild('message')
        ?.getChild('body')
    )?.text();
  if (onMessage) xmpp.on('stanza', (stanza) => stanza.name === 'message' && onMessage(stanza, text));
  await xmpp.start();
  if (noDelay) xmpp.socket.setNoDelay(true);
  const message = (to, id, body) => xml('message', { to, id, type: 'chat' }, xml('body', {}, body));
  return {
    send: (to, id, body) => void xmpp.send(message(to, id, body)),
    sendMany: (list) => void xmpp.sendMany(list.map((item) => message(...item))),
    request: (next, failed) =>
      xmpp.iqCaller
        .request(xml('iq', { type: 'get' }, xml('query', { xmlns: 'jabber:iq:version' })))
        .then((result) => next(result.getChild('query').getChildText('name')), failed),
    close: () => xmpp.stop(),
  };
}
