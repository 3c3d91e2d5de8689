import { PassThrough } from 'node:stream';
import tls from 'node:tls';
import { NEVER } from 'rxjs';
import type { XmppError } from '../../../lib/errors/xmpp-error.js';
import { tcp, websocket, type TcpConfig } from '../../../lib/transport/node/index.js';
import { connectContext } from '../../support/connect-context.js';
import { watch } from '../../support/watch.js';

function outcome(config: object): string {
  try {
    return tcp(config as TcpConfig).name;
  } catch (error) {
    const { layer, condition, text } = error as XmppError;
    return `${layer} ${condition} ${text}`;
  }
}

describe('options of tcp()', () => {
  it.each<[string, object]>([
    ['none', {}],
    ['those that are undefined', { host: undefined, port: undefined, linger: undefined, security: undefined }],
    ['a host', { host: 'a.example' }],
    ['the first port, and the last', { port: 1, localPort: 65_535 }],
    ['the other way round', { port: 65_535, localPort: 1 }],
    ['an address to connect from', { localAddress: '127.0.0.1' }],
    ['one of IPv6', { localAddress: '::1' }],
    ['both families', { family: 0 }],
    ['IPv4', { family: 4 }],
    ['IPv6', { family: 6 }],
    ['STARTTLS', { security: 'starttls' }],
    ['direct TLS', { security: 'direct' }],
    ['no TLS', { security: 'none' }],
    ['no head start', { attemptDelay: 0 }],
    ['no linger', { linger: 0 }],
    ['the longest linger', { linger: 2 ** 31 - 1 }],
    ['endless linger', { linger: Infinity }],
    ['a path', { path: '/run/xmpp' }],
    ['a duplex', { duplex: new PassThrough() }],
    ['the others', { tls: {}, verifyPeer: () => [true], resumeTls: true, resolver: { srv: () => NEVER } }],
  ])('takes %s', (_, config) => {
    expect(outcome(config)).toBe('tcp');
  });

  it.each<[object, string]>([
    [{ hots: 'a.example' }, '`hots`'],
    [{ toString: 1 }, '`toString`'],
    [{ host: '' }, '`host`'],
    [{ host: 7 }, '`host`'],
    [{ port: 0 }, '`port`'],
    [{ port: 65_536 }, '`port`'],
    [{ port: 1.5 }, '`port`'],
    [{ port: '5222' }, '`port`'],
    [{ localPort: 0 }, '`localPort`'],
    [{ localPort: 65_536 }, '`localPort`'],
    [{ localAddress: 'a.example' }, '`localAddress`'],
    [{ family: 5 }, '`family`'],
    [{ security: 'tls' }, '`security`'],
    [{ attemptDelay: -1 }, '`attemptDelay`'],
    [{ attemptDelay: '1' }, '`attemptDelay`'],
    [{ attemptDelay: NaN }, '`attemptDelay`'],
    [{ linger: -1 }, '`linger`'],
    [{ linger: 2 ** 31 }, '`linger`'],
    [{ linger: NaN }, '`linger`'],
    [{ host: 'a', path: '/b' }, '`path`'],
    [{ port: 1, path: '/b' }, '`path`'],
    [{ host: 'a', duplex: new PassThrough() }, '`duplex`'],
    [{ path: '/b', duplex: new PassThrough() }, '`duplex`'],
  ])('refuses %j, and says which it is', (config, named) => {
    const told = outcome(config);
    expect(told).toMatch(/^usage bad-tcp-option /);
    expect(told).toContain(named);
  });

  it('reads certificates and keys at once where some are given, and is nothing to OpenSSL where none are', () => {
    const made = jest.spyOn(tls, 'createSecureContext');
    for (const config of [{}, { tls: {} }, { tls: { ca: undefined }, resumeTls: true }]) tcp(config);
    expect(made).not.toHaveBeenCalled();
    tcp({ tls: { ciphers: 'ECDHE-RSA-AES256-GCM-SHA384' } });
    expect(made).toHaveBeenCalledTimes(1);
    made.mockRestore();
  });

  it('refuses direct TLS where the policy rules TLS out', () => {
    const attempt = watch(tcp({ security: 'direct', host: 'a' }).connect(connectContext({ tls: 'disabled' })));
    expect(attempt.error).toMatchObject({ layer: 'usage', condition: 'bad-tcp-option' });
    expect((attempt.error as XmppError).text).toMatch(/`security: 'direct'`.*`tls: 'disabled'`/);
  });

  it('refuses TLS options of a WebSocket that could not get them', () => {
    expect(() => websocket({ tls: {}, WebSocketCtor: class {} as never })).toThrow(
      expect.objectContaining({ condition: 'bad-option', text: expect.stringMatching(/`tls`.*`WebSocketCtor`/) }),
    );
  });
});
