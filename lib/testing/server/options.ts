import type { SchedulerLike } from 'rxjs';
import type { XmlElement, XmlLimits } from '../../xml/index.js';
import type { ServerFault } from './faults.js';
import type { ServerCrypto } from './server-crypto.js';

export interface XmppServerOptions {
  /** Default `localhost`. */
  readonly domain?: string;
  /** Passwords by account name. */
  readonly accounts?: Readonly<Record<string, string>>;
  /**
   * Offered in this order. Default: SCRAM-SHA-512, -256 and -1, PLAIN, ANONYMOUS, EXTERNAL. PLAIN is offered only under TLS, EXTERNAL
   * only with a client certificate, the `-PLUS` kinds (not among the default) only with channel binding.
   */
  readonly mechanisms?: readonly string[];
  /** STARTTLS: insisted on (default), offered, or neither. What pipe can do TLS at all is the pipe's matter. */
  readonly tls?: 'required' | 'optional' | 'off';
  /** Iterations of PBKDF2. Default 4096, the least that RFC 5802 allows and clients accept. */
  readonly iterations?: number;
  /** Whether SCRAM protects the list of mechanisms (XEP-0474). Default false. */
  readonly downgradeProtection?: boolean;
  /** XEP-0198. Default: on, with `resume` and 300 seconds. `false`: not offered. */
  readonly streamManagement?: StreamManagementOptions | false;
  /** The legacy session of RFC 3921. Default `optional`, as today's servers have it. */
  readonly legacySession?: 'none' | 'optional' | 'required';
  /** A resource that is bound already: the older session goes (default), the newer is refused, or gets another resource. */
  readonly onConflict?: 'replace' | 'refuse' | 'rename';
  /** Who sees whom: everyone everyone, as if all were each other's contacts (default), or nobody. */
  readonly presence?: 'everyone' | 'nobody';
  /** An account without a client that sends every message back to its sender, and is always available. Default `echo`; `false`: none. */
  readonly echo?: string | false;
  /** How many messages are kept for an account that is not available, 0 for none. Default 100. */
  readonly offlineMessages?: number;
  /** Octets, depth and so on of what clients may send. */
  readonly limits?: Partial<XmlLimits>;
  readonly faults?: readonly ServerFault[];
  /** Changes what is advertised: what would be, and in which state. */
  readonly features?: (
    standard: readonly XmlElement[],
    stream: { readonly secure: boolean; readonly authenticated: boolean },
  ) => readonly XmlElement[];
  /** Default `asyncScheduler`. */
  readonly scheduler?: SchedulerLike;
  /** As `Math.random`, which is the default. Everything random of the server comes from here. */
  readonly random?: () => number;
  /** Default: in JavaScript (`@noble/hashes`). */
  readonly crypto?: ServerCrypto;
}

export interface StreamManagementOptions {
  /** Whether sessions can be resumed. Default true. */
  readonly resume?: boolean;
  /** For how many seconds at most after a loss, if the client does not want less. Default 300. */
  readonly max?: number;
  /** Where clients are told to resume. Default: nothing is told. */
  readonly location?: string;
  /** After how many stanzas the server asks for an acknowledgement; 0 for never. Default 5. */
  readonly requestEvery?: number;
  /** After how many milliseconds the server asks for fewer; 0 for never. Default 1000. */
  readonly requestAfter?: number;
}
