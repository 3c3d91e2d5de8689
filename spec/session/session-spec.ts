import {
  EMPTY,
  ignoreElements,
  map,
  merge,
  mergeMap,
  of,
  ReplaySubject,
  Subject,
  switchMap,
  take,
  tap,
  throwError,
  timer,
  type ObservableInput,
  type OperatorFunction,
} from 'rxjs';
import { marbles } from 'rxjs-marbles/jest';
import { xmppStream } from '../../lib/client/xmpp-stream.js';
import { StanzaError, StreamError, XmlError } from '../../lib/errors/index.js';
import { jid } from '../../lib/jid/index.js';
import { disconnect } from '../../lib/session/disconnect.js';
import type { RequestHandler } from '../../lib/session/request-handlers.js';
import { session } from '../../lib/session/session-operator.js';
import type { Session } from '../../lib/session/session.js';
import { negotiate } from '../../lib/stream/negotiate.js';
import { openStream } from '../../lib/stream/open-stream.js';
import type { StreamFeature } from '../../lib/stream/stream-feature.js';
import { after, cut, end, exchange, expects, expectsEnd, mute, reply, stall, type Script } from '../../lib/testing.js';
import type { Connection } from '../../lib/transport/transport.js';
import { NS, xml, type XmlElement } from '../../lib/xml/index.js';
import { recorded, sessionInit, sessionRun } from '../support/session-run.js';
import { stubConnection } from '../support/stub-connection.js';
import {
  auth,
  BIND,
  bindResult,
  BOUND,
  features,
  FOOTER,
  goesOnline,
  hearsBind,
  mechanisms,
  message,
  opens,
  PING,
  serverHeader,
  streamError,
} from '../support/wire.js';
import { replay, show, watchUnhandled, WireRun } from '../support/wire-run.js';

const bodyOf = (stanza: XmlElement) => stanza.child('body')?.text() ?? stanza.name;

/** From a connection to a session, with nothing to negotiate. */
const toSession = (): OperatorFunction<Connection, Session> => {
  const ready: StreamFeature = {
    name: 'ready',
    xmlns: '',
    parse: () => true,
    negotiate: () => of({ kind: 'ready', agreed: { jid: jid(BOUND) } } as const),
  };
  const to = { to: 'example.org' };
  return (source) => source.pipe(openStream(to), negotiate({ ...to, features: [ready] }), session());
};

