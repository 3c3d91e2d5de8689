import { BehaviorSubject, of, Subject, type Observable } from 'rxjs';
import {
  plain,
  scram,
  websocket,
  xmppClient,
  xmppStream,
  type Session,
  type XmppClientOptions,
} from '../../lib/index.js';
import { tcp } from '../../lib/node.js';
import { holds, some, type Same } from './same.js';

const transport = tcp();
const least = { jid: 'alice@example.org', credentials: { password: 'secret' }, transport };

export function whatConnects(): void {
  xmppStream(least);
  xmppStream({ domain: 'example.org', transport: websocket() });
  xmppStream({ ...least, tls: 'preferred', timeouts: { sasl: 1_000 }, streamManagement: false, keepAlive: false });
  xmppStream({ ...least, credentials: { mechanisms: [scram('SHA-256'), plain] } });
  holds<Same<ReturnType<typeof xmppStream>, Observable<Session>>>();

  // @ts-expect-error -- a connection has a transport
  xmppStream({ jid: 'alice@example.org' });
  // @ts-expect-error -- it is called `jid`
  xmppStream({ ...least, username: 'alice' });
  // @ts-expect-error -- a transport, and not what makes one
  xmppStream({ ...least, transport: tcp });
  // @ts-expect-error -- a transport, and not an address
  xmppStream({ ...least, transport: 'wss://example.org' });
  // @ts-expect-error -- 'required', 'preferred' or 'disabled'
  xmppStream({ ...least, tls: true });
  // @ts-expect-error -- there is no such phase
  xmppStream({ ...least, timeouts: { login: 1_000 } });
  // @ts-expect-error -- milliseconds, as a number
  xmppStream({ ...least, timeouts: { sasl: '1s' } });
  // @ts-expect-error -- `false`, or how
  xmppStream({ ...least, keepAlive: true });
  // @ts-expect-error -- the password stands in `credentials`
  xmppStream({ ...least, password: 'secret' });
  // @ts-expect-error -- a text
  xmppStream({ ...least, credentials: { password: 12345 } });
  // @ts-expect-error -- mechanisms, and not their names
  xmppStream({ ...least, credentials: { mechanisms: ['PLAIN'] } });
  // @ts-expect-error -- there is no such hash in SCRAM
  scram('MD5');
  // @ts-expect-error -- to stay connected is a client's affair
  xmppStream({ ...least, reconnect: false });
  // @ts-expect-error -- one attempt has one set of options
  xmppStream(of(least));
}

export function whatAClientTakes(): void {
  xmppClient(least);
  xmppClient({ ...least, reconnect: false, whileOffline: { queue: 10 }, wake$: new Subject<string>() });
  xmppClient(of(least, null));
  xmppClient(new BehaviorSubject<XmppClientOptions | null>(null));

  // @ts-expect-error -- `null` only from an observable
  xmppClient(null);
  // @ts-expect-error -- `null`, and not `undefined`
  xmppClient(of(undefined));
  // @ts-expect-error -- 'error', or a queue with its bound
  xmppClient({ ...least, whileOffline: 'queue' });
  // @ts-expect-error -- a bound is a must
  xmppClient({ ...least, whileOffline: {} });
  // @ts-expect-error -- `false`, or how
  xmppClient({ ...least, reconnect: true });
}

export function whatTcpTakes(): void {
  tcp({ host: 'localhost', port: 5222, security: 'starttls', tls: { ca: 'pem', minVersion: 'TLSv1.3' } });
  tcp({ path: '/run/xmpp.sock' });

  // @ts-expect-error -- 'starttls', 'direct' or 'none'
  tcp({ security: 'tls' });
  // @ts-expect-error -- a number
  tcp({ port: '5222' });
  // @ts-expect-error -- 0, 4 or 6
  tcp({ family: 5 });
}

export function optionsAreReadOnly(): void {
  const options = some<XmppClientOptions>();
  // @ts-expect-error -- what a connection is made from does not change under it
  options.jid = 'bob@example.org';
}
