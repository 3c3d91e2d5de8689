import {
  BehaviorSubject,
  defer,
  EMPTY,
  mergeMap,
  NEVER,
  Observable,
  of,
  startWith,
  Subject,
  throwError,
  timer,
  VirtualTimeScheduler,
} from 'rxjs';
import { marbles } from 'rxjs-marbles/jest';
import { backoff } from '../../lib/client/backoff.js';
import { isRetryable } from '../../lib/client/is-retryable.js';
import { reconnect, type ReconnectConfig, type Waiting } from '../../lib/client/reconnect.js';
import {
  JidError,
  SaslError,
  StanzaError,
  StreamError,
  TlsError,
  TransportError,
  UsageError,
  XmlError,
  XmppError,
  XmppTimeoutError,
  type Phase,
} from '../../lib/errors/index.js';
import { seededRandom } from '../../lib/testing/seeded-random.js';
import { SeededScheduler } from '../../lib/testing/seeded-scheduler.js';
import { watchUnhandled } from '../support/wire-run.js';

const LOST = new TransportError({ condition: 'connection-reset', phase: 'online' });
const FATAL = new SaslError({ condition: 'not-authorized' });

interface Case {
  /** Each attempt in turn, from its own beginning; the last one again and again. */
  readonly attempts: readonly string[];
  /** When each attempt was held. */
  readonly subs: readonly string[];
  readonly result: string;
  readonly config?: ReconnectConfig;
  readonly unsub?: string;
  readonly online?: string;
  readonly now?: string;
  readonly error?: unknown;
}

