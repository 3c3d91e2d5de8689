import { Observable, type OperatorFunction, type Subscriber } from 'rxjs';
import { StreamError } from '../errors/stream-error.js';
import type { Jid } from '../jid/jid.js';
import { openStreamOn, type OpenStreamConfig } from './open-stream.js';
import { Held, Scope } from './scope.js';
import { scopeMapWith } from './scope-map.js';
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
  /** In the order in which they are tried; or made for each stream, of this, so that they are not kept once it is negotiated. */
  readonly features: readonly StreamFeature[] | ((config: NegotiateConfig) => readonly StreamFeature[]);
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
  return scopeMapWith(config, negotiateOn);
}

function negotiateOn(stream: XmlStream, config: NegotiateConfig): Observable<NegotiatedStream> {
  return new Observable((subscriber) => {
    new Negotiation(subscriber, config).start(stream, { authenticated: false, resumed: false });
  });
}

/** Goes from feature to feature, and from stream to stream. What lasts of them is held, and nothing else. */
class Negotiation extends Scope<NegotiatedStream> {
  readonly #config: NegotiateConfig;
  /** What is awaited: a feature's outcome, or the stream after a restart. */
  #awaited: Held<never> | undefined;
  #go: ((value: never) => void) | undefined;
  /** The stream of the last restart. */
  #restarted: Held<XmlStream> | undefined;

  constructor(subscriber: Subscriber<NegotiatedStream>, config: NegotiateConfig) {
    super(subscriber);
    this.#config = config;
  }

  /** The whole list stands. */
  start(stream: XmlStream, agreed: Agreed): void {
    const { features } = this.#config;
    this.walk(stream, typeof features === 'function' ? features(this.#config) : features, agreed);
  }

  /** Takes the first feature of the list that is on offer, and goes on as its outcome says. */
  walk(stream: XmlStream, features: readonly StreamFeature[], agreed: Agreed): void {
    const context = { ...stageOf(this.#config), agreed };
    for (const [index, feature] of features.entries()) {
      const offer = feature.parse(stream.features.child(feature.name, feature.xmlns), stream, context);
      if (offer === undefined) continue;
      return this.#await(new Held<Outcome>(this), feature.negotiate(stream, offer, context), (outcome) => {
        this.#follow(outcome, stream, features.slice(index + 1), { ...agreed, ...outcome.agreed });
      });
    }
    this.#ready(stream, agreed);
  }

  override entered(value: never, held: Held<never>): void {
    if (held !== this.#awaited) return;
    const go = this.#go!;
    this.#awaited = this.#go = undefined;
    go(value);
  }

  override completed(held: Held<never>): void {
    if (held === this.#awaited) super.completed(held);
    else this.forget(held);
  }

  #await<T>(held: Held<T>, resource$: Observable<T>, go: (value: T) => void): void {
    this.#awaited = held;
    this.#go = go;
    this.hold(resource$, held);
  }

  #follow({ kind }: Outcome, stream: XmlStream, rest: readonly StreamFeature[], agreed: Agreed): void {
    if (kind === 'next') return this.walk(stream, rest, agreed);
    if (kind === 'ready') return this.#ready(stream, agreed);
    stream.supersede('restart');
    const former = this.#restarted;
    if (former) this.release(former);
    // Everything advertised before is forgotten, and the whole list stands again (RFC 6120 section 6.4.6).
    const { connection, secrets } = stream;
    this.#restarted = new Held(this);
    this.#await(this.#restarted, openStreamOn(connection, this.#config, secrets, agreed.authenticated), (restarted) => {
      this.start(restarted, agreed);
    });
  }

  #ready(stream: XmlStream, { authenticated, jid, resumed }: Agreed): void {
    if (jid) return this.subscriber.next({ stream, jid, resumed });
    throw new StreamError({
      condition: 'feature-missing',
      phase: authenticated ? 'bind' : 'sasl',
      text: `the server offers no ${authenticated ? 'resource binding' : 'authentication'}`,
    });
  }
}
