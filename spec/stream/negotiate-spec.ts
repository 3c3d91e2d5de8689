import { concat, map, NEVER, Observable, of, Subject, throwError } from 'rxjs';
import { marbles } from 'rxjs-marbles/jest';
import { SaslError, StreamError, XmppTimeoutError } from '../../lib/errors/index.js';
import { jid } from '../../lib/jid/index.js';
import { negotiate, type NegotiatedStream } from '../../lib/stream/negotiate.js';
import { openStream } from '../../lib/stream/open-stream.js';
import type { FeatureContext, Outcome, StreamFeature } from '../../lib/stream/stream-feature.js';
import type { Connection } from '../../lib/transport/transport.js';
import { NS, type XmlElement } from '../../lib/xml/index.js';
import { stubConnection } from '../support/stub-connection.js';
import { DOMAIN, features, FOOTER, serverHeader } from '../support/wire.js';
import { tag, watchUnhandled } from '../support/wire-run.js';

const OUR_HEADER = `<?xml version='1.0'?><stream:stream xmlns:stream='${NS.stream}' xmlns='${NS.client}' to='${DOMAIN}' version='1.0'>`;
const BOUND = jid('alice@example.org/desk');
const bound = { jid: BOUND } as const;

/** A feature that does as the spec says, and says what it was asked. */
function feature(
  name: string,
  outcome: Observable<Outcome> | Outcome,
  { log = [], insists = false, until = () => false as boolean }: FeatureInit = {},
): StreamFeature<XmlElement | 'insists'> {
  return {
    name,
    xmlns: 'urn:example',
    parse: (advertised, _stream, { agreed }) => {
      log.push(`parse ${name}${advertised ? '' : ' unadvertised'}`);
      return until(agreed) ? undefined : (advertised ?? (insists ? 'insists' : undefined));
    },
    negotiate: () => {
      log.push(`negotiate ${name}`);
      return outcome instanceof Observable ? outcome : of(outcome);
    },
  };
}

interface FeatureInit {
  log?: string[];
  insists?: boolean;
  until?: (agreed: FeatureContext['agreed']) => boolean;
}

const offers = (...names: string[]) => features(...names.map((name) => `<${name} xmlns='urn:example'/>`));

/** Negotiates these features with a server that offers these names, stream by stream. */
function negotiated(
  list: readonly StreamFeature<never>[] | (() => readonly StreamFeature<never>[]),
  ...streams: string[][]
) {
  const input$ = new Subject<string>();
  const stub = stubConnection(input$);
  let end: unknown = 'pending';
  let result: NegotiatedStream | undefined;
  const subscription = of(stub as Connection)
    .pipe(openStream({ to: DOMAIN }), negotiate({ to: DOMAIN, features: list }))
    .subscribe({
      next: (value) => {
        result = value;
        end = 'ready';
      },
      error: (error: unknown) => (end = error),
      complete: () => (end = 'complete'),
    });
  for (const names of streams) input$.next(serverHeader() + offers(...names));
  return { stub, input$, subscription, result: () => result, outcome: () => (end instanceof Error ? tag(end) : end) };
}

