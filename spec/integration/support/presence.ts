import { catchError, defer, lastValueFrom, map, mergeMap, of, repeat, takeWhile, from, toArray } from 'rxjs';
import { xml, type Session, type XmppError } from '../../../lib/index.js';

/** Long enough for a machine that does much else. */
const DUE = 20_000;

/** What a server says to a ping of a full JID: `result` where somebody is online there, or a condition. */
function answerOf(observer: Session, jid: string) {
  return observer.iq('get', xml('ping', { xmlns: 'urn:xmpp:ping' }), jid, { timeout: DUE }).pipe(
    map(() => 'result'),
    catchError(({ condition }: XmppError) => of(condition)),
  );
}

/** Those of these full JIDs that somebody answers for. */
export async function answering(observer: Session, jids: readonly string[]): Promise<string[]> {
  return lastValueFrom(
    from(jids).pipe(
      mergeMap((jid) =>
        // A session that is on its way out is asked again until the server has no such session.
        defer(() => answerOf(observer, jid)).pipe(
          repeat(),
          takeWhile((answer) => answer === 'recipient-unavailable', true),
          map((answer) => ({ jid, answer })),
        ),
      ),
      map(({ jid, answer }) => {
        if (answer !== 'result' && answer !== 'service-unavailable' && answer !== 'recipient-unavailable')
          throw new Error(`${jid}: ${answer}`);
        return answer === 'result' ? [jid] : [];
      }),
      toArray(),
      map((found) => found.flat()),
    ),
  );
}
