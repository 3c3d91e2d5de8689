import { from, of, take, tap, throwError } from 'rxjs';
import { marbles } from 'rxjs-marbles/jest';
import { StreamError } from '../../lib/errors/stream-error.js';
import { parseStream, type StreamEvent } from '../../lib/xml/parse-stream.js';
import { xml } from '../../lib/xml/xml.js';
import { HEADER, OPEN } from './replay.js';

const NSS = 'http://etherx.jabber.org/streams';
const JC = 'jabber:client';

/** What is sent. */
const sent = {
  h: HEADER,
  a: '<a/>',
  m: '<mess',
  n: 'age/>',
  b: '<a/><b/>',
  w: ' \n',
  x: '<!-- -->',
  y: '<a/><!-- --><b/>',
  f: '</stream:stream>',
};

/** What is told. */
const told: Record<string, StreamEvent> = {
  h: {
    kind: 'open',
    header: xml('stream', { xmlns: NSS, id: 's1', from: 'example.org', version: '1.0' }),
    contentNs: JC,
  },
  a: { kind: 'element', element: xml('a', { xmlns: JC }) },
  b: { kind: 'element', element: xml('b', { xmlns: JC }) },
  m: { kind: 'element', element: xml('message', { xmlns: JC }) },
  f: { kind: 'close', footer: undefined },
};

const restricted = new StreamError({ condition: 'restricted-xml', text: 'unexpected "<!"' });
const unfinished = new StreamError({ condition: 'not-well-formed', text: 'unexpected end' });
const lost = new Error('lost');

describe('parseStream', () => {
  const cases: [
    title: string,
    source: string,
    subscription: string,
    expected: string,
    error?: Error,
    unsub?: string,
  ][] = [
    ['tells header, elements and footer', '  --h--a-m-n-f--|', '^-------------!', '--h--a---m-f--|'],
    ['tells all that a chunk holds at once', '  --h--b---|', '   ^--------!', '     --h--(ab)|'],
    ['tells nothing of white space', '  --h-w-w-a-|', '  ^---------!', '    --h-----a-|'],
    ['stays silent with a silent source', '  ----------', '   ^---------', '     ----------'],
    ['completes with an empty source', '  ----|', '        ^---!', '          ----|'],
    ['goes on waiting after the footer, for the source to end', '  --h-f----', '    ^--------', '      --h-f----'],
    ['errors with the first fault, and leaves the source', '  --h--x--a--', '  ^----!', '         --h--#', restricted],
    [
      'tells what came before the fault in its chunk, and nothing after',
      '  --h--y--a--',
      '  ^----!',
      '         --h--(a#)',
      restricted,
    ],
    ['errors with the source', '  --h--a--#', '    ^-------!', '      --h--a--#', lost],
    ['errors with the source within an element', '  --h--m--#', '    ^-------!', '      --h-----#', lost],
    ['errors where the source ends within an element', '  --h--m--|', '    ^-------!', '      --h-----#', unfinished],
    ['leaves the source when unsubscribed', '  --h--a--m--n--', '^--------!', '    --h--a---', undefined, '^--------!'],
    [
      'leaves the source when unsubscribed before anything came',
      '  --h--a--',
      '     ^-!',
      '           ---',
      undefined,
      '^-!',
    ],
  ];

  it.each(cases)('%s', (...[, source, subscription, expected, error, unsub]) =>
    marbles((m) => {
      const source$ = m.hot(source, sent, lost);
      const cold$ = m.cold(source, sent, lost);
      for (const each$ of [source$, cold$]) {
        const event$ = each$.pipe(parseStream({ framing: 'stream' }));
        m.expect(event$, unsub).toBeObservable(m.hot(expected, told, error));
      }
      m.expect(source$).toHaveSubscriptions(subscription);
      m.expect(cold$).toHaveSubscriptions(subscription);
    })(),
  );

  it(
    'has a parser of its own for each subscription',
    marbles((m) => {
      const source$ = m.cold('h-a|', sent);
      const event$ = source$.pipe(parseStream({ framing: 'stream' }));
      m.expect(event$).toBeObservable('     h-a|', told);
      m.expect(event$, '-----^').toBeObservable('-----h-a|', told);
    }),
  );

  it('does nothing until subscribed', () => {
    let subscribed = 0;
    const source$ = of(HEADER).pipe(tap({ subscribe: () => subscribed++ }));
    const event$ = source$.pipe(parseStream({ framing: 'stream' }));
    expect(subscribed).toBe(0);
    event$.subscribe();
    expect(subscribed).toBe(1);
  });

  it('tells nothing of the rest of a chunk once unsubscribed within it', () => {
    const log: string[] = [];
    from([HEADER, '<a/><b/><!-- -->', '<c/>'])
      .pipe(parseStream({ framing: 'stream' }), take(2))
      .subscribe({ next: ({ kind }) => log.push(kind), error: (error) => log.push(String(error)) });
    expect(log).toEqual(['open', 'element']);
  });

  it('leaves a source that emits synchronously at once', () => {
    let count = 0;
    from([HEADER, '<a/>', '<b/>', '<c/>'])
      .pipe(
        tap(() => count++),
        parseStream({ framing: 'stream' }),
        take(2),
      )
      .subscribe();
    expect(count).toBe(2);
  });

  it('passes an error on that comes synchronously', () => {
    const errors: unknown[] = [];
    throwError(() => lost)
      .pipe(parseStream({ framing: 'frames' }))
      .subscribe({ error: (error) => errors.push(error) });
    expect(errors).toEqual([lost]);
  });

  it('parses frames, with limits', () => {
    const log: string[] = [];
    of(OPEN, '<a><b/></a>', '<a><b><c/></b></a>')
      .pipe(parseStream({ framing: 'frames', limits: { depth: 2 } }))
      .subscribe({ next: ({ kind }) => log.push(kind), error: ({ condition }) => log.push(condition) });
    expect(log).toEqual(['open', 'element', 'policy-violation']);
  });

  it('I10: an observer that throws harms neither the parser nor the rest', () => {
    jest.useFakeTimers();
    try {
      const log: string[] = [];
      of(HEADER, '<a/><b/>', '<c/>')
        .pipe(parseStream({ framing: 'stream' }))
        .subscribe((event) => {
          if (event.kind !== 'element') return;
          log.push(event.element.name);
          if (event.element.name === 'a') throw new RangeError('mine');
        });
      expect(log).toEqual(['a', 'b', 'c']);
      expect(() => jest.runAllTimers()).toThrow(new RangeError('mine'));
    } finally {
      jest.useRealTimers();
    }
  });
});
