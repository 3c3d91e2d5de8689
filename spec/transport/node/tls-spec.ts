import { createHash, X509Certificate } from 'node:crypto';
import { connect as connectSocket } from 'node:net';
import {
  checkServerIdentity as checkOfNode,
  connect,
  createSecureContext,
  type TlsOptions as ServerTlsOptions,
} from 'node:tls';
import { EMPTY, NEVER, of, throwError, VirtualTimeScheduler, type ObservableInput } from 'rxjs';
import type { XmppError } from '../../../lib/errors/xmpp-error.js';
import { pinSpki, tcp, type TcpConfig } from '../../../lib/transport/node/index.js';
import type { Connection, ConnectContext } from '../../../lib/transport/transport.js';
import {
  authority,
  selfSigned,
  type Authority,
  type CertificateRequest,
  type Identity,
} from '../../support/certificates.js';
import { connectContext, traceLines } from '../../support/connect-context.js';
import { once, secureServerSocket, tcpServer, tlsServer, type LoopbackServer } from '../../support/loopback.js';
import { watch, type Watch } from '../../support/watch.js';

let ca: Authority;
let good: Identity;
beforeAll(async () => {
  ca = await authority();
  good = await ca.issue({ dns: ['example.org'] });
});

const servers: LoopbackServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

/** Echoes what it gets, and ends when the client does. */
async function direct(tls: ServerTlsOptions): Promise<LoopbackServer> {
  const server = await tlsServer(tls, (socket) =>
    socket.on('data', (data) => socket.write(data)).on('end', () => socket.end()),
  );
  servers.push(server);
  return server;
}

/** Takes anything for `<starttls/>`, and is under TLS then; all that it got in clear is kept. */
async function starttls(tls: ServerTlsOptions): Promise<LoopbackServer & { readonly clear: string[] }> {
  const clear: string[] = [];
  const server = await tcpServer((socket) => {
    socket.once('data', (data) => {
      clear.push(String(data));
      socket.pause();
      socket.write('<proceed/>', () => {
        const secured = secureServerSocket(socket, tls);
        secured.on('data', (chunk) => secured.write(chunk)).on('end', () => secured.end());
      });
    });
  });
  servers.push(server);
  return { ...server, clear };
}

/** The layers above: ask, await `<proceed/>`, let go of the input, start TLS. */
async function proceed(connection: Connection): Promise<Connection['startTls']> {
  connection.write('<starttls/>');
  await new Promise<void>((resolve) => {
    const subscription = connection.input$.subscribe((chunk) => {
      expect(Buffer.from(chunk as Uint8Array).toString()).toBe('<proceed/>');
      subscription.unsubscribe();
      resolve();
    });
  });
  return connection.startTls;
}

type Outcome = Partial<Connection> & Partial<XmppError>;

async function secureDirectly(server: LoopbackServer, config: TcpConfig, context = connectContext()): Promise<Outcome> {
  const attempt = watch(tcp({ host: '127.0.0.1', port: server.port, security: 'direct', ...config }).connect(context));
  const outcome = await attempt.first.catch((error: XmppError) => error);
  attempt.unsubscribe();
  return outcome;
}

async function secureByStartTls(
  server: LoopbackServer,
  config: TcpConfig,
  context = connectContext(),
): Promise<Outcome> {
  const attempt = watch(tcp({ host: '127.0.0.1', port: server.port, ...config }).connect(context));
  const startTls = await proceed(await attempt.first);
  const secured = watch(startTls!());
  const outcome = await secured.first.catch((error: XmppError) => error);
  secured.unsubscribe();
  attempt.unsubscribe();
  return outcome;
}

/** Something there and back: a reset that overtakes the last words of the handshake is taken for an end. */
async function echoed(connection: Connection): Promise<void> {
  connection.write('ping');
  while (connection.bytesReceived < 4) await new Promise(setImmediate);
}

/** What is in between, and can reset the connection. */
async function relay(to: LoopbackServer): Promise<LoopbackServer> {
  const server = await tcpServer((socket) => {
    const onward = connectSocket(to.port, '127.0.0.1').on('error', () => undefined);
    socket.pipe(onward).pipe(socket);
    socket.on('close', () => onward.destroy());
  });
  servers.push(server);
  return server;
}

