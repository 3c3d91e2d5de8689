import type { SchedulerLike } from 'rxjs';
import { jid } from '../../lib/jid/jid.js';
import { LiveSession } from '../../lib/session/live-session.js';
import { SessionMemory } from '../../lib/session/session-memory.js';
import { stageOf } from '../../lib/stream/stage-config.js';
import { XmlStream } from '../../lib/stream/xml-stream.js';
import type { Connection } from '../../lib/transport/transport.js';
import { stubConnection } from './stub-connection.js';
import { BOUND } from './wire.js';

/** A session whose connection only keeps what is written. */
export function quietSession(scheduler: SchedulerLike, framing: Connection['framing'] = 'stream') {
  const connection = stubConnection(undefined, { framing });
  const stream = new XmlStream(connection, undefined, scheduler);
  const memory = new SessionMemory(scheduler, () => 0.5);
  const acknowledgements = { every: 16, after: 1_000 };
  const config = { ...stageOf({ scheduler }), memory, iqTimeout: 30_000, acknowledgements };
  return { connection, session: new LiveSession({ stream, jid: jid(BOUND), resumed: false }, config) };
}
