import {
  filter,
  forkJoin,
  from,
  last,
  map,
  mergeMap,
  NEVER,
  of,
  scan,
  Subject,
  take,
  throwError,
  timer,
  toArray,
  type Observable,
} from 'rxjs';
import { NS, StanzaError, xml, XmlElement, type Session } from '../../../lib/index.js';
import type { RealServer } from '../../servers/index.js';
import { attempt, close, disconnectAll, first, optionsFor, soon, type Attempt } from '../support/attempt.js';
import type { Topic } from '../support/topic.js';

const TIME = 'urn:xmpp:time';
const DISCO = 'http://jabber.org/protocol/disco#info';

const texts: readonly (readonly [string, string])[] = [
  ['ASCII', 'hello'],
  ['one character', 'x'],
  ['accents, composed (NFC)', 'é ñ ü å ệ'.normalize('NFC')],
  ['accents, decomposed (NFD)', 'é ñ ü å ệ'.normalize('NFD')],
  ['both forms side by side', '\u00e9e\u0301\u1e69s\u0323\u0307s\u0307\u0323'],
  ['a heap of combining marks', `z${'\u0300\u0301\u0323\u0489'.repeat(50)}`],
  ['the astral planes', '𝕏 🦀 𐌰 𠜎 \u{10FFFD}'],
  ['the last code point of each plane that XML allows', '\u{1FFFD}\u{2FFFD}\u{EFFFD}\u{10FFFF}\uFFFD\uD7FF\uE000'],
  ['right to left, with its controls', 'שלום \u200Fعَرَبِيّ\u200E \u202Eabc\u202C \u2067x\u2069'],
  ['joined emoji', '👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽 🇸🇿 1️⃣'],
  ['Hangul in syllables and in jamo', '한글 \u1112\u1161\u11ab\u1100\u1173\u11af'],
  ['scripts', 'ไทย हिन्दी தமிழ் 日本語 中文 Ελληνικά Русский አማርኛ ᏣᎳᎩ'],
  ['spaces of all kinds', '\u00a0a\u2003b\u3000c\u200Bd\u2028e\u2029f\uFEFFg'],
  ['the end of CDATA', ']]> ]]&gt; ]] > <![CDATA[ x ]]>'],
  ['markup', '<b>&amp;&lt;&#65;&nbsp;</b> <?pi?> <!-- c --> &'],
  ['quotes', `"double" 'single' \`back\` "'"'`],
  ['lines and tabs', 'one\ntwo\n\n\tthree\t'],
  ['spaces around', '  \n padded \t '],
  ['C1 controls that XML allows', '\u0080\u0085\u009f\u007f'],
  ['100 KB', 'ä𝕏]]>&<\n'.repeat(8_000).slice(0, 100_000)],
];

