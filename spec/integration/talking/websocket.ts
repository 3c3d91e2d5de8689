import { first, take } from 'rxjs';
import { WebSocket } from 'ws';
import { websocket, whitespace, xml, xmppClient, type WebSocketCtor, type XmppStatus } from '../../../lib/index.js';
import type { RealServer } from '../../servers/index.js';
import { watch } from '../../support/watch.js';
import { attempt, close, disconnectAll, optionsFor, soon } from '../support/attempt.js';
import type { Topic } from '../support/topic.js';

/** `ws` that trusts this CA, and the sockets that it made. */
function trusting(ca: string) {
  const sockets: WebSocket[] = [];
  const WebSocketCtor = class extends WebSocket {
    constructor(url: string, protocols: string[]) {
      super(url, protocols, { ca, rejectUnauthorized: true });
      sockets.push(this);
    }
  } as unknown as WebSocketCtor;
  return { WebSocketCtor, sockets };
}

const urlOf = ({ host, ports }: RealServer, way: 'ws' | 'wss') =>
  way === 'ws' ? `ws://${host}:${ports.http}/xmpp-websocket` : `wss://localhost:${ports.https}/xmpp-websocket`;

/** RFC 7395, with and without TLS. */
export const overWebSocket: Topic = {
  title: 'over WebSocket',
  specs: (_name, running) => {
    let server: RealServer;
    beforeAll(() => void (server = running()));
    afterEach(disconnectAll);

    const over = (way: 'ws' | 'wss') => {
      const { WebSocketCtor, sockets } = trusting(server.ca);
      return { transport: websocket({ url: urlOf(server, way), WebSocketCtor }), sockets };
    };

    it.each(['ws', 'wss'] as const)('talks over %s, and closes in good order', async (way) => {
      const alice = attempt(optionsFor(server, 'alice', over(way)));
      const bob = attempt(optionsFor(server, 'bob', over(way)));
      const [sender, receiver] = await Promise.all([alice.online(), bob.online()]);
      // No channel binding over WebSocket.
      expect(alice.mechanism).toMatch(/^SCRAM-SHA-\d+$/);
      const got = watch(receiver.message$);
      const body = `<&>'"\u20ac\u{1f600}${'x'.repeat(100_000)}`;
      const delivery = watch(sender.deliver(xml('message', { to: receiver.jid.toString() }, xml('body', {}, body))));
      const message = await soon(got.first, 'the message', () => alice.events.join(', '));
      expect(message.child('body')?.text()).toBe(body);
      await soon(delivery.ended, 'the delivery', () => delivery.log.join(', '));
      expect(delivery.values.map(({ state }) => state)).toEqual(['queued', 'written', 'acked']);
      const answer = watch(sender.iq('get', xml('ping', { xmlns: 'urn:xmpp:ping' }), server.domain));
      expect((await soon(answer.first, 'the pong', () => '')).attrs.type).toBe('result');
      await Promise.all([close(sender), close(receiver)]);
      await alice.ended();
      expect(alice.log).toEqual(['next', 'complete']);
    });

    it('is kept by pings where white space is asked for: there is none in RFC 7395', async () => {
      const keepAlive = { idle: 20, timeout: 10_000, probe: whitespace };
      const { transport } = over('ws');
      const made = attempt(optionsFor(server, 'alice', { transport, streamManagement: false, keepAlive }));
      const session = await made.online();
      const { received } = session.bytes;
      // Each is answered.
      await soon(watch(session.bytes$.pipe(first((bytes) => bytes.received > received + 400))).ended, 'the pongs');
      await close(session);
    });

    it('is told of a wrong password', async () => {
      const { transport } = over('ws');
      const made = attempt(optionsFor(server, 'alice', { transport, credentials: { password: 'wrong' } }));
      expect(await made.failure()).toMatchObject({ layer: 'sasl', condition: 'not-authorized', phase: 'sasl' });
    });

    it('does not trust another CA', async () => {
      const transport = websocket({ url: urlOf(server, 'wss'), WebSocketCtor: WebSocket as unknown as WebSocketCtor });
      const made = attempt(optionsFor(server, 'alice', { transport }));
      expect(await made.failure()).toMatchObject({ condition: 'websocket-failed', phase: 'connect' });
    });

    it('resumes after the socket was cut, and loses nothing', async () => {
      const { transport, sockets } = over('wss');
      const client = xmppClient({ ...optionsFor(server, 'alice', { transport }), reconnect: { backoff: () => 0 } });
      const { online } = attempt(optionsFor(server, 'bob', over('wss')));
      const bob = await online();
      const statuses: XmppStatus[] = [];
      const session = watch(client.session$);
      client.status$.subscribe((status) => statuses.push(status));
      const first = await soon(session.first, 'a session', () => statuses.map(({ kind }) => kind).join(', '));
      const got = watch(client.message$.pipe(take(2)));
      sockets[0]!.terminate();
      for (const text of ['1', '2']) bob.send(xml('message', { to: first.jid.toString() }, xml('body', {}, text)));
      await soon(got.ended, 'both messages', () => statuses.map(({ kind }) => kind).join(', '));
      expect(got.values.map((message) => message.child('body')?.text())).toEqual(['1', '2']);
      expect(client.session).toMatchObject({ resumed: true });
      session.unsubscribe();
    });
  },
};
