import { BehaviorSubject, Subject } from 'rxjs';
import { marbles } from 'rxjs-marbles/jest';
import { keepAlive } from '../../lib/session/keep-alive.js';
import type { Session } from '../../lib/session/session.js';
import { whitespace } from '../../lib/session/whitespace.js';
import { after, exchange, expects, mute, reply, stall, unstall, type Script } from '../../lib/testing.js';
import { NS } from '../../lib/xml/index.js';
import { A, begins, ClientRun, managesOnce, R, type ClientInit } from '../support/client-run.js';
import { quietSession } from '../support/quiet-session.js';
import { FOOTER } from '../support/wire.js';
import { watchUnhandled } from '../support/wire-run.js';

describe('whitespace as the probe of keepAlive', () => {
  watchUnhandled();

  const CASES = {
    'a session': { source: '--s-----------', until: '^-------------!', result: '--s-----------', spaces: [6, 10] },
    'an error': { source: '--s------#', until: '^-------------!', result: '--s------#', spaces: [6] },
    'an error at once': { source: '#', until: '^-------------!', result: '#', spaces: [] },
    'a close': { source: '--s----|', until: '^-------------!', result: '--s----|', spaces: [6] },
    'no session': { source: '-----|', until: '^-------------!', result: '-----|', spaces: [] },
    silence: { source: '--------', until: '^-------------!', result: '--------', spaces: [] },
    'an unsubscribe before the session': { source: '----s---', until: '^-!', result: '---', spaces: [] },
    'an unsubscribe before it is idle': { source: '--s-----', until: '^---!', result: '--s--', spaces: [] },
    'an unsubscribe after a space': { source: '--s---------', until: '^------!', result: '--s-----', spaces: [6] },
  };

  it.each(Object.entries(CASES))('%s', (_name, { source, until, result, spaces }) =>
    marbles((m) => {
      const { scheduler } = m;
      const { connection, session } = quietSession(scheduler);
      const at: number[] = [];
      connection.write = (text, written) => {
        expect(text).toBe(' ');
        at.push(scheduler.now());
        written?.();
      };
      const source$ = m.cold(source, { s: session as Session });
      const kept$ = source$.pipe(keepAlive({ idle: 4, timeout: 3, probe: whitespace, scheduler }));
      m.expect(kept$, until).toBeObservable(result, { s: session });
      const end = Math.max(source.indexOf('#'), source.indexOf('|'));
      const subscribed = end < 0 ? until : end === 0 ? '(^!)' : `^${'-'.repeat(end - 1)}!`;
      m.expect(source$).toHaveSubscriptions(subscribed);
      m.flush();
      expect(at).toEqual(spaces);
      expect(scheduler.actions).toHaveLength(0);
    })(),
  );
});

describe('white space on a link', () => {
  watchUnhandled();

  const KEPT = { idle: 8_000, timeout: 3_000, probe: whitespace };
  const spacesOf = (run: ClientRun) =>
    run.transport.log.filter(({ direction, text }) => direction === 'out' && text === ' ').map(({ time }) => time);

  /** Once online the clock says 0. */
  function online(script: Script, keep: object = {}, init: ClientInit = {}) {
    const options = { reconnect: false as const, keepAlive: { ...KEPT, ...keep }, ...init.options };
    return new ClientRun([script], { ...init, options }).connect();
  }

  it('goes out at every idle time, counts as sent, and nothing needs to answer it', () => {
    const run = online(begins(after(1e9))).flush(100_000);
    const before = run.session.bytes.sent;
    const told: number[] = [];
    run.session.bytes$.subscribe(({ sent }) => told.push(sent - before));
    run.flush(112_000);
    expect([run.status.kind, spacesOf(run)]).toEqual(['online', Array.from({ length: 14 }, (_, n) => 8_000 * (n + 1))]);
    expect([told.at(-1), run.transport.sent.includes(NS.ping)]).toEqual([2, false]);
    run.disconnect();
    expect(run.transport.sent.endsWith(FOOTER)).toBe(true);
    run.check();
  });

  it('none while something comes', () => {
    const chatter = Array.from({ length: 20 }, () => [after(7_999), reply(' ')]);
    const run = online(begins(chatter, after(1e6))).flush(7_999 * 20 + 7_999);
    expect(spacesOf(run)).toEqual([]);
    run.flush(7_999 * 20 + 8_000);
    expect(spacesOf(run)).toEqual([7_999 * 20 + 8_000]);
  });

  it('T8: a space that is not taken ends the session after idle + timeout', () => {
    const run = online(begins(after(500), stall(), after(1e9))).flush(10_999);
    expect(run.status.kind).toBe('online');
    run.flush(11_000);
    expect(run.end).toBe('timeout timeout (online)');
    expect(run.failure?.text).toMatch(/takes no bytes; 1 wait/);
    run.check();
  });

  it('a space that is taken late, within the timeout, is no alarm', () => {
    const slow = Array.from({ length: 10 }, () => [stall(), after(2_999), unstall(), after(5_001)]);
    const run = online(begins(after(8_000), slow, after(1e9))).flush(83_000);
    const taken = Array.from({ length: 10 }, (_, n) => 8_000 * n + 10_999);
    expect([run.status.kind, spacesOf(run)]).toEqual(['online', taken]);
  });

  it('asks by <r/> where stanzas are acknowledged, and there silence is a dead link', () => {
    const run = online(managesOnce(exchange([R, A(0)]), expects(R), mute())).flush(18_999);
    expect([run.status.kind, spacesOf(run)]).toEqual(['online', []]);
    run.flush(19_000);
    expect(run.end).toBe('timeout timeout (online)');
    run.check();
  });

  it('none over WebSocket (RFC 7395): there it is a ping', () =>
    marbles((m) => {
      const { connection, session } = quietSession(m.scheduler, 'frames');
      const source$ = m.cold('s', { s: session as Session });
      const kept$ = source$.pipe(keepAlive({ idle: 4, timeout: 3, probe: whitespace, scheduler: m.scheduler }));
      m.expect(kept$, '^------!').toBeObservable('s------', { s: session });
      m.flush();
      expect(connection.sent).toMatch(/^<iq [^>]*type='get'[^>]*><ping xmlns='urn:xmpp:ping'\/><\/iq>$/);
    })());

  it('none behind our footer', () => {
    const run = online(begins(after(1e9)), {}, { options: { timeouts: { close: 60_000 } } }).flush(1_000);
    run.client.close().subscribe();
    run.flush();
    expect([run.end, spacesOf(run)]).toEqual(['complete', []]);
    run.check();
  });

  it('wake$ sends one at once, also where nothing else is asked for', () => {
    const wake$ = new Subject<void>();
    const run = online(begins(after(1e9)), { wake$ }).flush(3_000);
    wake$.next();
    run.flush(10_999);
    expect(spacesOf(run)).toEqual([3_000]);
    run.flush(11_000);
    expect(spacesOf(run)).toEqual([3_000, 11_000]);
    const other = online(begins(after(1e9)), { wake$: new BehaviorSubject(0), idle: Infinity }).flush(1e6);
    expect([other.status.kind, spacesOf(other)]).toEqual(['online', [0]]);
    other.disconnect().check();
  });

  it.each([-3_600_000, -5_000, 5_000, 3_600_000])('a clock that jumps by %i ms puts none off', (by) => {
    const run = online(begins(after(1e9))).flush(9_000);
    run.scheduler.now = () => run.scheduler.frame + by;
    run.flush(24_000);
    expect(spacesOf(run)).toEqual([8_000, 16_000 + by, 24_000 + by]);
  });
});
