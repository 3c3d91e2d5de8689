import { concat, defer, NEVER, of, Subject, switchMap, VirtualTimeScheduler } from 'rxjs';
import { marbles } from 'rxjs-marbles/jest';
import { StreamError, TlsError, TransportError, XmlError } from '../../lib/errors/index.js';
import { XmlStream } from '../../lib/stream/xml-stream.js';
import { after, exchange, reply } from '../../lib/testing.js';
import { NS, xml, type XmlElement } from '../../lib/xml/index.js';
import { stubConnection } from '../support/stub-connection.js';
import { BIND, BOUND, DOMAIN, FOOTER, features, message, PROCEED, serverHeader, streamError } from '../support/wire.js';
import { replayCrypto, watchUnhandled, WireRun } from '../support/wire-run.js';

const HEADER = serverHeader();

describe('XmlStream', () => {
  const { take } = watchUnhandled();

  /** A stream whose input is a subject, and what its elements do. */
  function stream(limits?: ConstructorParameters<typeof XmlStream>[1]) {
    const input$ = new Subject<string>();
    const connection = stubConnection(input$);
    const own = new XmlStream(connection, limits);
    own.open({ to: DOMAIN });
    connection.written.length = 0;
    const log: string[] = [];
    const observer = {
      next: (element: XmlElement) => log.push(element.name),
      error: (error: Error) => log.push(`#${error.message}`),
      complete: () => log.push('|'),
    };
    return { input$, connection, stream: own, log, observer };
  }

  it(
    'element$ in marbles: subscribes to the input while it is read, and no longer',
    marbles((m) => {
      const wire = { h: HEADER, a: '<a/>', b: '<b/><c/>', x: FOOTER };
      const input$ = m.hot<string>('--h--a-b---x', wire);
      const own = new XmlStream(stubConnection(input$));
      const named = { a: 'a', b: 'b', c: 'c' };
      const source$ = new Subject<XmlElement>();
      own.element$.subscribe(source$);
      const names$ = new Subject<string>();
      source$.subscribe({ next: ({ name }) => names$.next(name), complete: () => names$.complete() });
      m.expect(names$).toBeObservable('-----a-(bc)|', named);
      m.expect(input$).toHaveSubscriptions('^----------!');
    }),
  );

  describe('reading', () => {
    it('does not read the connection while nobody reads the stream, and loses nothing', () => {
      const { stream: own, input$, log, observer } = stream();
      expect(input$.observed).toBe(false);
      const subscription = own.header$.subscribe(() => log.push('header'));
      expect(input$.observed).toBe(true);
      input$.next(`${HEADER}<a/><b/>`);
      expect([log, input$.observed]).toEqual([['header'], false]);
      subscription.unsubscribe();
      own.next$.subscribe(observer);
      own.next$.subscribe(observer);
      expect([log, input$.observed]).toEqual([['header', 'a', '|', 'b', '|'], false]);
      const third = own.next$.subscribe(observer);
      expect(input$.observed).toBe(true);
      third.unsubscribe();
      expect(input$.observed).toBe(false);
    });

    it('who gets the header may read on at once, behind it in the same chunk', () => {
      const { stream: own, input$, log, observer } = stream();
      own.header$.pipe(switchMap(() => own.next$)).subscribe(observer);
      input$.next(`${HEADER}<a/>`);
      expect([log, input$.observed]).toEqual([['a', '|'], false]);
    });

    it('who awaits the header may give up, and another may await it', () => {
      const { stream: own, input$, log } = stream();
      own.header$.subscribe(() => log.push('nobody')).unsubscribe();
      expect(input$.observed).toBe(false);
      own.header$.subscribe(({ id }) => log.push(id!));
      input$.next(HEADER);
      expect(log).toEqual(['s1']);
    });

    it('the header is there for whoever asks later', () => {
      const { stream: own, input$, log } = stream();
      own.header$.subscribe();
      input$.next(HEADER);
      own.header$.subscribe({ next: ({ id }) => log.push(`header ${id}`), complete: () => log.push('|') });
      expect(log).toEqual(['header s1', '|']);
    });

    it('one element after the other, from within each: the connection goes on being read meanwhile', () => {
      const input$ = new Subject<string>();
      let reads = 0;
      const own = new XmlStream(
        stubConnection(
          defer(() => {
            reads++;
            return input$;
          }),
        ),
      );
      const log: string[] = [];
      const readOn = (): void =>
        void own.next$.subscribe(({ name }) => {
          log.push(name);
          if (name !== 'c') readOn();
        });
      own.header$.subscribe();
      input$.next(HEADER);
      readOn();
      input$.next('<a/><b/><c/><d/>');
      expect(log).toEqual(['a', 'b', 'c']);
      expect([input$.observed, reads]).toEqual([false, 2]);
    });

    it('one reader at a time', () => {
      const { stream: own, observer, log } = stream();
      own.element$.subscribe(observer);
      own.element$.subscribe(observer);
      expect(log).toEqual([expect.stringMatching('#stream-busy')]);
    });

    it('what was read too early can be given back, before what waits', () => {
      const { stream: own, input$, log, observer } = stream();
      own.header$.subscribe();
      input$.next(`${HEADER}<c/><d/>`);
      own.unread([xml('a'), xml('b')]);
      own.element$.subscribe(observer);
      expect(log).toEqual(['a', 'b', 'c', 'd']);
    });

    it('any number of them', () => {
      const { stream: own } = stream();
      own.unread(Array.from({ length: 300_000 }, () => xml('a')));
      let count = 0;
      own.element$.subscribe(() => count++);
      expect(count).toBe(300_000);
    });

    it('an end is told after what came before it, and again to whoever comes later', () => {
      for (const [how, told] of [
        [FOOTER, '|'],
        [streamError('conflict'), '#conflict: the server ended the stream'],
        ['<<', expect.stringMatching('#not-well-formed')],
      ]) {
        const { stream: own, input$, log, observer } = stream();
        own.header$.subscribe();
        input$.next(`${HEADER}<a/>${how}<b/>`);
        own.element$.subscribe(observer);
        own.element$.subscribe(observer);
        expect(log).toEqual(['a', told, told]);
      }
    });

    it('a footer where an element is due is an error', () => {
      const { stream: own, input$, log, observer } = stream();
      own.next$.subscribe(observer);
      input$.next(HEADER + FOOTER);
      expect(log).toEqual(['#stream-closed: the server closed the stream']);
    });

    it.each([
      ['error', '#connection-reset'],
      ['complete', '#connection-closed: the server closed the connection without closing the stream'],
    ] as const)('the input ends by %s', (how, told) => {
      const { stream: own, input$, log, observer } = stream();
      own.element$.subscribe(observer);
      input$.next(`${HEADER}<a/><b>`);
      if (how === 'error') input$.error(new TransportError({ condition: 'connection-reset' }));
      else input$.complete();
      expect(log).toEqual(['a', told]);
      own.dispose();
    });

    it('a reader that throws is reported, and the stream goes on', () => {
      const { stream: own, input$, log } = stream();
      own.element$.subscribe(({ name }) => {
        log.push(name);
        throw new Error(name);
      });
      input$.next(`${HEADER}<a/><b/>`);
      input$.next('<c/>');
      expect(log).toEqual(['a', 'b', 'c']);
      expect(take()).toHaveLength(3);
    });

    it('input that is there at once, while `subscribe` is on the stack', () => {
      const own = new XmlStream(stubConnection(concat(of(HEADER + features(BIND)), NEVER)));
      const log: string[] = [];
      own.element$.subscribe(({ name }) => log.push(name)).unsubscribe();
      expect(log).toEqual(['features']);
    });
  });

  describe('writing', () => {
    it('writes elements in the namespace of the stream, and tells when each is written', () => {
      const { stream: own, connection, log } = stream();
      own.send(xml('message', {}, xml('body', {}, '<')), () => log.push('written'));
      expect([connection.sent, log]).toEqual(['<message><body>&lt;</body></message>', ['written']]);
    });

    it('writes nothing of what cannot be written', () => {
      const { stream: own, connection } = stream();
      expect(() => own.send(xml('message', {}, xml('body', {}, '\u0000')))).toThrow(XmlError);
      expect(connection.sent).toBe('');
    });

    it('the footer once, whoever asks for it, and ends the connection behind it', () => {
      const { stream: own, connection } = stream();
      own.close();
      own.close();
      expect(connection.ended).toBe(false);
      own.dispose();
      expect([connection.sent, connection.ended]).toEqual([FOOTER, true]);
    });

    it('no footer where there is no stream to close', () => {
      const connection = stubConnection();
      new XmlStream(connection).dispose();
      expect([connection.sent, connection.ended]).toEqual(['', false]);
    });

    it('no footer on a connection that is lost', () => {
      const { stream: own, input$, connection, observer } = stream();
      own.element$.subscribe(observer);
      input$.error(new TransportError({ condition: 'connection-reset' }));
      own.dispose();
      expect([connection.sent, connection.ended]).toEqual(['', false]);
    });

    it('a stream error of ours, once, with the footer; and the text of it is escaped', () => {
      const { stream: own, connection, log, observer } = stream();
      own.element$.subscribe(observer);
      const error = new StreamError({ condition: 'invalid-xml', text: `<'&">` });
      expect(own.reject(error)).toBe(error);
      own.reject(new StreamError({ condition: 'reset' }));
      own.dispose();
      expect(connection.sent).toBe(
        `<stream:error><invalid-xml xmlns='${NS.streams}'/><text xmlns='${NS.streams}' xml:lang='en'>&lt;'&amp;"&gt;</text></stream:error>${FOOTER}`,
      );
      expect(log).toEqual([expect.stringMatching('#invalid-xml')]);
    });

    it('the footer in answer to a stream error of the peer, before anybody is told, and once', () => {
      const { stream: own, input$, connection } = stream();
      const told: string[] = [];
      own.element$.subscribe({ error: ({ condition }: StreamError) => told.push(condition, connection.sent) });
      input$.next(`${HEADER}${streamError('conflict')}${FOOTER}`);
      own.dispose();
      expect([told, connection.sent, connection.ended]).toEqual([['conflict', FOOTER], FOOTER, true]);
    });

    it('the footer in answer to a footer that sends us elsewhere (RFC 7395 section 3.6.1), before anybody is told', () => {
      const input$ = new Subject<string>();
      const connection = stubConnection(input$, { framing: 'frames' });
      const own = new XmlStream(connection);
      own.open({ to: DOMAIN });
      connection.written.length = 0;
      const told: string[] = [];
      own.element$.subscribe({ error: ({ condition }: StreamError) => told.push(condition, connection.sent) });
      input$.next(`<open xmlns='${NS.framing}' from='${DOMAIN}' id='s1' version='1.0'/>`);
      input$.next(`<close xmlns='${NS.framing}' see-other-uri='wss://b.example/'/>`);
      own.dispose();
      const footer = `<close xmlns='${NS.framing}'/>`;
      expect([told, connection.sent, connection.ended]).toEqual([['see-other-host', footer], footer, true]);
    });

    it('nothing to the peer where the fault is none of the stream', () => {
      const { stream: own, connection } = stream();
      own.reject(new TlsError({ condition: 'data-after-proceed' }));
      own.dispose();
      expect(connection.sent).toBe('');
    });
  });

  describe('supersede', () => {
    const opened = (more = '') => {
      const all = stream();
      all.stream.header$.subscribe();
      all.input$.next(HEADER + more);
      return all;
    };

    it('ends reading and writing of the stream', () => {
      const { stream: own, input$, connection, log, observer } = opened();
      own.supersede('restart');
      own.supersede('restart');
      own.element$.subscribe(observer);
      expect(input$.observed).toBe(false);
      own.close();
      own.dispose();
      expect([connection.sent, connection.ended, log]).toEqual(['', false, []]);
    });

    it.each([
      ['restart', StreamError, 'policy-violation'],
      ['tls', TlsError, 'data-after-proceed'],
    ] as const)('is an error where elements wait: %s', (reason, kind, condition) => {
      const { stream: own } = opened('<early/>');
      expect(() => own.supersede(reason)).toThrow(kind);
      expect(() => own.supersede(reason)).toThrow(condition);
    });

    it('is an error where half an element waits', () => {
      expect(() => opened('<ear').stream.supersede('restart')).toThrow(StreamError);
      expect(() => opened('<ear').stream.supersede('tls')).toThrow(TlsError);
    });

    it('white space may wait for a restart, not for TLS', () => {
      expect(() => opened(' \n').stream.supersede('restart')).not.toThrow();
      expect(() => opened(' ').stream.supersede('tls')).toThrow(TlsError);
    });

    it('in the same chunk as what led to it', () => {
      for (const [behind, how] of [
        ['', 'fine'],
        [message('x'), 'data-after-proceed'],
        [' ', 'data-after-proceed'],
      ] as const) {
        const { stream: own, input$ } = opened();
        let end = 'fine';
        own.next$.subscribe(() => {
          try {
            own.supersede('tls');
          } catch (error) {
            end = (error as TlsError).condition;
          }
        });
        input$.next(PROCEED + behind);
        expect(end).toBe(how);
      }
    });

    it('throws what ended the stream before', () => {
      const { stream: own } = opened(streamError('conflict'));
      expect(() => own.supersede('restart')).toThrow('conflict');
    });
  });

  it('dispose: nothing is read and nothing told any more', () => {
    const { stream: own, input$, log, observer } = stream();
    own.element$.subscribe(observer);
    input$.next(HEADER);
    own.dispose();
    expect(input$.observed).toBe(false);
    own.dispose();
    expect(log).toEqual([]);
  });

  it('knows when something last came, white space included', () => {
    const scheduler = new VirtualTimeScheduler();
    const input$ = new Subject<string>();
    const own = new XmlStream(stubConnection(input$), undefined, scheduler);
    own.element$.subscribe();
    scheduler.schedule(() => input$.next(HEADER), 10);
    scheduler.schedule(() => input$.next(' '), 25);
    scheduler.flush();
    expect(own.receivedAt).toBe(25);
  });
});

