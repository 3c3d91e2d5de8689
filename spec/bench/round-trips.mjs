// Round trips to online, counted on the wire: a proxy delays both directions, so that what a client sends together goes
// together, and a round trip is a flight of ours that something answers.
import { connect, createServer } from 'node:net';

const DELAY = 15;

/** @returns A proxy that counts the flights of its latest connection. */
async function countingProxy(port) {
  const sockets = new Set();
  let flights = 0;
  let answered = 0;
  const server = createServer({ noDelay: true }, (client) => {
    const upstream = connect({ port, host: '127.0.0.1', noDelay: true });
    let outbound = false;
    flights = 0;
    answered = 0;
    const relay = (from, to, onGone) => {
      from.on('data', (chunk) => {
        if (from === client && !outbound) {
          outbound = true;
          flights++;
        }
        setTimeout(() => {
          if (from === upstream) {
            outbound = false;
            answered = flights;
          }
          if (!to.destroyed) to.write(chunk);
        }, DELAY);
      });
      from.on('error', onGone);
      from.on('close', onGone);
    };
    const gone = () => setTimeout(() => [client, upstream].forEach((socket) => socket.destroy()), DELAY);
    relay(client, upstream, gone);
    relay(upstream, client, gone);
    sockets.add(client).add(upstream);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: server.address().port,
    /** With the one that opens the TCP connection. */
    count: () => answered + 1,
    cut: () => sockets.forEach((socket) => socket.destroy()),
  };
}

export async function roundTrips(client, { transport, security, again, options, ports, ca, ...account }) {
  const { open } = await import(`./clients/${client}.mjs`);
  const proxy = await countingProxy(transport === 'ws' ? ports.http : security === 'direct' ? ports.tls : ports.c2s);
  const where =
    transport === 'ws'
      ? { url: `ws://127.0.0.1:${proxy.port}/xmpp-websocket` }
      : { host: client === 'rxmpp' ? '127.0.0.1' : 'localhost', port: proxy.port, security, ca };
  const session = await open({
    ...where,
    ...account,
    options: client === 'rxmpp' ? { ...options, reconnect: { backoff: () => 10 } } : undefined,
  });
  if (!again) return { value: proxy.count() };
  const next = new Promise((resolve) => {
    let sessions = 0;
    session.client.session$.subscribe(() => ++sessions === 2 && resolve(proxy.count()));
  });
  proxy.cut();
  return { value: await next };
}
