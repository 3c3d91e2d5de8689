import { connect as connectSocket, isIP, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import {
  defer,
  map,
  mergeMap,
  of,
  tap,
  throwError,
  timeout,
  type MonoTypeOperatorFunction,
  type Observable,
} from 'rxjs';
import { UsageError } from '../../errors/usage-error.js';
import { XmppTimeoutError } from '../../errors/timeout-error.js';
import { TlsError } from '../../errors/tls-error.js';
import { TransportError } from '../../errors/transport-error.js';
import type { XmppError } from '../../errors/xmpp-error.js';
import type { Target } from '../../trace/lifecycle-event.js';
import type { Address, DnsResolver } from '../dns-resolver.js';
import { happyEyeballs } from '../happy-eyeballs.js';
import { interleaveFamilies } from '../interleave-families.js';
import { ipLiteral } from '../ip-literal.js';
import { lookUp } from '../look-up.js';
import type { ConnectContext } from '../transport.js';
import { allAddressesFailed } from './all-failed.js';
import { secureSocket, type TlsSettings } from './secure-socket.js';
import type { SocketConnection } from './socket-connection.js';
import { closedError, connectError } from './socket-error.js';
import { isHeld, socketResource, type SocketConfig } from './socket-resource.js';
import type { TcpConfig } from './tcp-config.js';

/** How targets are dialled: a `TcpConfig` made ready for use. */
export interface Dialer extends Omit<TcpConfig, 'tls'> {
  readonly resolver: DnsResolver;
  /** None where the policy has no TLS. */
  readonly tls: TlsSettings | undefined;
}

/**
 * Connects to one target: its addresses within `timeouts.resolve`, TCP to the first of them that opens within
 * `timeouts.target`, and direct TLS within `timeouts.tls` where the target asks for that.
 */
export function dialTarget(target: Target, dialer: Dialer, context: ConnectContext): Observable<SocketConnection> {
  const { trace } = context;
  const connected$ = tcpTo(target, dialer, context);
  if (target.security !== 'direct') return connected$;
  return connected$.pipe(
    tap(() => trace({ type: 'securing' })),
    // The plain connection is handed over, so that the order of release is no matter.
    mergeMap((plain) => plain.startTls!()),
    tap(({ tls }) => trace({ type: 'secured', tls: tls! })),
  );
}

function tcpTo(target: Target, dialer: Dialer, context: ConnectContext): Observable<SocketConnection> {
  const { duplex, path, localAddress, localPort, attemptDelay, linger } = dialer;
  const { scheduler, timeouts, trace } = context;

  if (duplex !== undefined) {
    const take = () => {
      const stream = typeof duplex === 'function' ? duplex() : duplex;
      if (stream.destroyed || stream.readableEnded || stream.writableEnded) throw closedError('the given `duplex`');
      if (isHeld(stream)) throw new UsageError('duplex-busy', '`duplex` serves another attempt; give a function');
      if (stream instanceof Socket) stream.setNoDelay(true);
      return stream;
    };
    return plainConnection(take, undefined, 'the given `duplex`').pipe(tap(() => trace({ type: 'connected', target })));
  }
  if (path !== undefined) {
    return defer(() => {
      trace({ type: 'connecting', target });
      return plainConnection(() => connectSocket({ path, allowHalfOpen: true }), 'connect', path);
    }).pipe(
      withinTarget(context, `${path} did not accept the connection within ${timeouts.target} ms`),
      tap(() => trace({ type: 'connected', target })),
    );
  }

  const hostPort = `${target.host.includes(':') ? `[${target.host}]` : target.host}:${target.port}`;
  return addressesOf(target.host, dialer, context).pipe(
    mergeMap((addresses) =>
      happyEyeballs(
        addresses,
        ({ address }) => {
          trace({ type: 'connecting', target, address });
          return toAddress(address).pipe(tap(() => trace({ type: 'connected', target, address })));
        },
        (errors) => allAddressesFailed(hostPort, errors),
        {
          delay: attemptDelay,
          scheduler,
          failed: ({ address }, error) => {
            // With one address its failure is that of the target, and told as such.
            if (addresses.length > 1) trace({ type: 'target-failed', target, address, error: error as XmppError });
          },
        },
      ).pipe(
        withinTarget(
          context,
          `${hostPort} did not answer within ${timeouts.target} ms; is the host up, and does a firewall let the port through?`,
        ),
      ),
    ),
  );

  function toAddress(address: string): Observable<SocketConnection> {
    const peer = address === target.host ? hostPort : `${hostPort} (${address})`;
    const open = () =>
      connectSocket({
        host: address,
        port: target.port,
        family: isIP(address),
        localAddress,
        localPort,
        noDelay: true,
        // Our footer may be written after the peer's end.
        allowHalfOpen: true,
        // The race is ours: Node's own keeps no address's error apart, and knows no scheduler.
        autoSelectFamily: false,
      });
    return plainConnection(open, 'connect', peer);
  }

  function plainConnection(
    open: () => Duplex,
    ready: 'connect' | undefined,
    peer: string,
  ): Observable<SocketConnection> {
    return socketResource({
      open,
      ready,
      peer,
      scheduler,
      linger,
      failed: (error) => connectError(error, peer),
      security:
        // Where no TLS may be, nothing is kept for it.
        target.security === 'none' || !dialer.tls
          ? () => ({})
          : startableTls(dialer.tls, context, peer, target.security === 'direct'),
    });
  }
}

/** By itself, since a connection has it for as long as it lives: it is to know of no more than it needs. */
function startableTls(
  settings: TlsSettings,
  context: ConnectContext,
  peer: string,
  direct: boolean,
): SocketConfig<Duplex>['security'] {
  return (socket, holder) => ({
    startTls: () =>
      defer(() => {
        // The peer has nothing to say before our ClientHello, so whatever is there was put there (CVE-2011-0411).
        if (!direct && socket.readableLength > 0) throw injected(peer);
        holder.handOver();
        return secureSocket(socket, settings, context, peer, direct);
      }),
  });
}

function addressesOf(
  host: string,
  { resolver, family = 0 }: Dialer,
  context: ConnectContext,
): Observable<readonly Address[]> {
  const literal = ipLiteral(host);
  const known = literal === undefined ? undefined : isIP(literal);
  const addresses$ =
    literal !== undefined && (known === 4 || known === 6)
      ? of([{ address: literal, family: known } as const])
      : lookUp(host, () => resolver.addresses(host, family), context);
  return addresses$.pipe(
    map((addresses) => {
      const usable = addresses.filter((address) => family === 0 || address.family === family);
      if (usable.length > 0) return interleaveFamilies(usable);
      throw new TransportError({
        condition: 'dns-no-address',
        text: `${host} has no ${family === 0 ? '' : `IPv${family} `}address; is its name right?`,
        phase: 'resolve',
      });
    }),
  );
}

function withinTarget<T>({ timeouts, scheduler }: ConnectContext, text: string): MonoTypeOperatorFunction<T> {
  const due = timeouts.target;
  return timeout({ first: due, scheduler, with: () => throwError(() => new XmppTimeoutError('connect', due, text)) });
}

export function injected(peer: string): TlsError {
  return new TlsError({
    condition: 'data-after-proceed',
    text: `${peer} sent data in clear where only TLS may follow; somebody may have injected it`,
    phase: 'starttls',
  });
}
