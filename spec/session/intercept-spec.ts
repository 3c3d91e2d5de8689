import {
  concatWith,
  delay,
  EMPTY,
  filter,
  map,
  mergeMap,
  NEVER,
  noop,
  Observable,
  of,
  startWith,
  take,
  tap,
  throwError,
  VirtualTimeScheduler,
} from 'rxjs';
import { marbles } from 'rxjs-marbles/jest';
import { StanzaError } from '../../lib/errors/index.js';
import type { Interceptors } from '../../lib/session/gates.js';
import { intercept, type InterceptConfig, type Interceptor } from '../../lib/session/intercept.js';
import { SessionMemory } from '../../lib/session/session-memory.js';
import { after, cut, expects, reply, type Script } from '../../lib/testing.js';
import { NS, xml, type XmlElement } from '../../lib/xml/index.js';
import {
  A,
  begins,
  bodyOf,
  ClientRun,
  follow,
  hears,
  hello,
  manages,
  R,
  resumes,
  says,
} from '../support/client-run.js';
import type { ClientInit } from '../support/client-run.js';
import { FOOTER, PING } from '../support/wire.js';
import { watchUnhandled } from '../support/wire-run.js';

const bodies = (change: (body: string) => string): Interceptor =>
  map((stanza) => (stanza.name === 'message' ? hello(change(bodyOf(stanza)), stanza.attrs as never) : stanza));
const drops = (body: string): Interceptor => filter((stanza) => bodyOf(stanza) !== body);
const onlyBody = (body: string, operator: Interceptor): Interceptor =>
  mergeMap((stanza) => (bodyOf(stanza) === body ? of(stanza).pipe(operator) : of(stanza)));

/** An operator that throws as it is applied, the first time. */
const throwsOnce = (): Interceptor => {
  let times = 0;
  return (source) => {
    if (times++ === 0) throw new Error('x');
    return source;
  };
};

const online = (script: Script, config: InterceptConfig, init: ClientInit = {}) =>
  new ClientRun([script], { ...init, options: { interceptors: intercept(config), ...init.options } })
    .connect()
    .flush(0);

/** What comes out of the inbound gate; unsubscribing closes it. */
const through = (source$: Observable<XmlElement>, interceptors: Interceptors) =>
  new Observable<XmlElement>((subscriber) => {
    const take = (stanza: XmlElement) => subscriber.next(stanza);
    const gates = interceptors({
      take,
      transmit: noop,
      memory: new SessionMemory(new VirtualTimeScheduler(), () => 0.5),
    });
    subscriber.add(() => gates.close(new StanzaError({ condition: 'session-lost' })));
    subscriber.add(source$.subscribe((stanza) => gates.inbound(stanza)));
  });

