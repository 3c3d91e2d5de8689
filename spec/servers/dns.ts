import { createSocket } from 'node:dgram';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import {
  AUTHORITATIVE_ANSWER,
  decode,
  encode,
  RECURSION_DESIRED,
  streamDecode,
  streamEncode,
  TRUNCATED_RESPONSE,
  type Answer,
  type Packet,
} from 'dns-packet';

export interface SrvData {
  readonly target: string;
  readonly port: number;
  readonly priority?: number;
  readonly weight?: number;
}

/**
 * What a name of a type is answered with: records, an error, silence, or records that are given over TCP only, because
 * the answer over UDP is truncated.
 */
export type DnsAnswer =
  | readonly (SrvData | string)[]
  | 'NXDOMAIN'
  | 'SERVFAIL'
  | 'REFUSED'
  | 'silence'
  | 'garbage'
  | { readonly truncated: readonly (SrvData | string)[] };

/** Answers by `name type`, as in `'_xmpp-client._tcp.example.org SRV'`. */
export type DnsZone = Readonly<Record<string, DnsAnswer>>;

export interface DnsServer {
  /** `127.0.0.1:port`, as `nodeResolver({ servers })` takes it. */
  readonly address: string;
  /** What was asked, in order, as `udp SRV _xmpp-client._tcp.example.org`. */
  readonly log: readonly string[];
  zone: DnsZone;
  /** Resolves with the first query that the log holds, or will hold, of a name. */
  asked(name: string): Promise<void>;
  close(): Promise<void>;
}

const RCODES = { SERVFAIL: 2, NXDOMAIN: 3, REFUSED: 5 } as const;

/** A DNS server for specs: UDP and TCP on the same port of the loopback. */
export async function dnsServer(zone: DnsZone = {}): Promise<DnsServer> {
  const log: string[] = [];
  const waiting: { name: string; resolve: () => void }[] = [];
  const connections = new Set<Socket>();
  const server = { zone };

  const respond = (query: Packet, over: 'udp' | 'tcp'): Packet | 'silence' | 'garbage' => {
    const { name, type } = query.questions![0]!;
    const key = name.toLowerCase();
    log.push(`${over} ${type} ${name}`);
    for (const waiter of waiting.splice(0)) {
      if (waiter.name === key) waiter.resolve();
      else waiting.push(waiter);
    }
    const known = Object.keys(server.zone).some((entry) => entry.split(' ')[0] === key);
    const answer = server.zone[`${key} ${type}`] ?? (known ? [] : 'NXDOMAIN');
    if (answer === 'silence' || answer === 'garbage') return answer;
    const flags = AUTHORITATIVE_ANSWER | ((query.flags ?? 0) & RECURSION_DESIRED);
    const response: Packet = { id: query.id, type: 'response', flags, questions: query.questions };
    if (typeof answer === 'string') return { ...response, flags: flags | RCODES[answer] };
    if ('truncated' in answer && over === 'udp') return { ...response, flags: flags | TRUNCATED_RESPONSE };
    const data = 'truncated' in answer ? answer.truncated : answer;
    return { ...response, answers: data.map((one) => ({ name, type, class: 'IN', ttl: 5, data: one }) as Answer) };
  };

  const udp = createSocket('udp4').on('message', (message, peer) => {
    const response = respond(decode(message), 'udp');
    if (response === 'silence') return;
    udp.send(response === 'garbage' ? Buffer.from('garbage') : encode(response), peer.port, peer.address);
  });
  const tcp = createServer((socket) => {
    connections.add(socket);
    socket.on('close', () => connections.delete(socket)).on('error', () => undefined);
    let received = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      while (received.length > 2 && received.length >= 2 + received.readUInt16BE(0)) {
        const end = 2 + received.readUInt16BE(0);
        const response = respond(streamDecode(received.subarray(0, end)), 'tcp');
        received = received.subarray(end);
        if (typeof response !== 'string') socket.write(streamEncode(response));
      }
    });
  });

  // The port that UDP was given may be taken for TCP, in rare cases: then another one.
  const listen = async (): Promise<number> => {
    const port = await new Promise<number>((resolve) => {
      tcp.listen(0, '127.0.0.1', () => resolve((tcp.address() as AddressInfo).port));
    });
    const free = await new Promise<boolean>((resolve) => {
      udp.once('error', () => resolve(false));
      udp.bind(port, '127.0.0.1', () => resolve(true));
    });
    if (free) return port;
    await new Promise((resolve) => tcp.close(resolve));
    return listen();
  };
  const port = await listen();

  return {
    address: `127.0.0.1:${port}`,
    log,
    get zone() {
      return server.zone;
    },
    set zone(next) {
      server.zone = next;
    },
    asked: (name) =>
      new Promise((resolve) => {
        if (log.some((line) => line.toLowerCase().endsWith(` ${name}`))) resolve();
        else waiting.push({ name, resolve });
      }),
    close: async () => {
      for (const connection of connections) connection.destroy();
      await Promise.all([
        new Promise<void>((resolve) => udp.close(resolve)),
        new Promise((resolve) => tcp.close(resolve)),
      ]);
    },
  };
}