describe('frames (RFC 7395)', () => {
  watchUnhandled();

  const open = (from = '') => `<open xmlns='${NS.framing}' to='${DOMAIN}'${from} version='1.0'/>`;
  const opened = `<open xmlns='${NS.framing}' from='${DOMAIN}' id='s1' version='1.0'/>`;
  const featuresOf = (content: string) => `<stream:features xmlns:stream='${NS.stream}'>${content}</stream:features>`;
  const close = `<close xmlns='${NS.framing}'/>`;
  const ours = open(` from='alice@example.org'`);
  const online = [
    exchange([ours, opened]),
    reply(featuresOf(`<mechanisms xmlns='${NS.sasl}'><mechanism>EXTERNAL</mechanism></mechanisms>`)),
    exchange([`<auth xmlns='${NS.sasl}' mechanism='EXTERNAL'>=</auth>`, `<success xmlns='${NS.sasl}'/>`]),
    exchange([ours, opened]),
    reply(featuresOf(BIND)),
    exchange([
      `<iq xmlns='jabber:client' type='set' id='{bind}'>${BIND}</iq>`,
      `<iq xmlns='jabber:client' type='result' id='{bind}'><bind xmlns='${NS.bind}'><jid>${BOUND}</jid></bind></iq>`,
    ]),
  ];
  const init = {
    options: { credentials: { external: true }, crypto: replayCrypto },
    transport: { framing: 'frames', tls: true },
  } as const;

  it('comes online, talks and closes, each thing in a frame of its own', () => {
    const run = new WireRun(
      [
        online,
        exchange([
          `<message xmlns='jabber:client'/>`,
          message('hi').replace('<message', `<message xmlns='jabber:client'`),
        ]),
        exchange([close, close]),
      ],
      { ...init, use: (session) => session.message$.pipe(switchMap(() => session.close())).subscribe() },
    ).flush(0);
    run.session.send(xml('message'));
    run.flush(0);
    expect(run.outcome).toBe('closed');
    expect(run.transport.log.filter(({ direction }) => direction === 'out').map(({ text }) => text[1])).toEqual([
      ...'oaoimc',
    ]);
    run.check();
  });

  it.each([
    ['white space', ' ', 'bad-format'],
    ['two elements', `<a xmlns='jabber:client'/><b xmlns='jabber:client'/>`, 'bad-format'],
    ['half an element', `<a xmlns='jabber:client'>`, 'bad-format'],
    ['a stream header of TCP', HEADER.replace(/^<[?].*?[?]>/, ''), 'bad-format'],
    ['a second open', opened, 'bad-format'],
    ['a stream error', `<error xmlns='${NS.stream}'><conflict xmlns='${NS.streams}'/></error>`, 'conflict'],
    ['the footer', close, 'stream-closed'],
  ])('%s ends it', (_name, frame, condition) => {
    const run = new WireRun([online, after(1), reply(frame)], init).flush().check();
    expect(run.outcome).toMatch(new RegExp(`^stream ${condition} \\(online\\)`));
    expect(run.sent.endsWith(close)).toBe(true);
  });
});
