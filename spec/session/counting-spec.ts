import { of, Subject, tap, VirtualTimeScheduler } from 'rxjs';
import type { XmppError } from '../../lib/errors/index.js';
import { jid } from '../../lib/jid/index.js';
import { intercept } from '../../lib/session/intercept.js';
import { lost, SessionMemory } from '../../lib/session/session-memory.js';
import { session } from '../../lib/session/session-operator.js';
import type { Session } from '../../lib/session/session.js';
import { hold } from '../../lib/stream/hold.js';
import { negotiate } from '../../lib/stream/negotiate.js';
import { openStream } from '../../lib/stream/open-stream.js';
import type { StreamFeature } from '../../lib/stream/stream-feature.js';
import { after, cut, exchange, expects, mute, reply, stall } from '../../lib/testing.js';
import { NS, xml } from '../../lib/xml/index.js';
import {
  A,
  authenticates,
  begins,
  ClientRun,
  FAILED,
  follow,
  hears,
  hello,
  manages,
  managesOnce,
  refusesToResume,
  RESUME,
  RESUMED,
  resumes,
  SM,
} from '../support/client-run.js';
import { sessionRun } from '../support/session-run.js';
import { stubConnection } from '../support/stub-connection.js';
import { BIND, BOUND, features, FOOTER, serverHeader, streamError } from '../support/wire.js';
import { watch } from '../support/watch.js';
import { watchUnhandled } from '../support/wire-run.js';

describe('what stream management counts', () => {
  watchUnhandled();

  it('is a stanza, in the namespace of the stream or in that by its name, and nothing else', () => {
    const run = new ClientRun([
      manages(expects(/.*/), expects(/.*/), expects(/.*/), expects(/.*/), reply(A(1)), mute()),
    ]);
    run.connect().flush(0);
    run.client.send(xml('active', { xmlns: NS.csi }));
    run.client.send(xml('own'));
    run.client.send(xml('message', { xmlns: 'urn:example' }));
    const delivery = run.deliver(xml('message', { xmlns: NS.client }, xml('body', {}, 'x')));
    run.flush(1);
    expect([delivery.told, run.status.kind]).toEqual([['queued', 'written', 'acked', 'complete'], 'online']);
    run.disconnect();
  });

  it('is not what could not be written, stanza or not', () => {
    const run = new ClientRun([manages(hears('a'), after(5), reply(A(1)), mute())]).connect().flush(0);
    const delivery = run.deliver(hello('a'));
    for (const name of ['message', 'active']) {
      expect(() => run.client.send(xml(name, { xmlns: name === 'active' ? NS.csi : '' }, '\0'))).toThrow('illegal');
    }
    run.flush(5);
    expect([delivery.told, run.status.kind]).toEqual([['queued', 'written', 'acked', 'complete'], 'online']);
    run.disconnect();
  });

  it('is asked for at the end only where something is left', () => {
    const run = new ClientRun([managesOnce(hears('a'), reply(A(1)), mute())], { options: { reconnect: false } });
    run.connect().flush(0);
    run.client.send(hello('a'));
    run.flush(0);
    const before = run.transport.sent.length;
    run.client.close().subscribe();
    run.flush(1);
    expect(run.transport.sent.slice(before)).toBe(FOOTER);
    run.disconnect();
  });
});

describe('a session that is closed', () => {
  watchUnhandled();

  it('is traced as closing once, however often it is asked for', () => {
    const run = sessionRun([mute()]);
    run.session.close().subscribe();
    run.session.close().subscribe();
    run.flush();
    expect(run.events.match(/closing/g)).toHaveLength(1);
    run.check();
  });

  it('neither probes nor asks any more', () => {
    const run = new ClientRun([managesOnce(mute())], { options: { reconnect: false, timeouts: { close: 50 } } });
    run.connect().flush(0);
    run.client.close().subscribe();
    run.flush(0);
    const { sent } = run.transport;
    expect(sent.endsWith(FOOTER)).toBe(true);
    run.client.wake();
    run.flush(40);
    expect(run.transport.sent).toBe(sent);
    run.flush();
    run.client.wake();
    expect([run.transport.sent, run.end]).toEqual([sent, 'complete']);
  });
});

describe('undelivered$ of a session', () => {
  watchUnhandled();

  it('tells what was sent and may have been lost', () => {
    const run = sessionRun([stall(), after(1), cut()]);
    const told: string[] = [];
    run.session.undelivered$.subscribe(({ stanza, error }) => told.push(`${stanza.name} ${error.condition}`));
    run.session.send(xml('message'));
    run.flush();
    expect(told).toEqual(['message delivery-unknown']);
  });
});

describe('what waits for a session that ends at once', () => {
  watchUnhandled();

  it('is told as lost, each of it', () => {
    const run: ClientRun = new ClientRun([begins(mute())], {
      options: {
        whileOffline: { queue: 9 },
        interceptors: intercept({ outbound: [tap(() => run.disconnect())] }),
      },
    });
    run.connect();
    const deliveries = ['a', 'b'].map((body) => follow(run.client.deliver(hello(body))));
    for (const body of ['c', 'd']) run.client.send(hello(body));
    for (const { unsubscribe } of deliveries) unsubscribe();
    run.flush();
    expect(run.losses.map((line) => line.split(' ')[0]).sort()).toEqual(['a', 'b', 'c', 'd']);
    run.check();
  });
});

