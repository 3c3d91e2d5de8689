import { defer, map, tap, type Observable } from 'rxjs';
import { StreamError } from '../../errors/stream-error.js';
import { jid, type Jid } from '../../jid/jid.js';
import { NS } from '../../xml/namespaces.js';
import { xml } from '../../xml/xml.js';
import type { XmlElement } from '../../xml/xml-element.js';
import type { FeatureContext, Outcome, StreamFeature } from '../stream-feature.js';
import type { XmlStream } from '../xml-stream.js';
import { request } from './request.js';

export interface BindConfig {
  /** The resource to ask for; the server picks one where it is `undefined` (RFC 6120 section 7.6). */
  readonly resource?: string;
}

/**
 * Binds a resource (RFC 6120 section 7). The JID is the one that the server tells, whatever was asked for.
 *
 * Errors with `StanzaError` (`conflict`, `resource-constraint`, `not-allowed` ...), with `StreamError` where the answer holds no
 * full JID, or with `XmppTimeoutError` of phase `bind`.
 */
export function bind({ resource }: BindConfig = {}): StreamFeature {
  return {
    name: 'bind',
    xmlns: NS.bind,
    parse: (advertised, _stream, { agreed }) => (agreed.authenticated && !agreed.jid ? advertised : undefined),
    negotiate: (stream, _offer, context) => bindResource(stream, resource, context),
  };
}

function bindResource(stream: XmlStream, resource: string | undefined, context: FeatureContext): Observable<Outcome> {
  return defer(() => {
    context.trace({ type: 'binding' });
    const wanted = resource === undefined ? null : xml('resource', {}, resource);
    return request(stream, xml('bind', { xmlns: NS.bind }, wanted), 'bind', context);
  }).pipe(
    map(boundJid),
    tap((bound) => context.trace({ type: 'bound', jid: bound.toString() })),
    map((bound): Outcome => ({ kind: 'next', agreed: { jid: bound } })),
  );
}

function boundJid(result: XmlElement): Jid {
  const text = result.child('bind', NS.bind)?.child('jid', NS.bind)?.text() ?? '';
  try {
    const bound = jid(text);
    if (bound.resource !== undefined) return bound;
  } catch {
    // Told below: what matters is who sent it.
  }
  throw new StreamError({
    condition: 'bad-format',
    phase: 'bind',
    text: `the server bound '${text}', which is no full JID`,
  });
}
