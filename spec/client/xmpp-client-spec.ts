import {
  BehaviorSubject,
  defer,
  filter,
  map,
  mergeMap,
  type Observable,
  of,
  Subject,
  switchMap,
  take,
  tap,
  throwError,
} from 'rxjs';
import type { XmppClientOptions } from '../../lib/client/client-options.js';
import type { XmppStatus } from '../../lib/client/status.js';
import { StreamError, TransportError } from '../../lib/errors/index.js';
import {
  after,
  cut,
  end,
  exchange,
  expects,
  mute,
  perConnection,
  reply,
  scriptedTransport,
  startTls,
  type Script,
} from '../../lib/testing.js';
import type { TraceEvent } from '../../lib/trace/lifecycle-event.js';
import { NS, xml } from '../../lib/xml/index.js';
import {
  A,
  authenticates,
  begins,
  ClientRun,
  follow,
  hears,
  hello,
  manages,
  RESUME,
  resumes,
  says,
  SM,
} from '../support/client-run.js';
import {
  lifetime,
  PASSWORD,
  auth,
  BIND,
  features,
  FOOTER,
  mechanisms,
  opens,
  saslFailure,
  streamError,
  turns,
  upTo,
} from '../support/wire.js';
import { tag as tagOf, watchUnhandled } from '../support/wire-run.js';

const ping = () => xml('ping', { xmlns: NS.ping });
const REFUSED: Script = [
  opens(features(mechanisms('EXTERNAL')), { secure: true }),
  auth('EXTERNAL', '', saslFailure('not-authorized')),
];
const conflict = (): Script => begins(reply(streamError('conflict') + FOOTER), end());