describe('intercept: the gate', () => {
  const unhandled = watchUnhandled();
  interface Pass {
    readonly in: string;
    readonly by: Readonly<Record<string, string>>;
    readonly out: string;
    readonly closed?: string;
    /** What never ends, and is still held. */
    readonly held?: string[];
  }
  const passes: Record<string, Pass> = {
    'as it is': { in: '-a--b-', by: { a: '(x|)', b: '(x|)' }, out: '-a--b-' },
    dropped: { in: '-a--b-', by: { a: '|', b: '(x|)' }, out: '----b-' },
    delayed: { in: '-a-----', by: { a: '---(x|)' }, out: '----a--' },
    'order is kept': { in: '-ab-----', by: { a: '---(x|)', b: '(x|)' }, out: '----(ab)' },
    'each delay counts from its own beginning': {
      ...{ in: '-ab------', by: { a: '---(x|)', b: '---(x|)' }, out: '----ab---' },
    },
    'several come out': { in: '-ab-----', by: { a: 'x-(x|)', b: '(x|)' }, out: '-a-(ab)' },
    'an error lets the next one through': { in: '-ab-----', by: { a: '--#', b: '(x|)' }, out: '---b----' },
    'silence holds back what follows': { in: '-ab-----', by: { a: '---', b: '(x|)' }, out: '--------', held: ['a'] },
    'closed: nothing comes out any more': {
      in: '-ab-c---',
      by: { a: '---(x|)', b: '(x|)' },
      out: '---',
      closed: '^--!',
    },
  };
  it.each(Object.entries(passes))('%s', (_name, row) =>
    marbles((m) => {
      const names = { a: xml('a'), b: xml('b'), c: xml('c') };
      const sources = Object.entries(row.by).map(([name, marble]) => [name, m.cold(marble)] as const);
      const operator: Interceptor = mergeMap((stanza) =>
        Object.fromEntries(sources)[stanza.name]!.pipe(map(() => stanza)),
      );
      const out$ = through(m.hot(row.in, names), intercept({ inbound: [operator] }));
      m.expect(out$, row.closed ?? null!).toBeObservable(row.out, names);
      m.flush();
      const held = sources.filter(([, { subscriptions }]) =>
        subscriptions.some(({ unsubscribedFrame }) => unsubscribedFrame === Infinity),
      );
      expect(held.map(([name]) => name)).toEqual(row.held ?? []);
      expect(unhandled.take()).toEqual(Object.values(row.by).some((marble) => marble.includes('#')) ? ['error'] : []);
    })(),
  );
});

