import { endWith, map, of, switchMap, tap, type Observable } from 'rxjs';
import { TestScheduler, type RunHelpers } from 'rxjs/testing';
import { xml, type Session } from '../../../lib/index.js';
import { assertMarbles, like, stanzas, statuses, testSession, XmppTesting } from '../../../lib/testing.js';

const run = (test: (helpers: RunHelpers) => void): void => void new TestScheduler(assertMarbles).run(test);

/** What an application may do: answers every message. */
const echo = (session$: Observable<Session>) =>
  session$.pipe(
    switchMap((session) =>
      session.message$.pipe(
        tap((message) =>
          session.send(xml('message', { to: message.attrs.from }, xml('body', {}, message.child('body')!.text()))),
        ),
      ),
    ),
  );

describe('testSession', () => {
  it('takes stanzas by marbles and tells what is sent', () =>
    run(({ hot, expectObservable }) => {
      const session = testSession({
        stanza$: hot(
          '--a--b',
          stanzas({ a: "<message from='bob@x'><body>hi</body></message>", b: "<presence from='bob@x'/>" }),
        ),
      });
      const session$ = hot<Session>('s-----#', { s: session }, 'system-shutdown');
      expectObservable(echo(session$)).toBe(
        '--a---#',
        { a: "<message from='bob@x'><body>*</body></message>" },
        { condition: 'system-shutdown' },
      );
      expectObservable(session.sent$).toBe('--x', { x: "<message to='bob@x'><body>hi</body></message>" });
    }));

  it('has the JID that it is given, and the test’s own by default', () => {
    expect(testSession().jid.toString()).toBe('test@example.org/test');
    expect(testSession({ jid: 'a@b/c', resumed: true })).toMatchObject({ resumed: true });
    expect(testSession({ jid: 'a@b/c' }).jid.toString()).toBe('a@b/c');
  });

  it('answers requests by the script, or by what comes in', () =>
    run(({ cold, hot, expectObservable }) => {
      const result = "<iq type='result' id='test-1'><query xmlns='jabber:iq:version'/></iq>";
      const ask = (session: Session) => session.iq('get', xml('query', { xmlns: 'jabber:iq:version' }), 'bob@x');
      const scripted = testSession({ iq: () => cold('---(a|)', stanzas({ a: result })) });
      expectObservable(ask(scripted)).toBe('---(a|)', { a: result });
      const open = testSession({ stanza$: hot('-----a', stanzas({ a: result })) });
      expectObservable(ask(open)).toBe('-----(a|)', { a: result });
      expectObservable(open.sent$, '-^').toBe('');
      expect(testSession({ iq: () => of() }).sent).toEqual([]);
    }));

  it('ends as after a loss', () =>
    run(({ cold, expectObservable }) => {
      const session = testSession();
      expectObservable(session.stanza$).toBe('---|');
      cold('---a').subscribe(() => session.end());
      cold('----a').subscribe(() => expect(() => session.send(xml('presence'))).toThrow('session-lost'));
    }));

  it('settles with its end what is pending, and takes no more', () =>
    run(({ cold, expectObservable }) => {
      const session = testSession();
      const ping = xml('ping', { xmlns: 'urn:xmpp:ping' });
      expectObservable(session.iq('get', ping)).toBe('---#', {}, { condition: 'session-lost', layer: 'stanza' });
      cold('---a').subscribe(() => session.end());
      expectObservable(cold('----a').pipe(switchMap(() => session.iq('get', ping)))).toBe('----#', {}, 'session-lost');
      expectObservable(cold('----a').pipe(switchMap(() => session.deliver(ping)))).toBe('----#', {}, 'session-lost');
    }));

  it('is over when another one follows', () =>
    run(({ hot, expectObservable }) => {
      const client = new XmppTesting({
        status$: hot('O--w--O', statuses()),
        stanza$: hot('-a------b', stanzas({ a: "<presence from='a@x'/>", b: "<presence from='b@x'/>" })),
      });
      const sessions: Session[] = [];
      client.session$.subscribe((session) => sessions.push(session));
      const first$ = hot('-------s').pipe(switchMap(() => sessions[0]!.stanza$.pipe(endWith('over'))));
      expectObservable(first$).toBe('-------x', { x: 'over' });
      const sent$ = hot('-------s').pipe(map(() => sessions[0]!.send(xml('presence'))));
      expectObservable(sent$).toBe('-------#', {}, 'session-lost');
      const closed$ = hot('-------s').pipe(switchMap(() => sessions[0]!.close()));
      expectObservable(closed$).toBe('');
      expectObservable(client.presence$).toBe(
        '-a------b',
        stanzas({ a: "<presence from='a@x'/>", b: "<presence from='b@x'/>" }),
      );
    }));

  it('has requests that go on across a resumption', () =>
    run(({ hot, expectObservable }) => {
      const result = "<iq type='result' id='test-1'/>";
      const script = (then: string) => ({
        status$: hot(`O--w--${then}`, statuses()),
        stanza$: hot('--------a', stanzas({ a: result })),
      });
      const ping = xml('ping', { xmlns: 'urn:xmpp:ping' });
      const ask = (client: XmppTesting) => hot('-a').pipe(switchMap(() => client.session!.iq('get', ping)));
      expectObservable(ask(new XmppTesting(script('R')))).toBe('--------a', { a: result });
      expectObservable(ask(new XmppTesting(script('O')))).toBe('------#', {}, 'session-lost');
    }));
});

describe('statuses and stanzas', () => {
  it('are what xmppClient tells', () =>
    run(({ hot, expectObservable }) => {
      const client = new XmppTesting({ status$: hot('-c-O--w', statuses({ jid: 'alice@example.org/desk' })) });
      expectObservable(client.status$).toBe('oc-O--w', {
        ...statuses(),
        O: like({ kind: 'online', resumed: false }),
        w: like({ kind: 'waiting', error: 'connection-reset' }),
      });
      expectObservable(client.session$).toBe('---s', { s: like({ resumed: false }) });
    }));

  it('refuse what is not exactly one element', () => {
    expect(() => stanzas({ a: '<a/><b/>' })).toThrow('not exactly one element');
    expect(() => stanzas({ a: '<a>' })).toThrow();
    expect(() => stanzas({ a: 'a' })).toThrow();
    expect(stanzas({ a: xml('presence') }).a.name).toBe('presence');
  });
});
