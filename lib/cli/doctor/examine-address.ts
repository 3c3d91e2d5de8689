import { asyncScheduler, catchError, defer, map, of, switchMap, take, type Observable } from 'rxjs';
import { TlsError } from '../../errors/index.js';
import { connect } from '../../stream/connect.js';
import { openStream } from '../../stream/open-stream.js';
import { startTls } from '../../stream/start-tls.js';
import type { XmlStream } from '../../stream/xml-stream.js';
import type { LifecycleEvent, Target, TlsInfo } from '../../trace/lifecycle-event.js';
import { tcp } from '../../transport/node/index.js';
import type { ConnectContext, Timeouts } from '../../transport/transport.js';
import { elements } from '../../xml/elements.js';
import * as NS from '../../xml/namespaces.js';
import type { XmlElement } from '../../xml/xml-element.js';
import type { ServerReport } from './diagnosis.js';
import { failureOf } from './failure-of.js';

const DAY = 86_400_000;

export interface Examination {
  /** The domain as the server knows it, and as the DNS and certificates do. */
  readonly domain: string;
  readonly asciiDomain: string;
  /** PEM; the usual CAs where absent. */
  readonly ca: string | undefined;
  readonly timeouts: Timeouts;
}

/** What a certificate that is refused is refused for. */
const OF_CERTIFICATE: readonly string[] = ['untrusted-certificate', 'certificate-expired', 'wrong-identity'];

/**
 * Looks at one address of a target, as a client would that has no account: TCP, TLS, the stream, its features. A certificate that
 * a client would refuse is looked at once more without the check, since there may be more to mend. Emits once, and never errors.
 */
export function examineAddress(target: Target, address: string, examination: Examination): Observable<ServerReport> {
  const look = (verify: boolean) => lookAt(target, address, examination, verify);
  return look(true).pipe(
    switchMap(({ report, error }) => {
      if (!(error instanceof TlsError) || !OF_CERTIFICATE.includes(error.condition)) return of(report);
      return look(false).pipe(
        map((second): ServerReport => ({ ...second.report, certificateFailure: failureOf(error) })),
      );
    }),
  );
}

function lookAt(
  { host, port, security }: Target,
  address: string,
  { domain, asciiDomain, ca, timeouts }: Examination,
  verify: boolean,
): Observable<{ readonly report: ServerReport; readonly error?: unknown }> {
  return defer(() => {
    const scheduler = asyncScheduler;
    const at = new Map<LifecycleEvent['type'], number>();
    let tls: TlsInfo | undefined;
    let saslInClear = false;
    const trace = (event: LifecycleEvent) => {
      at.set(event.type, scheduler.now());
      if (event.type === 'secured') tls = event.tls;
      if (event.type === 'features' && !tls && event.names.includes('mechanisms')) saslInClear = true;
    };
    const stage = { timeouts, scheduler, trace };
    const context: ConnectContext = { ...stage, domain: asciiDomain, tls: 'required', random: () => 0 };
    const transport = tcp({ host: address, port, security, tls: { ca, rejectUnauthorized: verify } });
    const lasted = (from: LifecycleEvent['type'], to: LifecycleEvent['type']) =>
      at.has(from) && at.has(to) ? at.get(to)! - at.get(from)! : undefined;
    const report = (): ServerReport => ({
      ...{ host, port, security, address, tls, saslInClear },
      connectMs: lasted('connecting', 'connected'),
      tlsMs: lasted('securing', 'secured'),
      daysLeft: tls?.certificate && Math.floor((Date.parse(tls.certificate.validTo) - scheduler.now()) / DAY),
    });
    return connect(transport, context).pipe(
      openStream({ ...stage, to: domain }),
      startTls({ ...stage, to: domain, policy: 'required' }),
      // Letting go writes the footer.
      take(1),
      map((stream) => ({ report: { ...report(), ...offersOf(stream) } })),
      catchError((error: unknown) => of({ report: { ...report(), failure: failureOf(error) }, error })),
    );
  });
}

function offersOf({ features }: XmlStream): Pick<ServerReport, 'features' | 'mechanisms' | 'channelBindings'> {
  const bindings = features.child('sasl-channel-binding', NS.channelBinding);
  return {
    features: namesOf(features),
    mechanisms: features
      .child('mechanisms', NS.sasl)
      ?.childrenOf('mechanism')
      .map((mechanism) => mechanism.text().trim()),
    channelBindings: bindings?.childrenOf('channel-binding').map(({ attrs }) => attrs.type ?? ''),
  };
}

export function namesOf(element: XmlElement): string[] {
  return elements(element).map(({ name }) => name);
}
