import { concat, defer, ignoreElements, of } from 'rxjs';
import { check } from './check.js';
import type { Scene } from './scene.js';

/** Two clients connect, one after the other. */
export const connecting: Scene = {
  title: 'From a JID to a session',
  about:
    'A subscription connects: TCP, STARTTLS, SCRAM, bind, stream management. Milliseconds since the attempt began.',
  play: ({ alice, bob }) =>
    concat(
      concat(alice.enter(), bob.enter()).pipe(ignoreElements()),
      defer(() => {
        const actors = [alice, bob];
        const first = (type: string) => actors.map(({ events }) => events.findIndex((event) => event.type === type));
        const [secured, authenticating] = [first('secured'), first('authenticating')];
        const mechanisms = actors.map(
          ({ events }) => events.find((event) => event.type === 'authenticated')?.mechanism ?? 'none',
        );
        return of(
          check(
            'both are online, and nothing of a credential left before TLS',
            actors.every(({ client }, i) => client.session && secured[i]! >= 0 && secured[i]! < authenticating[i]!),
          ),
          check(
            `both authenticated by SCRAM (${mechanisms[0]})`,
            mechanisms.every((mechanism) => mechanism.startsWith('SCRAM-')),
          ),
        );
      }),
    ),
};
