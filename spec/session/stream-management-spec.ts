import { finalize, map, timer } from 'rxjs';
import { storedSession } from '../../lib/client/stored-session.js';
import { after, cut, end, exchange, expects, expectsEnd, mute, reply, type Script } from '../../lib/testing.js';
import { NS, xml } from '../../lib/xml/index.js';
import {
  A,
  authenticates,
  begins,
  ClientRun,
  ENABLE,
  ENABLED,
  FAILED,
  follow,
  hears,
  hello,
  manages,
  R,
  refusesToResume,
  RESUME,
  RESUMED,
  resumes,
  says,
  SM,
} from '../support/client-run.js';
import {
  auth,
  BIND,
  bindResult,
  BOUND,
  features,
  FOOTER,
  hearsBind,
  mechanisms,
  opens,
  PING,
  saslFailure,
} from '../support/wire.js';
import { watchUnhandled } from '../support/wire-run.js';

const policy = (acknowledgements: object) => ({ options: { streamManagement: { acknowledgements } } });
const never = policy({ every: Infinity, after: Infinity });
/** What we say of it, and end the stream by. */
const impossible = (h: string) =>
  `<stream:error><undefined-condition xmlns='${NS.streams}'/>` +
  `<text xmlns='${NS.streams}' xml:lang='en'>the server cannot have handled '${h}' stanzas</text></stream:error>${FOOTER}`;

describe('enabling stream management (XEP-0198 section 3)', () => {
  watchUnhandled();

  it.each([
    ["resume='true'", `id='x' resume='true'`, true],
    ["resume='1'", `id='x' resume='1'`, true],
    ["resume='false'", `id='x' resume='false'`, false],
    ["resume='0'", `id='x' resume='0'`, false],
    ['no resume', `id='x'`, false],
    ['resume without an id', `resume='true'`, false],
    ['resume with anything else', `id='x' resume='TRUE'`, false],
    ['resume with a word that ends so', `id='x' resume='untrue'`, false],
    ['resume with a number that begins so', `id='x' resume='10'`, false],
  ])('granted with %s', (_name, attrs, resumable) => {
    const again = resumable
      ? [authenticates(BIND, SM), expects(RESUME(0, 'x'))]
      : [authenticates(BIND, SM), hearsBind()];
    const run = new ClientRun([[manages0(`<enabled xmlns='${NS.sm}' ${attrs}/>`), cut()], again]).connect();
    run.flush(5_000);
    expect(run.session.managed).toBe(true);
    run.transport.verify();
  });

  const manages0 = (enabled: string) => [
    authenticates(BIND, SM),
    hearsBind(),
    reply(bindResult()),
    expects(ENABLE),
    reply(enabled),
  ];

  it('refused: the session does without', () => {
    const run = new ClientRun([
      [manages0(FAILED('unexpected-request')), hears('one'), reply(R), after(5_000)],
    ]).connect();
    run.flush();
    expect([run.session.managed, run.session.resumed]).toEqual([false, false]);
    expect(run.deliver(hello('one')).told).toEqual(['queued']);
    run.flush();
    run.transport.verify();
  });

  it('not offered: not asked for', () => {
    const run = new ClientRun([begins()]).connect().flush();
    expect([run.status.kind, run.session.managed]).toEqual(['online', false]);
    run.transport.verify();
  });

  it('switched off: not asked for', () => {
    const script = [authenticates(BIND, SM), hearsBind(), reply(bindResult())];
    const run = new ClientRun([script], { options: { streamManagement: false } }).connect().flush();
    expect([run.status.kind, run.session.managed]).toEqual(['online', false]);
    run.transport.verify();
  });

  it.each([
    [{ max: 120 }, `<enable xmlns='${NS.sm}' resume='true' max='120'/>`],
    [{ resume: false, max: 120 }, `<enable xmlns='${NS.sm}'/>`],
  ])('asks for %j', (streamManagement, enable) => {
    const script = [authenticates(BIND, SM), hearsBind(), reply(bindResult()), exchange([enable, ENABLED])];
    const run = new ClientRun([script], { options: { streamManagement } }).connect().flush();
    expect(run.status.kind).toBe('online');
    run.transport.verify();
  });

  it('a client that does not come back does not ask for resumption', () => {
    const enable = `<enable xmlns='${NS.sm}'/>`;
    const script = [authenticates(BIND, SM), hearsBind(), reply(bindResult()), exchange([enable, ENABLED])];
    new ClientRun([script], { options: { reconnect: false } }).connect().flush().transport.verify();
  });

  it('a stanza that comes before <enabled/> is received, in order, and not counted', () => {
    const early = `<message from='bob@example.org/phone'><body>early</body></message>`;
    const script = [
      authenticates(BIND, SM),
      hearsBind(),
      reply(bindResult()),
      expects(ENABLE),
      reply(early, `<presence from='bob@example.org/phone'/>`, ENABLED),
      says('one', 'two'),
      exchange([A(2)]),
    ];
    script.splice(-1, 0, reply(R));
    const run = new ClientRun([script]).connect().flush();
    expect(run.received).toEqual(['early', 'one', 'two']);
    run.transport.verify();
  });

  it.each([
    `<a xmlns='${NS.sm}' h='0'/>`,
    `<hello/>`,
    `<message xmlns='urn:example'/>`,
    `<submessage/>`,
    `<messages/>`,
  ])('anything else in the place of the answer is fatal: %s', (other) => {
    const run = new ClientRun([[manages0(other + ENABLED)]]).connect().flush();
    expect(run.end).toBe('stream invalid-xml (enable) local');
  });

  it.each(['enable', 'resume'] as const)(
    'silence at <%s/> is a timeout that names it, and is retried (T9)',
    (phase) => {
      const first = phase === 'enable' ? [manages0(''), after(Infinity)] : [manages(), cut()];
      const silent = phase === 'enable' ? first : [authenticates(BIND, SM), expects(RESUME(0)), after(Infinity)];
      const run = new ClientRun(phase === 'enable' ? [first, manages()] : [first, silent, resumes(0, 0)], {
        options: { timeouts: { [phase]: 700 } },
      }).connect();
      run.flush(10_000);
      expect(run.failure).toMatchObject({ layer: 'timeout', phase, due: 700 });
      expect(run.status.kind).toBe('online');
    },
  );
});

