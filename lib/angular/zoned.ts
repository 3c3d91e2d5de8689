import type { NgZone } from '@angular/core';
import { isObservable, noop, Observable } from 'rxjs';

/** What of zones is used. */
type Zone = Pick<NgZone, 'run' | 'runOutsideAngular'>;

/**
 * Runs a task in the zone, where changes are detected once for all that happens in the same turn. `run` alone would have them
 * detected after each value of each observable: between a session and the status that it changes, for one.
 */
function within<T>(zone: Zone, task: () => T): T {
  return zone.run(() => {
    // eslint-disable-next-line no-restricted-globals -- it is the zone that looks at it: not before it has run is it stable.
    queueMicrotask(noop);
    return task();
  });
}

/**
 * Subscribes outside Angular's zone, and emits inside: timers and sockets of the source trigger no change detection, what it
 * tells does, once for all that is told in one turn.
 *
 * ```text
 * source              a----b----#     outside
 * zoned(zone)         a----b----#     inside, each
 * ```
 */
export function zonedObservable<T>(source: Observable<T>, zone: Zone): Observable<T> {
  return new Observable((subscriber) =>
    zone.runOutsideAngular(() =>
      source.subscribe({
        next: (value) => within(zone, () => subscriber.next(zoned(value, zone))),
        error: (error: unknown) => within(zone, () => subscriber.error(error)),
        complete: () => within(zone, () => subscriber.complete()),
      }),
    ),
  );
}

/**
 * The same client or session, whose observables emit inside Angular's zone, whose functions run outside, and which calls back
 * inside. Anything else is handed back as it is.
 */
export function zoned<T>(value: T, zone: Zone): T {
  if (!isResource(value)) return value;
  const known = zonedOnes.get(value);
  if (known) return known as T;
  const parts = new Map<PropertyKey, unknown>();
  const proxy = new Proxy(value, {
    get(target, name) {
      // Getters see the target: what is private to it is out of the proxy's reach.
      const part: unknown = Reflect.get(target, name, target);
      if (isObservable(part)) return kept(name, () => zonedObservable(part, zone));
      if (typeof part === 'function') return kept(name, () => zonedMethod(target, part as Method, zone));
      return zoned(part, zone);
    },
  });
  const kept = (name: PropertyKey, make: () => unknown) => {
    if (!parts.has(name)) parts.set(name, make());
    return parts.get(name);
  };
  zonedOnes.set(value, proxy);
  return proxy;
}

type Method = (...args: unknown[]) => unknown;

/** One proxy for each, so that a session is always the same. */
const zonedOnes = new WeakMap<object, object>();

/** Clients and sessions are what has an observable of stanzas. */
function isResource(value: unknown): value is object {
  return typeof value === 'object' && value !== null && 'stanza$' in value;
}

function zonedMethod(target: object, method: Method, zone: Zone): Method {
  return (...args) => {
    const inside = args.map((arg) =>
      typeof arg === 'function' ? (...given: unknown[]) => within(zone, () => (arg as Method)(...given)) : arg,
    );
    const result = zone.runOutsideAngular(() => method.apply(target, inside));
    return isObservable(result) ? zonedObservable(result, zone) : zoned(result, zone);
  };
}
