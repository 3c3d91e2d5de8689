import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decode, encode } from 'dns-packet';
import { buildSync } from 'esbuild';
import createMdns from 'multicast-dns';
import { filter, firstValueFrom, take, timeout, type Observable } from 'rxjs';
import { announcePeer, discoverPeers, p2p, p2pListen, type MulticastGroup, type PeerText } from '../../../lib/node.js';
import { encodeDnsMessage } from '../../../lib/p2p/node/dns-message.js';
import { multicastGroup } from '../../../lib/p2p/node/multicast-group.js';
import { NS, xml } from '../../../lib/index.js';
import { projectRoot } from '../../support/project-root.js';
import { watch, type Watch } from '../../support/watch.js';

const LOOPBACK = '127.0.0.1';
const first = <T>(source$: Observable<T>) => firstValueFrom(source$.pipe(timeout(20_000)));

const held: { unsubscribe(): void }[] = [];
afterEach(() => held.splice(0).forEach((one) => one.unsubscribe()));
function keep<T>(watched: Watch<T>): Watch<T> {
  held.push(watched);
  return watched;
}

/** A port of UDP that nobody has: the network of this spec alone. */
async function network() {
  const socket = createSocket('udp4');
  const port = await new Promise<number>((resolve) => socket.bind(0, LOOPBACK, () => resolve(socket.address().port)));
  await new Promise<void>((resolve) => socket.close(resolve));
  return {
    port,
    mdns: { join: () => multicastGroup(createMdns, { interface: LOOPBACK, port, host: 'pronto.local' }) },
  };
}

describe('multicastDns, by the multicast-dns package, on the loopback', () => {
  it('peers announce, find each other, talk, and leave', async () => {
    const { mdns } = await network();
    const port = await new Promise<number>((resolve) => {
      const listener$ = p2pListen({
        jid: 'mark.antony@rome',
        host: LOOPBACK,
        port: 0,
        listening: (at) => resolve(at.port),
      });
      keep(watch(listener$));
    });
    const found = keep(watch(discoverPeers({ mdns, own: 'brutus@rome' })));
    const appeared = first(
      discoverPeers({ mdns }).pipe(
        filter(({ type }) => type === 'appeared'),
        take(1),
      ),
    );
    const text: PeerText = { nick: 'Tony', status: 'dnd', '1st': 'Marc Añtony' };
    const announced = keep(watch(announcePeer({ mdns, jid: 'mark.antony@rome', port, text })));
    expect(String(await announced.first)).toBe('mark.antony@rome');
    const { peer } = await appeared;
    expect({ ...peer, jid: String(peer.jid) }).toEqual({
      ...{ jid: 'mark.antony@rome', host: 'pronto.local', port, addresses: [LOOPBACK], text },
    });
    const session = await keep(
      watch(p2p({ jid: 'brutus@rome', to: peer.jid, host: peer.addresses[0], port: peer.port })),
    ).first;
    expect(await first(session.iq('get', xml('ping', { xmlns: NS.ping }), peer.jid))).toMatchObject({ name: 'iq' });
    await found.first;
    const gone = first(discoverPeers({ mdns }).pipe(filter(({ type }) => type === 'left')));
    await first(discoverPeers({ mdns }));
    announced.unsubscribe();
    expect(String((await gone).peer.jid)).toBe('mark.antony@rome');
  });

  it('what is no message, and answers from another port, harm nobody and tell nothing', async () => {
    const { mdns, port } = await network();
    const found = keep(watch(discoverPeers({ mdns })));
    const group = await keep(watch(mdns.join())).first;
    const seen = keep(watch(group.message$));
    const socket = createSocket({ type: 'udp4', reuseAddr: true });
    await new Promise<void>((resolve) => socket.bind(0, LOOPBACK, () => resolve()));
    socket.setMulticastInterface(LOOPBACK);
    const name = 'tybalt@verona._presence._tcp.local';
    const foreign = encode({
      type: 'response',
      answers: [
        { type: 'PTR', name: '_presence._tcp.local', ttl: 120, data: name },
        { type: 'SRV', name, ttl: 120, data: { target: 'verona.local', port: 1 } },
        { type: 'TXT', name, ttl: 120, data: ['nick=T'] },
      ],
    });
    const hostile = [
      ...[Buffer.alloc(0), Buffer.alloc(11), Buffer.alloc(9000, 0xff), Buffer.alloc(60_000, 0xc0), foreign],
      ...Array.from({ length: 50 }, (_, length) => foreign.subarray(0, 2 * length)),
    ];
    for (const octets of hostile) {
      await new Promise((resolve) => socket.send(octets, port, '224.0.0.251', resolve));
    }
    await new Promise<void>((resolve) => socket.close(resolve));
    const last = first(
      group.message$.pipe(filter(({ questions }) => questions!.some(({ name: of }) => of === 'last.local'))),
    );
    group.send({ type: 'query', questions: [{ name: 'last.local', type: 'A' }] });
    await last;
    expect(seen.values.filter(({ type }) => type === 'response')).toEqual([]);
    expect(found.log).toEqual([]);
  });

  it('what was sent before it leaves is still sent', async () => {
    const { mdns } = await network();
    const others = await keep(watch(mdns.join())).first;
    const heard = first(others.message$);
    const watched = watch(mdns.join());
    const group = await watched.first;
    group.send({ type: 'query', questions: [{ name: 'bye.local', type: 'A' }] });
    watched.unsubscribe();
    group.send({ type: 'query', questions: [{ name: 'late.local', type: 'A' }] });
    expect((await heard).questions).toEqual([{ name: 'bye.local', type: 'A' }]);
  });

  it('early unsubscribe holds nothing; a port that is taken is an error', async () => {
    const { mdns } = await network();
    watch(mdns.join()).unsubscribe();
    const taken = createSocket('udp4');
    const port = await new Promise<number>((resolve) => taken.bind(0, '0.0.0.0', () => resolve(taken.address().port)));
    const watched = watch(multicastGroup(createMdns, { interface: LOOPBACK, port }));
    await watched.ended;
    expect(watched.error).toMatchObject({
      condition: 'connection-failed',
      text: expect.stringContaining(String(port)),
    });
    await new Promise<void>((resolve) => taken.close(resolve));
  });

  it('what no message can hold is an error of whoever sends it', async () => {
    const { mdns } = await network();
    for (const [type, data] of [
      ['A', '10.0.0.256'],
      ['AAAA', 'fd00'],
      ['PTR', `${'x'.repeat(64)}.local`],
    ] as const) {
      const watched = watch(mdns.join());
      const group: MulticastGroup = await watched.first;
      group.send({ type: 'response', answers: [{ type, name: 'x.local', ttl: 1, data }] });
      expect(watched.error).toMatchObject({ name: 'UsageError', condition: 'bad-dns-message' });
    }
  });
});

