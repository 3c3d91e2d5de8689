import type { DnsMessage, DnsQuestion, DnsRecord } from './multicast-dns.js';
import { ALL_SERVICES, keyOf, PRESENCE, serviceName } from './service-name.js';

/** Seconds that records hold for: of this machine, and of what is the same on any (RFC 6762 section 10). */
const TTL = { machine: 120, other: 4500 };

/** The records that say that a peer is there, and where. */
export class AnnouncedRecords {
  readonly name: string;
  readonly #service: DnsRecord & { type: 'SRV' };
  readonly #addresses: readonly DnsRecord[];

  constructor(instance: string, host: string, port: number, addresses: readonly string[]) {
    this.name = serviceName(instance);
    this.#service = { type: 'SRV', name: this.name, ttl: TTL.machine, data: { target: host, port } };
    this.#addresses = addresses.map((data) => ({
      ...{ type: data.includes(':') ? 'AAAA' : 'A', name: host, ttl: TTL.machine, data },
    }));
  }

  /** Asks whether the name is free, and says what for (RFC 6762 section 8.1). */
  probe(): DnsMessage {
    return { type: 'query', questions: [{ name: this.name, type: 'ANY' }], authorities: [this.#service] };
  }

  announcement(text: readonly Uint8Array[]): DnsMessage {
    return { type: 'response', answers: [this.#pointer, this.#service, this.text(text), ...this.#addresses] };
  }

  update(text: readonly Uint8Array[]): DnsMessage {
    return { type: 'response', answers: [this.text(text)] };
  }

  /** RFC 6762 section 10.1. The machine stays where it is. */
  goodbye(text: readonly Uint8Array[]): DnsMessage {
    const answers = [this.#pointer, this.#service, this.text(text)].map((record) => ({ ...record, ttl: 0 }));
    return { type: 'response', answers };
  }

  /** What we have to say to a question, less what whoever asks knows already. */
  answers({ name, type }: DnsQuestion, known: readonly DnsRecord[], text: readonly Uint8Array[]): DnsRecord[] {
    const services = { type: 'PTR', name: ALL_SERVICES, ttl: TTL.other, data: PRESENCE } as const;
    return [services, this.#pointer, this.#service, this.text(text), ...this.#addresses].filter(
      (record) =>
        keyOf(record.name) === keyOf(name) &&
        (type === 'ANY' || type === record.type) &&
        !(record.type === 'PTR' && known.some((other) => isSame(record, other) && other.ttl >= record.ttl / 2)),
    );
  }

  /** Whether somebody else has the name, or will have it since his probe is the greater one (RFC 6762 sections 8.2 and 9). */
  isLost({ type, answers = [], authorities = [] }: DnsMessage): boolean {
    const ours = rank(this.#service);
    return (type === 'response' ? answers : authorities).some(
      (record) =>
        record.type === 'SRV' &&
        record.ttl > 0 &&
        keyOf(record.name) === keyOf(this.name) &&
        (type === 'response' ? rank(record) !== ours : rank(record) > ours),
    );
  }

  text(data: readonly Uint8Array[]): DnsRecord {
    return { type: 'TXT', name: this.name, ttl: TTL.other, data };
  }

  get #pointer(): DnsRecord & { type: 'PTR' } {
    return { type: 'PTR', name: PRESENCE, ttl: TTL.other, data: this.name };
  }
}

function rank({ data: { port, target } }: DnsRecord & { type: 'SRV' }): string {
  return `${String(port).padStart(5, '0')} ${keyOf(target)}`;
}

function isSame(one: DnsRecord & { type: 'PTR' }, other: DnsRecord): boolean {
  return other.type === 'PTR' && keyOf(other.name) === keyOf(one.name) && keyOf(other.data) === keyOf(one.data);
}
