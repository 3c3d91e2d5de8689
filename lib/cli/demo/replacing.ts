import { BehaviorSubject, concat, defer, delay, filter, ignoreElements, of, take } from 'rxjs';
import { check } from './check.js';
import type { Scene } from './scene.js';

/** How long the first attempt hangs before it is replaced, in milliseconds. */
const HANGING = 100;

/** A client is given other options while it is still authenticating. */
export const replacing: Scene = {
  title: 'New options cancel a stale attempt',
  about: 'xmppClient(options$) is a switchMap: the first attempt hangs at SASL, and the next value takes its place.',
  brief: true,
  play: (stage) =>
    defer(() => {
      const mend = stage.running.server.fault({ at: 'sasl', do: 'mute' });
      const phone = { ...stage.options('carol'), resource: 'phone' };
      const options$ = new BehaviorSubject(phone);
      const carol = stage.actor('carol', options$);
      const hanging = carol.client.trace$
        .pipe(
          filter(({ type }) => type === 'authenticating'),
          take(1),
          delay(HANGING),
        )
        .subscribe(() => {
          mend();
          options$.next({ ...phone, resource: 'tablet' });
        });
      return concat(
        carol.enter().pipe(ignoreElements()),
        defer(() => {
          hanging.unsubscribe();
          const { events, client } = carol;
          const second = events.findIndex(({ attempt }) => attempt === 2);
          const last = events[second - 1];
          return of(
            check(
              'attempt 1 was cancelled where it was, and nothing of it came after attempt 2 began',
              last?.type === 'cancelled' &&
                last.phase === 'sasl' &&
                events.slice(second).every(({ attempt }) => attempt === 2),
            ),
            check('attempt 2 is online with the new options', client.session?.jid.resource === 'tablet'),
          );
        }),
        carol.exit(),
      );
    }),
};