/** As applications have it: the package is looked for beside what is installed. */
describe('multicastDns', () => {
  let folders: string[];
  beforeAll(() => {
    mkdirSync(join(projectRoot, '.cache'), { recursive: true });
    folders = [mkdtempSync(join(projectRoot, '.cache/mdns-')), mkdtempSync(join(tmpdir(), 'rxmpp-mdns-'))];
    mkdirSync(join(folders[1]!, 'node_modules'));
    symlinkSync(join(projectRoot, 'node_modules/rxjs'), join(folders[1]!, 'node_modules/rxjs'));
    for (const folder of folders) {
      buildSync({
        stdin: {
          resolveDir: projectRoot,
          loader: 'ts',
          contents: `
            import { multicastDns } from './lib/node.ts';
            const joined = multicastDns({ interface: '127.0.0.1', port: 0 }).join().subscribe({
              next: ({ addresses }) => { console.log(addresses.join()); joined.unsubscribe(); },
              error: ({ condition }) => console.log(condition),
            });`,
        },
        ...{
          bundle: true,
          platform: 'node',
          format: 'esm',
          target: 'node20',
          packages: 'external',
          logLevel: 'warning',
        },
        outfile: join(folder, 'join.mjs'),
      });
    }
  });
  afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

  it.each([
    ['is there: joins', 0, LOOPBACK],
    ['is not there: says so', 1, 'no-multicast-dns'],
  ])('the multicast-dns package %s', (_, folder, said) => {
    const run = spawnSync(process.execPath, [join(folders[folder]!, 'join.mjs')], {
      encoding: 'utf8',
      timeout: 20_000,
    });
    expect([run.stdout.trim(), run.stderr, run.status]).toEqual([said, '', 0]);
  });
});

describe('encodeDnsMessage', () => {
  it('writes what dns-packet reads', () => {
    const name = 'juliet@pronto._presence._tcp.local';
    const octets = encodeDnsMessage({
      type: 'response',
      questions: [{ name, type: 'ANY' }],
      answers: [
        { type: 'PTR', name: '_presence._tcp.local.', ttl: 4500, data: name },
        { type: 'SRV', name, ttl: 120, data: { target: 'pronto.local', port: 5562 } },
        { type: 'TXT', name, ttl: 4500, data: [Buffer.from('txtvers=1'), Buffer.from('nick=Jüle')] },
      ],
      additionals: [
        { type: 'A', name: 'pronto.local', ttl: 0, data: '10.2.1.187' },
        ...['::', '::1', 'fd00::', 'fe80::1:2', '1:2:3:4:5:6:7:8', '::ffff:1.2.3.4'].map(
          (data) => ({ type: 'AAAA', name: 'pronto.local', ttl: 1, data }) as const,
        ),
      ],
    });
    const { questions, answers, additionals, flag_aa } = decode(octets) as ReturnType<typeof decode> & {
      flag_aa: boolean;
    };
    expect(flag_aa).toBe(true);
    expect(questions).toMatchObject([{ name, type: 'ANY', class: 'IN' }]);
    expect(answers).toMatchObject([
      { type: 'PTR', name: '_presence._tcp.local', ttl: 4500, data: name, flush: false },
      { type: 'SRV', name, ttl: 120, data: { target: 'pronto.local', port: 5562 }, flush: true },
      { type: 'TXT', name, ttl: 4500, data: [Buffer.from('txtvers=1'), Buffer.from('nick=Jüle')] },
    ]);
    expect(additionals!.map((record) => ('data' in record ? record.data : undefined))).toEqual([
      '10.2.1.187',
      '::',
      '::1',
      'fd00::',
      'fe80::1:2',
      '1:2:3:4:5:6:7:8',
      '::ffff:102:304',
    ]);
  });

  it('a dot in a label is one', () => {
    const octets = encodeDnsMessage({
      type: 'query',
      questions: [{ name: 'mark\\.an\\\\tony@rome._presence._tcp.local', type: 'SRV' }],
    });
    expect(octets.subarray(12, 30).toString('latin1')).toBe('\x11mark.an\\tony@rome');
  });
});
