import {
  BehaviorSubject,
  concat,
  merge,
  NEVER,
  Observable,
  of,
  Subject,
  takeUntil,
  tap,
  VirtualTimeScheduler,
} from 'rxjs';
import { marbles } from 'rxjs-marbles/jest';
import { XmppTimeoutError, UsageError } from '../../lib/errors/index.js';
import { prepareOptions } from '../../lib/client/options.js';
import { intercept } from '../../lib/session/intercept.js';
import { keepAlive } from '../../lib/session/keep-alive.js';
import type { Session } from '../../lib/session/session.js';
import { after, exchange, expects, mute, reply, stall, unstall, type Script } from '../../lib/testing.js';
import { seededRandom } from '../../lib/testing/seeded-random.js';
import { NS, type XmlElement } from '../../lib/xml/index.js';
import {
  A,
  begins,
  ClientRun,
  hello,
  manages,
  managesOnce,
  R,
  resumes,
  type ClientInit,
} from '../support/client-run.js';
import { quietSession } from '../support/quiet-session.js';
import { FOOTER } from '../support/wire.js';
import { watchUnhandled } from '../support/wire-run.js';

describe('keepAlive as an operator', () => {
  watchUnhandled();

  const config = { idle: 4, timeout: 3 };
  const CASES = {
    'a session': { source: '--s-----', subs: '^', result: '--s-----', asked: '' },
    'an error': { source: '--s--#', subs: '^----!', result: '--s--#', asked: '' },
    'an error at once': { source: '#', subs: '(^!)', result: '#', asked: '' },
    'a close': { source: '--s--|', subs: '^----!', result: '--s--|', asked: '' },
    'no session': { source: '-----|', subs: '^----!', result: '-----|', asked: '' },
    silence: { source: '--------', subs: '^', result: '--------', asked: '' },
    'an idle session': { source: '--s-------', subs: '^', result: '--s-------', asked: '6', until: '^-------!' },
    'an unsubscribe before the session': { source: '----s---', subs: '^-!', result: '---', asked: '', until: '^-!' },
    'an unsubscribe before it is idle': {
      source: '--s-----',
      subs: '^---!',
      result: '--s--',
      asked: '',
      until: '^---!',
    },
  };

  it.each(Object.entries(CASES))('%s', (_name, { source, subs, result, asked, ...rest }) =>
    marbles((m) => {
      const { scheduler } = m;
      const { connection, session } = quietSession(scheduler);
      const at: number[] = [];
      const { write } = connection;
      connection.write = (text, written) => {
        at.push(scheduler.now());
        write(text, written);
      };
      const source$ = m.cold(source, { s: session as Session });
      const until = 'until' in rest ? rest.until : '^----------!';
      m.expect(source$.pipe(keepAlive({ ...config, scheduler })), until).toBeObservable(result, { s: session });
      m.expect(source$).toHaveSubscriptions(subs === '^' ? until : subs);
      m.flush();
      expect(at.join()).toBe(until === '^----------!' && source.includes('s') && subs === '^' ? '6' : asked);
      // Nothing that the operator started is left.
      expect(scheduler.actions).toHaveLength(0);
    })(),
  );

  it('refuses a session that is none of ours', () => {
    const foreign = {} as Session;
    let error: unknown;
    of(foreign)
      .pipe(keepAlive())
      .subscribe({ error: (reason: unknown) => (error = reason) });
    expect(error).toBeInstanceOf(UsageError);
    expect(error).toMatchObject({ condition: 'foreign-session', message: expect.stringContaining('session()') });
  });

  it.each([{ idle: 0 }, { idle: -1 }, { idle: NaN }, { timeout: 0 }, { timeout: NaN }])('%j is no bound', (bounds) => {
    const options = { jid: 'a@b', credentials: { password: 'p' }, transport: { name: '', connect: () => NEVER } };
    expect(() => prepareOptions({ ...options, keepAlive: bounds })).toThrow(UsageError);
  });
});

/** The server hears a ping. Each has an id of its own. */
const ASKS_BY_PING = expects(/^<iq (?=.* id='(?<ping>[^']+)').*<ping xmlns='urn:xmpp:ping'\/><\/iq>$/);
const PONG = reply(`<iq type='result' id='{ping}'/>`);

/** Once online the clock says 0: the scripts before take no time. */
function online(script: Script, keepAliveConfig: ClientInit['options'], init: ClientInit = {}, ...more: Script[]) {
  const run = new ClientRun([script, ...more], {
    ...init,
    options: { reconnect: false, ...keepAliveConfig, ...init.options },
  });
  return run.connect();
}
const BOUNDS = { keepAlive: { idle: 8_000, timeout: 3_000 } };
const sentAt = (run: ClientRun, what: string) =>
  run.transport.log.filter(({ direction, text }) => direction === 'out' && text.includes(what)).map(({ time }) => time);

