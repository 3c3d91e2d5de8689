import { EMPTY, map, NEVER, of, throwError, timer, type ObservableInput } from 'rxjs';
import { jid } from '../../lib/jid/jid.js';
import { storedSession } from '../../lib/client/stored-session.js';
import { readResumable, type ResumptionState, type ResumptionStore } from '../../lib/session/resumption-store.js';
import { pipelining } from '../../lib/stream/pipelining.js';
import { after, cut, expects, mute, reply, type Script } from '../../lib/testing.js';
import { NS, serialize, xml } from '../../lib/xml/index.js';
import {
  A,
  authenticates,
  begins,
  ClientRun,
  ENABLED,
  FAILED,
  hears,
  hello,
  manages,
  refusesToResume,
  resumes,
  says,
  SM,
  type ClientInit,
} from '../support/client-run.js';
import {
  ACCOUNT,
  auth,
  BIND,
  bindResult,
  BOUND,
  features,
  hearsBind,
  mechanisms,
  opens,
  saslFailure,
} from '../support/wire.js';
import { watchUnhandled } from '../support/wire-run.js';

const ACKS = { acknowledgements: { every: Infinity, after: Infinity } };
const STATE: ResumptionState = { id: 'sm-1', jid: BOUND, handled: 0, acknowledged: 0, unacknowledged: [] };

/** Keeps text, as `sessionStorage` and files do. */
class TextStore implements ResumptionStore {
  text: string | undefined;
  readonly calls: string[] = [];

  constructor(state?: Partial<ResumptionState>) {
    if (state) this.text = JSON.stringify({ ...STATE, ...state });
  }

  load(): ObservableInput<ResumptionState | undefined> {
    this.calls.push('load');
    return [this.state];
  }

  save(state: ResumptionState): void {
    this.calls.push('save');
    this.text = JSON.stringify(state);
  }

  clear(): void {
    this.calls.push('clear');
    this.text = undefined;
  }

  get state(): ResumptionState | undefined {
    return this.text === undefined ? undefined : (JSON.parse(this.text) as ResumptionState);
  }

  get saves(): number {
    return this.calls.filter((call) => call === 'save').length;
  }
}

const loading = (load: ResumptionStore['load']): ResumptionStore => ({
  load,
  save: () => undefined,
  clear: () => undefined,
});

function stored(scripts: readonly Script[], store: ResumptionStore, init: ClientInit = {}) {
  return new ClientRun(scripts, {
    ...init,
    options: { ...init.options, streamManagement: { ...ACKS, store: storedSession(store) } },
  });
}

