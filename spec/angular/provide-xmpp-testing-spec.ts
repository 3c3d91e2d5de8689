import { provideZonelessChangeDetection } from '@angular/core';
import { takeUntilDestroyed, toSignal } from '@angular/core/rxjs-interop';
import { TestBed } from '@angular/core/testing';
import { map, Subject, switchMap, throwError } from 'rxjs';
import { marbles } from 'rxjs-marbles/jest';
import { injectXmpp, injectXmppStatus } from '../../lib/angular.js';
import { jid, StanzaError, xml, type XmlElement, type XmppStatus } from '../../lib/index.js';
import { provideXmppTesting, XmppTesting, type XmppTestingScript } from '../../lib/testing.js';
import { useAngular } from '../support/angular-platform.js';
import { watch } from '../support/watch.js';

useAngular();

const chat = (from: string, body: string) => xml('message', { from, type: 'chat' }, xml('body', {}, body));
const online: XmppStatus = { kind: 'online', attempt: 1, jid: jid('alice@example.org/desk'), resumed: false };

/** What an application has: answers each message with its text, and shows the status. */
class Echo {
  readonly #xmpp = injectXmpp();
  readonly status = injectXmppStatus();
  readonly last = toSignal(this.#xmpp.message$.pipe(map((message) => message.child('body')?.text())));

  constructor() {
    this.#xmpp.message$
      .pipe(takeUntilDestroyed())
      .subscribe(({ attrs, children }) => this.#xmpp.send(xml('message', { to: attrs.from }, ...children)));
  }
}

function testingOf(script?: XmppTestingScript) {
  TestBed.configureTestingModule({
    providers: [provideZonelessChangeDetection(), Echo, provideXmppTesting(script)],
  });
  return { testing: TestBed.inject(XmppTesting), create: () => TestBed.inject(Echo) };
}

describe('provideXmppTesting', () => {
  it(
    'tests by marbles: stanzas in, stanzas out',
    marbles((m) => {
      const stanza$ = m.hot('--a--b--', { a: chat('bob@example.org', 'hi'), b: chat('eve@example.org', 'ho') });
      const { testing, create } = testingOf({ stanza$ });
      create();
      m.expect(testing.sentText$).toBeObservable('--x--y--', {
        x: "<message to='bob@example.org'><body>hi</body></message>",
        y: "<message to='eve@example.org'><body>ho</body></message>",
      });
    }),
  );

  it(
    'tests by marbles: statuses',
    marbles((m) => {
      const waiting: XmppStatus = {
        ...{ kind: 'waiting', attempt: 1, failures: 1, delay: 500, until: 1000 },
        error: new StanzaError({ condition: 'x' }),
      };
      const status$ = m.cold('--o--w--o', { o: online, w: waiting });
      const { testing, create } = testingOf({ status$ });
      const { status } = create();
      expect(status()).toEqual({ kind: 'offline' });
      m.expect(testing.status$.pipe(map(() => status().kind))).toBeObservable('i-o--w--o', {
        ...{ i: 'offline', o: 'online', w: 'waiting' },
      });
      m.expect(testing.session$.pipe(map(({ jid: own }) => own.toString()))).toBeObservable('--a-----a', {
        a: 'alice@example.org/desk',
      });
    }),
  );

  it('is online while it is held, unless a script says otherwise', () => {
    const { testing, create } = testingOf();
    expect([testing.session, testing.holders]).toEqual([undefined, 0]);
    const { status, last } = create();
    expect([status().kind, testing.holders, last()]).toEqual(['online', 2, undefined]);
    testing.receive(chat('bob@example.org', 'hi'));
    expect([last(), testing.sent.length]).toEqual(['hi', 1]);
    TestBed.resetTestingModule();
    expect(testing.holders).toBe(0);
  });

  it('refuses to send while it is not online, and what is no XML, as a client does', () => {
    const { testing } = testingOf({ status$: new Subject() });
    expect(() => testing.send(xml('message'))).toThrow(StanzaError);
    testing.become(online);
    expect(() => testing.send(xml('message', {}, '\u0000'))).toThrow(/illegal|XML|character/i);
    expect(testing.sent).toEqual([]);
  });

  it('delivers', () => {
    const { testing } = testingOf();
    const message = xml('message');
    const delivery = watch(testing.deliver(message));
    expect(delivery.values.map(({ state }) => state)).toEqual(['queued', 'written', 'acked']);
    expect([delivery.log.at(-1), testing.sent]).toEqual(['complete', [message]]);
  });

  it('answers requests by the script, or by what comes in', () => {
    const result = (request: XmlElement) => xml('iq', { type: 'result', id: request.attrs.id });
    const scripted = testingOf({ iq: (request) => [result(request)] }).testing;
    expect(watch(scripted.iq('get', xml('query', { xmlns: 'urn:x' }))).log).toEqual(['next', 'complete']);
    expect(scripted.sent.map(String)).toHaveLength(1);
    TestBed.resetTestingModule();

    const { testing } = testingOf();
    const pending = watch(testing.iq('get', xml('query', { xmlns: 'urn:x' }), 'bob@example.org'));
    const refused = watch(testing.iq('get', xml('query', { xmlns: 'urn:x' })));
    const stanzas = watch(testing.stanza$);
    testing.receive(result(testing.sent[0]!));
    const condition = xml('item-not-found', { xmlns: 'urn:ietf:params:xml:ns:xmpp-stanzas' });
    testing.receive(xml('iq', { type: 'error', id: testing.sent[1]!.attrs.id }, xml('error', {}, condition)));
    expect([pending.log, stanzas.log]).toEqual([['next', 'complete'], []]);
    expect(refused.error).toMatchObject({ condition: 'item-not-found' });
  });

  it('asks handlers', () => {
    const { testing } = testingOf();
    const held = testing.connect();
    const handling = testing.handle('get', 'urn:x', () => [xml('a', { xmlns: 'urn:x' })]);
    const ask = (payload: XmlElement) =>
      testing.receive(xml('iq', { type: 'get', id: '1', from: 'bob@example.org' }, payload));
    ask(xml('query', { xmlns: 'urn:x' }));
    handling.unsubscribe();
    expect(testing.sent.map(String)).toEqual(["<iq to='bob@example.org' id='1' type='result'><a xmlns='urn:x'/></iq>"]);
    held.unsubscribe();
  });

  it('answers what has no handler, and what a handler refuses, as a client does', () => {
    const { testing } = testingOf();
    const held = testing.connect();
    const refusal = new StanzaError({ condition: 'forbidden', type: 'auth' });
    testing.handle('get', 'urn:refused', () => throwError(() => refusal));
    testing.session!.handle('get', 'urn:session', () => []);
    expect(() => testing.handle('get', 'urn:refused', () => [])).toThrow('handler-exists');
    const ask = (xmlns: string, name = 'query') => {
      testing.receive(xml('iq', { type: 'get', id: '1', from: 'bob@example.org' }, xml(name, { xmlns })));
      const { attrs, children } = testing.sent.at(-1)!;
      return [
        attrs.type,
        ...children.flatMap((child) => (child as XmlElement).children.map((one) => (one as XmlElement).name)),
      ];
    };
    expect(ask('urn:x')).toEqual(['error', 'service-unavailable']);
    expect(ask('urn:refused')).toEqual(['error', 'forbidden']);
    expect(ask('urn:xmpp:ping', 'ping')).toEqual(['result']);
    expect(ask('urn:session')).toEqual(['result']);
    testing.become({ kind: 'offline' });
    testing.become(online);
    expect(ask('urn:session')).toEqual(['error', 'service-unavailable']);
    held.unsubscribe();
  });

  it('reads error answers as a client does', () => {
    const { testing } = testingOf();
    const refused = watch(testing.iq('get', xml('query', { xmlns: 'urn:x' }), 'bob@example.org'));
    const ns = { xmlns: 'urn:ietf:params:xml:ns:xmpp-stanzas' };
    const children = [xml('remote-server-timeout', ns), xml('text', ns, 'later'), xml('busy', { xmlns: 'urn:y' })];
    const { id } = testing.sent[0]!.attrs;
    testing.receive(
      xml('iq', { type: 'error', id, from: 'bob@example.org' }, xml('error', { type: 'wait' }, ...children)),
    );
    expect(refused.error).toMatchObject({
      ...{ condition: 'remote-server-timeout', type: 'wait', retryable: true, by: 'bob@example.org' },
      ...{ application: '{urn:y}busy' },
    });
  });

  it('ends a session with its status, and all with the test', () => {
    const { testing } = testingOf();
    const session = watch(testing.session$);
    const messages = watch(testing.session$.pipe(switchMap(({ message$ }) => message$)));
    const ofFirst = watch(session.values[0]!.message$);
    testing.become({ kind: 'offline' });
    expect([ofFirst.log, messages.log]).toEqual([['complete'], []]);
    testing.become(online);
    testing.receive(chat('bob@example.org', 'hi'));
    expect([session.values.length, messages.log]).toEqual([2, ['next']]);
    watch(testing.close());
    expect(testing.session).toBeUndefined();
    TestBed.resetTestingModule();
    expect(session.log.at(-1)).toBe('complete');
  });

  it('needs no Angular: a list of plain providers', () => {
    expect(provideXmppTesting().map(({ provide }) => provide.name)).toEqual(['XmppTesting', 'Xmpp']);
  });
});
