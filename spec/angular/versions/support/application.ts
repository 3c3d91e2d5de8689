import { Component, inject, Injectable, type EnvironmentProviders, type Provider } from '@angular/core';
import { toSignal } from '@angular/core/rxjs-interop';
import { BehaviorSubject, map } from 'rxjs';
import {
  injectXmpp,
  injectXmppStatus,
  provideXmpp,
  withConnectOnStart,
  type XmppFeature,
} from '../../../../lib/angular.js';
import type { XmppClientOptions } from '../../../../lib/index.js';
import { after, expects, reply } from '../../../../lib/testing.js';
import { angularAccount } from '../../../support/angular-platform.js';
import { shown, start, usePage } from './browser.js';

const MESSAGE = `<message from='bob@example.org' type='chat'><body>hi</body></message>`;

class Account {
  readonly options$ = new BehaviorSubject<XmppClientOptions | null>(null);
}
Injectable({ providedIn: 'root' })(Account);

/** What every chat has: the status, and the last message. */
class App {
  readonly status = injectXmppStatus();
  readonly last = toSignal(injectXmpp().message$.pipe(map((message) => message.child('body')?.text())), {
    initialValue: 'nothing',
  });
}
Component({ selector: 'app-root', template: '{{ status().kind }}, {{ last() }}' })(App);

/** An application in a page, bootstrapped as applications are. */
export function applicationSpecs(
  changeDetection: readonly (Provider | EnvironmentProviders)[],
  ...features: XmppFeature[]
): void {
  usePage();

  it('shows what is told, as it is told', async () => {
    const { options, flush, transport } = angularAccount(after(10), reply(MESSAGE));
    const app = await start(App, { providers: [...changeDetection, provideXmpp(options, ...features)] });
    await app.whenStable();
    expect([shown(), transport.open]).toEqual(['offline, nothing', 1]);
    flush(5);
    await app.whenStable();
    expect(shown()).toBe('online, nothing');
    flush(20);
    await app.whenStable();
    expect(shown()).toBe('online, hi');
    app.destroy();
    expect(transport.open).toBe(0);
  });

  it('signs in and out as a service says', async () => {
    const { options, flush, transport } = angularAccount();
    const source = provideXmpp(() => inject(Account).options$, withConnectOnStart(), ...features);
    const app = await start(App, { providers: [...changeDetection, source] });
    const { options$ } = app.injector.get(Account);
    await app.whenStable();
    expect([shown(), transport.connections]).toEqual(['offline, nothing', 0]);
    options$.next(options);
    flush();
    await app.whenStable();
    expect(shown()).toBe('online, nothing');
    options$.next(null);
    await app.whenStable();
    expect([shown(), transport.open]).toEqual(['offline, nothing', 0]);
  });

  it('has one connection after a hot reload: the old one is closed in good order', async () => {
    const before = angularAccount(expects(/<\/stream:stream>/), reply('</stream:stream>'));
    const now = angularAccount();
    const run = (account: typeof now) =>
      start(App, { providers: [...changeDetection, provideXmpp(account.options, withConnectOnStart(), ...features)] });
    const old = await run(before);
    before.flush();
    await old.whenStable();
    old.destroy();
    document.body.innerHTML = '<app-root></app-root>';
    const app = await run(now);
    before.flush();
    now.flush();
    await app.whenStable();
    expect([before.transport.open, before.transport.connections, before.pending()]).toEqual([0, 1, 0]);
    expect([now.transport.open, now.transport.connections, shown()]).toEqual([1, 1, 'online, nothing']);
    before.transport.verify();
  });
}
