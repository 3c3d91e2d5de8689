import { catchError, defer, map, switchMap, take, throwIfEmpty, type Observable, type ObservableInput } from 'rxjs';
import { StanzaError } from '../../errors/stanza-error.js';
import { StreamError } from '../../errors/stream-error.js';
import { jid, type Jid } from '../../jid/jid.js';
import * as NS from '../../xml/namespaces.js';
import { xml } from '../../xml/xml.js';
import type { XmlElement } from '../../xml/xml-element.js';
import type { Secrets } from '../secrets.js';
import type { FeatureContext, Outcome, StreamFeature } from '../stream-feature.js';
import { bounded } from '../within.js';
import type { XmlStream } from '../xml-stream.js';
import { request } from './request.js';

/**
 * Says what to ask for where another session has the resource (RFC 6120 section 7.7.2.2): another resource, or `null` for one
 * of the server's choice. Emitting nothing leaves the conflict an error. It has the `bind` bound to answer.
 *
 * @param resource The one that is taken.
 * @param conflicts How many there were so far, this one included.
 */
export type OnResourceConflict = (resource: string, conflicts: number) => ObservableInput<string | null>;

export interface BindConfig {
  /** The resource to ask for; the server picks one where it is `undefined` (RFC 6120 section 7.6). */
  readonly resource?: string;
  /** By default a conflict is an error. It is asked at most five times in one attempt. */
  readonly onConflict?: OnResourceConflict;
}

const MAX_CONFLICTS = 5;

/**
 * Binds a resource (RFC 6120 section 7). The JID is the one that the server tells, whatever was asked for.
 *
 * Errors with `StanzaError` (`conflict`, `resource-constraint`, `not-allowed` ...), with `StreamError` where the answer holds no
 * full JID, or with `XmppTimeoutError` of phase `bind`.
 */
export function bind(config: BindConfig = {}): StreamFeature {
  return {
    name: 'bind',
    xmlns: NS.bind,
    parse: (advertised, _stream, { agreed }) => (agreed.authenticated && !agreed.jid ? advertised : undefined),
    negotiate: (stream, _offer, context) => bindResource(stream, config, context),
  };
}

function bindResource(
  stream: XmlStream,
  { resource, onConflict }: BindConfig,
  stage: FeatureContext,
): Observable<Outcome> {
  const ask = (wanted: string | undefined, conflicts: number): Observable<XmlElement> =>
    defer(() => {
      stage.trace({ type: 'binding' });
      const child = wanted === undefined ? null : xml('resource', {}, wanted);
      return request(stream, xml('bind', { xmlns: NS.bind }, child), 'bind', stage);
    }).pipe(
      catchError((error: unknown) => {
        const isConflict = error instanceof StanzaError && error.condition === 'conflict';
        if (!isConflict || !onConflict || wanted === undefined || conflicts > MAX_CONFLICTS) throw error;
        return defer(() => onConflict(wanted, conflicts)).pipe(
          take(1),
          throwIfEmpty(() => error),
          bounded('bind', stage),
          switchMap((other) => ask(other ?? undefined, conflicts + 1)),
        );
      }),
    );
  return ask(resource, 1).pipe(
    map((result): Outcome => {
      const bound = boundJid(result.child('bind', NS.bind)?.child('jid', NS.bind)?.text() ?? '', stream.secrets);
      stage.trace({ type: 'bound', jid: bound.toString() });
      return { kind: 'next', agreed: { jid: bound } };
    }),
  );
}

function boundJid(text: string, secrets: Secrets): Jid {
  try {
    const bound = jid(text);
    if (bound.resource !== undefined) return bound;
  } catch {
    // Told below: what matters is who sent it.
  }
  throw new StreamError({
    condition: 'bad-format',
    phase: 'bind',
    text: `'${secrets.told(text)}' is no full JID`,
  });
}
