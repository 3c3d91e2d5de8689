import { jid, type Jid } from '../../jid/jid.js';
import { ipLiteral } from '../../transport/ip-literal.js';
import type { DnsMessage, DnsQuestion, DnsRecord } from './multicast-dns.js';
import { decodeText, type PeerText } from './peer-text.js';
import { instanceOf, keyOf, PRESENCE, serviceName } from './service-name.js';

/** A peer of the local network, as it announces itself: what `p2p()` needs to reach it. Nobody vouches for any of it. */
export interface DiscoveredPeer {
  /** `user@machine`, the name that it is announced by. */
  readonly jid: Jid;
  /** The machine, as `pronto.local`; few resolvers know such names. */
  readonly host: string;
  readonly port: number;
  /** Its addresses as far as they are known, the newest first. */
  readonly addresses: readonly string[];
  readonly text: PeerText;
}

export interface PeerChange {
  readonly type: 'appeared' | 'changed' | 'left';
  readonly peer: DiscoveredPeer;
}

/** Milliseconds that a record is held for, whatever it says: RFC 6762 section 10 knows no more than 75 minutes. */
const TTL = { least: 10_000, most: 4_500_000 };
/** Milliseconds after which what was withdrawn is gone, unless somebody says that it is not (RFC 6762 section 10.1). */
const GOODBYE = 1000;
/** Milliseconds in which what is missing may come by itself. */
const SOON = 100;
/** Milliseconds after which what is missing is asked for again; and then the instance is given up. */
const PATIENCE = [1000, 3000, 9000];
/** Shares of their time after which records are asked for again (RFC 6762 section 5.2). */
const REFRESH = [0.8, 0.85, 0.9, 0.95];
/** What is looked at of one message, asked in one, and kept of one machine. */
const RECORDS = 1000;
const QUESTIONS = 32;
const KNOWN_ANSWERS = 32;
const ADDRESSES = 8;

class Held<T> {
  #since: number;
  #ttl: number;
  /** How often it was asked for again. */
  #refreshed = 0;

  constructor(
    readonly data: T,
    now: number,
    seconds: number,
  ) {
    this.#since = now;
    this.#ttl = seconds === 0 ? GOODBYE : Math.min(Math.max(seconds * 1000, TTL.least), TTL.most);
    if (seconds === 0) this.#refreshed = REFRESH.length;
  }

  get expires(): number {
    return this.#since + this.#ttl;
  }

  get due(): number {
    const share = REFRESH[this.#refreshed];
    return share === undefined ? this.expires : this.#since + this.#ttl * share;
  }

  asked(): void {
    this.#refreshed++;
  }

  /** Seconds that are left of more than the half of its time; 0 for less (RFC 6762 section 7.1). */
  left(now: number): number {
    const left = this.expires - now;
    return left > this.#ttl / 2 ? Math.floor(left / 1000) : 0;
  }
}

interface Entry {
  readonly jid: Jid;
  readonly name: string;
  pointer: Held<string>;
  service?: Held<{ readonly host: string; readonly port: number }>;
  text?: Held<PeerText>;
  /** When what is missing is asked for, and how often it was. */
  askAt: number;
  asked: number;
  told?: DiscoveredPeer;
}

/**
 * What is known of the peers on the network: records with their time (RFC 6762 section 10), for so many peers and no more. It has no timer:
 * whoever holds it looks again at `due`.
 */
export class PeerRecords {
  readonly #entries = new Map<string, Entry>();
  /** Addresses by the key of their machine, for machines of the entries. */
  readonly #hosts = new Map<string, Held<{ readonly address: string; readonly type: 'A' | 'AAAA' }>[]>();

  constructor(
    private readonly most: number,
    private readonly own: Jid | undefined,
  ) {}

