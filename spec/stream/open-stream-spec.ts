import { map, Observable, of, Subject } from 'rxjs';
import { marbles } from 'rxjs-marbles/jest';
import { StreamError, TransportError, XmppTimeoutError } from '../../lib/errors/index.js';
import { openStream } from '../../lib/stream/open-stream.js';
import { expects, reply, type Script } from '../../lib/testing.js';
import type { LifecycleEvent } from '../../lib/trace/lifecycle-event.js';
import type { Connection } from '../../lib/transport/transport.js';
import { NS } from '../../lib/xml/index.js';
import { stubConnection } from '../support/stub-connection.js';
import {
  BIND,
  clientHeader,
  DOMAIN,
  features,
  FOOTER,
  goesOnline,
  hearsStreamError,
  serverHeader,
  STARTTLS,
  streamError,
} from '../support/wire.js';
import { replay, watchUnhandled } from '../support/wire-run.js';

const OUR_HEADER = `<?xml version='1.0'?><stream:stream xmlns:stream='${NS.stream}' xmlns='${NS.client}' to='${DOMAIN}' version='1.0'>`;

describe('openStream', () => {
  watchUnhandled();

  /** `h` header, `f` features, `b` both, `e` a stream error, `x` the footer, `g` garbage. */
  const WIRE = {
    h: serverHeader(),
    f: features(BIND),
    b: serverHeader() + features(BIND),
    e: streamError('host-unknown'),
    x: FOOTER,
    g: '<!--',
    ' ': ' ',
  };
  const timeouts = { open: 8, features: 6 };
  const lost = new TransportError({ condition: 'connection-reset' });

  interface Case {
    readonly connection: string;
    readonly subs?: string;
    readonly input: string;
    readonly inputSubs?: string | string[];
    readonly unsub?: string;
    readonly result: string;
    readonly error?: Error;
    readonly sent?: string;
  }

  const cases: Record<string, Case> = {
    success: {
      connection: '-c------------',
      subs: '      ^-------------',
      input: '     ----h--f------',
      inputSubs: ' -^-----!',
      result: '    -------s------',
    },
    'header and features in one chunk': {
      connection: '-c---------',
      input: '     ----b------',
      inputSubs: ' -^--!',
      result: '    ----s------',
    },
    'features need no bound once they came': {
      connection: '-c-------------------------',
      input: '     ----h--f------------------',
      result: '    -------s-------------------',
    },
    'silence before the header': {
      connection: '-c--------',
      subs: '      ^--------!',
      input: '     ----------',
      inputSubs: ' -^-------!',
      result: '    ---------#',
      error: new XmppTimeoutError('open', 8),
      sent: OUR_HEADER + FOOTER,
    },
    'silence before the features': {
      connection: '-c------------',
      subs: '      ^---------!',
      input: '     ----h---------',
      inputSubs: ' -^--------!',
      result: '    ----------#',
      error: new XmppTimeoutError('features', 6),
      sent: OUR_HEADER + FOOTER,
    },
    'the input ends': {
      connection: '-c------',
      subs: '      ^----!',
      input: '     -----|',
      inputSubs: ' -^---!',
      result: '    -----#',
      error: new TransportError({
        condition: 'connection-closed',
        phase: 'open',
        text: 'the server closed the connection without closing the stream',
      }),
    },
    'the input fails': {
      connection: '-c------',
      subs: '      ^----!',
      input: '     --h--#',
      inputSubs: ' -^---!',
      result: '    -----#',
      error: new TransportError({ condition: 'connection-reset', phase: 'features' }),
      sent: OUR_HEADER,
    },
    'a stream error': {
      connection: '-c------',
      subs: '      ^----!',
      input: '     --h--e',
      inputSubs: ' -^---!',
      result: '    -----#',
      error: new StreamError({ condition: 'host-unknown', phase: 'features', text: 'the server ended the stream' }),
      sent: OUR_HEADER + FOOTER,
    },
    'a footer': {
      connection: '-c------',
      subs: '      ^----!',
      input: '     --h--x',
      inputSubs: ' -^---!',
      result: '    -----#',
      error: new StreamError({ condition: 'stream-closed', phase: 'features', text: 'the server closed the stream' }),
      sent: OUR_HEADER + FOOTER,
    },
    'the connection fails first': {
      connection: '-#',
      subs: '      ^!',
      input: '     ------',
      inputSubs: [],
      result: '    -#',
      error: lost,
      sent: '',
    },
    'the connection fails while the stream is open': {
      connection: '-c-------#',
      subs: '      ^--------!',
      input: '     --b-------',
      inputSubs: ' -^!',
      result: '    --s------#',
      error: lost,
      sent: OUR_HEADER + FOOTER,
    },
    'the connection completes while the stream is open': {
      connection: '-c-------|',
      subs: '      ^--------!',
      input: '     --b-------',
      result: '    --s--------',
    },
    'no connection at all': {
      connection: '--|',
      subs: '      ^-!',
      input: '     ------',
      inputSubs: [],
      result: '    --|',
    },
    'unsubscribed before the connection': {
      connection: '---c',
      subs: '      ^-!',
      input: '     ----',
      inputSubs: [],
      unsub: '     ^-!',
      result: '    ----',
      sent: '',
    },
    'unsubscribed before the header': {
      connection: '-c-----',
      subs: '      ^--!',
      input: '     -------',
      inputSubs: ' -^-!',
      unsub: '     ^--!',
      result: '    -------',
      sent: OUR_HEADER + FOOTER,
    },
    'unsubscribed before the features': {
      connection: '-c-----',
      subs: '      ^---!',
      input: '     --h----',
      inputSubs: ' -^--!',
      unsub: '     ^---!',
      result: '    -------',
      sent: OUR_HEADER + FOOTER,
    },
    'unsubscribed while open': {
      connection: '-c-----',
      subs: '      ^---!',
      input: '     --b----',
      inputSubs: ' -^!',
      unsub: '     ^---!',
      result: '    --s----',
      sent: OUR_HEADER + FOOTER,
    },
  };

  it.each(Object.entries(cases))('%s', (_name, { connection, subs, input, inputSubs, unsub, result, error, sent }) => {
    let stub = stubConnection();
    marbles((m) => {
      const input$ = m.hot<string>(input.trim(), WIRE, lost);
      stub = stubConnection(input$ as unknown as Observable<string>);
      const source$ = m.cold<Connection>(connection, { c: stub }, lost);
      const opened$ = source$.pipe(
        openStream({ to: DOMAIN, timeouts }),
        map((stream) => {
          expect(stream.features.child('bind', NS.bind)).toBeDefined();
          return 's';
        }),
      );
      m.expect(opened$, unsub?.trim()).toBeObservable(result.trim(), undefined, error);
      if (subs) m.expect(source$).toHaveSubscriptions(trimmed(subs));
      if (inputSubs) m.expect(input$).toHaveSubscriptions(trimmed(inputSubs));
    })();
    if (sent !== undefined) expect(stub.sent).toBe(sent);
    // What is closed is ended, after the footer.
    expect(stub.ended).toBe(stub.sent.endsWith(FOOTER));
  });

  const trimmed = (subs: string | string[]) => (typeof subs === 'string' ? subs.trim().replace(/^\^-+$/, '^') : subs);

  it('writes the footer before it lets go of the connection', () => {
    const log: string[] = [];
    const input$ = new Subject<string>();
    const stub = stubConnection(input$);
    stub.write = (text) => void log.push(text.slice(0, 8));
    const connection$ = new Observable<Connection>((subscriber) => {
      subscriber.next(stub);
      return () => log.push('released');
    });
    const subscription = connection$.pipe(openStream({ to: DOMAIN })).subscribe(() => log.push('next'));
    input$.next(serverHeader() + features());
    subscription.unsubscribe();
    expect(log).toEqual(['<?xml ve', 'next', '</stream', 'released']);
  });

  it('reads and writes nothing once it was given up in the midst of its first event (I2)', () => {
    const input$ = new Subject<string>();
    const connection = stubConnection(input$);
    const connection$ = new Subject<Connection>();
    const trace = () => subscription.unsubscribe();
    const subscription = connection$.pipe(openStream({ to: DOMAIN, trace })).subscribe();
    connection$.next(connection);
    expect({ observed: input$.observed, sent: connection.sent }).toEqual({ observed: false, sent: '' });
  });

  it('traces opening, opened and features', () => {
    const traced: LifecycleEvent[] = [];
    of(stubConnection(of(serverHeader({ id: 'i1' }) + features(STARTTLS, BIND))))
      .pipe(openStream({ to: DOMAIN, trace: (event) => traced.push(event) }))
      .subscribe()
      .unsubscribe();
    expect(traced).toEqual([
      { type: 'opening' },
      { type: 'opened', id: 'i1', from: DOMAIN },
      { type: 'features', names: ['starttls', 'bind'] },
    ]);
  });

  describe('our header (RFC 6120 section 4.7)', () => {
    const sent = (
      config: Partial<Parameters<typeof openStream>[0]>,
      init: Parameters<typeof stubConnection>[1] = {},
    ) => {
      const stub = stubConnection(undefined, init);
      of(stub)
        .pipe(openStream({ to: DOMAIN, ...config }))
        .subscribe()
        .unsubscribe();
      return stub.written[0];
    };
    const secure = { tls: { protocol: 'TLSv1.3' } };

    it('tells who we are over TLS only', () => {
      expect(sent({ from: 'alice@example.org' })).not.toContain('alice');
      expect(sent({ from: 'alice@example.org' }, secure)).toContain(` from='alice@example.org'`);
    });

    it('tells the language, if there is one', () => {
      expect(sent({})).not.toContain('xml:lang');
      expect(sent({ lang: 'de-CH' })).toContain(` xml:lang='de-CH'`);
    });

    it('is escaped', () => {
      expect(sent({ to: `a'<&>"b` })).toContain(`to='a&apos;&lt;&amp;`);
    });

    it('is a frame where frames are', () => {
      expect(sent({}, { framing: 'frames', ...secure })).toBe(
        `<open xmlns='${NS.framing}' to='${DOMAIN}' version='1.0'/>`,
      );
    });
  });

  describe("the peer's header (X6)", () => {
    const answers = (header: string, then = features(BIND)): Script => [expects(clientHeader()), reply(header + then)];

    const wrong: [string, string, string, string?][] = [
      ['another content namespace', serverHeader({ xmlns: 'jabber:server' }), 'invalid-namespace (open)'],
      ['no content namespace', serverHeader({ xmlns: null }), 'invalid-namespace (open)'],
      ['another stream namespace', serverHeader({ 'xmlns:stream': 'urn:example' }), 'invalid-namespace (open)'],
      ['no stream namespace', serverHeader({ 'xmlns:stream': null }), 'bad-namespace-prefix (open)'],
      ['no version', serverHeader({ version: null }), 'unsupported-version (open)'],
      ['version 0.9', serverHeader({ version: '0.9' }), 'unsupported-version (open)'],
      ['version 1', serverHeader({ version: '1' }), 'unsupported-version (open)'],
      ['version one', serverHeader({ version: 'one' }), 'unsupported-version (open)'],
      ['another from', serverHeader({ from: 'example.net' }), 'invalid-from (open)'],
      ['a user as from', serverHeader({ from: 'eve@example.org' }), 'invalid-from (open)'],
      ['a from that is no JID', serverHeader({ from: '@' }), 'invalid-from (open)'],
      ['an empty from', serverHeader({ from: '' }), 'invalid-from (open)'],
      ['no id', serverHeader({ id: null }), 'bad-format (open)'],
      ['an empty id', serverHeader({ id: '' }), 'bad-format (open)'],
      ['another root', `<flood:stream xmlns:flood='${NS.stream}' xmlns='${NS.client}'/>`, 'invalid-xml (features)', ''],
    ];
    it.each(wrong.slice(0, -1))('%s', (_name, header, outcome) => {
      const condition = outcome.split(' ')[0]!;
      replay(
        () => [answers(header), hearsStreamError(condition)],
        {},
        (run) => {
          expect(run.outcome).toBe(`stream ${outcome} local`);
          expect(run.sent).toMatch(
            new RegExp(`><stream:error><${condition} [^>]*/><text [^<]*</text></stream:error>${FOOTER}$`),
          );
        },
        { stride: 23 },
      );
    });

    const right: [string, string][] = [
      ['a later version', serverHeader({ version: '1.1' })],
      ['a much later version', serverHeader({ version: '12.34' })],
      ['no from', serverHeader({ from: null })],
      ['a from in other letters', serverHeader({ from: 'EXAMPLE.org' })],
      ['a from with the dot of the root', serverHeader({ from: 'example.org.' })],
      ['more attributes', serverHeader({ to: 'alice@example.org', 'xml:lang': 'en' })],
      ['another prefix', serverHeader().replaceAll('stream:', 's:').replace('xmlns:stream', 'xmlns:s')],
    ];
    it.each(right)('is taken: %s', (name, header) => {
      const told = features(STARTTLS);
      const prefixed = name === 'another prefix' ? told.replaceAll('stream:', 's:') : told;
      replay(
        () => [answers(header, prefixed), expects(STARTTLS)],
        {},
        (run) => expect([run.outcome, run.events]).toEqual(['pending', 'opening opened features starting-tls']),
        { stride: 23 },
      );
    });

    it.each([
      ['with no id', serverHeader({ id: null, from: null })],
      ['for another domain', serverHeader({ from: 'example.net' })],
      ['of another version', serverHeader({ version: null })],
      ['of another namespace', serverHeader({ xmlns: 'jabber:server' })],
    ])('a stream error after a makeshift header wins: %s', (_name, header) => {
      replay(
        () => answers(header, streamError('host-unknown') + FOOTER),
        {},
        (run) => {
          expect(run.outcome).toBe('stream host-unknown (features) remote');
          expect(run.sent.endsWith(`>${FOOTER}`)).toBe(true);
        },
        { stride: 23 },
      );
    });

    it('features of another namespace are none, and neither is a stanza', () => {
      for (const element of [`<features/>`, `<message/>`, `<features xmlns='urn:example'/>`, STARTTLS]) {
        replay(
          () => [answers(serverHeader(), element), hearsStreamError('invalid-xml')],
          {},
          (run) => expect(run.outcome).toBe('stream invalid-xml (features) local'),
          { stride: 23 },
        );
      }
    });

    it('white space may come before the features and between the elements', () => {
      const spaced = (text: string) => text.replaceAll('><', '> \r\n\t<');
      replay(
        () => [answers(serverHeader(), spaced(` \n${features(STARTTLS)} `)), expects(STARTTLS)],
        {},
        (run) => expect([run.outcome, run.events]).toEqual(['pending', 'opening opened features starting-tls']),
        { stride: 7 },
      );
    });
  });

  it('the direct way online, over direct TLS', () => {
    const options = { credentials: { external: true }, streamManagement: false as const };
    replay(
      () => goesOnline(),
      { options, transport: { tls: true } },
      (run) => {
        expect(run.outcome).toBe('online');
        expect(run.events).toBe(
          'opening opened features authenticating authenticated opening opened features binding bound online',
        );
        run.transport.verify();
      },
      { stride: 3 },
    );
  });
});
