import type { Observable, Subscription } from 'rxjs';
import {
  xml,
  type Delivery,
  type Jid,
  type Session,
  type StanzaError,
  type Undelivered,
  type XmlElement,
  type XmppClient,
} from '../../lib/index.js';
import { holds, some, type Same } from './same.js';

const session = some<Session>();
const client = some<XmppClient>();
const message = xml('message', { to: 'bob@example.org' }, xml('body', {}, 'hello'));

export function whatIsSent(): void {
  holds<Same<ReturnType<Session['send']>, void>>();
  session.send(message);
  client.send(message);

  // @ts-expect-error -- an element, and not its text
  session.send('<message/>');
  // @ts-expect-error -- an element, and not what it could be made from
  session.send({ name: 'message', attrs: {}, children: [] });
  // @ts-expect-error -- one at a time
  session.send([message]);
  // @ts-expect-error -- an element
  session.send(undefined);
  // @ts-expect-error -- nothing is told by it: that is what deliver() is for
  session.send(message).subscribe();
  // @ts-expect-error -- an element
  client.send('hello');
  // @ts-expect-error -- an element
  client.deliver('hello');
}

export function whatBecomesOfIt(): void {
  holds<Same<ReturnType<Session['deliver']>, Observable<Delivery>>>();
  holds<Same<ReturnType<XmppClient['deliver']>, Observable<Delivery>>>();
  holds<Same<Undelivered['error'], StanzaError>>();

  const words = ({ state }: Delivery): string => {
    switch (state) {
      case 'queued':
      case 'written':
      case 'acked':
      case 'filtered':
        return state;
      default:
        // Nothing is left: who adds a state is told by this line where it matters.
        holds<Same<typeof state, never>>();
        return state;
    }
  };
  words(some<Delivery>());
  // @ts-expect-error -- a loss is an error, and no state
  words({ state: 'failed', stanza: message });
  // @ts-expect-error -- what became of it cannot be rewritten
  some<Delivery>().state = 'acked';
}

export function requests(): void {
  holds<Same<ReturnType<Session['iq']>, Observable<XmlElement>>>();
  session.iq('get', xml('ping', { xmlns: 'urn:xmpp:ping' }));
  session.iq('set', xml('query'), 'example.org', { timeout: 100 });
  session.iq('get', xml('query'), some<Jid>());

  // @ts-expect-error -- only requests are sent
  session.iq('result', xml('query'));
  // @ts-expect-error -- a request has a payload
  session.iq('get');
  // @ts-expect-error -- an element
  session.iq('get', 'jabber:iq:roster');
  // @ts-expect-error -- milliseconds, as a number
  session.iq('get', xml('query'), undefined, { timeout: '1s' });

  const handling: Subscription = session.handle('get', 'jabber:iq:version', () => [xml('query')]);
  handling.unsubscribe();
  session.handle('set', 'urn:x', () => [undefined]);
  // @ts-expect-error -- only requests are answered
  session.handle('result', 'urn:x', () => []);
  // @ts-expect-error -- an observable, a promise or an array of the payload
  session.handle('get', 'urn:x', () => xml('query'));
}

export function whatIsReadOnly(): void {
  holds<Same<Session['stanza$'], Observable<XmlElement>>>();
  holds<Same<ReturnType<Session['close']>, Observable<never>>>();
  holds<Same<XmppClient['session'], Session | undefined>>();

  // @ts-expect-error -- nobody but the server makes stanzas come
  session.stanza$.next(message);
  // @ts-expect-error -- the server has bound it
  session.jid = some<Jid>();
  // @ts-expect-error -- there may be none at present
  client.session.send(message);
}