describe('negotiate', () => {
  watchUnhandled();

  describe('in marbles', () => {
    interface Case {
      readonly streams: string;
      readonly feature: string;
      readonly subs: string;
      readonly unsub?: string;
      readonly result: string;
      readonly error?: Error;
      readonly sent: string;
    }
    const OUTCOMES: Record<string, Outcome> = {
      n: { kind: 'next', agreed: bound },
      y: { kind: 'ready', agreed: bound },
      x: { kind: 'next' },
    };
    const refused = new SaslError({ condition: 'not-authorized' });
    const cases: Record<string, Case> = {
      'a feature that leads on': {
        streams: '-o------',
        feature: ' --(n|)',
        subs: '   -^-!',
        unsub: '  ^-------!',
        result: ' ---r----',
        sent: OUR_HEADER + FOOTER,
      },
      'a feature that is ready': {
        streams: '-o------',
        feature: ' --(y|)',
        subs: '   -^-!',
        unsub: '  ^-------!',
        result: ' ---r----',
        sent: OUR_HEADER + FOOTER,
      },
      'a feature that stays subscribed': {
        streams: '-o------',
        feature: ' --y----',
        subs: '   -^------!',
        unsub: '  ^-------!',
        result: ' ---r----',
        sent: OUR_HEADER + FOOTER,
      },
      'a feature that fails': {
        streams: '-o------',
        feature: ' --#',
        subs: '   -^-!',
        result: ' ---#',
        error: refused,
        sent: OUR_HEADER + FOOTER,
      },
      'a feature that completes, and has no outcome': {
        streams: '-o------',
        feature: ' --|',
        subs: '   -^-!',
        result: ' ---|',
        sent: OUR_HEADER + FOOTER,
      },
      'a feature that is silent': {
        streams: '-o------',
        feature: ' -------',
        subs: '   -^------!',
        unsub: '  ^-------!',
        result: ' --------',
        sent: OUR_HEADER + FOOTER,
      },
      'an early unsubscribe': {
        streams: '-o------',
        feature: ' -----n--',
        subs: '   -^--!',
        unsub: '  ^---!',
        result: ' ------',
        sent: OUR_HEADER + FOOTER,
      },
      'a feature that ends up with no JID': {
        streams: '-o------',
        feature: ' --(x|)',
        subs: '   -^-!',
        result: ' ---#',
        error: new StreamError({
          condition: 'feature-missing',
          phase: 'sasl',
          text: 'the server offers no authentication',
        }),
        sent: OUR_HEADER + FOOTER,
      },
    };

    it.each(Object.entries(cases))('%s', (_name, row) => {
      let stub = stubConnection();
      marbles((m) => {
        const streams = m.hot<string>(row.streams, { o: serverHeader() + offers('one') });
        stub = stubConnection(streams);
        const outcome$ = m.cold<Outcome>(row.feature.trim(), OUTCOMES, refused);
        const result$ = m.cold<Connection>('c', { c: stub }).pipe(
          openStream({ to: DOMAIN }),
          negotiate({ to: DOMAIN, features: [feature('one', outcome$)] as StreamFeature[] }),
          map(({ jid: own }) => (own === BOUND ? 'r' : '?')),
        );
        m.expect(result$, row.unsub?.trim()).toBeObservable(row.result.trim(), undefined, row.error);
        m.expect(outcome$).toHaveSubscriptions(row.subs.trim());
      })();
      expect(stub.sent).toBe(row.sent);
    });

    it(
      'a restart opens a new stream with bounds of its own',
      marbles((m) => {
        const input$ = m.hot<string>('-o---h------', { o: serverHeader() + offers('one'), h: serverHeader() });
        const timeouts = { open: 8, features: 4 };
        const result$ = m
          .cold<Connection>('c', { c: stubConnection(input$) })
          .pipe(
            openStream({ to: DOMAIN, timeouts }),
            negotiate({ to: DOMAIN, timeouts, features: [feature('one', { kind: 'restart' })] as StreamFeature[] }),
          );
        m.expect(result$).toBeObservable('---------#', undefined, new XmppTimeoutError('features', 4));
      }),
    );
  });

  it('walks the list in our order, and asks each feature once, advertised or not', () => {
    const log: string[] = [];
    const list = [
      feature('one', { kind: 'next' }, { log }),
      feature('two', { kind: 'next' }, { log }),
      feature('three', { kind: 'next', agreed: bound }, { log, insists: true }),
      feature('four', { kind: 'next' }, { log }),
    ] as StreamFeature<never>[];
    const { outcome, result } = negotiated(list, ['four', 'unknown', 'one']);
    expect([outcome(), result()?.resumed]).toEqual(['ready', false]);
    expect(log).toEqual([
      'parse one',
      'negotiate one',
      'parse two unadvertised',
      'parse three unadvertised',
      'negotiate three',
      'parse four',
      'negotiate four',
    ]);
  });

  it('`ready` leaves out what is left of the list', () => {
    const log: string[] = [];
    const list = [
      feature('one', { kind: 'ready', agreed: { ...bound, resumed: true } }, { log }),
      feature('two', { kind: 'next' }, { log }),
    ] as StreamFeature<never>[];
    const { outcome, result } = negotiated(list, ['one', 'two']);
    expect([outcome(), result()?.resumed, log]).toEqual(['ready', true, ['parse one', 'negotiate one']]);
  });

  it('a feature has one outcome: what it says later is not that of the next', () => {
    const one$ = new Subject<Outcome>();
    const two$ = new Subject<Outcome>();
    const list = [feature('one', one$), feature('two', two$)] as StreamFeature<never>[];
    const { outcome, result } = negotiated(list, ['one', 'two']);
    one$.next({ kind: 'next' });
    one$.next({ kind: 'ready', agreed: bound });
    expect([outcome(), one$.observed, two$.observed]).toEqual(['pending', true, true]);
    two$.next({ kind: 'ready', agreed: { jid: jid('alice@example.org/other') } });
    expect([outcome(), result()?.jid.resource]).toEqual(['ready', 'other']);
  });

  it('a restart begins the list anew, with the features of the new stream and what was agreed (I5)', () => {
    const log: string[] = [];
    const list = [
      feature(
        'one',
        { kind: 'restart', agreed: { authenticated: true } },
        { log, until: (agreed) => agreed.authenticated },
      ),
      feature('two', { kind: 'next', agreed: bound }, { log, until: (agreed) => !agreed.authenticated }),
    ] as StreamFeature<never>[];
    const { outcome, stub, subscription, result } = negotiated(list, ['one', 'two'], ['two']);
    expect(outcome()).toBe('ready');
    expect(log).toEqual(['parse one', 'negotiate one', 'parse one unadvertised', 'parse two', 'negotiate two']);
    expect(result()!.stream.features.child('one', 'urn:example')).toBeUndefined();
    subscription.unsubscribe();
    expect([stub.sent, stub.ended]).toEqual([OUR_HEADER + OUR_HEADER + FOOTER, true]);
  });

  it('a list may be made for each stream', () => {
    const log: string[] = [];
    const until = ({ authenticated }: FeatureContext['agreed']) => authenticated;
    const list = () => {
      log.push('made');
      return [
        feature('one', { kind: 'restart', agreed: { authenticated: true } }, { log, until }),
        feature('two', { kind: 'next', agreed: bound }, { log }),
      ] as StreamFeature<never>[];
    };
    const { outcome } = negotiated(list, ['one'], ['two']);
    expect(outcome()).toBe('ready');
    const first = ['made', 'parse one', 'negotiate one'];
    expect(log).toEqual([...first, 'made', 'parse one unadvertised', 'parse two', 'negotiate two']);
  });

  it.each([
    ['nothing authenticates', { kind: 'next' } as Outcome, 'stream feature-missing (sasl) local'],
    [
      'nothing binds (D10)',
      { kind: 'next', agreed: { authenticated: true } } as Outcome,
      'stream feature-missing (bind) local',
    ],
    ['ready is said too early', { kind: 'ready' } as Outcome, 'stream feature-missing (sasl) local'],
  ])('errs where %s', (_name, outcome, expected) => {
    const { outcome: end, stub } = negotiated([feature('one', outcome)] as StreamFeature<never>[], ['one']);
    expect(end()).toBe(expected);
    expect(stub.sent).toBe(OUR_HEADER + FOOTER);
  });

  it.each([
    ['parse', { ...feature('one', NEVER), parse: thrower }],
    ['negotiate', { ...feature('one', NEVER), negotiate: thrower }],
    [
      'its observable',
      feature(
        'one',
        throwError(() => new SaslError({ condition: 'aborted' })),
      ),
    ],
  ])('a feature that throws in %s fails the negotiation', (_name, broken) => {
    const { outcome, stub } = negotiated([broken] as unknown as StreamFeature<never>[], ['one']);
    expect(outcome()).toBe('sasl aborted (sasl)');
    expect(stub.sent).toBe(OUR_HEADER + FOOTER);
  });

  it('data between the outcome and the new stream fails a restart', () => {
    const outcome$ = new Subject<Outcome>();
    const { outcome, input$, stub } = negotiated([feature('one', outcome$)] as StreamFeature<never>[]);
    input$.next(`${serverHeader() + offers('one')}<early/>`);
    outcome$.next({ kind: 'restart' });
    expect(outcome()).toBe('stream policy-violation (undefined) local');
    expect(stub.sent).toBe(OUR_HEADER);
  });

  it('releases the innermost feature first', () => {
    const log: string[] = [];
    const held = (name: string, outcome: Outcome) =>
      new Observable<Outcome>((subscriber) => {
        subscriber.add(() => log.push(name));
        return concat(of(outcome), NEVER).subscribe(subscriber);
      });
    const list = [
      feature('one', held('one', { kind: 'next' })),
      feature('two', held('two', { kind: 'next', agreed: bound })),
    ] as StreamFeature<never>[];
    const { subscription, outcome } = negotiated(list, ['one', 'two']);
    expect([outcome(), log]).toEqual(['ready', []]);
    subscription.unsubscribe();
    expect(log).toEqual(['two', 'one']);
  });
});

function thrower(): never {
  throw new SaslError({ condition: 'aborted' });
}
