import { defer, map, of, tap, timeout, type Observable } from 'rxjs';
import { TlsError } from '../errors/tls-error.js';
import type { Jid } from '../jid/jid.js';
import { hold } from '../stream/hold.js';
import { scopeMap } from '../stream/scope-map.js';
import { stageOf } from '../stream/stage-config.js';
import { secureConnection, startTls } from '../stream/start-tls.js';
import { inPhase, within } from '../stream/within.js';
import type { XmlStream } from '../stream/xml-stream.js';
import type { Connection } from '../transport/transport.js';
import * as NS from '../xml/namespaces.js';
import { xml } from '../xml/xml.js';
import type { XmlElement } from '../xml/xml-element.js';
import { acceptPeer, fault, openToPeer, type PeerStream, type PeerStreamConfig } from './peer-stream.js';

/**
 * Opens a stream to a peer, and secures it by STARTTLS where the policy has it so.
 *
 * ```text
 * out                <stream:stream>            <starttls/>           <stream:stream>
 * in                            <features/>                <proceed/>          <features/>
 * tls                                                                ~~~~
 * openSecuredToPeer  ----------------------------------------------------------------p--
 * ```
 *
 * Errors as `openToPeer` and `startTls` do.
 */
export function openSecuredToPeer(connection: Connection, to: Jid, config: PeerStreamConfig): Observable<PeerStream> {
  const { tls: policy = 'disabled' } = config;
  const open = (over: Connection) => openToPeer(over, to, config).pipe(map(({ stream }) => stream));
  return open(connection).pipe(
    tap(({ features }) => {
      // Not asked in spite of that, as a server is: who took the offer away can do no more than this either.
      if (policy !== 'required' || connection.tls || features.child('starttls', NS.tls)) return;
      const text = `${to.toString()} offers no TLS`;
      throw new TlsError({ condition: 'tls-unavailable', phase: 'starttls', text });
    }),
    startTls({ ...config, policy, to: to.asciiDomain }, open),
    map((stream) => ({ stream, peer: to })),
  );
}

/**
 * Takes the stream of a peer that has connected, and secures it where the policy has it so. With `preferred` the peer decides by what it says
 * first; who says nothing within `timeouts.starttls` goes on without.
 *
 * ```text
 * in                 <stream:stream>            <starttls/>           <stream:stream>
 * out                            <features/>               <proceed/>           <features/>
 * tls                                                                ~~~~
 * acceptSecuredPeer  -----------------------------------------------------------p----------
 * ```
 *
 * Errors as `acceptPeer` does; with `StreamError` `policy-violation` where TLS is required and the peer wants none; with `TlsError`
 * (`data-after-proceed` for what comes in clear behind `<starttls/>`).
 */
export function acceptSecuredPeer(connection: Connection, config: PeerStreamConfig): Observable<PeerStream> {
  const { tls: policy = 'disabled' } = config;
  return acceptPeer(connection, config).pipe(
    scopeMap((accepted) => {
      const { stream } = accepted;
      if (connection.tls || policy === 'disabled') return hold(accepted);
      return firstElement(stream, policy === 'preferred', config).pipe(
        map((element) => element?.is('starttls', NS.tls) === true),
        tap((wanted) => {
          if (wanted) proceed(stream, config);
          else if (policy === 'required') throw stream.reject(fault('policy-violation', 'TLS is required'));
        }),
        scopeMap((wanted) =>
          wanted
            ? secureConnection(connection, config).pipe(scopeMap((secure) => acceptPeer(secure, config)))
            : hold(accepted),
        ),
      );
    }),
  );
}

/** What the peer says first. What is not `<starttls/>` is for whoever reads next. */
function firstElement(
  stream: XmlStream,
  maySayNothing: boolean,
  config: PeerStreamConfig,
): Observable<XmlElement | undefined> {
  const { timeouts, scheduler } = stageOf(config);
  const first$ = defer(() =>
    // Before XMPP 1.0 there are no features, and nothing to be offered.
    stream.header.version === undefined ? of(undefined) : stream.next$,
  ).pipe(tap((element) => element && !element.is('starttls', NS.tls) && stream.unread([element])));
  if (!maySayNothing) return first$.pipe(within('starttls', timeouts.starttls, scheduler));
  return first$.pipe(timeout({ first: timeouts.starttls, scheduler, with: () => of(undefined) }), inPhase('starttls'));
}

function proceed(stream: XmlStream, config: PeerStreamConfig): void {
  stageOf(config).trace({ type: 'starting-tls' });
  // First: what has come behind `<starttls/>` may have been put there (CVE-2011-0411).
  stream.supersede('tls');
  stream.send(xml('proceed', { xmlns: NS.tls }));
}
