import {
  catchError,
  defaultIfEmpty,
  defer,
  EMPTY,
  map,
  of,
  Subscription,
  take,
  type Observable,
  type ObservableInput,
} from 'rxjs';
import { StanzaError } from '../errors/stanza-error.js';
import { UsageError } from '../errors/usage-error.js';
import { elements } from '../xml/elements.js';
import { errorChildren } from '../xml/error-children.js';
import * as NS from '../xml/namespaces.js';
import { xml } from '../xml/xml.js';
import type { XmlElement } from '../xml/xml-element.js';

/**
 * Answers a request: the payload of the result, or `undefined` (or nothing at all) for an empty one. An error becomes an
 * error reply: a `StanzaError` with its condition and type, any other one as `internal-server-error` without its text.
 */
export type RequestHandler = (iq: XmlElement) => ObservableInput<XmlElement | undefined>;

/**
 * Who answers incoming IQs of type get and set. What nobody handles is answered all the same (RFC 6120 section 8.2.3):
 * pings by a result (XEP-0199), all else by `service-unavailable`.
 */
export class RequestHandlers {
  /** None before the first is added. */
  #handlers: Map<string, RequestHandler> | undefined;

  /** @throws UsageError Where there is a handler for it already. */
  add(type: 'get' | 'set', xmlns: string, handler: RequestHandler): Subscription {
    const key = `${type} ${xmlns}`;
    const handlers = (this.#handlers ??= new Map());
    if (handlers.has(key)) throw new UsageError('handler-exists', `${key} has a handler`);
    handlers.set(key, handler);
    return new Subscription(() => handlers.delete(key));
  }

  /** The one reply to a request; never errors. */
  answer(iq: XmlElement): Observable<XmlElement> {
    const [payload] = elements(iq);
    const handler = payload && this.#handlers?.get(`${iq.attrs.type} ${payload.xmlns}`);
    return defer(() => {
      if (handler) return handler(iq);
      if (iq.attrs.type === 'get' && payload?.is('ping', NS.ping)) return EMPTY;
      throw new StanzaError({ condition: 'service-unavailable' });
    }).pipe(
      take(1),
      defaultIfEmpty(undefined),
      map((result) => reply(iq, 'result', result)),
      catchError((error: unknown) => of(errorReply(iq, error))),
    );
  }
}

function reply({ attrs: { from, id } }: XmlElement, type: string, ...children: (XmlElement | undefined)[]): XmlElement {
  return xml('iq', { to: from, id, type }, ...children);
}

/** The error reply to a request: a `StanzaError` as it is, anything else as `internal-server-error` without its text. */
export function errorReply(iq: XmlElement, error: unknown): XmlElement {
  const known = error instanceof StanzaError ? error : new StanzaError({ condition: 'internal-server-error' });
  return reply(iq, 'error', xml('error', { type: known.type }, errorChildren(known.condition, known.text, NS.stanzas)));
}
