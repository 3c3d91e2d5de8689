import type { XmppClientOptions } from '../../lib/client/client-options.js';
import type { Session } from '../../lib/session/session.js';
import type { MemoryLink, MemoryTransport } from '../../lib/testing/memory/memory-transport.js';
import type { XmppServerOptions } from '../../lib/testing/server/options.js';
import type { XmppServer } from '../../lib/testing/server/xmpp-server.js';
import { xml } from '../../lib/xml/xml.js';

export const PASSWORD = 'a pass word';
/** Milliseconds of each way. */
export const LATENCY = 10;

/** A conversation that always goes the same way, as long as the network lets it. */
export interface Scenario {
  readonly name: string;
  readonly server?: XmppServerOptions;
  readonly link?: MemoryLink;
  readonly options?: Partial<XmppClientOptions>;
  /** Milliseconds that the look-up before each connection takes. Default 0. */
  readonly lookUp?: (connection: number) => number;
  /** Milliseconds that the conversation lasts where nothing is in its way. Default 3,000. */
  readonly length?: number;
  /** Whether `xmppStream` plays it too: what needs no second connection. */
  readonly alone?: boolean;
  /** Whether messages come back, and none may be lost on the way. */
  readonly echoes?: boolean;
  readonly script?: (stage: Stage) => void;
  /** Whether it ends with `close()`; else the client is to be online in the end. */
  readonly closes?: boolean;
  /** What the client tells of a run without faults. */
  readonly trace: string;
}

/** What a scenario directs. */
export interface Stage {
  readonly server: XmppServer;
  readonly transport: MemoryTransport;
  /** Is called with each session, counted from 1. */
  onSession(act: (session: Session, number: number) => void): void;
  after(ms: number, act: () => void): void;
  /** Sends messages that come back. */
  say(count: number): void;
  /** Sends requests. */
  ask(count: number): void;
  close(): void;
}

const scramOnly = (mechanism: string, server: XmppServerOptions = {}) => ({ ...server, mechanisms: [mechanism] });
const overTls = 'connecting opening opened features';
const overStartTls = `${overTls} starting-tls securing secured opening opened features`;
const handshake = (mechanism: string, before = overStartTls, after = 'binding bound online') =>
  `resolving ${before} authenticating ${mechanism} authenticated opening opened features ${after}`;
const again = (after: string) => handshake('SCRAM-SHA-1', overStartTls, after);

const loseAndSpeakOn = (stage: Stage): void => {
  stage.onSession((_session, number) => {
    if (number === 1) {
      stage.say(3);
      stage.after(300, () => {
        stage.say(3);
        // Before anything of it can be acknowledged.
        stage.after(LATENCY * 1.5, () => stage.transport.cut());
        stage.after(LATENCY * 2, () => stage.say(2));
      });
    } else if (number === 2) {
      stage.say(2);
      stage.ask(1);
    }
  });
};

export const scenarios: readonly Scenario[] = [
  ...['SCRAM-SHA-1', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'SCRAM-SHA-256-PLUS'].map((mechanism) => ({
    name: `STARTTLS, ${mechanism}`,
    server: scramOnly(mechanism),
    alone: true,
    trace: handshake(mechanism),
  })),
  {
    name: 'direct TLS, SCRAM-SHA-1-PLUS',
    server: scramOnly('SCRAM-SHA-1-PLUS'),
    link: { security: 'direct' },
    alone: true,
    trace: handshake('SCRAM-SHA-1-PLUS', overTls),
  },
  {
    name: 'WebSocket, SCRAM-SHA-256',
    server: scramOnly('SCRAM-SHA-256'),
    link: { framing: 'frames' },
    alone: true,
    trace: handshake('SCRAM-SHA-256', overTls),
  },
  {
    name: 'STARTTLS, ANONYMOUS',
    server: scramOnly('ANONYMOUS'),
    options: { jid: undefined, domain: 'localhost', credentials: { anonymous: true } },
    alone: true,
    trace: handshake('ANONYMOUS'),
  },
  {
    name: 'STARTTLS, PLAIN',
    server: scramOnly('PLAIN'),
    options: { credentials: { password: PASSWORD, allowPlain: true } },
    alone: true,
    trace: handshake('PLAIN'),
  },
  {
    name: 'legacy session, no stream management',
    server: scramOnly('SCRAM-SHA-1', { legacySession: 'required', streamManagement: false }),
    alone: true,
    script: (stage) =>
      stage.onSession((_session, number) => {
        if (number > 1) return;
        stage.say(2);
        stage.ask(1);
      }),
    trace: handshake('SCRAM-SHA-1'),
  },
  {
    name: 'messages and IQs both ways',
    alone: true,
    echoes: true,
    script: (stage) =>
      stage.onSession((session, number) => {
        if (number > 1) return;
        stage.say(4);
        stage.ask(2);
        const ping = xml('ping', { xmlns: 'urn:xmpp:ping' });
        stage.after(200, () => {
          stage.server.send(session.jid.toString(), xml('iq', { type: 'get', id: 'srv', from: 'localhost' }, ping));
          stage.say(2);
        });
      }),
    trace: handshake('SCRAM-SHA-1'),
  },
  {
    name: 'resume accepted',
    echoes: true,
    script: loseAndSpeakOn,
    trace: `${handshake('SCRAM-SHA-1')} failed ${again('resuming online resumed')}`,
  },
  {
    name: 'resume refused',
    server: { streamManagement: { max: 4 } },
    length: 8_000,
    echoes: true,
    script: (stage) => {
      stage.server.fault({ at: 'resume', do: 'refuse', condition: 'item-not-found', times: 1 });
      loseAndSpeakOn(stage);
    },
    trace: `${handshake('SCRAM-SHA-1')} failed ${again('resuming binding bound online')}`,
  },
  {
    name: 'resume too late',
    server: { streamManagement: { max: 2 } },
    lookUp: (connection) => (connection === 2 ? 4_000 : 0),
    length: 8_000,
    echoes: true,
    script: loseAndSpeakOn,
    trace: `${handshake('SCRAM-SHA-1')} failed ${again('resuming binding bound online')}`,
  },
  {
    name: 'close with a queue',
    alone: true,
    closes: true,
    script: (stage) =>
      stage.onSession((_session, number) => {
        if (number === 1) stage.ask(1);
        stage.say(4);
        stage.close();
      }),
    trace: `${handshake('SCRAM-SHA-1')} closing closed`,
  },
  {
    name: 'server shuts down',
    echoes: true,
    script: (stage) =>
      stage.onSession((_session, number) => {
        stage.say(2);
        if (number > 1) return;
        stage.after(300, () => {
          stage.say(1);
          stage.server.disconnect(undefined, 'system-shutdown');
        });
      }),
    trace: `${handshake('SCRAM-SHA-1')} failed ${again('resuming binding bound online')}`,
  },
];
