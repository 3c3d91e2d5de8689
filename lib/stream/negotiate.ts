import { defer, map, type Observable, type OperatorFunction } from 'rxjs';
import { StreamError } from '../errors/stream-error.js';
import type { Jid } from '../jid/jid.js';
import { hold } from './hold.js';
import { openStreamOn, type OpenStreamConfig } from './open-stream.js';
import { scopeMap } from './scope-map.js';
import { stageOf } from './stage-config.js';
import type { Agreed, Outcome, StreamFeature } from './stream-feature.js';
import type { XmlStream } from './xml-stream.js';

/** A stream on which stanzas may flow. */
export interface NegotiatedStream {
  readonly stream: XmlStream;
  /** The full JID as the server bound it. */
  readonly jid: Jid;
  readonly resumed: boolean;
}

export interface NegotiateConfig extends OpenStreamConfig {
  /** In the order in which they are tried. */
  readonly features: readonly StreamFeature[];
}

/**
 * Negotiates stream features in the order of the list until the stream is ready for stanzas, opening a new stream
 * wherever a feature asks for a restart.
 *
 * ```text
 * stream      --s-----------------------------
 * features      sasl ... restart, bind ... ready
 * negotiate   ----------------------------------n---
 * ```
 *
 * Errors with what the feature errors with (`SaslError`, `StanzaError`, `StreamError`, `XmppTimeoutError`), and with
 * `StreamError` `feature-missing` where no JID was bound in the end.
 *
 * @see RFC 6120 section 4.3
 */
export function negotiate(config: NegotiateConfig): OperatorFunction<XmlStream, NegotiatedStream> {
  return scopeMap((stream) => walk(stream, config.features, { authenticated: false, resumed: false }, config));
}

/** Takes the first feature of the list that is on offer, and goes on as its outcome says. */
function walk(
  stream: XmlStream,
  features: readonly StreamFeature[],
  agreed: Agreed,
  config: NegotiateConfig,
): Observable<NegotiatedStream> {
  return defer(() => {
    const context = { ...stageOf(config), agreed };
    for (const [index, feature] of features.entries()) {
      const advertised = stream.features.child(feature.name, feature.xmlns);
      const offer = feature.parse(advertised, stream, context);
      if (offer === undefined) continue;
      return feature.negotiate(stream, offer, context).pipe(
        // The feature's own observable completes after its outcome; the stages after it live inside.
        map((outcome) => ({ outcome, agreed: { ...agreed, ...outcome.agreed } })),
        scopeUntilReady(stream, features.slice(index + 1), config),
      );
    }
    return ready(stream, agreed);
  });
}

function scopeUntilReady(
  stream: XmlStream,
  rest: readonly StreamFeature[],
  config: NegotiateConfig,
): OperatorFunction<{ outcome: Outcome; agreed: Agreed }, NegotiatedStream> {
  return scopeMap(({ outcome, agreed }) => {
    switch (outcome.kind) {
      case 'next':
        return walk(stream, rest, agreed, config);
      case 'restart':
        stream.supersede('restart');
        // Everything advertised before is forgotten, and the whole list stands again (RFC 6120 section 6.4.6).
        return openStreamOn(stream.connection, config, stream.secrets, agreed.authenticated).pipe(
          scopeMap((restarted) => walk(restarted, config.features, agreed, config)),
        );
      case 'ready':
        return ready(stream, agreed);
    }
  });
}

function ready(stream: XmlStream, { authenticated, jid, resumed }: Agreed): Observable<NegotiatedStream> {
  if (jid) return hold({ stream, jid, resumed });
  throw new StreamError({
    condition: 'feature-missing',
    phase: authenticated ? 'bind' : 'sasl',
    text: authenticated
      ? 'the server accepted the credentials but offers no resource binding (RFC 6120 section 7)'
      : 'the server offers no authentication',
  });
}
