import { map, type Observable, type OperatorFunction } from 'rxjs';
import type { Jid } from '../jid/jid.js';
import { disconnect } from '../session/disconnect.js';
import { intercept, type InterceptConfig, type Interceptor } from '../session/intercept.js';
import { keepAlive, type KeepAliveConfig } from '../session/keep-alive.js';
import type { Session } from '../session/session.js';
import { session } from '../session/session-operator.js';
import { hold } from '../stream/hold.js';
import { scopeMap } from '../stream/scope-map.js';
import type { StageConfig } from '../stream/stage-config.js';
import type { Connection } from '../transport/transport.js';
import { xml } from '../xml/xml.js';
import type { PeerStream } from './peer-stream.js';

/** A session with a peer, without a server between. */
export type PeerSession = Session & {
  /** Who is at the other end, as they say: nobody vouches for it but TLS with a certificate that you trust. */
  readonly peer: Jid | undefined;
};

export interface PeerSessionConfig extends StageConfig {
  readonly own: Jid;
  /** Milliseconds to the answer of an `iq()`; 30,000 by default. */
  readonly iqTimeout?: number;
  /** As `Math.random`; the platform's secure generator by default. */
  readonly random?: () => number;
  /** How a dead link is noticed; on by default. */
  readonly keepAlive?: false | Omit<KeepAliveConfig, 'scheduler'>;
  readonly interceptors?: InterceptConfig;
}

/**
 * The life of a stream between peers: no authentication and no resource, and the rest as with a server. There is none that would
 * stamp what is sent, so it is done here; and what comes can only be the peer's, whatever it says of itself.
 */
export function peerSession(
  open: (connection: Connection) => Observable<PeerStream>,
  config: PeerSessionConfig,
): OperatorFunction<Connection, PeerSession> {
  const { own, scheduler, keepAlive: keeping = {}, interceptors: { inbound = [], outbound = [] } = {} } = config;
  return scopeMap((connection) =>
    open(connection).pipe(
      scopeMap(({ stream, peer }) => {
        const interceptors = intercept({
          inbound: [stamp((to) => ({ to: to.to ?? own.toString(), from: peer?.toString() })), ...inbound],
          outbound: [...outbound, stamp(({ from = own.toString(), to = peer?.toString() }) => ({ from, to }))],
        });
        return hold({ stream, jid: own, resumed: false }).pipe(
          session({ ...config, interceptors }),
          keepAlive({ ...(keeping === false ? { idle: Infinity } : keeping), scheduler }),
          disconnect(config),
          map((made): PeerSession => Object.assign(made, { peer })),
        );
      }),
    ),
  );
}

type Addresses = { readonly from?: string; readonly to?: string };

function stamp(addresses: (given: Addresses) => Addresses): Interceptor {
  return map(({ name, xmlns, attrs, children }) =>
    xml(name, { ...attrs, ...addresses(attrs), xmlns: xmlns || undefined }, ...children),
  );
}