/** Messages, presence and requests, between clients and with the server. */
export const stanzas: Topic = {
  title: 'stanzas',
  needs: () => ({ users: { carol: 'singer', dave: 'diver' } }),
  specs: (_name, running) => {
    let server: RealServer;
    beforeAll(() => void (server = running()));

    let attempts: Attempt[];
    let alice: Session;
    let bob: Session;
    beforeEach(async () => {
      attempts = ['alice', 'bob'].map((user) => attempt(optionsFor(server, user)));
      [alice, bob] = (await Promise.all(attempts.map(({ online }) => online()))) as [Session, Session];
    });
    afterEach(() => {
      const ended = attempts.filter(({ log }) => log.at(-1) === 'error');
      disconnectAll();
      // Whatever a stanza is answered with, the stream goes on.
      expect(ended.map(({ events }) => events)).toEqual([]);
    });

    const message = (to: Session, text: string, attrs: Record<string, string> = {}) =>
      xml(
        'message',
        { to: to.jid.toString(), type: 'chat', ...attrs },
        xml('body', {}, text),
        // Archiving is by far the slowest thing that ejabberd does here, and not what is looked at.
        xml('no-store', { xmlns: 'urn:xmpp:hints' }),
      );
    const bodies = (of: Session): Observable<string> =>
      of.message$.pipe(
        filter((stanza) => stanza.child('body') !== undefined),
        map((stanza) => stanza.child('body')!.text()),
      );

    describe('messages', () => {
      it('come with every kind of text, both ways, in order, none lost or changed', async () => {
        const expected = texts.map(([, text]) => text);
        const heard = [alice, bob].map((session) => first(bodies(session).pipe(take(expected.length), toArray())));
        for (const text of expected) {
          alice.send(message(bob, text));
          bob.send(message(alice, text));
        }
        for (const got of await Promise.all(heard)) {
          texts.forEach(([what, text], index) => expect([what, got[index]]).toEqual([what, text]));
        }
      });

      it('say who sent them, and keep attributes, language and foreign elements', async () => {
        const got = first(bob.message$);
        const payload = xml(
          'x',
          { xmlns: 'urn:example:x', a: `"'<>&]]>`, 'xml:lang': 'de', b: '\u00e9\u0065\u0301 𝕏' },
          xml('y', { xmlns: 'urn:example:y' }, xml('z', { xmlns: 'urn:example:x' }), 'tail'),
          xml('empty'),
        );
        alice.send(xml('message', { to: bob.jid.toString(), id: `<'"&>𝕏`, 'xml:lang': 'en' }, payload));
        const stanza = await got;
        expect(stanza.attrs).toMatchObject({ from: alice.jid.toString(), id: `<'"&>𝕏` });
        const x = stanza.child('x', 'urn:example:x')!;
        expect({ ...x.attrs }).toMatchObject({ a: `"'<>&]]>`, 'xml:lang': 'de', b: '\u00e9\u0065\u0301 𝕏' });
        expect(x.child('y', 'urn:example:y')!.child('z', 'urn:example:x')).toBeDefined();
        expect(x.child('y', 'urn:example:y')!.text()).toBe('tail');
        expect(x.child('empty', 'urn:example:x')!.children).toEqual([]);
      });

      it('come in order, 1,000 each way at once', async () => {
        const expected = Array.from({ length: 1_000 }, (_, index) => String(index));
        const heard = [alice, bob].map((session) => first(bodies(session).pipe(take(expected.length), toArray())));
        for (const text of expected) {
          alice.send(message(bob, text));
          bob.send(message(alice, text));
        }
        for (const got of await Promise.all(heard)) expect(got).toEqual(expected);
      });

      it('are known to be acknowledged by the server', async () => {
        const steps = ['a', 'b', 'c'].map((text) =>
          alice.deliver(message(bob, text)).pipe(
            map(({ state }) => state),
            toArray(),
          ),
        );
        const each = ['queued', 'written', 'acked'];
        expect(await first(forkJoin(steps))).toEqual([each, each, each]);
      });

      it('that cannot be written fail by themselves', async () => {
        expect(() => alice.send(message(bob, 'a\u0000b'))).toThrow(/illegal-character/);
        expect(() => alice.send(message(bob, 'a\ud800b'))).toThrow(/illegal-character/);
        const got = first(bodies(bob));
        alice.send(message(bob, 'still there'));
        expect(await got).toBe('still there');
      });

      it('to nobody come back as errors', async () => {
        const got = first(alice.message$);
        alice.send(xml('message', { to: 'nobody@localhost/x', type: 'chat', id: 'm1' }, xml('body', {}, 'hello?')));
        expect((await got).attrs).toMatchObject({ type: 'error', id: 'm1', from: 'nobody@localhost/x' });
      });
    });

    describe('presence', () => {
      it('comes to whom it is directed, and its end too', async () => {
        const got = first(bob.presence$.pipe(take(2), toArray()));
        alice.send(xml('presence', { to: bob.jid.toString() }, xml('status', {}, 'grüß dich 🦀')));
        await close(alice);
        const [here, gone] = await got;
        expect(here!.attrs.from).toBe(alice.jid.toString());
        expect(here!.child('status')!.text()).toBe('grüß dich 🦀');
        expect(gone!.attrs).toMatchObject({ from: alice.jid.toString(), type: 'unavailable' });
      });

      it('comes to those who are subscribed', async () => {
        const [carol, dave] = (await Promise.all(
          ['carol', 'dave'].map((user) => attempt(optionsFor(server, user)).online()),
        )) as [Session, Session];
        const typed = (session: Session, type: string | undefined, other: Session) =>
          first(
            session.presence$.pipe(
              filter(({ attrs }) => attrs.type === type && attrs.from!.startsWith(other.jid.bare().toString())),
            ),
          );
        // Who never asked for the roster is told nothing of what becomes of subscriptions (RFC 6121 section 3.1.6).
        for (const session of [carol, dave]) await first(session.iq('get', xml('query', { xmlns: NS.roster })));
        const available = [carol, dave].map((session) => typed(session, undefined, session));
        for (const session of [carol, dave]) session.send(xml('presence'));
        await Promise.all(available);

        const asked = typed(dave, 'subscribe', carol);
        carol.send(xml('presence', { to: dave.jid.bare().toString(), type: 'subscribe' }));
        await asked;
        const allowed = typed(carol, 'subscribed', dave);
        const seen = typed(carol, undefined, dave);
        dave.send(xml('presence', { to: carol.jid.bare().toString(), type: 'subscribed' }));
        await allowed;
        expect((await seen).attrs.from).toBe(dave.jid.toString());

        const away = first(carol.presence$.pipe(filter((presence) => presence.child('show') !== undefined)));
        dave.send(xml('presence', {}, xml('show', {}, 'away')));
        expect((await away).child('show')!.text()).toBe('away');
        const gone = typed(carol, 'unavailable', dave);
        await close(dave);
        expect((await gone).attrs.from).toBe(dave.jid.toString());
      });
    });

    describe('requests to the server', () => {
      it('are answered: the roster, got and set', async () => {
        const query = (...items: XmlElement[]) => xml('query', { xmlns: NS.roster }, ...items);
        await first(alice.iq('get', query()));
        const push = first(alice.stanza$.pipe(filter((iq) => iq.attrs.type === 'set')));
        const set = await first(alice.iq('set', query(xml('item', { jid: 'zoë@example.org', name: 'Zoë <&>' }))));
        expect(set.attrs.type).toBe('result');
        expect((await push).child('query', NS.roster)!.child('item')!.attrs.name).toBe('Zoë <&>');
        const got = await first(alice.iq('get', query()));
        const items = got.child('query', NS.roster)!.childrenOf('item');
        expect(items.map(({ attrs }) => attrs.name)).toContain('Zoë <&>');
      });

      it('are answered whomever of its own they are addressed to', async () => {
        const addressees = [undefined, alice.jid.bare(), 'alice@localhost', 'LOCALHOST', server.domain];
        const info = xml('query', { xmlns: DISCO });
        for (const to of addressees) {
          const result = await first(alice.iq('get', info, to));
          expect(result.child('query', DISCO)!.childrenOf('identity').length).toBeGreaterThan(0);
        }
      });

      it.each([
        ['what the server does not know', 'get', undefined],
        ['a domain that it does not serve', 'get', 'elsewhere.invalid'],
        ['a user that does not exist', 'get', 'nobody@localhost'],
        ['a resource that is not online', 'set', 'bob@localhost/nowhere'],
      ] as const)('are refused with a StanzaError: %s', async (_what, type, to) => {
        const refused = first(alice.iq(type, xml('x', { xmlns: 'urn:example:unknown' }), to));
        const error = await refused.catch((reason: unknown) => reason);
        expect(error).toBeInstanceOf(StanzaError);
        expect(error).toMatchObject({ layer: 'stanza', phase: 'online' });
        expect((error as StanzaError).condition).toMatch(
          /^(service-unavailable|feature-not-implemented|remote-server-not-found|item-not-found|not-allowed)$/,
        );
      });
    });

    describe('requests to another client', () => {
      const get = (xmlns: string, text = '') => xml('question', { xmlns }, text);

      it('are answered by its handlers', async () => {
        bob.handle('get', TIME, (iq) => of(xml('time', { xmlns: TIME }, xml('who', {}, iq.attrs.from!))));
        bob.handle('set', TIME, () => timer(5).pipe(map(() => undefined)));
        const got = await first(alice.iq('get', xml('time', { xmlns: TIME }), bob.jid));
        expect(got.attrs).toMatchObject({ type: 'result', from: bob.jid.toString() });
        expect(got.child('time', TIME)!.child('who')!.text()).toBe(alice.jid.toString());
        const set = await first(alice.iq('set', xml('time', { xmlns: TIME }), bob.jid));
        expect(set.children).toEqual([]);
      });

      it('are refused by its handlers, told as a StanzaError with all that was said', async () => {
        bob.handle('get', TIME, () =>
          throwError(() => new StanzaError({ condition: 'forbidden', type: 'auth', text: 'nicht für dich 🦀' })),
        );
        bob.handle('set', TIME, () => {
          throw new Error('a secret of bob');
        });
        const refused = first(alice.iq('get', xml('time', { xmlns: TIME }), bob.jid));
        await expect(refused).rejects.toMatchObject({
          ...{ condition: 'forbidden', type: 'auth', text: expect.stringContaining('nicht für dich 🦀') },
          by: bob.jid.toString(),
        });
        const failed = first(alice.iq('set', xml('time', { xmlns: TIME }), bob.jid));
        const error = (await failed.catch((reason: unknown) => reason)) as StanzaError;
        expect(error.condition).toBe('internal-server-error');
        expect(error.message).not.toContain('secret');
      });

      it('are answered without any handler: pings by a result, all else by service-unavailable', async () => {
        const pong = await first(alice.iq('get', xml('ping', { xmlns: NS.ping }), bob.jid));
        expect(pong.attrs).toMatchObject({ type: 'result', from: bob.jid.toString() });
        for (const type of ['get', 'set'] as const) {
          await expect(first(alice.iq(type, get('urn:example:unknown'), bob.jid))).rejects.toMatchObject({
            condition: 'service-unavailable',
            type: 'cancel',
          });
        }
      });

      it('that it is slow to answer time out; an answer that comes too late is a stanza like any other', async () => {
        const late$ = new Subject<undefined>();
        bob.handle('get', TIME, () => late$);
        await expect(
          first(alice.iq('get', xml('time', { xmlns: TIME }), bob.jid, { timeout: 50 })),
        ).rejects.toMatchObject({ layer: 'timeout', condition: 'timeout', phase: 'online', due: 50 });
        const stray = first(alice.stanza$);
        late$.next(undefined);
        expect((await stray).attrs).toMatchObject({ type: 'result', from: bob.jid.toString() });
      });

      it('are settled at once when the session ends', async () => {
        bob.handle('get', TIME, () => NEVER);
        const asked = first(bob.stanza$.pipe(filter(({ name }) => name === 'iq')));
        const pending = first(alice.iq('get', xml('time', { xmlns: TIME }), bob.jid)).catch(
          (reason: unknown) => reason,
        );
        await asked;
        await close(alice);
        expect(await soon(pending, 'an end of the request')).toMatchObject({ condition: 'session-lost' });
      });

      it('are answered, 1,000 in flight at once, each with its own answer', async () => {
        bob.handle('get', TIME, (iq) => of(xml('time', { xmlns: TIME }, iq.child('time', TIME)!.text())));
        const questions = Array.from({ length: 1_000 }, (_, index) => String(index));
        let most = 0;
        let pending = 0;
        const ask = (text: string) => {
          most = Math.max(most, ++pending);
          return alice.iq('get', xml('time', { xmlns: TIME }, text), bob.jid).pipe(
            map((iq) => {
              pending--;
              return iq.child('time', TIME)!.text();
            }),
          );
        };
        expect(await first(forkJoin(questions.map(ask)))).toEqual(questions);
        expect(most).toBe(1_000);
      });

      it('are answered both ways while messages flow', async () => {
        for (const session of [alice, bob]) session.handle('get', TIME, () => of(undefined));
        const count = 200;
        const heard = [alice, bob].map((session) => first(bodies(session).pipe(take(count), toArray())));
        const asked = (
          [
            [alice, bob],
            [bob, alice],
          ] as const
        ).map(([one, other]) =>
          first(
            from(Array.from({ length: count }, (_, index) => index)).pipe(
              mergeMap((index) => {
                one.send(message(other, String(index)));
                return one.iq('get', xml('time', { xmlns: TIME }), other.jid);
              }),
              scan((total) => total + 1, 0),
              last(),
            ),
          ),
        );
        expect(await Promise.all(asked)).toEqual([count, count]);
        const expected = Array.from({ length: count }, (_, index) => String(index));
        expect(await Promise.all(heard)).toEqual([expected, expected]);
      });
    });
  },
};
