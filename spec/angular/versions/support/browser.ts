import '@angular/compiler';
import { DOCUMENT } from '@angular/common';
import type { ApplicationConfig, ApplicationRef, Type } from '@angular/core';
import { bootstrapApplication } from '@angular/platform-browser';
import { INITIAL_CONFIG, platformServer } from '@angular/platform-server';
import { expectSilence } from './console.js';

const applications: ApplicationRef[] = [];
const GLOBALS = ['document', 'window', 'location', 'history'] as const;

/**
 * For a spec file: a page in place of a browser's, made of what Angular renders with on servers. The platform is that of browsers
 * all the same.
 */
export function usePage(): void {
  const before = GLOBALS.map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)] as const);
  expectSilence();
  beforeEach(() => {
    const html = '<!doctype html><html><head><base href="/"></head><body><app-root></app-root></body></html>';
    const platform = platformServer([
      { provide: INITIAL_CONFIG, useValue: { document: html, url: 'http://localhost/' } },
    ]);
    const document = platform.injector.get(DOCUMENT);
    platform.destroy();
    const window = document.defaultView;
    const globals = { document, window, location: window?.location, history: window?.history };
    for (const name of GLOBALS) {
      Object.defineProperty(globalThis, name, { value: globals[name], configurable: true, writable: true });
    }
  });
  afterEach(() => {
    for (const application of applications.splice(0)) if (!application.destroyed) application.destroy();
    for (const [name, descriptor] of before) {
      Reflect.deleteProperty(globalThis, name);
      if (descriptor) Object.defineProperty(globalThis, name, descriptor);
    }
  });
}

/** Starts an application in the page; it ends with the spec at the latest. */
export async function start(component: Type<unknown>, config: ApplicationConfig): Promise<ApplicationRef> {
  const application = await bootstrapApplication(component, config);
  applications.push(application);
  return application;
}

/** The text that the page shows. */
export const shown = (): string =>
  document.body.innerHTML
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
