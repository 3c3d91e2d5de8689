import { liveSession } from './live-session.js';
import type { Session } from './session.js';

/**
 * White space in place of pings, for peers that answer none: `keepAlive({ probe: whitespace })`. A space goes out whenever nothing
 * came for `idle` milliseconds, and keeps the way open (RFC 6120 section 4.6.1). It gets no answer, so it says nothing of a peer
 * that takes all and is silent: a dead link is found at `idle + timeout` only where our bytes are no longer taken, else when TCP
 * gives up, which may be a quarter of an hour later.
 *
 * Not used where stanzas are acknowledged, since `<r/>` is always answered, nor over WebSocket, where there is no white space
 * between elements (RFC 7395 section 3.3): there the peer is asked as ever.
 *
 * ```text
 * session                       --s-------------------
 * in                              a
 * out                                     ' '     ' '
 * keepAlive({ idle: 8,          --s-------------------
 *   probe: whitespace })
 * ```
 */
export function whitespace(session: Session): boolean {
  const { managed, closing, stream } = liveSession(session);
  if (managed || closing || stream.framing.name === 'frames') return false;
  stream.connection.write(' ', () => stream.wrote());
  return true;
}
