import '@angular/compiler';
import { Component, inject, PLATFORM_ID, provideZonelessChangeDetection } from '@angular/core';
import { toSignal } from '@angular/core/rxjs-interop';
import { bootstrapApplication } from '@angular/platform-browser';
import { provideServerRendering, renderApplication } from '@angular/platform-server';
import { map, of } from 'rxjs';
import {
  injectXmpp,
  injectXmppStatus,
  provideXmpp,
  withConnectOnStart,
  withZone,
  type XmppFeature,
} from '../../../lib/angular.js';
import { angularAccount } from '../../support/angular-platform.js';
import { expectSilence } from './support/console.js';

class App {
  readonly platform = String(inject(PLATFORM_ID));
  readonly status = injectXmppStatus();
  readonly last = toSignal(injectXmpp().message$.pipe(map(String)), { initialValue: 'nothing' });
  readonly held = injectXmpp().connect();
}
Component({ selector: 'app-root', template: '<p>{{ platform }}, {{ status().kind }}, {{ last() }}</p>' })(App);

describe('provideXmpp where a server renders pages', () => {
  expectSilence();

  it.each<[string, XmppFeature[]]>([
    ['when it is used', []],
    ['at once', [withConnectOnStart()]],
    ['at once, with the zone', [withConnectOnStart(), withZone()]],
  ])('connects nothing, though asked to connect %s', async (_, features) => {
    const { options, transport, pending } = angularAccount();
    const source = jest.fn(() => of(options));
    const providers = [provideZonelessChangeDetection(), provideServerRendering(), provideXmpp(source, ...features)];
    type Bootstrap = Parameters<typeof renderApplication>[0];
    const bootstrap = ((context) => bootstrapApplication(App, { providers }, context)) as Bootstrap;
    // It ends: nothing keeps the page from being finished.
    const html = await renderApplication(bootstrap, {
      document: '<!doctype html><html><head></head><body><app-root></app-root></body></html>',
      url: 'http://localhost/',
      ...{ allowedHosts: ['localhost'] },
    });
    expect(html).toContain('<p>server, offline, nothing</p>');
    expect([source.mock.calls, transport.connections, pending()]).toEqual([[], 0, 0]);
  });
});
