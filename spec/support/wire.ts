import { exchange, expects, reply, startTls, type Reply, type Script, type ScriptStep } from '../../lib/testing.js';
import type { Phase } from '../../lib/errors/index.js';
import type { HashName } from '../../lib/crypto/crypto.js';
import { NS } from '../../lib/xml/index.js';
import { ScramServer, type ScramServerConfig } from './scram-server.js';

export const DOMAIN = 'example.org';
export const ACCOUNT = `alice@${DOMAIN}`;
export const BOUND = `${ACCOUNT}/desk`;
/** Nothing that any element or text would hold by accident, and not the same once it is escaped or in base64. */
export const PASSWORD = 'w0nder,=l&nd';

// What goes over the wire.

const STREAM_NS = `xmlns='${NS.client}' xmlns:stream='${NS.stream}'`;
export const FOOTER = '</stream:stream>';
export const STARTTLS = `<starttls xmlns='${NS.tls}'/>`;
export const PROCEED = `<proceed xmlns='${NS.tls}'/>`;
export const TLS_FAILURE = `<failure xmlns='${NS.tls}'/>`;
export const BIND = `<bind xmlns='${NS.bind}'/>`;
export const LEGACY_SESSION = `<session xmlns='${NS.session}'/>`;
export const OPTIONAL_SESSION = `<session xmlns='${NS.session}'><optional/></session>`;
export const PING = `<ping xmlns='${NS.ping}'/>`;

/** Our header: `from` is told over TLS only. */
export const clientHeader = ({ secure = false, from = ACCOUNT } = {}) =>
  `<stream:stream to='${DOMAIN}' ${secure && from ? `from='${from}' ` : ''}version='1.0' ${STREAM_NS}>`;

/** The server's header, attributes left out where they are `null`. */
export const serverHeader = (attrs: Readonly<Record<string, string | null>> = {}) => {
  const all = {
    id: 's1',
    from: DOMAIN,
    version: '1.0',
    xmlns: NS.client,
    'xmlns:stream': NS.stream,
    ...attrs,
  };
  const given = Object.entries(all).filter(([, value]) => value !== null);
  return `<?xml version='1.0'?><stream:stream ${given.map(([name, value]) => `${name}='${value}'`).join(' ')}>`;
};

export const features = (...advertised: string[]) => `<stream:features>${advertised.join('')}</stream:features>`;
export const mechanisms = (...names: string[]) =>
  `<mechanisms xmlns='${NS.sasl}'>${names.map((name) => `<mechanism>${name}</mechanism>`).join('')}</mechanisms>`;
export const saslFailure = (condition: string, text = '') =>
  `<failure xmlns='${NS.sasl}'><${condition}/>${text && `<text xml:lang='en'>${text}</text>`}</failure>`;
export const challenge = (base64 = '') => `<challenge xmlns='${NS.sasl}'>${base64}</challenge>`;
export const success = (base64 = '') => `<success xmlns='${NS.sasl}'>${base64}</success>`;
export const streamError = (condition: string, content = '') =>
  `<stream:error><${condition} xmlns='${NS.streams}'>${content}</${condition}></stream:error>`;
export const bindResult = (jid = BOUND) =>
  `<iq type='result' id='{bind}'><bind xmlns='${NS.bind}'><jid>${jid}</jid></bind></iq>`;
export const iqError = (id: string, condition: string, type = 'cancel') =>
  `<iq type='error' id='${id}'><error type='${type}'><${condition} xmlns='${NS.stanzas}'/></error></iq>`;
export const message = (body: string, from = 'bob@example.org/phone') =>
  `<message from='${from}' to='${BOUND}'><body>${body}</body></message>`;

export const base64 = (text: string) => Buffer.from(text).toString('base64');
const plainText = (data: string | undefined) => Buffer.from(data === '=' ? '' : (data ?? ''), 'base64').toString();

// What a server does: fragments of scripts.

/** Takes our header, answers with its own and its features. */
export const opens = (answer: string, { secure = false, header = serverHeader(), from = ACCOUNT } = {}): Script => [
  exchange([clientHeader({ secure, from }), header + answer]),
];

/** STARTTLS up to the secured connection, not yet opened anew. */
export const secures = (): Script => [
  opens(features(`<starttls xmlns='${NS.tls}'><required/></starttls>`)),
  exchange([STARTTLS, PROCEED]),
  startTls(),
];

export interface ScramTurns {
  /** The server's answers, for servers that get them wrong: what is right comes in. */
  readonly first?: (right: string) => string;
  readonly final?: (right: string) => string;
}

/** What the server hears and says in a SCRAM exchange. A new one begins with each `<auth/>`. */
export function scramExchange(hash: HashName, config: Partial<ScramServerConfig> = {}) {
  let server: ScramServer;
  const hearsAuth = expects(function scramAuth(event) {
    if (event.kind !== 'element' || !event.element.is('auth', NS.sasl)) return `no <auth/>`;
    const { mechanism } = event.element.attrs;
    if (!mechanism?.startsWith(`SCRAM-${hash}`)) return `mechanism ${mechanism}`;
    server = new ScramServer({
      hash,
      username: 'alice',
      password: PASSWORD,
      salt: Buffer.from('grains of salt'),
      ...config,
    });
    return { first: server.first(plainText(event.element.text())) };
  });
  const hearsProof = expects(function scramProof(event) {
    if (event.kind !== 'element' || !event.element.is('response', NS.sasl)) return `no <response/>`;
    return { final: server.final(plainText(event.element.text())) };
  });
  return {
    hearsAuth,
    challenges: (first = (right: string) => right) => reply(({ first: right }) => challenge(base64(first(right!)))),
    hearsProof,
    succeeds: (final = (right: string) => right) => reply(({ final: right }) => success(base64(final(right!)))),
  };
}

