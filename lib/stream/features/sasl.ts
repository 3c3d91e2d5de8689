import { catchError, defer, EMPTY, expand, last, map, switchMap, tap, throwError, type Observable } from 'rxjs';
import { SaslError } from '../../errors/sasl-error.js';
import { decodeBase64, encodeBase64 } from '../../sasl/base64.js';
import { fromUtf8, utf8 } from '../../sasl/bytes.js';
import type { Credentials, SaslContext, SaslExchange, SaslMechanism } from '../../sasl/mechanism.js';
import { noMechanismError } from '../../sasl/no-mechanism-error.js';
import { fallbackMechanism, selectMechanism } from '../../sasl/select-mechanism.js';
import { NS } from '../../xml/namespaces.js';
import { xml } from '../../xml/xml.js';
import { XmlElement } from '../../xml/xml-element.js';
import type { Secrets } from '../secrets.js';
import type { FeatureContext, Outcome, StreamFeature } from '../stream-feature.js';
import { within } from '../within.js';
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
      const bindings = stream.features.child('sasl-channel-binding', NS.channelBinding);
      return {
        offered: advertised?.childrenOf('mechanism').map((mechanism) => mechanism.text().trim()) ?? [],
        offeredBindings: bindings?.childrenOf('channel-binding').map(({ attrs }) => attrs.type ?? ''),
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
        return authenticate(stream, mechanism, context, stage).pipe(
          catchError((error: unknown) => {
            const next =
              error instanceof Refused && (mechanism.retry?.(error) ?? fallbackMechanism(context, mechanism, error));
            return next ? authenticate(stream, next, context, stage) : throwError(() => error);
          }),
          map((): Outcome => ({ kind: 'restart', agreed: { authenticated: true } })),
        );
      }),
  };
}

/** One exchange: auth, challenges and responses, success. */
function authenticate(
  stream: XmlStream,
  mechanism: SaslMechanism,
  context: SaslContext,
  { timeouts, scheduler, trace }: FeatureContext,
): Observable<void> {
  return defer(() => {
    trace({ type: 'authenticating', mechanism: mechanism.name });
    const exchange = mechanism.start(context);
    const { secrets } = stream;
    for (const [name, proof] of Object.entries(context.credentials)) {
      if (typeof proof === 'string' && !NAMES.has(name)) secrets.add(proof, encodeBase64(utf8(proof)));
    }
    let challenged = false;
    // Bounded one by one, the computation of our message included.
    const step = (message: Observable<XmlElement>) =>
      message.pipe(
        switchMap((element) => {
          addSent(secrets, element.text(), context.credentials);
          stream.send(element);
          return stream.next$;
        }),
        // At once, even before the proof in it is checked: no byte behind it may be taken for a later stream's.
        tap((answer) => answer.is('success', NS.sasl) && stream.awaitRestart()),
        within('sasl', timeouts.sasl, scheduler),
      );
    return step(exchange.initial().pipe(map((data) => authElement(mechanism.name, data)))).pipe(
      expand((answer) => {
        if (!answer.is('challenge', NS.sasl)) return EMPTY;
        challenged = true;
        return step(respond(exchange, answer, mechanism.name));
      }),
      last(),
      switchMap((answer) => {
        if (!answer.is('success', NS.sasl)) throw refusal(answer, mechanism.name, challenged, secrets);
        return exchange.finish(dataOf(answer, mechanism.name)).pipe(
          // A mechanism may take its time to check the proof, and the server must keep silent meanwhile.
          tap(() => stream.awaitRestart()),
          within('sasl', timeouts.sasl, scheduler),
        );
      }),
      tap(() => trace({ type: 'authenticated', mechanism: mechanism.name })),
    );
  });
}

function respond(exchange: SaslExchange, challenge: XmlElement, mechanism: string): Observable<XmlElement> {
  return defer(() => exchange.respond(dataOf(challenge, mechanism) ?? new Uint8Array())).pipe(
    map((data) => xml('response', { xmlns: NS.sasl }, encodeBase64(data))),
  );
}

function authElement(mechanism: string, data: Uint8Array | undefined): XmlElement {
  // An empty initial response is told from none by '=' (RFC 6120 section 6.4.2).
  return xml('auth', { xmlns: NS.sasl, mechanism }, data && (data.length > 0 ? encodeBase64(data) : '='));
}

function dataOf(element: XmlElement, mechanism: string): Uint8Array | undefined {
  const text = element.text().trim();
  if (text === '') return undefined;
  const data = text === '=' ? new Uint8Array() : decodeBase64(text);
  if (data) return data;
  throw new SaslError({ condition: 'bad-challenge', text: `<${element.name}/> holds no valid base64`, mechanism });
}

/** Credentials that are no secrets. */
const NAMES = new Set(['username', 'authzid']);

/** The proof of SCRAM, and what PLAIN and OAuth send at the end. */
const SECRET = /(?:,p=|auth=Bearer |\0[^\0]*\0)([^\0\x01]+)/;

/** A message in base64 and as it is, and the proof or token that stands in it. EXTERNAL sends but a name. */
function addSent(secrets: Secrets, base64: string, { authzid }: Credentials): void {
  const message = fromUtf8(decodeBase64(base64) ?? new Uint8Array());
  if (message !== authzid) secrets.add(base64, message, SECRET.exec(message ?? '')?.[1]);
}

/** The server said no. */
class Refused extends SaslError {
  constructor(
    condition: string,
    text: string,
    mechanism: string,
    readonly challenged: boolean,
  ) {
    super({ condition, text, mechanism });
  }
}

/** The conditions of RFC 6120 section 6.5. */
const CONDITIONS = new Set([
  'aborted',
  'account-disabled',
  'credentials-expired',
  'encryption-required',
  'incorrect-encoding',
  'invalid-authzid',
  'invalid-mechanism',
  'malformed-request',
  'mechanism-too-weak',
  'not-authorized',
  'temporary-auth-failure',
]);

function refusal(answer: XmlElement, mechanism: string, challenged: boolean, secrets: Secrets): SaslError {
  if (!answer.is('failure', NS.sasl)) {
    const sent = secrets.told(`<${answer.name} xmlns='${answer.xmlns}'/>`) || 'something';
    const text = `the server sent ${sent} in the midst of ${mechanism}`;
    return new SaslError({ condition: 'bad-challenge', text, mechanism });
  }
  const names = answer.children.flatMap((child) => (child instanceof XmlElement ? child.name : []));
  const condition = names.find((name) => CONDITIONS.has(name)) ?? 'not-authorized';
  const said = secrets.told(answer.child('text')?.text().trim() ?? '');
  return new Refused(condition, `${explain(condition, mechanism)}${said && ` (${said})`}`, mechanism, challenged);
}

/** RFC 6120 section 6.5, for people. */
function explain(condition: string, mechanism: string): string {
  switch (condition) {
    case 'not-authorized':
      return 'the server refused the credentials; are they right?';
    case 'account-disabled':
      return "the account is disabled; ask the server's administrator";
    case 'credentials-expired':
      return 'the credentials have expired; new ones are needed';
    case 'temporary-auth-failure':
      return 'the server cannot authenticate at present; try again later';
    case 'encryption-required':
      return `the server wants TLS before ${mechanism}`;
    default:
      return `the server refused ${mechanism}`;
  }
}