describe('outbound interceptors', () => {
  const unhandled = watchUnhandled();

  it('change, in their order, what is sent; the delivery tells of it', () => {
    const told: XmlElement[] = [];
    const run = online(manages(hears('a12'), after(10), reply(A(1)), after(1e6)), {
      outbound: [bodies((body) => `${body}1`), bodies((body) => `${body}2`)],
    });
    run.client.deliver(hello('a')).subscribe(({ stanza }) => told.push(stanza));
    run.flush(20);
    run.transport.verify();
    expect(told.map(bodyOf)).toEqual(['a', 'a12', 'a12']);
  });

  it('D11: a stanza that is dropped settles its own delivery, as filtered, and nobody else’s', () => {
    const run = online(manages(hears('a', 'c'), after(10), reply(A(2)), after(1e6)), { outbound: [drops('b')] });
    const [a, b, c] = [run.deliver(hello('a')), run.deliver(hello('b')), run.deliver(hello('c'))];
    run.flush(20);
    expect([a.told, b.told, c.told]).toEqual([
      ['queued', 'written', 'acked', 'complete'],
      ['queued', 'filtered', 'complete'],
      ['queued', 'written', 'acked', 'complete'],
    ]);
    run.transport.verify();
    expect(run.losses).toEqual([]);
  });

  it('a request that is dropped fails at once', () => {
    const run = online(begins(after(1e6)), { outbound: [filter(({ name }) => name !== 'iq')] });
    const asked = follow(run.client.iq('get', xml('ping', { xmlns: NS.ping })));
    expect(asked.told).toEqual(['filtered']);
    run.disconnect().check();
  });

  it('a request of either type that is dropped fails, and none by another stanza with its id', () => {
    for (const type of ['get', 'set'] as const) {
      let id = '';
      const drop: Interceptor = filter(({ attrs }) => attrs.id === undefined || attrs.id !== id);
      const remember: Interceptor = tap(({ name, attrs }) => name === 'iq' && (id ||= attrs.id!));
      const run = online(begins(expects(/<ping/), expects(/<ping/), after(1e6)), { outbound: [drop, remember] });
      const asked = follow(run.client.iq(type, xml('ping', { xmlns: NS.ping })));
      const other = follow(run.client.iq(type, xml('ping', { xmlns: NS.ping })));
      run.client.send(hello('a', { id, type }));
      run.client.send(xml('iq', { type: 'result', id }));
      run.flush(20);
      expect(asked.told).toEqual([]);
      run.client.send(xml('iq', { type, id }, xml('ping', { xmlns: NS.ping })));
      expect([asked.told, other.told]).toEqual([['filtered'], []]);
      other.unsubscribe();
      run.disconnect().check();
    }
  });

  it('delay, in order', () => {
    const slow = new ClientRun([begins(hears('a', 'b'), after(1e6))]);
    const late = new ClientRun([begins(hears('a', 'b'), after(1e6))], {
      options: { interceptors: intercept({ outbound: [onlyBody('a', delay(100, slow.scheduler))] }) },
    });
    late.connect().flush(0);
    const [a, b] = [late.deliver(hello('a')), late.deliver(hello('b'))];
    late.flush(50);
    expect([a.told, b.told]).toEqual([['queued'], ['queued']]);
    slow.flush(100);
    late.flush(60);
    expect([a.told.at(-1), b.told.at(-1)]).toEqual(['complete', 'complete']);
    late.transport.verify();
  });

  it('add stanzas, which are counted as any other', () => {
    const run = online(
      manages(expects(/before/), expects(/id='7'/), expects(/after/), reply(A(2)), after(10), reply(A(3)), after(1e6)),
      {
        outbound: [mergeMap((stanza) => of(hello('before', { id: 'x' }), stanza, hello('after', { id: 'y' })))],
      },
    );
    const a = run.deliver(hello('a', { id: '7' }));
    run.flush(20);
    expect([a.told, run.status.kind, run.losses]).toEqual([['queued', 'written', 'acked', 'complete'], 'online', []]);
    run.transport.verify();
  });

  it('what comes of a stanza under another name or id does not stand for it: that was dropped', () => {
    const run = online(begins(hears('b'), after(1e6)), {
      outbound: [
        onlyBody(
          'a',
          bodies(() => 'b'),
        ),
        map((stanza) => hello(bodyOf(stanza))),
      ],
    });
    const a = run.deliver(hello('a', { id: '7' }));
    run.flush(20);
    expect(a.told).toEqual(['queued', 'filtered', 'complete']);
    run.transport.verify();
  });

  it('the first of the same name and id stands for it', () => {
    const run = online(manages(hears('before'), expects(/id='7'/), after(10), reply(A(2)), after(1e6)), {
      outbound: [startWith(hello('before'))],
    });
    const a = run.deliver(hello('a', { id: '7' }));
    run.flush(20);
    expect(a.told).toEqual(['queued', 'written', 'acked', 'complete']);
    run.transport.verify();
  });

  it('an error of theirs fails the delivery, and the session goes on', () => {
    const run = online(begins(hears('b'), after(1e6)), {
      outbound: [onlyBody('a', () => throwError(() => new Error('x')))],
    });
    const a = run.deliver(hello('a'));
    run.client.send(hello('a'));
    const b = run.deliver(hello('b'));
    run.flush(10);
    expect([a.told, b.told.at(-1), run.losses]).toEqual([
      ['queued', 'delivery-failed'],
      'complete',
      ['a delivery-failed'],
    ]);
    expect(a.error).toMatchObject({ cause: { condition: 'interceptor-failed', cause: { message: 'x' } } });
  });

  it('one that throws as it is applied fails the delivery alone, and holds up nothing behind it', () => {
    const run = online(begins(hears('b'), after(1e6)), { outbound: [throwsOnce()] });
    const a = run.deliver(hello('a'));
    const b = run.deliver(hello('b'));
    run.flush(10);
    expect([a.told, b.told.at(-1)]).toEqual([['queued', 'delivery-failed'], 'complete']);
    expect(a.error).toMatchObject({ cause: { condition: 'interceptor-failed', cause: { message: 'x' } } });
  });

  it('what they make that cannot be written fails its delivery, and the session goes on', () => {
    const run = online(begins(hears('b'), after(1e6)), {
      outbound: [
        onlyBody(
          'a',
          bodies(() => '\0'),
        ),
      ],
    });
    const a = run.deliver(hello('a'));
    const b = run.deliver(hello('b'));
    run.flush(10);
    expect([a.told, b.told.at(-1)]).toEqual([['queued', 'delivery-failed'], 'complete']);
    expect(() => run.client.send(hello('\0'))).toThrow('illegal-character');
  });

  it('see answers to requests, and neither acknowledgements nor other nonzas', () => {
    const seen: string[] = [];
    const run = online(
      manages(
        reply(`<iq type='get' id='p' from='bob@example.org/x'>${PING}</iq>${R}`),
        expects(/result/),
        expects(/<a /),
        after(1e6),
      ),
      { outbound: [tap(({ name }) => seen.push(name))] },
    );
    run.client.send(xml('x', { xmlns: 'urn:x' }));
    run.flush(10);
    expect(seen).toEqual(['iq']);
  });

  it('D8: what they hold back when the session is lost never reaches another, and its delivery fails', () => {
    const held: Interceptor = onlyBody('a', (source) =>
      source.pipe(
        concatWith(NEVER),
        filter(() => false),
      ),
    );
    const run = new ClientRun(
      [manages(hears('b0'), cut()), resumes(0, 0, hears('b0'), expects(R), reply(A(1)), after(1e6))],
      {
        options: { interceptors: intercept({ outbound: [held] }) },
      },
    );
    run.connect().flush(0);
    const b0 = run.deliver(hello('b0'));
    const a = run.deliver(hello('a'));
    const behind = run.deliver(hello('b'));
    const asked = follow(run.client.iq('get', xml('ping', { xmlns: NS.ping })));
    run.flush(5_000);
    expect(run.status).toMatchObject({ kind: 'online', resumed: true });
    expect([a.told, behind.told, asked.told]).toEqual([
      ['queued', 'delivery-failed'],
      ['queued', 'delivery-failed'],
      ['session-lost'],
    ]);
    expect(b0.told).toEqual(['queued', 'written', 'acked', 'complete']);
    expect(run.transport.sent.match(/<body>[^<]*/g)).toEqual(['<body>b0', '<body>b0']);
    run.disconnect().check();
  });

  it('what is resent after a resumption is what went out before, and passes no second time', () => {
    let seen = 0;
    const run = new ClientRun(
      [manages(hears('a!'), cut()), resumes(0, 0, hears('a!'), expects(R), reply(A(1)), after(1e6))],
      {
        options: { interceptors: intercept({ outbound: [tap(() => seen++), bodies((body) => `${body}!`)] }) },
      },
    );
    run.connect().flush(0);
    const a = run.deliver(hello('a'));
    run.flush(5_000);
    expect([a.told.at(-1), seen]).toEqual(['complete', 1]);
    run.transport.verify();
  });

  it('what they hold back when the session is closed fails', () => {
    const run = online(begins(expects(/<\/stream/), reply(FOOTER)), {
      outbound: [concatWith(NEVER), filter(() => false)],
    });
    const a = run.deliver(hello('a'));
    run.client.close().subscribe();
    run.flush(10);
    expect([a.told, run.end, unhandled.take()]).toEqual([['queued', 'delivery-failed'], 'complete', []]);
    run.check();
  });

  it('early unsubscribe: what they have under way is given up', () => {
    let released = 0;
    const run = online(begins(after(1e6)), {
      outbound: [
        (source) =>
          source.pipe(
            concatWith(NEVER),
            filter(() => false),
            tap({ unsubscribe: () => released++ }),
          ),
      ],
    });
    const a = run.deliver(hello('a'));
    run.disconnect();
    a.unsubscribe();
    run.client.session?.send(hello('b'));
    expect(released).toBe(1);
    run.check();
  });
});