describe('acknowledgements', () => {
  watchUnhandled();

  describe('of ours', () => {
    it('counts messages, presence and IQs, and nothing else', () => {
      const script = manages(
        reply(`<presence from='a@example.org'/>`, `<message from='a@example.org'/>`, ' \n ', `<x xmlns='urn:x'/>`),
        reply(`<iq type='result' id='nobody-asked' from='a@example.org'/>`),
        reply(A(0), `<iq type='get' id='p' from='a@example.org'>${PING}</iq>`),
        exchange([`<iq type='result' id='p' to='a@example.org'/>`, R]),
        expects(A(4)),
      );
      new ClientRun([script], never).connect().flush().transport.verify();
    });

    it('100,000 requests are answered once (S8)', () => {
      const flood = R.repeat(100_000);
      const run = new ClientRun([manages(says('one'), reply(flood), expects(A(1)), after(60_000))], never).connect();
      run.flush();
      run.transport.verify();
      expect(run.transport.sent.split('<a ')).toHaveLength(2);
    });

    it('requests of different moments are answered each, with what was handled by then', () => {
      const script = manages(
        [reply(R), expects(A(0)), after(10)],
        [says('one'), reply(R), says('two'), expects(A(2)), after(10)],
        [reply(R), expects(A(2))],
      );
      new ClientRun([script], never).connect().flush().transport.verify();
    });

    it('D17: wraps at 2^32', () => {
      const memory = store({ handled: 2 ** 32 - 2 });
      const script = resumes(2 ** 32 - 2, 0, says('a', 'b', 'c'), [reply(R), expects(A(1))]);
      const run = new ClientRun([script], { options: { streamManagement: { store: storedSession(memory) } } })
        .connect()
        .flush();
      expect(run.received).toEqual(['a', 'b', 'c']);
      run.transport.verify();
    });
  });

  describe('of theirs', () => {
    it('settle what was sent, in order', () => {
      const run = new ClientRun([manages(hears('a', 'b', 'c'), reply(A(1)), after(10), reply(A(3)))], never).connect();
      run.flush(0);
      const [a, b, c] = ['a', 'b', 'c'].map((body) => run.deliver(hello(body)));
      run.flush(5);
      expect([a, b, c].map((one) => one!.told.join(' '))).toEqual([
        'queued written acked complete',
        'queued written',
        'queued written',
      ]);
      run.flush();
      expect(c!.told).toEqual(['queued', 'written', 'acked', 'complete']);
    });

    it.each([
      ['too high', '3'],
      ['backward', '0'],
      ['negative', '-1'],
      ['no number', 'NaN'],
      ['too big', '1e30'],
      ['in Arabic digits', '٢'],
      ['2^32', '4294967296'],
      ['2^32 - 1', '4294967295'],
      ['empty', ''],
    ])('an h that is %s ends the stream, and the session is not resumed (S8)', (_name, h) => {
      const script = manages(hears('a', 'b'), reply(A(1)), after(10), reply(A(h)), mute());
      const run = new ClientRun([script, manages()], never).connect().flush(0);
      const [, b] = ['a', 'b'].map((body) => run.deliver(hello(body)));
      run.flush();
      expect(b!.told).toEqual(['queued', 'written', 'delivery-unknown']);
      expect(run.trace.find(({ type }) => type === 'failed')).toMatchObject({
        error: { layer: 'stream', condition: 'undefined-condition', phase: 'online', origin: 'local' },
      });
      expect([run.status.kind, run.session.resumed]).toEqual(['online', false]);
      expect(run.transport.sent).toContain(impossible(h));
      run.transport.verify();
    });

    it('no h at all ends the stream', () => {
      const run = new ClientRun([manages(reply(`<a xmlns='${NS.sm}'/>`), mute()), manages()], never);
      run.connect().flush().transport.verify();
      expect(run.transport.sent).toContain(impossible(''));
    });

    it('an h within the window, again and again, is nothing', () => {
      const run = new ClientRun([manages(hears('a'), reply(A(1), A(1), A(1)), says('on'))], never).connect().flush(0);
      run.client.send(hello('a'));
      expect(run.flush().received).toEqual(['on']);
    });

    it('across 2^32', () => {
      const memory = store({ acknowledged: 2 ** 32 - 1 });
      const script = resumes(
        0,
        2 ** 32 - 1,
        hears('a', 'b'),
        reply(A(0)),
        after(10),
        reply(A(1)),
        after(10),
        says('on'),
      );
      const run = new ClientRun([script], { options: { streamManagement: { store: storedSession(memory) } } })
        .connect()
        .flush(0);
      const [a, b] = ['a', 'b'].map((body) => run.deliver(hello(body)));
      run.flush(5);
      expect([a!.told.at(-1), b!.told.at(-1)]).toEqual(['complete', 'written']);
      run.flush();
      expect([b!.told.at(-1), run.received]).toEqual(['complete', ['on']]);
    });
  });

  describe('are asked for', () => {
    it('after so many stanzas', () => {
      const init = policy({ every: 2, after: Infinity });
      const run = new ClientRun([manages(hears('a', 'b'), expects(R), hears('c', 'd'), expects(R), hears('e'))], init);
      run.connect().flush(0);
      for (const body of 'abcde') run.client.send(hello(body));
      run.flush().transport.verify();
    });

    it('so long after the first that was not asked for, once', () => {
      const init = policy({ every: 100, after: 500 });
      const run = new ClientRun([manages(hears('a', 'b'), expects(R), after(0))], init).connect().flush(0);
      const asked = () => run.transport.log.filter(({ text }) => text.includes('<r ')).map(({ time }) => time);
      run.client.send(hello('a'));
      run.flush(300);
      run.client.send(hello('b'));
      run.flush(60_000);
      // The server owes an answer: asking again would not make it come.
      expect(asked()).toEqual([500]);
      run.transport.verify();
    });

    it('again while something is left, and no more once all is acknowledged', () => {
      const init = policy({ every: 100, after: 500 });
      const run = new ClientRun(
        [manages(hears('a', 'b'), exchange([R, A(1)], [R, A(2)]), after(100_000))],
        init,
      ).connect();
      run.flush(0);
      run.client.send(hello('a'));
      run.client.send(hello('b'));
      run.flush(50_000);
      expect(run.transport.log.filter(({ text }) => text.includes('<r ')).map(({ time }) => time)).toEqual([500, 1000]);
      run.transport.verify();
      run.disconnect().check();
    });

    it('not for nonzas', () => {
      const run = new ClientRun(
        [manages(expects(`<x xmlns='urn:x'/>`), after(10_000))],
        policy({ every: 1, after: 1 }),
      );
      run.connect().flush(0);
      expect(run.deliver(xml('x', { xmlns: 'urn:x' })).told).toEqual(['queued']);
      run.flush().transport.verify();
    });

    it('before the footer: ours is told and theirs is asked for', () => {
      const run = new ClientRun(
        [manages(says('in'), hears('out'), expects(R), expects(A(1)), expects(FOOTER_ELEMENT), reply(A(1) + FOOTER))],
        never,
      ).connect();
      run.flush(0);
      const out = run.deliver(hello('out'));
      run.client.close().subscribe();
      run.flush();
      expect(out.told).toEqual(['queued', 'written', 'acked', 'complete']);
      expect([run.end, run.ends]).toEqual(['complete', '1 closed']);
      run.transport.verify();
      run.check();
    });

    it('requests that come after our footer are not answered any more', () => {
      const run = new ClientRun([manages(expects(FOOTER_ELEMENT), reply(R), after(100), reply(FOOTER), end())], never);
      run.connect().flush(0);
      run.client.close().subscribe();
      run.flush();
      expect([run.end, run.transport.sent.includes('<a ')]).toEqual(['complete', false]);
    });
  });
});

