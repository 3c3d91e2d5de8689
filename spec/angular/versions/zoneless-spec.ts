import '@angular/compiler';
import { provideZonelessChangeDetection, VERSION } from '@angular/core';
import { applicationSpecs } from './support/application.js';

declare const angularFolder: string;

it('runs with the version that it says', () => {
  expect(angularFolder.split('-').at(-1)).toBe(VERSION.major);
});

describe('provideXmpp in an application without zone.js', () => {
  applicationSpecs([provideZonelessChangeDetection()]);
});
