import { merge, retry, Subscription } from 'rxjs';
import { StanzaError, XmppTimeoutError } from '../../lib/errors/index.js';
import { jid } from '../../lib/jid/index.js';
import type { Session } from '../../lib/session/session.js';
import { after, cut, end, exchange, expects, mute, reply, type Script } from '../../lib/testing.js';
import { NS, xml } from '../../lib/xml/index.js';
import { ACCOUNT, BOUND, DOMAIN, FOOTER, goesOnline, streamError } from '../support/wire.js';
import { replay, watchUnhandled } from '../support/wire-run.js';
import { recorded, sessionInit, sessionRun } from '../support/session-run.js';

const QUERY = xml('query', { xmlns: 'urn:example' });
const asks = (id: string, to?: string, type = 'get') =>
  expects(`<iq type='${type}' id='{${id}}'${to ? ` to='${to}'` : ''}><query xmlns='urn:example'/></iq>`);
const result = (id: string, from?: string) =>
  `<iq type='result' id='{${id}}'${from ? ` from='${from}'` : ''}><ok xmlns='urn:example'/></iq>`;

describe('iq', () => {
  const { take } = watchUnhandled();

  it('is cold: each subscription asks, with an id of its own', () => {
    const run = sessionRun([asks('a'), asks('b'), reply(result('b'), result('a'))]);
    const [one, two] = [recorded(run), recorded(run)];
    const asked = run.session.iq('get', QUERY);
    run.flush(0);
    expect(run.sent).not.toContain('<query');
    asked.subscribe(one.observer);
    asked.subscribe(two.observer);
    run.flush(0);
    const [a, b] = [...run.sent.matchAll(/id='([^']+)'><query/g)].map(([, id]) => id);
    expect(a).not.toBe(b);
    expect([one.log, two.log]).toEqual([
      [expect.stringContaining(`id='${a}'`), '0 |'],
      [expect.stringContaining(`id='${b}'`), '0 |'],
    ]);
    run.transport.verify();
    run.unsubscribe().check();
  });

  it('emits the whole answer, however it is cut', () => {
    const heard: string[] = [];
    replay(
      () =>
        goesOnline(
          exchange([
            `<iq type='set' id='{q}' to='bob@example.org/x'><query xmlns='urn:example'>ü</query></iq>`,
            result('q', 'bob@example.org/x'),
          ]),
        ),
      sessionInit({
        use: (session) => {
          heard.length = 0;
          session
            .iq('set', xml('query', { xmlns: 'urn:example' }, 'ü'), jid('bob@example.org/x'))
            .subscribe(({ attrs, children }) => heard.push(`${attrs.type} ${attrs.from} ${children.length}`));
        },
      }),
      () => expect(heard).toEqual(['result bob@example.org/x 1']),
      { stride: 37 },
    );
  });

  it('an answer of type error is a StanzaError', () => {
    const error = `<iq type='error' id='{q}'><query xmlns='urn:example'/><error type='cancel' by='${DOMAIN}'><item-not-found xmlns='${NS.stanzas}'/><gone xmlns='urn:example'/><text xmlns='${NS.stanzas}'>none</text></error></iq>`;
    const run = sessionRun([asks('q'), reply(error)]);
    let seen: unknown;
    run.session.iq('get', QUERY).subscribe({ error: (thrown) => (seen = thrown) });
    run.flush(0);
    expect(seen).toBeInstanceOf(StanzaError);
    expect(seen).toMatchObject({
      condition: 'item-not-found',
      type: 'cancel',
      phase: 'online',
      by: DOMAIN,
      application: '{urn:example}gone',
      text: 'none',
    });
    run.unsubscribe().check();
  });

  describe('takes an answer from the addressee alone (S1, I9)', () => {
    const OTHER = 'bob@example.org/x';
    const rows: [to: string | undefined, from: string | undefined, taken: boolean][] = [
      [undefined, undefined, true],
      [undefined, ACCOUNT, true],
      [undefined, BOUND, true],
      [undefined, DOMAIN, true],
      [undefined, 'eve@example.net/x', false],
      [undefined, `${ACCOUNT}/other`, false],
      [undefined, 'alice@example.org.evil.example', false],
      [ACCOUNT, undefined, true],
      [ACCOUNT, ACCOUNT, true],
      [ACCOUNT, DOMAIN, false],
      [ACCOUNT, OTHER, false],
      [DOMAIN, undefined, true],
      [DOMAIN, DOMAIN, true],
      [DOMAIN, 'EXAMPLE.org', true],
      [DOMAIN, ACCOUNT, false],
      [DOMAIN, `${DOMAIN}/x`, false],
      [OTHER, OTHER, true],
      [OTHER, 'BOB@example.org/x', true],
      [OTHER, 'bob@example.org/X', false],
      [OTHER, 'bob@example.org', false],
      [OTHER, undefined, false],
      [OTHER, DOMAIN, false],
      ['bob@example.org', OTHER, false],
      [OTHER, '@', false],
      [OTHER, '', false],
    ];
    it.each(rows)('to %s, from %s: %s', (to, from, taken) => {
      const run = sessionRun([
        asks('q', to),
        reply(result('q', from === '' ? undefined : from).replace('>', from === '' ? ` from=''>` : '>')),
        mute(),
      ]);
      const answer = recorded(run);
      const others = recorded(run);
      run.session.stanza$.subscribe(others.observer);
      run.session.iq('get', QUERY, to).subscribe(answer.observer);
      run.flush(0);
      expect([answer.log.length > 0, others.log.length > 0]).toEqual([taken, !taken]);
      run.flush(30_000);
      expect(answer.log).toHaveLength(taken ? 2 : 1);
      run.unsubscribe().check();
    });

    it('and not by another id, type or kind of stanza', () => {
      const others = [
        `<iq type='result' id='{q}x'/>`,
        `<iq type='result'/>`,
        `<iq type='get' id='{q}'><x xmlns='urn:x'/></iq>`,
        `<iq type='maybe' id='{q}'/>`,
        `<iq id='{q}'/>`,
        `<message type='result' id='{q}'/>`,
        `<presence type='error' id='{q}'/>`,
        `<iq xmlns='urn:example' type='result' id='{q}'/>`,
      ];
      const run = sessionRun([
        asks('q'),
        reply(...others),
        expects(`<iq type='error' id='{q}'>*</iq>`),
        after(5),
        reply(result('q')),
      ]);
      const answer = recorded(run);
      const stanzas = recorded(run);
      merge(run.session.stanza$, run.session.nonza$).subscribe(stanzas.observer);
      run.session.iq('get', QUERY).subscribe(answer.observer);
      run.flush(4);
      expect([answer.log, stanzas.log.length]).toEqual([[], others.length]);
      run.flush(5);
      expect(answer.log).toHaveLength(2);
      run.unsubscribe().check();
    });

    it('once', () => {
      const run = sessionRun([asks('q'), reply(result('q') + result('q'))]);
      const answer = recorded(run);
      const others = recorded(run);
      run.session.stanza$.subscribe(others.observer);
      run.session.iq('get', QUERY).subscribe(answer.observer);
      run.flush(0);
      expect([answer.log.length, others.log.length]).toEqual([2, 1]);
      run.unsubscribe().check();
    });

    it('by ids that cannot be guessed from one session to the next', () => {
      let value = 0;
      const idOf = () => {
        const run = sessionRun([asks('q'), mute()], {
          options: { random: () => (value = (value + 0.618_033_988) % 1) },
        });
        run.session.iq('get', QUERY).subscribe({ error: () => undefined });
        run.flush(0).unsubscribe();
        return /id='([^']+)'><query/.exec(run.sent)![1]!;
      };
      const ids = Array.from({ length: 20 }, idOf);
      expect(new Set(ids.map((id) => id.slice(0, 8))).size).toBe(20);
      expect(Math.min(...ids.map((id) => id.length))).toBeGreaterThan(12);
    });
  });

  describe('in time', () => {
    it('each has its own bound, 30 seconds by default, and errors exactly then', () => {
      const run = sessionRun([mute()]);
      const { log, observer } = recorded(run);
      const bounds = [undefined, 50, 10, 50, 1_000, Infinity];
      for (const timeout of bounds) run.session.iq('get', QUERY, undefined, { timeout }).subscribe(observer);
      expect(run.scheduler.actions.length).toBeLessThanOrEqual(2);
      run.flush();
      expect(log.map((entry) => entry.split(' nothing')[0])).toEqual(
        [10, 50, 50, 1_000, 30_000].map(
          (at) => `${at} # XmppTimeoutError timeout (online): no answer from the server within ${at} ms`,
        ),
      );
      expect(run.scheduler.actions).toHaveLength(0);
      run.unsubscribe().check();
      expect(log).toHaveLength(6);
    });

    it('a later one with a shorter bound is not late', () => {
      const run = sessionRun([asks('q'), after(20), mute()]);
      const { log, observer } = recorded(run);
      run.session.iq('get', QUERY, undefined, { timeout: 100 }).subscribe(observer);
      run.flush(20);
      run.session.iq('get', QUERY, 'bob@example.org/x', { timeout: 30 }).subscribe(observer);
      run.session.iq('get', QUERY, undefined, { timeout: 100 }).subscribe(observer);
      run.flush();
      expect(log.map((entry) => Number(entry.split(' ')[0]))).toEqual([50, 100, 120]);
      expect(log[0]).toContain('no answer from bob@example.org/x within 30 ms');
      run.unsubscribe().check();
    });

    it('by the bound of the options', () => {
      const run = sessionRun([mute()], { options: { iqTimeout: 7 } });
      let seen: unknown;
      run.session.iq('get', QUERY).subscribe({ error: (error) => (seen = error) });
      run.flush();
      expect(seen).toBeInstanceOf(XmppTimeoutError);
      expect([run.scheduler.now(), (seen as XmppTimeoutError).due]).toEqual([7, 7]);
      run.unsubscribe();
    });

    it("an answer that comes too late is nobody's", () => {
      const run = sessionRun([asks('q'), after(20), reply(result('q'))]);
      const answer = recorded(run);
      const others = recorded(run);
      run.session.stanza$.subscribe(others.observer);
      run.session.iq('get', QUERY, undefined, { timeout: 10 }).subscribe(answer.observer);
      run.flush();
      expect([answer.log.length, others.log.length]).toEqual([1, 1]);
      run.unsubscribe().check();
    });

    it('an error handler that asks again at once', () => {
      const run = sessionRun([asks('a'), asks('b'), reply(result('b'))]);
      const { log, observer } = recorded(run);
      run.session.iq('get', QUERY, undefined, { timeout: 10 }).pipe(retry(1)).subscribe(observer);
      run.flush();
      expect(log).toEqual([expect.stringMatching(/^10 <iq/), '10 |']);
      run.unsubscribe().check();
    });
  });

  describe('unsubscribed', () => {
    it("is forgotten: no timeout, and the answer is nobody's", () => {
      const run = sessionRun([asks('q'), after(5), reply(result('q'))]);
      const answer = recorded(run);
      const others = recorded(run);
      run.session.stanza$.subscribe(others.observer);
      const asking = run.session.iq('get', QUERY).subscribe(answer.observer);
      run.flush(1);
      asking.unsubscribe();
      run.flush();
      expect([answer.log, others.log.length]).toEqual([[], 1]);
      run.unsubscribe().check();
    });

    it('from within the answer of another', () => {
      const run = sessionRun([asks('a'), asks('b'), reply(result('a') + result('b'))]);
      const { log, observer } = recorded(run);
      const second = new Subscription();
      run.session.iq('get', QUERY).subscribe(() => second.unsubscribe());
      second.add(run.session.iq('get', QUERY).subscribe(observer));
      run.flush();
      expect(log).toEqual([]);
      run.unsubscribe().check();
    });
  });

  describe('when the session ends (S10)', () => {
    const ends: [string, Script, string][] = [
      ['by a reset', [cut()], 'transport connection-reset (online)'],
      ['by the end of input', [end()], 'transport connection-closed (online)'],
      ['by a footer', [reply(FOOTER)], 'stream stream-closed (online) local'],
      ['by a stream error', [reply(streamError('conflict'))], 'stream conflict (online) remote'],
      ['by garbage', [reply('<<')], 'stream not-well-formed (online) local'],
    ];
    it.each(ends)('%s, each errs once, at once, with the reason', (_name, how, outcome) => {
      const run = sessionRun([after(10), how, mute()]);
      const errors: StanzaError[] = [];
      for (let count = 0; count < 100; count++) {
        run.session.iq('get', QUERY).subscribe({ error: (error: StanzaError) => errors.push(error) });
      }
      run.flush();
      expect([run.outcome, run.scheduler.now()]).toEqual([outcome, 10]);
      expect(errors).toHaveLength(100);
      expect(new Set(errors.map(({ condition }) => condition))).toEqual(new Set(['session-lost']));
      expect(errors[0]!.cause).toBe(run.error);
      run.check();
    });

    it('by unsubscribing, and by close()', () => {
      for (const how of ['unsubscribe', 'close'] as const) {
        const run = sessionRun(how === 'close' ? [asks('q'), exchange([FOOTER, FOOTER])] : [mute()]);
        const { log, observer } = recorded(run);
        run.session.iq('get', QUERY).subscribe(observer);
        if (how === 'close') run.session.close().subscribe();
        else run.unsubscribe();
        run.flush();
        expect(log).toEqual(['0 # StanzaError session-lost (online): closed']);
        run.check();
      }
    });

    it('none can be asked any more', () => {
      const run = sessionRun([cut()]);
      const session: Session = run.session;
      run.flush();
      const { log, observer } = recorded(run);
      session.iq('get', QUERY).subscribe(observer);
      expect(log).toEqual(['0 # StanzaError session-lost (online): lost']);
      expect(run.scheduler.actions).toHaveLength(0);
    });

    it('one that asks again at once gets an answer at once, and no end', () => {
      const run = sessionRun([mute()]);
      const { log, observer } = recorded(run);
      run.session.iq('get', QUERY).pipe(retry(3)).subscribe(observer);
      run.unsubscribe();
      expect(log).toEqual(['0 # StanzaError session-lost (online): closed']);
    });
  });

  it('what cannot be written fails alone (X5)', () => {
    const run = sessionRun([asks('q'), reply(result('q'))]);
    const { log, observer } = recorded(run);
    run.session.iq('get', xml('query', { xmlns: 'urn:example' }, '\u0000')).subscribe(observer);
    run.session.iq('get', QUERY, 'bob@\uffff').subscribe(observer);
    expect(log.map((entry) => entry.split(':')[0])).toEqual([
      '0 # XmlError illegal-character',
      '0 # XmlError illegal-character',
    ]);
    run.session.iq('get', QUERY).subscribe(observer);
    run.flush(0);
    expect(log).toHaveLength(4);
    run.unsubscribe().check();
    expect(run.scheduler.actions).toHaveLength(0);
  });

  it('a subscriber that throws harms nobody (S11)', () => {
    const run = sessionRun([asks('a'), asks('b'), reply(result('a') + result('b'))]);
    const { log, observer } = recorded(run);
    run.session.iq('get', QUERY).subscribe(() => {
      throw new Error('of a subscriber');
    });
    run.session.iq('get', QUERY).subscribe(observer);
    run.flush(0);
    expect([run.outcome, log.length]).toEqual(['online', 2]);
    expect(take().map(String)).toEqual(['Error: of a subscriber']);
    run.unsubscribe().check();
  });

  it('20,000 that are never answered take one timer, and settle at once', () => {
    const run = sessionRun([mute()]);
    let errors = 0;
    const many = 20_000;
    for (let count = 0; count < many; count++) {
      run.session.iq('get', QUERY).subscribe({ error: () => errors++ });
    }
    // One to flush what was written, one for all timeouts.
    expect(run.scheduler.actions.length).toBeLessThanOrEqual(2);
    run.unsubscribe();
    expect([errors, run.scheduler.actions.length]).toEqual([many, 0]);
  });
});