function FOOTER_ELEMENT(event: { kind: string }) {
  return event.kind === 'close' || `a footer was due, not ${event.kind}`;
}

function store(state: object) {
  return {
    load: () => [{ id: 'sm-1', jid: BOUND, handled: 0, acknowledged: 0, unacknowledged: [], ...state }],
    save: () => undefined,
    clear: () => undefined,
  };
}

describe('resumption (XEP-0198 section 5)', () => {
  watchUnhandled();

  it('is visible on session and status, keeps the JID and the subscribers, and names the attempt', () => {
    const run = new ClientRun([manages(says('one'), cut()), resumes(1, 0, says('two'))]).connect().flush();
    expect(run.sessions.map(({ resumed, jid }) => [resumed, jid.toString()])).toEqual([
      [false, BOUND],
      [true, BOUND],
    ]);
    expect(run.status).toMatchObject({ kind: 'online', attempt: 2, resumed: true });
    expect(run.received).toEqual(['one', 'two']);
    expect(run.kinds).toBe('offline authenticating binding online waiting authenticating resuming online');
    run.transport.verify();
  });

  it('D17: resends what was not acknowledged, in order, before anything new; and nothing twice (XF#914)', () => {
    const run = new ClientRun(
      [
        manages(hears('a', 'b', 'c'), reply(A(1)), cut()),
        resumes(0, 2, hears('c'), expects(R), hears('d'), reply(A(4))),
      ],
      { ...never, use: (session) => session.resumed && session.send(hello('d')) },
    ).connect();
    run.flush(0);
    const told = ['a', 'b', 'c'].map((body) => run.deliver(hello(body)));
    run.flush();
    expect(told.map((one) => one.told.join(' '))).toEqual(Array(3).fill('queued written acked complete'));
    expect(run.losses).toEqual([]);
    run.transport.verify();
  });

  it('what waited goes behind what is resent', () => {
    const run = new ClientRun([manages(hears('a'), cut()), resumes(0, 0, hears('a'), expects(R), hears('b', 'c'))], {
      options: { ...never.options, whileOffline: { queue: 5 } },
    }).connect();
    run.flush(0);
    run.client.send(hello('a'));
    run.flush(500);
    expect(run.status.kind).toBe('waiting');
    for (const body of 'bc') run.client.send(hello(body));
    run.flush().transport.verify();
  });

  it('twice in a row goes on counting from the beginning', () => {
    const run = new ClientRun(
      [
        manages(hears('a'), says('1'), cut()),
        resumes(1, 1, says('2'), hears('b'), cut()),
        resumes(2, 1, hears('b'), expects(R), says('3'), reply(A(2), R), expects(A(3))),
      ],
      {
        ...never,
        use: (session, { sessions }) => sessions.length < 3 && session.send(hello('ab'[sessions.length - 1]!)),
      },
    ).connect();
    run.flush();
    expect(run.received).toEqual(['1', '2', '3']);
    expect([run.losses, run.end]).toEqual([[], undefined]);
    run.transport.verify();
  });

  it('requests go on: the answer comes on the next stream', () => {
    const run = new ClientRun([
      manages(expects(`<iq type='get' id='{id}'>${PING}</iq>`), cut()),
      [
        authenticates(BIND, SM),
        exchange([RESUME(0), RESUMED(1)]),
        // Only the first script knows the id; the client's random is fixed, so it is the same in every run.
        reply(() => `<iq type='result' id='${id}'/>`),
      ],
    ]).connect();
    let id = '';
    run.flush(0);
    const answer = follow(run.client.iq('get', xml('ping', { xmlns: NS.ping })));
    run.flush(500);
    id = / id=["']([^"']+)["']><ping/.exec(run.transport.sent)![1]!;
    expect(answer.told).toEqual([]);
    run.flush();
    expect(answer.told).toEqual(['next', 'complete']);
    run.disconnect().check();
  });

  describe('answers to what was asked of us', () => {
    const ASKED = `<iq type='get' id='q' from='bob@example.org/phone'><query xmlns='urn:example'/></iq>`;
    const ANSWER = `<iq to='bob@example.org/phone' id='q' type='result'><done/></iq>`;
    /** Is asked, and answers so many milliseconds later. */
    const asked = (delay: number, ...scripts: Script[]) => {
      const run = new ClientRun([manages(reply(ASKED), after(1_000), cut()), ...scripts]);
      let working = 0;
      run.client.handle('get', 'urn:example', () => {
        working++;
        return timer(delay, run.scheduler).pipe(
          map(() => xml('done')),
          finalize(() => working--),
        );
      });
      run.connect().flush(1_500);
      expect([run.status.kind, run.losses]).toEqual(['waiting', []]);
      return { run, working: () => working };
    };

    it('go on: one that is ready later is given on the stream of then', () => {
      const { run } = asked(3_000, resumes(1, 0, expects(ANSWER)));
      run.flush();
      run.transport.verify();
    });

    it('one that is ready while there is no stream waits for it', () => {
      const { run, working } = asked(1_200, resumes(1, 0, expects(ANSWER), reply(A(1)), after(10)));
      expect(working()).toBe(0);
      run.flush();
      run.transport.verify();
    });

    it.each([1_200, 3_000])('are not given to another session: ready after %d ms', (delay) => {
      const { run, working } = asked(delay, refusesToResume(1, FAILED(), hears('new'), after(10_000)));
      run.flush(2_100);
      run.client.send(hello('new'));
      run.flush(9_000);
      expect([working(), run.losses]).toEqual([0, []]);
      run.transport.verify();
    });

    it('what cannot be written is an error, then as well', () => {
      const refused =
        `<iq to='bob@example.org/phone' id='q' type='error'><error type='cancel'>` +
        `<internal-server-error xmlns='${NS.stanzas}'/></error></iq>`;
      const run = new ClientRun([manages(reply(ASKED), after(1_000), cut()), resumes(1, 0, expects(refused))]);
      run.client.handle('get', 'urn:example', () => timer(1_200, run.scheduler).pipe(map(() => xml('a\uffff'))));
      run.connect().flush();
      run.transport.verify();
    });
  });

  it('a request times out on time although its stream was lost', () => {
    const run = new ClientRun([manages(expects(`<iq type='get' id='*'>${PING}</iq>`), cut()), resumes(0, 1)]).connect();
    run.flush(0);
    const answer = follow(run.client.iq('get', xml('ping', { xmlns: NS.ping }), undefined, { timeout: 3_000 }));
    run.flush(2_999);
    expect([answer.told, run.status.kind]).toEqual([[], 'online']);
    run.flush(3_000);
    expect(answer.told).toEqual(['timeout']);
  });

  it('begins where the server wants it', () => {
    const located = ENABLED.replace('/>', ` location='[2001:db8::1]:5222' max='60'/>`);
    const dialled: (string | undefined)[] = [];
    const run = new ClientRun([
      [authenticates(BIND, SM), hearsBind(), reply(bindResult()), expects(ENABLE), reply(located), cut()],
      resumes(0, 0),
    ]);
    const { transport } = run;
    const spy = new ClientRun([], {
      over: {
        name: 'spy',
        connect: (context) => {
          dialled.push(context.location);
          return transport.connect(context);
        },
      },
    }).connect();
    spy.flush();
    expect([dialled, spy.status.kind]).toEqual([[undefined, '[2001:db8::1]:5222'], 'online']);
    transport.verify();
  });

  it('is asked for after max too: the server says whether it has the session still, or how far that came', () => {
    const brief = ENABLED.replace('/>', ` max='10'/>`);
    const script = [authenticates(BIND, SM), hearsBind(), reply(bindResult()), expects(ENABLE), reply(brief)];
    const run = new ClientRun(
      [[...script, hears('a', 'b'), cut()], refusesToResume(0, FAILED('item-not-found', 1), says('on'))],
      { options: { ...never.options, reconnect: { backoff: () => 60_000 } } },
    ).connect();
    run.flush(0);
    for (const body of 'ab') run.client.send(hello(body));
    run.flush();
    expect([run.losses, run.received]).toEqual([['b delivery-unknown'], ['on']]);
    run.transport.verify();
  });

  describe('refused', () => {
    it.each([
      ['item-not-found, no h', FAILED(), ['a delivery-unknown', 'b delivery-unknown'], ''],
      ['item-not-found, h within the window', FAILED('item-not-found', 1), ['b delivery-unknown'], 'acked complete'],
      ['all handled', FAILED('item-not-found', 2), [], 'acked complete'],
      ['h outside the window', FAILED('item-not-found', 4), ['a delivery-unknown', 'b delivery-unknown'], ''],
      ['no condition', `<failed xmlns='${NS.sm}'/>`, ['a delivery-unknown', 'b delivery-unknown'], ''],
    ])('%s: a new session on the same stream, and what was lost is told', (_name, failed, losses) => {
      const run = new ClientRun([manages(hears('a', 'b'), cut()), refusesToResume(0, failed, says('on'))], never);
      run.connect().flush(0);
      for (const body of 'ab') run.client.send(hello(body));
      const answer = follow(run.client.iq('get', xml('ping', { xmlns: NS.ping })));
      run.flush();
      expect(run.losses).toEqual(losses);
      expect(answer.told).toEqual(['session-lost']);
      expect([run.received, run.session.resumed, run.transport.connections]).toEqual([['on'], false, 2]);
    });

    it('stream management is gone altogether: the same', () => {
      const run = new ClientRun([manages(hears('a'), cut()), begins(says('on'))], never).connect().flush(0);
      run.client.send(hello('a'));
      run.flush();
      expect([run.losses, run.received, run.session.managed]).toEqual([['a delivery-unknown'], ['on'], false]);
    });

    it('the new session counts from zero, and is resumed by its own name', () => {
      const run = new ClientRun(
        [
          manages(says('1'), cut()),
          refusesToResume(1, FAILED(), says('2', '3'), cut()),
          [authenticates(BIND, SM), exchange([RESUME(2, 'sm-2'), RESUMED(0)]), says('4')],
        ],
        never,
      ).connect();
      expect(run.flush().received).toEqual(['1', '2', '3', '4']);
      run.transport.verify();
    });

    it('the loss tells why', () => {
      const run = new ClientRun([manages(hears('a'), cut()), refusesToResume(0, FAILED())], never).connect().flush(0);
      const a = run.deliver(hello('a'));
      run.flush();
      expect(a.error).toMatchObject({
        condition: 'delivery-unknown',
        cause: { condition: 'session-lost', text: 'not resumed (item-not-found)' },
      });
    });

    it('resendLost: messages go out again before anything new, marked with when they were sent (XEP-0203)', () => {
      const delayed = (body: string, ms: number) =>
        expects(
          `<message to='bob@example.org'><body>${body}</body>` +
            `<delay xmlns='${NS.delay}' stamp='${new Date(ms).toISOString()}'/></message>`,
        );
      const run = new ClientRun(
        [
          manages(hears('a', 'b'), expects(`<presence/>`), reply(A(1)), after(500), cut()),
          refusesToResume(0, FAILED(), delayed('b', 100), hears('c')),
        ],
        { options: { ...never.options, resendLost: true, whileOffline: { queue: 9 } } },
      ).connect();
      run.flush(100);
      const [, b] = ['a', 'b'].map((body) => run.deliver(hello(body)));
      run.client.send(xml('presence'));
      run.flush(1_000);
      const c = run.deliver(hello('c'));
      run.flush();
      // A presence would be stale by now, and is told instead.
      expect(run.losses).toEqual(['presence delivery-unknown']);
      expect([b!.told, c.told]).toEqual([
        ['queued', 'written'],
        ['queued', 'written'],
      ]);
      run.transport.verify();
      // A delivery holds the connection until it is settled, or nobody follows it.
      run.disconnect();
      expect(run.status.kind).toBe('online');
      b!.unsubscribe();
      c.unsubscribe();
      expect([run.status.kind, run.losses]).toEqual([
        'offline',
        ['presence delivery-unknown', 'b delivery-unknown', 'c delivery-unknown'],
      ]);
    });

    it('resendLost where the session could never be resumed', () => {
      const unresumable = `<enabled xmlns='${NS.sm}'/>`;
      const script = [authenticates(BIND, SM), hearsBind(), reply(bindResult()), expects(ENABLE), reply(unresumable)];
      const again = expects(`<message to='*'><body>a</body><delay xmlns='${NS.delay}' stamp='*'/></message>`);
      const run = new ClientRun(
        [
          [...script, hears('a'), cut()],
          [...script, again, reply(A(1))],
        ],
        {
          options: { ...never.options, resendLost: true },
        },
      ).connect();
      run.flush(0);
      const a = run.deliver(hello('a'));
      run.flush();
      expect(a.told).toEqual(['queued', 'written', 'acked', 'complete']);
      run.transport.verify();
    });
  });

  describe('answered wrongly', () => {
    it.each([
      ['h too high', RESUMED(2), '2'],
      ['h backward', RESUMED('4294967295'), '4294967295'],
      ['h is no number', RESUMED('x'), 'x'],
      ['no h', `<resumed xmlns='${NS.sm}' previd='sm-1'/>`, ''],
    ])('%s: the stream ends, the session is lost, and the next attempt begins a new one', (_name, resumed, h) => {
      const run = new ClientRun(
        [manages(hears('a'), cut()), [authenticates(BIND, SM), exchange([RESUME(0), resumed]), mute()], manages()],
        never,
      ).connect();
      run.flush(0);
      const a = run.deliver(hello('a'));
      run.flush();
      expect(a.told).toEqual(['queued', 'written', 'delivery-unknown']);
      expect([run.status.kind, run.session.resumed]).toEqual(['online', false]);
      expect(run.transport.sent).toContain(impossible(h));
      run.transport.verify();
    });

    it('by something else: the same', () => {
      const wrong = [authenticates(BIND, SM), exchange([RESUME(0), `<proceed xmlns='${NS.tls}'/>`]), mute()];
      const run = new ClientRun([manages(cut()), wrong, manages()], never).connect();
      run.flush();
      expect([run.failure?.condition, run.failure?.phase, run.status.kind]).toEqual([
        'invalid-xml',
        'resume',
        'online',
      ]);
      run.transport.verify();
    });
  });

  describe('and footers', () => {
    it('none while the answer is awaited, since the server may have resumed by then', () => {
      const run = new ClientRun([manages(cut()), [authenticates(BIND, SM), expects(RESUME(0)), expectsEnd()]], never);
      run.connect().flush(1_500);
      expect(run.status.kind).toBe('resuming');
      run.disconnect();
      expect(run.transport.sent).not.toContain(FOOTER);
      run.check();
    });

    it('none where a timeout ends the wait for the answer', () => {
      const mute = [authenticates(BIND, SM), expects(RESUME(0)), expectsEnd()];
      const run = new ClientRun([manages(cut()), mute, resumes(0, 0)], never).connect().flush(60_000);
      expect([run.status.kind, run.transport.sent.includes(FOOTER)]).toEqual(['online', false]);
    });

    it('one once it is there', () => {
      const run = new ClientRun([manages(cut()), resumes(0, 0)], never).connect().flush().disconnect();
      expect(run.transport.sent).toContain(FOOTER);
    });
  });

  it('a stanza too big to be taken is met by a new session, not by the same stanza for ever', () => {
    const bomb = `<message from='bob@example.org/phone'><body>${'x'.repeat(2_000)}</body></message>`;
    const run = new ClientRun([manages(says('one'), reply(bomb), mute()), manages(says('two'))], {
      options: { ...never.options, limits: { stanzaBytes: 1_000 } },
    }).connect();
    run.flush();
    expect([run.received, run.session.resumed]).toEqual([['one', 'two'], false]);
    run.transport.verify();
  });

  it('a server that fails at it each time is asked five times, and met by a new session then', () => {
    const asks = (...more: Script): Script => [authenticates(BIND, SM), expects(RESUME(0)), ...more];
    const run = new ClientRun([
      manages(hears('one'), cut()),
      ...Array.from({ length: 5 }, (_, index) => asks(index % 2 ? cut() : after(60_000))),
      manages(hears('two'), after(5_000), cut()),
      resumes(0, 1),
    ]);
    run.connect().flush(0);
    run.client.send(hello('one'));
    run.flush(120_000);
    expect([run.sessions.length, run.session.resumed, run.losses]).toEqual([2, false, ['one delivery-unknown']]);
    run.client.send(hello('two'));
    run.flush();
    // It counts anew.
    expect([run.sessions.length, run.session.resumed]).toEqual([3, true]);
    run.transport.verify();
  });

  it('four times without an answer, and then with one, is no reason to give it up', () => {
    const asks: Script = [authenticates(BIND, SM), expects(RESUME(0)), cut()];
    const cuts = [asks, asks, asks, asks, resumes(0, 0, cut())];
    const run = new ClientRun([manages(cut()), ...cuts, ...cuts, resumes(0, 0)]).connect().flush();
    expect(run.sessions.map(({ resumed }) => resumed)).toEqual([false, true, true, true]);
    run.transport.verify();
  });

  it('what the server says while it closes does not forbid to resume', () => {
    const goodbye = `<stream:error xmlns:stream='${NS.stream}'><system-shutdown xmlns='${NS.streams}'/></stream:error>${FOOTER}`;
    const run = new ClientRun([manages(says('one'), reply(goodbye), end()), resumes(1, 0)], never).connect().flush();
    expect([run.status.kind, run.session.resumed]).toEqual(['online', true]);
  });

  it('fails for good: all is settled at the fatal error', () => {
    const refused = [
      opens(features(mechanisms('EXTERNAL')), { secure: true }),
      auth('EXTERNAL', '', saslFailure('not-authorized')),
    ];
    const run = new ClientRun([manages(hears('a'), cut()), refused], never).connect().flush(0);
    const a = run.deliver(hello('a'));
    const answer = follow(run.client.iq('get', xml('ping', { xmlns: NS.ping })));
    run.flush();
    expect(run.end).toBe('sasl not-authorized (sasl)');
    expect([a.told, answer.told]).toEqual([['queued', 'written', 'delivery-unknown'], ['session-lost']]);
    expect(a.error).toMatchObject({ cause: { cause: { condition: 'not-authorized' } } });
    run.check();
  });
});
