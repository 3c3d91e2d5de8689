import {
  createEnvironmentInjector,
  inject,
  Injector,
  PLATFORM_ID,
  provideZonelessChangeDetection,
  runInInjectionContext,
  signal,
  type EnvironmentInjector,
  type EnvironmentProviders,
  type Provider,
} from '@angular/core';
import { takeUntilDestroyed } from '@angular/core/rxjs-interop';
import { TestBed } from '@angular/core/testing';
import { BehaviorSubject, of } from 'rxjs';
import {
  injectXmpp,
  injectXmppStatus,
  provideXmpp,
  withConnectOnStart,
  withZone,
  Xmpp,
  type XmppFeature,
  type XmppSource,
} from '../../lib/angular.js';
import type { XmppClient, XmppClientOptions } from '../../lib/index.js';
import { expects, reply, scriptedTransport } from '../../lib/testing.js';
import { angularAccount as account, useAngular } from '../support/angular-platform.js';
import { watch } from '../support/watch.js';

useAngular();

/** An application's or a lazy route's injector. */
function injectorOf(...providers: (Provider | EnvironmentProviders)[]): EnvironmentInjector {
  return createEnvironmentInjector(providers as Provider[], TestBed.inject(Injector) as EnvironmentInjector);
}

const provide = (source: XmppSource | (() => XmppSource), ...features: XmppFeature[]) =>
  injectorOf(provideXmpp(source, ...features));
const clientOf = (injector: Injector): XmppClient => runInInjectionContext(injector, injectXmpp);

beforeEach(() => TestBed.configureTestingModule({ providers: [provideZonelessChangeDetection()] }));

