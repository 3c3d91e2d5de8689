import { createHook } from 'node:async_hooks';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectTcp, createServer, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls';
import {
  startServer,
  startServerAsync,
  type RunningServer,
  type StartServerOptions,
} from '../../../lib/testing-node.js';
import { b64, HEADER, ScramClient, unb64 } from '../support/test-pipe.js';

const SASL = `xmlns='urn:ietf:params:xml:ns:xmpp-sasl'`;
const STARTTLS = `<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>`;
const BIND = `<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>desk</resource></bind></iq>`;

/** Timers, but for those that the runner has in this process. */
const timers = new Map<number, NodeJS.Timeout>();
const hook = createHook({
  init(id, type, _trigger, timer) {
    if (type === 'Timeout' && !new Error().stack!.includes('/@jest/')) timers.set(id, timer as NodeJS.Timeout);
  },
  destroy(id) {
    timers.delete(id);
  },
});
beforeAll(() => hook.enable());
afterAll(() => hook.disable());

/** What keeps the process alive, once what was closed is gone: handles close in the event loop's next turns. */
async function handles(): Promise<string[]> {
  for (let turn = 0; turn < 10; turn++) await new Promise((done) => setImmediate(done));
  const sockets = process.getActiveResourcesInfo().filter((name) => /TCP|TLS/.test(name));
  const due = [...timers.values()].filter((timer) => timer.hasRef());
  return [...sockets, ...due.map(() => 'Timeout')].sort();
}

/** A client of lines and patterns, without any protocol. */
class Line {
  text = '';
  ended = false;
  error: NodeJS.ErrnoException | undefined;
  readonly closed: Promise<unknown>;
  #waiting: (() => void)[] = [];

  constructor(readonly socket: Socket) {
    const wake = () => this.#waiting.splice(0).forEach((resume) => resume());
    const decoder = new TextDecoder();
    socket.on('data', (data: Buffer) => {
      this.text += decoder.decode(data, { stream: true });
      wake();
    });
    socket.on('end', () => {
      this.ended = true;
      wake();
    });
    socket.on('error', (error) => {
      this.error = error;
      wake();
    });
    this.closed = new Promise((done) => socket.once('close', done));
    void this.closed.then(wake);
  }

