import '@angular/compiler';
import { Component, provideZonelessChangeDetection } from '@angular/core';
import { takeUntilDestroyed, toSignal } from '@angular/core/rxjs-interop';
import { provideLocationMocks } from '@angular/common/testing';
import { provideRouter, Router, RouterOutlet, type Routes } from '@angular/router';
import { map } from 'rxjs';
import { injectXmpp, injectXmppStatus, provideXmpp, Xmpp, type XmppSource } from '../../../lib/angular.js';
import type { XmppClient } from '../../../lib/index.js';
import { angularAccount } from '../../support/angular-platform.js';
import { shown, start, usePage } from './support/browser.js';

class Shell {}
Component({ selector: 'app-root', imports: [RouterOutlet], template: '<router-outlet />' })(Shell);

class Home {}
Component({ selector: 'app-home', template: 'home' })(Home);

const clients: XmppClient[] = [];

class Chat {
  readonly #xmpp = injectXmpp();
  readonly status = injectXmppStatus();
  readonly count = toSignal(this.#xmpp.message$.pipe(map((_, index) => index + 1)), { initialValue: 0 });

  constructor() {
    clients.push(this.#xmpp);
    this.#xmpp.presence$.pipe(takeUntilDestroyed()).subscribe();
  }
}
Component({ selector: 'app-chat', template: 'chat: {{ status().kind }}, {{ count() }}' })(Chat);

const pages: Routes = [
  { path: '', component: Home },
  { path: 'chat', loadChildren: () => Promise.resolve<Routes>([{ path: '', component: Chat }]) },
];

describe('provideXmpp and lazy routes', () => {
  usePage();
  beforeEach(() => clients.splice(0));

  const application = async (routes: Routes, ...providers: ReturnType<typeof provideXmpp>[]) => {
    const app = await start(Shell, {
      providers: [provideZonelessChangeDetection(), provideRouter(routes), provideLocationMocks(), ...providers],
    });
    const router = app.injector.get(Router);
    const go = async (url: string) => {
      await router.navigateByUrl(url);
      await app.whenStable();
    };
    await go('/');
    return { app, go };
  };

  it("uses the application's client, for as long as its page is shown", async () => {
    const { options, flush, transport } = angularAccount();
    const { app, go } = await application(pages, provideXmpp(options));
    expect([shown(), transport.connections]).toEqual(['home', 0]);
    await go('/chat');
    flush();
    await app.whenStable();
    expect([shown(), transport.open]).toEqual(['chat: online, 0', 1]);
    expect(clients).toEqual([app.injector.get(Xmpp)]);
    await go('/');
    expect([shown(), transport.open]).toEqual(['home', 0]);
  });

  it.each<[string, (source: XmppSource) => Routes]>([
    ['a route', (source) => [pages[0]!, { ...pages[1]!, providers: [provideXmpp(source)] }]],
    [
      'what it loads',
      (source) => [
        pages[0]!,
        {
          path: 'chat',
          loadChildren: () =>
            Promise.resolve<Routes>([
              { path: '', providers: [provideXmpp(source)], children: [{ path: '', component: Chat }] },
            ]),
        },
      ],
    ],
  ])('has a client of its own, given to %s: one, however often it is shown', async (_, routesOf) => {
    const { options, flush, transport } = angularAccount();
    const { app, go } = await application(routesOf(options));
    expect([shown(), transport.connections]).toEqual(['home', 0]);
    await go('/chat');
    flush();
    await app.whenStable();
    expect([shown(), transport.connections, transport.open]).toEqual(['chat: online, 0', 1, 1]);
    await go('/');
    expect(transport.open).toBe(0);
    await go('/chat');
    expect([transport.connections, transport.open]).toEqual([2, 1]);
    expect(clients[0]).toBe(clients[1]);
    app.destroy();
    expect(transport.open).toBe(0);
  });
});
