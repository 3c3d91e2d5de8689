// strophe.js with its defaults, over WebSocket: as a client it has no TCP. Its Node build brings `ws` and xmldom.
import { $iq, $msg, Strophe } from 'strophe.js';

export function open({ url, domain, username, password, onMessage }) {
  const connection = new Strophe.Connection(url);
  const text = (message) => message.getElementsByTagName('body')[0]?.textContent;
  return new Promise((resolve, reject) => {
    let closed;
    connection.connect(username ? `${username}@${domain}` : domain, password, (status, condition) => {
      switch (status) {
        case Strophe.Status.CONNECTED:
          if (onMessage) {
            const handle = (message) => {
              onMessage(message, text);
              return true;
            };
            connection.addHandler(handle, null, 'message');
          }
          return resolve({
            send: (to, id, body) => connection.send($msg({ to, id, type: 'chat' }).c('body').t(body)),
            request: (next, failed) =>
              connection.sendIQ(
                $iq({ type: 'get' }).c('query', { xmlns: 'jabber:iq:version' }),
                (result) => next(result.getElementsByTagName('name')[0].textContent),
                failed,
              ),
            close: () =>
              new Promise((done) => {
                closed = done;
                connection.disconnect('');
              }),
          });
        case Strophe.Status.DISCONNECTED:
          return closed?.();
        case Strophe.Status.CONNFAIL:
        case Strophe.Status.AUTHFAIL:
        case Strophe.Status.ERROR:
          return reject(new Error(`strophe: ${status} ${condition}`));
      }
    });
  });
}
