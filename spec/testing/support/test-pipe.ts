import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import { VirtualTimeScheduler } from 'rxjs';
import { XmppServer, type PipeTls, type ServerPipe, type XmppServerOptions } from '../../../lib/testing.js';

/** The client's end of a pipe, by hand: texts in, texts out, at once. */
export class TestPipe implements ServerPipe {
  readonly framing: 'stream' | 'frames';
  /** All that the server has written since `take` was called last. */
  output = '';
  /** Everything that it has ever written. */
  readonly messages: string[] = [];
  ended = false;
  destroyed = false;
  tlsStarted = false;
  startTls?: () => void = () => {
    this.tlsStarted = true;
  };
  clientIdentities?: () => readonly string[];
  channelBinding?: ServerPipe['channelBinding'];
  /** How input is cut: whole, or octet by octet. */
  everyByte = false;
  #data: (data: Uint8Array | string) => void = () => undefined;
  #close: (error?: unknown) => void = () => undefined;

  constructor(framing: 'stream' | 'frames' = 'stream') {
    this.framing = framing;
  }

  write(data: string | Uint8Array): void {
    if (this.ended || this.destroyed) throw new Error('written after the end');
    const text = typeof data === 'string' ? data : Buffer.from(data).toString();
    this.output += text;
    this.messages.push(text);
  }

  end(): void {
    if (this.ended) throw new Error('ended twice');
    this.ended = true;
  }

  destroy(): void {
    this.destroyed = true;
  }

  onData(listener: (data: Uint8Array | string) => void): void {
    this.#data = listener;
  }

  onClose(listener: (error?: unknown) => void): void {
    this.#close = listener;
  }

  // The client's side.

  send(text: string): this {
    if (this.framing === 'frames') this.#data(text);
    else if (this.everyByte) for (const octet of Buffer.from(text)) this.#data(Uint8Array.of(octet));
    else this.#data(Buffer.from(text));
    return this;
  }

  sendBytes(bytes: Uint8Array): this {
    this.#data(bytes);
    return this;
  }

  /** What came since. */
  take(): string {
    const { output } = this;
    this.output = '';
    return output;
  }

  /** The connection is lost, or has ended on both sides. */
  close(): this {
    this.#close();
    return this;
  }
}

export const HEADER = `<stream:stream to='example.org' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>`;
export const SERVER_HEADER = `<?xml version='1.0'?><stream:stream xmlns:stream='http://etherx.jabber.org/streams' id='000000000000000000000000' from='example.org' version='1.0' xml:lang='en' xmlns='jabber:client'>`;

export const b64 = (text: string): string => Buffer.from(text).toString('base64');
export const unb64 = (text: string): string => Buffer.from(text, 'base64').toString();

/** The client's half of SCRAM, for the specs alone. */
export class ScramClient {
  readonly first: string;
  readonly gs2: string;
  #signature = '';

  constructor(
    readonly hash: 'sha1' | 'sha256' | 'sha512',
    readonly user: string,
    readonly password: string,
    gs2 = 'n,,',
    readonly bindingData: Uint8Array = new Uint8Array(0),
  ) {
    this.gs2 = gs2;
    this.first = `${gs2}n=${user},r=client`;
  }

  /** The answer to a challenge; `change` spoils it. */
  final(serverFirst: string, change: (message: string) => string = (message) => message): string {
    const parts = Object.fromEntries(serverFirst.split(',').map((part) => [part[0], part.slice(2)]));
    const length = { sha1: 20, sha256: 32, sha512: 64 }[this.hash];
    const salt = Buffer.from(parts.s!, 'base64');
    const salted = pbkdf2Sync(this.password, salt, Number(parts.i), length, this.hash);
    const hmac = (key: Uint8Array, text: string) => createHmac(this.hash, key).update(text).digest();
    const clientKey = hmac(salted, 'Client Key');
    const storedKey = createHash(this.hash).update(clientKey).digest();
    const binding = Buffer.concat([Buffer.from(this.gs2), this.bindingData]).toString('base64');
    const withoutProof = `c=${binding},r=${parts.r}`;
    const auth = `${this.first.slice(this.gs2.length)},${serverFirst},${withoutProof}`;
    const signature = hmac(storedKey, auth);
    const proof = Buffer.from(clientKey.map((octet, index) => octet ^ signature[index]!)).toString('base64');
    this.#signature = `v=${hmac(hmac(salted, 'Server Key'), auth).toString('base64')}`;
    return change(`${withoutProof},p=${proof}`);
  }

  /** What the server must prove itself with. */
  get signature(): string {
    return this.#signature;
  }
}

export interface TestServer {
  readonly server: XmppServer;
  readonly scheduler: VirtualTimeScheduler;
  /** Accepts a pipe. */
  connect(options?: { tls?: PipeTls; framing?: 'stream' | 'frames'; pipe?: TestPipe }): TestPipe;
  /** Authenticates and binds; what was said so far is taken. */
  bind(account: string, resource: string, pipe?: TestPipe): TestPipe;
  /** Authenticates and stops before bind. */
  authenticate(account: string, pipe?: TestPipe): TestPipe;
  /** Binds and sends initial presence. */
  online(account: string, resource: string, presence?: string): TestPipe;
  /** Lets virtual time pass. */
  pass(ms: number): void;
}

export function testServer(options: XmppServerOptions = {}): TestServer {
  const scheduler = new VirtualTimeScheduler();
  const server = new XmppServer({
    domain: 'example.org',
    accounts: { alice: 'wonder', bob: 'build', carol: 'sing' },
    random: () => 0,
    scheduler,
    tls: 'optional',
    ...options,
  });
  const passwords: Record<string, string> = { alice: 'wonder', bob: 'build', carol: 'sing' };
  const connect: TestServer['connect'] = ({ tls = 'active', framing, pipe = new TestPipe(framing) } = {}) => {
    server.accept(pipe, { tls });
    return pipe;
  };
  const authenticate: TestServer['authenticate'] = (account, pipe = connect()) => {
    pipe.send(HEADER);
    pipe.send(
      `<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${b64(`\0${account}\0${passwords[account]}`)}</auth>`,
    );
    pipe.send(HEADER).take();
    return pipe;
  };
  const bind: TestServer['bind'] = (account, resource, pipe) => {
    const bound = authenticate(account, pipe);
    bound.send(
      `<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>${resource}</resource></bind></iq>`,
    );
    if (!bound.take().includes(`<jid>${account}@example.org/${resource}</jid>`)) throw new Error('not bound');
    return bound;
  };
  return {
    server,
    scheduler,
    connect,
    authenticate,
    bind,
    online(account, resource, presence = '<presence/>') {
      const pipe = bind(account, resource).send(presence);
      pipe.take();
      return pipe;
    },
    pass(ms) {
      scheduler.maxFrames = scheduler.now() + ms;
      scheduler.flush();
      // Flushing stops at the last action; time goes on.
      scheduler.frame = scheduler.maxFrames;
    },
  };
}