  /** Waits for the pattern, and takes all up to its end. */
  async until(pattern: RegExp): Promise<string> {
    for (;;) {
      const found = pattern.exec(this.text);
      if (found) {
        const end = found.index + found[0].length;
        const taken = this.text.slice(0, end);
        this.text = this.text.slice(end);
        return taken;
      }
      if (this.socket.destroyed) throw this.error ?? new Error(`ended after ${this.text}`);
      await new Promise<void>((resume) => this.#waiting.push(resume));
    }
  }

  ask(text: string, pattern: RegExp): Promise<string> {
    this.socket.write(text);
    return this.until(pattern);
  }
}

describe('startServer', () => {
  const open: { close(): unknown }[] = [];
  const start = async (options: StartServerOptions = {}): Promise<RunningServer> => {
    const server = await startServerAsync({
      domain: 'example.org',
      accounts: { alice: 'wonder', bob: 'build' },
      ...options,
    });
    open.push(server);
    return server;
  };
  const line = (socket: Socket): Line => {
    open.push({ close: () => socket.destroy() });
    return new Line(socket);
  };
  const dial = async (server: RunningServer): Promise<Line> => {
    const socket = connectTcp(server.port, '127.0.0.1');
    await once(socket, 'connect');
    return line(socket);
  };
  const direct = async (server: RunningServer, options: ConnectionOptions = {}): Promise<Line> => {
    const socket = connectTls({
      port: server.directPort,
      host: '127.0.0.1',
      ca: server.ca,
      servername: 'example.org',
      ALPNProtocols: ['xmpp-client'],
      ...options,
    });
    await once(socket, 'secureConnect');
    return line(socket);
  };
  const starttls = async (server: RunningServer, options: ConnectionOptions = {}): Promise<Line> => {
    const plain = await dial(server);
    await plain.ask(HEADER, /<\/stream:features>/);
    await plain.ask(STARTTLS, /<proceed [^>]*>/);
    plain.socket.removeAllListeners('data');
    const socket = connectTls({ socket: plain.socket, ca: server.ca, servername: 'example.org', ...options });
    await once(socket, 'secureConnect');
    return line(socket);
  };
  const bindAs = async (client: Line, account: string, password: string): Promise<void> => {
    await client.ask(HEADER, /<\/stream:features>/);
    await client.ask(`<auth ${SASL} mechanism='PLAIN'>${b64(`\0${account}\0${password}`)}</auth>`, /<success[^>]*>/);
    await client.ask(HEADER, /<\/stream:features>/);
    await client.ask(BIND, /<\/iq>/);
  };

  afterEach(async () => {
    await Promise.all(
      open
        .splice(0)
        .reverse()
        .map((one) => one.close()),
    );
  });

  it('speaks TCP with STARTTLS, and TLS at once, to the same sessions', async () => {
    const server = await start();
    const alice = await starttls(server);
    await bindAs(alice, 'alice', 'wonder');
    const bob = await direct(server);
    expect((bob.socket as TLSSocket).alpnProtocol).toBe('xmpp-client');
    await bindAs(bob, 'bob', 'build');
    alice.socket.write(`<message to='bob@example.org/desk'><body>${'ü'.repeat(50_000)}</body></message>`);
    const got = await bob.until(/<\/message>/);
    expect(got).toContain(`from='alice@example.org/desk'`);
    expect(got.match(/ü/g)).toHaveLength(50_000);
    expect(await alice.ask('</stream:stream>', /<\/stream:stream>/)).toBe('</stream:stream>');
    await alice.closed;
    expect(alice.error).toBeUndefined();
    expect(server.server.sessions.map(({ jid }) => jid)).toEqual(['bob@example.org/desk']);
  });

  it.each([
    [
      'tls-exporter',
      (socket: TLSSocket) => socket.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0)),
    ],
    [
      'tls-server-end-point',
      (socket: TLSSocket) => Buffer.from(socket.getPeerX509Certificate()!.fingerprint256.replaceAll(':', ''), 'hex'),
    ],
  ] as const)('binds channels by %s', async (type, data) => {
    const server = await start({ mechanisms: ['SCRAM-SHA-256-PLUS'] });
    const client = await direct(server);
    const features = await client.ask(HEADER, /<\/stream:features>/);
    expect(features).toContain(`<channel-binding type='${type}'/>`);
    const scram = new ScramClient('sha256', 'alice', 'wonder', `p=${type},,`, data(client.socket as TLSSocket));
    const challenge = await client.ask(
      `<auth ${SASL} mechanism='SCRAM-SHA-256-PLUS'>${b64(scram.first)}</auth>`,
      /<\/challenge>/,
    );
    const final = scram.final(unb64(/>([^<]*)<\/challenge>/.exec(challenge)![1]!));
    expect(await client.ask(`<response ${SASL}>${b64(final)}</response>`, /<\/\w+>$/)).toContain(b64(scram.signature));
  });

  it('has no channel binding by export below TLS 1.3', async () => {
    const server = await start({ mechanisms: ['SCRAM-SHA-1-PLUS'], tlsOptions: { maxVersion: 'TLSv1.2' } });
    const features = await (await direct(server)).ask(HEADER, /<\/stream:features>/);
    expect(features).not.toContain('tls-exporter');
    expect(features).toContain('tls-server-end-point');
  });

  it('knows clients by its certificates (EXTERNAL)', async () => {
    const server = await start();
    const { cert, key } = server.clientCertificate('alice');
    const client = await direct(server, { cert, key });
    expect(await client.ask(HEADER, /<\/stream:features>/)).toContain('EXTERNAL');
    await client.ask(`<auth ${SASL} mechanism='EXTERNAL'>=</auth>`, /<success[^>]*>/);
    const other = await start();
    const stranger = await direct(server, other.clientCertificate('alice'));
    expect(await stranger.ask(HEADER, /<\/stream:features>/)).not.toContain('EXTERNAL');
  });

