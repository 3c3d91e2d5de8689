import { concat, defer, map, NEVER, Observable, of, switchMap, tap } from 'rxjs';
import { StreamError } from '../errors/stream-error.js';
import type { Jid } from '../jid/jid.js';
import { jid } from '../jid/jid.js';
import { stageOf, type StageConfig } from '../stream/stage-config.js';
import { within } from '../stream/within.js';
import { XmlStream } from '../stream/xml-stream.js';
import type { Connection } from '../transport/transport.js';
import { NS } from '../xml/namespaces.js';
import { xml } from '../xml/xml.js';
import { XmlElement } from '../xml/xml-element.js';
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
        checkHeader(stream);
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
      tap(() => trace({ type: 'features', names: namesOf(stream.features) })),
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
  const { own } = config;
  return streamOn(connection, config, (stream) =>
    stream.header$.pipe(
      map(({ from, to, version }) => {
        trace({ type: 'opened', id: stream.header.id, from });
        trace({ type: 'opening' });
        stream.open({ to: from ?? '', from: own.toString() });
        checkHeader(stream);
        if (to !== undefined && !sameJid(to, own)) throw stream.reject(fault('host-unknown', `this is not '${to}'`));
        const peer = from === undefined ? undefined : parsed(from);
        if (from !== undefined && !peer) throw stream.reject(fault('improper-addressing', `'${from}' is no JID`));
        if (version !== undefined) stream.send(xml('features', { xmlns: NS.stream }, ...(config.features ?? [])));
        stream.features = NO_FEATURES;
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

function checkHeader(stream: XmlStream): void {
  if (stream.header.contentNs === NS.client) return;
  throw stream.reject(fault('invalid-namespace', `the stream is for '${stream.header.contentNs}'`));
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

function fault(condition: string, text: string): StreamError {
  return new StreamError({ condition, text, phase: 'open' });
}

function namesOf({ children }: XmlElement): string[] {
  return children.filter((child) => child instanceof XmlElement).map(({ name }) => name);
}