describe('who holds the connection', () => {
  watchUnhandled();

  it('nobody at first; the first subscriber connects, the last to leave disconnects', () => {
    const run = new ClientRun([begins(after(1e6)), begins(after(1e6))]);
    expect(run.flush().transport.connections).toBe(0);
    run.connect().connect();
    run.flush(0);
    expect([run.transport.connections, run.sessions.length]).toEqual([1, 2]);
    expect(run.sessions[0]).toBe(run.sessions[1]);
    run.disconnect();
    expect([run.transport.open, run.status.kind, run.ends]).toEqual([0, 'offline', '1 cancelled']);
    expect(run.transport.sent.endsWith(FOOTER)).toBe(true);
    run.check();
    run.connect().flush(0);
    expect([run.transport.connections, run.status.kind]).toEqual([2, 'online']);
  });

  it.each(['session$', 'stanza$', 'message$', 'presence$', 'nonza$'] as const)('%s holds', (name) => {
    const run = new ClientRun([begins(after(1e6))]);
    const hold = (run.client[name] as Observable<unknown>).subscribe();
    run.flush(0);
    expect(run.status.kind).toBe('online');
    hold.unsubscribe();
    expect(run.status.kind).toBe('offline');
    run.check();
  });

  it.each(['status$', 'trace$', 'bytes$', 'undelivered$'] as const)('%s only watches', (name) => {
    const run = new ClientRun([]);
    (run.client[name] as Observable<unknown>).subscribe();
    run.flush();
    expect(run.transport.connections).toBe(0);
  });

  it('connect() holds until unsubscribed, and is told nothing', () => {
    const run = new ClientRun([begins(after(1e6)), REFUSED]);
    const hold = run.client.connect();
    run.flush(0);
    hold.unsubscribe();
    run.check();
    const refused = run.client.connect();
    run.flush();
    expect([refused.closed, run.status]).toMatchObject([
      true,
      { kind: 'offline', error: { condition: 'not-authorized' } },
    ]);
    run.check();
  });

  it('a request holds while it waits: alone it connects, and lets go with the answer', () => {
    const run = new ClientRun([
      begins(expects(/^<iq (?=.* id='(?<id>[^']+)').*ping/), after(50), reply(`<iq type='result' id='{id}'/>`)),
    ]);
    const answer = follow(run.client.iq('get', ping()));
    expect(answer.told).toEqual([]);
    run.flush(49);
    expect(run.status.kind).toBe('online');
    run.flush(50);
    expect([answer.told, run.kinds]).toEqual([['next', 'complete'], 'offline authenticating binding online offline']);
    run.transport.verify();
    run.check();
  });

  it('a request that alone holds the connection tells what became of that', () => {
    const run = new ClientRun([REFUSED]);
    const answer = follow(run.client.iq('get', ping()));
    run.flush();
    expect([answer.told, answer.error]).toMatchObject([['session-lost'], { cause: { condition: 'not-authorized' } }]);
    run.check();
  });

  it('a request that alone holds the connection: unsubscribed, or too late', () => {
    const run = new ClientRun([[after(Infinity)], [after(Infinity)]]);
    const one = follow(run.client.iq('get', ping()));
    run.flush(10);
    one.unsubscribe();
    run.check();
    const two = follow(run.client.iq('get', ping(), undefined, { timeout: 100 }));
    run.flush(200);
    expect(two.told).toEqual(['timeout']);
    run.check();
  });

  it('a delivery holds until it is settled', () => {
    const run = new ClientRun([manages(hears('a'), after(100), reply(A(1)), after(1e6))]).connect().flush(0);
    const a = run.deliver(hello('a'));
    run.disconnect().flush(50);
    expect([a.told, run.status.kind]).toEqual([['queued', 'written'], 'online']);
    run.flush(100);
    expect([a.told.at(-1), run.status.kind]).toEqual(['complete', 'offline']);
    run.check();
  });

  it('take(1) connects and disconnects', () => {
    const run = new ClientRun([begins(after(1e6))]);
    const seen: unknown[] = [];
    run.client.session$.pipe(take(1)).subscribe((session) => seen.push(session));
    run.flush(0);
    expect([seen.length, run.kinds]).toEqual([1, 'offline authenticating binding offline']);
    run.check();
  });

  it('a late subscriber gets the present session at once, and none that is over', () => {
    const run = new ClientRun([begins(after(10), cut()), begins(after(1e6))]).connect().flush(5);
    const late: unknown[] = [];
    const hold = run.client.session$.subscribe((session) => late.push(session));
    expect([late, run.client.session]).toEqual([[run.session], run.session]);
    hold.unsubscribe();
    run.flush(500);
    const waiting: unknown[] = [];
    run.client.session$.subscribe((session) => waiting.push(session));
    expect([waiting, run.client.session]).toEqual([[], undefined]);
    run.flush(5_000);
    expect(waiting).toEqual([run.session]);
  });

  it('a session comes before any of its stanzas, so switchMap misses nothing (I7)', () => {
    const run = new ClientRun([begins(says('one', 'two'), after(10), cut()), begins(says('three'), after(1e6))]);
    const seen: string[] = [];
    run.client.session$
      .pipe(
        tap(() => seen.push('session')),
        switchMap((session) => session.message$),
      )
      .subscribe((message) => seen.push(message.child('body')!.text()));
    run.flush(5_000);
    expect(seen).toEqual(['session', 'one', 'two', 'session', 'three']);
  });

  it('stanza$ goes on across sessions, resumed or not', () => {
    const run = new ClientRun([
      manages(says('1'), cut()),
      resumes(1, 0, says('2'), cut()),
      [
        authenticates(BIND, SM),
        exchange([RESUME(2), `<failed xmlns='${NS.sm}'/>`]),
        (begins() as Script)[1]!,
        expects(/enable/),
        reply(`<failed xmlns='${NS.sm}'/>`),
        says('3'),
        after(1e6),
      ],
    ]);
    expect(run.connect().flush(3_000).received).toEqual(['1', '2', '3']);
  });
});

describe('status$', () => {
  watchUnhandled();

  it('is replayed, and has one meaning at a time: the whole sequence is a contract', () => {
    const run = new ClientRun([lifetime(), upTo('challenge')], {
      transport: { tls: false },
      options: { credentials: { password: PASSWORD }, reconnect: { backoff: () => 500 } },
    });
    run.connect().flush(0);
    expect(run.statuses).toEqual([
      { kind: 'offline' },
      { kind: 'securing', attempt: 1 },
      { kind: 'authenticating', attempt: 1, mechanism: 'SCRAM-SHA-256' },
      { kind: 'binding', attempt: 1 },
      { kind: 'online', attempt: 1, jid: run.session.jid, resumed: false },
    ]);
    const late: XmppStatus[] = [];
    run.client.status$.subscribe((status) => late.push(status));
    expect(late).toEqual([run.status]);
  });

  it('ends for everybody with what is, also where one who is told brings about the next', () => {
    const run = new ClientRun([begins(after(5), cut())]);
    const waits$ = run.client.status$.pipe(filter(({ kind }) => kind === 'waiting'));
    waits$.pipe(mergeMap(() => run.client.close())).subscribe();
    const later: string[] = [];
    run.client.status$.subscribe(({ kind }) => later.push(kind));
    run.connect().flush(100);
    expect(run.kinds).toBe('offline authenticating binding online waiting offline');
    // What was over before it could be told is left out.
    expect(later.join(' ')).toBe('offline authenticating binding online offline');
    run.check();
  });

  const SEQUENCES: Record<string, { scripts: Script[]; act?: (run: ClientRun) => void; kinds: string; at?: number }> = {
    'an unsubscribe while online': {
      scripts: [begins(after(1e6))],
      act: (run) => run.disconnect(),
      kinds: 'offline authenticating binding online offline',
    },
    'an unsubscribe while connecting': {
      scripts: [[opens(features(mechanisms('EXTERNAL')), { secure: true }), expects(/auth/), after(1e6)]],
      act: (run) => run.disconnect(),
      kinds: 'offline authenticating offline',
    },
    'an unsubscribe while waiting': {
      scripts: [begins(cut())],
      act: (run) => run.flush(10).disconnect(),
      kinds: 'offline authenticating binding online waiting offline',
    },
    'close()': {
      scripts: [begins(expects(/stream/), reply(FOOTER))],
      act: (run) => run.client.close().subscribe(),
      kinds: 'offline authenticating binding online closing offline',
    },
    'close() by whoever gets the session': {
      scripts: [begins(expects(/stream/), reply(FOOTER))],
      kinds: 'offline authenticating binding closing offline',
    },
    'close() while connecting': {
      scripts: [[opens(features(mechanisms('EXTERNAL')), { secure: true }), expects(/auth/), after(1e6)]],
      act: (run) => run.client.close().subscribe(),
      kinds: 'offline authenticating offline',
    },
    'close() while waiting': {
      scripts: [begins(cut())],
      act: (run) => run.flush(10).client.close().subscribe(),
      kinds: 'offline authenticating binding online waiting offline',
    },
    'a fatal error': { scripts: [REFUSED], kinds: 'offline authenticating offline' },
    "conflict, the session is another client's now": {
      scripts: [conflict()],
      kinds: 'offline authenticating binding online offline',
    },
    'a resumption': {
      scripts: [manages(cut()), resumes(0, 0, after(1e6))],
      act: (run) => run.flush(5_000),
      kinds: 'offline authenticating binding online waiting authenticating resuming online',
    },
    'a resumption that is refused': {
      scripts: [
        manages(cut()),
        [
          authenticates(BIND, SM),
          exchange([RESUME(0), `<failed xmlns='${NS.sm}'/>`]),
          (begins() as Script)[1]!,
          expects(/enable/),
          reply(`<failed xmlns='${NS.sm}'/>`),
        ],
      ],
      act: (run) => run.flush(5_000),
      kinds: 'offline authenticating binding online waiting authenticating resuming binding online',
    },
  };

  it.each(Object.entries(SEQUENCES))('%s', (name, { scripts, act, kinds }) => {
    const closes = name === 'close() by whoever gets the session';
    const run = new ClientRun(scripts, { use: (session) => closes && session.close().subscribe() });
    run.connect().flush(0);
    act?.(run);
    run.flush(5_000);
    expect(run.kinds).toBe(kinds);
    if (kinds.endsWith('offline')) run.check();
  });

  it('waiting tells failures, delay, when and why', () => {
    const run = new ClientRun([begins(after(100), cut()), [cut()], begins(after(1e6))], {
      options: { reconnect: { backoff: (failures) => 1_000 * (failures + 1) } },
    });
    run.connect().flush(10_000);
    expect(run.statuses.filter(({ kind }) => kind === 'waiting')).toMatchObject([
      {
        attempt: 1,
        failures: 1,
        delay: 1_000,
        until: 1_100,
        error: { condition: 'connection-reset', phase: 'online' },
      },
      { attempt: 2, failures: 2, delay: 2_000, until: 3_100, error: { condition: 'connection-reset', phase: 'open' } },
    ]);
  });

  it('D5: each stage up to the session is told as itself, and none of them as offline', () => {
    const scripts = [manages(after(10), cut()), resumes(0, 0, after(1e6))];
    const { connect } = scriptedTransport(perConnection(...scripts), { tls: true });
    const run = new ClientRun([], {
      over: {
        name: 'over TCP',
        connect: (context) =>
          defer(() => {
            context.trace({ type: 'resolving', domain: context.domain });
            context.trace({ type: 'connecting', target: { host: 'a', port: 5222, security: 'starttls' } });
            context.trace({ type: 'securing' });
            return connect(context);
          }),
      },
    });
    run.connect().flush(5_000);
    const stages = 'connecting connecting securing authenticating';
    expect(run.kinds).toBe(`offline ${stages} binding online waiting ${stages} resuming online`);
  });

  it('D5: online means usable, nothing less: a slow veto is no session', () => {
    const answer$ = new Subject<boolean>();
    const run = new ClientRun([begins(after(10), cut()), begins(after(1e6))], {
      options: { reconnect: { backoff: () => 0, veto: () => answer$ } },
    });
    run.connect().flush(20);
    expect([run.status, run.client.session]).toMatchObject([{ kind: 'waiting', until: Infinity }, undefined]);
    answer$.next(true);
    run.flush(30);
    expect(run.status.kind).toBe('online');
  });

  it('without a network: waiting, without a time', () => {
    const online$ = new BehaviorSubject(false);
    const run = new ClientRun([begins(after(1e6))], { options: { online$ } }).connect().flush(60_000);
    expect([run.transport.connections, run.status]).toMatchObject([
      0,
      { kind: 'waiting', failures: 0, until: Infinity, error: { condition: 'network-unreachable' } },
    ]);
    online$.next(true);
    run.flush(60_000);
    expect(run.status.kind).toBe('online');
    run.disconnect();
    expect(online$.observed).toBe(false);
  });

  it('retryNow() ends the wait', () => {
    const run = new ClientRun([begins(cut()), begins(after(1e6))], { options: { reconnect: { backoff: () => 1e5 } } });
    run.connect().flush(10);
    run.client.retryNow();
    run.flush(10);
    expect(run.status.kind).toBe('online');
  });

  it('retryNow() makes room where an attempt is stuck (XF#935)', () => {
    const run = new ClientRun([[after(Infinity)], begins(after(1e6))]).connect().flush(5_000);
    run.client.retryNow();
    run.flush(5_000);
    expect([run.status.kind, run.ends]).toEqual(['online', '1 cancelled']);
  });
});

describe('how it ends', () => {
  const { take: taken } = watchUnhandled();

  it('a fatal error: session$ errors, stanza$ completes, and a new subscription begins anew', () => {
    const run = new ClientRun([conflict(), begins(after(1e6))]);
    const stanza = follow(run.client.stanza$);
    run.connect().flush(5_000);
    expect([run.end, stanza.told.at(-1)]).toEqual(['stream conflict (online) remote', 'complete']);
    expect(run.status).toMatchObject({ kind: 'offline', error: { condition: 'conflict' } });
    run.check();
    run.connect().flush(5_000);
    expect([run.status.kind, run.end]).toEqual(['online', undefined]);
  });

  it.each([
    ['a usage error', { jid: undefined }, 'usage no-jid (undefined)'],
    ['a bad JID', { jid: '@' }, 'jid jid-malformed (undefined)'],
    ['no credentials', { credentials: {} }, 'usage no-credentials (undefined)'],
  ] as const)('%s, before anything is dialled', (_name, options, tag) => {
    const run = new ClientRun([], { options: options as Partial<XmppClientOptions> });
    let error: unknown;
    run.client.session$.subscribe({ error: (reason: unknown) => (error = reason) });
    expect(tagOf(error)).toBe(tag);
    expect([run.transport.connections, run.kinds]).toEqual([0, 'offline offline']);
  });

  it('reconnect: false is an attempt, and no more', () => {
    const run = new ClientRun([begins(cut())], { options: { reconnect: false } }).connect().flush();
    expect([run.end, run.kinds]).toEqual([
      'transport connection-reset (online)',
      'offline authenticating binding online offline',
    ]);
    run.check();
  });

  it('D18: close() completes session$, and does not come back; what the server ended is come back from', () => {
    const run = new ClientRun([begins(reply(FOOTER), end()), begins(expects(/stream/), reply(FOOTER))]);
    run.connect().flush(5_000);
    expect([run.status.kind, run.transport.connections]).toEqual(['online', 2]);
    const closed = follow(run.client.close());
    run.flush(50_000);
    expect([closed.told, run.end, run.transport.connections]).toEqual([['complete'], 'complete', 2]);
    run.check();
  });

  it('close() is cold, and nothing where nothing is held', () => {
    const run = new ClientRun([begins(after(1e6))]);
    expect(follow(run.client.close()).told).toEqual(['complete']);
    run.connect().flush(0);
    run.client.close();
    run.flush(10);
    expect(run.status.kind).toBe('online');
  });

  it.each([
    ['while connecting', [[after(Infinity)]], 5],
    ['while waiting', [begins(cut())], 100],
    ['while there is no network', [], 5],
  ] as const)('close() %s ends it at once: released first, then told', (name, scripts, at) => {
    const online$ = new BehaviorSubject(name !== 'while there is no network');
    const run = new ClientRun(scripts as unknown as Script[], { options: { online$ } });
    const openAtEnd: unknown[] = [];
    run.client.session$.subscribe({ complete: () => openAtEnd.push(run.transport.open, run.scheduler.actions.length) });
    run.flush(at);
    const closed = follow(run.client.close());
    expect([closed.told, openAtEnd, run.status]).toEqual([['complete'], [0, 0], { kind: 'offline' }]);
    run.check();
  });

  it('whoever begins anew at the end is not told that it is offline afterwards', () => {
    const run = new ClientRun([begins(expects(/stream/), reply(FOOTER)), begins(after(1e6))]);
    run.client.session$.subscribe({ complete: () => run.connect() });
    run.flush(0);
    run.client.close().subscribe();
    run.flush(100);
    expect(run.kinds).toBe('offline authenticating binding online closing offline authenticating binding online');
    run.client.send(hello('x'));
  });

  it('subscribers that throw harm nobody (I10)', () => {
    const unhandled: unknown[] = [];
    const run = new ClientRun([begins(says('1', '2'), after(10), cut()), begins(says('3'), after(1e6))]);
    const bad = () => {
      throw new Error('mine');
    };
    run.client.session$.subscribe(bad);
    run.client.stanza$.subscribe(bad);
    run.client.status$.subscribe(bad);
    run.client.trace$.subscribe(bad);
    run.client.bytes$.subscribe(bad);
    run.connect().flush(5_000);
    expect([run.received, run.status.kind]).toEqual([['1', '2', '3'], 'online']);
    run.disconnect();
    const reported = taken();
    expect(new Set(reported.map(String))).toEqual(new Set(['Error: mine']));
    expect(unhandled).toEqual([]);
  });
});

describe('options as an observable', () => {
  watchUnhandled();

  const REPLACED = { lang: undefined };
  /** A client that is given options by hand. */
  function dynamic(scripts: readonly Script[], init: ConstructorParameters<typeof ClientRun>[1] = {}) {
    const options$ = new Subject<Partial<XmppClientOptions> | null>();
    const run = new ClientRun(scripts, {
      ...init,
      options$: (options) => options$.pipe(map((change) => change && { ...options, ...change })),
    });
    return { run: run.connect(), options$ };
  }

  it('nothing happens before the first value', () => {
    const { run } = dynamic([]);
    expect([run.flush().transport.connections, run.kinds, run.end]).toEqual([0, 'offline', undefined]);
  });

  it('null logs out, the next value in', () => {
    const { run, options$ } = dynamic([begins(after(1e6)), begins(after(1e6))]);
    options$.next({});
    run.flush(0);
    options$.next(null);
    expect([run.status.kind, run.transport.open, run.end]).toEqual(['offline', 0, undefined]);
    expect(run.transport.sent.endsWith(FOOTER)).toBe(true);
    options$.next({});
    run.flush(0);
    expect([run.status.kind, run.ends]).toEqual(['online', '1 cancelled']);
  });

  it('null while waiting ends the wait', () => {
    const { run, options$ } = dynamic([begins(cut())]);
    options$.next({});
    run.flush(100);
    expect(run.status.kind).toBe('waiting');
    options$.next(null);
    expect(run.status.kind).toBe('offline');
    expect(run.scheduler.actions).toHaveLength(0);
  });

  const phases = [...turns().map(({ name }) => name), 'online', 'waiting', 'closing'];
  it.each(phases)('a value replaces what is there, at %s, before it dials (XF#946)', (phase) => {
    const first =
      phase === 'waiting'
        ? [lifetime(), cut()]
        : phase === 'online'
          ? [lifetime(), mute()]
          : phase === 'closing'
            ? [lifetime(), mute()]
            : phase === 'handshake'
              ? [upTo(phase), startTls({ ms: Infinity })]
              : [upTo(phase), mute()];
    const { run, options$ } = dynamic([first, lifetime()], {
      transport: { tls: false },
      options: { credentials: { password: PASSWORD } },
    });
    options$.next(REPLACED);
    run.flush(10);
    if (phase === 'closing') run.client.close().subscribe();
    const openAtDial: number[] = [];
    run.client.trace$.subscribe((event: TraceEvent) => {
      if (event.type === 'opening' && event.attempt === 2) openAtDial.push(run.transport.open);
    });
    options$.next(REPLACED);
    run.flush(20);
    expect([run.status.kind, run.session.resumed]).toEqual(['online', false]);
    expect(openAtDial[0]).toBe(1);
    const { ends } = run;
    expect(ends).toBe(phase === 'waiting' ? '1 failed' : '1 cancelled');
    // I1: nothing of attempt 1 after attempt 2 began.
    const attempts = run.trace.map(({ attempt }) => attempt);
    expect(attempts).toEqual([...attempts].sort());
    run.disconnect().check();
  });

  it('a fatal error is told by the status; the subscribers stay, and the next options work', () => {
    const { run, options$ } = dynamic([REFUSED, begins(says('hello'), after(1e6))]);
    options$.next({});
    run.flush(1_000);
    expect([run.end, run.status]).toMatchObject([
      undefined,
      { kind: 'offline', error: { condition: 'not-authorized' } },
    ]);
    options$.next({ credentials: { external: true } });
    run.flush(1_000);
    expect([run.status.kind, run.received, run.end]).toEqual(['online', ['hello'], undefined]);
  });

  it('bad options are a fatal error too', () => {
    const { run, options$ } = dynamic([begins(after(1e6))]);
    options$.next({ jid: undefined });
    expect(run.status).toMatchObject({ kind: 'offline', error: { condition: 'no-jid' } });
    options$.next({});
    run.flush(0);
    expect(run.status.kind).toBe('online');
  });

  it('close() ends the session; the next options begin another', () => {
    const { run, options$ } = dynamic([begins(expects(/stream/), reply(FOOTER)), begins(after(1e6))]);
    options$.next({});
    run.flush(0);
    run.client.close().subscribe();
    run.flush(100);
    expect([run.status.kind, run.end]).toEqual(['offline', undefined]);
    options$.next({});
    run.flush(200);
    expect(run.status.kind).toBe('online');
  });

  it('their end lets the present ones work on; then the end is theirs', () => {
    const { run, options$ } = dynamic([begins(after(10), cut()), REFUSED]);
    options$.next({});
    options$.complete();
    run.flush(5_000);
    expect(run.end).toBe('sasl not-authorized (sasl)');
    run.check();
  });

  it('their error ends everything', () => {
    const { run, options$ } = dynamic([begins(after(1e6))]);
    options$.next({});
    run.flush(0);
    options$.error(new StreamError({ condition: 'x' }));
    expect([run.end, run.status.kind]).toEqual(['stream x (undefined) local', 'offline']);
    run.check();
  });

  it('their error is nothing that connect() could take', () => {
    const options$ = throwError(() => new StreamError({ condition: 'x' }));
    const hold = new ClientRun([], { options$: () => options$ }).client.connect();
    expect(hold.closed).toBe(true);
  });

  it('null, and then their end, is no error', () => {
    const { run, options$ } = dynamic([begins(after(1e6))]);
    options$.next({});
    run.flush(0);
    options$.next(null);
    options$.complete();
    expect([run.end, run.kinds]).toEqual(['complete', 'offline authenticating binding online offline']);
    run.check();
  });

  it('are subscribed to once, while somebody holds', () => {
    let subscriptions = 0;
    const options$ = (options: XmppClientOptions) =>
      of(options).pipe(
        map((value) => {
          subscriptions++;
          return value;
        }),
      );
    const run = new ClientRun([begins(after(1e6)), begins(after(1e6))], { options$ });
    run.connect().connect().flush(0);
    expect(subscriptions).toBe(1);
    run.disconnect().connect().flush(0);
    expect(subscriptions).toBe(2);
  });

  it('an attempt that fails at once, again and again, does not run away', () => {
    const failing = {
      name: 'failing',
      connect: () => throwError(() => new TransportError({ condition: 'dns-failure' })),
    };
    const run = new ClientRun([], { over: failing }).connect().flush(10_500);
    expect(run.trace.filter(({ type }) => type === 'failed')).toHaveLength(11);
    run.disconnect().check();
  });
});

describe('trace$', () => {
  watchUnhandled();

  it('each attempt has a number, a time, and exactly one terminal event, its last (I1); then comes silence (I2)', () => {
    const run = new ClientRun([manages(after(5), cut()), [cut()], resumes(0, 0, after(5), cut()), [after(Infinity)]]);
    run.connect().flush(4_000);
    run.disconnect();
    const count = run.trace.length;
    run.flush();
    expect(run.trace).toHaveLength(count);
    const terminal = new Set(['closed', 'failed', 'cancelled']);
    for (const attempt of [1, 2, 3, 4]) {
      const events = run.trace.filter((event) => event.attempt === attempt);
      expect(events.map(({ type }) => terminal.has(type))).toEqual(
        events.map((_, index) => index === events.length - 1),
      );
    }
    expect(run.ends).toBe('1 failed, 2 failed, 3 failed, 4 cancelled');
    const times = run.trace.map(({ time }) => time);
    expect(times).toEqual([...times].sort((a, b) => a - b));
  });

  it('an option `trace` is told the same', () => {
    const told: TraceEvent[] = [];
    const run = new ClientRun([begins(after(5), cut()), begins()], { options: { trace: (event) => told.push(event) } });
    run.connect().flush(5_000).disconnect();
    expect(told).toEqual(run.trace);
  });
});

describe('bytes$', () => {
  watchUnhandled();

  it('counts over all sessions, and never backwards', () => {
    const run = new ClientRun([begins(says('1'), after(10), cut()), begins(says('2'), after(1e6))]);
    const seen: number[] = [];
    let last = { received: 0, sent: 0 };
    run.client.bytes$.subscribe((bytes) => {
      seen.push(bytes.received + bytes.sent);
      last = bytes;
    });
    run.connect().flush(5_000);
    const total = (direction: string) =>
      run.transport.log
        .filter((entry) => entry.direction === direction)
        .reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);
    expect(last).toEqual({ received: total('in'), sent: total('out') });
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    run.disconnect();
    // The footer went out with the last unsubscribe.
    expect([last.received, last.sent >= total('out') - FOOTER.length]).toEqual([total('in'), true]);
  });

  it.each([
    ['unsubscribed', (run: ClientRun) => run.disconnect()],
    ['closed', (run: ClientRun) => run.client.close().subscribe()],
  ])('keeps those of a session that was %s', (_name, ends) => {
    const run = new ClientRun([begins(expects(/stream/), reply(FOOTER)), begins(after(1e6))]);
    const seen: number[] = [];
    run.client.bytes$.subscribe(({ received, sent }) => seen.push(received + sent));
    run.connect().flush(0);
    ends(run);
    run.flush(10);
    expect(run.status.kind).toBe('offline');
    const before = seen.at(-1)!;
    run.connect().flush(20);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(seen.at(-1)).toBeGreaterThan(before * 1.5);
  });

  it('of a session are those of its own connection, from the beginning, also of one that was resumed', () => {
    const run = new ClientRun([manages(says('1'), after(10), cut()), resumes(1, 0, says('2'), after(1e6))]);
    const seen: (readonly [number, number, number])[] = [];
    const bytes$ = run.client.session$.pipe(
      mergeMap((session) => {
        const own = run.sessions.length;
        return session.bytes$.pipe(map(({ received, sent }) => [own, received, sent] as const));
      }),
    );
    bytes$.subscribe((told) => seen.push(told));
    run.connect().flush(5_000);
    // The second begins a second after the first was cut.
    const total = (connection: number, direction: string) =>
      run.transport.log
        .filter((entry) => entry.time < 1_000 === (connection === 1) && entry.direction === direction)
        .reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);
    expect(run.sessions).toHaveLength(2);
    for (const number of [1, 2]) {
      const { received, sent } = run.sessions[number - 1]!.bytes;
      expect([received, sent]).toEqual([total(number, 'in'), total(number, 'out')]);
      expect(seen.filter(([own]) => own === number - 1).at(-1)).toEqual([number - 1, received, sent]);
    }
  });
});

