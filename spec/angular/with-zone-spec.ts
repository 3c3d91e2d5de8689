import '../support/zone.js';
import {
  createEnvironmentInjector,
  Injector,
  NgZone,
  provideZoneChangeDetection,
  type EnvironmentInjector,
} from '@angular/core';
import { TestBed } from '@angular/core/testing';
import { Observable, of, Subject, switchMap } from 'rxjs';
import { provideXmpp, withZone, Xmpp, type XmppFeature } from '../../lib/angular.js';
import { zoned } from '../../lib/angular/zoned.js';
import { xml, type Session, type XmppClient } from '../../lib/index.js';
import { after, expects, reply, type Script } from '../../lib/testing.js';
import { angularAccount, useAngular } from '../support/angular-platform.js';
import { watch } from '../support/watch.js';

useAngular();

const MESSAGE = `<message from='bob@example.org' type='chat'><body>hi</body></message>`;
const REQUEST = `<iq type='get' id='r' from='example.org'><query xmlns='urn:x'/></iq>`;
const inZone = () => NgZone.isInAngularZone();

/** A client in an application with zone.js, the zones its connection begins in, and how often changes were detected. */
function inApplication(script: Script, ...features: XmppFeature[]) {
  TestBed.configureTestingModule({ providers: [provideZoneChangeDetection()] });
  const zone = TestBed.inject(NgZone);
  const made = angularAccount(...script);
  const began: boolean[] = [];
  const transport = {
    name: 'watched',
    connect: (context: never) => {
      began.push(inZone());
      return made.transport.connect(context);
    },
  };
  let stable = 0;
  zone.onMicrotaskEmpty.subscribe(() => stable++);
  const parent = TestBed.inject(Injector) as EnvironmentInjector;
  const injector = createEnvironmentInjector([provideXmpp({ ...made.options, transport }, ...features)], parent);
  return { ...made, began, zone, client: injector.get<XmppClient>(Xmpp), injector, detected: () => stable };
}

describe('withZone', () => {
  it('connects outside the zone, and emits inside', () => {
    const { client, zone, flush, began, injector } = inApplication([after(10), reply(MESSAGE)], withZone());
    const zones: [string, boolean][] = [];
    zone.run(() => {
      client.status$.subscribe(({ kind }) => zones.push([kind, inZone()]));
      client.session$.subscribe(() => zones.push(['session', inZone()]));
      client.session$
        .pipe(switchMap((session) => session.message$))
        .subscribe(() => zones.push(['its message', inZone()]));
      client.message$.subscribe(() => zones.push(['message', inZone()]));
    });
    zone.runOutsideAngular(() => flush(20));
    expect(began).toEqual([false]);
    expect(zones.map(([name]) => name)).toEqual(
      expect.arrayContaining(['online', 'session', 'its message', 'message']),
    );
    expect(zones.filter(([, inside]) => !inside)).toEqual([]);
    injector.destroy();
  });

  it('does neither without it', () => {
    const { client, zone, flush, began, injector } = inApplication([after(10), reply(MESSAGE)]);
    const zones: boolean[] = [];
    zone.run(() => client.message$.subscribe(() => zones.push(inZone())));
    zone.runOutsideAngular(() => flush(20));
    expect([began, zones]).toEqual([[true], [false]]);
    injector.destroy();
  });

  it('detects changes once for all that is told in one turn, and for nothing else', async () => {
    const { client, zone, flush, detected, injector } = inApplication([after(10), reply(MESSAGE)], withZone());
    const told: number[] = [];
    zone.run(() => {
      client.message$.subscribe(() => told.push(detected()));
      client.stanza$.subscribe(() => told.push(detected()));
    });
    const before = detected();
    zone.runOutsideAngular(() => flush(9));
    await Promise.resolve();
    expect(detected()).toBe(before);
    zone.runOutsideAngular(() => flush(20));
    await Promise.resolve();
    expect([told, detected()]).toEqual([[before, before], before + 1]);
    injector.destroy();
  });

  it('calls back inside, and sends what comes of it', () => {
    const { client, zone, flush, transport, injector } = inApplication(
      [reply(REQUEST), expects(`<iq type='result' id='r' to='example.org'><a xmlns='urn:x'/></iq>`)],
      withZone(),
    );
    const zones: boolean[] = [];
    zone.run(() => {
      client.handle('get', 'urn:x', () => {
        zones.push(inZone());
        return of(xml('a', { xmlns: 'urn:x' }));
      });
      client.connect();
    });
    zone.runOutsideAngular(() => flush());
    expect(zones).toEqual([true]);
    transport.verify();
    injector.destroy();
  });

  it('hands out one and the same session', () => {
    const { client, flush, injector } = inApplication([], withZone());
    const sessions: (Session | undefined)[] = [];
    for (let i = 0; i < 2; i++) client.session$.subscribe((session) => sessions.push(session));
    flush();
    sessions.push(client.session);
    expect(sessions[0]).toBeDefined();
    expect(new Set(sessions).size).toBe(1);
    expect(sessions[0]!.jid.toString()).toBe('alice@example.org/desk');
    expect(client.message$).toBe(client.message$);
    injector.destroy();
  });

  it('tells errors and the end inside, and lets go outside', () => {
    const zone = new NgZone({ enableLongStackTrace: false });
    const source$ = new Subject<number>();
    const zones: [string, boolean][] = [];
    const resource = {
      stanza$: new Observable<number>((subscriber) => {
        zones.push(['subscribe', inZone()]);
        subscriber.add(source$.subscribe(subscriber));
      }),
      fails: () => new Observable((subscriber) => subscriber.error(new Error('no'))),
      throws: () => {
        throw new Error('thrown');
      },
    };
    const wrapped = zoned(resource, zone);
    zone.run(() => {
      wrapped.stanza$.subscribe({ complete: () => zones.push(['complete', inZone()]) });
      wrapped.fails().subscribe({ error: () => zones.push(['error', inZone()]) });
    });
    source$.complete();
    expect(zones).toEqual([
      ['subscribe', false],
      ['error', true],
      ['complete', true],
    ]);
    expect(() => wrapped.throws()).toThrow('thrown');
    const held = watch(wrapped.stanza$);
    held.unsubscribe();
    expect(source$.observed).toBe(false);
  });

  it('leaves everything else as it is', () => {
    const zone = new NgZone({ enableLongStackTrace: false });
    const element = xml('message');
    for (const value of [undefined, null, 1, 'a', element, [element]]) expect(zoned(value, zone)).toBe(value);
  });
});
