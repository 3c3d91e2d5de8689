import {
  Component,
  computed,
  effect,
  inject,
  Injectable,
  type EnvironmentProviders,
  type Provider,
} from '@angular/core';
import { toSignal } from '@angular/core/rxjs-interop';
import { BehaviorSubject, filter, map, scan } from 'rxjs';
import {
  injectXmpp,
  injectXmppStatus,
  provideXmpp,
  withConnectOnStart,
  type XmppFeature,
} from '../../../../lib/angular.js';
import type { XmppClientOptions } from '../../../../lib/index.js';
import { after, cut, expects, reply } from '../../../../lib/testing.js';
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

const counted = map((_: unknown, index: number) => index + 1);

/** Signals that go together: what is true of the one says what is true of the others. */
class Together {
  /** All that was ever seen, by an effect and by the template. */
  static readonly seen = { effect: [] as string[], template: [] as string[] };

  readonly #xmpp = injectXmpp();
  readonly status = injectXmppStatus();
  readonly kind = toSignal(this.#xmpp.status$.pipe(map(({ kind }) => kind)), { initialValue: 'offline' });
  readonly address = toSignal(this.#xmpp.session$.pipe(map(({ jid }) => jid.toString())), { initialValue: '' });
  readonly sessions = toSignal(this.#xmpp.session$.pipe(counted), { initialValue: 0 });
  readonly timesOnline = toSignal(
    this.#xmpp.status$.pipe(
      filter(({ kind }) => kind === 'online'),
      counted,
    ),
    {
      initialValue: 0,
    },
  );
  readonly messages = toSignal(this.#xmpp.message$.pipe(scan((count) => count + 1, 0)), { initialValue: 0 });

  readonly view = computed(() => {
    const status = this.status();
    const online = status.kind === 'online';
    const faults = [
      status.kind !== this.kind() && `${status.kind}, and ${this.kind()}`,
      online &&
        status.jid.toString() !== this.address() &&
        `online as ${status.jid}, with a session of "${this.address()}"`,
      online && this.#xmpp.session === undefined && 'online without a session',
      this.sessions() !== this.timesOnline() && `${this.sessions()} sessions, and ${this.timesOnline()} times online`,
      this.messages() > this.sessions() && 'a message without a session',
    ];
    return [status.kind, ...faults.filter((fault) => fault !== false)].join('; ');
  });

  constructor() {
    effect(() => void Together.seen.effect.push(this.view()));
  }

  shown(): string {
    Together.seen.template.push(this.view());
    return `${this.view()}: ${this.messages()}`;
  }
}
Component({ selector: 'app-root', template: '{{ shown() }}' })(Together);

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

  it('has signals that fit together, whenever they are looked at', async () => {
    const { options, flush, transport } = angularAccount(after(10), reply(MESSAGE), after(10), cut());
    const { effect, template } = Together.seen;
    for (const seen of [effect, template]) seen.splice(0);
    const source = provideXmpp({ ...options, reconnect: { backoff: () => 10 } }, ...features);
    const app = await start(Together, { providers: [...changeDetection, source] });
    for (let time = 1; time < 80; time++) {
      flush(time);
      await app.whenStable();
    }
    expect(transport.connections).toBe(3);
    expect(shown()).toBe('online: 3');
    for (const seen of [effect, template]) {
      expect(seen.filter((view) => /[^a-z]/.test(view))).toEqual([]);
      expect(new Set(seen)).toEqual(new Set(['offline', 'online', 'waiting']));
    }
  });
}