describe('a stored session', () => {
  watchUnhandled();

  it('goes on in another process: the JID, the counters, and what was not acknowledged', () => {
    const store = new TextStore();
    const first = stored([manages(says('1', '2'), hears('a', 'b', 'c'), reply(A(1)), mute())], store);
    first.connect().flush(0);
    for (const body of 'abc') first.client.send(hello(body));
    first.flush(1_000);
    expect(store.state).toEqual({
      id: 'sm-1',
      jid: BOUND,
      handled: 2,
      acknowledged: 1,
      unacknowledged: ['b', 'c'].map((body) => ({ stanza: serialize(hello(body)), at: 0 })),
    });
    // The process is killed here: nothing of it runs any more.
    const second = stored([resumes(2, 2, hears('c'), expects(/<r /), says('3'), reply(A(3)), after(1e6))], store);
    second.connect().flush(0);
    expect(second.sessions.map(({ resumed, jid: bound }) => [resumed, bound.toString()])).toEqual([[true, BOUND]]);
    expect([second.received, second.losses]).toEqual([['3'], []]);
    second.flush(1_000);
    expect(store.state).toEqual({ id: 'sm-1', jid: BOUND, handled: 3, acknowledged: 3, unacknowledged: [] });
    second.transport.verify();
  });

  it('is not for a client that is not to resume: the store is not even asked', () => {
    const store = new TextStore({ handled: 3, unacknowledged: [{ stanza: serialize(hello('a')), at: 0 }] });
    const begins: Script = [
      authenticates(BIND, SM),
      hearsBind(),
      reply(bindResult()),
      expects(`<enable xmlns='${NS.sm}'/>`),
    ];
    const streamManagement = { ...ACKS, resume: false, store: storedSession(store) };
    const run = new ClientRun([[...begins, reply(`<enabled xmlns='${NS.sm}'/>`)]], { options: { streamManagement } });
    run.connect().flush();
    expect([run.status.kind, run.session.resumed, run.session.managed]).toEqual(['online', false, true]);
    expect(store.calls).toEqual([]);
    run.transport.verify();
  });

  it('goes on as well where what is next is said ahead', () => {
    const store = new TextStore({ handled: 3 });
    const run = stored([resumes(3, 0, mute())], store, { options: { pipelining } });
    run.connect().flush(0);
    expect([run.status, store.state]).toMatchObject([{ kind: 'online', resumed: true }, { handled: 3 }]);
    run.transport.verify();
  });

  it('keeps location and max, and begins there', () => {
    const store = new TextStore();
    const located = ENABLED.replace('/>', ` location='[2001:db8::1]:5222' max='300'/>`);
    const script = [authenticates(BIND, SM), hearsBind(), reply(bindResult()), expects(/enable/), reply(located)];
    stored([[...script, mute()]], store)
      .connect()
      .flush(10);
    expect(store.state).toMatchObject({ location: '[2001:db8::1]:5222', max: 300 });
    const dialled: unknown[] = [];
    const { transport } = new ClientRun([resumes(0, 0, after(1e6))]);
    const over = {
      name: 'listed',
      connect: (context: Parameters<typeof transport.connect>[0]) => {
        dialled.push(context.location);
        return transport.connect(context);
      },
    };
    expect(stored([], store, { over }).connect().flush(10).status.kind).toBe('online');
    expect(dialled).toEqual(['[2001:db8::1]:5222']);
  });

  it('a stanza goes through JSON and XML unchanged, whatever it holds', () => {
    const xhtml = 'http://www.w3.org/1999/xhtml';
    const odd = xml(
      'message',
      { to: 'bob@example.org', 'xml:lang': 'de', id: `'"<&>\t\n` },
      xml('body', {}, ` <&>'"]]>\r\n\u{1F600}\u00e9 `),
      xml('html', { xmlns: 'http://jabber.org/protocol/xhtml-im' }, xml('body', { xmlns: xhtml }, 'x')),
      xml('none', { xmlns: '' }),
      xml('x', { xmlns: 'urn:x', '{urn:y}a': '1' }),
    );
    const store = new TextStore();
    const first = stored([manages(mute())], store)
      .connect()
      .flush(0);
    first.client.send(odd);
    first.flush(10);
    const wire = first.transport.sent.slice(first.transport.sent.lastIndexOf('<message'));
    expect(wire).toContain('\u{1F600}');
    const second = stored([resumes(0, 0, mute())], store)
      .connect()
      .flush(10);
    expect(second.transport.sent).toContain(wire);
  });

  it('what a killed process had sent after it last saved is no harm: the server says how far it came', () => {
    const store = new TextStore({ acknowledged: 4, unacknowledged: [{ stanza: serialize(hello('a')), at: 0 }] });
    const run = stored([resumes(0, 7, hears('b'), reply(A(8)), after(1e6))], store)
      .connect()
      .flush(0);
    const b = run.deliver(hello('b'));
    run.flush(100);
    expect([run.session.resumed, run.losses, b.told.at(-1)]).toEqual([true, [], 'complete']);
    expect(store.state).toMatchObject({ acknowledged: 8, unacknowledged: [] });
  });

  it('that cannot be resumed is told as lost, or sent again if so asked, with its time (XEP-0203)', () => {
    const sent = { stanza: serialize(hello('a')), at: Date.parse('2026-01-02T03:04:05Z') };
    const lost = stored([refusesToResume(0, FAILED(), after(1e6))], new TextStore({ unacknowledged: [sent] }));
    expect(lost.connect().flush(100).losses).toEqual(['a delivery-unknown']);
    const again = expects(
      `<message to='*'><body>a</body><delay xmlns='${NS.delay}' stamp='2026-01-02T03:04:05.000Z'/></message>`,
    );
    const store = new TextStore({ unacknowledged: [sent] });
    const run = stored([refusesToResume(0, FAILED(), again, after(1e6))], store, { options: { resendLost: true } });
    expect(run.connect().flush(100).losses).toEqual([]);
    run.transport.verify();
    expect(store.state).toMatchObject({ id: 'sm-2', acknowledged: 0, unacknowledged: [{ at: sent.at }] });
  });

  it('is saved once for all changes of a moment, and after those of another', () => {
    const store = new TextStore();
    const many = says(...Array.from({ length: 50 }, String));
    const run = stored([manages(many, hears('a', 'b', 'c'), after(100), says('x'), mute())], store);
    run.connect().flush(50);
    expect([store.calls, store.state!.handled]).toEqual([['load', 'save'], 50]);
    for (const body of 'abc') run.client.send(hello(body));
    run.flush(60);
    expect([store.saves, store.state!.unacknowledged.length]).toEqual([2, 3]);
    run.flush(200);
    expect([store.saves, store.state!.handled]).toEqual([3, 51]);
  });

  it.each([
    ['unsubscribe', (run: ClientRun) => void run.disconnect()],
    ['close', (run: ClientRun) => void run.client.close().subscribe()],
  ])('stays while the client waits, and is gone once it ends in good order: %s', (_name, end) => {
    const online = new TextStore();
    const run = stored([manages(says('1'), mute())], online)
      .connect()
      .flush(10);
    expect(online.state).toMatchObject({ handled: 1 });
    end(run);
    run.flush(6_000);
    expect([online.state, run.status.kind]).toEqual([undefined, 'offline']);
    run.check();

    const waiting = new TextStore();
    const lost = stored([manages(says('1'), cut())], waiting)
      .connect()
      .flush(10);
    expect([lost.status.kind, waiting.state]).toMatchObject(['waiting', { handled: 1 }]);
    end(lost);
    expect([waiting.state, lost.status.kind]).toEqual([undefined, 'offline']);
    lost.check();
  });

  it('is gone after a fatal error, and what it held is told as lost', () => {
    const refused: Script = [
      opens(features(mechanisms('EXTERNAL')), { secure: true }),
      auth('EXTERNAL', '', saslFailure('not-authorized')),
    ];
    const store = new TextStore({ unacknowledged: [{ stanza: serialize(hello('a')), at: 0 }] });
    const run = stored([refused], store);
    const ends: string[] = [];
    run.client.session$.subscribe({ error: ({ condition }: { condition: string }) => ends.push(condition) });
    run.flush();
    expect([ends, run.losses, store.text]).toEqual([['not-authorized'], ['a delivery-unknown'], undefined]);
    run.check();
  });

  it('a session that cannot be resumed is not stored', () => {
    const store = new TextStore();
    stored([begins(says('1'), after(1e6))], store)
      .connect()
      .flush(100);
    expect(store.calls).toEqual(['load']);
  });

  it('is resumed also by a client that does not come back by itself', () => {
    const run = stored([resumes(0, 0, after(1e6))], new TextStore({}), { options: { reconnect: false } });
    expect(run.connect().flush(10).session.resumed).toBe(true);
  });

  it('is asked for once, whatever the number of attempts', () => {
    const store = new TextStore({});
    stored([[cut()], resumes(0, 0, cut()), resumes(0, 0, after(1e6))], store)
      .connect()
      .flush(5_000);
    expect(store.calls.filter((call) => call === 'load')).toHaveLength(1);
  });

  it('that takes its time is waited for, and one that never comes is not, beyond the bound of `resume`', () => {
    const late: ClientRun = stored(
      [resumes(0, 0, after(1e6))],
      loading(() => timer(500, late.scheduler).pipe(map(() => STATE))),
    );
    late.connect().flush(499);
    expect(late.transport.connections).toBe(0);
    late.flush(600);
    expect(late.session.resumed).toBe(true);

    const never = loading(() => NEVER);
    const run = stored([manages(after(1e6))], never, { options: { timeouts: { resume: 2_000 } } });
    run.connect().flush(1_999);
    expect(run.transport.connections).toBe(0);
    run.flush(2_100);
    expect([run.status.kind, run.session.resumed]).toEqual(['online', false]);
    stored([], never).connect().disconnect().check();
  });

  describe('that is none', () => {
    const SPOILT: Record<string, unknown> = {
      'of another account': { ...STATE, jid: 'mallory@example.org/x' },
      'of another domain': { ...STATE, jid: 'alice@example.net/x' },
      'of a bare JID': { ...STATE, jid: ACCOUNT },
      'of no JID': { ...STATE, jid: '@' },
      'without an id': { ...STATE, id: undefined },
      'of a wrong counter': { ...STATE, handled: -1 },
      'of a counter of 2^32': { ...STATE, acknowledged: 2 ** 32 },
      'of a fraction': { ...STATE, handled: 1.5 },
      'of no numbers': { ...STATE, handled: '1' },
      'of a location that is no text': { ...STATE, location: 5222 },
      'of broken XML': { ...STATE, unacknowledged: [{ stanza: '<message>', at: 0 }] },
      'of two elements in one': { ...STATE, unacknowledged: [{ stanza: '<message/><message/>', at: 0 }] },
      'that closes the stream': { ...STATE, unacknowledged: [{ stanza: '</stream:stream>', at: 0 }] },
      'of no list': { ...STATE, unacknowledged: undefined },
      'a number': 7,
      'a text': 'x',
      'an empty object': {},
    };

    it.each(Object.entries(SPOILT))('%s: cleared, and a new session begins', (_name, state) => {
      expect(readResumable(state, jid(ACCOUNT))).toBeUndefined();
      const store = new TextStore();
      store.text = JSON.stringify(state);
      const run = stored([manages(after(1e6))], store)
        .connect()
        .flush(10);
      expect([run.session.resumed, run.losses, store.calls]).toEqual([false, [], ['load', 'clear', 'save']]);
      run.transport.verify();
    });

    it.each([
      ['nothing', () => of(undefined)],
      ['null', () => of(null)],
      ['nothing at all', () => EMPTY],
      ['an error', () => throwError(() => new Error('no disk'))],
      [
        'a throw',
        () => {
          throw new Error('no storage');
        },
      ],
    ] as [string, () => ObservableInput<undefined>][])('%s: a new session begins', (_name, load) => {
      const run = stored([manages(after(1e6))], loading(load));
      expect(run.connect().flush(10).status.kind).toBe('online');
    });
  });
});

describe('a store that throws', () => {
  const unhandled = watchUnhandled();

  it('harms nothing, and is reported', () => {
    const store: ResumptionStore = {
      load: () => of(undefined),
      save: () => {
        throw new Error('quota');
      },
      clear: () => {
        throw new Error('gone');
      },
    };
    const run = stored([manages(says('1'), after(10), says('2'), after(1e6))], store)
      .connect()
      .flush(100);
    expect([run.received, run.status.kind]).toEqual([['1', '2'], 'online']);
    run.disconnect().check();
    expect(new Set(unhandled.take().map(String))).toEqual(new Set(['Error: quota', 'Error: gone']));
  });

  it('where it is to be cleared of what cannot be resumed', () => {
    const store: ResumptionStore = {
      ...loading(() => of({ ...STATE, jid: 'mallory@example.org/x' })),
      clear: () => {
        throw new Error('gone');
      },
    };
    const run = stored([manages(after(1e6))], store)
      .connect()
      .flush(100);
    expect([run.kinds.split(' ').at(-1), run.end]).toEqual(['online', undefined]);
    expect(unhandled.take().map(String)).toEqual(['Error: gone']);
  });
});
