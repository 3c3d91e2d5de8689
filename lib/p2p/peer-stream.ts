import { concat, concatMap, defer, EMPTY, map, NEVER, Observable, of, switchMap, tap } from 'rxjs';
import { StreamError } from '../errors/stream-error.js';
import type { Jid } from '../jid/jid.js';
import { jid } from '../jid/jid.js';
import { stageOf, type StageConfig } from '../stream/stage-config.js';
import { within } from '../stream/within.js';
import { XmlStream } from '../stream/xml-stream.js';
import type { Connection, TlsPolicy } from '../transport/transport.js';
import { elements } from '../xml/elements.js';
import * as NS from '../xml/namespaces.js';
import { xml } from '../xml/xml.js';
import type { XmlElement } from '../xml/xml-element.js';
import type { XmlLimits } from '../xml/xml-limits.js';

/** A stream between two peers, without a server: ready for stanzas. */
export interface PeerStream {
  readonly stream: XmlStream;
  /** Who is at the other end, as they say; `undefined` where they say nothing. */
  readonly peer: Jid | undefined;
}

export interface PeerStreamConfig extends StageConfig {
  /** Who we say that we are. */
  readonly own: Jid;
  /** Stream features of ours, told to whoever connects. */
  readonly features?: readonly XmlElement[];
  readonly limits?: Partial<XmlLimits>;
  /** Whether TLS is started on the stream, as for `startTls`; `disabled` by default. */
  readonly tls?: TlsPolicy;
  /**
   * Checks over TLS who the peer is that has connected, by what it says: completes, or errors with the reason why it is to be refused.
   */
  readonly verify?: (peer: Jid | undefined) => Observable<never>;
}

/**
 * Opens a stream to a peer (XEP-0174 section 6): our header, theirs, and their features where they speak XMPP 1.0.
 *
 * ```text
 * out           <stream:stream>
 * in                  <stream:stream>  <stream:features/>
 * openToPeer    ------------------------p-----
 * ```
 *
 * Errors as `openStream` does, and with `StreamError` `invalid-from` where somebody else answers.
 */
export function openToPeer(connection: Connection, to: Jid, config: PeerStreamConfig): Observable<PeerStream> {
  const { timeouts, scheduler, trace } = stageOf(config);
  return streamOn(connection, config, (stream) =>
    defer(() => {
      trace({ type: 'opening' });
      stream.open({ to: to.toString(), from: config.own.toString() });
      return stream.header$;
    }).pipe(
      map(({ from }) => {
        if (stream.header.contentNs !== NS.client) throw stream.reject(wrongNamespace(stream));
        if (from !== undefined && !sameJid(from, to)) {
          throw stream.reject(fault('invalid-from', `'${from}' answers, not '${to.toString()}'`));
        }
      }),
      within('open', timeouts.open, scheduler),
      tap(() => trace({ type: 'opened', id: stream.header.id, from: stream.header.from })),
      switchMap(() => (stream.header.version === undefined ? of(NO_FEATURES) : stream.next$)),
      map((element) => {
        if (!element.is('features', NS.stream)) throw stream.reject(fault('invalid-xml', 'there are no features'));
        stream.features = element;
        return { stream, peer: to };
      }),
      within('features', timeouts.features, scheduler),
      tap(() => trace({ type: 'features', names: elements(stream.features).map(({ name }) => name) })),
    ),
  );
}

/**
 * Takes the stream of a peer that has connected: awaits their header, answers with ours and our features. Those are written when
 * the stream opens, and not before.
 *
 * Errors with `StreamError` (`host-unknown`: they mean somebody else) or `XmppTimeoutError` of phase `open`.
 */
export function acceptPeer(connection: Connection, config: PeerStreamConfig): Observable<PeerStream> {
  const { timeouts, scheduler, trace } = stageOf(config);
  const { own, verify } = config;
  return streamOn(connection, config, (stream) =>
    stream.header$.pipe(
      map(({ from, to }) => {
        trace({ type: 'opened', id: stream.header.id, from });
        const answer = () => {
          trace({ type: 'opening' });
          stream.open({ to: from, from: own.toString() });
        };
        const refuse = (error: StreamError) => {
          answer();
          throw stream.reject(error);
        };
        if (stream.header.contentNs !== NS.client) refuse(wrongNamespace(stream));
        if (to !== undefined && !sameJid(to, own)) refuse(fault('host-unknown', `this is not '${to}'`));
        const peer = from === undefined ? undefined : parsed(from);
        if (from !== undefined && !peer) refuse(fault('improper-addressing', `'${from}' is no JID`));
        return { peer, answer };
      }),
      // Who is not whom it says is told nothing.
      concatMap((met) => concat(connection.tls && verify ? verify(met.peer) : EMPTY, of(met))),
      map(({ peer, answer }) => {
        answer();
        stream.features = NO_FEATURES;
        if (stream.header.version !== undefined) {
          stream.send(xml('features', { xmlns: NS.stream }, offerOf(connection, config), ...(config.features ?? [])));
        }
        return { stream, peer };
      }),
      within('open', timeouts.open, scheduler),
    ),
  );
}

const NO_FEATURES = xml('features', { xmlns: NS.stream });

function streamOn<T>(
  connection: Connection,
  config: PeerStreamConfig,
  open: (stream: XmlStream) => Observable<T>,
): Observable<T> {
  const { scheduler } = stageOf(config);
  return new Observable<T>((subscriber) => {
    const stream = new XmlStream(connection, config.limits, scheduler);
    // Before anything else: what is already there may be read, and end the stream, while `subscribe` is on the stack.
    subscriber.add(() => stream.dispose());
    return concat(open(stream), NEVER).subscribe(subscriber);
  });
}

/** STARTTLS, as far as it can be had (RFC 6120 section 5.4.1). */
function offerOf({ tls, startTls }: Connection, { tls: policy = 'disabled' }: PeerStreamConfig): XmlElement | null {
  if (tls || !startTls || policy === 'disabled') return null;
  return xml('starttls', { xmlns: NS.tls }, policy === 'required' ? xml('required') : null);
}

function wrongNamespace({ header }: XmlStream): StreamError {
  return fault('invalid-namespace', `the stream is for '${header.contentNs}'`);
}

function sameJid(text: string, expected: Jid): boolean {
  return parsed(text)?.bare().equals(expected.bare()) ?? false;
}

function parsed(text: string): Jid | undefined {
  try {
    return jid(text);
  } catch {
    return undefined;
  }
}

export function fault(condition: string, text: string): StreamError {
  return new StreamError({ condition, text, phase: 'open' });
}
