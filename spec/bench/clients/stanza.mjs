// stanza with its defaults, over WebSocket: it has no TCP.
import { createClient } from 'stanza';

export function open({ url, domain, username, password, onMessage }) {
  const client = createClient({
    jid: username ? `${username}@${domain}` : domain,
    server: domain,
    password,
    transports: { websocket: url, bosh: false },
    autoReconnect: false,
  });
  const text = (message) => message.body ?? message.archive?.item?.message?.body;
  if (onMessage) client.on('message', (message) => onMessage(message, text));
  return new Promise((resolve, reject) => {
    client.on('session:started', () =>
      resolve({
        send: (to, id, body) => void client.sendMessage({ to, id, type: 'chat', body }),
        request: (next, failed) =>
          client
            .sendIQ({ type: 'get', softwareVersion: {} })
            .then((result) => next(result.softwareVersion.name), failed),
        close: () =>
          new Promise((closed) => {
            client.once('disconnected', closed);
            void client.disconnect();
          }),
      }),
    );
    client.on('auth:failed', () => reject(new Error('stanza: auth:failed')));
    client.on('stream:error', reject);
    void client.connect();
  });
}