describe('provideXmpp', () => {
  it('gives one client, which connects when it is first used and no sooner', () => {
    const { transport, options, flush } = account();
    const injector = provide(options);
    const client = clientOf(injector);
    expect(clientOf(injector)).toBe(client);
    expect(injector.get(Xmpp)).toBe(client);
    watch(client.status$);
    expect(transport.connections).toBe(0);
    const sessions = [watch(client.session$), watch(client.session$)];
    flush();
    expect([transport.connections, sessions.map(({ log }) => log)]).toEqual([1, [['next'], ['next']]]);
    sessions.forEach((session) => session.unsubscribe());
    expect(transport.open).toBe(0);
    injector.destroy();
  });

  it('connects at once with withConnectOnStart(), and holds until it is destroyed', () => {
    const { transport, options, flush, pending } = account();
    const injector = provide(options, withConnectOnStart());
    flush();
    expect([transport.connections, transport.open]).toEqual([1, 1]);
    injector.destroy();
    expect([transport.connections, transport.open, pending()]).toEqual([1, 0, 0]);
  });

  it('takes a function that may inject', () => {
    const { transport, options } = account();
    class Account {
      readonly options = options;
    }
    const make = jest.fn(() => inject(Account).options);
    const injector = injectorOf(Account, provideXmpp(make));
    expect(make).not.toHaveBeenCalled();
    clientOf(injector).connect();
    expect([transport.open, make.mock.calls.length]).toEqual([1, 1]);
    injector.destroy();
  });

  it('takes options in time: each replaces the one before, null disconnects', () => {
    const one = account();
    const two = account();
    const options$ = new BehaviorSubject<XmppClientOptions | null>(null);
    const injector = provide(() => options$, withConnectOnStart());
    const status = runInInjectionContext(injector, injectXmppStatus);
    expect([status().kind, one.transport.open]).toEqual(['offline', 0]);
    options$.next(one.options);
    one.flush();
    expect([status().kind, one.transport.open]).toEqual(['online', 1]);
    options$.next(two.options);
    expect([status().kind, one.transport.open, two.transport.open]).toEqual(['offline', 0, 1]);
    two.flush();
    expect(status().kind).toBe('online');
    options$.next(null);
    expect([status().kind, two.transport.open]).toEqual(['offline', 0]);
    injector.destroy();
    expect(options$.observed).toBe(false);
  });

  it('takes options as a signal', () => {
    const { transport, options, flush } = account();
    const current = signal<XmppClientOptions | null>(null);
    const injector = provide(current, withConnectOnStart());
    TestBed.tick();
    expect(transport.open).toBe(0);
    current.set(options);
    TestBed.tick();
    flush();
    expect(transport.open).toBe(1);
    current.set(null);
    TestBed.tick();
    expect(transport.open).toBe(0);
    injector.destroy();
  });

  it('tells a fatal error where no other options can follow', () => {
    const injector = provide({} as XmppClientOptions);
    const session = watch(clientOf(injector).session$);
    expect(session.error).toMatchObject({ condition: 'no-jid' });
    injector.destroy();
  });

  it('has no second connection after hot reload: the old one is closed, whoever forgot to unsubscribe', () => {
    const old = account(expects(/<\/stream:stream>/), reply('</stream:stream>'));
    const first = provide(old.options, withConnectOnStart());
    const client = clientOf(first);
    const leaked = watch(client.message$);
    const status = watch(client.status$);
    old.flush();
    first.destroy();
    old.flush();
    expect([old.transport.open, leaked.log, status.values.at(-1)!.kind]).toEqual([0, ['complete'], 'offline']);
    // Nothing brings it back.
    expect(watch(client.session$).log).toEqual(['complete']);
    client.connect();
    client.retryNow();
    expect([old.transport.connections, old.pending()]).toEqual([1, 0]);

    const fresh = account();
    const second = provide(fresh.options, withConnectOnStart());
    fresh.flush();
    expect([old.transport.open, fresh.transport.open]).toEqual([0, 1]);
    second.destroy();
  });

  it('gives up an attempt, and a wait, when it is destroyed', () => {
    const waiting = account();
    const transport = scriptedTransport([], { refuse: Object.assign(new Error('no'), { name: 'x' }) });
    for (const options of [waiting.options, { ...waiting.options, transport, reconnect: {} }]) {
      const injector = provide(options);
      const leaked = watch(clientOf(injector).session$);
      injector.destroy();
      waiting.flush();
      expect(leaked.log.at(-1)).not.toBe('next');
      expect(waiting.transport.open).toBe(0);
    }
  });

  it('lets a lazy route have a client of its own', () => {
    const outer = account();
    const inner = account();
    const parent = provide(outer.options, withConnectOnStart());
    const child = createEnvironmentInjector([provideXmpp(inner.options, withConnectOnStart())], parent);
    expect(child.get(Xmpp)).not.toBe(parent.get(Xmpp));
    child.destroy();
    expect([inner.transport.open, outer.transport.open]).toEqual([0, 1]);
    parent.destroy();
    expect(outer.transport.open).toBe(0);
  });

  it('works with takeUntilDestroyed', () => {
    const { transport, options, flush } = account();
    const injector = provide(options);
    const component = createEnvironmentInjector([], injector);
    runInInjectionContext(component, () => {
      watch(injectXmpp().message$.pipe(takeUntilDestroyed()));
    });
    flush();
    expect(transport.open).toBe(1);
    component.destroy();
    expect(transport.open).toBe(0);
    injector.destroy();
  });

  it('shows the status as a signal, from the first moment', () => {
    const { options, flush } = account();
    const injector = provide(options);
    const status = runInInjectionContext(injector, injectXmppStatus);
    expect(status()).toEqual({ kind: 'offline' });
    const held = clientOf(injector).connect();
    flush();
    expect(status()).toMatchObject({ kind: 'online', resumed: false });
    held.unsubscribe();
    expect(status()).toEqual({ kind: 'offline' });
    injector.destroy();
  });

  it('says where it may be called', () => {
    expect(() => injectXmpp()).toThrow(/injectXmpp\(\) can only be used within an injection context/);
  });
});

describe('provideXmpp on a server', () => {
  it('connects nothing, and asks nobody for options', () => {
    const { transport, options } = account();
    const source = jest.fn(() => of(options));
    const server = { provide: PLATFORM_ID, useValue: 'server' };
    const injector = injectorOf(server, provideXmpp(source, withConnectOnStart(), withZone()));
    const client = clientOf(injector);
    const status = runInInjectionContext(injector, injectXmppStatus);
    expect([watch(client.session$).log, watch(client.message$).log]).toEqual([['complete'], ['complete']]);
    client.connect();
    expect([source.mock.calls, transport.connections, status()]).toEqual([[], 0, { kind: 'offline' }]);
    injector.destroy();
  });
});
