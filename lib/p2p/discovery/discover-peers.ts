import { asyncScheduler, defer, Observable, type SchedulerLike, type Subscription } from 'rxjs';
import { jid, type Jid } from '../../jid/jid.js';
import { secureRandom } from '../../session/secure-random.js';
import { scopeMap } from '../../stream/scope-map.js';
import type { DnsMessage, MulticastDns, MulticastGroup } from './multicast-dns.js';
import { PeerRecords, type PeerChange } from './peer-records.js';
import { PRESENCE } from './service-name.js';

export interface DiscoverPeersConfig {
  /** `multicastDns()` of `rxmpp/node`, or any other way to the local network. */
  readonly mdns: MulticastDns;
  /** Who we are ourselves, as `announcePeer` has it: this one is left out (XEP-0174 section 5). */
  readonly own?: Jid | string;
  /** How many peers are kept at the same time, 256 by default; those beyond are let be until others leave. */
  readonly maxPeers?: number;
  readonly scheduler?: SchedulerLike;
  /** As `Math.random`; the platform's secure generator by default. */
  readonly random?: () => number;
}

/** Milliseconds between the first questions for all; the gap doubles up to an hour (RFC 6762 section 5.2). */
const GAP = { first: 1000, most: 3_600_000 };
/** Milliseconds that answers are gathered for, and between questions for details. */
const SETTLE = 100;

/**
 * Discovers the peers of the local network (XEP-0174) by multicast DNS: who appears, who changes, who leaves.
 *
 * ```text
 * network         PTR? --r-----j--r'---------j(0)------
 * discoverPeers   -------R-----J--R'------------J'-----    R, J: appeared; R': changed; J': left
 * unsubscribe                                        !     leaves the group, and tells nothing
 * ```
 *
 * What comes in short order is told at once, a tenth of a second later. Names that are no `user@machine` are passed over: no stream could be
 * opened to them. Everything is bounded: peers, records of a message, addresses of a machine, questions of ours.
 *
 * ```ts
 * discoverPeers({ mdns: multicastDns(), own }).pipe(
 *   filter(({ type, peer }) => type === 'appeared' && String(peer.jid) === wanted),
 *   take(1),
 *   switchMap(({ peer }) => p2p({ jid: own, to: peer.jid, host: peer.addresses[0] ?? peer.host, port: peer.port })),
 * )
 * ```
 *
 * Errors as `mdns.join()` does, and with `JidError`.
 *
 * @see RFC 6763 section 4
 */
export function discoverPeers(config: DiscoverPeersConfig): Observable<PeerChange> {
  return defer(() => {
    const own = typeof config.own === 'string' ? jid(config.own) : config.own;
    return config.mdns
      .join()
      .pipe(scopeMap((group) => browse(group, new PeerRecords(config.maxPeers ?? 256, own?.bare()), config)));
  });
}

function browse(
  group: MulticastGroup,
  records: PeerRecords,
  { scheduler = asyncScheduler, random = secureRandom }: DiscoverPeersConfig,
): Observable<PeerChange> {
  return new Observable((subscriber) => {
    let timer: Subscription | undefined;
    // Everybody who comes up at the same time would ask at the same time (RFC 6762 section 5.2).
    let browseAt = scheduler.now() + 20 + Math.floor(random() * 100);
    let gap = GAP.first;
    let settleAt = Infinity;
    let askAt = 0;

    const wake = () => {
      const now = scheduler.now();
      records.expire(now);
      ask(now);
      if (now >= settleAt || settleAt === Infinity) {
        settleAt = Infinity;
        for (const change of records.changes()) subscriber.next(change);
      }
      arm();
    };
    const ask = (now: number) => {
      const details = now < askAt ? [] : records.questions(now);
      if (details.length > 0) askAt = now + SETTLE;
      const all = now < browseAt ? [] : [{ name: PRESENCE, type: 'PTR' }];
      if (all.length > 0) {
        browseAt = now + gap;
        gap = Math.min(2 * gap, GAP.most);
      }
      const questions = [...all, ...details.filter(({ type }) => all.length === 0 || type !== 'PTR')];
      if (questions.length === 0) return;
      const message: DnsMessage = { type: 'query', questions, ...(all.length > 0 && { answers: records.known(now) }) };
      group.send(message);
    };
    const arm = () => {
      timer?.unsubscribe();
      timer = undefined;
      if (subscriber.closed) return;
      const due = Math.min(browseAt, settleAt, Math.max(records.due, askAt));
      timer = scheduler.schedule(wake, Math.max(due - scheduler.now(), 0));
    };

    subscriber.add(() => timer?.unsubscribe());
    subscriber.add(
      group.message$.subscribe({
        next: (message) => {
          const now = scheduler.now();
          if (!records.take(message, now) || settleAt !== Infinity) return;
          settleAt = now + SETTLE;
          arm();
        },
        error: (error: unknown) => subscriber.error(error),
        complete: () => subscriber.complete(),
      }),
    );
    arm();
  });
}
