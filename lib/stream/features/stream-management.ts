import { defer, map } from 'rxjs';
import { StreamError } from '../../errors/stream-error.js';
import { isStanza } from '../../xml/is-stanza.js';
import * as NS from '../../xml/namespaces.js';
import { xml } from '../../xml/xml.js';
import type { ManagedSession } from '../management/resumption.js';
import { parseCount } from '../management/unacknowledged.js';
import { receivedError } from '../received-error.js';
import type { Outcome, StreamFeature } from '../stream-feature.js';
import { unexpected } from '../unexpected.js';
import { bounded } from '../within.js';
import { answerTo } from './answer.js';

export interface StreamManagementConfig {
  /** Whether the server is asked to keep the session for resumption. */
  readonly resume: boolean;
  /** For how long, in seconds; the server decides by default. */
  readonly max?: number;
}

/**
 * Resumes a session in place of binding a resource (XEP-0198 section 5). Where the server refuses, or has not answered five times in a
 * row, the session is lost, and the negotiation goes on to a new one.
 *
 * Errors with `StreamError` for an impossible `h` and with `XmppTimeoutError` of phase `resume`.
 */
export function resumeSession(session: ManagedSession): StreamFeature {
  return {
    name: 'sm',
    xmlns: NS.sm,
    parse(advertised, _stream, { agreed }) {
      if (!agreed.authenticated || agreed.jid || !session.resumption) return undefined;
      // A server that fails at a session whenever it is to resume it is not asked for ever. Networks fail, too: so not at once.
      if (advertised && session.unanswered < 5) return advertised;
      session.resumeFailed(undefined, advertised ? 'timeout' : 'feature-not-implemented');
      return undefined;
    },
    negotiate: (stream, _offer, stage) =>
      defer(() => {
        const { id, jid } = session.resumption!;
        stage.trace({ type: 'resuming' });
        session.unanswered++;
        // The server may resume while we give up. A footer would then end the session in earnest (section 5: a closed stream
        // cannot be resumed), so there is none until the answer is known.
        stream.withholdFooter = true;
        stream.send(xml('resume', { xmlns: NS.sm, h: session.handled, previd: id }));
        return stream.next$.pipe(
          map((answer): Outcome => {
            stream.withholdFooter = false;
            const h = parseCount(answer.attrs.h);
            if (answer.is('resumed', NS.sm)) {
              if (!session.resumed(h)) throw stream.reject(impossibleCount(answer.attrs.h));
              return { kind: 'ready', agreed: { jid, resumed: true } };
            }
            if (answer.is('failed', NS.sm)) {
              session.resumeFailed(h, receivedError(answer, NS.stanzas, stream.secrets).condition);
              return { kind: 'next' };
            }
            // Asking again would be answered the same way: the next attempt begins a new session.
            session.resumeFailed(undefined, 'bad-request');
            throw stream.reject(unexpected(answer, 'resumed', true));
          }),
        );
      }).pipe(bounded('resume', stage)),
  };
}

/**
 * Enables stream management on a new session (XEP-0198 section 3). Where the server refuses, the session does without.
 *
 * Errors with `XmppTimeoutError` of phase `enable`.
 */
export function enableManagement(session: ManagedSession, config: StreamManagementConfig): StreamFeature {
  const { resume, max } = config;
  return {
    name: 'sm',
    xmlns: NS.sm,
    parse: (advertised, _stream, { agreed }) => (agreed.jid ? advertised : undefined),
    negotiate: (stream, _offer, stage) =>
      defer(() => {
        const { jid } = stage.agreed;
        let early = -1;
        const element = xml('enable', { xmlns: NS.sm, ...(resume && { resume, max }) });
        // With its JID bound the session is reachable: somebody's stanza may come before the server's answer.
        return answerTo(stream, element, (answer) => {
          early++;
          return !(answer.xmlns === NS.client && isStanza(answer));
        }).pipe(
          map((answer): Outcome => {
            if (answer.is('enabled', NS.sm)) {
              const { id, location, max: granted, resume: resumes = '' } = answer.attrs;
              const resumable = /^(true|1)$/.test(resumes) && id !== undefined && jid;
              session.enabled({
                resumption: resumable ? { id, jid, location, max: parseCount(granted) } : undefined,
                early,
              });
            } else if (!answer.is('failed', NS.sm)) {
              throw stream.reject(unexpected(answer, 'enabled'));
            }
            return { kind: 'next' };
          }),
        );
      }).pipe(bounded('enable', stage)),
  };
}

/** The stream error for an `h` that cannot be (XEP-0198 section 4). */
export function impossibleCount(h: string | undefined): StreamError {
  return new StreamError({
    condition: 'undefined-condition',
    text: `the server cannot have handled '${h ?? ''}' stanzas`,
    retryable: true,
  });
}
