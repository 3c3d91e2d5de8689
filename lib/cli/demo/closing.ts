import { concat, defer, of } from 'rxjs';
import { check } from './check.js';
import type { Scene } from './scene.js';

/** Both leave in good order. */
export const closing: Scene = {
  title: 'Goodbye',
  about: 'close() writes what was accepted and the stream footer, and awaits the footer of the server.',
  brief: true,
  play: ({ alice, bob, running }) =>
    concat(
      alice.exit(),
      bob.exit(),
      defer(() =>
        of(
          check(
            'both streams are closed, and the server has no session left',
            [alice, bob].every(({ events }) => events.at(-1)?.type === 'closed') &&
              running.server.sessions.length === 0,
          ),
        ),
      ),
    ),
};
