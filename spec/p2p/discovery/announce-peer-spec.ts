import { concat, NEVER, of, Subject, throwError } from 'rxjs';
import { TransportError } from '../../../lib/errors/index.js';
import {
  announcePeer,
  type AnnouncePeerConfig,
  type DnsMessage,
  type DnsRecord,
  type PeerText,
} from '../../../lib/node.js';
import { watch } from '../../support/watch.js';
import { MemoryMdns } from '../support/memory-mdns.js';

const PRESENCE = '_presence._tcp.local';
const NAME = `juliet@pronto.${PRESENCE}`;
const srv = (name: string, target: string, port = 5562): DnsRecord => ({
  ...{ type: 'SRV', name, ttl: 120, data: { target, port } },
});
const strings = ({ message }: { message: DnsMessage }) =>
  message.answers!.flatMap((record) =>
    record.type === 'TXT' ? record.data.map((string) => Buffer.from(string).toString()) : [],
  );

function announcing(config: Partial<AnnouncePeerConfig> = {}, network = new MemoryMdns(), machine = 'pronto') {
  const { scheduler } = network;
  const mdns = network.machine(machine, ['10.2.1.187', 'fd00::1']);
  const watched = watch(
    announcePeer({ mdns, jid: 'juliet@pronto', port: 5562, scheduler, random: () => 0, ...config }),
  );
  const sent = () => network.sent.filter(({ by }) => by === machine);
  return { network, watched, sent, jids: () => watched.values.map(String) };
}

