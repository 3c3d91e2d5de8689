import '../../support/zone.js';
import '@angular/compiler';
import { NgZone, provideZoneChangeDetection } from '@angular/core';
import { withZone } from '../../../lib/angular.js';
import { applicationSpecs } from './support/application.js';

it('runs with zone.js', () => {
  expect(new NgZone({}).run(() => NgZone.isInAngularZone())).toBe(true);
});

describe('provideXmpp in an application with zone.js', () => {
  applicationSpecs([provideZoneChangeDetection()], withZone());
});