describe('keepAlive on a link', () => {
  watchUnhandled();

  it('asks by a ping where there is no stream management, any answer will do, and it is not shown', () => {
    const refusal = reply(
      `<iq type='error' id='{ping}'><error type='cancel'><service-unavailable xmlns='${NS.stanzas}'/></error></iq>`,
    );
    const seen: string[] = [];
    const note = tap<XmlElement>(({ name }) => seen.push(name));
    const run = online(begins(ASKS_BY_PING, after(50), PONG, ASKS_BY_PING, refusal, after(1e6)), BOUNDS, {
      options: {
        interceptors: intercept({ outbound: [note] }),
      },
      use: ({ nonza$, stanza$ }) => merge(nonza$, stanza$).subscribe(({ name }) => seen.push(name)),
    }).flush(20_000);
    expect([run.status.kind, sentAt(run, 'ping'), seen]).toEqual(['online', [8_000, 16_050], []]);
    run.disconnect().check();
  });

  it('a probe that throws ends the session, and says so', () => {
    const cause = new Error('a fault of the application');
    const probe = () => {
      throw cause;
    };
    const run = online(begins(after(1e6)), { keepAlive: { ...BOUNDS.keepAlive, probe } }).flush();
    expect(run.status).toMatchObject({
      kind: 'offline',
      error: { name: 'UsageError', condition: 'unexpected-error', cause },
    });
    run.disconnect().check();
  });

  it('asks by <r/> where stanzas are acknowledged', () => {
    const run = online(managesOnce(exchange([R, A(0)], [R, A(0)]), after(1e6)), BOUNDS).flush(20_000);
    expect([run.status.kind, sentAt(run, '<r ')]).toEqual(['online', [8_000, 16_000]]);
    expect(run.transport.sent).not.toContain(NS.ping);
    run.disconnect().check();
  });

  it('nothing is asked while something comes, be it white space', () => {
    const spaces = Array.from({ length: 20 }, () => [after(7_999), reply(' ')]);
    const run = online(begins(spaces, after(1e6)), BOUNDS).flush(7_999 * 20 + 7_999);
    expect([run.status.kind, sentAt(run, 'ping')]).toEqual(['online', []]);
    run.flush(7_999 * 20 + 8_000);
    expect(sentAt(run, 'ping')).toEqual([7_999 * 20 + 8_000]);
    run.disconnect().check();
  });

  it.each([
    ['white space', ' '],
    ['half an element', '<mess'],
    ['a stanza of somebody', `<presence from='bob@example.org'/>`],
  ])('%s is life too', (_name, bytes) => {
    const run = online(begins(ASKS_BY_PING, after(2_999), reply(bytes), mute()), BOUNDS).flush(11_001);
    expect(run.status.kind).toBe('online');
    // And the next silence counts from there.
    run.flush(10_999 + 8_000 + 3_000 - 1);
    expect(run.status.kind).toBe('online');
    run.flush(10_999 + 8_000 + 3_000);
    expect(run.end).toBe('timeout timeout (online)');
    run.check();
  });

  it.each([
    ['a ping', begins, ASKS_BY_PING],
    ['<r/>', managesOnce, expects(R)],
  ] as const)('T8: no answer to %s ends the session exactly after idle + timeout', (_name, script, asked) => {
    const run = online(script(asked, mute()), BOUNDS).flush(10_999);
    expect(run.status.kind).toBe('online');
    run.flush(11_000);
    expect(run.end).toBe('timeout timeout (online)');
    expect(run.trace.at(-1)).toMatchObject({ type: 'failed', time: 11_000, error: { due: 3_000, retryable: true } });
    expect(run.failure!.text).toContain('3000 ms');
    run.check();
  });

  it('writes no footer on a dead link, and the session is resumed', () => {
    const run = online(manages(expects(R), mute()), { ...BOUNDS, reconnect: { backoff: () => 10 } }, {}, resumes(0, 0));
    run.flush(11_010);
    expect(run.session.resumed).toBe(true);
    expect(run.transport.sent).not.toContain(FOOTER);
    run.disconnect();
    expect(run.transport.sent).toContain(FOOTER);
    run.check();
  });

  it('what the server sends while we are idle ourselves, and what we send while it is, are told apart', () => {
    const run = online(begins(expects(/.*/), expects(/.*/), expects(/.*/), mute()), BOUNDS);
    for (const at of [2_000, 4_000, 6_000]) {
      run.flush(at);
      run.client.send(hello('into the void'));
    }
    run.flush(11_000);
    expect(run.end).toBe('timeout timeout (online)');
  });

  describe('wake$', () => {
    it('asks at once, and finds a dead link within timeout', () => {
      const wake$ = new Subject<void>();
      const run = online(managesOnce(expects(R), mute()), { keepAlive: { ...BOUNDS.keepAlive, wake$ } }).flush(1_000);
      wake$.next();
      wake$.next();
      run.flush(3_999);
      expect([run.status.kind, sentAt(run, '<r ')]).toEqual(['online', [1_000]]);
      run.flush(4_000);
      expect(run.end).toBe('timeout timeout (online)');
      expect(wake$.observed).toBe(false);
      run.check();
    });

    it('an answer leaves everything as it was', () => {
      const wake$ = new Subject<void>();
      const run = online(managesOnce(exchange([R, A(0)], [R, A(0)]), after(1e6)), { wake$, ...BOUNDS }).flush(1_000);
      wake$.next();
      run.flush(8_999);
      expect(sentAt(run, '<r ')).toEqual([1_000]);
      run.flush(10_000);
      expect([sentAt(run, '<r '), run.status.kind]).toEqual([[1_000, 9_000], 'online']);
      run.disconnect().check();
    });

    it('by the client, by one that emits at once, and also where nothing else is asked for', () => {
      const run = online(managesOnce(exchange([R, A(0)], [R, A(0)]), after(1e6)), {
        keepAlive: { idle: Infinity, wake$: new BehaviorSubject(0) },
      }).flush(1_000);
      run.client.wake();
      run.flush(1e5);
      expect([sentAt(run, '<r '), run.status.kind]).toEqual([[0, 1_000], 'online']);
      run.disconnect().check();
    });

    it('one that ends the session from within is let go of', () => {
      const stop$ = new Subject<void>();
      let held = 0;
      const ends$ = new Observable(() => {
        held++;
        stop$.next();
        return () => held--;
      });
      const scheduler = new VirtualTimeScheduler();
      const { session } = quietSession(scheduler);
      const source$ = concat(of(session as Session), NEVER);
      source$.pipe(keepAlive({ ...BOUNDS.keepAlive, wake$: ends$, scheduler }), takeUntil(stop$)).subscribe();
      expect([held, scheduler.actions.length]).toEqual([0, 0]);
    });

    it('one that fails or ends harms nothing', () => {
      const wake$ = new Subject<void>();
      const run = online(begins(after(1e6)), { keepAlive: { idle: Infinity, wake$ } }).flush(1);
      wake$.error(new Error('x'));
      run.flush(1e5);
      expect(run.status.kind).toBe('online');
    });
  });

  it('a session that is being closed is not asked', () => {
    const run = online(begins(expects(/^<\/?stream:stream>$|.*/), after(1e6)), {
      ...BOUNDS,
      timeouts: { close: 60_000 },
    }).flush(1_000);
    run.client.close().subscribe();
    run.flush(1e6);
    expect([run.end, sentAt(run, 'ping')]).toEqual(['complete', []]);
    run.check();
  });

  it('keepAlive: false never asks', () => {
    const run = online(begins(after(1e9)), { keepAlive: false }).flush(1e8);
    expect([run.status.kind, run.transport.sent.includes(NS.ping)]).toEqual(['online', false]);
    expect(run.scheduler.actions).toHaveLength(1);
  });

  it('its probe counts as no sign of ours: the server is asked again though we write all the time', () => {
    const run = online(begins(ASKS_BY_PING, PONG, ASKS_BY_PING, PONG, mute()), BOUNDS).flush(16_000);
    expect(sentAt(run, 'ping')).toEqual([8_000, 16_000]);
  });

  describe('writes that stall', () => {
    const chatty = (count: number) => Array.from({ length: count }, () => [after(1_000), reply(' ')]);

    it('are a dead link within idle + timeout, however much the server talks', () => {
      const run = online(begins(after(500), stall(), chatty(60)), BOUNDS).flush(600);
      run.client.send(hello('stuck'));
      run.flush(600 + 11_000);
      expect(run.end).toBe('timeout timeout (online)');
      expect(run.trace.at(-1)).toMatchObject({ type: 'failed' });
      expect((run.trace.at(-1) as unknown as { error: XmppTimeoutError }).error.text).toMatch(/takes no bytes/);
      run.check();
    });

    it('are no alarm while some bytes are taken now and then', () => {
      const steps = Array.from({ length: 30 }, () => [stall(), after(1_000), reply(' '), unstall(), after(1)]);
      const run = online(begins(steps, mute()), BOUNDS);
      for (let at = 0; at < 30_000; at += 300) {
        run.flush(at);
        run.client.send(hello('x'));
      }
      expect([run.status.kind, run.end]).toEqual(['online', undefined]);
    });
  });

  describe('clocks', () => {
    /** Time as the wall clock has it: it may jump, and timers do not care. */
    function withClock(run: ClientRun) {
      let offset = 0;
      const now = () => run.scheduler.frame + offset;
      run.scheduler.now = now;
      return { jump: (by: number) => (offset += by) };
    }

    it.each([-3_600_000, -5_000, 5_000, 3_600_000])('a jump by %i ms puts nothing off', (by) => {
      for (const at of [1_000, 7_999, 8_001, 10_000]) {
        const run = online(begins(ASKS_BY_PING, mute()), BOUNDS);
        const clock = withClock(run);
        run.flush(at);
        clock.jump(by);
        run.flush(at + 11_000);
        expect(run.end).toBe('timeout timeout (online)');
      }
    });

    it.each([-3_600_000, -5_000, 5_000, 3_600_000])('a jump by %i ms is no false alarm', (by) => {
      for (const at of [1_000, 7_999, 8_500, 9_000]) {
        const answers = Array.from({ length: 50 }, () => [ASKS_BY_PING, after(1_500), PONG]);
        const run = online(begins(answers), BOUNDS);
        const clock = withClock(run);
        run.flush(at);
        clock.jump(by);
        run.flush(100_000);
        expect(run.end).toBeUndefined();
        run.disconnect().check();
      }
    });

    it.each([
      ['after a silence', 8_000],
      ['as it was woken', 0],
    ])('a process that was stopped while it asked %s reads what came meanwhile before it judges', (_name, asks) => {
      const wake$ = new Subject<void>();
      const run = online(managesOnce(expects(R), mute()), { keepAlive: { ...BOUNDS.keepAlive, wake$ } }).flush(0);
      const due = asks + BOUNDS.keepAlive.timeout;
      if (asks === 0) wake$.next();
      // The timer falls due, and only then the answer is read: as after SIGSTOP and SIGCONT.
      run.flush(due - 1);
      const { actions } = run.scheduler;
      const timer = actions.find(({ delay }) => delay === due)!;
      actions.splice(actions.indexOf(timer), 1);
      run.scheduler.frame = 30_000;
      timer.execute(timer.state, timer.delay);
      expect([run.end, run.status.kind]).toEqual([undefined, 'online']);
      run.flush();
      expect(run.end).toBe('timeout timeout (online)');
    });
  });

  it('T8: 300 random links: every half-open one is found in time, and no live one is given up at 10x jitter', () => {
    let halfOpen = 0;
    for (let seed = 1; seed <= 300; seed++) {
      const random = seededRandom(seed);
      const between = (low: number, high: number) => low + Math.floor(random() * (high - low));
      const idle = between(1_000, 60_000);
      const timeout = between(1_000, 15_000);
      // Up to ten times the usual round trip, and below the bound: that is what the bound is for.
      const usual = Math.floor(timeout / 11);
      const lives = seed % 3 === 0;
      const steps: Script[] = [];
      for (let n = between(0, 12); n > 0; n--) steps.push([after(between(1, 3 * idle)), reply(' ')]);
      const managed = random() < 0.5;
      // A server that answers whatever it hears, later or sooner.
      const answer = managed ? A(0) : ' ';
      const answers = Array.from({ length: 40 }, () => [expects(/./), after(between(0, 10 * usual)), reply(answer)]);
      const script = (managed ? managesOnce : begins)(...(lives ? [answers, mute()] : [...spaced(steps), mute()]));
      const run = online(script, { keepAlive: { idle, timeout } });
      const lastByte = () => run.transport.log.filter(({ direction }) => direction === 'in').at(-1)!.time;
      if (lives) {
        run.flush(30 * idle);
        expect([seed, run.end, run.status.kind]).toEqual([seed, undefined, 'online']);
        run.disconnect();
      } else {
        halfOpen++;
        run.flush();
        expect([seed, run.end]).toEqual([seed, 'timeout timeout (online)']);
        expect(run.trace.at(-1)!.time - lastByte()).toBe(idle + timeout);
      }
      run.check();
    }
    expect(halfOpen).toBe(200);

    /** Scripts that expect nothing take whatever we ask meanwhile. */
    function spaced(steps: readonly Script[]): Script {
      return steps.flatMap((step) => step);
    }
  });
});
