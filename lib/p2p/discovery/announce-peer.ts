import { asyncScheduler, defer, isObservable, Observable, of, type SchedulerLike, Subscription } from 'rxjs';
import { UsageError } from '../../errors/usage-error.js';
import { Jid, jid } from '../../jid/jid.js';
import { utf8 } from '../../sasl/bytes.js';
import { secureRandom } from '../../session/secure-random.js';
import { scopeMap } from '../../stream/scope-map.js';
import { AnnouncedRecords } from './announced-records.js';
import type { DnsMessage, DnsRecord, MulticastDns, MulticastGroup } from './multicast-dns.js';
import { encodeText, type PeerText } from './peer-text.js';
import { keyOf } from './service-name.js';

export interface AnnouncePeerConfig {
  /** `multicastDns()` of `rxmpp/node`, or any other way to the local network. */
  readonly mdns: MulticastDns;
  /** Who we are, as `user@machine`. */
  readonly jid: Jid | string;
  /** The port that `p2pListen` listens on. */
  readonly port: number;
  /** What is told of us; an observable for what changes, as availability does. Nothing by default. */
  readonly text?: PeerText | Observable<PeerText>;
  /** The machine that it listens on, as `pronto.local`, and its addresses; by default as `mdns` has it. */
  readonly host?: string;
  readonly addresses?: readonly string[];
  readonly scheduler?: SchedulerLike;
  /** As `Math.random`; the platform's secure generator by default. */
  readonly random?: () => number;
}

/** Milliseconds between probes, and how many there are (RFC 6762 section 8.1). */
const PROBE = { gap: 250, times: 3 };
/** Milliseconds between what is sent unasked, and between answers with the same records (RFC 6762 sections 6 and 8.3). */
const GAP = 1000;
/** Whoever probes for our name waits no longer. */
const DEFENCE = 250;
/** So many names in turn, and probing becomes slow: milliseconds (RFC 6762 section 8.1). */
const CONFLICTS = { quick: 15, pause: 5000, most: 99 };
/** Octets of a label (RFC 1035 section 2.3.4). */
const LABEL = 63;
/** Questions of one message that are looked at. */
const QUESTIONS = 100;

/**
 * Announces a peer on the local network (XEP-0174) for as long as it is subscribed: a resource observable that emits the JID once the
 * network knows it.
 *
 * ```text
 * out             P? P? P? A A'    T     A(0)     probes, announcements, a change of text, goodbye
 * text$           t----------------t'---
 * announcePeer    ---------j------------
 * unsubscribe                           !
 * ```
 *
 * A name that somebody else has gives way to `user1@machine`, `user2@machine` ... (XEP-0174 section 3), also later: every JID that is announced is
 * emitted, and the last one holds. Changes of the text are told at once, and at most once a second.
 *
 * Errors as `mdns.join()` and the observable of the text do; with `UsageError` `bad-presence` for a text that has no room, `name-taken` where a hundred
 * names are; with `JidError`. A text that completes stays as it is.
 *
 * @see RFC 6762 section 8
 */
export function announcePeer(config: AnnouncePeerConfig): Observable<Jid> {
  return defer(() => {
    const of = typeof config.jid === 'string' ? jid(config.jid) : config.jid;
    if (of.local === undefined) throw new UsageError('bad-presence', 'a peer is announced as `user@machine`');
    // With room for a digit or two, where the name is taken.
    if (utf8(of.bare().toString()).length > LABEL - 2) {
      throw new UsageError('bad-presence', `a peer is announced by a name of at most ${LABEL - 2} octets`);
    }
    return config.mdns.join().pipe(scopeMap((group) => announce(group, of.bare(), config)));
  });
}

