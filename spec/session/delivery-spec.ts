import { concatMap, filter, from, map, startWith, Subject, tap, VirtualTimeScheduler } from 'rxjs';
import { StanzaError, XmlError } from '../../lib/errors/index.js';
import { after, cut, end, expects, mute, reply, stall, unstall, type Script } from '../../lib/testing.js';
import { memoryTransport } from '../../lib/testing/memory/memory-transport.js';
import { XmppServer } from '../../lib/testing/server/xmpp-server.js';
import { intercept } from '../../lib/session/intercept.js';
import type { Session } from '../../lib/session/session.js';
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
  type ClientInit,
  type Followed,
} from '../support/client-run.js';
import { ACCOUNT, DOMAIN, FOOTER, PING } from '../support/wire.js';
import { watchUnhandled } from '../support/wire-run.js';

const QUEUE = { options: { whileOffline: { queue: 3 } } } satisfies ClientInit;
const ILLEGAL = hello('\u0000');
const ping = () => xml('ping', { xmlns: NS.ping });

describe('a delivery', () => {
  const unhandled = watchUnhandled();

  it('completes once written where nothing is acknowledged', () => {
    const run = new ClientRun([begins(hears('a'), after(1e6))]).connect().flush(0);
    const a = run.deliver(hello('a'));
    expect(a.told).toEqual(['queued']);
    run.flush(0);
    expect(a.told).toEqual(['queued', 'written', 'complete']);
  });

  it('waits for the acknowledgement where there is one', () => {
    const run = new ClientRun([manages(hears('a'), after(700), reply(A(1)), after(1e6))]).connect().flush(0);
    const a = run.deliver(hello('a'));
    run.flush(699);
    expect(a.told).toEqual(['queued', 'written']);
    run.flush(700);
    expect(a.told).toEqual(['queued', 'written', 'acked', 'complete']);
  });

  it('of a nonza completes once written: nobody counts it', () => {
    const run = new ClientRun([manages(expects(`<x xmlns='urn:x'/>`), after(1e6))]).connect().flush(0);
    const x = run.deliver(xml('x', { xmlns: 'urn:x' }));
    run.flush(0);
    expect(x.told).toEqual(['queued', 'written', 'complete']);
  });

  it('is cold: each subscription sends', () => {
    const run = new ClientRun([begins(hears('a', 'a'), after(1e6))]).connect().flush(0);
    const delivery$ = run.client.deliver(hello('a'));
    run.flush(0);
    expect(run.transport.sent).not.toContain('<body>');
    const both = [follow(delivery$), follow(delivery$)];
    run.flush(0);
    expect(both.map(({ told }) => told.at(-1))).toEqual(['complete', 'complete']);
    run.transport.verify();
  });

  it('is not told as written while the peer reads nothing, and bufferedBytes$ says how much waits', () => {
    const run = new ClientRun([begins(stall(), after(1_000), unstall(), hears('a'), after(1e6))]).connect().flush(0);
    const buffered: number[] = [];
    run.session.bufferedBytes$.subscribe((count) => buffered.push(count));
    const a = run.deliver(hello('a'));
    run.flush(999);
    expect([a.told, buffered[0], buffered.at(-1)! > 50]).toEqual([['queued'], 0, true]);
    run.flush(1_000);
    expect([a.told.at(-1), buffered.at(-1)]).toEqual(['complete', 0]);
  });

  it('unsubscribing does not take it back; its loss is told on undelivered$ then', () => {
    const run = new ClientRun([manages(hears('a', 'b'), reply(A(1)), after(10), cut()), resumes(0, 1, mute())]);
    run.connect().flush(0);
    for (const body of 'ab') run.deliver(hello(body)).unsubscribe();
    run.flush(5_000);
    expect(run.losses).toEqual([]);
    run.disconnect();
    expect(run.losses).toEqual(['b delivery-unknown']);
    run.check();
  });

  describe('of what is no XML fails at once, and the stream goes on (X5)', () => {
    it.each([
      ['online', 0],
      ['offline, with a queue', 1_500],
    ])('%s', (_name, at) => {
      const again = begins(hears('after'), after(1e6));
      const run = new ClientRun(at === 0 ? [again] : [begins(cut()), again], {
        options: { ...QUEUE.options, reconnect: { backoff: () => 5_000 } },
      });
      run.connect().flush(at);
      expect(run.status.kind).toBe(at === 0 ? 'online' : 'waiting');
      const told = follow(run.client.deliver(ILLEGAL));
      // Nothing was accepted, so nothing is told but the error.
      expect(told.told).toEqual(['illegal-character']);
      expect(told.error).toBeInstanceOf(XmlError);
      expect(() => run.client.send(ILLEGAL)).toThrow(XmlError);
      expect(follow(run.client.iq('get', xml('q', { xmlns: 'urn:q' }, '\uD800'))).told).toEqual(['illegal-character']);
      run.client.send(hello('after'));
      run.flush(20_000);
      expect(run.losses).toEqual([]);
      run.transport.verify();
    });

    it('an answer of a handler becomes an error', () => {
      const run = new ClientRun([
        begins(
          reply(`<iq type='get' id='q' from='bob@example.org/x'><q xmlns='urn:q'/></iq>`),
          expects(
            `<iq type='error' id='q' to='bob@example.org/x'><error type='cancel'><internal-server-error xmlns='${NS.stanzas}'/></error></iq>`,
          ),
          after(1e6),
        ),
      ]);
      run.client.handle('get', 'urn:q', () => [xml('q', { xmlns: 'urn:q' }, '\u0007')]);
      run.connect().flush(0);
      expect(run.status.kind).toBe('online');
      run.transport.verify();
    });
  });

  it('what is sent by whoever watches the traffic comes behind what caused it, and is acknowledged as such', () => {
    const run = new ClientRun([manages(hears('a', 'b'), reply(A(1)), after(1e6))]).connect().flush(0);
    let b: Followed | undefined;
    let sending = false;
    run.session.bufferedBytes$.subscribe((count) => {
      if (count === 0 || sending) return;
      sending = true;
      b = run.deliver(hello('b'));
    });
    const a = run.deliver(hello('a'));
    run.flush(0);
    expect([run.failure, a.told.at(-1), b!.told.at(-1)]).toEqual([undefined, 'complete', 'written']);
    run.transport.verify();
  });

  it('what is sent when told `queued` comes behind it too', () => {
    const run = new ClientRun([manages(hears('a', 'b'), reply(A(2)), after(1e6))]).connect().flush(0);
    let b: Followed | undefined;
    run.client.deliver(hello('a')).subscribe(() => (b ??= run.deliver(hello('b'))));
    run.flush(0);
    expect(b!.told).toEqual(['queued', 'written', 'acked', 'complete']);
    run.transport.verify();
  });

  it('a subscriber that throws does not harm the others (I10)', () => {
    const run = new ClientRun([manages(hears('a', 'b'), reply(A(2)), says('on'), after(1e6))]).connect().flush(0);
    run.client.deliver(hello('a')).subscribe(() => {
      throw new Error('mine');
    });
    const b = run.deliver(hello('b'));
    run.flush(0);
    expect([b.told.at(-1), run.received, run.status.kind]).toEqual(['complete', ['on'], 'online']);
    // Reported as RxJS does it: for queued, written and acked.
    expect(unhandled.take().map(String)).toEqual(Array(3).fill('Error: mine'));
  });

  describe('of a lost session', () => {
    it('is failed where it was never handed over, and unknown where it was', () => {
      const run = new ClientRun([manages(hears('a'), cut()), [], []], {
        options: { whileOffline: { queue: 1 }, reconnect: { backoff: () => 1e4 } },
      });
      run.connect().flush(0);
      const a = run.deliver(hello('a'));
      run.flush(100);
      const b = run.deliver(hello('b'));
      run.client.close().subscribe();
      expect([a.told, b.told]).toEqual([
        ['queued', 'written', 'delivery-unknown'],
        ['queued', 'delivery-failed'],
      ]);
      for (const { error } of [a, b]) {
        expect(error).toBeInstanceOf(StanzaError);
        expect(error).toMatchObject({ layer: 'stanza', type: 'wait', cause: { condition: 'session-lost' } });
      }
      run.check();
    });

    it('without acknowledgements: what the operating system did not take is unknown, what it took is not known at all', () => {
      const run = new ClientRun([begins(hears('a'), stall(), after(500), cut())], { options: { reconnect: false } });
      run.connect().flush(0);
      const a = run.deliver(hello('a'));
      run.flush(100);
      const b = run.deliver(hello('b'));
      run.client.send(hello('c'));
      run.flush();
      expect([a.told, b.told]).toEqual([
        ['queued', 'written', 'complete'],
        ['queued', 'delivery-unknown'],
      ]);
      expect(run.losses).toEqual(['c delivery-unknown']);
      run.check();
    });

    it('a request is told to whoever awaits it, and not as a loss too', () => {
      const run = new ClientRun([manages(expects(`<iq type='get' id='*'>${PING}</iq>`), cut())], {
        options: { reconnect: { veto: () => [false] } },
      });
      run.connect().flush(0);
      const answer = follow(run.client.iq('get', ping()));
      run.flush();
      expect([answer.told, run.losses, run.end]).toEqual([['session-lost'], [], 'transport connection-reset (online)']);
      expect(answer.error).toMatchObject({ cause: { condition: 'connection-reset' } });
      run.check();
    });

    it('whoever sends again at its word is offline by then, and is told so, or queued', () => {
      for (const whileOffline of ['error', { queue: 1 }] as const) {
        const run = new ClientRun([begins(stall(), after(10), cut()), begins(hears('a'), after(1e6))], {
          options: { whileOffline },
        });
        run.connect().flush(0);
        let again: Followed | undefined;
        run.client.deliver(hello('a')).subscribe({ error: () => (again = run.deliver(hello('a'))) });
        run.flush(20);
        expect(again!.told).toEqual(whileOffline === 'error' ? ['not-connected'] : ['queued']);
        run.flush(5_000);
        if (whileOffline !== 'error') expect(again!.told).toEqual(['queued', 'written', 'complete']);
      }
    });
  });
});

