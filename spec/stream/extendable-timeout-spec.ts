import { VirtualTimeScheduler } from 'rxjs';
import { cases } from 'rxjs-marbles/jest';
import { XmppTimeoutError } from '../../lib/errors/index.js';
import { extendableTimeout } from '../../lib/stream/extendable-timeout.js';
import { after, expects, reply, stall } from '../../lib/testing.js';
import { begins, ClientRun, follow, hello } from '../support/client-run.js';

interface Row {
  readonly source: string;
  readonly due?: number;
  /** What `extend` answers, in turn. */
  readonly more?: number[];
  readonly result: string;
  readonly subs: string;
  readonly unsub?: string;
  /** What it is asked with. */
  readonly asked?: [elapsed: number, times: number][];
  readonly error?: Error;
}

describe('extendableTimeout', () => {
  cases(
    'bounds each value and the end',
    (m, { source, due = 4, more = [], result, subs, unsub, asked = [], error }: Row) => {
      const told: [number, number][] = [];
      const source$ = m.cold(source);
      const extend = (elapsed: number, times: number) => {
        told.push([elapsed, times]);
        const answer = more.shift() ?? 0;
        if (answer < 0) throw new Error('no');
        return answer;
      };
      m.expect(source$.pipe(extendableTimeout({ due, extend })), unsub!).toBeObservable(result, undefined, error);
      m.expect(source$).toHaveSubscriptions(subs);
      m.flush();
      expect(told).toEqual(asked);
    },
    {
      success: { source: '--a--b|', result: '--a--b|', subs: '^-----!' },
      silence: {
        ...{ source: '-------', result: '----#', subs: '^---!', asked: [[4, 1]] },
        error: new XmppTimeoutError('online', 4),
      },
      'more time, and the value comes': {
        source: '-----a|',
        more: [3],
        result: '-----a|',
        subs: '^-----!',
        asked: [[4, 1]],
      },
      'more time, twice, and it is up': {
        ...{ source: '-', more: [2, 1], result: '-------#', subs: '^------!' },
        ...{
          asked: [
            [4, 1],
            [6, 2],
            [7, 3],
          ],
          error: new XmppTimeoutError('online', 7),
        },
      },
      'each value begins anew': {
        ...{ source: '---a---b---', result: '---a---b---#', subs: '^----------!', asked: [[4, 1]] },
        error: new XmppTimeoutError('online', 4),
      },
      'a hook that throws': {
        source: '-',
        more: [-1],
        result: '----#',
        subs: '^---!',
        asked: [[4, 1]],
        error: new Error('no'),
      },
      'an error of the source': { source: '--#', result: '--#', subs: '^-!', error: 'error' as never },
      completion: { source: '--|', result: '--|', subs: '^-!' },
      'early unsubscribe': { source: '-', unsub: '^--!', result: '---', subs: '^--!' },
      'no bound': { source: '-----a|', due: Infinity, result: '-----a|', subs: '^-----!' },
    } as Record<string, Row>,
  );

  it('read and write timeouts: of one delivery and of one request, extended, and the session goes on', () => {
    const scheduler = new VirtualTimeScheduler();
    const run = new ClientRun([begins(expects(/<iq/), after(300), reply(`<message/>`), stall(), after(1e6))], {
      options: { scheduler },
    });
    run.connect();
    scheduler.maxFrames = 0;
    scheduler.flush();
    const times: number[] = [];
    const bounded = (due: number) =>
      extendableTimeout<never>({ due, scheduler, extend: (_, time) => (times.push(time), time < 3 ? due : 0) });
    const asked = follow(run.session.iq('get', hello('x')).pipe(bounded(100) as never));
    scheduler.maxFrames = 400;
    scheduler.flush();
    expect([asked.told, times]).toEqual([['timeout'], [1, 2, 3]]);
    const written = follow(run.session.deliver(hello('y')).pipe(bounded(100) as never));
    scheduler.maxFrames = 1_000;
    scheduler.flush();
    expect([written.told, run.status.kind]).toEqual([['queued', 'timeout'], 'online']);
    run.disconnect();
  });
});
