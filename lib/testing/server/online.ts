import { jid } from '../../jid/index.js';
import { NS, xml, type XmlElement } from '../../xml/index.js';
import { stanzaError, withAttrs } from './elements.js';
import { failed } from './negotiation.js';
import type { ServerSession } from './server-session.js';
import type { ServerStream } from './server-stream.js';
import { StreamManagement } from './stream-management.js';
import { randomId } from './text.js';

const STANZAS = ['message', 'presence', 'iq'];

/** A stream with a bound resource: stanzas, and stream management. */
export class Online {
  readonly #stream: ServerStream;

  constructor(stream: ServerStream) {
    this.#stream = stream;
  }

  handle(session: ServerSession, element: XmlElement): void {
    if (element.xmlns === NS.client && STANZAS.includes(element.name)) return this.#stanza(session, element);
    if (element.xmlns === NS.sm && this.#stream.host.settings.streamManagement) return this.#manage(session, element);
    // XEP-0352: hints that need no answer.
    if (element.xmlns === NS.csi) return;
    this.#stream.fail('unsupported-stanza-type');
  }

  #stanza(session: ServerSession, stanza: XmlElement): void {
    const stream = this.#stream;
    const { from } = stanza.attrs;
    // RFC 6120 section 8.1.2.1: the server says who sends; a client may only say the truth.
    if (from !== undefined && !isSender(from, session)) return stream.fail('invalid-from');
    const stamped = withAttrs(stanza, { from: session.jid });
    const { legacySession } = stream.host.settings;
    const opens = stanza.child('session', NS.session) !== undefined;
    if (legacySession === 'required' && !session.established && !opens) {
      // RFC 3921 section 3.
      session.management?.received();
      if (stanza.name === 'iq') session.send(stanzaError(stamped, 'not-authorized'));
      return;
    }
    stream.answer(
      opens ? 'session' : 'online',
      () => {
        // Not before: what a fault keeps from being handled must not be acknowledged.
        session.management?.received();
        const request = stanza.name === 'iq' && ['get', 'set'].includes(stanza.attrs.type ?? '');
        const forServer =
          request &&
          [undefined, session.account + '@' + stream.host.settings.domain, stream.host.settings.domain].includes(
            stanza.attrs.to,
          );
        if (opens || !forServer) return stream.host.received(session, stamped);
        stream.answer(
          'iq',
          () => stream.host.received(session, stamped),
          (condition, text) => session.send(stanzaError(stamped, condition ?? 'service-unavailable', text)),
        );
      },
      opens
        ? (condition, text) => session.send(stanzaError(stamped, condition ?? 'internal-server-error', text))
        : undefined,
    );
  }

  #manage(session: ServerSession, element: XmlElement): void {
    const stream = this.#stream;
    const { management } = session;
    switch (element.name) {
      case 'enable':
        if (management) return stream.writeElement(failed('unexpected-request'));
        return stream.answer(
          'enable',
          () => this.#enable(session, element),
          (condition) => stream.writeElement(failed(condition ?? 'internal-server-error')),
        );
      case 'r':
        if (!management) break;
        return stream.answer('ack', () => stream.writeElement(xml('a', { xmlns: NS.sm, h: management.handled })));
      case 'a':
        if (!management) break;
        if (!management.acknowledge(element.attrs.h))
          return stream.fail('undefined-condition', { application: management.tooHigh(element.attrs.h) });
        return session.acknowledged();
      case 'resume':
        return stream.writeElement(failed('unexpected-request'));
    }
    stream.fail('unsupported-stanza-type');
  }

  #enable(session: ServerSession, { attrs }: XmlElement): void {
    const { streamManagement, random } = this.#stream.host.settings;
    if (!streamManagement) return;
    const resumable = streamManagement.resume && ['true', '1'].includes(attrs.resume ?? '');
    const wanted = /^\d{1,9}$/.test(attrs.max ?? '') ? Number(attrs.max) : Infinity;
    const max = Math.min(wanted, streamManagement.max);
    const management = new StreamManagement(randomId(random, 16), resumable, max);
    session.management = management;
    this.#stream.note('enabled', management.id);
    this.#stream.writeElement(
      resumable
        ? xml('enabled', { xmlns: NS.sm, id: management.id, resume: true, max, location: streamManagement.location })
        : xml('enabled', { xmlns: NS.sm }),
    );
  }
}

function isSender(from: string, session: ServerSession): boolean {
  try {
    const sender = jid(from);
    return sender.toString() === session.jid || (!sender.resource && session.jid.startsWith(`${sender.toString()}/`));
  } catch {
    return false;
  }
}
