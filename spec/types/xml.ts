import { Subject } from 'rxjs';
import {
  jid,
  serialize,
  xml,
  type Connection,
  type SaslMechanism,
  type StreamFeature,
  type Transport,
  type XmlAttrs,
  type XmlElement,
} from '../../lib/index.js';
import { holds, some, type Same } from './same.js';

export function elements(): void {
  const element = xml('a', { b: 'c', d: 1, e: true, f: undefined, g: null }, 'text', 5, null, undefined, false, [
    xml('h'),
    ['i'],
  ]);
  holds<Same<typeof element, XmlElement>>();
  holds<Same<ReturnType<typeof element.child>, XmlElement | undefined>>();
  holds<Same<ReturnType<typeof element.text>, string>>();
  holds<Same<typeof element.attrs, XmlAttrs>>();
  holds<Same<typeof element.attrs.from, string | undefined>>();
  holds<Same<ReturnType<typeof serialize>, string>>();

  // @ts-expect-error -- `true` stands for nothing that could be written
  xml('a', {}, true);
  // @ts-expect-error -- attributes are plain values
  xml('a', { b: { c: 'd' } });
  // @ts-expect-error -- content comes after the attributes
  xml('a', 'text');
  // @ts-expect-error -- a name is a must
  xml();
  // @ts-expect-error -- elements do not change
  element.name = 'z';
  // @ts-expect-error -- nor do their attributes
  element.attrs.b = 'z';
  // @ts-expect-error -- nor do their children
  element.children.push('z');
  // @ts-expect-error -- there may be none
  element.child('body').text();
  // @ts-expect-error -- nor such an attribute
  element.attrs.from.split('/');
  // @ts-expect-error -- of whatever name
  element.attrs['node'].split('/');
  // @ts-expect-error -- an element
  serialize('<a/>');
}

export function jids(): void {
  const own = jid('alice@example.org/desk');
  holds<Same<typeof own.local, string | undefined>>();
  holds<Same<typeof own.domain, string>>();
  // @ts-expect-error -- a JID does not change
  own.domain = 'example.net';
  // @ts-expect-error -- a text
  jid(5);
}

export function ports(): void {
  const transport: Transport = { name: 'mine', connect: () => new Subject<Connection>() };
  // @ts-expect-error -- an observable of a connection
  const promised: Transport = { name: 'promised', connect: () => Promise.resolve(some<Connection>()) };
  // @ts-expect-error -- an exchange has all of its steps
  const mechanism: SaslMechanism = { name: 'X', usable: () => true, start: () => ({}) };
  const feature: StreamFeature<string> = {
    name: 'x',
    xmlns: 'urn:x',
    parse: (advertised) => advertised?.text(),
    // @ts-expect-error -- there is no such outcome
    negotiate: () => [{ kind: 'again' }],
  };
  void [transport, promised, mechanism, feature];
}