export function scram(hash: HashName, config: Partial<ScramServerConfig> = {}): Script {
  const { hearsAuth, challenges, hearsProof, succeeds } = scramExchange(hash, config);
  return [hearsAuth, challenges(), hearsProof, succeeds()];
}

/** Takes one `<auth/>` with this initial response, and answers. */
export const auth = (mechanism: string, initial: string, answer: Reply = success()): Script => [
  exchange([
    `<auth xmlns='${NS.sasl}' mechanism='${mechanism}'>${initial === '' ? '=' : base64(initial)}</auth>`,
    answer,
  ]),
];

/** Awaits our stream error, whatever its text. */
export const hearsStreamError = (condition: string) =>
  expects(
    `<stream:error><${condition} xmlns='${NS.streams}'/><text xmlns='${NS.streams}' xml:lang='en'>*</text></stream:error>`,
  );

export const hearsBind = (resource?: string) =>
  expects(
    `<iq type='set' id='{bind}'><bind xmlns='${NS.bind}'>${resource ? `<resource>${resource}</resource>` : ''}</bind></iq>`,
  );
export const binds = (jid = BOUND): Script => [hearsBind(), reply(bindResult(jid))];
export const establishes = (): Script => [
  exchange([`<iq type='set' id='{session}'>${LEGACY_SESSION}</iq>`, `<iq type='result' id='{session}'/>`]),
];

const SCRAM_256 = mechanisms('SCRAM-SHA-1', 'SCRAM-SHA-256');

/** From direct TLS to bound, in few bytes: for what comes after. Needs `tls: true` of the transport. */
export const goesOnline = (...more: Script): Script => [
  opens(SHORT_SASL, { secure: true }),
  auth('EXTERNAL', ''),
  opens(features(BIND), { secure: true }),
  binds(),
  ...more,
];
const SHORT_SASL = features(mechanisms('EXTERNAL'));

/** One turn of the server: what it hears, and what it then says. */
export interface Turn {
  readonly name: string;
  /** The phase that the client is in while the server is due to speak. */
  readonly phase: Phase;
  readonly hears: Script;
  readonly says: ScriptStep;
}

/** All turns of a server from the header to online: STARTTLS, SCRAM-SHA-256, bind and the legacy session. */
export function turns(): readonly Turn[] {
  const { hearsAuth, challenges, hearsProof, succeeds } = scramExchange('SHA-256');
  const secure = { secure: true };
  return [
    { name: 'header', phase: 'open', hears: [expects(clientHeader())], says: reply(serverHeader()) },
    { name: 'features', phase: 'features', hears: [], says: reply(features(STARTTLS)) },
    { name: 'proceed', phase: 'starttls', hears: [expects(STARTTLS)], says: reply(PROCEED) },
    { name: 'handshake', phase: 'tls', hears: [], says: startTls() },
    { name: 'header over TLS', phase: 'open', hears: [expects(clientHeader(secure))], says: reply(serverHeader()) },
    { name: 'features over TLS', phase: 'features', hears: [], says: reply(features(SCRAM_256)) },
    { name: 'challenge', phase: 'sasl', hears: [hearsAuth], says: challenges() },
    { name: 'success', phase: 'sasl', hears: [hearsProof], says: succeeds() },
    { name: 'header after SASL', phase: 'open', hears: [expects(clientHeader(secure))], says: reply(serverHeader()) },
    {
      name: 'features after SASL',
      phase: 'features',
      hears: [],
      says: reply(features(BIND, LEGACY_SESSION)),
    },
    { name: 'bind', phase: 'bind', hears: [hearsBind()], says: reply(bindResult()) },
    {
      name: 'legacy session',
      phase: 'bind',
      hears: [expects(`<iq type='set' id='{session}'>${LEGACY_SESSION}</iq>`)],
      says: reply(`<iq type='result' id='{session}'/>`),
    },
  ];
}

/** The script up to where the server is due to speak in this turn. */
export function upTo(name: string, { latency }: { latency?: number } = {}): Script {
  const all = turns();
  const index = all.findIndex((turn) => turn.name === name);
  if (index < 0) throw new Error(`there is no turn ${name}`);
  const before = all.slice(0, index).map(({ hears, says }) => [...hears, says]);
  return slow([...before, all[index]!.hears], latency);
}

/** The whole way from the header to online. */
export const lifetime = ({ latency }: { latency?: number } = {}): Script =>
  slow(
    turns().map(({ hears, says }) => [...hears, says]),
    latency,
  );

/** Lets time pass before each word of the server. */
export function slow(script: Script, latency?: number): Script {
  if (latency === undefined) return script;
  return script.flatMap((entry): Script => {
    if (!('step' in entry)) return slow(entry, latency);
    return entry.step === 'reply' || entry.step === 'start-tls' ? [{ step: 'after', ms: latency }, entry] : [entry];
  });
}
