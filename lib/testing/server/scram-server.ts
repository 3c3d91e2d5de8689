import { failure, type SaslHost, type SaslServer, type SaslStep, type ScramKeys } from './sasl.js';
import type { ServerCrypto, ServerHash } from './server-crypto.js';
import type { ServerChannelBinding } from './server-pipe.js';
import { base64, concatBytes, equalBytes, fromBase64, fromUtf8, utf8 } from './text.js';

export interface ScramServerInit {
  readonly hash: ServerHash;
  /** A `-PLUS` mechanism. */
  readonly plus: boolean;
  /** Whether the server offers a `-PLUS` mechanism: then a client that could and does not was deceived. */
  readonly offersPlus: boolean;
  readonly crypto: ServerCrypto;
  readonly host: SaslHost;
  /** The server's part of the nonce. */
  readonly nonce: string;
  readonly channelBinding: (type: ServerChannelBinding) => Uint8Array | undefined;
  /** XEP-0474: the list that is protected, as it was sent. */
  readonly protectedList?: string | undefined;
}

/**
 * The server's half of SCRAM: RFC 5802, RFC 7677. The salt and iterations come from the stored keys; for an account that
 * does not exist the exchange goes on to its end, so that names cannot be guessed.
 */
export function scramServer(init: ScramServerInit): SaslServer {
  let step: SaslServer = clientFirst;
  return (response) => step(response);

  function clientFirst(response: Uint8Array | undefined): SaslStep {
    // SCRAM begins with the client: without an initial response an empty challenge asks for it (RFC 4422 section 5).
    if (!response) return { kind: 'challenge', data: new Uint8Array(0) };
    const message = decode(response);
    const found = message === undefined ? null : /^((?:n|y|p=([A-Za-z0-9.-]+)),(?:a=([^,]*))?,)(.*)$/s.exec(message);
    if (!found) return failure('malformed-request');
    const [, gs2, binding, authzid, bare = ''] = found;
    // RFC 5802 section 6: a client that thinks that we have no channel binding, though we offered it, was deceived.
    if (gs2!.startsWith('y') && init.offersPlus) return failure('not-authorized', 'channel binding was offered');
    if (init.plus !== (binding !== undefined))
      return failure('malformed-request', 'channel binding and mechanism differ');
    let bindingData: Uint8Array = new Uint8Array(0);
    if (binding !== undefined) {
      const data = isBinding(binding) ? init.channelBinding(binding) : undefined;
      if (!data) return failure('not-authorized', 'this channel binding is not supported');
      bindingData = data;
    }
    // "m" is for extensions that must be understood; we know none.
    if (bare.startsWith('m=')) return failure('malformed-request', 'extensions are not supported');
    const parts = /^n=([^,]+),r=([\x21-\x2b\x2d-\x7e]+)((?:,[A-Za-z]=[^,]*)*)$/.exec(bare);
    const name = parts && unescapeName(parts[1]!);
    if (!parts || name === undefined || name === null) return failure('malformed-request');
    const requested = authzid ? unescapeName(authzid) : undefined;
    if (requested !== undefined && requested !== name && requested !== `${name}@${init.host.domain}`)
      return failure('invalid-authzid');
    const keys = init.host.keys(name, init.hash);
    const nonce = parts[2]! + init.nonce;
    const serverFirst = [`r=${nonce}`, `s=${base64(keys.salt)}`, `i=${keys.iterations}`];
    if (init.protectedList !== undefined)
      serverFirst.push(`h=${base64(init.crypto.digest(init.hash, utf8(init.protectedList)))}`);
    const challenge = serverFirst.join(',');
    const expectedBinding = base64(concatBytes(utf8(gs2!), bindingData));
    step = (next) => clientFinal(next, { keys, nonce, expectedBinding, before: `${bare},${challenge}` });
    return { kind: 'challenge', data: utf8(challenge) };
  }

  function clientFinal(
    response: Uint8Array | undefined,
    {
      keys,
      nonce,
      expectedBinding,
      before,
    }: { keys: ScramKeys; nonce: string; expectedBinding: string; before: string },
  ): SaslStep {
    const message = response && decode(response);
    const found = message === undefined ? null : /^(c=([^,]*),r=([^,]*)(?:,[A-Za-z]=[^,]*)*),p=([^,]*)$/.exec(message);
    const proof = found && fromBase64(found[4]!);
    if (!found || !proof) return failure('malformed-request');
    const [, withoutProof, binding, echoed] = found;
    if (echoed !== nonce || binding !== expectedBinding) return failure('not-authorized');
    const { crypto, hash } = init;
    const auth = utf8(`${before},${withoutProof}`);
    const signature = crypto.hmac(hash, keys.storedKey, auth);
    if (proof.length !== signature.length) return failure('not-authorized');
    const clientKey = proof.map((octet, index) => octet ^ signature[index]!);
    const right = equalBytes(crypto.digest(hash, clientKey), keys.storedKey);
    if (!right || keys.account === undefined) return failure('not-authorized');
    return {
      kind: 'success',
      account: keys.account,
      data: utf8(`v=${base64(crypto.hmac(hash, keys.serverKey, auth))}`),
    };
  }
}

/** RFC 5802 section 3. */
export function deriveScramKeys(
  crypto: ServerCrypto,
  hash: ServerHash,
  password: string,
  salt: Uint8Array,
  iterations: number,
): Pick<ScramKeys, 'storedKey' | 'serverKey'> {
  const salted = crypto.pbkdf2(hash, utf8(saslPrep(password)), salt, iterations);
  return {
    storedKey: crypto.digest(hash, crypto.hmac(hash, salted, utf8('Client Key'))),
    serverKey: crypto.hmac(hash, salted, utf8('Server Key')),
  };
}

/** The mapping of SASLprep (RFC 4013 sections 2.1 and 2.2); what it prohibits is not checked here. */
export const saslPrep = (text: string): string =>
  text
    .replace(/[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/g, ' ')
    .replace(/[\u00ad\u034f\u1806\u180b-\u180d\u200c\u200d\u2060\ufe00-\ufe0f\ufeff]/g, '')
    .normalize('NFKC');

function decode(bytes: Uint8Array): string | undefined {
  try {
    return fromUtf8(bytes);
  } catch {
    return undefined;
  }
}

/** `=2C` and `=3D` only (RFC 5802 section 5.1). */
function unescapeName(text: string): string | undefined {
  if (/=(?!2C|3D)/.test(text)) return undefined;
  return text.replace(/=2C/g, ',').replace(/=3D/g, '=');
}

const isBinding = (type: string): type is ServerChannelBinding =>
  type === 'tls-exporter' || type === 'tls-server-end-point';
