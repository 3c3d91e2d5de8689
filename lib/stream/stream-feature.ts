import type { Observable } from 'rxjs';
import type { Jid } from '../jid/jid.js';
import type { XmlElement } from '../xml/xml-element.js';
import type { Stage } from './stage-config.js';
import type { XmlStream } from './xml-stream.js';

/** What has been agreed on so far. It goes on across restarts, while advertised features do not. */
export interface Agreed {
  readonly authenticated: boolean;
  /** The full JID, once bound or resumed. */
  readonly jid?: Jid;
  /** Whether an earlier session goes on (XEP-0198 section 5). */
  readonly resumed: boolean;
}

/**
 * What a feature's negotiation leads to:
 * - `next`: on with the features that are left;
 * - `restart`: a new stream over the same connection (RFC 6120 section 4.3.3);
 * - `ready`: the stream is ready for stanzas, whatever features are left.
 */
export type Outcome = { readonly kind: 'next' | 'restart' | 'ready'; readonly agreed?: Partial<Agreed> };

/** What a feature gets to know of the stream. */
export interface FeatureContext extends Stage {
  readonly agreed: Agreed;
}

/**
 * One stream feature (RFC 6120 section 4.3.2). Another one (SASL2, say) is one file that implements this, and one entry
 * in the list of features.
 */
export interface StreamFeature<Offer = unknown> {
  readonly name: string;
  /** The namespace of the advertised element that `parse` gets. */
  readonly xmlns: string;
  /**
   * What the server offers, or `undefined` to leave the feature out. It is asked even when nothing was advertised, so
   * that a feature can insist.
   */
  parse(advertised: XmlElement | undefined, stream: XmlStream, context: FeatureContext): Offer | undefined;
  /** Negotiates; cold, emits one outcome. Unsubscribing gives up. */
  negotiate(stream: XmlStream, offer: Offer, context: FeatureContext): Observable<Outcome>;
}
