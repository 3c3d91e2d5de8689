import { defer, Observable, switchMap, throwError, timeout } from 'rxjs';
import { TransportError, XmppTimeoutError } from '../../errors/index.js';
import type { Target } from '../../trace/lifecycle-event.js';
import { inTurn } from '../../transport/in-turn.js';
import { locationTarget } from '../../transport/location.js';
import { resolveTargets } from '../../transport/resolve-targets.js';
import type { Connection, ConnectContext, Transport } from '../../transport/transport.js';
import type { XmppError } from '../../errors/index.js';
import { later } from '../memory/later.js';
import { memoryTransport, type MemoryLink, type MemoryTransport } from '../memory/memory-transport.js';
import type { XmppServer } from '../server/xmpp-server.js';
import { zoneResolver, type Zone } from './zone-resolver.js';

/** What is at an address: a server, perhaps behind a link of its own, or nobody. */
export type NetworkHost =
  XmppServer | ({ readonly server: XmppServer } & Omit<MemoryLink, 'security'>) | 'refused' | 'silent';

export interface SimulatedNetworkOptions {
  readonly zone?: Zone;
  /** By `host:port`. What is not named is unreachable. */
  readonly hosts: Readonly<Record<string, NetworkHost>>;
  /** Milliseconds for one way, of DNS answers and of every link that says nothing else. Default 0. */
  readonly latency?: number;
}

export interface SimulatedNetwork extends Transport {
  /** What was dialled, in order, as `host:port`. */
  readonly dialled: readonly string[];
  /** Connections that are open. */
  readonly open: number;
  /** Cuts all that is connected to this address, or all; octets under way are lost. */
  cut(address?: string): void;
  /** Nothing arrives any more, and nobody is told, until `heal`. */
  stall(address?: string): void;
  heal(address?: string): void;
}

/**
 * A network in memory with a DNS of its own: domains are looked up, servers are tried in turn, links are slow, are cut and fall silent, all of
 * it by the scheduler of the attempt. With a `SeededScheduler` a whole application runs in it, the same way for the same seed.
 *
 * ```ts
 * const network = simulatedNetwork({
 *   zone: { '_xmpp-client._tcp.example.org': [{ name: 'a.example.org', port: 5222 }, { name: 'b.example.org', port: 5222, priority: 1 }] },
 *   hosts: { 'a.example.org:5222': 'refused', 'b.example.org:5222': server },
 *   latency: 20,
 * });
 * const client = xmppClient({ jid, credentials, transport: network, scheduler });
 * ```
 */
export function simulatedNetwork({ zone = {}, hosts, latency = 0 }: SimulatedNetworkOptions): SimulatedNetwork {
  const dialled: string[] = [];
  const links = new Map<string, Set<MemoryTransport>>();

  const dial = (target: Target, context: ConnectContext): Observable<Connection> => {
    const { timeouts, scheduler, trace } = context;
    const address = `${target.host.includes(':') ? `[${target.host}]` : target.host}:${target.port}`;
    const failed = (condition: 'connection-refused' | 'host-unreachable') =>
      new Observable<never>((subscriber) => {
        later(scheduler, subscriber, 2 * latency, () =>
          subscriber.error(new TransportError({ condition, phase: 'connect', text: `${address}: ${condition}` })),
        );
      });
    return defer(() => {
      dialled.push(address);
      trace({ type: 'connecting', target });
      const host = hosts[address];
      if (host === 'silent') return new Observable<Connection>();
      if (host === 'refused' || host === undefined)
        return failed(host === undefined ? 'host-unreachable' : 'connection-refused');
      const link = 'server' in host ? host : { server: host };
      const transport = memoryTransport(link.server, { latency, ...link, security: target.security });
      return held(address, transport, context);
    }).pipe(
      timeout({
        first: timeouts.target,
        scheduler,
        with: () => throwError(() => new XmppTimeoutError('connect', timeouts.target, `${address} did not answer`)),
      }),
    );
  };

  /** The connection, known by its address for as long as it is held. */
  const held = (address: string, transport: MemoryTransport, context: ConnectContext): Observable<Connection> =>
    new Observable((subscriber) => {
      const all = links.get(address) ?? new Set();
      links.set(address, all.add(transport));
      subscriber.add(() => all.delete(transport));
      subscriber.add(transport.connect(context).subscribe(subscriber));
    });

  const each = (address: string | undefined, act: (transport: MemoryTransport) => void) => {
    for (const [at, transports] of links)
      if (address === undefined || at === address) for (const transport of [...transports]) act(transport);
  };

  return {
    name: 'simulated',
    connect: (context) => {
      const { scheduler, trace, location, tls, domain } = context;
      const resolver = zoneResolver(zone, { latency: 2 * latency, scheduler });
      const inOrder = (targets: readonly Target[]) =>
        inTurn(
          targets,
          (target) => dial(target, context),
          (errors) => allFailed(domain, errors),
          (target, error) => trace({ type: 'target-failed', target, error: error as XmppError }),
        );
      const elsewhere =
        location === undefined ? undefined : locationTarget(location, tls === 'disabled' ? 'none' : 'starttls');
      const usual$ = resolveTargets(resolver, context).pipe(switchMap(inOrder));
      return elsewhere
        ? inTurn(
            [inOrder([elsewhere]), usual$],
            (way$) => way$,
            (errors) => errors.at(-1),
          )
        : usual$;
    },
    get dialled() {
      return dialled;
    },
    get open() {
      return [...links.values()].reduce((sum, transports) => sum + transports.size, 0);
    },
    cut: (address) => each(address, (transport) => transport.cut()),
    stall: (address) => each(address, (transport) => transport.stall()),
    heal: (address) => each(address, (transport) => transport.heal()),
  };
}

function allFailed(domain: string, errors: readonly unknown[]): unknown {
  if (errors.length === 1) return errors[0];
  const text = `none of the ${errors.length} servers of ${domain} could be connected to`;
  return new TransportError({ condition: 'all-targets-failed', phase: 'connect', text, errors, cause: errors[0] });
}
