import { failure, type SaslHost, type SaslServer } from './sasl.js';
import { scramServer, type ScramServerInit } from './scram-server.js';
import type { ServerHash } from './server-crypto.js';
import { fromUtf8 } from './text.js';

/** The server's half of a mechanism by its name; `undefined` for names that it does not know. */
export function saslServer(
  name: string,
  init: Omit<ScramServerInit, 'hash' | 'plus'> & { readonly host: SaslHost },
): SaslServer | undefined {
  const scram = /^SCRAM-(SHA-(?:1|256|512))(-PLUS)?$/.exec(name);
  if (scram) return scramServer({ ...init, hash: scram[1] as ServerHash, plus: scram[2] !== undefined });
  switch (name) {
    case 'PLAIN':
      return plain(init.host);
    case 'ANONYMOUS':
      return () => ({ kind: 'success', account: init.host.anonymous() });
    case 'EXTERNAL':
      return external(init.host);
    default:
      return undefined;
  }
}

/** RFC 4616: authorization identity, authentication identity and password, separated by NUL. */
const plain =
  (host: SaslHost): SaslServer =>
  (response) => {
    if (!response) return { kind: 'challenge', data: new Uint8Array(0) };
    let parts: string[];
    try {
      parts = fromUtf8(response).split('\0');
    } catch {
      return failure('malformed-request');
    }
    const [authzid, name, password] = parts;
    if (parts.length !== 3 || !name || !password) return failure('malformed-request');
    if (authzid && authzid !== name && authzid !== `${name}@${host.domain}`) return failure('invalid-authzid');
    const account = host.check(name, password);
    return account === undefined ? failure('not-authorized') : { kind: 'success', account };
  };

/** XEP-0178: the certificate says who it is; an authorization identity chooses among several. */
const external =
  (host: SaslHost): SaslServer =>
  (response) => {
    if (!response) return { kind: 'challenge', data: new Uint8Array(0) };
    const names = host.identities().map((identity) => identity.replace(`@${host.domain}`, ''));
    let wanted: string;
    try {
      wanted = fromUtf8(response).replace(`@${host.domain}`, '');
    } catch {
      return failure('malformed-request');
    }
    if (wanted) return names.includes(wanted) ? { kind: 'success', account: wanted } : failure('invalid-authzid');
    return names.length === 1 ? { kind: 'success', account: names[0]! } : failure('not-authorized');
  };
