import { readDer } from './der.js';

const SEQUENCE = 0x30;
const PEER = 0xa3;
const FLAGS = 0xad;

/**
 * What is needed of a TLS session as Node gives it (`getSession()`): OpenSSL's SSL_SESSION, as DER. Node tells nothing else of a resumed
 * session. In a session of another form nothing is found.
 */

/** The peer's certificate, in the handshake that made the session: field [3], as DER. */
export function certificateIn(session: Uint8Array | undefined): Uint8Array | undefined {
  return field(session, PEER);
}

/** Whether it is of the extended master secret (RFC 7627): field [13] holds flags, of which 1 is SSL_SESS_FLAG_EXTMS. */
export function hasExtendedMasterSecret(session: Uint8Array | undefined): boolean {
  const flags = field(session, FLAGS);
  try {
    return flags !== undefined && (readDer(flags)[0]!.content.at(-1)! & 1) === 1;
  } catch {
    return false;
  }
}

function field(session: Uint8Array | undefined, tag: number): Uint8Array | undefined {
  try {
    return readDer(contentOf(session!)).find((one) => one.tag === tag)?.content;
  } catch {
    return undefined;
  }
}

/**
 * Since 22.23, 24.17 and 26.3 Node writes the name of the server in front of it (CVE-2026-48934), in a form that it does not document: so
 * what counts is the first sequence that reaches to the end.
 */
function contentOf(bytes: Uint8Array): Uint8Array {
  for (let at = bytes.indexOf(SEQUENCE); at >= 0; at = bytes.indexOf(SEQUENCE, at + 1)) {
    try {
      const [sequence, ...more] = readDer(bytes.subarray(at));
      if (sequence && more.length === 0) return sequence.content;
    } catch {
      // An octet of something else.
    }
  }
  throw new RangeError('there is no session');
}
