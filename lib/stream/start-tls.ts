import { catchError, defer, switchMap, tap, type Observable, type OperatorFunction } from 'rxjs';
import { StreamError } from '../errors/stream-error.js';
import { TlsError } from '../errors/tls-error.js';
import type { Connection, TlsPolicy } from '../transport/transport.js';
import * as NS from '../xml/namespaces.js';
import { xml } from '../xml/xml.js';
import { hold } from './hold.js';
import { openStreamOn, type OpenStreamConfig } from './open-stream.js';
import { scopeMap } from './scope-map.js';
import { stageOf, type StageConfig } from './stage-config.js';
import { bounded } from './within.js';
import type { XmlStream } from './xml-stream.js';

export interface StartTlsConfig extends OpenStreamConfig {
  /**
   * - `required` (default): TLS or an error; `<starttls/>` is sent even where it is not advertised, because whoever can
   *   strip the feature can do no more than refuse it (RFC 6120 section 5.3.1, RFC 7590);
   * - `preferred`: TLS where it is advertised;
   * - `disabled`: never.
   */
  readonly policy?: TlsPolicy;
}

/**
 * Secures a stream by STARTTLS and opens it anew. A stream that is secure already (direct TLS, `wss:`) passes.
 *
 * ```text
 * stream     --s----------------------------
 * out          <starttls/>           <stream:stream>
 * in                     <proceed/>                  <stream:stream> <stream:features/>
 * tls                              ~~~~
 * startTls   --------------------------------------------------------s'--
 * ```
 *
 * Errors with `TlsError` (`tls-unavailable`, `untrusted-certificate`, `wrong-identity`, `data-after-proceed` ...) or
 * `XmppTimeoutError` of phase `starttls`, `tls`, `open` or `features`. With `required` nothing but `<starttls/>` is ever
 * sent in clear.
 *
 * @param open Opens the stream anew over TLS; `openStream` does by default.
 * @see RFC 6120 section 5
 */
export function startTls(
  config: StartTlsConfig,
  open: (connection: Connection, config: StartTlsConfig) => Observable<XmlStream> = openStreamOn,
): OperatorFunction<XmlStream, XmlStream> {
  const { policy = 'required' } = config;
  if (policy === 'disabled') return (source) => source;
  return scopeMap((stream) => {
    const { connection } = stream;
    const advertised = stream.features.child('starttls', NS.tls);
    if (connection.tls || (policy === 'preferred' && !advertised)) return hold(stream);
    return proceed(stream, config, advertised).pipe(
      switchMap(() => secureConnection(connection, config)),
      scopeMap((secured) => open(secured, config)),
    );
  });
}

/** What servers without STARTTLS say to `<starttls/>`: to them it is an element like any other, and too early. */
const UNKNOWN_TO_SERVER =
  /^(bad-format|invalid-namespace|invalid-xml|not-authorized|unsupported-feature|unsupported-stanza-type)$/;

function proceed(stream: XmlStream, config: StageConfig, advertised: unknown): Observable<unknown> {
  const stage = stageOf(config);
  return defer(() => {
    if (!stream.connection.startTls) throw unavailable('this transport has no TLS');
    stage.trace({ type: 'starting-tls' });
    // Whoever is told may give up there and then: nothing is to follow the footer.
    return defer(() => {
      stream.send(xml('starttls', { xmlns: NS.tls }));
      return stream.next$;
    });
  }).pipe(
    tap((answer) => {
      if (!answer.is('proceed', NS.tls)) throw unavailable(NOT_OFFERED);
      stream.supersede('tls');
    }),
    catchError((error: unknown) => {
      const unknown =
        error instanceof StreamError && error.origin === 'remote' && UNKNOWN_TO_SERVER.test(error.condition);
      throw unknown && !advertised ? unavailable(NOT_OFFERED, error) : error;
    }),
    bounded('starttls', stage),
  );
}

/** Starts TLS on a connection that both sides have agreed to secure. */
export function secureConnection(connection: Connection, config: StageConfig): Observable<Connection> {
  const stage = stageOf(config);
  return defer(() => {
    stage.trace({ type: 'securing' });
    return connection.startTls!();
  }).pipe(
    tap(({ tls }) => {
      // A transport that is not ours may hand back what it was given; nobody is to take that for TLS.
      if (!tls) throw unavailable('this transport has no TLS');
      stage.trace({ type: 'secured', tls });
    }),
    bounded('tls', stage),
  );
}

const NOT_OFFERED = 'the server offers no TLS on this stream';

/** The phase is named by its bound. */
function unavailable(text: string, cause?: unknown): TlsError {
  return new TlsError({ condition: 'tls-unavailable', text, cause });
}