describe('session and disconnect', () => {
  const unhandled = watchUnhandled();

  describe('in marbles', () => {
    const WIRE = {
      o: serverHeader() + features(),
      b: serverHeader() + features() + message('m'),
      m: message('m'),
      n: `<r xmlns='urn:example'/>`,
      x: FOOTER,
      e: streamError('conflict'),
    };
    interface Case {
      readonly input: string;
      readonly inputSubs: string;
      readonly unsub?: string;
      readonly close?: string;
      readonly result: string;
      readonly stanzas: string;
      readonly error?: Error;
      readonly footer?: boolean;
    }
    const cases: Record<string, Case> = {
      'stanzas, and no end': {
        input: '    -o-m-n-m--',
        inputSubs: '^---------!',
        unsub: '    ^---------!',
        result: '   -s--------',
        stanzas: '  ---m---m--|',
      },
      'a stanza in the same chunk': {
        input: '    -b---',
        inputSubs: '^----!',
        unsub: '    ^----!',
        result: '   -s---',
        stanzas: '  -m---|',
      },
      'the footer of the server': {
        input: '    -o-m-x',
        inputSubs: '^----!',
        result: '   -s---#',
        stanzas: '  ---m-|',
        error: new StreamError({ condition: 'stream-closed', phase: 'online', text: 'the server closed the stream' }),
      },
      'a stream error': {
        input: '    -o-m-e',
        inputSubs: '^----!',
        result: '   -s---#',
        stanzas: '  ---m-|',
        error: new StreamError({ condition: 'conflict', phase: 'online', text: 'the server ended the stream' }),
      },
      'closed by us, answered in time': {
        input: '    -o-m---m-x',
        inputSubs: '^--------!',
        close: '    -----c',
        result: '   -s-------|',
        stanzas: '  ---m---m-|',
      },
      'closed by us, not answered': {
        input: '    -o-m------m',
        inputSubs: '^--------!',
        close: '    -----c',
        result: '   -s-------|',
        stanzas: '  ---m-----|',
      },
      'closed by us, twice: the bound is that of the first time': {
        input: '    -o-m------m',
        inputSubs: '^--------!',
        close: '    -----c-c',
        result: '   -s-------|',
        stanzas: '  ---m-----|',
      },
      'the input ends after our footer': {
        input: '    -o-m---|',
        inputSubs: '^------!',
        close: '    -----c',
        result: '   -s-----|',
        stanzas: '  ---m---|',
      },
      'a stream error after our footer': {
        input: '    -o-m---e',
        inputSubs: '^------!',
        close: '    -----c',
        result: '   -s-----#',
        stanzas: '  ---m---|',
        error: new StreamError({ condition: 'conflict', phase: 'close', text: 'the server ended the stream' }),
      },
      'unsubscribed while closing': {
        input: '    -o-m-----x',
        inputSubs: '^------!',
        close: '    -----c',
        unsub: '    ^------!',
        result: '   -s------',
        stanzas: '  ---m---|',
      },
      'unsubscribed before there is a session': {
        input: '    ---o--',
        inputSubs: '^-!',
        unsub: '    ^-!',
        result: '   ---',
        stanzas: '  ---',
      },
    };

    it.each(Object.entries(cases))('%s', (_name, row) => {
      let connection = stubConnection();
      marbles((m) => {
        const input$ = m.hot<string>(row.input.trim(), WIRE);
        connection = stubConnection(input$);
        const live$ = new ReplaySubject<Session>(1);
        const stanzas$ = live$.pipe(
          take(1),
          switchMap((live) => live.stanza$),
          map(bodyOf),
        );
        const closes$ = m.cold(row.close?.trim() ?? '-');
        closes$
          .pipe(
            mergeMap(() => live$),
            mergeMap((live) => live.close()),
          )
          .subscribe();
        const result$ = m.cold<Connection>('c', { c: connection }).pipe(
          toSession(),
          disconnect({ timeouts: { close: 4 } }),
          tap((live) => live$.next(live)),
          map(() => 's'),
        );
        m.expect(stanzas$).toBeObservable(row.stanzas.trim());
        m.expect(result$, row.unsub?.trim()).toBeObservable(row.result.trim(), undefined, row.error);
        m.expect(input$).toHaveSubscriptions(row.inputSubs);
      })();
      expect(connection.sent.split(FOOTER)).toHaveLength(2);
      expect(connection.sent.endsWith(FOOTER)).toBe(true);
      expect(connection.ended).toBe(true);
    });

    it('is emitted synchronously before any stanza of it, and traced before that', () => {
      const log: string[] = [];
      const input$ = new Subject<string>();
      of<Connection>(stubConnection(input$))
        .pipe(
          toSession(),
          tap(() => log.push('session')),
          switchMap(({ stanza$ }) => stanza$),
        )
        .subscribe((stanza) => log.push(bodyOf(stanza)));
      input$.next(WIRE.b);
      expect(log).toEqual(['session', 'm']);
    });
  });

  describe('stanzas (I7)', () => {
    it('switchMap(session => session.stanza$) misses none, however they are cut: bind result and stanzas in one', () => {
      const heard: string[] = [];
      replay(
        () => [
          opens(features(mechanisms('EXTERNAL')), { secure: true }),
          auth('EXTERNAL', ''),
          opens(features(BIND), { secure: true }),
          hearsBind(),
          reply(bindResult(), message('one'), `<presence/>`, `<iq type='result' id='x'/>`, message('two')),
          reply(message('three'), FOOTER),
        ],
        {
          ...sessionInit(),
          client: (options) => {
            heard.length = 0;
            return xmppStream(options).pipe(
              switchMap((live) => {
                const stanzas$ = live.stanza$.pipe(tap((stanza) => heard.push(bodyOf(stanza))));
                return merge(of(live), stanzas$.pipe(ignoreElements()));
              }),
            );
          },
        },
        (run) => {
          expect(heard).toEqual(['one', 'presence', 'iq', 'two', 'three']);
          expect(run.outcome).toBe('stream stream-closed (online) local');
        },
        { stride: 5 },
      );
    });

    it('are sorted by what they are, and complete with the session', () => {
      const run = sessionRun([
        after(1),
        reply(
          message('m'),
          `<presence from='bob@example.org/x'/>`,
          `<iq type='result' id='none'/>`,
          `<iq type='maybe' id='none'/>`,
          `<iq id='none'/>`,
          `<r xmlns='urn:example'/>`,
          `<unknown/>`,
          `<message xmlns=''/>`,
          `<stream:features/>`,
        ),
        after(1),
        cut(),
      ]);
      const { session: live } = run;
      const logs = (['stanza$', 'message$', 'presence$', 'nonza$'] as const).map((name) => {
        const { log, observer } = recorded(run);
        live[name].pipe(map(({ name: own }) => own)).subscribe(observer);
        return log;
      });
      run.flush();
      expect(logs).toEqual([
        ['1 message', '1 presence', '1 iq', '1 iq', '1 iq', '2 |'],
        ['1 message', '2 |'],
        ['1 presence', '2 |'],
        ['1 r', '1 unknown', '1 message', '1 features', '2 |'],
      ]);
      run.check();
    });

    it('of a session that is over complete at once', () => {
      const run = sessionRun([cut()]);
      run.flush();
      const { log, observer } = recorded(run);
      run.sessions[0]!.stanza$.subscribe(observer);
      run.sessions[0]!.close().subscribe(observer);
      expect(log).toEqual(['0 |', '0 |']);
    });

    it('a subscriber that unsubscribes the session from within a stanza gets no other', () => {
      const heard: string[] = [];
      const run = new WireRun(
        goesOnline(reply(message('one') + message('two')), reply(message('three'))),
        sessionInit({
          use: ({ message$ }, own) =>
            message$.subscribe((stanza) => {
              heard.push(bodyOf(stanza));
              own.unsubscribe();
            }),
        }),
      ).flush();
      expect(heard).toEqual(['one']);
      run.check();
    });
  });

  describe('a subscriber that throws (S11, I10)', () => {
    it('harms neither the stream nor the other subscribers, wherever it sits', () => {
      const heard: string[] = [];
      const thrower = (name: string) => () => {
        throw new Error(name);
      };
      const run = new WireRun(
        goesOnline(reply(message('one') + message('two')), exchange([`<message id='still here'/>`, message('three')])),
        sessionInit({
          use: (live) => {
            live.stanza$.subscribe(thrower('stanza$'));
            live.message$.subscribe(thrower('message$'));
            live.message$.pipe(map(thrower('map'))).subscribe({ error: () => heard.push('error of map') });
            live.message$.subscribe((stanza) => heard.push(bodyOf(stanza)));
            live.send(xml('message', { id: 'still here' }));
            throw new Error('session$');
          },
        }),
      ).flush(0);
      expect(run.outcome).toBe('online');
      expect(heard).toEqual(['error of map', 'one', 'two', 'three']);
      const counts = new Map<string, number>();
      for (const error of unhandled.take()) counts.set(String(error), (counts.get(String(error)) ?? 0) + 1);
      expect(Object.fromEntries(counts)).toEqual({
        'Error: session$': 1,
        'Error: stanza$': 3,
        'Error: message$': 3,
      });
      run.unsubscribe().check();
    });

    it('nor the end of the session', () => {
      const run = sessionRun([after(1), cut()]);
      run.session.stanza$.subscribe({
        complete: () => {
          throw new Error('complete');
        },
      });
      run.session.iq('get', xml('q', { xmlns: 'urn:example' })).subscribe({
        error: () => {
          throw new Error('error');
        },
      });
      const { log, observer } = recorded(run);
      run.session.stanza$.subscribe(observer);
      run.flush();
      expect([run.outcome, log]).toEqual(['transport connection-reset (online)', ['1 |']]);
      expect(unhandled.take().map(String).sort()).toEqual(['Error: complete', 'Error: error']);
      run.check();
    });
  });

  describe('requests to us (RFC 6120 section 8.2.3)', () => {
    const PAYLOAD = `<query xmlns='urn:example'/>`;
    const BOB = 'bob@example.org/x';
    const asked = (type: string, payload: string, id = 'q') =>
      `<iq type='${type}' id='${id}' from='${BOB}'>${payload}</iq>`;
    const error = (condition: string, type: string, text = '') =>
      `<iq type='error' id='q' to='${BOB}'><error type='${type}'><${condition} xmlns='${NS.stanzas}'/>${
        text && `<text xmlns='${NS.stanzas}' xml:lang='en'>${text}</text>`
      }</error></iq>`;
    const answered = (payload = '') => `<iq type='result' id='q' to='${BOB}'>${payload}</iq>`;

    it.each([
      ['a ping', asked('get', PING), answered()],
      ['a ping of the server, without from', `<iq type='get' id='q'>${PING}</iq>`, `<iq type='result' id='q'/>`],
      ['a ping as a set', asked('set', PING), error('service-unavailable', 'cancel')],
      ['an unknown get', asked('get', PAYLOAD), error('service-unavailable', 'cancel')],
      ['an unknown set', asked('set', PAYLOAD), error('service-unavailable', 'cancel')],
      ['a request without payload', asked('get', ''), error('service-unavailable', 'cancel')],
      [
        'a ping beside something else',
        asked('get', `<x xmlns='urn:x'/>${PING}`),
        error('service-unavailable', 'cancel'),
      ],
    ])('%s is answered', (_name, request, answer) => {
      replay(
        () => goesOnline(reply(request), expects(answer)),
        sessionInit(),
        (run) => {
          expect(run.outcome).toBe('online');
          run.transport.verify();
        },
        { stride: 41 },
      );
    });

    const RESULT = xml('ok', { xmlns: 'urn:example' });
    const OK = `<ok xmlns='urn:example'/>`;
    const secret = new Error('SELECT * FROM users');
    const handlers: [string, RequestHandler, string][] = [
      ['a payload', () => of(RESULT), answered(OK)],
      ['an array', () => [RESULT], answered(OK)],
      ['undefined', () => of(undefined), answered()],
      ['nothing', () => EMPTY, answered()],
      ['more than one: the first counts', () => of(RESULT, undefined), answered(OK)],
      [
        'a StanzaError',
        () => throwError(() => new StanzaError({ condition: 'forbidden', type: 'auth', text: 'not you' })),
        error('forbidden', 'auth', 'not you'),
      ],
      ['any other error, without its text', () => throwError(() => secret), error('internal-server-error', 'cancel')],
      [
        'a throw',
        () => {
          throw secret;
        },
        error('internal-server-error', 'cancel'),
      ],
      [
        'no observable',
        () => undefined as unknown as ObservableInput<undefined>,
        error('internal-server-error', 'cancel'),
      ],
      ['what cannot be written', () => of(xml('ok', {}, '\u0000')), error('internal-server-error', 'cancel')],
      [
        'a condition that cannot be written',
        () => throwError(() => new StanzaError({ condition: '<' })),
        error('internal-server-error', 'cancel'),
      ],
    ];
    it.each(handlers)('a handler that gives %s', (_name, handler, answer) => {
      const run = new WireRun(
        goesOnline(reply(asked('get', PAYLOAD)), expects(answer), exchange([`<message/>`, message('on')])),
        sessionInit({ use: (live) => void live.handle('get', 'urn:example', handler) }),
      ).flush(0);
      run.session.send(xml('message'));
      run.flush(0);
      expect(run.outcome).toBe('online');
      run.transport.verify();
      run.unsubscribe().check();
    });

    it('gets the whole request, and answers when it has the answer', () => {
      const requests: string[] = [];
      const run = new WireRun(
        goesOnline(
          reply(asked('set', PAYLOAD)),
          exchange([`<message/>`]),
          after(40),
          run40(() => requests.push('40')),
          expects(answered(OK)),
        ),
        sessionInit({
          use: (live, { scheduler }) => {
            live.handle('set', 'urn:example', (iq) => {
              requests.push(`${iq.attrs.type} ${iq.attrs.from} ${iq.child('query')?.xmlns}`);
              return timer(50, scheduler).pipe(map(() => RESULT));
            });
            live.send(xml('message'));
          },
        }),
      ).flush();
      expect(requests).toEqual([`set ${BOB} urn:example`, '40']);
      run.transport.verify();
      run.unsubscribe().check();
    });

    it('handles its type and namespace alone, for as long as it is subscribed', () => {
      const run = sessionRun([
        reply(asked('set', PAYLOAD)),
        expects(error('service-unavailable', 'cancel')),
        reply(asked('get', `<query xmlns='urn:other'/>`)),
        expects(error('service-unavailable', 'cancel')),
        after(10),
        reply(asked('get', PAYLOAD)),
        expects(answered(OK)),
        after(10),
        reply(asked('get', PAYLOAD)),
        expects(error('service-unavailable', 'cancel')),
      ]);
      const handling = run.session.handle('get', 'urn:example', () => of(RESULT));
      expect(() => run.session.handle('get', 'urn:example', () => EMPTY)).toThrow('handler-exists');
      run.session.handle('set', 'urn:third', () => EMPTY);
      run.flush(15);
      handling.unsubscribe();
      run.session.handle('get', 'urn:example', () =>
        throwError(() => new StanzaError({ condition: 'service-unavailable' })),
      );
      handling.unsubscribe();
      run.flush();
      run.transport.verify();
      run.unsubscribe().check();
    });

    it('replaces the ping', () => {
      const run = new WireRun(
        goesOnline(reply(asked('get', PING)), expects(answered(OK))),
        sessionInit({ use: (live) => void live.handle('get', NS.ping, () => of(RESULT)) }),
      ).flush(0);
      run.transport.verify();
      run.unsubscribe().check();
    });

    it('is let go of with the session', () => {
      const result$ = new Subject<undefined>();
      const run = new WireRun(
        goesOnline(reply(asked('get', PAYLOAD)), after(1), cut()),
        sessionInit({ use: (live) => void live.handle('get', 'urn:example', () => result$) }),
      ).flush(0);
      expect(result$.observed).toBe(true);
      run.flush();
      expect(result$.observed).toBe(false);
      run.check();
    });

    it('owes no answer once the session is being closed', () => {
      const run = sessionRun([exchange([FOOTER, asked('get', PING) + FOOTER])]);
      run.session.close().subscribe();
      run.flush();
      expect(run.outcome).toBe('closed');
      run.transport.verify();
      run.check();
    });

    it('a thousand at once, each answered', () => {
      const many = Array.from({ length: 1_000 }, (_, index) => asked('get', PING, `q${index}`)).join('');
      const run = sessionRun([reply(many), mute()]);
      run.flush(0);
      expect(run.sent.match(/type='result'/g)).toHaveLength(1_000);
      run.unsubscribe().check();
    });
  });

  describe('send', () => {
    it('writes stanzas and nonzas in order, in the namespace of the stream', () => {
      const run = sessionRun([
        exchange(
          [`<message to='bob@example.org'><body>a&amp;b</body></message>`],
          [`<presence/>`],
          [`<r xmlns='urn:example'/>`],
        ),
      ]);
      run.session.send(xml('message', { to: 'bob@example.org' }, xml('body', {}, 'a&b')));
      run.session.send(xml('presence'));
      run.session.send(xml('r', { xmlns: 'urn:example' }));
      run.flush(0);
      run.transport.verify();
      expect(run.sent).not.toContain(`xmlns='jabber:client'><body`);
      run.unsubscribe().check();
    });

    const illegal: [string, XmlElement, string][] = [
      ['a NUL', xml('message', {}, xml('body', {}, 'a\u0000')), 'illegal-character'],
      ['a lone surrogate', xml('message', {}, xml('body', {}, '\ud800')), 'illegal-character'],
      ['a control character in an attribute', xml('message', { id: '\u0008' }), 'illegal-character'],
      ['U+FFFF', xml('message', {}, '\uffff'), 'illegal-character'],
    ];
    it.each(illegal)('rejects %s, and the stream goes on (X5)', (_name, stanza, condition) => {
      const run = sessionRun([expects(`<message id='next'/>`)]);
      expect(() => run.session.send(stanza)).toThrow(XmlError);
      expect(() => run.session.send(stanza)).toThrow(condition);
      run.session.send(xml('message', { id: 'next' }));
      run.flush(0);
      expect(run.outcome).toBe('online');
      run.transport.verify();
      run.unsubscribe().check();
    });

    it('throws once the session is over, with the reason, and while it is being closed', () => {
      const run = sessionRun([after(1), cut()]);
      run.flush();
      expect(() => run.sessions[0]!.send(xml('message'))).toThrow(
        expect.objectContaining({ condition: 'session-lost', cause: run.error }),
      );

      const closing = sessionRun([mute()]);
      closing.session.close().subscribe();
      expect(() => closing.session.send(xml('message'))).toThrow('being closed');
      closing.unsubscribe().check();
      expect(closing.sent.endsWith(`</iq>${FOOTER}`)).toBe(true);
    });
  });

  describe('close (RFC 6120 section 4.4)', () => {
    const TRACED = 'online next closing closed complete';

    it('is cold', () => {
      const run = sessionRun([mute()]);
      run.session.close();
      run.flush();
      expect(run.outcome).toBe('online');
      run.unsubscribe().check();
    });

    it('writes what was accepted and the footer, awaits that of the server, and completes', () => {
      const run = sessionRun([expects(`<message/>`), expects(FOOTER), after(100), reply(message('last'), FOOTER)]);
      const { log, observer } = recorded(run);
      const heard = recorded(run);
      run.session.message$.pipe(map(bodyOf)).subscribe(heard.observer);
      run.session.send(xml('message'));
      run.session.close().subscribe(observer);
      expect(log).toEqual([]);
      run.flush();
      expect([run.outcome, log, heard.log]).toEqual(['closed', ['100 |'], ['100 last', '100 |']]);
      expect(run.told.slice(-5).join(' ')).toBe(TRACED);
      run.transport.verify();
      run.check();
    });

    const ways: [string, Script, string, number][] = [
      ['a server that never answers', [mute()], 'closed', 5_000],
      ['one that does not even read', [stall(), mute()], 'closed', 5_000],
      [
        'one that goes on talking',
        [expects(FOOTER), Array.from({ length: 60 }, () => [after(100), reply(message('x'))])],
        'closed',
        5_000,
      ],
      ['one that ends the connection', [expects(FOOTER), after(7), end()], 'closed', 7],
      ['one that cuts it', [expects(FOOTER), after(7), cut()], 'closed', 7],
      [
        'one that ends with an error',
        [expects(FOOTER), after(7), reply(streamError('system-shutdown'))],
        'stream system-shutdown (close) remote',
        7,
      ],
      [
        'one that garbles its farewell',
        [expects(FOOTER), after(7), reply('<<')],
        'stream not-well-formed (close) local',
        7,
      ],
      ['one that had closed already', [reply(FOOTER)], 'stream stream-closed (online) local', 0],
    ];
    it.each(ways)('%s', (_name, script, outcome, at) => {
      const run = sessionRun(script);
      const { log, observer } = recorded(run);
      if (outcome !== 'stream stream-closed (online) local') run.session.close().subscribe(observer);
      run.flush(at);
      run.sessions[0]!.close().subscribe(observer);
      expect([run.outcome, new Set(log)]).toEqual([outcome, new Set([`${at} |`])]);
      run.check().flush();
      expect(run.transport.open).toBe(0);
    });

    it('by its own bound (T9)', () => {
      const run = sessionRun([mute()], { options: { timeouts: { close: 30 } } });
      run.session.close().subscribe();
      run.flush();
      expect([run.outcome, run.scheduler.now()]).toEqual(['closed', 30]);
      run.check();
    });

    it('without a bound, where that was asked for', () => {
      const run = sessionRun([mute()], { options: { timeouts: { close: Infinity } } });
      run.session.close().subscribe();
      run.flush();
      expect([run.outcome, run.scheduler.actions.length]).toEqual(['online', 0]);
      run.unsubscribe().check();
    });

    it('twice: one footer, and both complete', () => {
      const run = sessionRun([exchange([FOOTER]), after(5), reply(FOOTER)]);
      const { log, observer } = recorded(run);
      run.session.close().subscribe(observer);
      run.session.close().subscribe(observer);
      run.flush();
      run.sessions[0]!.close().subscribe(observer);
      expect(log).toEqual(['5 |', '5 |', '5 |']);
      expect(run.sent.split(FOOTER)).toHaveLength(2);
      run.check();
    });

    it('unsubscribing from it does not take it back', () => {
      const run = sessionRun([exchange([FOOTER, FOOTER])]);
      run.session.close().subscribe().unsubscribe();
      run.flush();
      expect(run.outcome).toBe('closed');
      run.check();
    });

    it('from within the session itself, and from within a stanza', () => {
      const at = sessionInit({ use: (live) => void live.close().subscribe() });
      const run = new WireRun(goesOnline(exchange([FOOTER, FOOTER])), at).flush();
      expect(run.outcome).toBe('closed');
      run.check();

      const within = sessionRun([after(1), reply(message('bye') + message('more')), exchange([FOOTER, FOOTER])]);
      const heard: string[] = [];
      within.session.message$
        .pipe(
          tap((stanza) => heard.push(bodyOf(stanza))),
          switchMap(() => within.session.close()),
        )
        .subscribe();
      within.flush();
      expect([within.outcome, heard]).toEqual(['closed', ['bye', 'more']]);
      within.check();
    });

    it('unsubscribing while open writes the footer', () => {
      const run = sessionRun([exchange([`<message/>`], [FOOTER]), expectsEnd()]);
      run.session.send(xml('message'));
      run.unsubscribe();
      expect(run.sent.endsWith(`<message/>${FOOTER}`)).toBe(true);
      run.check();
    });
  });

  it('shows no secret of the connection it runs on (A7)', () => {
    const run = sessionRun([mute()], { options: { credentials: { external: true, password: 'w0nder,=l&nd' } } });
    expect(show(run.session)).not.toContain('w0nder');
    expect(show(xmppStream(run.options))).not.toContain('w0nder');
    run.unsubscribe().check();
  });
});

const run40 = (task: () => void) => ({ step: 'run', task }) as const;
