import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from 'node:crypto';
import type { HashName } from '../../lib/crypto/crypto.js';
import { digestName } from './sync-crypto.js';

export interface ScramServerConfig {
  readonly hash: HashName;
  /** Prepared already. */
  readonly username: string;
  readonly password: string;
  readonly iterations?: number;
  readonly salt?: Buffer;
  /** What the server sees of its TLS connection. Without it a `p=` flag is refused, and `y` is believed. */
  readonly binding?: { readonly type: string; readonly data: Uint8Array };
  /** Further attributes of the server-first-message: `,h=...`. */
  readonly extensions?: string;
}

/**
 * The server's side of SCRAM, written from RFC 5802 for specs. It shares no code with the client, and throws the
 * `server-error-value` where a client misbehaves.
 */
export class ScramServer {
  readonly #config: ScramServerConfig;
  readonly #salt: Buffer;
  #gs2Header = '';
  #bare = '';
  #first = '';
  #nonce = '';
  authzid: string | undefined;
  flag = '';

  constructor(config: ScramServerConfig) {
    this.#config = config;
    this.#salt = config.salt ?? randomBytes(16);
  }

  first(message: string): string {
    const { username, binding, iterations = 4096, extensions = '' } = this.#config;
    const parsed = /^((y|n|p=[A-Za-z0-9.-]+),(?:a=([^,]+))?,)(n=([^,]+),r=([\x21-\x2b\x2d-\x7e]+))$/.exec(message);
    if (!parsed) throw new Error('invalid-encoding');
    const [, gs2Header, flag, authzid, bare, name, nonce] = parsed;
    if (flag === 'y' && binding) throw new Error('server-does-support-channel-binding');
    if (flag.startsWith('p=') && flag !== `p=${binding?.type}`) throw new Error('unsupported-channel-binding-type');
    this.flag = flag;
    this.authzid = authzid === undefined ? undefined : unescaped(authzid);
    if (unescaped(name) !== username) throw new Error('unknown-user');
    this.#gs2Header = gs2Header;
    this.#bare = bare;
    this.#nonce = nonce + randomBytes(12).toString('hex');
    this.#first = `r=${this.#nonce},s=${this.#salt.toString('base64')},i=${iterations}${extensions}`;
    return this.#first;
  }

  final(message: string): string {
    const { hash, password, binding, iterations = 4096 } = this.#config;
    const parsed = /^(c=([A-Za-z0-9+/=]+),r=([^,]+)),p=([A-Za-z0-9+/=]+)$/.exec(message);
    if (!parsed) throw new Error('invalid-encoding');
    const [, withoutProof, c, nonce, proof] = parsed;
    const bound = Buffer.concat([
      Buffer.from(this.#gs2Header),
      this.flag.startsWith('p=') && binding ? Buffer.from(binding.data) : Buffer.alloc(0),
    ]);
    if (c !== bound.toString('base64')) throw new Error('channel-bindings-dont-match');
    if (nonce !== this.#nonce) throw new Error('other-error');

    const name = digestName(hash);
    const digest = (data: Buffer) => createHash(name).update(data).digest();
    const hmac = (key: Buffer, data: string) => createHmac(name, key).update(data).digest();
    const salted = saltedPassword(name, password, this.#salt, iterations);
    const storedKey = digest(hmac(salted, 'Client Key'));
    const auth = `${this.#bare},${this.#first},${withoutProof}`;
    const signature = hmac(storedKey, auth);
    const sent = Buffer.from(proof, 'base64');
    if (sent.length !== signature.length) throw new Error('invalid-proof');
    const clientKey = Buffer.from(sent.map((byte, i) => byte ^ signature[i]));
    if (!timingSafeEqual(digest(clientKey), storedKey)) throw new Error('invalid-proof');
    return `v=${hmac(hmac(salted, 'Server Key'), auth).toString('base64')}`;
  }
}

const salted = new Map<string, Buffer>();

/** Kept, since whoever replays an exchange a thousand times would do little else than this. */
function saltedPassword(hash: string, password: string, salt: Buffer, iterations: number): Buffer {
  const key = `${hash} ${iterations} ${salt.toString('hex')} ${password}`;
  let found = salted.get(key);
  if (!found) {
    found = pbkdf2Sync(password, salt, iterations, createHash(hash).digest().length, hash);
    salted.set(key, found);
  }
  return found;
}

function unescaped(name: string): string {
  if (/=(?!2C|3D)/.test(name)) throw new Error('invalid-username-encoding');
  return name.replace(/=2C/g, ',').replace(/=3D/g, '=');
}