const secured = { tls: expect.objectContaining({ protocol: 'TLSv1.3' }) };
const refused = (condition: string) => ({ name: 'TlsError', condition, phase: 'tls', retryable: false });

type Issue = CertificateRequest & { readonly by?: 'another CA' | 'itself' };

describe('D14: certificates are verified against the domain of the JID, whatever host is dialled (T3)', () => {
  const matrix: [string, Issue, string | undefined][] = [
    ['for the domain', { dns: ['example.org'] }, undefined],
    ['for the host that is dialled, by name and address', { dns: ['localhost'], ip: ['127.0.0.1'] }, 'wrong-identity'],
    ['for another domain', { dns: ['example.net'] }, 'wrong-identity'],
    ['for subdomains', { dns: ['*.example.org'] }, 'wrong-identity'],
    ['for all of a TLD', { dns: ['*.org'] }, undefined],
    ['common name only', { commonName: 'example.org' }, 'wrong-identity'],
    ['XmppAddr', { xmpp: ['example.org'] }, undefined],
    ['SRVName', { srv: ['_xmpp-client.example.org'] }, undefined],
    ['expired', { dns: ['example.org'], from: -3, to: -1 }, 'certificate-expired'],
    ['not yet valid', { dns: ['example.org'], from: 1, to: 3 }, 'untrusted-certificate'],
    ['for clients', { dns: ['example.org'], usage: 'client' }, 'untrusted-certificate'],
    ['of a CA that is not trusted', { dns: ['example.org'], by: 'another CA' }, 'untrusted-certificate'],
    ['self-signed', { dns: ['example.org'], by: 'itself' }, 'untrusted-certificate'],
  ];

  const issue = async ({ by, ...request }: Issue) => {
    if (by === 'itself') return selfSigned(request);
    return (by === 'another CA' ? await authority('another CA') : ca).issue(request);
  };

  describe.each([
    ['direct TLS', direct, secureDirectly],
    ['STARTTLS', starttls, secureByStartTls],
  ] as const)('%s', (_, serve, secure) => {
    it.each(matrix)('%s', async (__, request, condition) => {
      const outcome = await secure(await serve(await issue(request)), { tls: { ca: ca.cert } });
      expect(outcome).toMatchObject(condition === undefined ? secured : refused(condition));
    });
  });

  it('accepts an IP address as domain, without SNI', async () => {
    const names: unknown[] = [];
    const certificate = await ca.issue({ ip: ['127.0.0.1'] });
    const server = await direct({
      ...certificate,
      SNICallback: (name, done) => done(null, (names.push(name), undefined)),
    });
    const context = connectContext({ domain: '127.0.0.1' });
    expect(await secureDirectly(server, { tls: { ca: ca.cert } }, context)).toMatchObject(secured);
    expect(names).toEqual([]);
  });

  it('says what to do', async () => {
    const texts = await Promise.all(
      matrix.map(async ([name, request, condition]) => {
        if (condition === undefined) return [];
        const outcome = await secureDirectly(await direct(await issue(request)), { tls: { ca: ca.cert } });
        return [`${name}: ${(outcome as XmppError).text.replace(/:\d+/, ':PORT')}`];
      }),
    );
    expect(texts.flat()).toEqual([
      "for the host that is dialled, by name and address: the server's certificate is for localhost, 127.0.0.1, not for example.org, the domain of the JID",
      "for another domain: the server's certificate is for example.net, not for example.org, the domain of the JID",
      "for subdomains: the server's certificate is for *.example.org, not for example.org, the domain of the JID",
      "common name only: the server's certificate is for no domain (it has no subjectAltName), not for example.org, the domain of the JID",
      'expired: the certificate of 127.0.0.1:PORT has expired; its operator must renew it',
      "not yet valid: the certificate of 127.0.0.1:PORT is not valid yet; is this machine's clock right?",
      'for clients: the certificate of 127.0.0.1:PORT is not for TLS servers',
      'of a CA that is not trusted: the certificate of 127.0.0.1:PORT leads to no trusted CA (UNABLE_TO_VERIFY_LEAF_SIGNATURE); if it is a private one, pass its certificate as `tls: { ca }`',
      'self-signed: the certificate of 127.0.0.1:PORT is self-signed; if that is meant to be so, pass it as `tls: { ca }`',
    ]);
  });
});

