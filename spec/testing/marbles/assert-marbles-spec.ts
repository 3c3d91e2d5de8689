import { throwError, of, concat, map } from 'rxjs';
import { configure } from 'rxjs-marbles/jest';
import { TestScheduler } from 'rxjs/testing';
import { jid, SaslError, StreamError, TransportError, xml } from '../../../lib/index.js';
import { assertMarbles, like, stanzas, statuses } from '../../../lib/testing.js';

/** The message with which a comparison fails; nothing where it does not. */
function complaint(test: (helpers: Parameters<Parameters<TestScheduler['run']>[0]>[0]) => void): string | undefined {
  try {
    new TestScheduler(assertMarbles).run(test);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

const { marbles } = configure({ assertDeepEqual: assertMarbles, frameworkMatcher: true });
const HI = "<message from='bob@example.org' to='alice@example.org'><body>hi</body></message>";

describe('assertMarbles: elements', () => {
  it.each([
    ['themselves', HI],
    ['another order of attributes', "<message to='alice@example.org' from='bob@example.org'><body>hi</body></message>"],
    [
      'other quotes, and white space between elements',
      '<message from="bob@example.org" to="alice@example.org">\n  <body>hi</body>\n</message>',
    ],
    [
      'a prefix',
      "<c:message xmlns:c='jabber:client' from='bob@example.org' to='alice@example.org'><c:body>hi</c:body></c:message>",
    ],
    ['anything for an attribute', "<message from='*' to='*'><body>hi</body></message>"],
    ['anything for a text', "<message from='bob@example.org' to='alice@example.org'><body>*</body></message>"],
    ['anything for its content', "<message from='bob@example.org' to='alice@example.org'>*</message>"],
  ])('are the same as %s', (_what, expected) => {
    const failed = complaint(({ hot, expectObservable }) => {
      expectObservable(hot('--a', stanzas({ a: HI }))).toBe('--x', { x: expected });
    });
    expect(failed).toBeUndefined();
  });

  it.each([
    ['another text', HI.replace('hi', 'ho'), 'message/body[1]#text'],
    ['another attribute', HI.replace('bob', 'eve'), 'message/@from'],
    ['an attribute more', HI.replace(' to=', " type='chat' to="), 'message/@type'],
    ['an element more', HI.replace('</message>', '<thread/></message>'), 'message[2]'],
    ['another name', HI.replaceAll('message', 'presence'), 'message'],
    ['another namespace', HI.replace('<body', "<body xmlns='urn:x'"), 'message/body'],
  ])('are not the same as with %s, and it says where', (_what, sent, path) => {
    const failed = complaint(({ hot, expectObservable }) => {
      expectObservable(hot('--a', stanzas({ a: sent }))).toBe('--x', { x: HI });
    });
    expect(failed).toContain(`(${path})`);
  });

  it('an id that is not named is generated; one that is named counts', () => {
    const sent = HI.replace('<message', "<message id='x7'");
    const of$ = (expected: string) =>
      complaint(({ hot, expectObservable }) =>
        expectObservable(hot('a', stanzas({ a: sent }))).toBe('x', { x: expected }),
      );
    expect(of$(HI)).toBeUndefined();
    expect(of$(sent)).toBeUndefined();
    expect(of$(HI.replace('<message', "<message id='x8'"))).toContain('message/@id');
    // Within, an id is what an application means by it.
    const inner = (id: string) => `<message><origin-id xmlns='urn:xmpp:sid:0'${id}/></message>`;
    expect(
      complaint(({ hot, expectObservable }) =>
        expectObservable(hot('a', stanzas({ a: inner(" id='1'") }))).toBe('x', { x: inner('') }),
      ),
    ).toContain('origin-id/@id');
  });

  it('shows the difference as XML', () => {
    const failed = complaint(({ hot, expectObservable }) => {
      const sent =
        "<message type='chat' to='bob@example.org' id='1'><body>ho &amp; hum</body><thread>t</thread></message>";
      expectObservable(hot('--a', stanzas({ a: sent }))).toBe('--x', {
        x: "<message to='bob@example.org' type='chat'><body>hi</body><thread>t</thread></message>",
      });
    });
    expect(failed).toBe(`the marbles are not as expected
at 2 next (message/body[1]#text)
      <message id='1' to='bob@example.org' type='chat'>
    -   <body>hi</body>
    +   <body>ho &amp; hum</body>
        <thread>t</thread>
      </message>
expected:
  2 next <message to='bob@example.org' type='chat'><body>hi</body><thread>t</thread></message>
received:
  2 next <message type='chat' to='bob@example.org' id='1'><body>ho &amp; hum</body><thread>t</thread></message>`);
  });

  it('are found within what is emitted', () => {
    const failed = complaint(({ hot, expectObservable }) => {
      const stanza$ = hot('a', stanzas({ a: HI }));
      expectObservable(stanza$.pipe(map((stanza) => ({ from: stanza.attrs.from, stanza })))).toBe('x', {
        x: { from: 'bob@example.org', stanza: HI.replace('hi', 'ho') },
      });
    });
    expect(failed).toContain('at 0 next.stanza (message/body[1]#text)');
  });

  it('elements made by xml() count as those that are read', () => {
    expect(
      complaint(({ cold, expectObservable }) => {
        expectObservable(cold('(a|)', { a: xml('presence', { type: 'unavailable' }) })).toBe('(x|)', {
          x: xml('presence', { type: 'unavailable' }),
        });
      }),
    ).toBeUndefined();
  });
});

describe('assertMarbles: diagrams', () => {
  it('tells of another frame, kind and number', () => {
    const failed = complaint(({ hot, expectObservable }) => {
      expectObservable(hot('-a-b-|', { a: 1, b: 2 })).toBe('--a-b-(c|)', { a: 1, b: 2, c: 3 });
    });
    expect(failed).toContain('- 2 next 1\n+ 1 next 1');
    expect(failed).toContain('- 6 complete');
  });

  it('passes subscriptions, and says where they differ', () => {
    const run = (expected: string) =>
      complaint(({ hot, expectObservable, expectSubscriptions }) => {
        const source = hot('--a--|');
        expectObservable(source);
        expectSubscriptions(source.subscriptions).toBe(expected);
      });
    expect(run('^----!')).toBeUndefined();
    expect(run('^---!')).toContain('unsubscribedFrame');
  });

  it('compares what has an equals by that, and all else member by member', () => {
    const run = (one: unknown, other: unknown) =>
      complaint(({ cold, expectObservable }) =>
        expectObservable(cold<unknown>('a', { a: one })).toBe('a', { a: other }),
      );
    expect(run(jid('a@b/c'), jid('a@b/c'))).toBeUndefined();
    expect(run(jid('a@b/c'), jid('a@b/d'))).toContain('- a@b/d');
    expect(run({ a: [1, { b: 2 }] }, { a: [1, { b: 2 }] })).toBeUndefined();
    expect(run({ a: [1, { b: 2 }] }, { a: [1, { b: 3 }] })).toContain('.a.1.b');
    expect(run({ a: 1 }, { a: 1, b: undefined })).toBeUndefined();
    expect(run([1], { 0: 1 })).toBeDefined();
    expect(run('<message/>', '<message/>')).toBeUndefined();
    expect(run(null, {})).toBeDefined();
  });

  it('compares what shows no members by what it consists of, or not at all', () => {
    const run = (one: unknown, other: unknown) =>
      complaint(({ cold, expectObservable }) =>
        expectObservable(cold<unknown>('a', { a: one })).toBe('a', { a: other }),
      );
    const [map, set] = [(n: number) => new Map([['a', { n }]]), (n: number) => new Set([n])];
    const [date, octets] = [(n: number) => new Date(n), (n: number) => Uint8Array.of(n)];
    const [buffer, regExp] = [(n: number) => octets(n).buffer, (n: number) => new RegExp(String(n))];
    for (const make of [map, set, date, octets, buffer, regExp] as ((n: number) => object)[]) {
      expect(run(make(1), make(1))).toBeUndefined();
      expect(run(make(1), make(2))).toBeDefined();
      expect(run(make(1), {})).toBeDefined();
      expect(run({}, make(1))).toBeDefined();
    }
    expect(run(new Map(), new Set())).toBeDefined();
    class Hidden {
      #secret = 1;
      get secret() {
        return this.#secret;
      }
    }
    const hidden = new Hidden();
    expect(run(hidden, hidden)).toBeUndefined();
    expect(run(hidden, new Hidden())).toBeDefined();
    expect(run({}, {})).toBeUndefined();
    expect(run([], [])).toBeUndefined();
  });

  it('like() looks at what it names alone', () => {
    const run = (members: object) =>
      complaint(({ hot, expectObservable }) => expectObservable(hot('O', statuses())).toBe('x', { x: like(members) }));
    expect(run({ kind: 'online' })).toBeUndefined();
    expect(run({ kind: 'online', jid: jid('test@example.org/test') })).toBeUndefined();
    expect(run({ kind: 'waiting' })).toContain('.kind\n    - waiting\n    + online');
  });
});

describe('assertMarbles: errors', () => {
  const conflict = new StreamError({ condition: 'conflict', phase: 'online', text: 'another session' });
  const run = (expected: unknown) =>
    complaint(({ cold, expectObservable }) => expectObservable(cold('--#', {}, conflict)).toBe('--#', {}, expected));

  it.each([
    ['by its condition', 'conflict'],
    ['as a whole', new StreamError({ condition: 'conflict', phase: 'online', text: 'said otherwise' })],
    ['by condition and phase', { condition: 'conflict', phase: 'online' }],
    ['by condition and layer', { condition: 'conflict', layer: 'stream' }],
    ['by condition and text', { condition: 'conflict', text: 'another session' }],
  ])('is the same %s', (_how, expected) => {
    expect(run(expected)).toBeUndefined();
  });

  it.each([
    ['another condition', 'reset'],
    ['another phase', { condition: 'conflict', phase: 'bind' }],
    ['another layer', new SaslError({ condition: 'conflict', phase: 'online' })],
    ['an error that is none of XMPP', new Error('conflict')],
    ['no error at all', undefined],
  ])('is not the same with %s', (_how, expected) => {
    expect(run(expected)).toContain('+ conflict (online), stream');
  });

  it('is not the same with another text, where that is named', () => {
    expect(run({ condition: 'conflict', text: 'said otherwise' })).toContain('.text\n    - said otherwise');
  });

  it('what is no error goes by what it is', () => {
    const thrown = (error: unknown, expected: unknown) =>
      complaint(({ cold, expectObservable }) => expectObservable(cold('#', {}, error)).toBe('#', {}, expected));
    for (const error of ['error', 42, undefined, null, { code: 1 }, [1]]) {
      expect(thrown(error, structuredClone(error))).toBeUndefined();
      expect(thrown(error, { code: 2 })).toBeDefined();
      expect(thrown(new Error('no'), error)).toBeDefined();
      expect(thrown(conflict, error)).toBeDefined();
    }
  });

  it('those of others go by name and message', () => {
    const other = (expected: unknown) =>
      complaint(({ cold, expectObservable }) =>
        expectObservable(cold('#', {}, new TypeError('no'))).toBe('#', {}, expected),
      );
    expect(other(new TypeError('no'))).toBeUndefined();
    expect(other(new Error('no'))).toContain('TypeError: no');
    expect(other(new TypeError('yes'))).toContain('yes');
  });
});

describe('assertMarbles with rxjs-marbles', () => {
  it(
    'compares elements',
    marbles((m) => {
      m.expect<unknown>(m.hot('--a', stanzas({ a: HI.replace('<message', "<message id='1'") }))).toBeObservable('--x', {
        x: HI,
      });
    }),
  );

  it(
    'compares errors, of which rxjs-marbles leaves name and message',
    marbles((m) => {
      const error = new TransportError({ condition: 'connection-reset', phase: 'online', text: 'gone' });
      m.expect(
        concat(
          of(1),
          throwError(() => error),
        ),
      ).toBeObservable('(a#)', { a: 1 }, { condition: 'connection-reset', phase: 'online' });
    }),
  );

  it('and fails where they differ', () => {
    const test = marbles((m) => {
      m.expect(m.cold('#', {}, new TransportError({ condition: 'connection-reset' }))).toBeObservable(
        '#',
        {},
        { condition: 'connection-closed' },
      );
    });
    expect(() => (test as () => void)()).toThrow('- connection-closed');
  });
});
