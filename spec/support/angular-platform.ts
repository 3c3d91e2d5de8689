import '@angular/compiler';
import { TestBed } from '@angular/core/testing';
import { BrowserTestingModule, platformBrowserTesting } from '@angular/platform-browser/testing';
import { VirtualTimeScheduler } from 'rxjs';
import type { XmppClientOptions } from '../../lib/index.js';
import { scriptedTransport, type Script } from '../../lib/testing.js';
import { replayCrypto } from './wire-run.js';
import { ACCOUNT, goesOnline } from './wire.js';

/** For a spec file: the testing platform of browsers, as far as it goes without a DOM: injectors, signals and zones, no templates. */
export function useAngular(): void {
  beforeAll(() => {
    const document = Object.assign(new EventTarget(), { visibilityState: 'visible', querySelectorAll: () => [] });
    Object.defineProperty(globalThis, 'document', { value: document, configurable: true });
    TestBed.initTestEnvironment(BrowserTestingModule, platformBrowserTesting());
  });
  afterAll(() => {
    TestBed.resetTestEnvironment();
    Reflect.deleteProperty(globalThis, 'document');
  });
}

/** A server that goes online and then says this, the options for it, and their virtual time. */
export function angularAccount(...more: Script) {
  const scheduler = new VirtualTimeScheduler();
  const transport = scriptedTransport(goesOnline(...more), { tls: true });
  const options: XmppClientOptions = {
    ...{ jid: ACCOUNT, credentials: { external: true }, transport, scheduler, random: () => 0.5, crypto: replayCrypto },
    ...{ streamManagement: false, keepAlive: false },
  };
  const flush = (until = 1) => {
    scheduler.maxFrames = until;
    scheduler.flush();
  };
  const pending = () => scheduler.actions.filter(({ closed }) => !closed).length;
  return { transport, options, flush, pending };
}
