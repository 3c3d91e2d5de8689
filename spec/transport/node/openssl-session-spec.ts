import { EventEmitter } from 'node:events';
import type { TLSSocket } from 'node:tls';
import { certificateIn, hasExtendedMasterSecret } from '../../../lib/transport/node/openssl-session.js';
import { TlsSessions } from '../../../lib/transport/node/tls-sessions.js';

const der = (tag: number, ...content: readonly Uint8Array[]) => {
  const bytes = Buffer.concat(content);
  const length = bytes.length < 0x80 ? [bytes.length] : [0x82, bytes.length >> 8, bytes.length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), bytes]);
};

const CERTIFICATE = der(0x30, Buffer.alloc(600, 7));
const session = (flags: number) =>
  der(0x30, der(0x02, Buffer.from([1])), der(0xa3, CERTIFICATE), der(0xad, der(0x02, Buffer.from([flags]))));

/** As Node has it since 22.23, 24.17 and 26.3. */
const named = (host: string, bytes: Uint8Array) =>
  Buffer.concat([Buffer.from('\0nodejs:tls:session:1\0'), Buffer.from([0, host.length]), Buffer.from(host), bytes]);

describe('a TLS session', () => {
  it.each<[string, (bytes: Uint8Array) => Uint8Array]>([
    ['of OpenSSL', (bytes) => bytes],
    ['with the name of the server in front', (bytes) => named('example.org', bytes)],
    ['with a name of 48 octets, whose length looks like a sequence', (bytes) => named('a'.repeat(0x30), bytes)],
    ['with a name that looks like sequences', (bytes) => named('0a.00.0xmpp0', bytes)],
  ])('%s, tells of the certificate and of the extended master secret', (_, as) => {
    expect(Buffer.from(certificateIn(as(session(1)))!)).toEqual(CERTIFICATE);
    expect([1, 2, 3].map((flags) => hasExtendedMasterSecret(as(session(flags))))).toEqual([true, false, true]);
  });

  const others: readonly [string, Uint8Array | undefined][] = [
    ['none', undefined],
    ['nothing', Buffer.alloc(0)],
    ['something else', Buffer.from('a session of another kind, 0 of 1')],
    ['one that is cut', named('example.org', session(1)).subarray(0, -1)],
    ['one with something behind it', Buffer.concat([named('example.org', session(1)), Buffer.from([0])])],
    ['one without either', der(0x30, der(0x02, Buffer.from([1])))],
  ];

  it.each(others)('%s: of neither', (_, bytes) => {
    expect([certificateIn(bytes), hasExtendedMasterSecret(bytes)]).toEqual([undefined, false]);
  });

  it('that does not tell of the certificate is not kept: resumed, it would be refused', () => {
    const [sessions, socket] = [new TlsSessions(), new EventEmitter()];
    sessions.keep('example.org', socket as TLSSocket);
    for (const [, bytes] of others) if (bytes) socket.emit('session', bytes);
    expect(sessions.take('example.org')).toBeUndefined();
    socket.emit('session', named('example.org', session(0)));
    expect(sessions.take('example.org')).toEqual(named('example.org', session(0)));
  });
});