describe('TLS options', () => {
  it.each<[string, TcpConfig['tls'], object]>([
    ['undefined verifies (T4)', { rejectUnauthorized: undefined }, refused('untrusted-certificate')],
    ['null verifies (T4)', { rejectUnauthorized: null as never }, refused('untrusted-certificate')],
    ['0 verifies', { rejectUnauthorized: 0 as never }, refused('untrusted-certificate')],
    ['an empty text verifies', { rejectUnauthorized: '' as never }, refused('untrusted-certificate')],
    ['true verifies', { rejectUnauthorized: true }, refused('untrusted-certificate')],
    ['false itself does not', { rejectUnauthorized: false }, secured],
  ])('rejectUnauthorized: %s', async (_, tls, expected) => {
    expect(await secureDirectly(await direct(good), { tls })).toMatchObject(expected);
  });

  it('heeds no NODE_TLS_REJECT_UNAUTHORIZED (T4)', async () => {
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    try {
      expect(await secureDirectly(await direct(good), {})).toMatchObject(refused('untrusted-certificate'));
    } finally {
      delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    }
  });

  it('D14: lets no option change which name is asked for and verified', async () => {
    const names: string[] = [];
    const certificate = await ca.issue({ dns: ['evil.example'] });
    const server = await direct({
      ...certificate,
      SNICallback: (name, done) => done(null, (names.push(name), undefined)),
    });
    const tls = { ca: ca.cert, servername: 'evil.example', host: 'evil.example', port: 1, path: '/nowhere' };
    expect(await secureDirectly(server, { tls })).toMatchObject(refused('wrong-identity'));
    expect(names).toEqual(['example.org']);
  });

  it('calls `checkServerIdentity` with the domain, in place of the check of ours', async () => {
    const server = await direct(await ca.issue({ dns: ['example.net'] }));
    const checkServerIdentity = jest.fn(() => undefined);
    expect(await secureDirectly(server, { tls: { ca: ca.cert, checkServerIdentity } })).toMatchObject(secured);
    expect(checkServerIdentity.mock.calls).toEqual([
      ['example.org', expect.objectContaining({ subjectaltname: 'DNS:example.net' })],
    ]);
  });

  it.each<[string, () => Error]>([
    ['returns', () => new Error('no')],
    [
      'throws',
      () => {
        throw new Error('no');
      },
    ],
  ])('refuses what `checkServerIdentity` refuses: it %s an error', async (_, checkServerIdentity) => {
    const outcome = await secureDirectly(await direct(good), { tls: { ca: ca.cert, checkServerIdentity } });
    expect(outcome).toMatchObject({ ...refused('wrong-identity'), cause: new Error('no') });
  });

  it('presents a client certificate', async () => {
    const client = await ca.issue({ xmpp: ['romeo@example.org'], usage: 'client' });
    const server = await direct({ ...good, ca: ca.cert, requestCert: true, rejectUnauthorized: true });
    expect(await secureDirectly(server, { tls: { ca: ca.cert, ...client } })).toMatchObject(secured);
  });

  it('speaks no TLS 1.1 unless it is asked to', async () => {
    const old = await direct({ ...good, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' });
    expect(await secureDirectly(old, { tls: { ca: ca.cert } })).toMatchObject(refused('handshake-failed'));
    const tls = { ca: ca.cert, minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    expect(await secureDirectly(old, { tls })).toMatchObject({ tls: { protocol: 'TLSv1.1' } });
  });

  it('refuses a CA in DER, which Node would pass over', () => {
    const { raw } = new X509Certificate(ca.cert);
    for (const given of [raw, [ca.cert, raw]]) {
      expect(() => tcp({ tls: { ca: given } })).toThrow(/^bad-tls-options: `tls.ca` .*PEM/);
    }
    const octets = new Uint8Array(Buffer.from(ca.cert));
    expect(() => tcp({ tls: { ca: octets as Buffer } })).not.toThrow();
  });

  it('makes a secure context once, and takes a given one', async () => {
    const server = await direct(good);
    const secureContext = createSecureContext({ ca: ca.cert });
    expect(await secureDirectly(server, { tls: { secureContext } })).toMatchObject(secured);
  });

  it('checks the identity of a resumed session too', async () => {
    const server = await direct({ ...good, maxVersion: 'TLSv1.2' });
    // As an application would keep it: from a socket of its own.
    const own = connect({
      port: server.port,
      host: '127.0.0.1',
      ca: ca.cert,
      servername: 'example.org',
      maxVersion: 'TLSv1.2',
    });
    await once(own, 'secureConnect');
    const session = own.getSession();
    own.destroy();
    const tls = { ca: ca.cert, session, maxVersion: 'TLSv1.2' } as const;
    expect(await secureDirectly(server, { tls })).toMatchObject({ tls: { resumed: true } });
    const context = connectContext({ domain: 'example.net' });
    expect(await secureDirectly(server, { tls }, context)).toMatchObject(refused('wrong-identity'));
  });
});

describe('verifyPeer', () => {
  it.each<[string, () => ObservableInput<boolean>, object]>([
    ['true', () => of(true), secured],
    ['true, later', () => Promise.resolve(true), secured],
    ['false', () => of(false), refused('untrusted-certificate')],
    ['something else', () => of('yes') as never, refused('untrusted-certificate')],
    ['nothing', () => EMPTY, refused('untrusted-certificate')],
    ['an error', () => throwError(() => new Error('no')), refused('untrusted-certificate')],
    [
      'an exception',
      () => {
        throw new Error('no');
      },
      refused('untrusted-certificate'),
    ],
  ])('%s', async (_, verifyPeer, expected) => {
    expect(await secureDirectly(await direct(good), { tls: { ca: ca.cert }, verifyPeer })).toMatchObject(expected);
  });

  it('is shown the certificate, once that is found good', async () => {
    const verifyPeer = jest.fn(() => of(true));
    await secureDirectly(await direct(good), { tls: { ca: ca.cert }, verifyPeer });
    await secureDirectly(await direct(good), { verifyPeer });
    expect(verifyPeer.mock.calls).toEqual([[expect.objectContaining({ subjectaltname: 'DNS:example.org' })]]);
  });

  it('is bounded with the handshake, and unsubscribed', async () => {
    const scheduler = new VirtualTimeScheduler();
    const server = await direct(good);
    let attempt!: Watch<Connection>;
    const asked = new Promise<void>((resolve) => {
      const verifyPeer = () => {
        resolve();
        return NEVER;
      };
      const context = connectContext({ scheduler, timeouts: { tls: 70 } });
      const config = {
        host: '127.0.0.1',
        port: server.port,
        security: 'direct',
        tls: { ca: ca.cert },
        verifyPeer,
      } as const;
      attempt = watch(tcp(config).connect(context));
    });
    await asked;
    scheduler.flush();
    expect(attempt.error).toMatchObject({ name: 'XmppTimeoutError', phase: 'tls', due: 70 });
  });
});

describe('pinSpki', () => {
  const pinOf = ({ cert }: Identity) =>
    createHash('sha256')
      .update(new X509Certificate(cert).publicKey.export({ type: 'spki', format: 'der' }))
      .digest('base64');
  const pinned = async (...pins: string[]) =>
    secureDirectly(await direct(good), { tls: { ca: ca.cert }, verifyPeer: pinSpki(...pins) });

  it('accepts the pinned key, among others and in any spelling', async () => {
    const other = pinOf(await ca.issue({ dns: ['example.org'] }));
    const url = Buffer.from(pinOf(good), 'base64').toString('base64url');
    for (const pins of [[pinOf(good)], [other, `sha256/${pinOf(good)}`], [`sha256//${pinOf(good)}`], [url]]) {
      expect(await pinned(...pins)).toMatchObject(secured);
    }
  });

  it('refuses another key of the same CA for the same name', async () => {
    const other = await ca.issue({ dns: ['example.org'] });
    expect(await pinned(pinOf(other))).toMatchObject(refused('untrusted-certificate'));
  });

  it('replaces no other check', async () => {
    const verifyPeer = pinSpki(pinOf(good));
    expect(await secureDirectly(await direct(good), { verifyPeer })).toMatchObject(refused('untrusted-certificate'));
  });

  it('is what the trace tells', async () => {
    const outcome = await secureDirectly(await direct(good), { tls: { ca: ca.cert } });
    expect(outcome).toMatchObject({ tls: { certificate: { publicKeySha256: pinOf(good) } } });
  });

  it.each(['', 'sha256/', 'sha256//'])('takes a pin that begins with a slash behind %j', (prefix) => {
    for (const end of ['8', '8=']) {
      expect(() => pinSpki(`${prefix}${'/'.repeat(42)}${end}`)).not.toThrow();
      expect(() => pinSpki(`${prefix}${'/'.repeat(40)}${end}`)).toThrow('bad-pin');
    }
  });

  it.each([[[]], [['sha1/AAAA']], [['']], [['nothing at all']], [['*'.repeat(43)]], [[`sha1/${'A'.repeat(43)}=`]]])(
    'refuses %j as pins',
    (pins) => {
      expect(() => pinSpki(...pins)).toThrow('bad-pin');
    },
  );
});

describe('resumeTls', () => {
  const kept = (server: LoopbackServer, config: TcpConfig = {}) =>
    tcp({ host: '127.0.0.1', port: server.port, security: 'direct', tls: { ca: ca.cert }, resumeTls: true, ...config });
  /** Connects, and awaits the answer to what it says: by then the session has come. */
  const visit = async (transport: ReturnType<typeof tcp>, domain = 'example.org') => {
    const attempt = watch(transport.connect(connectContext({ domain })));
    try {
      const connection = await attempt.first;
      const answered = new Promise((resolve) => {
        const reading = connection.input$.subscribe(() => {
          reading.unsubscribe();
          resolve(undefined);
        });
      });
      connection.write('hello');
      await answered;
      return connection.tls!;
    } finally {
      attempt.unsubscribe();
    }
  };

  it.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'resumes the session of an earlier connection, by %s',
    async (maxVersion) => {
      const server = await direct({ ...good, maxVersion });
      const seen: unknown[] = [];
      const transport = kept(server, {
        verifyPeer: ({ subjectaltname }) => {
          seen.push(subjectaltname);
          return of(true);
        },
      });
      const [first, second] = [await visit(transport), await visit(transport)];
      expect([first.resumed, second.resumed, second.protocol]).toEqual([false, true, maxVersion]);
      // The certificate is told and verified all the same.
      expect([second.certificate, seen]).toEqual([first.certificate, ['DNS:example.org', 'DNS:example.org']]);
    },
  );

  it('shows `checkServerIdentity` the certificate of the session', async () => {
    const server = await direct(good);
    const asked = jest.fn(checkOfNode);
    const transport = kept(server, { tls: { ca: ca.cert, checkServerIdentity: asked } });
    expect([(await visit(transport)).resumed, (await visit(transport)).resumed]).toEqual([false, true]);
    const shown = ['example.org', expect.objectContaining({ subjectaltname: 'DNS:example.org' })];
    expect(asked.mock.calls).toEqual([shown, shown]);
  });

  it('neither with another domain, nor with another transport, nor unless it is asked for', async () => {
    const server = await direct(await ca.issue({ dns: ['example.org', 'example.net'] }));
    const transport = kept(server);
    await visit(transport);
    expect((await visit(transport, 'example.net')).resumed).toBe(false);
    expect((await visit(kept(server))).resumed).toBe(false);
    const without = kept(server, { resumeTls: false });
    await visit(without);
    expect((await visit(without)).resumed).toBe(false);
  });
});

describe('direct TLS (XEP-0368)', () => {
  it('asks for the domain (SNI) and for the protocol xmpp-client (ALPN), and tells of both in the trace', async () => {
    const names: string[] = [];
    const server = await direct({
      ...good,
      ALPNProtocols: ['xmpp-client'],
      SNICallback: (name, done) => done(null, (names.push(name), undefined)),
    });
    const { trace, lines } = traceLines();
    const outcome = await secureDirectly(server, { tls: { ca: ca.cert } }, connectContext({ trace }));
    expect(names).toEqual(['example.org']);
    expect(outcome.tls).toEqual({
      protocol: 'TLSv1.3',
      cipher: 'TLS_AES_256_GCM_SHA384',
      alpn: 'xmpp-client',
      resumed: false,
      certificate: {
        subject: '',
        issuer: 'CN=rxmpp specs',
        validTo: expect.stringContaining('GMT'),
        fingerprint256: expect.stringMatching(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/),
        validFrom: expect.stringContaining('GMT'),
        names: ['DNS:example.org'],
        publicKeySha256: expect.stringMatching(/^[A-Za-z0-9+/]{43}=$/),
      },
    });
    expect(lines.map((line) => line.split(' ')[0])).toEqual(['connecting', 'connected', 'securing', 'secured']);
  });

  it('accepts a server that knows no ALPN, and says so where one refuses', async () => {
    expect(await secureDirectly(await direct(good), { tls: { ca: ca.cert } })).toMatchObject({
      tls: { alpn: undefined },
    });
    const http = await direct({ ...good, ALPNProtocols: ['h2'] });
    expect(await secureDirectly(http, { tls: { ca: ca.cert } })).toMatchObject({
      ...refused('handshake-failed'),
      text: expect.stringContaining('ALPN'),
    });
  });

  it('carries data, and ends in order', async () => {
    const server = await direct(good);
    const attempt = watch(
      tcp({ host: '127.0.0.1', port: server.port, security: 'direct', tls: { ca: ca.cert } }).connect(connectContext()),
    );
    const connection = await attempt.first;
    expect(connection.startTls).toBeUndefined();
    const input = watch(connection.input$);
    await new Promise<void>((resolve) => connection.write('ping', resolve));
    while (connection.bytesReceived < 4) await new Promise(setImmediate);
    connection.end();
    await attempt.ended;
    expect([attempt.log, input.log, connection.bytesSent, connection.bytesReceived]).toEqual([
      ['next', 'complete'],
      ['next', 'complete'],
      4,
      4,
    ]);
  });

  it('flushes on unsubscribe', async () => {
    const server = await tlsServer(good);
    servers.push(server);
    const attempt = watch(
      tcp({ host: '127.0.0.1', port: server.port, security: 'direct', tls: { ca: ca.cert } }).connect(connectContext()),
    );
    const connection = await attempt.first;
    const socket = await server.next();
    let received = '';
    socket.on('data', (chunk) => (received += String(chunk)));
    connection.write('last words');
    attempt.unsubscribe();
    await once(socket, 'end');
    expect(received).toBe('last words');
    socket.end();
    await once(socket, 'close');
    expect(attempt.log).toEqual(['next']);
  });

  it('errors on a reset, the input first', async () => {
    const server = await relay(await direct(good));
    const attempt = watch(
      tcp({ host: '127.0.0.1', port: server.port, security: 'direct', tls: { ca: ca.cert } }).connect(connectContext()),
    );
    const order: string[] = [];
    const connection = await attempt.first;
    connection.input$.subscribe({
      error: (error: XmppError) => order.push(`${error.condition}, attempt: ${attempt.log.join()}`),
    });
    await echoed(connection);
    server.sockets[0]!.resetAndDestroy();
    await attempt.ended;
    expect(order).toEqual(['connection-reset, attempt: next']);
    expect(attempt.error).toMatchObject({ condition: 'connection-reset', phase: undefined, retryable: true });
  });

  it('goes on to STARTTLS on the next target where a certificate is refused', async () => {
    const bad = await direct(await ca.issue({ dns: ['example.net'] }));
    const plain = await starttls(good);
    const resolver = {
      srv: (name: string) =>
        of([
          {
            name: 'h',
            port: name.startsWith('_xmpps') ? bad.port : plain.port,
            priority: name.startsWith('_xmpps') ? 1 : 2,
            weight: 0,
          },
        ]),
      addresses: () => of([{ address: '127.0.0.1', family: 4 } as const]),
    };
    const { trace, lines } = traceLines();
    const attempt = watch(tcp({ resolver, tls: { ca: ca.cert } }).connect(connectContext({ trace })));
    await attempt.first;
    attempt.unsubscribe();
    expect(lines).toContain('target-failed h direct wrong-identity');
    expect(lines.at(-1)).toBe('connected h starttls 127.0.0.1');
  });
});

describe('STARTTLS', () => {
  it('turns a connection into a secure one, with the domain as SNI and without ALPN', async () => {
    const names: string[] = [];
    const server = await starttls({
      ...good,
      ALPNProtocols: ['xmpp-client'],
      SNICallback: (name, done) => done(null, (names.push(name), undefined)),
    });
    const attempt = watch(
      tcp({ host: '127.0.0.1', port: server.port, tls: { ca: ca.cert } }).connect(connectContext()),
    );
    const secure = watch((await proceed(await attempt.first))!());
    const connection = await secure.first;
    expect(connection.tls).toMatchObject({ protocol: 'TLSv1.3', alpn: undefined });
    expect(connection.startTls).toBeUndefined();
    const input = watch(connection.input$);
    connection.write('<auth/>');
    while (connection.bytesReceived < 7) await new Promise(setImmediate);
    connection.end();
    await Promise.all([secure.ended, attempt.ended]);
    expect([secure.log, attempt.log, input.log]).toEqual([
      ['next', 'complete'],
      ['next', 'complete'],
      ['next', 'complete'],
    ]);
    expect([names, server.clear]).toEqual([['example.org'], ['<starttls/>']]);
  });

  it('writes nothing in clear once TLS is started, and starts it once', async () => {
    const server = await starttls(good);
    const attempt = watch(
      tcp({ host: '127.0.0.1', port: server.port, tls: { ca: ca.cert } }).connect(connectContext()),
    );
    const plain = await attempt.first;
    const secure = watch((await proceed(plain))!());
    plain.write('<auth/>');
    plain.end();
    const connection = await secure.first;
    expect(watch(plain.startTls!()).error).toMatchObject({ name: 'UsageError', condition: 'tls-started' });
    watch(connection.input$);
    await echoed(connection);
    expect([server.clear, plain.bufferedBytes]).toEqual([['<starttls/>'], 0]);
    secure.unsubscribe();
    attempt.unsubscribe();
  });

  it('tells a loss through the secure connection alone', async () => {
    const server = await relay(await starttls(good));
    const attempt = watch(
      tcp({ host: '127.0.0.1', port: server.port, tls: { ca: ca.cert } }).connect(connectContext()),
    );
    const secure = watch((await proceed(await attempt.first))!());
    const connection = await secure.first;
    watch(connection.input$);
    await echoed(connection);
    server.sockets[0]!.resetAndDestroy();
    await Promise.all([secure.ended, attempt.ended]);
    expect(secure.error).toMatchObject({ condition: 'connection-reset' });
    expect(attempt.log).toEqual(['next', 'complete']);
  });

  it('closes the socket where the secure connection is unsubscribed, or the attempt as a whole', async () => {
    for (const order of ['inner first', 'outer first']) {
      const server = await starttls(good);
      const attempt = watch(
        tcp({ host: '127.0.0.1', port: server.port, tls: { ca: ca.cert } }).connect(connectContext()),
      );
      const secure = watch((await proceed(await attempt.first))!());
      const connection = await secure.first;
      connection.write('last words');
      const watched = order === 'inner first' ? [secure, attempt] : [attempt, secure];
      for (const one of watched) one.unsubscribe();
      await once(server.sockets[0]!, 'close');
      expect([attempt.log, secure.log]).toEqual([['next'], ['next']]);
    }
  });

  it('refuses what is there before TLS is started (T2, CVE-2011-0411)', async () => {
    const server = await tcpServer((socket) => socket.once('data', () => socket.write('<proceed/>')));
    servers.push(server);
    const attempt = watch(
      tcp({ host: '127.0.0.1', port: server.port, tls: { ca: ca.cert } }).connect(connectContext()),
    );
    const connection = await attempt.first;
    const startTls = await proceed(connection);
    await new Promise<void>((resolve) => server.sockets[0]!.write('<injected/>', () => resolve()));
    // A reader that leaves at once: it takes nothing, but the socket has it by then.
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    const secure = watch(startTls!());
    expect(secure.error).toMatchObject({ name: 'TlsError', condition: 'data-after-proceed' });
    attempt.unsubscribe();
  });

  it('fails where data in clear comes in place of the handshake (T2)', async () => {
    const server = await tcpServer((socket) =>
      socket.once('data', () => {
        socket.write('<proceed/>');
        socket.once('data', () => socket.write('<stream:features/>'));
      }),
    );
    servers.push(server);
    expect(await secureByStartTls(server, {})).toMatchObject({
      ...refused('handshake-failed'),
      text: expect.stringContaining('does not speak TLS'),
    });
  });
});

describe('a handshake that does not end well', () => {
  async function against(onSocket: Parameters<typeof tcpServer>[0], context?: ConnectContext): Promise<Outcome> {
    const server = await tcpServer(onSocket);
    servers.push(server);
    return secureDirectly(server, {}, context);
  }

  it.each<[string, string]>([
    [
      'an XMPP server without direct TLS',
      "<?xml version='1.0'?><stream:stream xmlns:stream='http://etherx.jabber.org/streams'>",
    ],
    ['an HTTP server', 'HTTP/1.1 400 Bad Request\r\n\r\n'],
    ['an SSH server', 'SSH-2.0-OpenSSH_9.6\r\n'],
  ])('%s', async (_, greeting) => {
    expect(await against((socket) => socket.write(greeting))).toMatchObject({
      ...refused('handshake-failed'),
      text: expect.stringMatching(/does not speak TLS on this port; try `security: 'starttls'`$/),
    });
  });

  it('a peer that ends', async () => {
    expect(await against((socket) => socket.resume().once('data', () => socket.end()))).toMatchObject({
      name: 'TransportError',
      condition: 'connection-reset',
      phase: 'tls',
      retryable: true,
    });
  });

  it('a peer that resets', async () => {
    expect(await against((socket) => socket.resume().once('data', () => socket.resetAndDestroy()))).toMatchObject({
      name: 'TransportError',
      condition: 'connection-reset',
      phase: 'tls',
      retryable: true,
    });
  });

  it('no cipher in common', async () => {
    const server = await direct({ ...good, maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' });
    const tls = { ca: ca.cert, ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384' };
    expect(await secureDirectly(server, { tls })).toMatchObject(refused('handshake-failed'));
  });

  it('a mute peer: bounded (T9), and the socket closed', async () => {
    const scheduler = new VirtualTimeScheduler();
    const server = await tcpServer();
    servers.push(server);
    const context = connectContext({ scheduler, timeouts: { tls: 70 } });
    const attempt = watch(tcp({ host: '127.0.0.1', port: server.port, security: 'direct' }).connect(context));
    const socket = await server.next();
    await new Promise((resolve) => socket.once('data', resolve));
    scheduler.flush();
    expect(attempt.error).toMatchObject({ name: 'XmppTimeoutError', phase: 'tls', due: 70, retryable: true });
    expect(String(attempt.error)).toContain(`127.0.0.1:${server.port} did not finish the TLS handshake within 70 ms`);
    await once(
      socket.resume().on('end', () => socket.end()),
      'close',
    );
  });

  it('unsubscribed in mid-handshake: the socket is closed, and nobody told (T10)', async () => {
    const server = await tcpServer();
    servers.push(server);
    const attempt = watch(tcp({ host: '127.0.0.1', port: server.port, security: 'direct' }).connect(connectContext()));
    const socket = await server.next();
    await new Promise((resolve) => socket.once('data', resolve));
    attempt.unsubscribe();
    socket.write('garbage');
    await once(
      socket.resume().on('end', () => socket.end()),
      'close',
    );
    expect(attempt.log).toEqual([]);
  });

  it('leaves no handle after 200 handshakes given up at every stage', async () => {
    // A server that lets go of a handshake which is given up.
    const server = await direct({ ...good, allowHalfOpen: false } as ServerTlsOptions);
    const config = { host: '127.0.0.1', port: server.port, security: 'direct', tls: { ca: ca.cert } } as const;
    const transport = tcp(config);
    const handles = () =>
      process.getActiveResourcesInfo().filter((kind) => /TCPSocket|TLS|Shutdown|Connect/.test(kind));
    const scheduler = new VirtualTimeScheduler();
    for (let turn = 0; turn < 200; turn++) {
      const attempt = watch(transport.connect(connectContext({ scheduler })));
      if (turn % 20 === 19) (await attempt.first).write('a');
      else for (let wait = 0; wait < turn % 20; wait++) await new Promise(setImmediate);
      attempt.unsubscribe();
    }
    while (handles().length > 0) await new Promise(setImmediate);
    expect(scheduler.actions.filter(({ closed }) => !closed)).toEqual([]);
  });
});
