import { isIPv4, isIPv6 } from 'node:net';
import type { DnsMessage, DnsQuestion, DnsRecord } from '../discovery/multicast-dns.js';

const TYPES: Record<string, number> = { A: 1, PTR: 12, TXT: 16, AAAA: 28, SRV: 33, ANY: 255 };
const CLASS_IN = 1;
/** RFC 6762 section 10.2: what is held from before is to be flushed. Others may have a PTR record of the same name. */
const FLUSH = 0x8000;
const AUTHORITATIVE_RESPONSE = 0x8400;

/**
 * A message of multicast DNS as octets (RFC 1035 section 4.1), without compression. (That of `dns-packet` cannot write a label that has a
 * dot, as that of `mark.antony@rome` has.)
 *
 * @throws Error For what no message can hold.
 */
export function encodeDnsMessage({
  type,
  questions = [],
  answers = [],
  authorities = [],
  additionals = [],
}: DnsMessage) {
  const flags = type === 'response' ? AUTHORITATIVE_RESPONSE : 0;
  return Buffer.concat([
    uint16(0, flags, questions.length, answers.length, authorities.length, additionals.length),
    ...questions.map(encodeQuestion),
    // Of a probe nothing is to be flushed (RFC 6762 section 8.2).
    ...answers.map((record) => encodeRecord(record, type === 'response')),
    ...authorities.map((record) => encodeRecord(record, false)),
    ...additionals.map((record) => encodeRecord(record, type === 'response')),
  ]);
}

function encodeQuestion({ name, type }: DnsQuestion): Buffer {
  return Buffer.concat([encodeName(name), uint16(TYPES[type]!, CLASS_IN)]);
}

function encodeRecord(record: DnsRecord, flush: boolean): Buffer {
  const data = encodeData(record);
  const ttl = Buffer.alloc(4);
  ttl.writeUInt32BE(record.ttl);
  const ofClass = CLASS_IN | (flush && record.type !== 'PTR' ? FLUSH : 0);
  return Buffer.concat([
    ...[encodeName(record.name), uint16(TYPES[record.type]!, ofClass), ttl, uint16(data.length), data],
  ]);
}

function encodeData(record: DnsRecord): Buffer {
  switch (record.type) {
    case 'PTR':
      return encodeName(record.data);
    case 'SRV':
      return Buffer.concat([uint16(0, 0, record.data.port), encodeName(record.data.target)]);
    case 'TXT':
      return Buffer.concat(record.data.flatMap((string) => [Buffer.of(string.length), string]));
    case 'A':
      if (!isIPv4(record.data)) throw new Error(`${record.data} is no IPv4 address`);
      return Buffer.from(record.data.split('.').map(Number));
    case 'AAAA':
      return encodeIPv6(record.data);
  }
}

function encodeIPv6(address: string): Buffer {
  if (!isIPv6(address)) throw new Error(`${address} is no IPv6 address`);
  const [head, tail] = new URL(`http://[${address.split('%')[0]}]`).hostname
    .slice(1, -1)
    .split('::')
    .map((half) => (half === '' ? [] : half.split(':').map((group) => parseInt(group, 16))));
  return uint16(...head!, ...Array<number>(tail ? 8 - head!.length - tail.length : 0).fill(0), ...(tail ?? []));
}

/** A dot ends a label, unless a backslash stands before it. */
function encodeName(name: string): Buffer {
  const labels = [...name.replace(/\.$/, '').matchAll(/((?:\\.|[^.\\])+)(?:\.|$)/gs)].map(([, label]) =>
    Buffer.from(label!.replace(/\\(.)/gs, '$1')),
  );
  const octets = Buffer.concat([...labels.flatMap((label) => [Buffer.of(label.length), label]), Buffer.of(0)]);
  if (labels.some(({ length }) => length > 63) || octets.length > 255) throw new Error(`${name} has no room in DNS`);
  return octets;
}

function uint16(...values: number[]): Buffer {
  const octets = Buffer.alloc(2 * values.length);
  values.forEach((value, index) => octets.writeUInt16BE(value, 2 * index));
  return octets;
}
