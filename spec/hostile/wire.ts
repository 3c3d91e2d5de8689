import { expects, mute, reply, run, startTls, type Reply, type Script, type ScriptStep } from '../../lib/testing.js';
import type { HashName } from '../../lib/crypto/crypto.js';
import { NS } from '../../lib/xml/index.js';
import type { ScramServerConfig } from '../support/scram-server.js';
import {
  BIND,
  BOUND,
  DOMAIN,
  mechanisms,
  PROCEED,
  scramExchange,
  serverHeader,
  STARTTLS,
  base64,
  challenge,
  success,
} from '../support/wire.js';

/** How client and server are linked: TCP with STARTTLS, TCP with TLS at once, WebSocket. */
export type Link = 'starttls' | 'direct' | 'frames';
export const LINKS: readonly Link[] = ['starttls', 'direct', 'frames'];

/** What the server can do to a link beside writing. */
export interface Host {
  /** The bytes are TLS from here on. */
  startTls(): void;
}

/** The id of the stanza that says that a session has survived. */
export const SURVIVED = 'survived';

/**
 * The server's words as each link spells them. What it hears it hardly looks at, so that any client can be attacked.
 */
export class Wire {
  constructor(
    readonly link: Link,
    readonly host: Host = { startTls: () => undefined },
  ) {}

  get frames(): boolean {
    return this.link === 'frames';
  }

  header(attrs: Readonly<Record<string, string | null>> = {}): string {
    if (!this.frames) return serverHeader(attrs);
    const all = { id: 's1', from: DOMAIN, version: '1.0', ...attrs, xmlns: NS.framing, 'xmlns:stream': null };
    const given = Object.entries(all).filter(([, value]) => value !== null);
    return `<open ${given.map(([name, value]) => `${name}='${value}'`).join(' ')}/>`;
  }

  features(...advertised: string[]): string {
    return this.#stream('features', advertised.join(''));
  }

  streamError(condition: string, content = ''): string {
    return this.#stream('error', `<${condition} xmlns='${NS.streams}'>${content}</${condition}>`);
  }

  /** A stanza, given as over TCP. */
  stanza(text: string): string {
    return this.frames ? text.replace(/^<([\w.-]+)(?![^>]*\sxmlns=)/, `<$1 xmlns='${NS.client}'`) : text;
  }

  message(body: string, attrs = `from='bob@example.org/phone' to='${BOUND}'`): string {
    return this.stanza(`<message ${attrs}><body>${body}</body></message>`);
  }

  get footer(): string {
    return this.frames ? `<close xmlns='${NS.framing}'/>` : '</stream:stream>';
  }

  #stream(name: string, content: string): string {
    return `<stream:${name}${this.frames ? ` xmlns:stream='${NS.stream}'` : ''}>${content}</stream:${name}>`;
  }

  // What the server hears.

  readonly hearsHeader: ScriptStep = expects(function header(event) {
    return event.kind === 'open' || `${event.kind} in place of a header`;
  });

  hears(name: string): ScriptStep {
    return expects(
      Object.defineProperty(
        (event: { kind: string; element?: { name: string; attrs: Readonly<Record<string, string | undefined>> } }) =>
          event.element?.name === name
            ? { [`${name}Id`]: event.element.attrs.id ?? 'none' }
            : `${event.element?.name ?? event.kind} in place of ${name}`,
        'name',
        { value: `<${name}/>` },
      ),
    );
  }

  /** Anything but white space. */
  readonly hearsSomething: ScriptStep = expects(function something(event) {
    return { heard: event.kind === 'element' ? event.element.name : event.kind };
  });

  // The way to a session, in pieces.

  /** Up to where the server is due to speak first: in clear where there is STARTTLS. */
  readonly opens: Script = [this.hearsHeader];

  /** Up to where the server is due to speak first over TLS. */
  secures(): Script {
    if (this.link !== 'starttls') return this.opens;
    return [
      this.opens,
      reply(this.header(), this.features(`<starttls xmlns='${NS.tls}'><required/></starttls>`)),
      this.hears('starttls'),
      reply(PROCEED),
      this.shakesHands(),
      this.hearsHeader,
    ];
  }

  shakesHands(): Script {
    return [run(() => this.host.startTls()), startTls()];
  }

  /** Up to the offer of these mechanisms. */
  offers(...names: string[]): Script {
    return [this.secures(), reply(this.header(), this.features(mechanisms(...names)))];
  }

  /** Up to where a challenge is due. */
  hearsAuth(hash: HashName = 'SHA-1', config: Partial<ScramServerConfig> = {}) {
    const exchange = scramExchange(hash, config);
    return { ...exchange, script: [this.offers(`SCRAM-${hash}`), exchange.hearsAuth] as Script };
  }

  /** Up to where `<success/>` is due, and that. */
  authenticates(): Script {
    const { script, challenges, hearsProof, succeeds } = this.hearsAuth();
    return [script, challenges(), hearsProof, succeeds()];
  }

  /** Up to where the server is due to speak on the authenticated stream. */
  reopens(): Script {
    return [this.authenticates(), this.hearsHeader];
  }

  /** Up to where the answer to bind is due. */
  hearsBind(...more: string[]): Script {
    return [this.reopens(), reply(this.header(), this.features(BIND, ...more)), this.hears('iq')];
  }

  bound(jid = BOUND): string {
    return this.stanza(`<iq type='result' id='{iqId}'><bind xmlns='${NS.bind}'><jid>${jid}</jid></bind></iq>`);
  }

  online(...more: string[]): Script {
    return [this.hearsBind(...more), reply(this.bound())];
  }

  /** With stream management. */
  managed(enabled = `<enabled xmlns='${NS.sm}'/>`): Script {
    return [this.online(`<sm xmlns='${NS.sm}'/>`), this.hears('enable'), reply(enabled)];
  }

  /** Says that it is over, and that the session goes on. */
  survives(): Script {
    return [reply(this.stanza(`<message id='${SURVIVED}' from='${DOMAIN}'/>`)), mute()];
  }
}

export { base64, challenge, success, STARTTLS, PROCEED, mechanisms, reply, mute, run };
export type { Reply, Script };
