import { defer, EMPTY, expand, last, map, switchMap, tap, type Observable } from 'rxjs';
import { decodeBase64, encodeBase64 } from '../../sasl/base64.js';
import { fromUtf8, NOTHING, utf8 } from '../../sasl/bytes.js';
import { fault } from '../../sasl/fault.js';
import type { SaslContext, SaslMechanism } from '../../sasl/mechanism.js';
import { noMechanismError } from '../../sasl/no-mechanism-error.js';
import { fallbackMechanism, selectMechanism } from '../../sasl/select-mechanism.js';
import { elements } from '../../xml/elements.js';
import * as NS from '../../xml/namespaces.js';
import { xml } from '../../xml/xml.js';
import type { XmlElement } from '../../xml/xml-element.js';
import type { FeatureContext, Outcome, StreamFeature } from '../stream-feature.js';
import { unexpected } from '../unexpected.js';
import { bounded } from '../within.js';
import type { XmlStream } from '../xml-stream.js';

/** What authentication needs to know of the attempt; the rest comes from the stream. */
export type SaslConfig = Omit<SaslContext, 'secure' | 'offered' | 'offeredBindings' | 'channelBinding'>;

type SaslOffer = Pick<SaslContext, 'offered' | 'offeredBindings'>;

/**
 * Authenticates (RFC 6120 section 6) by the best mechanism that the server, the credentials and the TLS state allow. It
 * insists: where nothing is advertised it errors with `no-mechanism`. A refused -PLUS mechanism falls back once to the same
 * one without channel binding, where the server did not say which bindings it knows.
 *
 * Errors with `SaslError`, or `XmppTimeoutError` of phase `sasl` where a step takes longer than its bound.
 */
export function sasl(config: SaslConfig): StreamFeature<SaslOffer> {
  return {
    name: 'mechanisms',
    xmlns: NS.sasl,
    parse(advertised, stream, { agreed }) {
      if (agreed.authenticated) return undefined;
      return {
        offered: advertised?.childrenOf('mechanism').map((mechanism) => mechanism.text().trim()) ?? [],
        offeredBindings: stream.features
          .child('sasl-channel-binding', NS.channelBinding)
          ?.childrenOf('channel-binding')
          .map(({ attrs }) => attrs.type ?? ''),
      };
    },
    negotiate: (stream, offer, stage) =>
      defer(() => {
        const { connection } = stream;
        const context: SaslContext = {
          ...config,
          ...offer,
          secure: connection.tls !== undefined,
          channelBinding: (type) => connection.channelBinding?.(type),
        };
        const mechanism = selectMechanism(context);
        if (!mechanism) throw noMechanismError(context);
        return authenticate(stream, mechanism, context, stage);
      }),
  };
}

/**
 * One exchange: auth, challenges and responses, success; and once another, where the refusal of the first leaves one to try. It begins
 * with the call.
 */
function authenticate(
  stream: XmlStream,
  mechanism: SaslMechanism,
  context: SaslContext,
  stage: FeatureContext,
  again = true,
): Observable<Outcome> {
  const { name } = mechanism;
  const { secrets } = stream;
  stage.trace({ type: 'authenticating', mechanism: name });
  const exchange = mechanism.start(context);
  for (const [key, proof] of Object.entries(context.credentials)) {
    // All but names.
    if (typeof proof === 'string' && !/^(username|authzid)$/.test(key)) secrets.add(proof, encodeBase64(utf8(proof)));
  }
  let challenged = false;
  // Bounded one by one, the computation of our message included.
  const step = (message$: Observable<XmlElement>) =>
    message$.pipe(
      switchMap((message) => {
        // In base64 and as it is, and the proof or token that stands in it. EXTERNAL sends but a name.
        const base64 = message.text();
        const sent = fromUtf8(decodeBase64(base64) ?? NOTHING);
        if (sent !== context.credentials.authzid) secrets.add(base64, sent, SECRET.exec(sent ?? '')?.[1]);
        stream.send(message);
        return stream.next$;
      }),
      // At once, even before the proof in it is checked: no byte behind it may be taken for a later stream's.
      tap((answer) => answer.is('success', NS.sasl) && stream.awaitRestart()),
      bounded('sasl', stage),
    );
  return exchange.initial().pipe(
    // An empty initial response is told from none by '=' (RFC 6120 section 6.4.2).
    map((data) => xml('auth', { xmlns: NS.sasl, mechanism: name }, data && (encodeBase64(data) || '='))),
    step,
    expand((answer) => {
      if (!answer.is('challenge', NS.sasl)) return EMPTY;
      challenged = true;
      return step(
        defer(() => exchange.respond(dataOf(answer, name) ?? NOTHING)).pipe(
          map((data) => xml('response', { xmlns: NS.sasl }, encodeBase64(data))),
        ),
      );
    }),
    last(),
    switchMap((answer): Observable<Outcome> => {
      if (answer.is('failure', NS.sasl)) {
        // Any other condition could be what we sent.
        const defined = elements(answer).find(({ name: condition }) => CONDITIONS.test(condition));
        const refusal = { condition: defined?.name ?? 'not-authorized', challenged };
        const next = again && (mechanism.retry?.(refusal) ?? fallbackMechanism(context, mechanism, refusal));
        if (next) return authenticate(stream, next, context, stage, false);
        const said = secrets.told(answer.child('text')?.text().trim() ?? '');
        throw fault(refusal.condition, `the server refused ${name}${said && ` (${said})`}`, name);
      }
      if (!answer.is('success', NS.sasl)) {
        throw fault('bad-challenge', secrets.told(unexpected(answer, 'success').text), name);
      }
      return exchange.finish(dataOf(answer, name)).pipe(
        tap(() => {
          // A mechanism may take its time to check the proof, and the server must keep silent meanwhile.
          stream.awaitRestart();
        }),
        bounded('sasl', stage),
        map((): Outcome => {
          stage.trace({ type: 'authenticated', mechanism: name });
          return { kind: 'restart', agreed: { authenticated: true } };
        }),
      );
    }),
  );
}

function dataOf(element: XmlElement, mechanism: string): Uint8Array | undefined {
  const text = element.text().trim();
  if (text === '') return undefined;
  const data = decodeBase64(text === '=' ? '' : text);
  if (data) return data;
  throw fault('bad-challenge', `<${element.name}/> holds no base64`, mechanism);
}

/** The proof of SCRAM, and what PLAIN and OAuth send at the end. */
const SECRET = /(?:,p=|auth=Bearer |\0[^\0]*\0)([^\0\x01]+)/;

/** The conditions of RFC 6120 section 6.5. */
const CONDITIONS =
  /^(aborted|account-disabled|credentials-expired|encryption-required|incorrect-encoding|invalid-authzid|invalid-mechanism|malformed-request|mechanism-too-weak|not-authorized|temporary-auth-failure)$/;
