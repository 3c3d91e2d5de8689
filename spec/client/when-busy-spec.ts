import { defer, finalize, NEVER, Subject, type Observable } from 'rxjs';
import { cases } from 'rxjs-marbles/jest';
import { UsageError } from '../../lib/errors/index.js';
import type { XmppClientOptions } from '../../lib/client/client-options.js';
import { whenBusy, type WhenBusy } from '../../lib/client/when-busy.js';
import { mute } from '../../lib/testing.js';
import { ClientRun } from '../support/client-run.js';
import { lifetime, PASSWORD, turns, upTo } from '../support/wire.js';
import { watchUnhandled } from '../support/wire-run.js';

interface Row {
  readonly policy?: WhenBusy;
  readonly source: string;
  /** What the two values lead to. */
  readonly a: string;
  readonly b?: string;
  readonly subsA: string | string[];
  readonly subsB?: string | string[];
  readonly unsub?: string;
  readonly result: string;
  /** How many were at work when the refusal was told. */
  readonly refused?: number[];
  /** What the work came to grief by. */
  readonly fatal?: Error;
}

const OTHER = new Error('other');
const BUSY = new UsageError('busy', 'other options are at work');

describe('whenBusy', () => {
  cases(
    'from work to work',
    (m, { policy, source, a, b = '-', subsA, subsB = [], unsub, result, refused = [], fatal }: Row) => {
      const work = { a: m.cold(a, { x: 'A' }, OTHER), b: m.cold(b, { x: 'B' }) };
      let running = 0;
      const told: number[] = [];
      const counted = (work$: Observable<string>) =>
        defer(() => {
          running++;
          return work$.pipe(finalize(() => running--));
        });
      const values = { a: { name: 'a' as const }, b: { name: 'b' as const, whenBusy: policy }, n: null };
      const source$ = m.hot<{ name: 'a' | 'b'; whenBusy?: WhenBusy } | null>(source, values, OTHER);
      const result$ = source$.pipe(
        whenBusy({
          work: (value) => (value ? counted(work[value.name]) : m.cold<string>('|')),
          failed: () => told.push(running),
          fatal,
        }),
      );
      m.expect(result$, unsub!).toBeObservable(result, { A: 'A', B: 'B' }, refused.length > 0 ? BUSY : OTHER);
      m.expect(work.a).toHaveSubscriptions(subsA);
      m.expect(work.b).toHaveSubscriptions(subsB);
      m.flush();
      expect([told, running]).toEqual([refused, 0]);
    },
    {
      'replace is the default': {
        ...{ source: '-a---b----', a: '-x---', b: '-x---', subsA: '-^---!', subsB: '-----^---!', unsub: '^--------!' },
        result: '      --A---B---',
      },
      'ignore: what is at work goes on': {
        ...{ policy: 'ignore', source: '-a---b----', a: '-x----x', subsA: '-^-------!', unsub: '^--------!' },
        result: '--A----A--',
      },
      'ignore: nothing is at work any more': {
        ...{ policy: 'ignore', source: '-a---b----', a: '-x|', b: '-x', subsA: '-^-!', subsB: '-----^---!' },
        ...{ result: '--A---B---', unsub: '^--------!' },
      },
      'error: what is at work is released before the error is told': {
        ...{ policy: 'error', source: '-a---b----', a: '-x---', subsA: '-^---!', result: '--A--#', refused: [0] },
      },
      'error: nothing is at work': {
        ...{ policy: 'error', source: '-----b----', a: '-', b: '-x', subsA: [], subsB: '-----^---!' },
        ...{ result: '------B---', unsub: '^--------!' },
      },
      'null ends what is at work': { source: '-a---n----', a: '-x---', subsA: '-^---!', result: '--A-------' },
      silence: { source: '----------', a: '-', subsA: [], result: '----------' },
      'completion waits for what is at work': { source: '-a-|', a: '-x---|', subsA: '-^----!', result: '--A---|' },
      'what it came to grief by is the end, where nothing can follow': {
        ...{ source: '-a-|', a: '-x---|', subsA: '-^----!', result: '--A---#', fatal: OTHER },
      },
      'what it came to grief by is no end, where something can follow': {
        ...{ source: '-a-----', a: '-x-|', subsA: '-^--!', result: '--A----', fatal: OTHER },
      },
      'an error of the source': { source: '-a-#', a: '-x---|', subsA: '-^-!', result: '--A#' },
      'an error of the work': { source: '-a----', a: '-x-#', subsA: '-^--!', result: '--A-#' },
      'early unsubscribe': { source: '-a----', a: '-x----', subsA: '-^--!', unsub: '^---!', result: '--A---' },
    } satisfies Record<string, Row>,
  );
});