/** `#` is a loss, `X` a fatal error, `F` and `T` no network and one. The delay after the first failure is 3, then 5, then 7. */
const CASES: Record<string, Case> = {
  'one attempt that lasts': { attempts: ['--s-------'], subs: ['^---------'], result: '--s-------' },
  silence: { attempts: ['----------'], subs: ['^---------'], result: '----------' },
  'a close': { attempts: ['--s--|'], subs: ['^----!'], result: '--s--|' },
  'a close before any session': { attempts: ['--|'], subs: ['^-!'], result: '--|' },
  'a loss, and the wait for the next attempt': {
    attempts: ['--s--#', '-s-------'],
    subs: ['^----!', '--------^-------'],
    result: '--s------s------',
  },
  'growing delays': {
    attempts: ['-#', '-#', '-#', '-s-----'],
    subs: ['^!', '----^!', '----------^!', '------------------^----'],
    result: '-------------------s---',
  },
  'a loss at once': { attempts: ['#', 's--'], subs: ['(^!)', '---^--'], result: '---s--' },
  'a close after a loss': { attempts: ['-#', '-s-|'], subs: ['^!', '----^--!'], result: '-----s-|' },
  'a fatal error': { attempts: ['--s--X'], subs: ['^----!'], result: '--s--#', error: FATAL },
  'a fatal error after a loss': { attempts: ['-#', '-X'], subs: ['^!', '----^!'], result: '-----#', error: FATAL },
  'an unsubscribe during an attempt': {
    attempts: ['--s---'],
    subs: ['^---!'],
    result: '--s--',
    unsub: '^---!',
  },
  'an unsubscribe during a wait': { attempts: ['-#'], subs: ['^!'], result: '---', unsub: '^--!' },
  'failures count while no session is stable': {
    config: { stableAfter: 6 },
    attempts: ['s----#', 's----#', '--'],
    subs: ['^----!', '--------^----!', '------------------^-'],
    result: 's-------s-----------',
  },
  'a stable session lets them be forgotten': {
    config: { stableAfter: 6 },
    attempts: ['-#', 's-----#', '--'],
    subs: ['^!', '----^-----!', '-------------^-'],
    result: '----s----------',
  },
  'time before the session does not make it stable': {
    config: { stableAfter: 6 },
    attempts: ['-#', '------s-#', '--'],
    subs: ['^!', '----^-------!', '-----------------^-'],
    result: '----------s--------',
  },
  'now$ ends the wait': {
    attempts: ['-#', '-s---'],
    subs: ['^!', '--^----'],
    result: '---s---',
    now: '--n',
  },
  'now$ makes room for a new attempt where one is stuck (XF#935)': {
    attempts: ['---------', '-s---'],
    subs: ['^---!', '----^----'],
    result: '-----s---',
    now: '----n',
  },
  'now$ leaves a session alone': {
    attempts: ['-s--------'],
    subs: ['^---------'],
    result: '-s--------',
    now: '---n-n',
  },
  'no network from the beginning: nothing is dialled until there is one': {
    attempts: ['-s---'],
    subs: ['-----^---'],
    result: '------s--',
    online: 'F----T',
  },
  'no network: nothing is dialled though the wait is over; back: at once': {
    attempts: ['-#', '-s---'],
    subs: ['^!', '----------^---'],
    result: '-----------s--',
    online: '--F-------T',
  },
  'back before the wait is over: at once': {
    attempts: ['-#', '-#', '-s---'],
    subs: ['^!', '----^!', '-------^---'],
    result: '--------s--',
    online: '-----F-T',
  },
  'the network went while the session seemed to live': {
    attempts: ['-s--#', '-s---'],
    subs: ['^---!', '------------^---'],
    result: '-s-----------s--',
    online: '--F---------T',
  },
  'the network goes during an attempt: it is given up, and made anew': {
    attempts: ['---------', '-s---'],
    subs: ['^--!', '------^----'],
    result: '-------s---',
    online: '---F--T',
  },
  'the network goes and comes during a session: it stays': {
    attempts: ['-s--------'],
    subs: ['^---------'],
    result: '-s--------',
    online: '---F-T----',
  },
  'now$ dials without a network': {
    attempts: ['-#', '-s---'],
    subs: ['^!', '--------^---'],
    result: '---------s--',
    online: '--F',
    now: '--------n',
  },
  'now$ dials without a network, also before the wait would be over': {
    attempts: ['-#', '-s---'],
    subs: ['^!', '---^---'],
    result: '----s--',
    online: '--F',
    now: '---n',
  },
  'saying it twice changes nothing': {
    attempts: ['--s-----'],
    subs: ['^-------'],
    result: '--s-----',
    online: 'TTTT',
  },
  'online$ that ends or fails is as none': {
    attempts: ['-#', '-s---'],
    subs: ['^!', '----^---'],
    result: '-----s--',
    online: '#',
  },
  'a veto of none': {
    config: { veto: () => of(true) },
    attempts: ['-#', '-s---'],
    subs: ['^!', '----^---'],
    result: '-----s--',
  },
  'a veto': { config: { veto: () => of(false) }, attempts: ['-s--#'], subs: ['^---!'], result: '-s--#' },
  'now$ does not overrule a veto that is not told yet': {
    config: { veto: () => NEVER },
    attempts: ['-#'],
    subs: ['^!'],
    result: '------',
    now: '---n',
  },
  'nor does the network, back again': {
    config: { veto: () => NEVER },
    attempts: ['-#'],
    subs: ['^!'],
    result: '--------',
    online: '--F--T',
  },
  'a delay of Infinity is for now$ alone': {
    config: { backoff: () => Infinity },
    attempts: ['-#', '-s---'],
    subs: ['^!', '--------^---'],
    result: '---------s--',
    now: '--------n',
  },
};

/** What is hot tells its first frame too late to be asked at the beginning. */
const network = (online$: Observable<boolean>, marbles: string) =>
  marbles.startsWith('F') ? online$.pipe(startWith(false)) : online$;

