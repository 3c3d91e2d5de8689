import { concat, NEVER, of, Subject, throwError } from 'rxjs';
import { TransportError } from '../../../lib/errors/index.js';
import {
  announcePeer,
  discoverPeers,
  type DiscoverPeersConfig,
  type DnsMessage,
  type DnsRecord,
  type PeerText,
} from '../../../lib/node.js';
import { watch } from '../../support/watch.js';
import { MemoryMdns } from '../support/memory-mdns.js';

const PRESENCE = '_presence._tcp.local';
const bytes = (...strings: string[]) => strings.map((string) => Buffer.from(string));
const ptr = (instance: string, ttl = 4500): DnsRecord => ({
  ...{ type: 'PTR', name: PRESENCE, ttl, data: `${instance}.${PRESENCE}` },
});
const srv = (instance: string, target = 'pronto.local', port = 5562, ttl = 120): DnsRecord => ({
  ...{ type: 'SRV', name: `${instance}.${PRESENCE}`, ttl, data: { target, port } },
});
const txt = (instance: string, ...strings: string[]): DnsRecord => ({
  ...{ type: 'TXT', name: `${instance}.${PRESENCE}`, ttl: 4500, data: bytes(...strings) },
});
const a = (data: string, host = 'pronto.local', ttl = 120): DnsRecord => ({ type: 'A', name: host, ttl, data });
const response = (...answers: DnsRecord[]): DnsMessage => ({ type: 'response', answers });
const all = (instance: string, ...strings: string[]) => [ptr(instance), srv(instance), txt(instance, ...strings)];

function discovering(config: Partial<DiscoverPeersConfig> = {}) {
  const network = new MemoryMdns();
  const { scheduler } = network;
  const watched = watch(
    discoverPeers({ mdns: network.machine('us'), scheduler, random: () => 0, maxPeers: undefined, ...config }),
  );
  const told = () => watched.values.map(({ type, peer }) => `${type} ${peer.jid.toString()}`);
  const asked = () => network.sent.filter(({ by }) => by === 'us');
  return { network, scheduler, watched, told, asked };
}

