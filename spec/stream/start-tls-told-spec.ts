import { of, Subject, throwError, type Observable } from 'rxjs';
import { TransportError, type XmppError } from '../../lib/errors/index.js';
import { openStream } from '../../lib/stream/open-stream.js';
import { secureConnection, startTls } from '../../lib/stream/start-tls.js';
import { hold } from '../../lib/stream/hold.js';
import { expects, mute, reply, type Script } from '../../lib/testing.js';
import type { Connection } from '../../lib/transport/transport.js';
import { traceLines } from '../support/connect-context.js';
import { stubConnection } from '../support/stub-connection.js';
import { watch } from '../support/watch.js';
import { features, opens, secures, serverHeader, STARTTLS, streamError } from '../support/wire.js';
import { tag, watchUnhandled, WireRun } from '../support/wire-run.js';

describe('startTls: what is told', () => {
  watchUnhandled();

  it.each(['required', undefined] as const)('of a transport that cannot (%s)', (policy) => {
    const input$ = new Subject<string>();
    const to = { to: 'example.org', policy };
    const attempt = watch(hold(stubConnection(input$) as Connection).pipe(openStream(to), startTls(to)));
    input$.next(serverHeader() + features(STARTTLS));
    expect(tag(attempt.error)).toBe('tls tls-unavailable (starttls)');
    expect((attempt.error as XmppError).text).toMatch(/transport.*TLS/);
  });

  const answered = (offer: string, answer: string) => {
    const run = new WireRun([opens(features(offer)), expects(STARTTLS), reply(answer), mute()] as Script).flush(0);
    return { tag: tag(run.error), text: (run.error as XmppError).text };
  };

  it.each([
    ['an element that is no answer', '', `<hello xmlns='urn:example'/>`],
    ['a refusal of what it does not know', '', streamError('unsupported-stanza-type')],
  ])('of a server that offers none (%s)', (_, offer, answer) => {
    const told = answered(offer, answer);
    expect(told.tag).toBe('tls tls-unavailable (starttls)');
    expect(told.text).toMatch(/TLS/);
  });

  it.each([
    ['a fault of its own', '', '<stream:hello/>', 'stream bad-format (starttls) local'],
    ['another error', '', streamError('host-unknown'), 'stream host-unknown (starttls) remote'],
    ['an error where it had offered it', STARTTLS, streamError('bad-format'), 'stream bad-format (starttls) remote'],
  ])('of a server that fails for another reason: that (%s)', (_, offer, answer, expected) => {
    expect(answered(offer, answer).tag).toBe(expected);
  });

  it('of the way', () => {
    const run = new WireRun([secures(), mute()]).flush(0);
    expect(run.events).toBe('opening opened features starting-tls securing secured opening');
    expect(run.trace.find(({ type }) => type === 'secured')).toMatchObject({ tls: expect.any(Object) });
    run.unsubscribe();
  });

  const securing = (startTlsOf: () => Observable<Connection>) => {
    const { trace, lines } = traceLines();
    const attempt = watch(secureConnection(stubConnection(undefined, { startTls: startTlsOf }), { trace }));
    return { attempt, lines };
  };

  it('of a transport that starts TLS and has none', () => {
    const { attempt, lines } = securing(() => of(stubConnection()));
    expect([tag(attempt.error), lines]).toEqual(['tls tls-unavailable (tls)', ['securing']]);
    expect((attempt.error as XmppError).text).toMatch(/transport.*TLS/);
  });

  it('of one that fails: in which phase', () => {
    const { attempt } = securing(() => throwError(() => new TransportError({ condition: 'connection-reset' })));
    expect(tag(attempt.error)).toBe('transport connection-reset (tls)');
  });

  it('of one that does not', () => {
    const secured = stubConnection(undefined, { tls: { protocol: 'TLSv1.3' } });
    const { attempt, lines } = securing(() => of(secured));
    expect([attempt.values, lines]).toEqual([[secured], ['securing', 'secured']]);
  });
});