function announce(group: MulticastGroup, wanted: Jid, config: AnnouncePeerConfig): Observable<Jid> {
  const { scheduler = asyncScheduler, random = secureRandom, port, text = {} } = config;
  const { host = group.host, addresses = group.addresses } = config;
  return new Observable((subscriber) => {
    let conflicts = 0;
    let name!: Jid;
    let records!: AnnouncedRecords;
    let strings: Uint8Array[] = [];
    let announced = false;
    /** What is to be done, by what for; a later order takes the place of the earlier. */
    const timers = new Map<string, Subscription>();
    const later = (what: string, delay: number, action: () => void) => {
      timers.get(what)?.unsubscribe();
      timers.set(what, scheduler.schedule(action, delay));
    };
    const stop = () => {
      for (const timer of timers.values()) timer.unsubscribe();
      timers.clear();
    };

    /** Takes the next name, and asks whether it is free. */
    const claim = () => {
      stop();
      announced = false;
      pending.clear();
      name = conflicts === 0 ? wanted : Jid.of(`${wanted.local}${conflicts}`, wanted.domain);
      records = new AnnouncedRecords(name.toString(), host, port, addresses);
      const pause = conflicts < CONFLICTS.quick ? 0 : CONFLICTS.pause;
      later('probe', pause + Math.floor(random() * PROBE.gap), () => probe(1));
    };
    const probe = (time: number) => {
      // Before it is sent: the answer may come at once.
      later('probe', PROBE.gap, () => (time < PROBE.times ? probe(time + 1) : settle()));
      group.send(records.probe());
    };
    const settle = () => {
      announced = true;
      const says = records.announcement(strings);
      later('announce', GAP, () => group.send(records.announcement(strings)));
      group.send(says);
      if (announced) subscriber.next(name);
    };

    let updatedAt = -Infinity;
    const update = () => {
      updatedAt = scheduler.now();
      group.send(records.update(strings));
    };
    const onText = (told: PeerText) => {
      strings = encodeText(told, port);
      if (announced) later('update', Math.max(updatedAt + GAP - scheduler.now(), 0), update);
    };

    /** Answers that are due, by what they are; and when each was last given. */
    const pending = new Map<string, DnsRecord>();
    const givenAt = new Map<string, number>();
    const keyOfRecord = ({ type, name: of, data }: DnsRecord) =>
      `${type} ${keyOf(of)} ${typeof data === 'string' ? data : ''}`;
    const onQuery = ({ questions = [], answers = [], authorities = [] }: DnsMessage) => {
      const now = scheduler.now();
      const gap = authorities.length > 0 ? DEFENCE : GAP;
      for (const question of questions.slice(0, QUESTIONS)) {
        for (const record of records.answers(question, answers, strings)) {
          const key = keyOfRecord(record);
          if (now - (givenAt.get(key) ?? -Infinity) >= gap) pending.set(key, record);
        }
      }
      // Others answer too, and more may be asked (RFC 6762 section 6).
      if (pending.size > 0 && !timers.has('answer')) later('answer', 20 + Math.floor(random() * 100), answer);
    };
    const answer = () => {
      timers.delete('answer');
      const now = scheduler.now();
      for (const key of pending.keys()) givenAt.set(key, now);
      // The text may be another one since.
      const answers = [...pending.values()].map((record) => (record.type === 'TXT' ? records.text(strings) : record));
      pending.clear();
      group.send({ type: 'response', answers });
    };

    const onMessage = (message: DnsMessage) => {
      if (records.isLost(message) && !(announced && message.type === 'query')) {
        if (++conflicts > CONFLICTS.most) {
          const why = `so many peers are called ${wanted.toString()} that no name is free`;
          return subscriber.error(new UsageError('name-taken', why));
        }
        claim();
      } else if (announced && message.type === 'query') onQuery(message);
    };

    subscriber.add(() => {
      stop();
      if (announced) group.send(records.goodbye(strings));
    });
    const error = (reason: unknown) => subscriber.error(reason);
    const held = new Subscription();
    subscriber.add(held);
    held.add((isObservable(text) ? text : of(text)).subscribe({ next: guarded(onText, error), error }));
    if (subscriber.closed) return;
    claim();
    held.add(group.message$.subscribe({ next: onMessage, error, complete: () => subscriber.complete() }));
  });
}

function guarded<T>(next: (value: T) => void, failed: (error: unknown) => void): (value: T) => void {
  return (value) => {
    try {
      next(value);
    } catch (error) {
      failed(error);
    }
  };
}