describe('the memory of a session', () => {
  watchUnhandled();

  /** A session that could be resumed, on a connection of the spec's. */
  function resumable() {
    const scheduler = new VirtualTimeScheduler();
    const memory = new SessionMemory(scheduler, () => 0.5);
    const resumption = { id: 'sm-1', jid: jid(BOUND), location: undefined, max: undefined };
    memory.enabled({ resumption });
    const input$ = new Subject<string>();
    const connection = stubConnection(input$);
    const ready: StreamFeature = {
      name: 'ready',
      xmlns: '',
      parse: () => true,
      negotiate: () => of({ kind: 'ready', agreed: { jid: jid(BOUND) } } as const),
    };
    const to = { to: 'example.org', scheduler };
    const attempt = watch(
      hold(connection).pipe(
        openStream(to),
        negotiate({ ...to, features: [ready] }),
        session({ scheduler, memory, resumable: true }),
      ),
    );
    input$.next(serverHeader() + features());
    const live = attempt.values[0] as Session;
    const delivery = follow(live.deliver(hello('a')));
    return { attempt, live, memory, input$, delivery };
  }

  it('outlives a loss', () => {
    const { input$, memory, attempt, delivery } = resumable();
    input$.error(new Error('cut'));
    expect([attempt.log, memory.resumption?.id]).toEqual([['next', 'error'], 'sm-1']);
    expect(delivery.told).toEqual(['queued', 'written']);
  });

  it('outlives an end of the stream by the server, that nobody asked for', () => {
    const { input$, memory, attempt, delivery } = resumable();
    input$.next(FOOTER);
    expect([attempt.log, memory.resumption?.id]).toEqual([['next', 'error'], 'sm-1']);
    expect(delivery.told).toEqual(['queued', 'written']);
  });

  it.each<[string, (made: ReturnType<typeof resumable>) => void, string]>([
    [
      'the server ends by an error while it closes',
      ({ live, input$ }) => {
        live.close().subscribe();
        input$.next(streamError('reset'));
      },
      'error',
    ],
    [
      'is closed in good order',
      ({ live, input$ }) => {
        live.close().subscribe();
        input$.next(FOOTER);
      },
      'complete',
    ],
    [
      'is lost while it closes',
      ({ live, input$ }) => {
        live.close().subscribe();
        input$.next('<<');
      },
      'error',
    ],
    ['is let go', ({ attempt }) => attempt.unsubscribe(), 'next'],
  ])('does not outlive one that %s', (_, end, last) => {
    const made = resumable();
    end(made);
    expect([made.attempt.log.at(-1), made.memory.resumption]).toEqual([last, undefined]);
    expect(made.delivery.told).toEqual(['queued', 'written', 'delivery-unknown']);
  });

  it('does not outlive an end that we have told the server', () => {
    const { input$, memory, attempt } = resumable();
    input$.next('<!-- -->');
    expect([attempt.log.at(-1), memory.resumption]).toEqual(['error', undefined]);
  });
});

describe('what waits for a session', () => {
  watchUnhandled();

  const QUEUE = { whileOffline: { queue: 9 }, reconnect: { backoff: () => 10 } };

  it('is not taken back with a request that has gone out before', () => {
    const run = new ClientRun([begins(expects(/<iq /), after(5), cut()), begins(hears('a'), mute())], {
      options: QUEUE,
    });
    run.connect();
    const asked = follow(run.client.iq('get', xml('query', { xmlns: 'urn:example' })));
    run.flush(6);
    run.client.send(hello('a'));
    asked.unsubscribe();
    run.flush(30);
    run.transport.verify();
    run.disconnect();
  });

  it('is not taken back with a request that has gone out before, and a request of it times out all the same', () => {
    const run = new ClientRun(
      [manages(expects(/<iq /), cut()), refusesToResume(0, FAILED(), expects(/<iq /), mute())],
      {
        options: { ...QUEUE, reconnect: { backoff: () => 1_000 } },
      },
    );
    run.connect().flush(0);
    const lostRequest = follow(run.client.iq('get', xml('query', { xmlns: 'urn:example' })));
    run.flush(500);
    const waits = follow(run.client.iq('get', xml('query', { xmlns: 'urn:example' }), undefined, { timeout: 3_000 }));
    run.flush(3_499);
    expect([lostRequest.told, waits.told]).toEqual([['session-lost'], []]);
    run.flush(3_500);
    expect(waits.told).toEqual(['timeout']);
    run.disconnect();
  });
});

describe('a request that went out on a session that may be resumed', () => {
  watchUnhandled();

  it('takes nothing of what waits along when it is given up', () => {
    const run = new ClientRun([manages(expects(/<iq /), after(5), cut()), resumes(0, 1, hears('a'), mute())], {
      options: { whileOffline: { queue: 9 }, reconnect: { backoff: () => 100 } },
    });
    run.connect();
    const asked = follow(run.client.iq('get', xml('query', { xmlns: 'urn:example' })));
    run.flush(6);
    run.client.send(hello('a'));
    asked.unsubscribe();
    run.flush(200);
    run.transport.verify();
    run.disconnect();
  });

  it('is lost for a reason where the server counts what was never sent', () => {
    const wrong = [authenticates(BIND, SM), exchange([RESUME(0), RESUMED(9)]), mute()];
    const run = new ClientRun([manages(hears('a'), after(5), cut()), wrong], {
      options: { reconnect: { backoff: () => 100 } },
    });
    const reasons: string[] = [];
    run.client.undelivered$.subscribe(({ error }) => reasons.push((error.cause as XmppError).text));
    run.connect().flush(0);
    run.client.send(hello('a'));
    run.flush(110);
    expect(reasons).toEqual([expect.stringMatching(/\w{3}/)]);
    run.disconnect();
  });
});

describe('the error of a lost session', () => {
  it('says that it is worth another try', () => {
    expect(lost('gone')).toMatchObject({ condition: 'session-lost', type: 'wait', retryable: true, text: 'gone' });
  });
});