describe('discoverPeers (XEP-0174)', () => {
  it('asks for all, again and again, with doubling gaps, and not for what it knows (RFC 6762 sections 5.2, 7.1)', () => {
    const { network, asked } = discovering();
    network.inject(response(...all('juliet@pronto'), a('10.2.1.187')));
    network.pass(16_000);
    expect(asked().map(({ at }) => at)).toEqual([20, 1020, 3020, 7020, 15_020]);
    expect(asked()[1]!.message).toEqual({
      type: 'query',
      questions: [{ name: PRESENCE, type: 'PTR' }],
      answers: [{ ...ptr('juliet@pronto'), ttl: 4498 }],
    });
  });

  it('tells who appears, with what it announces, once; who changes; who leaves', () => {
    const { network, watched, told } = discovering();
    const text = ['txtvers=1', '1st=Juliet', 'status=avail', 'ver=QgayPKawpkPSDYmwT/WM94uAlu0='];
    network.inject(response(...all('juliet@pronto', ...text), a('10.2.1.187')));
    network.inject(response(...all('juliet@pronto', ...text), a('10.2.1.187')));
    network.pass(1000);
    const peer = {
      ...{ host: 'pronto.local', port: 5562, addresses: ['10.2.1.187'] },
      text: { '1st': 'Juliet', status: 'avail', ver: 'QgayPKawpkPSDYmwT/WM94uAlu0=' },
    };
    expect(watched.values).toEqual([{ type: 'appeared', peer: { jid: expect.anything(), ...peer } }]);
    network.inject(response(txt('juliet@pronto', 'txtvers=1', 'status=dnd')));
    network.pass(1000);
    expect(watched.values.at(-1)).toMatchObject({ type: 'changed', peer: { text: { status: 'dnd' } } });
    network.inject(response(ptr('juliet@pronto', 0)));
    network.pass(1000);
    expect(told()).toHaveLength(2);
    network.pass(2);
    expect(told()).toEqual(['appeared', 'changed', 'left'].map((type) => `${type} juliet@pronto`));
  });

  it('a goodbye that is taken back within a second is none (RFC 6762 section 10.1)', () => {
    const { network, told } = discovering();
    network.inject(response(...all('juliet@pronto')));
    network.pass(500);
    network.inject(response(ptr('juliet@pronto', 0)));
    network.pass(500);
    network.inject(response(ptr('juliet@pronto')));
    network.pass(5000);
    expect(told()).toEqual(['appeared juliet@pronto']);
  });

  it('asks for what is missing, three times, and gives a name up that nobody stands for', () => {
    const { network, asked, told } = discovering();
    network.inject(response(ptr('juliet@pronto')));
    network.pass(100_000);
    const details = asked().filter(({ message }) => message.questions!.some(({ type }) => type === 'SRV'));
    expect(details.map(({ at }) => at)).toEqual([101, 1101, 4101]);
    expect(details[0]!.message.questions).toEqual(
      ['SRV', 'TXT'].map((type) => ({ name: `juliet@pronto.${PRESENCE}`, type })),
    );
    network.inject(response(srv('juliet@pronto'), txt('juliet@pronto')));
    network.pass(1000);
    expect(told()).toEqual([]);
    network.inject(response(ptr('romeo@forza'), srv('romeo@forza', 'forza.local'), txt('romeo@forza')));
    network.pass(150);
    expect(asked().at(-1)!.message.questions).toEqual(['A', 'AAAA'].map((type) => ({ name: 'forza.local', type })));
    network.inject(response(a('10.0.0.7', 'forza.local')));
    network.pass(150);
    expect(told()).toEqual(['appeared romeo@forza', 'changed romeo@forza']);
  });

  it('asks again before records run out; who does not answer then has left', () => {
    const { network, asked, told } = discovering();
    network.inject(
      response(ptr('juliet@pronto', 100), srv('juliet@pronto', undefined, undefined, 1e9), txt('juliet@pronto')),
    );
    network.inject(response(a('10.2.1.187', undefined, 1e9)));
    network.pass(102_000);
    const refreshed = asked().filter(({ message, at }) => message.questions![0]!.type === 'PTR' && at > 79_000);
    expect(refreshed.map(({ at }) => at)).toEqual([80_001, 85_001, 90_001, 95_001]);
    expect(told()).toEqual(['appeared juliet@pronto', 'left juliet@pronto']);
  });

  it('leaves us out, whatever the case', () => {
    const { network, told } = discovering({ own: 'juliet@pronto' });
    network.inject(response(...all('Juliet@Pronto'), ptr('romeo@forza'), srv('romeo@forza'), txt('romeo@forza')));
    network.pass(1000);
    expect(told()).toEqual(['appeared romeo@forza']);
  });

  it('finds what announcePeer announces, dots and all, hears of changes and of the goodbye', () => {
    const { network, scheduler, watched } = discovering();
    const text$ = new Subject<PeerText>();
    const announced = watch(
      announcePeer({
        ...{ mdns: network.machine('rome', ['10.0.0.2', 'fd00::2']), jid: 'mark.antony@rome', port: 5299, text: text$ },
        ...{ scheduler, random: () => 0.5 },
      }),
    );
    network.pass(3000);
    text$.next({ nick: 'Tony', status: 'away' });
    network.pass(3000);
    announced.unsubscribe();
    network.pass(3000);
    expect(watched.values.map(({ type, peer }) => [type, String(peer.jid), peer.text])).toEqual([
      ['appeared', 'mark.antony@rome', {}],
      ['changed', 'mark.antony@rome', { nick: 'Tony', status: 'away' }],
      ['left', 'mark.antony@rome', { nick: 'Tony', status: 'away' }],
    ]);
    expect(watched.values[0]!.peer).toMatchObject({
      host: 'rome.local',
      port: 5299,
      addresses: ['fd00::2', '10.0.0.2'],
    });
  });

  it('unsubscribing leaves the group, and no timer', () => {
    const { network, scheduler, watched, asked } = discovering();
    network.inject(response(ptr('juliet@pronto')));
    network.pass(500);
    const before = asked().length;
    watched.unsubscribe();
    network.pass(1e7);
    expect([network.joined, asked().length - before, scheduler.actions.length]).toEqual([0, 0, 0]);
  });

  it('errs as the port does, and where there is no JID', () => {
    const lost = new TransportError({ condition: 'connection-failed' });
    const failing = watch(discoverPeers({ mdns: { join: () => throwError(() => lost) } }));
    expect(failing.error).toBe(lost);
    expect(watch(discoverPeers({ mdns: { join: () => NEVER }, own: 'a@' })).error).toMatchObject({ name: 'JidError' });
    const message$ = new Subject<DnsMessage>();
    const group = { host: 'us.local', addresses: [], message$, send: () => undefined };
    const inUse = watch(discoverPeers({ mdns: { join: () => concat(of(group), NEVER) } }));
    expect(inUse.log).toEqual([]);
    message$.error(lost);
    expect(inUse.error).toBe(lost);
  });

  describe('what hostile machines say', () => {
    it.each<[string, DnsRecord[]]>([
      ['a name that is not UTF-8', all('jul\ufffdet@pronto')],
      ['a name with a control character', all('jul\u0007iet@pronto')],
      ['no JID of a user', all('pronto')],
      ['a JID with a resource', all('juliet@pronto/balcony')],
      ['an empty instance', all('')],
      ['another service', [{ type: 'PTR', name: '_http._tcp.local', ttl: 120, data: `juliet@pronto.${PRESENCE}` }]],
      ['a name of 600 octets', all(`${'j'.repeat(600)}@pronto`)],
      ['port 0', [ptr('juliet@pronto'), srv('juliet@pronto', 'pronto.local', 0), txt('juliet@pronto')]],
      [
        'a port that is none',
        [ptr('juliet@pronto'), srv('juliet@pronto', 'pronto.local', 65_536), txt('juliet@pronto')],
      ],
      ['no machine', [ptr('juliet@pronto'), srv('juliet@pronto', '.'), txt('juliet@pronto')]],
      [
        'time that is none',
        [ptr('juliet@pronto', NaN), ptr('juliet@pronto', -1), srv('juliet@pronto'), txt('juliet@pronto')],
      ],
      ['details without a pointer', [srv('juliet@pronto'), txt('juliet@pronto')]],
      ['a question for an answer', []],
    ])('is passed over: %s', (_, records) => {
      const { network, watched } = discovering();
      network.inject({ type: 'query', answers: all('tybalt@verona') });
      network.inject(response(...records));
      network.pass(1000);
      expect(watched.log).toEqual([]);
    });

    it('of texts, keeps what is UTF-8, known, and first; an unknown version or status says nothing', () => {
      const { network, watched } = discovering();
      const broken = (value: string) => Buffer.concat([Buffer.from(value), Buffer.from([0xff, 0xc0, 0x80])]);
      const data = [
        ...bytes('txtvers=1', 'NICK=Jule', 'nick=other', 'status=busy', '__proto__=x', 'last=', 'msg', '=x', 'msg=a=b'),
        ...[broken('1st='), Buffer.alloc(0), Buffer.from(`email=${'e'.repeat(255)}`)],
      ];
      network.inject(response(ptr('j@p'), srv('j@p'), { ...txt('j@p'), data } as DnsRecord));
      network.inject(response(ptr('k@p'), srv('k@p'), txt('k@p', 'txtvers=2', 'nick=K')));
      const many = Array.from({ length: 100_000 }, () => Buffer.from('x=y'));
      network.inject(
        response(ptr('l@p'), srv('l@p'), { ...txt('l@p'), data: [...many, ...bytes('nick=L')] } as DnsRecord),
      );
      network.pass(1000);
      expect(watched.values.map(({ peer }) => peer.text)).toEqual([{ nick: 'Jule', last: '', msg: 'a=b' }, {}, {}]);
      expect(({} as { x?: string }).x).toBeUndefined();
    });

    it('floods of instances are kept out by the bound, and the room is free again once they left', () => {
      const { network, told, asked } = discovering({ maxPeers: 10 });
      for (let round = 0; round < 100; round++) {
        network.inject(response(...Array.from({ length: 500 }, (_, index) => ptr(`j${round}-${index}@pronto`))));
      }
      network.pass(20_000);
      const questions = asked().flatMap(({ message }) => message.questions!);
      expect(questions.filter(({ type }) => type === 'SRV').length).toBe(30);
      network.inject(response(...all('juliet@pronto')));
      network.pass(1000);
      expect(told()).toEqual(['appeared juliet@pronto']);
    });

    it('a message may be of any length: so much is looked at; of a machine so many addresses are kept', () => {
      const { network, watched } = discovering();
      const addresses = Array.from({ length: 500 }, (_, index) => a(`10.0.${index >> 8}.${index & 255}`));
      network.inject(response(...all('juliet@pronto'), ...addresses, a('no address'), a('x'.repeat(10_000))));
      network.inject(
        response(...Array.from({ length: 1000 }, () => a('10.9.9.9', 'other.local')), ...all('romeo@forza')),
      );
      network.pass(1000);
      expect(watched.values.map(({ peer }) => [String(peer.jid), peer.addresses.length])).toEqual([
        ['juliet@pronto', 8],
      ]);
    });

    it('changes without end are told ten times a second at most', () => {
      const { network, watched } = discovering();
      network.inject(response(...all('juliet@pronto')));
      for (let at = 0; at < 1000; at++) {
        network.inject(response(txt('juliet@pronto', `msg=${at}`)));
        network.pass(1);
      }
      expect(watched.values.length).toBeLessThanOrEqual(10);
    });

    it('two names that are one JID: the first has it', () => {
      const { network, watched } = discovering();
      network.inject(response(...all('juliet@pronto'), a('10.0.0.1')));
      network.inject(response(...all('ｊuliet@pronto').slice(0, 1), srv('ｊuliet@pronto', 'evil.local', 1)));
      network.pass(1000);
      expect(watched.values.map(({ peer }) => peer.host)).toEqual(['pronto.local']);
    });
  });
});
