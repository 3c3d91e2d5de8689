import { WebSocket } from 'ws';
import type { XmppOptions } from '../../../lib/client/options.js';
import { webCrypto } from '../../../lib/crypto/web-crypto.js';
import type { Session } from '../../../lib/session/session.js';
import { tcp } from '../../../lib/transport/node/index.js';
import type { WebSocketCtor } from '../../../lib/transport/websocket/web-socket-like.js';
import { websocket } from '../../../lib/transport/websocket/websocket.js';
import { NS, xml } from '../../../lib/xml/index.js';
import type { RealServer } from '../../servers/index.js';
import { DOMAIN, PASSWORD } from '../../support/wire.js';
import type { Attack, Result } from '../attack.js';
import { Attempt } from '../attempt.js';
import { relay, RELAY_LINKS, type Meddling, type Relay, type RelayLink } from '../relay.js';
import type { Special } from '../special.js';
import { SURVIVED } from '../wire.js';

/** What real servers are started with, to be attacked at. */
export const SETTINGS = { domain: DOMAIN, users: { alice: PASSWORD } } as const;

/** Real milliseconds after which whatever is not over hangs. */
const PATIENCE = 30_000;
const SHORT = 250;

interface InBetween extends Meddling, Pick<Attack, 'row' | 'name' | 'ends' | 'notes' | 'noProof' | 'use'> {
  readonly over?: readonly RelayLink[];
  /** What is done once the client is online. */
  readonly online?: (relay: Relay, link: RelayLink) => void;
  readonly options?: Partial<XmppOptions>;
  /** The host that the certificate in between is for. */
  readonly host?: string;
}

const FRAMED = ` xmlns='${NS.client}'`;
const message = (link: RelayLink, attrs: string, content = ''): string =>
  `<message${link === 'ws' ? FRAMED : ''} ${attrs}>${content}</message>`;

const survive = (relay: Relay, link: RelayLink) => relay.say(message(link, `id='${SURVIVED}' from='${DOMAIN}'`));
/** By a message to ourselves, which comes back from the server. */
const endure = (session: Session) =>
  session.send(xml('message', { to: session.jid.toString(), id: SURVIVED }, xml('body', {}, 'x')));
const base64 = (text: string) => Buffer.from(text).toString('base64');
/** Changes what an element holds, as text behind base64. */
const within = (name: string, change: (text: string) => string) => (said: string) =>
  said.replace(new RegExp(`(<${name}\\b[^>]*>)([^<]+)(</${name}>)`), (_, open: string, data: string, close: string) =>
    [open, base64(change(Buffer.from(data, 'base64').toString())), close].join(''),
  );

/** Of STARTTLS. */
const OFFER = /<starttls[^>]*\/>|<starttls[^]*<\/starttls>/;

const CLEAR = ['tcp'] as const;
const OCTETS = ['tls'] as const;
const READABLE = ['tls', 'ws'] as const;