describe('sending while there is no session', () => {
  watchUnhandled();

  describe('by default is an error, at once', () => {
    const sends = (run: ClientRun) => {
      let thrown: unknown;
      try {
        run.client.send(hello('x'));
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toBeInstanceOf(StanzaError);
      expect(run.deliver(hello('x')).told).toEqual(['not-connected']);
      return (thrown as StanzaError).condition;
    };

    it('before anybody holds the connection', () => {
      expect(sends(new ClientRun([]))).toBe('not-connected');
    });

    it('while connecting, and while waiting', () => {
      const run = new ClientRun([[after(10)], begins()], { transport: { connectDelay: 10 } }).connect();
      expect([run.status.kind, sends(run)]).toEqual(['offline', 'not-connected']);
      expect(follow(run.client.iq('get', ping())).told).toEqual(['not-connected']);
      run.flush(15);
      expect(sends(run)).toBe('not-connected');
    });

    it('once it is over', () => {
      const run = new ClientRun([begins()]).connect().flush(0).disconnect();
      expect(sends(run)).toBe('not-connected');
      run.check();
    });

    it('while it is being closed', () => {
      const run = new ClientRun([begins(after(1e6))]).connect().flush(0);
      run.client.close().subscribe();
      expect(() => run.client.send(hello('x'))).toThrow(/being closed/);
      expect(run.deliver(hello('x')).told).toEqual(['session-lost']);
      expect(follow(run.client.iq('get', ping())).told).toEqual(['session-lost']);
    });
  });

  describe('with a queue', () => {
    it('waits, in order, and goes out before anything that the session is used for', () => {
      const run = new ClientRun([begins(cut()), begins(hears('a', 'b', 'c', 'd'), after(1e6))], {
        ...QUEUE,
        use: (session, { sessions }) => sessions.length === 2 && session.send(hello('d')),
      });
      run.connect().flush(500);
      const a = run.deliver(hello('a'));
      run.client.send(hello('b'));
      const c = run.deliver(hello('c'));
      expect([a.told, c.told]).toEqual([['queued'], ['queued']]);
      run.flush(5_000);
      expect([a.told, c.told]).toEqual(Array(2).fill(['queued', 'written', 'complete']));
      run.transport.verify();
    });

    it('that is full is an error, at once, and takes again what it gave up', () => {
      const run = new ClientRun(
        [begins(cut()), begins(expects(/a/), expects(/b/), expects(/ping/), after(1e6))],
        QUEUE,
      );
      run.connect().flush(500);
      for (const body of 'ab') run.client.send(hello(body));
      const request = follow(run.client.iq('get', ping()));
      expect(() => run.client.send(hello('c'))).toThrow(/queue is full/);
      expect(run.deliver(hello('c')).told).toEqual(['not-connected']);
      expect(follow(run.client.iq('get', ping())).told).toEqual(['not-connected']);
      // A request that nobody awaits any more is not sent.
      request.unsubscribe();
      const other = follow(run.client.iq('get', ping()));
      run.flush(5_000);
      expect(other.told).toEqual([]);
      run.transport.verify();
    });

    it('costs no more by the thousand', () => {
      const run = new ClientRun([begins(cut())], { options: { whileOffline: { queue: 100_000 } } })
        .connect()
        .flush(500);
      const stanza = hello('a');
      for (let count = 0; count < 100_000; count++) run.client.send(stanza);
      expect(() => run.client.send(stanza)).toThrow(/queue is full/);
      run.disconnect();
      expect(run.losses).toHaveLength(100_000);
    });

    it('takes what is sent at the word of another that goes out, and leaves none behind', () => {
      const interceptors = intercept({ outbound: [filter((stanza) => bodyOf(stanza) !== 'a')] });
      const run = new ClientRun([begins(hears('d', 'b', 'c'), after(1e6))], {
        options: { ...QUEUE.options, interceptors },
      });
      run.connect();
      const each$ = from('abc').pipe(concatMap((body) => run.client.deliver(hello(body))));
      const { told } = follow(each$);
      run.client.send(hello('d'));
      run.flush(0);
      expect(told.slice(0, 3)).toEqual(['queued', 'filtered', 'queued']);
      run.flush(100);
      expect([told.at(-1), run.status.kind]).toEqual(['complete', 'online']);
    });

    it('keeps for the next session what is sent again where one ends as it begins', () => {
      let times = 0;
      const restarts = tap<XmlElement>(() => times++ === 0 && run.client.retryNow());
      const run = new ClientRun([begins(mute()), begins(hears('a', 'b'), after(1e6))], {
        options: { ...QUEUE.options, interceptors: intercept({ outbound: [restarts] }) },
      });
      run.connect();
      run.client.undelivered$.subscribe(({ stanza }) => run.client.send(stanza));
      for (const body of 'ab') run.client.send(hello(body));
      run.flush(100);
      expect([run.ends, run.status.kind]).toEqual(['1 cancelled', 'online']);
      run.transport.verify();
    });

    it('of none takes none', () => {
      const run = new ClientRun([begins(cut()), begins()], { options: { whileOffline: { queue: 0 } } });
      run.connect().flush(500);
      expect(run.deliver(hello('a')).told).toEqual(['not-connected']);
    });

    it('a request that times out while it waits is never sent', () => {
      const run = new ClientRun([begins(cut()), begins(hears('a'), after(1e6))], {
        options: { ...QUEUE.options, reconnect: { backoff: () => 10_000 } },
      });
      run.connect().flush(500);
      const answer = follow(run.client.iq('get', ping(), undefined, { timeout: 2_000 }));
      run.client.send(hello('a'));
      run.flush(9_000);
      expect(answer.told).toEqual(['timeout']);
      run.flush(20_000);
      run.transport.verify();
      expect(run.losses).toEqual([]);
    });

    it('a request that waits for the next session outlives the one that could not be resumed', () => {
      const refused = `<failed xmlns='${NS.sm}'><item-not-found xmlns='${NS.stanzas}'/></failed>`;
      const again: Script = [
        ...(resumes(0, 0).slice(0, 1) as Script),
        expects(`<resume xmlns='${NS.sm}' h='0' previd='sm-1'/>`),
        reply(refused),
        (begins() as Script)[1]!,
        expects(`<enable xmlns='${NS.sm}' resume='true'/>`),
        reply(`<enabled xmlns='${NS.sm}'/>`),
        expects(/^<iq (?=.* id='(?<id>[^']+)').*ping/),
        reply(`<iq type='result' id='{id}'/>`),
        after(1e6),
      ];
      const run = new ClientRun([manages(expects(/ping/), cut()), again], QUEUE).connect().flush(0);
      const lost = follow(run.client.iq('get', ping()));
      run.flush(500);
      const waits = follow(run.client.iq('get', ping()));
      run.flush(5_000);
      expect([lost.told, waits.told]).toEqual([['session-lost'], ['next', 'complete']]);
      run.transport.verify();
    });

    it('settles all of it at a fatal error, at close() and at the last unsubscribe', () => {
      const ways: Record<string, (run: ClientRun) => void> = {
        close: (run) => run.client.close().subscribe(),
        unsubscribe: (run) => run.disconnect(),
        veto: (run) => run.flush(5_000),
      };
      for (const [name, way] of Object.entries(ways)) {
        let asked = 0;
        const veto = () => [name !== 'veto' || asked++ === 0];
        const run = new ClientRun([begins(cut()), [cut()]], {
          options: { ...QUEUE.options, reconnect: { backoff: () => 1_000, veto } },
        });
        run.connect().flush(500);
        run.client.send(hello('a'));
        const request = follow(run.client.iq('get', ping()));
        const b = run.deliver(hello('b'));
        if (name === 'unsubscribe') b.unsubscribe();
        if (name === 'unsubscribe') request.unsubscribe();
        way(run);
        expect([name, run.losses]).toEqual([
          name,
          name === 'unsubscribe' ? ['a delivery-failed', 'b delivery-failed'] : ['a delivery-failed'],
        ]);
        if (name !== 'unsubscribe')
          expect([b.told.at(-1), request.told]).toEqual(['delivery-failed', ['session-lost']]);
        run.check();
      }
    });
  });
});

describe('close()', () => {
  watchUnhandled();

  it('writes all that was accepted, then the footer, and awaits what is acknowledged meanwhile', () => {
    const run = new ClientRun([
      manages(hears('a', 'b'), expects(R), expects(isFooter), after(100), reply(A(2) + FOOTER)),
    ]);
    run.connect().flush(0);
    const [a, b] = ['a', 'b'].map((body) => run.deliver(hello(body)));
    const closed = follow(run.client.close());
    run.flush(99);
    expect([closed.told, a!.told.at(-1), run.status.kind]).toEqual([[], 'written', 'closing']);
    run.flush();
    expect([closed.told, a!.told.at(-1), b!.told.at(-1), run.end]).toEqual(
      Array(4)
        .fill(['complete'])
        .map((x, i) => (i === 0 ? x : 'complete')),
    );
    run.check();
  });

  it('a server that never answers: what is not acknowledged is unknown, after the bound', () => {
    const run = new ClientRun([manages(mute())], { options: { timeouts: { close: 3_000 } } }).connect().flush(0);
    const a = run.deliver(hello('a'));
    const closed = follow(run.client.close());
    run.flush(2_999);
    expect([closed.told, a.told.at(-1)]).toEqual([[], 'written']);
    run.flush(3_000);
    expect([closed.told, a.told.at(-1), run.end, run.ends]).toEqual([
      ['complete'],
      'delivery-unknown',
      'complete',
      '1 closed',
    ]);
    run.check();
  });

  it.each([
    ['a cut', [cut()]],
    ['an end without a footer', [end()]],
    [
      'a stream error',
      [reply(`<stream:error xmlns:stream='${NS.stream}'><system-shutdown xmlns='${NS.streams}'/></stream:error>`)],
    ],
    ['an impossible acknowledgement', [reply(A(77)), mute()]],
    ['bytes that are no XML', [reply('<<'), mute()]],
  ])('%s in its midst: it is over all the same, and the client does not come back', (_name, steps) => {
    const run = new ClientRun([manages(hears('a'), expects(R), expects(isFooter), ...steps)]).connect().flush(0);
    const a = run.deliver(hello('a'));
    const closed = follow(run.client.close());
    run.flush();
    expect([closed.told, a.told.at(-1), run.end]).toEqual([['complete'], 'delivery-unknown', 'complete']);
    expect([run.status, run.transport.connections]).toEqual([{ kind: 'offline' }, 1]);
    run.check();
  });
});

function isFooter({ kind }: { kind: string }) {
  return kind === 'close' || `a footer was due, not ${kind}`;
}

describe('D8: options that are replaced', () => {
  watchUnhandled();

  it('no stanza, request or queue of one account reaches another', () => {
    const next$ = new Subject<void>();
    const run = new ClientRun([manages(hears('a'), expects(/ping/), cut()), begins(hears('new'), after(1e6))], {
      ...QUEUE,
      options$: (options) =>
        next$.pipe(
          map(() => ({ ...options, streamManagement: false as const })),
          startWith(options),
        ),
    });
    run.connect().flush(0);
    const a = run.deliver(hello('a'));
    const request = follow(run.client.iq('get', ping()));
    run.flush(500);
    run.client.send(hello('queued for the first'));
    next$.next();
    expect([a.told.at(-1), request.told, run.losses]).toEqual([
      'delivery-unknown',
      ['session-lost'],
      ['queued for the first delivery-failed'],
    ]);
    run.client.send(hello('new'));
    run.flush(5_000);
    expect(run.transport.sent.match(/queued for the first/)).toBeNull();
    run.transport.verify();
  });
});

describe('every send settles exactly once, wherever the link is cut (S9)', () => {
  watchUnhandled();

  const BODIES = Array.from({ length: 4 }, (_, index) => `m${index}`);

  interface Outcome {
    readonly settled: string[];
    readonly heard: string[];
    /** Octets of the first connection, up to the session and in all. */
    readonly begin: { readonly in: number; readonly out: number };
    readonly octets: { readonly in: number; readonly out: number };
  }

  /** Four deliveries, a request and a burst from the other side, over a link that is cut once, or never. */
  function burst(
    fault: { kind: 'cut' | 'stall'; direction: 'in' | 'out'; at: number } | undefined,
    resume: boolean,
  ): Outcome {
    const scheduler = new VirtualTimeScheduler(undefined, 15_000);
    const server = new XmppServer({
      domain: DOMAIN,
      mechanisms: ['EXTERNAL'],
      accounts: { alice: 'x' },
      streamManagement: resume ? { requestEvery: 3 } : false,
      scheduler,
      random: () => 0.5,
    });
    const over = memoryTransport(server, {
      security: 'direct',
      clientIdentities: [ACCOUNT],
      latency: 5,
      faults: (connection) => (fault && connection === 1 ? [fault] : []),
    });
    const settled: string[] = [];
    let begin = { in: 0, out: 0 };
    const use = (session: Session, { sessions }: ClientRun) => {
      if (sessions.length > 1) return;
      begin = { in: session.bytes.received, out: session.bytes.sent };
      for (const body of BODIES) {
        const told: string[] = [];
        session.deliver(xml('message', { to: `echo@${DOMAIN}`, type: 'chat' }, xml('body', {}, body))).subscribe({
          next: ({ state }) => told.push(state),
          error: ({ condition }: StanzaError) => settled.push(`${body} ${condition}`),
          complete: () => settled.push(`${body} ${told.at(-1)}`),
        });
      }
      session.iq('get', ping(), DOMAIN, { timeout: 20_000 }).subscribe({
        error: ({ condition }: StanzaError) => settled.push(`iq ${condition}`),
        complete: () => settled.push('iq answered'),
      });
    };
    const options = {
      scheduler,
      keepAlive: { idle: 2_000, timeout: 500 },
      streamManagement: resume ? { acknowledgements: { every: 3, after: 300 } } : (false as const),
      timeouts: { deadline: 3_000 },
      reconnect: { backoff: () => 100 },
    };
    const run = new ClientRun([], { over, options, use }).connect();
    scheduler.flush();
    const { received, sent } = run.client.session?.bytes ?? { received: 0, sent: 0 };
    return { settled: settled.sort(), heard: run.received, begin, octets: { in: received, out: sent } };
  }

  it.each(['out', 'in'] as const)(
    'cut at every octet %s, resumable: nothing lost, doubled or out of order',
    (direction) => {
      const whole = burst(undefined, true);
      expect(whole.settled).toEqual(['iq answered', ...BODIES.map((body) => `${body} acked`)]);
      let runs = 0;
      // What comes before the session is cut elsewhere at every octet.
      for (let at = whole.begin[direction]; at <= whole.octets[direction]; at += 1) {
        runs++;
        const { settled, heard } = burst({ kind: 'cut', direction, at }, true);
        expect([at, settled]).toEqual([at, whole.settled]);
        expect([at, heard]).toEqual([at, BODIES]);
      }
      expect(runs).toBeGreaterThan(500);
    },
  );

  it.each(['out', 'in'] as const)('cut at every other octet %s, not resumable: nothing lost silently', (direction) => {
    const whole = burst(undefined, false);
    for (let at = whole.begin[direction]; at <= whole.octets[direction]; at += 2) {
      const { settled, heard } = burst({ kind: 'cut', direction, at }, false);
      expect(settled.map((line) => line.split(' ')[0])).toEqual(['iq', ...BODIES].sort());
      const allowed = /^(m\d (written|delivery-unknown)|iq (answered|session-lost))$/;
      expect([at, settled.filter((line) => !allowed.test(line))]).toEqual([at, []]);
      // What came is the beginning, in order, and nothing twice.
      expect([at, heard]).toEqual([at, BODIES.slice(0, heard.length)]);
    }
  });

  it.each(['out', 'in'] as const)('stalled at octets %s: the same, once keepAlive has found it', (direction) => {
    const whole = burst(undefined, true);
    for (let at = 0; at <= whole.octets[direction]; at += 11) {
      const { settled, heard } = burst({ kind: 'stall', direction, at }, true);
      expect([at, settled]).toEqual([at, whole.settled]);
      expect([at, heard]).toEqual([at, BODIES]);
    }
  });
});

describe('100,000 requests that are never answered (S10)', () => {
  watchUnhandled();

  const flood = (run: ClientRun) => {
    const ends: Record<string, number> = {};
    const count = (what: string) => (ends[what] = (ends[what] ?? 0) + 1);
    for (let n = 0; n < 100_000; n++) {
      run.session.iq('get', ping()).subscribe({
        next: () => count('next'),
        error: ({ condition }: StanzaError) => count(condition),
        complete: () => count('complete'),
      });
    }
    return ends;
  };

  it('all time out, by one timer', () => {
    const run = new ClientRun([begins(mute())], { options: { iqTimeout: 5_000 } }).connect().flush(0);
    const ends = flood(run);
    run.flush(4_999);
    expect([ends, run.scheduler.actions.length]).toEqual([{}, 1]);
    run.flush(5_000);
    expect([ends, run.scheduler.actions.length]).toEqual([{ timeout: 100_000 }, 0]);
    expect(run.status.kind).toBe('online');
  });

  it('all settle at once when the session is lost for good', () => {
    const run = new ClientRun([begins(after(1_000), cut())], { options: { reconnect: false } }).connect().flush(0);
    const ends = flood(run);
    run.flush(1_000);
    expect(ends).toEqual({ 'session-lost': 100_000 });
    run.check();
  });
});