describe('values that come while the work before is released', () => {
  it.each(['replace', 'error'] as const)("take over from one with '%s', which never begins", (policy) => {
    const source$ = new Subject<{ name: string; whenBusy?: WhenBusy }>();
    const begun: string[] = [];
    const running = new Set<string>();
    let error: string | undefined;
    const work = ({ name }: { name: string }) =>
      defer(() => {
        begun.push(name);
        running.add(name);
        return NEVER.pipe(
          finalize(() => {
            running.delete(name);
            if (name === 'a') source$.next({ name: 'c' });
          }),
        );
      });
    const subscription = source$
      .pipe(
        whenBusy({
          work: (value) => work(value!),
          failed: ({ condition }) => (error = condition),
          fatal: undefined,
        }),
      )
      .subscribe();
    source$.next({ name: 'a' });
    source$.next({ name: 'b', whenBusy: policy });
    expect([begun, [...running], error]).toEqual([['a', 'c'], ['c'], undefined]);
    subscription.unsubscribe();
    expect(running.size).toBe(0);
  });
});

describe('connect while connecting or connected (XF#725, CAS#84)', () => {
  watchUnhandled();

  const phases = [
    ...turns()
      .map(({ name }) => name)
      .filter((name) => name !== 'handshake'),
    'online',
  ];
  const begun = (phase: string) => {
    const next$ = new Subject<Partial<XmppClientOptions>>();
    const first = phase === 'online' ? [lifetime(), mute()] : [upTo(phase), mute()];
    let base: XmppClientOptions;
    const run = new ClientRun([first, lifetime()], {
      transport: { tls: false },
      options: { credentials: { password: PASSWORD } },
      options$: (options) => {
        base = options;
        return next$ as Observable<XmppClientOptions>;
      },
    });
    run.connect();
    const give = (options: Partial<XmppClientOptions>) => next$.next({ ...base, ...options });
    give({});
    run.flush(10);
    return { run, give };
  };

  it.each(phases)("'replace' gives up what is at work, at %s", (phase) => {
    const { run, give } = begun(phase);
    give({ whenBusy: 'replace' });
    run.flush(20);
    expect([run.ends, run.status.kind, run.transport.connections]).toEqual(['1 cancelled', 'online', 2]);
    run.disconnect().check();
  });

  it.each(phases)("'ignore' lets what is at work go on, at %s", (phase) => {
    const { run, give } = begun(phase);
    const { kind } = run.status;
    give({ whenBusy: 'ignore' });
    run.flush(20);
    expect([run.ends, run.status.kind, run.transport.connections]).toEqual(['', kind, 1]);
    run.disconnect().check();
  });

  it.each(phases)("'error' is told by the status and by session$, at %s", (phase) => {
    const { run, give } = begun(phase);
    give({ whenBusy: 'error' });
    expect([run.end, run.ends, run.status]).toMatchObject([
      'usage busy (undefined)',
      '1 cancelled',
      { kind: 'offline', error: { condition: 'busy' } },
    ]);
    run.check();
  });

  it('there is nothing to be busy with after a fatal error', () => {
    const { run, give } = begun('header');
    give({ jid: undefined });
    expect(run.status).toMatchObject({ kind: 'offline', error: { condition: 'no-jid' } });
    give({ whenBusy: 'error' });
    run.flush(20);
    expect(run.status.kind).toBe('online');
    run.disconnect().check();
  });
});
