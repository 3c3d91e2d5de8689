import { catchError, defer, map, of } from 'rxjs';
import { xmppStream } from '../../client/xmpp-stream.js';
import { XmppTimeoutError } from '../../errors/index.js';
import { check } from './check.js';
import type { Scene } from './scene.js';

/** Milliseconds for the server's header. */
const BOUND = 250;

/** A server that takes the connection and then says nothing. */
export const silence: Scene = {
  title: 'A server that says nothing',
  about: `Every phase has a bound, here ${BOUND} ms for the stream header, and its error names the phase.`,
  brief: true,
  play: (stage) =>
    defer(() => {
      stage.running.server.fault({ at: 'header', do: 'mute', times: 1 });
      const options = stage.options('carol');
      return xmppStream({
        ...options,
        timeouts: { open: BOUND },
        trace: (event) => stage.reporter.trace(event, 'carol'),
      }).pipe(
        map(() => undefined),
        catchError((error: unknown) => of(error)),
        map((error) =>
          check(
            `it ended by a timeout that names the phase: ${error instanceof Error ? error.message : 'none came'}`,
            error instanceof XmppTimeoutError && error.phase === 'open' && error.due === BOUND,
          ),
        ),
      );
    }),
};
