import { UsageError } from '../../errors/usage-error.js';
import { fromUtf8, utf8 } from '../../sasl/bytes.js';

/**
 * What is told of a peer, by the keys of XEP-0174 section 4: all of it is optional, and nobody vouches for any of it. Everybody on the
 * network reads it: think twice about names and addresses.
 */
export interface PeerText {
  /** First name, last name, and nickname. */
  readonly '1st'?: string;
  readonly last?: string;
  readonly nick?: string;
  readonly email?: string;
  /** The JID at a server. */
  readonly jid?: string;
  /** Availability; where nothing is said it is `avail`. */
  readonly status?: 'avail' | 'away' | 'dnd';
  /** The same in words. */
  readonly msg?: string;
  /** SHA-1 of the avatar, in hexadecimal. */
  readonly phsh?: string;
  /** What conferences it takes part in: `A` audio, `V` video, `C` of more than two, `!` not at present. */
  readonly vc?: string;
  /** Entity capabilities (XEP-0115). */
  readonly node?: string;
  readonly hash?: string;
  readonly ver?: string;
  readonly ext?: string;
}

const KEYS = [
  '1st',
  'last',
  'nick',
  'email',
  'jid',
  'status',
  'msg',
  'phsh',
  'vc',
  'node',
  'hash',
  'ver',
  'ext',
] as const;
const KNOWN = new Set<string>(KEYS);
const STATUS = ['avail', 'away', 'dnd'];

/** Octets of one string (RFC 6763 section 6.1), and how many are looked at. */
const OCTETS = 255;
const STRINGS = 64;

/**
 * The strings of a TXT record, `txtvers` first.
 *
 * @throws UsageError `bad-presence` For a value that has no room in one, or a status that is none.
 */
export function encodeText(text: PeerText, port: number): Uint8Array[] {
  const usable = (ok: boolean, why: string) => {
    if (!ok) throw new UsageError('bad-presence', why);
  };
  usable(text.status === undefined || STATUS.includes(text.status), '`status` is `avail`, `away` or `dnd`');
  const pairs = KEYS.flatMap((key) => (text[key] === undefined ? [] : [`${key}=${text[key]}`]));
  return ['txtvers=1', `port.p2pj=${port}`, ...pairs].map((pair) => {
    const octets = utf8(pair);
    usable(octets.length <= OCTETS, `\`${pair.split('=')[0]}\` has more than ${OCTETS} octets with its key`);
    return octets;
  });
}

/** What can be read of the strings of a TXT record: the first value of each known key (RFC 6763 section 6.4), if it is UTF-8. */
export function decodeText(strings: readonly Uint8Array[]): PeerText {
  const found = new Map<string, string>();
  for (const octets of strings.slice(0, STRINGS)) {
    const text = octets.length > OCTETS ? undefined : fromUtf8(octets);
    const [, key, value] = /^([ -<>-~]+)=(.*)$/s.exec(text ?? '') ?? [];
    if (key === undefined || found.has(key.toLowerCase())) continue;
    found.set(key.toLowerCase(), value!);
  }
  // Of another version nothing is known.
  if ((found.get('txtvers') ?? '1') !== '1') return {};
  if (!STATUS.includes(found.get('status')!)) found.delete('status');
  return Object.fromEntries([...found].filter(([key]) => KNOWN.has(key)));
}