const IN_BETWEEN: readonly InBetween[] = [
  {
    row: 'T1',
    name: 'STARTTLS stripped from the features: asked for all the same, and granted',
    over: CLEAR,
    down: (said) => said.replace(OFFER, ''),
    ends: ['online'],
  },
  {
    row: 'T1',
    name: 'STARTTLS stripped, and refused in the name of the server',
    over: CLEAR,
    down: (said) =>
      said
        .replace(OFFER, `<mechanisms xmlns='${NS.sasl}'><mechanism>PLAIN</mechanism></mechanisms>`)
        .replace(/<proceed[^>]*>/, `<failure xmlns='${NS.tls}'/></stream:stream>`),
    ends: ['tls tls-unavailable (starttls)'],
  },
  {
    row: 'T2',
    name: 'a stanza behind <proceed/>',
    over: CLEAR,
    down: (said) => said.replace(/<proceed[^>]*>/, `$&${message('tcp', `from='${DOMAIN}'`)}`),
    ends: ['tls data-after-proceed (starttls)', 'tls handshake-failed (tls)'],
  },
  {
    row: 'T3',
    name: 'a certificate for another host',
    over: OCTETS,
    host: 'evil.example.net',
    ends: ['tls wrong-identity (tls)'],
  },
  {
    row: 'T8',
    name: 'nothing passes any more',
    options: { keepAlive: { idle: SHORT, timeout: SHORT } },
    online: (between) => between.mute(),
    ends: ['timeout timeout (online)'],
  },
  {
    row: 'S9',
    name: 'cut in the midst of a stanza',
    over: OCTETS,
    online: (between) => {
      between.say('<message><bo');
      setTimeout(() => between.cut(), 20);
    },
    ends: ['transport connection-closed (online)', 'transport connection-reset (online)'],
  },
  {
    row: 'A1',
    name: 'PLAIN in place of all mechanisms',
    over: READABLE,
    noProof: true,
    down: (said) => said.replace(/(<mechanisms[^>]*>).*(<\/mechanisms>)/s, '$1<mechanism>PLAIN</mechanism>$2'),
    ends: ['sasl no-mechanism (sasl)'],
  },
  {
    row: 'A3',
    // Prosody 0.12 and ejabberd 23.01 know no channel binding of TLS 1.3: there is nothing to notice it by. Later ones refuse.
    name: 'TLS ends in between, with a certificate that we trust',
    over: OCTETS,
    ends: ['online', 'sasl not-authorized (sasl)', 'sasl server-not-authentic (sasl)'],
  },
  {
    row: 'A4',
    name: 'success in place of the challenge',
    over: READABLE,
    noProof: true,
    down: (said) => said.replace(/<challenge[^]*<\/challenge>/, `<success xmlns='${NS.sasl}'/>`),
    ends: ['sasl server-not-authentic (sasl)'],
  },
  {
    row: 'A4',
    name: "another server's signature",
    over: READABLE,
    down: within('success', (text) => text.replace(/^v=.{4}/, 'v=AAAA')),
    ends: ['sasl server-not-authentic (sasl)'],
  },
  {
    row: 'A5',
    name: 'fewer iterations',
    over: READABLE,
    noProof: true,
    down: within('challenge', (text) => text.replace(/i=\d+/, 'i=1')),
    ends: ['sasl bad-challenge (sasl)'],
  },
  {
    row: 'A6',
    name: 'another nonce',
    over: READABLE,
    noProof: true,
    down: within('challenge', (text) => text.replace(/^r=.{4}/, 'r=AAAA')),
    ends: ['sasl bad-challenge (sasl)'],
  },
  {
    row: 'X1',
    name: 'a document type before the features',
    over: ['tcp', 'ws'],
    down: (said) => said.replace(/<stream:features/, '<!DOCTYPE x>$&'),
    ends: ['stream restricted-xml (features)'],
  },
  {
    row: 'X1',
    name: 'a comment between stanzas',
    over: READABLE,
    online: (between) => between.say('<!-- -->'),
    ends: ['stream restricted-xml (online)'],
  },
  {
    row: 'X2',
    name: 'a stanza of more than the limit',
    over: READABLE,
    online: (between, link) => between.say(message(link, '', `<body>${'x'.repeat(1_100_000)}</body>`)),
    ends: ['stream policy-violation (online)'],
  },
  {
    row: 'X3',
    name: 'octets that are no UTF-8',
    over: OCTETS,
    online: (between) => between.say('<message><body>\xc0\x80</body></message>'),
    ends: ['stream unsupported-encoding (online)'],
  },
  {
    row: 'X4',
    name: 'another stream header',
    over: READABLE,
    online: (between) =>
      between.say(`<stream:stream xmlns='${NS.client}' xmlns:stream='${NS.stream}' id='x' version='1.0'>`),
    ends: ['stream bad-format (online)'],
  },
  {
    row: 'S1',
    name: "a stranger's answer before the server's",
    over: READABLE,
    answer: (said) => {
      const [, id] = /<iq\b(?=[^>]*type=.get)[^>]*\bid=['"]([^'"]+)/.exec(said) ?? [];
      if (id === undefined) return undefined;
      return `<iq${FRAMED} type='result' id='${id}' from='mallory@evil.example.net/x'><query xmlns='forged'/></iq>`;
    },
    use: (session, note) =>
      session.iq('get', xml('query', { xmlns: 'jabber:iq:roster' })).subscribe({
        next: (answer) => note(answer.child('query')?.xmlns ?? 'nothing'),
        error: (error: unknown) => note(String(error)),
        complete: () => endure(session),
      }),
    online: () => undefined,
    // Stanzas that the server did not count would end the stream by themselves.
    options: { streamManagement: false },
    notes: ['jabber:iq:roster'],
    ends: ['online'],
  },
  {
    row: 'S8',
    name: 'more acknowledged than was sent',
    over: READABLE,
    online: (between) => between.say(`<a xmlns='${NS.sm}' h='1000'/>`),
    ends: ['stream undefined-condition (online)'],
  },
  {
    row: 'S8',
    name: 'a thousand requests for an acknowledgement',
    over: READABLE,
    online: (between, link) => {
      for (let index = 0; index < 1_000; index++) between.say(`<r xmlns='${NS.sm}'/>`);
      survive(between, link);
    },
    ends: ['online'],
  },
];

/** One of them, against a server that runs. */
async function play(attack: InBetween, link: RelayLink, server: RealServer): Promise<Result> {
  const certificate = server.authority.issue('between', [attack.host ?? DOMAIN]);
  const between = await relay(server, link, certificate, attack);
  let attempt!: Attempt;
  const transport =
    link === 'ws'
      ? websocket({
          url: `ws://127.0.0.1:${between.port}/xmpp-websocket`,
          WebSocketCtor: WebSocket as unknown as WebSocketCtor,
        })
      : tcp({
          host: '127.0.0.1',
          port: between.port,
          security: link === 'tls' ? 'direct' : 'starttls',
          tls: { ca: server.ca },
        });
  const use = (session: Session, note: (text: string) => void) => {
    attack.use?.(session, note);
    if (attack.online) attack.online(between, link);
    else endure(session);
  };
  try {
    await new Promise<void>((done) => {
      const timer = setTimeout(done, PATIENCE);
      const settled = () => {
        clearTimeout(timer);
        setImmediate(done);
      };
      attempt = new Attempt(
        { ...attack, use, script: () => [], options: { crypto: webCrypto(), ...attack.options } } as unknown as Attack,
        { transport, timeouts: { close: SHORT } },
        settled,
      );
    });
    attempt.release();
    const log = between.heard.map((text) => ({ time: 0, direction: 'out' as const, text }));
    return attempt.result({ log }, link === 'tcp' ? log.length : undefined);
  } finally {
    await between.close();
  }
}

/** Somebody between rxmpp and this server. */
export function inBetween(server: RealServer): readonly Special[] {
  return IN_BETWEEN.flatMap((attack) =>
    (attack.over ?? RELAY_LINKS).map((link): Special => {
      const { row, name, ends, notes } = attack;
      return {
        row,
        name: `in between: ${name}`,
        via: `${server.name} ${link}`,
        ends,
        notes,
        play: () => play(attack, link, server),
      };
    }),
  );
}