describe('inbound interceptors', () => {
  const unhandled = watchUnhandled();

  it('change, drop and add what is received, in their order', () => {
    const run = online(begins(says('a', 'b', 'c'), after(1e6)), {
      inbound: [drops('b'), bodies((body) => `${body}1`), mergeMap((stanza) => [stanza, hello('more')])],
    });
    expect(run.received).toEqual(['a1', 'more', 'c1', 'more']);
  });

  it('D12: edits of presences are what is received', () => {
    const seen: (string | undefined)[] = [];
    const run = new ClientRun([begins(reply(`<presence from='bob@example.org/x'/>`), after(1e6))], {
      options: { interceptors: intercept({ inbound: [map(({ name }) => xml(name, { from: 'somebody' }))] }) },
      use: (session) => void session.presence$.subscribe(({ attrs }) => seen.push(attrs.from)),
    });
    run.connect().flush(0);
    expect(seen).toEqual(['somebody']);
  });

  it('h counts what came over the wire, whatever becomes of it', () => {
    const run = online(manages(says('a', 'b', 'c'), reply(R), expects(A(3)), after(1e6)), {
      inbound: [onlyBody('b', () => EMPTY), onlyBody('c', (source) => source.pipe(concatWith(of(hello('d')))))],
    });
    run.transport.verify();
    expect(run.received).toEqual(['a', 'c', 'd']);
  });

  it('octets are those of the wire', () => {
    const script = (): Script => begins(says('a'), after(1e6));
    const plain = online(script(), {});
    const dropped = online(script(), { inbound: [filter(() => false)] });
    expect(dropped.session.bytes).toEqual(plain.session.bytes);
  });

  it('keep order while one of them takes its time', () => {
    const hold = new ClientRun([]);
    const run = online(begins(says('a', 'b'), after(1e6)), { inbound: [onlyBody('a', delay(100, hold.scheduler))] });
    expect(run.received).toEqual([]);
    hold.flush(100);
    expect(run.received).toEqual(['a', 'b']);
  });

  it('nothing comes out after the session has ended (I2)', () => {
    const hold = new ClientRun([]);
    const run = online(begins(says('a'), after(1e6)), { inbound: [delay(100, hold.scheduler)] });
    run.disconnect();
    hold.flush();
    expect([run.received, hold.scheduler.actions.length]).toEqual([[], 0]);
  });

  it('an error of theirs is reported, the stanza dropped, and the session goes on (I10)', () => {
    const run = online(begins(says('a', 'b'), after(1e6)), {
      inbound: [onlyBody('a', () => throwError(() => new Error('x')))],
    });
    expect([run.received, run.status.kind]).toEqual([['b'], 'online']);
    expect(unhandled.take()).toMatchObject([{ message: 'x' }]);
  });

  it('one that throws as it is applied drops the stanza, and holds up nothing behind it', () => {
    const run = online(begins(says('a', 'b'), after(1e6)), { inbound: [throwsOnce()] });
    expect([run.received, run.status.kind]).toEqual([['b'], 'online']);
    expect(unhandled.take()).toMatchObject([{ message: 'x' }]);
  });

  it('completion is of one stanza: take(1) takes each', () => {
    expect(online(begins(says('a', 'b'), after(1e6)), { inbound: [take(1)] }).received).toEqual(['a', 'b']);
  });

  it('answers to requests pass too, and settle what they came out as', () => {
    const run = online(
      begins(
        expects(/^<iq (?=.* id='(?<id>[^']+)').*ping/),
        reply(`<iq type='result' id='{id}'><a xmlns='urn:a'/></iq>`),
        after(1e6),
      ),
      {
        inbound: [
          map((stanza) =>
            stanza.name === 'iq'
              ? xml('iq', { ...stanza.attrs, xmlns: NS.client }, xml('b', { xmlns: 'urn:b' }))
              : stanza,
          ),
        ],
      },
    );
    const results: string[] = [];
    run.client
      .iq('get', xml('ping', { xmlns: NS.ping }))
      .subscribe((result) => results.push(String(result.child('b'))));
    run.flush(10);
    expect(results).toEqual([`<b xmlns='urn:b'/>`]);
  });
});
