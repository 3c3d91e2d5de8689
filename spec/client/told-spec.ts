import { NEVER, of, throwError, VirtualTimeScheduler } from 'rxjs';
import { reconnect, type Waiting } from '../../lib/client/reconnect.js';
import { statusAfter } from '../../lib/client/status.js';
import { StanzaError, TransportError, type XmppError } from '../../lib/errors/index.js';
import { cut, mute } from '../../lib/testing.js';
import type { LifecycleEvent } from '../../lib/trace/lifecycle-event.js';
import { xml } from '../../lib/xml/index.js';
import { begins, ClientRun, follow, hello } from '../support/client-run.js';
import { BOUND } from '../support/wire.js';
import { watchUnhandled } from '../support/wire-run.js';

const target = { host: 'a.example', port: 5222, security: 'starttls' } as const;
const error = new TransportError({ condition: 'connection-reset' });
const EVENTS: Record<string, [event: LifecycleEvent, status: object | undefined]> = {
  resolving: [{ type: 'resolving', domain: 'a.example' }, { kind: 'connecting' }],
  resolved: [{ type: 'resolved', targets: [target] }, undefined],
  connecting: [
    { type: 'connecting', target },
    { kind: 'connecting', target },
  ],
  connected: [{ type: 'connected', target }, undefined],
  'target-failed': [{ type: 'target-failed', target, error }, undefined],
  'starting-tls': [{ type: 'starting-tls' }, undefined],
  securing: [{ type: 'securing' }, { kind: 'securing' }],
  secured: [{ type: 'secured', tls: { protocol: 'TLSv1.3' } }, undefined],
  opening: [{ type: 'opening' } as LifecycleEvent, undefined],
  opened: [{ type: 'opened' } as unknown as LifecycleEvent, undefined],
  features: [{ type: 'features' } as unknown as LifecycleEvent, undefined],
  authenticating: [
    { type: 'authenticating', mechanism: 'PLAIN' },
    { kind: 'authenticating', mechanism: 'PLAIN' },
  ],
  authenticated: [{ type: 'authenticated', mechanism: 'PLAIN' }, undefined],
  binding: [{ type: 'binding' } as unknown as LifecycleEvent, { kind: 'binding' }],
  bound: [{ type: 'bound', jid: BOUND } as unknown as LifecycleEvent, undefined],
  resuming: [{ type: 'resuming' }, { kind: 'resuming' }],
  online: [{ type: 'online', jid: BOUND, resumed: false }, undefined],
  closing: [{ type: 'closing' }, { kind: 'closing' }],
  redirected: [{ type: 'redirected', to: 'b' }, undefined],
  closed: [{ type: 'closed' }, undefined],
};

describe('what a lifecycle event says', () => {
  it.each(Object.entries(EVENTS))('%s', (_name, [event, status]) => {
    expect(statusAfter({ ...event, attempt: 7, time: 0 })).toEqual(status && { attempt: 7, ...status });
  });
});

describe('what cannot be sent', () => {
  watchUnhandled();

  const refused = (run: ClientRun): XmppError => {
    try {
      run.client.send(hello('a'));
    } catch (thrown) {
      return thrown as XmppError;
    }
    throw new Error('it was taken');
  };

  it('says why', () => {
    const offline = refused(new ClientRun([begins()]));
    const connecting = refused(new ClientRun([begins(mute())]).connect());
    const full = new ClientRun([begins(mute())], { options: { whileOffline: { queue: 1 } } }).connect();
    full.client.send(hello('first'));
    const stopping: XmppError[] = [];
    const stopped: ClientRun = new ClientRun([begins(mute())], { options: { whileOffline: { queue: 9 } } }).connect();
    stopped.client.undelivered$.subscribe(() => stopping.push(refused(stopped)));
    stopped.client.send(hello('b'));
    stopped.disconnect();
    const errors = [offline, connecting, refused(full), ...stopping];
    expect(errors).toHaveLength(4);
    for (const one of errors) {
      expect(one).toBeInstanceOf(StanzaError);
      expect(one).toMatchObject({ condition: 'not-connected', type: 'wait', retryable: true });
      expect(one.text).not.toBe('');
    }
    expect(new Set(errors.map(({ text }) => text)).size).toBe(4);
  });

  it('is told to whoever follows it, too', () => {
    const run = new ClientRun([begins()]);
    expect(run.deliver(hello('a')).told).toEqual(['not-connected']);
  });

  it('fails at once where it is no XML, though it would wait', () => {
    const run = new ClientRun([begins(mute())], { options: { whileOffline: { queue: 9 } } }).connect();
    expect(() => run.client.send(hello('\0'))).toThrow('illegal-character');
    expect(follow(run.client.iq('get', xml('query', { xmlns: 'urn:example' }, '\0'))).told).toEqual([
      'illegal-character',
    ]);
    run.disconnect();
    expect(run.losses).toEqual([]);
  });

  it('is lost for a reason: that the client was stopped, or gave up', () => {
    const loss = (end: (run: ClientRun) => void, script = begins(mute())) => {
      const run = new ClientRun([script], { options: { whileOffline: { queue: 9 }, reconnect: false } }).connect();
      const reasons: XmppError[] = [];
      run.client.undelivered$.subscribe((told) => reasons.push(told.error.cause as XmppError));
      run.client.send(hello('a'));
      end(run);
      return reasons[0]!;
    };
    const stopped = loss((run) => run.disconnect());
    const gaveUp = loss((run) => run.flush(), [cut()]);
    expect([stopped.condition, stopped.cause]).toEqual(['session-lost', undefined]);
    expect(gaveUp.condition).toBe('session-lost');
    expect(gaveUp.cause).toBeInstanceOf(Error);
    expect([stopped.text, gaveUp.text]).not.toContain('');
    expect(stopped.text).not.toBe(gaveUp.text);
  });
});

describe('what is told of a wait without a network', () => {
  it('is that there is none', () => {
    const waits: Waiting[] = [];
    const scheduler = new VirtualTimeScheduler();
    NEVER.pipe(reconnect({ scheduler, online$: of(false), onWaiting: (wait) => waits.push(wait) })).subscribe();
    expect(waits).toMatchObject([{ failures: 0, delay: Infinity, until: Infinity }]);
    expect(waits[0]!.error).toMatchObject({ condition: 'network-unreachable', phase: 'connect', retryable: true });
  });

  it('a veto that fails is told as such, with the cause', () => {
    const cause = new Error('boom');
    let told: unknown;
    throwError(() => error)
      .pipe(reconnect({ scheduler: new VirtualTimeScheduler(), veto: () => throwError(() => cause) }))
      .subscribe({ error: (reason) => (told = reason) });
    expect(told).toMatchObject({ condition: 'veto-failed', cause });
  });
});