describe('reconnect', () => {
  watchUnhandled();

  it.each(Object.entries(CASES))('%s', (_name, { attempts, subs, result, config, unsub, online, now, error = LOST }) =>
    marbles((m) => {
      const sources = attempts.map((attempt) =>
        m.cold(attempt.replace('X', '#'), undefined, attempt.includes('X') ? FATAL : LOST),
      );
      let index = 0;
      const source$ = defer(() => sources[Math.min(index++, sources.length - 1)]!);
      const reconnected$ = source$.pipe(
        reconnect({
          backoff: (failures) => [3, 5, 7][failures] ?? 9,
          online$:
            online === undefined
              ? undefined
              : network(m.hot(online, { F: false, T: true }, new Error('no navigator')), online),
          now$: now === undefined ? undefined : m.hot(now),
          scheduler: m.scheduler,
          ...config,
        }),
      );
      const end = unsub ?? `^${'-'.repeat(Math.max(result.replace(/[()]/g, '').length, 1) - 1)}!`;
      const ended = /[|#]/.test(result);
      m.expect(reconnected$, ended ? undefined : end).toBeObservable(result, undefined, error);
      subs.forEach((sub, at) => {
        const length = end.length - 1;
        m.expect(sources[at]!).toHaveSubscriptions(
          sub.includes('!') ? sub : `${sub.slice(0, length).padEnd(length, '-')}!`,
        );
      });
      m.flush();
      expect(index).toBe(subs.length);
      expect(m.scheduler.actions).toHaveLength(0);
    })(),
  );

  describe('each subscription has failures of its own', () => {
    it('by marbles', () =>
      marbles((m) => {
        const source$ = m.cold('-#', undefined, LOST);
        const config = { backoff: (failures: number) => [3, 5][failures] ?? 9, scheduler: m.scheduler };
        const reconnected$ = source$.pipe(reconnect(config));
        m.expect(reconnected$, '^------!').toBeObservable('-------');
        m.expect(reconnected$, '--------^------!').toBeObservable('-------');
        m.expect(source$).toHaveSubscriptions(['^!', '----^!', '--------^!', '------------^!']);
      })());
  });

  it('dials only once everything of the last attempt is released, even without a delay', () => {
    const scheduler = new VirtualTimeScheduler();
    let held = 0;
    let attempts = 0;
    const source$ = new Observable<never>((subscriber) => {
      held++;
      attempts++;
      expect(held).toBe(1);
      if (attempts < 20) subscriber.add(scheduler.schedule(() => subscriber.error(LOST), attempts % 2));
      return () => held--;
    });
    const now$ = new Subject<void>();
    const subscription = source$
      .pipe(reconnect({ backoff: () => 0, now$, scheduler, onWaiting: () => attempts % 3 === 0 && now$.next() }))
      .subscribe();
    scheduler.flush();
    expect([attempts, held]).toEqual([20, 1]);
    subscription.unsubscribe();
    expect([held, scheduler.actions.length]).toEqual([0, 0]);
  });

  describe('waiting', () => {
    /** All that is told of the waits of a source that fails, until `until`. */
    function waits(config: ReconnectConfig & { readonly attempt?: () => Observable<unknown> }, until: number) {
      const scheduler = new VirtualTimeScheduler(undefined, until);
      const told: (Waiting & { at: number })[] = [];
      let end: unknown;
      const attempt$ = defer(
        config.attempt ?? (() => timer(10, scheduler).pipe(mergeMap(() => throwError(() => LOST)))),
      );
      const onWaiting = (waiting: Waiting) => void told.push({ ...waiting, at: scheduler.now() });
      attempt$
        .pipe(reconnect({ backoff: (failures) => 1_000 * 2 ** failures, scheduler, onWaiting, ...config }))
        .subscribe({ error: (error: unknown) => (end = error), complete: () => (end = 'complete') });
      scheduler.flush();
      return { told, end };
    }

    it('tells failures, delay, when, and why', () => {
      const { told } = waits({}, 4_000);
      expect(told).toEqual([
        { at: 10, failures: 1, delay: 1_000, until: 1_010, error: LOST },
        { at: 1_020, failures: 2, delay: 2_000, until: 3_020, error: LOST },
        { at: 3_030, failures: 3, delay: 4_000, until: 7_030, error: LOST },
      ]);
    });

    it('without a network there is no time to tell', () => {
      const online$ = new BehaviorSubject(false);
      const { told } = waits({ online$ }, 4_000);
      expect(told).toMatchObject([
        {
          at: 0,
          failures: 0,
          delay: Infinity,
          until: Infinity,
          error: { condition: 'network-unreachable', phase: 'connect' },
        },
      ]);
    });

    it('the network goes during a wait, and comes back', () => {
      const scheduler = new VirtualTimeScheduler();
      const online$ = new Subject<boolean>();
      const told: unknown[] = [];
      const onWaiting = ({ until }: Waiting) => void told.push([scheduler.now(), until]);
      defer(() => timer(10, scheduler).pipe(mergeMap(() => throwError(() => LOST))))
        .pipe(reconnect({ backoff: () => 1_000, online$, scheduler, onWaiting }))
        .subscribe();
      scheduler.schedule(() => online$.next(false), 500);
      scheduler.schedule(() => online$.next(true), 5_000);
      scheduler.maxFrames = 5_100;
      scheduler.flush();
      expect(told).toEqual([
        [10, 1_010],
        [500, Infinity],
        [5_010, 6_010],
      ]);
    });

    it('the network goes again during the attempt that its return began', () => {
      const scheduler = new VirtualTimeScheduler();
      const online$ = new Subject<boolean>();
      const told: number[] = [];
      const waiting = NEVER.pipe(
        reconnect({ online$, scheduler, onWaiting: () => told.push(scheduler.now()) }),
      ).subscribe();
      for (const [online, at] of [
        [false, 10],
        [true, 20],
        [false, 30],
      ] as const)
        scheduler.schedule(() => online$.next(online), at);
      scheduler.flush();
      expect(told).toEqual([10, 30]);
      waiting.unsubscribe();
    });

    it('a delay of Infinity is told once, though the network goes as well', () => {
      const scheduler = new VirtualTimeScheduler();
      const online$ = new Subject<boolean>();
      const told: number[] = [];
      const waiting = throwError(() => LOST)
        .pipe(
          reconnect({ backoff: () => Infinity, online$, scheduler, onWaiting: ({ until }) => void told.push(until) }),
        )
        .subscribe();
      online$.next(false);
      expect(told).toEqual([Infinity]);
      waiting.unsubscribe();
    });

    it('online$ that changes its mind at once: the last counts, and there is one attempt', () => {
      const told: number[] = [];
      let attempts = 0;
      const attempt$ = defer(() => (attempts++, NEVER));
      const onWaiting = ({ until }: Waiting) => void told.push(until);
      attempt$
        .pipe(reconnect({ online$: of(false, true), onWaiting }))
        .subscribe()
        .unsubscribe();
      expect([attempts, told]).toEqual([1, []]);
    });

    it('a veto that takes its time', () => {
      const scheduler = new VirtualTimeScheduler();
      const veto = () => timer(300, scheduler).pipe(mergeMap(() => of(true)));
      const told: unknown[] = [];
      timer(10, scheduler)
        .pipe(
          mergeMap(() => throwError(() => LOST)),
          reconnect({
            backoff: () => 1_000,
            veto,
            scheduler,
            onWaiting: ({ until }) => told.push([scheduler.now(), until]),
          }),
        )
        .subscribe();
      scheduler.maxFrames = 400;
      scheduler.flush();
      expect(told).toEqual([
        [10, Infinity],
        [310, 1_310],
      ]);
    });

    it('the veto is asked with the error and the failures, and not about fatal errors', () => {
      const asked: unknown[] = [];
      const veto = (error: XmppError, failures: number) => {
        asked.push([error.condition, failures]);
        return of(failures < 3);
      };
      expect(waits({ veto }, Infinity).end).toBe(LOST);
      expect(asked).toEqual([1, 2, 3].map((failures) => ['connection-reset', failures]));
      expect(waits({ veto, attempt: () => throwError(() => FATAL) }, Infinity).end).toBe(FATAL);
      expect(asked).toHaveLength(3);
    });

    it.each([
      [
        'throws',
        () => {
          throw new Error('no');
        },
        { condition: 'veto-failed', cause: { message: 'no' } },
      ],
      ['errors', () => throwError(() => new Error('no')), { condition: 'veto-failed', cause: { message: 'no' } }],
      ['says no', () => of(false, true), { condition: 'connection-reset' }],
    ])('a veto that %s gives up, with a typed error', (_name, veto, error) => {
      const { end, told } = waits({ veto }, Infinity);
      expect(end).toBeInstanceOf(XmppError);
      expect(end).toMatchObject(error);
      expect(told).toEqual([]);
    });

    it.each([
      ['says nothing', () => EMPTY],
      ['says yes', () => of(true, false)],
      ['says yes by an iterable', () => [true]],
    ])('a veto that %s lets it go on', (_name, veto) => {
      expect(waits({ veto }, 2_000)).toMatchObject({ end: undefined, told: [{ until: 1_010 }, { until: 3_020 }] });
    });

    it('a veto that never answers holds on, until unsubscribed', () => {
      expect(waits({ veto: () => NEVER }, Infinity)).toMatchObject({ end: undefined, told: [{ until: Infinity }] });
    });
  });

  it('a backoff that throws gives up, with a typed error, and whoever told of the loss gets none of it', () => {
    const cause = new Error('no');
    const scheduler = new VirtualTimeScheduler();
    const source$ = new Subject();
    let end: unknown;
    const backoff = () => {
      throw cause;
    };
    source$.pipe(reconnect({ scheduler, backoff })).subscribe({ error: (error: unknown) => (end = error) });
    source$.error(LOST);
    expect(end).toMatchObject({ name: 'UsageError', condition: 'backoff-failed', cause });
    expect(scheduler.actions).toEqual([]);
  });

  it.each([NaN, -1, undefined as never])('a backoff of %s is none', (delay) => {
    const scheduler = new VirtualTimeScheduler();
    const source$ = new Subject<never>();
    let end: unknown;
    source$
      .pipe(reconnect({ scheduler, backoff: () => delay }))
      .subscribe({ error: (error: unknown) => (end = error) });
    source$.error(LOST);
    expect(end).toMatchObject({ name: 'UsageError', condition: 'backoff-failed' });
    expect((end as UsageError).cause).toBe(delay);
    expect(scheduler.actions).toEqual([]);
  });

  it.each([2 ** 31, Infinity])('a backoff of %d is longer than a timer: nothing begins but by request', (delay) => {
    const scheduler = new VirtualTimeScheduler();
    const [now$, waits] = [new Subject<void>(), [] as number[]];
    let attempts = 0;
    const source$ = defer(() => (attempts++, throwError(() => LOST)));
    const onWaiting = ({ delay: told }: Waiting) => waits.push(told);
    const subscription = source$.pipe(reconnect({ scheduler, backoff: () => delay, now$, onWaiting })).subscribe();
    scheduler.flush();
    expect([attempts, waits, scheduler.actions]).toEqual([1, [delay], []]);
    now$.next();
    expect(attempts).toBe(2);
    subscription.unsubscribe();
  });

  it('what is no XmppError passes: nobody knows what it is', () => {
    const bug = new TypeError('x is not a function');
    let error: unknown;
    throwError(() => bug)
      .pipe(reconnect())
      .subscribe({ error: (reason: unknown) => (error = reason) });
    expect(error).toBe(bug);
  });
});

describe('D18: which errors are retried (RFC 6120 section 4.9.3)', () => {
  const stream = (condition: string, origin: 'local' | 'remote', phase: Phase, location?: string) =>
    new StreamError({ condition, origin, phase, location });
  const RETRIED: Record<string, XmppError> = {
    'a lost connection': LOST,
    'an end without a footer': new TransportError({ condition: 'connection-closed', phase: 'online' }),
    'nobody listens': new TransportError({ condition: 'connection-refused', phase: 'connect' }),
    'all targets failed': new TransportError({ condition: 'all-targets-failed', phase: 'connect' }),
    'no DNS': new TransportError({ condition: 'dns-failure', phase: 'resolve' }),
    'no address at present': new TransportError({ condition: 'dns-no-address', phase: 'resolve' }),
    'a timeout of any phase': new XmppTimeoutError('sasl', 1),
    'the deadline': new XmppTimeoutError('connect', 1, '', 'deadline'),
    'a dead link': new XmppTimeoutError('online', 1),
    'temporary-auth-failure': new SaslError({ condition: 'temporary-auth-failure' }),
    'resource-constraint at bind': new StanzaError({ condition: 'resource-constraint', type: 'wait', phase: 'bind' }),
    'a footer that nobody asked for': new StreamError({ condition: 'stream-closed', retryable: true, phase: 'online' }),
    'a stream that we ended because of one stanza (D18)': stream('policy-violation', 'local', 'online'),
    'bytes that are no XML, in a session': stream('not-well-formed', 'local', 'online'),
    'bytes of ours that the server takes for no XML, in a session': stream('not-well-formed', 'remote', 'online'),
    'a stanza of ours that it takes for none, in a session': stream('invalid-xml', 'remote', 'online'),
    'see-other-host in a session': stream('see-other-host', 'remote', 'online', 'b.example.org'),
    ...Object.fromEntries(
      [
        'connection-timeout',
        'internal-server-error',
        'remote-connection-failed',
        'reset',
        'resource-constraint',
        'system-shutdown',
        'undefined-condition',
      ].map((condition) => [condition, stream(condition, 'remote', 'online')]),
    ),
  };
  const FATALS: Record<string, unknown> = {
    'not-authorized (SASL)': FATAL,
    'account-disabled': new SaslError({ condition: 'account-disabled' }),
    'credentials-expired': new SaslError({ condition: 'credentials-expired' }),
    'no mechanism': new SaslError({ condition: 'no-mechanism' }),
    'a server that proves nothing': new SaslError({ condition: 'server-not-authentic' }),
    'tampered mechanisms': new SaslError({ condition: 'mechanisms-tampered' }),
    'an untrusted certificate': new TlsError({ condition: 'untrusted-certificate' }),
    'an expired certificate': new TlsError({ condition: 'certificate-expired' }),
    'a wrong identity': new TlsError({ condition: 'wrong-identity' }),
    'no TLS': new TlsError({ condition: 'tls-unavailable' }),
    'data after <proceed/>': new TlsError({ condition: 'data-after-proceed' }),
    'conflict at bind (D9)': new StanzaError({ condition: 'conflict', type: 'modify', phase: 'bind' }),
    'not-allowed at bind (D9)': new StanzaError({ condition: 'not-allowed', phase: 'bind' }),
    'bad options': new UsageError('no-jid', ''),
    'a bad JID': new JidError('resource', 'x', ''),
    'bad XML of ours': new XmlError('illegal-character', '', ''),
    'no features (D10)': stream('feature-missing', 'local', 'bind'),
    'bytes that are no XML, while negotiating': stream('not-well-formed', 'local', 'features'),
    'bytes of ours that are taken for no XML, while negotiating': stream('not-well-formed', 'remote', 'features'),
    'see-other-host that was not followed': stream('see-other-host', 'remote', 'features', 'b.example.org'),
    'see-other-host of nobody proven': stream('see-other-host', 'remote', 'online'),
    'anything while we close': stream('system-shutdown', 'remote', 'close'),
    'a loss while we close': new TransportError({ condition: 'connection-reset', phase: 'close' }),
    'no XmppError': new Error('x'),
    'no error': undefined,
    ...Object.fromEntries(
      [
        'conflict',
        'host-gone',
        'host-unknown',
        'improper-addressing',
        'invalid-from',
        'invalid-namespace',
        'not-authorized',
        'policy-violation',
        'restricted-xml',
        'unsupported-encoding',
        'unsupported-version',
      ].map((condition) => [condition, stream(condition, 'remote', 'online')]),
    ),
  };

  it.each(Object.entries(RETRIED))('%s: yes', (_name, error) => expect(isRetryable(error)).toBe(true));
  it.each(Object.entries(FATALS))('%s: no', (_name, error) => expect(isRetryable(error)).toBe(false));
});

describe('10,000 clients after an outage of 10 minutes (T11)', () => {
  const CLIENTS = 10_000;
  const OUTAGE = 600_000;

  const dials = new Uint32Array(1_000);
  const totals = { online: 0, refused: 0, dialsAfterRefusal: 0, timersLeft: 0 };

  /** One client that has lost its session at 0. Some 50 to 250 ms later each of its dials is answered. */
  function simulate(random: () => number, refused: boolean): void {
    const time = new SeededScheduler(random);
    const scheduler = time.party();
    let lost = false;
    let over = false;
    const attempt$ = new Observable<string>((subscriber) => {
      if (over) totals.dialsAfterRefusal++;
      if (!lost) {
        lost = true;
        subscriber.next('before');
        return subscriber.error(LOST);
      }
      dials[Math.floor(scheduler.now() / 1_000)]!++;
      return scheduler.schedule(
        () => {
          if (scheduler.now() < OUTAGE) return subscriber.error(LOST);
          // Somebody's password was changed meanwhile.
          if (refused) return subscriber.error(FATAL);
          totals.online++;
          subscriber.next('after');
        },
        50 + random() * 200,
      );
    });
    const client = attempt$.pipe(reconnect({ backoff: backoff({ random }), scheduler })).subscribe({
      error: () => {
        totals.refused++;
        over = true;
      },
    });
    time.runUntil(OUTAGE + 300_000);
    client.unsubscribe();
    totals.timersLeft += scheduler.pending;
  }

  it('never more than 3% in one second once it is over, all back within the cap, and none after a fatal error', () => {
    // One after the other: they do not know of each other, and share nothing but the chance.
    const random = seededRandom(1);
    for (let n = 0; n < CLIENTS; n++) simulate(random, n >= 9_000);
    const after = [...dials.subarray(OUTAGE / 1_000 - 1)];
    expect(Math.max(...after)).toBeLessThanOrEqual(0.03 * CLIENTS);
    // Back within the cap of 120 s and the time that an attempt takes.
    expect(dials.subarray(OUTAGE / 1_000 + 121).every((count) => count === 0)).toBe(true);
    expect(totals).toEqual({ online: 9_000, refused: 1_000, dialsAfterRefusal: 0, timersLeft: 0 });
    // And a server that is down sees each client every 60 s on average.
    const inMinute9 = dials.subarray(480, 540).reduce((sum, count) => sum + count, 0);
    expect(Math.abs(inMinute9 / CLIENTS - 1)).toBeLessThan(0.1);
  });
});
