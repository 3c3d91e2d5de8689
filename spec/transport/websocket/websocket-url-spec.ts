import { inspect } from 'node:util';
import { UsageError } from '../../../lib/errors/usage-error.js';
import type { XmppError } from '../../../lib/errors/xmpp-error.js';
import { websocketUrl } from '../../../lib/transport/websocket/websocket-url.js';

function outcome(text: string, allowInsecure = false): unknown {
  try {
    return websocketUrl(text, allowInsecure).secure ?? 'plain';
  } catch (error) {
    return (error as XmppError).condition;
  }
}

describe('websocketUrl', () => {
  it.each([
    ['wss://example.org/ws', 'tls', 'tls'],
    ['WSS://example.org', 'tls', 'tls'],
    ['wss://127.0.0.1:5281/ws', 'tls', 'tls'],
    ['ws://localhost:5280/ws', 'loopback', 'loopback'],
    ['ws://LOCALHOST/ws', 'loopback', 'loopback'],
    ['ws://127.0.0.1/ws', 'loopback', 'loopback'],
    ['ws://127.255.0.3/ws', 'loopback', 'loopback'],
    // The same address by other notations.
    ['ws://127.1/ws', 'loopback', 'loopback'],
    ['ws://0x7f000001/ws', 'loopback', 'loopback'],
    ['ws://[::1]:5280/ws', 'loopback', 'loopback'],
    ['ws://[0:0:0:0:0:0:0:1]/ws', 'loopback', 'loopback'],
    ['ws://example.org/ws', 'insecure-url', 'plain'],
    ['ws://10.0.0.1/ws', 'insecure-url', 'plain'],
    ['ws://0.0.0.0/ws', 'insecure-url', 'plain'],
    ['ws://[::]/ws', 'insecure-url', 'plain'],
    ['ws://[fe80::1]/ws', 'insecure-url', 'plain'],
    // A resolver may ask the network for it.
    ['ws://chat.localhost/ws', 'insecure-url', 'plain'],
    ['ws://localhost.example.org/ws', 'insecure-url', 'plain'],
    ['ws://127.0.0.1.example.org/ws', 'insecure-url', 'plain'],
    ['ws://localhost@example.org/ws', 'bad-url', 'bad-url'],
    ['wss://user:pencil@example.org/ws', 'bad-url', 'bad-url'],
    ['http://localhost/ws', 'bad-url', 'bad-url'],
    ['https://example.org/ws', 'bad-url', 'bad-url'],
    ['aws://localhost/ws', 'bad-url', 'bad-url'],
    ['wss:', 'bad-url', 'bad-url'],
    ['//example.org/ws', 'bad-url', 'bad-url'],
    ['/ws', 'bad-url', 'bad-url'],
    ['', 'bad-url', 'bad-url'],
  ])('%s is %s, and %s with allowInsecure', (text, strict, lenient) => {
    expect([outcome(text), outcome(text, true)]).toEqual([strict, lenient]);
  });

  it.each([
    ['wss://example.org/ws', 443],
    ['ws://localhost/ws', 80],
    ['wss://example.org:5281/ws', 5281],
    ['wss://example.org:443/ws', 443],
  ])('%s has port %i', (text, port) => {
    expect(websocketUrl(text, false).port).toBe(port);
  });

  it('leaves out what the WebSocket API does not take', () => {
    expect(websocketUrl('wss://Example.org/ws?a=b#c', false).href).toBe('wss://example.org/ws?a=b');
  });

  it('shows no token and no password in errors and traces (I11)', () => {
    expect(websocketUrl('wss://example.org/ws?token=pencil', false).shown).toBe('wss://example.org/ws');
    for (const text of [
      'ws://example.org/?pencil',
      'wss://a:pencil@example.org/',
      'wss://pencil:x/',
      'pencil://x/?pencil',
    ]) {
      try {
        websocketUrl(text, false);
        throw new UsageError('spec', `${text} is accepted`);
      } catch (error) {
        expect((error as XmppError).condition).not.toBe('spec');
        if (!text.startsWith('pencil')) expect(inspect(error, { showHidden: true })).not.toContain('pencil');
      }
    }
  });
});
