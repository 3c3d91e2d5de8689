import { Subject, VirtualTimeScheduler } from 'rxjs';
import { storedSession } from '../../lib/client/stored-session.js';
import { DEFAULT_TIMEOUTS } from '../../lib/transport/timeouts.js';
import { after, cut, exchange, expects, mute, reply } from '../../lib/testing.js';
import { NS, xml } from '../../lib/xml/index.js';
import { A, begins, ClientRun, follow, hears, hello, manages, managesOnce, R } from '../support/client-run.js';
import { FOOTER } from '../support/wire.js';
import { watchUnhandled } from '../support/wire-run.js';

/** A timer of the platform that is set for ever fires at once: where there is no bound, there is to be no timer. */
describe('no bound sets no timer', () => {
  watchUnhandled();

  const timeouts = Object.fromEntries(Object.keys(DEFAULT_TIMEOUTS).map((phase) => [phase, Infinity]));
  const delays: (number | undefined)[] = [];
  const { schedule } = VirtualTimeScheduler.prototype;

  beforeEach(() => {
    delays.length = 0;
    jest.spyOn(VirtualTimeScheduler.prototype, 'schedule').mockImplementation(function (
      this: VirtualTimeScheduler,
      ...args: Parameters<typeof schedule>
    ) {
      delays.push(args[1]);
      return schedule.apply(this, args) as never;
    });
  });
  afterEach(() => {
    jest.restoreAllMocks();
    expect(delays.filter((delay) => !Number.isFinite(delay ?? 0))).toEqual([]);
    expect(delays.length).toBeGreaterThan(0);
  });

  const options = { timeouts, iqTimeout: Infinity, keepAlive: { idle: Infinity }, reconnect: false as const };

  it('from connecting to the close', () => {
    const run = new ClientRun([begins(hears('a'), expects(/<iq /), expects(FOOTER), after(7), reply(FOOTER))], {
      options,
    });
    run.connect().flush(0);
    run.client.send(hello('a'));
    follow(run.client.iq('get', xml('query', { xmlns: 'urn:example' })));
    run.flush(1);
    run.client.close().subscribe();
    run.flush();
    expect(run.end).toBe('complete');
  });

  it('with stream management, a wait for a session and an answer in the midst of others', () => {
    const script = manages(expects(/<iq (?=.* id='(?<id>[^']+)')/), reply(`<iq type='result' id='{id}'/>`), mute());
    const run = new ClientRun([script], {
      options: { ...options, reconnect: { backoff: () => Infinity }, whileOffline: { queue: 9 } },
    });
    run.connect();
    const endless = follow(run.client.iq('get', xml('query', { xmlns: 'urn:example' })));
    run.flush(0);
    const bounded = follow(run.client.iq('get', xml('query', { xmlns: 'urn:example' }), 'b.example', { timeout: 5 }));
    run.flush(10);
    expect([endless.told, bounded.told]).toEqual([['next', 'complete'], ['timeout']]);
    run.disconnect();
    run.flush();
  });

  it('a wait that only retryNow() ends', () => {
    const run = new ClientRun([begins(after(5), cut())], {
      options: { ...options, reconnect: { backoff: () => Infinity } },
    });
    run.connect().flush(10);
    expect(run.status).toMatchObject({ kind: 'waiting', until: Infinity });
    run.disconnect();
  });

  it('of a store that takes its time', () => {
    const state$ = new Subject<undefined>();
    const store = { load: () => state$, save: () => undefined, clear: () => undefined };
    const run = new ClientRun([manages(mute())], {
      options: { ...options, streamManagement: { store: storedSession(store) } },
    });
    run.connect().flush(10);
    expect(run.transport.connections).toBe(0);
    state$.next(undefined);
    run.flush(20);
    expect(run.status.kind).toBe('online');
    run.disconnect();
    run.flush();
  });

  it('of the acknowledgements', () => {
    const run = new ClientRun([managesOnce(hears('a'), exchange([R, A(1)]), mute())], {
      options: { ...options, streamManagement: { acknowledgements: { every: 2, after: Infinity } } },
    });
    run.connect().flush(0);
    run.client.send(hello('a'));
    run.flush(5);
    expect(run.transport.sent).not.toContain(`<r xmlns='${NS.sm}'/>`);
    run.disconnect();
  });
});
