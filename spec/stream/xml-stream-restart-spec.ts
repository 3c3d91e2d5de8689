import { Subject } from 'rxjs';
import { StreamError, TransportError } from '../../lib/errors/index.js';
import { XmlStream } from '../../lib/stream/xml-stream.js';
import { NS, xml, type XmlElement } from '../../lib/xml/index.js';
import { stubConnection } from '../support/stub-connection.js';
import { DOMAIN, FOOTER, serverHeader, streamError } from '../support/wire.js';
import { watchUnhandled } from '../support/wire-run.js';

const HEADER = serverHeader();

/** An open stream, whose header has come, and what becomes of its elements. */
function opened({ framing = 'stream' as 'stream' | 'frames', secure = true, read = true } = {}) {
  const input$ = new Subject<string>();
  const connection = stubConnection(input$, { framing, tls: secure ? { protocol: 'TLSv1.3' } : undefined });
  const own = new XmlStream(connection);
  own.open({ to: DOMAIN });
  connection.written.length = 0;
  const log: string[] = [];
  let error: unknown;
  const observer = {
    next: (element: XmlElement) => log.push(element.name),
    error: (reason: StreamError) => ((error = reason), log.push(`#${reason.condition}`)),
    complete: () => log.push('|'),
  };
  own.header$.subscribe();
  input$.next(framing === 'stream' ? HEADER : `<open xmlns='${NS.framing}' from='${DOMAIN}' id='s1' version='1.0'/>`);
  if (read) own.element$.subscribe(observer);
  return { input$, connection, own, log, observer, error: () => error as StreamError };
}

describe('a stream that awaits its restart', () => {
  watchUnhandled();

  it('reads on, though nobody reads it, until the restart takes over', () => {
    const { own, input$ } = opened({ read: false });
    expect(input$.observed).toBe(false);
    own.awaitRestart();
    expect(input$.observed).toBe(true);
    own.awaitRestart();
    input$.next(' \n');
    expect(input$.observed).toBe(true);
    own.awaitRestart();
    own.supersede('restart');
    expect(input$.observed).toBe(false);
  });

  it('is at fault where something comes before that', () => {
    const { own, input$, connection } = opened({ read: false });
    own.awaitRestart();
    input$.next('<early/>');
    expect(() => own.awaitRestart()).toThrow('policy-violation');
    expect(() => own.supersede('restart')).toThrow('policy-violation');
    // The stream is no longer ours to write to.
    own.dispose();
    expect([connection.sent, connection.ended]).toEqual(['', false]);
  });

  it('keeps its first fault, whatever becomes of the connection', () => {
    const { own, input$ } = opened({ read: false });
    own.awaitRestart();
    input$.next('<early/>');
    input$.error(new TransportError({ condition: 'connection-reset' }));
    expect(() => own.supersede('restart')).toThrow('policy-violation');
  });

  it('is at fault at once where something has come', () => {
    const { own, input$ } = opened({ read: false });
    own.next$.subscribe();
    input$.next('<a/><early/>');
    expect(() => own.awaitRestart()).toThrow(/policy-violation.*\w/);
    expect(input$.observed).toBe(false);
  });

  it('tells nothing by its footer, which the restart will miss', () => {
    const { own, input$ } = opened({ read: false });
    own.next$.subscribe({ error: () => undefined });
    input$.next(FOOTER);
    expect(() => own.awaitRestart()).not.toThrow();
  });

  it('writes nothing of what is wrong with it afterwards', () => {
    const { own, connection } = opened({ read: false });
    own.supersede('restart');
    const error = new StreamError({ condition: 'invalid-xml', text: 'x' });
    expect(own.reject(error)).toBe(error);
    expect(connection.sent).toBe('');
  });

  it('nor before there is a stream', () => {
    const connection = stubConnection();
    new XmlStream(connection).reject(new StreamError({ condition: 'invalid-xml', text: 'x' }));
    expect(connection.sent).toBe('');
  });
});