describe('announcePeer (XEP-0174)', () => {
  it('probes three times, announces twice, and emits the JID (RFC 6762 section 8)', () => {
    const { network, sent, jids, watched } = announcing({ text: { '1st': 'Juliet', status: 'avail' } });
    network.pass(749);
    expect([sent().map(({ at }) => at), jids()]).toEqual([[0, 250, 500], []]);
    expect(sent()[0]!.message).toEqual({
      ...{ type: 'query', questions: [{ name: NAME, type: 'ANY' }] },
      authorities: [srv(NAME, 'pronto.local')],
    });
    network.pass(60_000);
    expect(sent().map(({ at }) => at)).toEqual([0, 250, 500, 750, 1750]);
    expect(sent()[3]!.message).toEqual(sent()[4]!.message);
    expect(sent()[3]!.message).toMatchObject({
      type: 'response',
      answers: [
        { type: 'PTR', name: PRESENCE, ttl: 4500, data: NAME },
        srv(NAME, 'pronto.local'),
        { type: 'TXT', name: NAME, ttl: 4500 },
        { type: 'A', name: 'pronto.local', ttl: 120, data: '10.2.1.187' },
        { type: 'AAAA', name: 'pronto.local', ttl: 120, data: 'fd00::1' },
      ],
    });
    expect(strings(sent()[3]!)).toEqual(['txtvers=1', 'port.p2pj=5562', '1st=Juliet', 'status=avail']);
    expect([jids(), watched.log]).toEqual([['juliet@pronto'], ['next']]);
  });

  it('unsubscribing says goodbye and leaves the group and no timer; before it is announced there is nothing to say', () => {
    const { network, watched, sent } = announcing();
    network.pass(1000);
    watched.unsubscribe();
    expect(
      sent()
        .at(-1)!
        .message.answers!.map(({ type, ttl }) => `${type} ${ttl}`),
    ).toEqual(['PTR 0', 'SRV 0', 'TXT 0']);
    network.pass(10_000);
    const early = announcing();
    early.network.pass(600);
    early.watched.unsubscribe();
    early.network.pass(10_000);
    expect([sent().length, early.sent().length, network.joined, network.scheduler.actions.length]).toEqual([
      5, 3, 0, 0,
    ]);
  });

  it('changes of the text are told at once, and once a second at most, the last one in any case', () => {
    const text$ = new Subject<PeerText>();
    const { network, sent, watched } = announcing({ text: text$ });
    text$.next({ status: 'avail' });
    network.pass(2000);
    const before = sent().length;
    for (let at = 0; at < 1500; at += 10) {
      text$.next({ msg: String(at) });
      network.pass(10);
    }
    text$.complete();
    network.pass(5000);
    expect(
      sent()
        .slice(before)
        .map((each) => [each.at, strings(each).at(-1)]),
    ).toEqual([
      [2000, 'msg=0'],
      [3000, 'msg=990'],
      [4000, 'msg=1490'],
    ]);
    expect(watched.log).toEqual(['next']);
  });

  it('answers what is asked of it, a little later, and nothing that is known or of others', () => {
    const { network, sent } = announcing({ text: { nick: 'Jule' } });
    network.pass(3000);
    const ask = (message: Partial<DnsMessage>) => {
      const before = sent().length;
      network.inject({ type: 'query', ...message });
      network.pass(1000);
      return sent()
        .slice(before)
        .flatMap(({ at, message: { answers } }) => answers!.map(({ type, name }) => `${at} ${type} ${name}`));
    };
    expect(ask({ questions: [{ name: PRESENCE.toUpperCase(), type: 'PTR' }] })).toEqual([`3021 PTR ${PRESENCE}`]);
    const answers: DnsRecord[] = [{ type: 'PTR', name: PRESENCE, ttl: 4000, data: NAME }];
    network.pass(1000);
    expect(ask({ questions: [{ name: PRESENCE, type: 'PTR' }], answers })).toEqual([]);
    expect(ask({ questions: ['SRV', 'TXT', 'A'].map((type) => ({ name: NAME, type })) })).toEqual([
      `6021 SRV ${NAME}`,
      `6021 TXT ${NAME}`,
    ]);
    expect(ask({ questions: [{ name: 'pronto.local', type: 'ANY' }] })).toHaveLength(2);
    expect(ask({ questions: [{ name: '_services._dns-sd._udp.local', type: 'PTR' }] })).toHaveLength(1);
    expect(ask({ questions: [{ name: `romeo@forza.${PRESENCE}`, type: 'ANY' }] })).toEqual([]);
    expect(ask({ questions: [] })).toEqual([]);
  });

  it('a flood of questions is answered once a second, whoever asks', () => {
    const { network, sent } = announcing();
    network.pass(3000);
    const before = sent().length;
    const questions = Array.from({ length: 5000 }, () => ({ name: NAME, type: 'ANY' }));
    for (let at = 0; at < 3000; at += 10) {
      network.inject({ type: 'query', questions });
      network.pass(10);
    }
    expect(sent().length - before).toBeLessThanOrEqual(3);
    expect(sent().at(-1)!.message.answers).toHaveLength(2);
  });

  it('an answer says what the text is by then', () => {
    const text$ = new Subject<PeerText>();
    const { network, sent } = announcing({ text: text$, random: () => 0.9 });
    network.pass(4000);
    network.inject({ type: 'query', questions: [{ name: NAME, type: 'TXT' }] });
    network.pass(20);
    text$.next({ status: 'away' });
    network.pass(500);
    expect(
      sent()
        .slice(-2)
        .map((each) => strings(each).at(-1)),
    ).toEqual(['status=away', 'status=away']);
  });

  it.each([
    ['who has it defends it', (message: DnsMessage) => message.type === 'query'],
    ['who is announced already and answers nothing', () => false],
  ])('a name that is taken gives way to another: %s', (_, answers) => {
    const network = new MemoryMdns();
    const { jids, watched, sent } = announcing({}, network);
    network.pass(100);
    network.lost = (message) => !answers(message) && message.type === 'query';
    const other = srv(NAME, 'other.local');
    network.inject({ type: 'response', answers: [other] });
    network.pass(100);
    network.inject({ type: 'response', answers: [srv(`juliet1@pronto.${PRESENCE}`, 'other.local')] });
    network.pass(3000);
    expect([jids(), watched.log]).toEqual([['juliet2@pronto'], ['next']]);
    expect(sent().at(-1)!.message.answers![0]).toMatchObject({ data: `juliet2@pronto.${PRESENCE}` });
  });

  it('of two who probe at the same time one gives way; and one who was announced defends its name', () => {
    const network = new MemoryMdns();
    const ours = announcing({}, network);
    const theirs = announcing({ host: 'capulet.local' }, network, 'capulet');
    network.pass(10_000);
    expect([ours.jids(), theirs.jids()]).toEqual([['juliet@pronto'], ['juliet1@pronto']]);
    const third = announcing({}, network, 'montague');
    network.pass(10_000);
    expect([ours.jids(), theirs.jids(), third.jids()]).toEqual([
      ['juliet@pronto'],
      ['juliet1@pronto'],
      ['juliet2@pronto'],
    ]);
  });

  it('a conflict after it was announced makes it another, and says so', () => {
    const { network, jids } = announcing();
    network.pass(5000);
    network.inject({ type: 'response', answers: [srv(NAME, 'other.local')] });
    network.pass(5000);
    expect(jids()).toEqual(['juliet@pronto', 'juliet1@pronto']);
  });

  it('who takes every name makes it slow, and an error in the end', () => {
    const { network, watched, sent } = announcing();
    let names = 0;
    while (watched.log.length === 0 && names++ < 200) {
      const probe = sent().at(-1);
      if (probe) network.inject({ type: 'response', answers: [srv(probe.message.questions![0]!.name, 'evil.local')] });
      network.pass(names < 16 ? 1 : 5001);
    }
    expect(watched.error).toMatchObject({ condition: 'name-taken' });
    expect(network.scheduler.now()).toBeGreaterThan(300_000);
    expect([network.joined, sent().length < 300]).toEqual([0, true]);
  });

  it.each<[string, Partial<AnnouncePeerConfig>]>([
    ['a text without room', { text: { msg: 'x'.repeat(252) } }],
    ['a status that is none', { text: { status: 'busy' as 'away' } }],
    ['a name without a user', { jid: 'pronto' }],
    ['a name without room', { jid: `${'j'.repeat(56)}@pronto` }],
  ])('%s is an error before anything is sent', (_, config) => {
    const { watched, network } = announcing(config);
    network.pass(1000);
    expect(watched.error).toMatchObject({ name: 'UsageError', condition: 'bad-presence' });
    expect([network.sent, network.joined]).toEqual([[], 0]);
  });

  it('errs as the port and the text do; a bad text later says goodbye first', () => {
    const lost = new TransportError({ condition: 'connection-failed' });
    expect(announcing({ mdns: { join: () => throwError(() => lost) } }).watched.error).toBe(lost);
    expect(announcing({ text: throwError(() => lost) }).watched.error).toBe(lost);
    const message$ = new Subject<DnsMessage>();
    const group = { host: 'us.local', addresses: [], message$, send: () => undefined };
    const { watched } = announcing({ mdns: { join: () => concat(of(group), NEVER) } });
    message$.error(lost);
    expect(watched.error).toBe(lost);
    const text$ = new Subject<PeerText>();
    const later = announcing({ text: text$ });
    later.network.pass(3000);
    text$.next({ nick: 'x'.repeat(300) });
    expect(later.watched.error).toMatchObject({ condition: 'bad-presence' });
    expect(later.sent().at(-1)!.message.answers![0]!.ttl).toBe(0);
  });
});
