import { createSocket } from 'node:dgram';
import { hostname, networkInterfaces } from 'node:os';
import type { MulticastDNS, Options, ResponsePacket } from 'multicast-dns';
import { Observable, Subject } from 'rxjs';
import { TransportError } from '../../errors/transport-error.js';
import { UsageError } from '../../errors/usage-error.js';
import type { DnsMessage, DnsRecord, MulticastGroup } from '../discovery/multicast-dns.js';
import { encodeDnsMessage } from './dns-message.js';
import type { MulticastDnsConfig } from './multicast-dns-config.js';

type Packet = Omit<ResponsePacket, 'type'> & Pick<DnsMessage, 'type'>;

const GROUP = '224.0.0.251';

/** A group that is joined by the `multicast-dns` package, with a socket of its own. It receives; we write, see `encodeDnsMessage`. */
export function multicastGroup(
  create: (options: Options & { readonly ip: string }) => MulticastDNS,
  { interface: own, port = 5353, host = `${hostname().split('.')[0]}.local` }: MulticastDnsConfig,
): Observable<MulticastGroup> {
  return new Observable((subscriber) => {
    const socket = createSocket({ type: 'udp4', reuseAddr: true });
    // Bound to all: on Linux what is bound to one address hears nothing that is sent to the group.
    const mdns = create({ socket, port, ip: GROUP, bind: '0.0.0.0', ...(own !== undefined && { interface: own }) });
    const message$ = new Subject<DnsMessage>();
    let unsent = 0;
    let left = false;
    const send = (message: DnsMessage) => {
      if (left) return;
      let octets: Uint8Array;
      try {
        octets = encodeDnsMessage(message);
      } catch (cause) {
        return subscriber.error(new UsageError('bad-dns-message', (cause as Error).message, cause));
      }
      unsent++;
      socket.send(octets, port, GROUP, () => {
        unsent--;
        if (left && unsent === 0) mdns.destroy();
      });
    };
    const onPacket = (packet: Packet, from: { readonly port: number }) => {
      // RFC 6762 section 6: who answers from elsewhere is no responder of this link.
      if (packet.type === 'query' || from.port === port) message$.next(messageOf(packet));
    };
    const onReady = () =>
      subscriber.next({ host, addresses: addressesOf(own), message$: message$.asObservable(), send });
    const onError = (cause: Error) => {
      const text = `multicast DNS cannot use port ${port}: ${cause.message}`;
      subscriber.error(new TransportError({ condition: 'connection-failed', phase: 'connect', text, cause }));
    };
    subscriber.add(() => {
      left = true;
      mdns.removeAllListeners();
      // Without a listener an error of what is left would end the process.
      mdns.on('error', () => undefined);
      if (unsent === 0) mdns.destroy();
    });
    // (What it warns of, octets that are no message of DNS among it, harms nobody.)
    mdns.on('packet', onPacket).on('ready', onReady).on('error', onError);
  });
}

function messageOf({ type, questions, answers, authorities, additionals }: Packet): DnsMessage {
  return {
    type,
    questions: questions.map(({ name, type: asked }) => ({ name: escaped(name), type: asked })),
    ...{ answers: recordsOf(answers), authorities: recordsOf(authorities), additionals: recordsOf(additionals) },
  };
}

function recordsOf(answers: ResponsePacket['answers']): DnsRecord[] {
  return answers.flatMap((answer): DnsRecord[] => {
    const name = escaped(answer.name);
    switch (answer.type) {
      case 'PTR':
        return [{ type: 'PTR', name, ttl: answer.ttl ?? 0, data: escaped(answer.data) }];
      case 'SRV':
        return [
          {
            type: 'SRV',
            name,
            ttl: answer.ttl ?? 0,
            data: { target: answer.data.target, port: answer.data.port ?? 0 },
          },
        ];
      case 'TXT': {
        const strings = [answer.data].flat().map((string) => Buffer.from(string));
        return [{ type: 'TXT', name, ttl: answer.ttl ?? 0, data: strings }];
      }
      case 'A':
      case 'AAAA':
        return [{ type: answer.type, name, ttl: answer.ttl ?? 0, data: answer.data }];
      default:
        return [];
    }
  });
}

/** The package joins labels by dots, and leaves what is in them as it is. */
function escaped(name: string): string {
  return name.replaceAll('\\', '\\\\');
}

/** Addresses that others can dial: those that are link-local would need to say by which interface. */
function addressesOf(own: string | undefined): string[] {
  if (own !== undefined) return [own];
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, address }) => !internal && !address.startsWith('fe80:'))
    .map(({ address }) => address);
}