describe('the end of a stream', () => {
  watchUnhandled();

  it('is the first one that it comes to', () => {
    const { own, log } = opened();
    own.fail(new TransportError({ condition: 'connection-reset' }));
    own.fail(new TransportError({ condition: 'connection-closed' }));
    own.reject(new StreamError({ condition: 'reset' }));
    expect(log).toEqual(['#connection-reset']);
  });

  it('is told in place of the header too', () => {
    const told = (framing: 'stream' | 'frames', act: (input$: Subject<string>) => void) => {
      const input$ = new Subject<string>();
      let condition: string | undefined;
      new XmlStream(stubConnection(input$, { framing })).header$.subscribe({
        error: (error: StreamError) => ({ condition } = error),
      });
      act(input$);
      return condition;
    };
    expect(told('stream', (input$) => input$.complete())).toBe('connection-closed');
    expect(told('stream', (input$) => input$.next('<!-- -->'))).toBe('restricted-xml');
    expect(told('frames', (input$) => input$.next(`<close xmlns='${NS.framing}'/>`))).toBe('stream-closed');
  });

  it('by a footer nobody asked for is worth another try', () => {
    const { own, input$, log } = opened({ read: false });
    let error: unknown;
    own.next$.subscribe({ error: (reason) => (error = reason) });
    input$.next(FOOTER);
    expect(error).toMatchObject({ condition: 'stream-closed', retryable: true });
    expect(log).toEqual([]);
  });

  it('is told to whoever comes late, for all that waits before it', () => {
    const { own, input$, log, observer } = opened({ read: false });
    own.next$.subscribe(observer);
    input$.next(`<a/><b/><c/>${FOOTER}`);
    own.unread([xml('z')]);
    own.element$.subscribe(observer);
    expect(log).toEqual(['a', '|', 'z', 'b', 'c', '|']);
  });

  it('is no error of somebody else', () => {
    const { input$, log } = opened();
    input$.next(`<error xmlns='urn:example'/><error/>`);
    expect(log).toEqual(['error', 'error']);
  });

  it('tells a second reader who has it', () => {
    const { own } = opened();
    let error: StreamError | undefined;
    own.element$.subscribe({ error: (reason: StreamError) => (error = reason) });
    expect(error).toMatchObject({ condition: 'stream-busy', text: expect.stringMatching(/reader/) });
  });

  it('does not repeat a secret, to us or to the server', () => {
    const { own, connection, log, error } = opened();
    own.secrets.add('pencil');
    own.reject(new StreamError({ condition: 'invalid-xml', text: 'not a pencil', phase: 'sasl', retryable: true }));
    expect(log).toEqual(['#invalid-xml']);
    expect(error()).toMatchObject({ condition: 'invalid-xml', phase: 'sasl', retryable: true, text: '' });
    expect(connection.sent).not.toContain('pencil');
  });
});

describe('traffic of a stream', () => {
  watchUnhandled();

  it('is told when octets come and go, and ends with the stream', () => {
    const { own, input$ } = opened();
    const log: string[] = [];
    own.traffic$.subscribe({ next: () => log.push('.'), complete: () => log.push('|') });
    input$.next(' ');
    expect(log.length).toBeGreaterThan(0);
    const before = log.length;
    own.send(xml('a'));
    expect(log.length).toBeGreaterThan(before);
    own.dispose();
    expect(log.at(-1)).toBe('|');
    const late: string[] = [];
    own.traffic$.subscribe({ complete: () => late.push('|') });
    expect(late).toEqual(['|']);
  });

  it('goes on while a reader throws', () => {
    const input$ = new Subject<string>();
    const own = new XmlStream(stubConnection(input$));
    own.header$.subscribe();
    input$.next(HEADER);
    own.element$.subscribe();
    own.next$.subscribe({ error: () => undefined });
    input$.next('<a/>');
    expect(input$.observed).toBe(true);
  });
});

describe('where a stream may send us', () => {
  watchUnhandled();

  const sent = (how: string, to: string, init: Parameters<typeof opened>[0]) => {
    const { input$, error } = opened(init);
    input$.next(
      how === 'footer'
        ? `<close xmlns='${NS.framing}' see-other-uri='${to}'/>`
        : init!.framing === 'frames'
          ? streamError('see-other-host', to).replace('<stream:error>', `<stream:error xmlns:stream='${NS.stream}'>`)
          : streamError('see-other-host', to),
    );
    return error();
  };

  it.each<[string, string, 'stream' | 'frames', boolean, boolean]>([
    ['error', 'b.example', 'stream', true, true],
    ['error', 'b.example', 'stream', false, false],
    ['error', 'b.example', 'frames', true, false],
    ['error', 'wss://b.example/', 'frames', true, true],
    ['error', ' WSS://b.example/', 'frames', true, true],
    ['error', 'wss://b.example/', 'frames', false, false],
    ['error', 'ws://b.example/?wss://', 'frames', true, false],
    ['footer', 'wss://b.example/', 'frames', true, true],
    ['footer', 'wss://b.example/', 'frames', false, false],
    ['footer', 'ws://b.example/', 'frames', true, false],
    ['footer', 'x wss://b.example/', 'frames', true, false],
  ])('by its %s to %j (%s, over TLS: %j): %j', (how, to, framing, secure, follows) => {
    const error = sent(how, to, { framing, secure });
    expect(error).toMatchObject({ condition: 'see-other-host', origin: 'remote' });
    expect(error.location).toBe(follows ? to : undefined);
    if (how === 'footer') expect(error.text).toContain(to);
  });

  it('and what it says of it repeats no secret', () => {
    const { own, input$, error } = opened({ framing: 'frames' });
    own.secrets.add('pencil');
    input$.next(`<close xmlns='${NS.framing}' see-other-uri='wss://pencil.example/'/>`);
    expect(error().location).toBeUndefined();
    expect(error().text).not.toContain('pencil');
  });
});