  /** @return Whether anything in it is of use. */
  take({ type, answers = [], additionals = [] }: DnsMessage, now: number): boolean {
    if (type !== 'response') return false;
    const records = [...answers.slice(0, RECORDS), ...additionals.slice(0, RECORDS)].filter(isSound);
    // In this order, since what is not asked for is not kept.
    let useful = false;
    for (const record of records) if (record.type === 'PTR') useful = this.#takePointer(record, now) || useful;
    for (const record of records) useful = this.#takeDetail(record, now) || useful;
    const named = new Set(
      [...this.#entries.values()].flatMap(({ service }) => (service ? keyOf(service.data.host) : [])),
    );
    for (const record of records) {
      if ((record.type === 'A' || record.type === 'AAAA') && named.has(keyOf(record.name))) {
        useful = this.#takeAddress(record, now) || useful;
      }
    }
    for (const host of this.#hosts.keys()) if (!named.has(host)) this.#hosts.delete(host);
    return useful;
  }

  /** When there is something to expire or to ask. */
  get due(): number {
    let due = Infinity;
    for (const { pointer, service, text, askAt } of this.#entries.values()) {
      due = Math.min(due, askAt, pointer.due, service?.due ?? Infinity, text?.due ?? Infinity);
    }
    for (const addresses of this.#hosts.values()) for (const address of addresses) due = Math.min(due, address.due);
    return due;
  }

  expire(now: number): void {
    const gone = (held: Held<unknown> | undefined) => held !== undefined && held.expires <= now;
    for (const [host, addresses] of this.#hosts) {
      const live = addresses.filter((address) => !gone(address));
      if (live.length > 0) this.#hosts.set(host, live);
      else this.#hosts.delete(host);
    }
    for (const entry of this.#entries.values()) {
      if (gone(entry.service)) entry.service = undefined;
      if (gone(entry.text)) entry.text = undefined;
      const givenUp = entry.askAt <= now && entry.asked === PATIENCE.length && !(entry.service && entry.text);
      if (gone(entry.pointer) || givenUp) this.#withdrawn(entry);
    }
  }

  readonly #left: DiscoveredPeer[] = [];

  #withdrawn(entry: Entry): void {
    this.#entries.delete(entry.jid.toString());
    if (entry.told) this.#left.push(entry.told);
  }

  /** What is to be asked now. */
  questions(now: number): DnsQuestion[] {
    const questions = new Map<string, DnsQuestion>();
    const ask = (name: string, type: string) => {
      if (questions.size < QUESTIONS) questions.set(`${type} ${keyOf(name)}`, { name, type });
      return questions.has(`${type} ${keyOf(name)}`);
    };
    const refresh = (held: Held<unknown> | undefined, name: string, type: string) => {
      if (held && held.due <= now && held.expires > now && ask(name, type)) held.asked();
    };
    for (const entry of this.#entries.values()) {
      const { name, pointer, service, text } = entry;
      refresh(pointer, PRESENCE, 'PTR');
      refresh(service, name, 'SRV');
      refresh(text, name, 'TXT');
      if (entry.askAt > now) continue;
      const missing: [string, string][] = [
        ...(service ? [] : ([[name, 'SRV']] as [string, string][])),
        ...(text ? [] : ([[name, 'TXT']] as [string, string][])),
        ...(service && !this.#hosts.has(keyOf(service.data.host))
          ? ([
              [service.data.host, 'A'],
              [service.data.host, 'AAAA'],
            ] as [string, string][])
          : []),
      ];
      if (missing.length === 0 || entry.asked === PATIENCE.length) entry.askAt = Infinity;
      else if (missing.every(([missed, type]) => ask(missed, type))) entry.askAt = now + PATIENCE[entry.asked++]!;
    }
    for (const [host, addresses] of this.#hosts) {
      for (const address of addresses) refresh(address, host, address.data.type);
    }
    return [...questions.values()];
  }

  /** What whoever is asked for all need not say again. */
  known(now: number): DnsRecord[] {
    return [...this.#entries.values()]
      .map(({ name, pointer }) => ({ type: 'PTR', name: PRESENCE, ttl: pointer.left(now), data: name }) as const)
      .filter(({ ttl }) => ttl > 0)
      .slice(0, KNOWN_ANSWERS);
  }

  /** What is different since it was last asked. */
  changes(): PeerChange[] {
    const changes: PeerChange[] = this.#left.splice(0).map((peer) => ({ type: 'left', peer }));
    for (const entry of this.#entries.values()) {
      const { told, jid: of, service, text } = entry;
      const peer: DiscoveredPeer | undefined = service &&
        text && {
          ...{ jid: of, host: service.data.host, port: service.data.port, text: text.data },
          addresses: this.#hosts.get(keyOf(service.data.host))?.map(({ data }) => data.address) ?? [],
        };
      entry.told = peer;
      if (told && !peer) changes.push({ type: 'left', peer: told });
      else if (peer && !told) changes.push({ type: 'appeared', peer });
      else if (peer && JSON.stringify(peer) !== JSON.stringify(told)) changes.push({ type: 'changed', peer });
    }
    return changes;
  }

  #takePointer(record: DnsRecord & { type: 'PTR' }, now: number): boolean {
    if (keyOf(record.name) !== PRESENCE) return false;
    const of = jidOf(record.data);
    if (!of || (this.own && of.equals(this.own))) return false;
    const known = this.#entries.get(of.toString());
    // Two names that are one JID: the first has it.
    if (known && keyOf(known.name) !== keyOf(record.data)) return false;
    if (!known && (record.ttl === 0 || this.#entries.size >= this.most)) return false;
    const name = serviceName(instanceOf(record.data)!);
    const pointer = new Held(name, now, record.ttl);
    if (known) known.pointer = pointer;
    else this.#entries.set(of.toString(), { jid: of, name, pointer, askAt: now + SOON, asked: 0 });
    return true;
  }

  #takeDetail(record: DnsRecord, now: number): boolean {
    if (record.type !== 'SRV' && record.type !== 'TXT') return false;
    const entry = this.#entries.get(jidOf(record.name)?.toString() ?? '');
    if (!entry || keyOf(entry.name) !== keyOf(record.name)) return false;
    if (record.type === 'TXT') {
      if (record.ttl > 0 || entry.text) entry.text = new Held(decodeText(record.data), now, record.ttl);
    } else if (record.ttl > 0 || entry.service) {
      const { target, port } = record.data;
      // The addresses of another machine are still to be asked for.
      if (entry.service && entry.service.data.host !== target) Object.assign(entry, { askAt: now + SOON, asked: 0 });
      entry.service = new Held({ host: target.replace(/\.$/, ''), port }, now, record.ttl);
    }
    return true;
  }

  #takeAddress({ name, type, data, ttl }: DnsRecord & { type: 'A' | 'AAAA' }, now: number): boolean {
    const address = ipLiteral(data);
    if (address === undefined) return false;
    const known = this.#hosts.get(keyOf(name)) ?? [];
    const held = new Held({ address, type }, now, ttl);
    const at = known.findIndex((other) => other.data.address === address);
    if (at >= 0) known[at] = held;
    else if (ttl > 0) this.#hosts.set(keyOf(name), [held, ...known].slice(0, ADDRESSES));
    return true;
  }
}

/** `user@machine`; other names are no peer that a stream could be opened to. */
function jidOf(name: string): Jid | undefined {
  try {
    const of = jid(instanceOf(name) ?? '');
    return of.local !== undefined && of.resource === undefined ? of : undefined;
  } catch {
    return undefined;
  }
}

/** Names that fit into DNS (RFC 1035 section 3.1), and can be shown; a port that can be dialled. */
function isSound(record: DnsRecord): boolean {
  if (!isName(record.name) || !(record.ttl >= 0)) return false;
  switch (record.type) {
    case 'PTR':
      return isName(record.data);
    case 'SRV':
      return (
        isName(record.data.target) &&
        Number.isInteger(record.data.port) &&
        record.data.port > 0 &&
        record.data.port < 65_536
      );
    case 'TXT':
      return true;
    case 'A':
    case 'AAAA':
      return record.data.length < 64;
    default:
      return false;
  }
}

const isName = (name: string) => name.length > 1 && name.length <= 512 && !/[\0-\x1f\x7f\ufffd]/.test(name);
