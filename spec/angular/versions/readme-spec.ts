import '@angular/compiler';
import * as core from '@angular/core';
import * as browser from '@angular/platform-browser';
import { filter, firstValueFrom } from 'rxjs';
import { Xmpp } from '../../../lib/angular.js';
import { xml, type XmppClient } from '../../../lib/index.js';
import { startServerAsync } from '../../../lib/testing-node.js';
import { asIfPublic, runSnippet } from '../../support/readme.js';
import { snippetBelow } from '../../support/snippets.js';
import { shown, start, usePage } from './support/browser.js';

describe('README.md: with Angular', () => {
  usePage();
  // Here, and not in the spec: what awaits something that never comes would hold all of it, and Jest with it.
  const undone: (() => unknown)[] = [];
  afterEach(async () => {
    for (const undo of undone.splice(0).reverse()) await undo();
  });

  it('signs in, shows what is told, and signs out', async () => {
    const server = await startServerAsync({ domain: 'example.org', accounts: { alice: 'wonder' }, directPort: false });
    undone.push(() => server.close(), asIfPublic(server));
    let starting: Promise<core.ApplicationRef> | undefined;
    const modules: Record<string, unknown> = {
      // Zoneless is what Angular 21 and later do by themselves.
      '@angular/platform-browser': {
        ...browser,
        bootstrapApplication: (component: core.Type<unknown>, { providers = [] }: core.ApplicationConfig) =>
          (starting = start(component, { providers: [core.provideZonelessChangeDetection(), ...providers] })),
      },
      '@angular/core': core,
      '@angular/core/rxjs-interop': jest.requireActual('@angular/core/rxjs-interop'),
      rxjs: jest.requireActual('rxjs'),
    };
    const { account$ } = runSnippet(snippetBelow('## With Angular'), (name) => modules[name], {
      names: ['account$'],
    });
    const app = await starting!;
    const client: XmppClient = app.injector.get(Xmpp);
    const status = (kind: string) => firstValueFrom(client.status$.pipe(filter((now) => now.kind === kind)));
    await status('online');
    await app.whenStable();
    expect(shown()).toBe('online');
    const echoed = firstValueFrom(client.message$);
    client.send(xml('message', { to: 'echo@example.org', type: 'chat' }, xml('body', {}, 'hi')));
    await echoed;
    await app.whenStable();
    expect(shown()).toBe('online echo@example.org: hi');
    (account$ as { next(value: null): void }).next(null);
    await status('offline');
    await app.whenStable();
    expect(shown()).toBe('offline echo@example.org: hi');
    app.destroy();
  });
});