describe('500 cycles (XF#309, CAS#678)', () => {
  watchUnhandled();

  it('of connect and disconnect leave nothing, and each message comes once', () => {
    const online$ = new BehaviorSubject(true);
    const wake$ = new Subject<void>();
    const run = new ClientRun(
      Array.from({ length: 500 }, () => manages(says('m'), after(1e6))),
      { options: { online$, wake$, keepAlive: {} } },
    );
    for (let cycle = 1; cycle <= 500; cycle++) {
      run.connect().flush(cycle * 10);
      expect(run.received).toHaveLength(cycle);
      run.disconnect();
      if (run.scheduler.actions.length + run.transport.open > 0 || online$.observed || wake$.observed) run.check();
    }
    expect([run.transport.connections, run.transport.open, online$.observed, wake$.observed]).toEqual([
      500,
      0,
      false,
      false,
    ]);
    run.check();
  });

  it('of loss and resumption hold no more than one does, and each message comes once', () => {
    const online$ = new BehaviorSubject(true);
    const scripts = Array.from({ length: 500 }, (_, index) =>
      index === 0 ? manages(says('m'), cut()) : resumes(index, 0, says('m'), cut()),
    );
    const run = new ClientRun([...scripts, resumes(500, 0, after(1e6))], {
      options: { online$, reconnect: { backoff: () => 10 } },
    });
    const timers: number[] = [];
    run.client.status$.subscribe(({ kind }) => kind === 'waiting' && timers.push(run.scheduler.actions.length));
    run.connect().flush(100_000);
    expect([run.received.length, run.status.kind, run.transport.open]).toEqual([500, 'online', 1]);
    expect(new Set(timers).size).toBe(1);
    expect((online$ as unknown as { observers: unknown[] }).observers).toHaveLength(1);
    run.disconnect().check();
  });
});

describe('handle()', () => {
  watchUnhandled();

  it('serves all sessions of the client, until unsubscribed', () => {
    const asks = (id: string, answer: string): Script => [
      reply(`<iq type='get' id='${id}' from='bob@example.org/x'><q xmlns='urn:q'/></iq>`),
      expects(answer),
    ];
    const ok = (id: string) => `<iq type='result' id='${id}' to='bob@example.org/x'><q xmlns='urn:q'>yes</q></iq>`;
    const no = `<iq type='error' id='3' to='bob@example.org/x'><error type='cancel'><service-unavailable xmlns='${NS.stanzas}'/></error></iq>`;
    const run = new ClientRun([
      begins(asks('1', ok('1')), cut()),
      begins(asks('2', ok('2')), after(10), asks('3', no), after(1e6)),
    ]);
    const handling = run.client.handle('get', 'urn:q', () => of(xml('q', { xmlns: 'urn:q' }, 'yes')));
    run.connect().flush(1_005);
    handling.unsubscribe();
    run.flush(5_000);
    run.transport.verify();
    expect(run.status.kind).toBe('online');
  });
});
