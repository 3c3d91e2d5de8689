import { inspect } from 'node:util';
import { PASSWORD } from '../support/wire.js';

const SPELLINGS = [
  PASSWORD,
  PASSWORD.replaceAll('&', '&amp;'),
  Buffer.from(PASSWORD).toString('base64'),
  Buffer.from(PASSWORD).toString('hex'),
];

export interface Heard {
  /** What the client sent before TLS, where it was to be established. */
  readonly clear: string;
  /** What it sent over TLS. */
  readonly secure: string;
  /** All that it told: errors, events, what a log would hold of them. */
  readonly told: string;
}

/**
 * Octets of credentials that went where they must not:
 * the password in any spelling, to anybody but a server over TLS that it was meant for; anything that authenticates, in clear;
 * a proof to a server that had no right to one; any of it in what is told.
 */
export function leakedOctets(
  { clear, secure, told }: Heard,
  { noProof = false, plain = false }: { noProof?: boolean; plain?: boolean } = {},
): number {
  const inClear = [...payloads(clear)].reduce((sum, data) => sum + data.length, 0);
  const proofs = [...payloads(secure)].flatMap((data) => proofOf(data) ?? []);
  const unearned = noProof ? proofs.join('').length : 0;
  const passwords = occurrences(clear, SPELLINGS) + (plain ? 0 : occurrences(secure + decoded(secure), SPELLINGS));
  const secrets = [
    ...SPELLINGS,
    ...proofs,
    ...[...payloads(clear + secure)].filter((data) => !/^(biws|eSws|=?$)/.test(data)),
  ];
  return inClear + unearned + passwords + occurrences(told, secrets);
}

/** What is sent to authenticate. */
function* payloads(sent: string): Generator<string> {
  for (const [, data] of sent.matchAll(/<(?:auth|response)\b[^>]*>([^<]+)</g)) if (data !== '=') yield data!.trim();
}

const decoded = (sent: string): string =>
  [...payloads(sent)].map((data) => Buffer.from(data, 'base64').toString('latin1')).join('\n');

const proofOf = (data: string): string | undefined =>
  /,p=(.+)$/.exec(Buffer.from(data, 'base64').toString('latin1'))?.[1];

function occurrences(text: string, secrets: readonly string[]): number {
  return [...new Set(secrets)].reduce((sum, secret) => sum + (text.split(secret).length - 1) * secret.length, 0);
}

/** What a log of one line would hold of a thing: enough where the same was looked at in full before. */
export function brief(thing: unknown): string {
  return thing instanceof Error
    ? `${String(thing)} ${JSON.stringify(thing)} ${String(thing.cause)}`
    : JSON.stringify(thing);
}

/** All that somebody who logs it could see of a thing. */
export function shown(thing: unknown): string {
  const parts = [inspect(thing, { depth: 10, showHidden: true, getters: true }), String(thing)];
  try {
    parts.push(JSON.stringify(thing) ?? '');
  } catch {
    // A session hangs on what it is made of, which JSON cannot say.
  }
  if (thing instanceof Error) parts.push(thing.stack ?? '', thing.cause === undefined ? '' : shown(thing.cause));
  return parts.join('\n');
}
