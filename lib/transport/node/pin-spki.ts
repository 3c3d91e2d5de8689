import { X509Certificate } from 'node:crypto';
import { of } from 'rxjs';
import { UsageError } from '../../errors/usage-error.js';
import type { VerifyPeer } from './secure-socket.js';
import { publicKeySha256 } from './tls-info.js';

/** Of 32 octets, in base64 or base64url. One in 64 begins with a slash itself, so their number tells whose the slashes are. */
const PIN = /^(?:sha256\/\/?)?([\w+/-]{43}=?)$/;

/**
 * Pins public keys: a `verifyPeer` that accepts a certificate only if its key is one of these. It comes after all other checks, and
 * replaces none. Name the key in use and one in reserve: a lost key would lock you out.
 *
 * ```ts
 * tcp({ verifyPeer: pinSpki('sha256/mWJ…=', 'sha256/9Rp…=') })
 * ```
 *
 * @param pins SHA-256 of the SubjectPublicKeyInfo (RFC 7469 section 2.4) in base64, with or without `sha256/`: what the trace event
 *   `secured` tells as `publicKeySha256`.
 * @throws UsageError `bad-pin` For what is no such hash, or for none.
 */
export function pinSpki(...pins: readonly string[]): VerifyPeer {
  const hashes = pins.map((pin) => PIN.exec(pin)?.[1]);
  if (hashes.length === 0 || hashes.includes(undefined)) {
    throw new UsageError(
      'bad-pin',
      'a pin is the SHA-256 of a SubjectPublicKeyInfo in base64, and one at least is needed',
    );
  }
  // As they are compared: what is decoded has more than one spelling.
  const known = new Set(hashes.map((hash) => Buffer.from(hash!, 'base64').toString('base64')));
  return ({ raw }) => of(known.has(publicKeySha256(new X509Certificate(raw))));
}
