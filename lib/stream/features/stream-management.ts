import { defer, map, type Observable } from 'rxjs';
import { StreamError } from '../../errors/stream-error.js';
import { NS } from '../../xml/namespaces.js';
import { xml } from '../../xml/xml.js';
import { XmlElement } from '../../xml/xml-element.js';
import type { ManagedSession } from '../management/resumption.js';
import { parseCount } from '../management/unacknowledged.js';
import type { FeatureContext, Outcome, StreamFeature } from '../stream-feature.js';
import { within } from '../within.js';
import type { XmlStream } from '../xml-stream.js';
import { answerTo } from './answer.js';

export interface StreamManagementConfig {
  /** Whether the server is asked to keep the session for resumption. */
  readonly resume: boolean;
  /** For how long, in seconds; the server decides by default. */
  readonly max?: number;
}

/**
 * Resumes a session in place of binding a resource (XEP-0198 section 5). Where the server refuses, the session is lost, and
 * the negotiation goes on to a new one.
 *
 * Errors with `StreamError` for an impossible `h` and with `XmppTimeoutError` of phase `resume`.
 */
export function resumeSession(session: ManagedSession): StreamFeature {
  return {
    name: 'sm',
    xmlns: NS.sm,
    parse(advertised, _stream, { agreed }) {
      if (!agreed.authenticated || agreed.jid || !session.resumption) return undefined;
      if (!advertised) session.resumeFailed(undefined, 'feature-not-implemented');
      return advertised;
    },
    negotiate: (stream, _offer, context) => resume(stream, session, context),
  };
}

function resume(stream: XmlStream, session: ManagedSession, { timeouts, scheduler, trace }: FeatureContext) {
  return defer((): Observable<XmlElement> => {
    const { id } = session.resumption!;
    trace({ type: 'resuming' });
    // The server may resume while we give up. A footer would then end the session in earnest (section 5: a closed stream
    // cannot be resumed), so there is none until the answer is known.
    stream.withholdFooter = true;
    stream.send(xml('resume', { xmlns: NS.sm, h: session.handled, previd: id }));
    return stream.next$;
  }).pipe(
    map((answer): Outcome => {
      stream.withholdFooter = false;
      const { jid } = session.resumption!;
      const h = parseCount(answer.attrs.h);
      if (answer.is('resumed', NS.sm)) {
        if (!session.resumed(h)) throw stream.reject(impossibleCount(answer.attrs.h));
        return { kind: 'ready', agreed: { jid, resumed: true } };
      }
      if (!answer.is('failed', NS.sm)) {
        // Asking again would be answered the same way: the next attempt begins a new session.
        session.resumeFailed(undefined, 'bad-request');
        throw stream.reject(unexpected(answer, 'resume', true));
      }
      session.resumeFailed(h, stream.secrets.condition(conditionOf(answer)));
      return { kind: 'next' };
    }),
    within('resume', timeouts.resume, scheduler),
  );
}

/**
 * Enables stream management on a new session (XEP-0198 section 3). Where the server refuses, the session does without.
 *
 * Errors with `XmppTimeoutError` of phase `enable`.
 */
export function enableManagement(session: ManagedSession, config: StreamManagementConfig): StreamFeature {
  return {
    name: 'sm',
    xmlns: NS.sm,
    parse: (advertised, _stream, { agreed }) => (agreed.jid ? advertised : undefined),
    negotiate: (stream, _offer, context) => enable(stream, session, config, context),
  };
}

function enable(
  stream: XmlStream,
  session: ManagedSession,
  { resume, max }: StreamManagementConfig,
  { agreed, timeouts, scheduler }: FeatureContext,
): Observable<Outcome> {
  const element = xml('enable', { xmlns: NS.sm, resume: resume || undefined, max: resume ? max : undefined });
  // With its JID bound the session is reachable: somebody's stanza may come before the server's answer.
  return answerTo(stream, element, (answer) => !isStanza(answer)).pipe(
    map(({ answer, early }): Outcome => {
      if (answer.is('failed', NS.sm)) return { kind: 'next' };
      if (!answer.is('enabled', NS.sm)) throw stream.reject(unexpected(answer, 'enable'));
      const { id, location, max: granted } = answer.attrs;
      const resumable = isTrue(answer.attrs.resume) && id !== undefined && agreed.jid !== undefined;
      session.enabled({
        resumption: resumable ? { id, jid: agreed.jid, location, max: parseCount(granted) } : undefined,
        early,
      });
      return { kind: 'next' };
    }),
    within('enable', timeouts.enable, scheduler),
  );
}

/** The stream error for an `h` that cannot be (XEP-0198 section 4). */
export function impossibleCount(h: string | undefined): StreamError {
  return new StreamError({
    condition: 'undefined-condition',
    text: `the server says that it has handled '${h ?? ''}' stanzas, which cannot be`,
    retryable: true,
  });
}

function unexpected(answer: XmlElement, phase: 'enable' | 'resume', retryable = false): StreamError {
  const text = `the server answered <${phase}/> with <${answer.name} xmlns='${answer.xmlns}'/>`;
  return new StreamError({ condition: 'invalid-xml', text, phase, retryable });
}

function isStanza({ name, xmlns }: XmlElement): boolean {
  return xmlns === NS.client && (name === 'message' || name === 'presence' || name === 'iq');
}

function conditionOf(failed: XmlElement): string | undefined {
  const condition = failed.children.find((child) => child instanceof XmlElement && child.xmlns === NS.stanzas);
  return condition instanceof XmlElement ? condition.name : undefined;
}

function isTrue(text: string | undefined): boolean {
  return text === 'true' || text === '1';
}