  describe('certificates', () => {
    it('are for the domain, localhost and 127.0.0.1, by a CA of its own', async () => {
      const server = await start({ domain: 'münchen.example' });
      const client = await direct(server, { servername: 'xn--mnchen-3ya.example' });
      const certificate = (client.socket as TLSSocket).getPeerX509Certificate()!;
      expect(certificate.subjectAltName).toBe('DNS:xn--mnchen-3ya.example, DNS:localhost, IP Address:127.0.0.1');
      const ca = new X509Certificate(server.ca);
      expect([ca.ca, certificate.ca]).toEqual([true, false]);
      expect(certificate.checkIssued(ca)).toBe(true);
      expect(certificate.verify(ca.publicKey)).toBe(true);
      expect(certificate.serialNumber).not.toBe(ca.serialNumber);
      expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
    });

    it.each([
      ['expired', { expired: true }, 'CERT_HAS_EXPIRED'],
      ['not valid yet', { notYetValid: true }, 'CERT_NOT_YET_VALID'],
      ['of an unknown CA', { untrusted: true }, /UNABLE_TO|SELF_SIGNED|SIGNATURE/],
      ['for somebody else', { names: ['example.com', '192.0.2.1', '2001:db8::1'] }, 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ])('may be wrong: %s', async (_, certificate, code) => {
      const server = await start({ certificate });
      for (const attempt of [direct, starttls]) {
        const error = await attempt(server).then(
          () => undefined,
          (reason: NodeJS.ErrnoException) => reason.code,
        );
        if (typeof code === 'string') expect(error).toBe(code);
        else expect(error).toMatch(code);
      }
    });

    it('is for the host, too', async () => {
      const server = await start({ host: '127.0.0.2' });
      const client = await direct(server, { host: '127.0.0.2', servername: '' });
      const { subjectAltName } = (client.socket as TLSSocket).getPeerX509Certificate()!;
      expect(subjectAltName).toContain('IP Address:127.0.0.2');
      expect((client.socket as TLSSocket).authorized).toBe(true);
    });

    it('may name anything', async () => {
      const names = ['*.example.org', '10.0.0.1', '::1', '2001:db8::8:800:200c:417a'];
      const server = await start({ certificate: { names } });
      const client = await direct(server, { servername: 'chat.example.org' });
      expect((client.socket as TLSSocket).getPeerX509Certificate()!.subjectAltName).toBe(
        'DNS:*.example.org, IP Address:10.0.0.1, IP Address:0:0:0:0:0:0:0:1, IP Address:2001:DB8:0:0:8:800:200C:417A',
      );
    });
  });

  describe('faults', () => {
    it('refuse and cut with a reset', async () => {
      const server = await start();
      const remove = server.server.fault({ at: 'connect', do: 'refuse' });
      const refused = line(connectTcp(server.port, '127.0.0.1'));
      await refused.closed;
      expect(refused.error?.code).toBe('ECONNRESET');
      remove();
      server.server.fault({ at: 'bind', do: 'cut' });
      const client = await direct(server);
      await expect(bindAs(client, 'alice', 'wonder')).rejects.toMatchObject({ code: 'ECONNRESET' });
      expect(server.server.connections).toBe(0);
    });

    it('end without a footer', async () => {
      const server = await start({ faults: [{ at: 'features', do: 'end' }] });
      const client = await dial(server);
      await client.ask(HEADER, /<stream:stream [^>]*>/);
      await client.closed;
      expect([client.ended, client.error, client.text]).toEqual([true, undefined, '']);
    });

    it('never shake hands', async () => {
      const server = await start({ faults: [{ at: 'tls', do: 'mute' }] });
      const socket = connectTls({
        port: server.directPort,
        host: '127.0.0.1',
        ca: server.ca,
        servername: 'example.org',
      });
      const secured = jest.fn();
      socket.on('secureConnect', secured).on('error', () => undefined);
      await once(socket, 'connect');
      // Another connection is served meanwhile.
      const plain = await dial(server);
      await plain.ask(HEADER, /<\/stream:features>/);
      expect(server.server.connections).toBe(2);
      expect(secured).not.toHaveBeenCalled();
      socket.destroy();
    });

    it('survive clients that speak no XMPP and no TLS', async () => {
      const server = await start();
      const http = await dial(server);
      expect(await http.ask('GET / HTTP/1.1\r\nHost: x\r\n\r\n<', /<\/stream:stream>/)).toContain('not-well-formed');
      const socket = connectTcp(server.directPort, '127.0.0.1');
      socket.on('error', () => undefined).write('<stream:stream>');
      await once(socket, 'close');
      const hasty = await dial(server);
      await hasty.ask(HEADER, /<\/stream:features>/);
      await hasty.ask(STARTTLS, /<proceed [^>]*>/);
      hasty.socket.write(HEADER);
      await hasty.closed;
      expect(server.server.connections).toBe(0);
    });
  });

  it('drops a session whose client is gone, and tells the others', async () => {
    const server = await start();
    const bob = await direct(server);
    await bindAs(bob, 'bob', 'build');
    bob.socket.write('<presence/>');
    const alice = await direct(server);
    await bindAs(alice, 'alice', 'wonder');
    alice.socket.write('<presence/>');
    await bob.until(/<presence from='alice@example.org\/desk'[^>]*>/);
    alice.socket.destroy();
    await bob.until(/<presence from='alice@example.org\/desk' type='unavailable'[^>]*>/);
    expect(server.server.sessions.map(({ jid }) => jid)).toEqual(['bob@example.org/desk']);
  });

  it('listens where it is told to, and says where it cannot', async () => {
    const blocker = createServer().listen(0, '127.0.0.1');
    await once(blocker, 'listening');
    const { port } = blocker.address() as { port: number };
    await expect(startServerAsync({ port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await expect(startServerAsync({ directPort: port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
    blocker.close();
    await once(blocker, 'close');
    const server = await start({ port, directPort: false });
    expect([server.port, server.directPort, server.host, server.domain]).toEqual([port, 0, '127.0.0.1', 'example.org']);
  });

  it('releases everything when closed, with clients in any state', async () => {
    const before = await handles();
    const server = await start();
    const clients = [await dial(server), await starttls(server), await direct(server)];
    await bindAs(clients[2]!, 'alice', 'wonder');
    await clients[2]!.ask(`<enable xmlns='urn:xmpp:sm:3' resume='true'/>`, /<enabled [^>]*>/);
    clients[2]!.socket.destroy();
    await server.close();
    await Promise.all(clients.map(({ closed }) => closed));
    expect(server.server.connections).toBe(0);
    expect(server.server.sessions).toEqual([]);
    expect(await handles()).toEqual(before);
    await server.close();
  });

  it('tells its clients when it is closed', async () => {
    const server = await start();
    const client = await direct(server);
    await bindAs(client, 'alice', 'wonder');
    await server.close();
    expect(await client.until(/<\/stream:stream>/)).toContain('<system-shutdown ');
  });

  it('is disposed of by await using', async () => {
    const server = await start();
    await server[Symbol.asyncDispose]();
    const socket = connectTcp(server.port, '127.0.0.1');
    const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNREFUSED');
  });

  describe('as an observable', () => {
    it('listens while it is subscribed to', async () => {
      let server: RunningServer | undefined;
      const subscription = await new Promise<{ unsubscribe(): void }>((done) => {
        const running = startServer({ domain: 'example.org' }).subscribe((value) => {
          server = value;
          done(running);
        });
      });
      const client = await dial(server!);
      await client.ask(HEADER, /<\/stream:features>/);
      subscription.unsubscribe();
      await client.closed;
      await expect(dial(server!)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    });

    it('does not emit once unsubscribed, and closes what it opened', async () => {
      const next = jest.fn();
      const server$ = startServer();
      const before = await handles();
      server$.subscribe(next).unsubscribe();
      const other = await start();
      await other.close();
      expect(next).not.toHaveBeenCalled();
      expect(await handles()).toEqual(before);
    });

    it('errors where it cannot listen', async () => {
      const { port } = await start();
      const error = await new Promise((done) => startServer({ port }).subscribe({ error: done }));
      expect(error).toMatchObject({ code: 'EADDRINUSE' });
    });
  });
});
