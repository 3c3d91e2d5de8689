import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** Where XMPP is spoken, as most servers have it. */
export const WEBSOCKET_PATH = '/xmpp-websocket';

/** RFC 6455 section 1.3. */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** A server's half of the opening handshake (RFC 6455 section 4.2): what is answered, and whether a WebSocket follows. */
export function handshake({ method, url, headers }: IncomingMessage): {
  readonly accepted: boolean;
  readonly answer: string;
} {
  const key = headers['sec-websocket-key'] ?? '';
  if (url?.replace(/[?#].*$/s, '') !== WEBSOCKET_PATH) return refusal('404 Not Found', 'nothing is here');
  if (method !== 'GET' || headers.upgrade?.toLowerCase() !== 'websocket')
    return refusal('400 Bad Request', 'this is no WebSocket handshake');
  if (headers['sec-websocket-version'] !== '13')
    return refusal('426 Upgrade Required', 'the version is 13', 'Sec-WebSocket-Version: 13');
  if (Buffer.from(key, 'base64').length !== 16 || key.length !== 24)
    return refusal('400 Bad Request', 'the key is not 16 octets in base64');
  // RFC 7395 section 3.1.
  if (!(headers['sec-websocket-protocol'] ?? '').split(',').some((name) => name.trim() === 'xmpp'))
    return refusal('400 Bad Request', 'the subprotocol is xmpp');
  const accept = createHash('sha1')
    .update(key + GUID)
    .digest('base64');
  const lines = [
    'HTTP/1.1 101 Switching Protocols',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Accept: ${accept}`,
    'Sec-WebSocket-Protocol: xmpp',
  ];
  return { accepted: true, answer: [...lines, '', ''].join('\r\n') };
}

function refusal(status: string, why: string, ...more: readonly string[]): { accepted: boolean; answer: string } {
  const lines = [`HTTP/1.1 ${status}`, 'Connection: close', 'Content-Type: text/plain', ...more];
  return { accepted: false, answer: [...lines, `Content-Length: ${why.length}`, '', why].join('\r\n') };
}
