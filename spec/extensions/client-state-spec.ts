import { BehaviorSubject, NEVER, Subject, throwError, type Observable } from 'rxjs';
import { clientState } from '../../lib/extensions/client-state.js';
import { after, cut, exchange, expects, reply, stall, type Script } from '../../lib/testing.js';
import { NS } from '../../lib/xml/index.js';
import { authenticates, ClientRun, CSI, enables, RESUME, RESUMED, SM } from '../support/client-run.js';
import { BIND, bindResult, FOOTER, hearsBind } from '../support/wire.js';
import { watchUnhandled } from '../support/wire-run.js';

const ACTIVE = expects(`<active xmlns='${NS.csi}'/>`);
const INACTIVE = expects(`<inactive xmlns='${NS.csi}'/>`);
const begins = (...more: Script): Script => [authenticates(BIND, CSI), hearsBind(), reply(bindResult()), ...more];
const manages = (...more: Script): Script => [
  ...[authenticates(BIND, SM, CSI), hearsBind(), reply(bindResult()), enables()],
  ...more,
];
const resumes = (...more: Script): Script => [authenticates(BIND, SM, CSI), exchange([RESUME(0), RESUMED(0)]), ...more];

function telling(scripts: readonly Script[], active$: Observable<boolean>) {
  const run = new ClientRun(scripts);
  const told: string[] = [];
  const telling = clientState(run.client, active$).subscribe({
    next: (state) => told.push(state),
    error: (error: unknown) => told.push(String(error)),
    complete: () => told.push('complete'),
  });
  return { run, told, telling };
}

describe('clientState (XEP-0352)', () => {
  watchUnhandled();

  it('tells each change, and nothing twice', () => {
    const active$ = new BehaviorSubject(true);
    const { run, told } = telling([begins(INACTIVE, ACTIVE, INACTIVE, after(1e6))], active$);
    run.connect().flush(0);
    expect(told).toEqual([]);
    for (const active of [true, false, false, true, false]) {
      active$.next(active);
      run.flush(0);
    }
    expect(told).toEqual(['inactive', 'active', 'inactive']);
    run.transport.verify();
  });

  it('tells a new session that it is inactive, and needs not tell that it is active', () => {
    const active$ = new BehaviorSubject(false);
    const { run, told } = telling([begins(INACTIVE, cut()), begins(INACTIVE, cut()), begins(after(1e6))], active$);
    run.connect().flush(1_500);
    expect(told).toEqual(['inactive', 'inactive']);
    active$.next(true);
    run.flush(5_000);
    expect(told).toEqual(['inactive', 'inactive']);
    run.transport.verify();
  });

  it('tells a resumed session either way: the last word may have been lost', () => {
    const active$ = new BehaviorSubject(false);
    const { run, told } = telling(
      [manages(INACTIVE, cut()), resumes(INACTIVE, cut()), resumes(ACTIVE, after(1e6))],
      active$,
    );
    run.connect().flush(1_500);
    active$.next(true);
    run.flush(5_000);
    expect(told).toEqual(['inactive', 'inactive', 'active']);
    run.transport.verify();
  });

  it('says nothing where the server does not offer it', () => {
    const script = [authenticates(BIND), hearsBind(), reply(bindResult()), after(1e6)];
    const { run, told } = telling([script], new BehaviorSubject(false));
    run.connect().flush(0);
    expect([told, run.status.kind, run.transport.sent.includes(NS.csi)]).toEqual([[], 'online', false]);
  });

  it('only watches: nobody is connected, and while there is no session it remembers the last', () => {
    const active$ = new Subject<boolean>();
    const { run, told } = telling([begins(INACTIVE, after(1e6))], active$);
    for (const active of [false, true, false]) active$.next(active);
    expect([run.flush().transport.connections, told]).toEqual([0, []]);
    run.connect().flush(0);
    expect(told).toEqual(['inactive']);
    run.transport.verify();
  });

  it('is not known before its first value', () => {
    const { run, told } = telling([begins(after(1e6))], NEVER);
    run.connect().flush(0);
    expect([told, run.status.kind]).toEqual([[], 'online']);
  });

  it('unsubscribed it says no more', () => {
    const active$ = new BehaviorSubject(true);
    const { run, told, telling: subscription } = telling([begins(after(1e6))], active$);
    run.connect().flush(0);
    subscription.unsubscribe();
    active$.next(false);
    run.flush(0);
    expect([told, active$.observed]).toEqual([[], false]);
    run.transport.verify();
  });

  it('an error of its source is its own, and none of the client', () => {
    const { run, told } = telling(
      [begins(after(1e6))],
      throwError(() => new Error('no document')),
    );
    run.connect().flush(0);
    expect([told, run.status.kind]).toEqual([['Error: no document'], 'online']);
  });

  it('lost with the stream it is no loss of anybody, and a session that is closing is told nothing', () => {
    const active$ = new BehaviorSubject(true);
    const { run, told } = telling(
      [
        begins(stall(), after(10), cut()),
        begins(
          expects((event) => event.kind === 'close'),
          after(100),
          reply(FOOTER),
        ),
      ],
      active$,
    );
    run.connect().flush(5);
    active$.next(false);
    active$.next(true);
    run.flush(1_500);
    expect([told, run.losses, run.status.kind]).toEqual([['inactive', 'active'], [], 'online']);
    run.client.close().subscribe();
    active$.next(false);
    run.flush(5_000);
    expect([told, run.end]).toEqual([['inactive', 'active'], 'complete']);
    run.check();
  });

  it('each subscription tells for itself', () => {
    const active$ = new BehaviorSubject(false);
    const { run, told } = telling([begins(INACTIVE, INACTIVE, after(1e6))], active$);
    const other: string[] = [];
    clientState(run.client, active$).subscribe((state) => other.push(state));
    run.connect().flush(0);
    expect([told, other]).toEqual([['inactive'], ['inactive']]);
  });
});
