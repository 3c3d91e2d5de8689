import { asyncScheduler, noop, type SchedulerLike } from 'rxjs';
import { UsageError } from '../errors/usage-error.js';
import { jid, type Jid } from '../jid/jid.js';
import type { Crypto } from '../crypto/crypto.js';
import type { Credentials } from '../sasl/mechanism.js';
import { defaultIterations } from '../sasl/scram.js';
import type { ScramKeyCache } from '../sasl/scram-key-cache.js';
import { webCrypto } from '../crypto/web-crypto.js';
import type { AckPolicy } from '../session/acknowledgements.js';
import type { Interceptors } from '../session/gates.js';
import type { KeepAliveConfig } from '../session/keep-alive.js';
import { secureRandom } from '../session/secure-random.js';
import type { OnResourceConflict } from '../stream/features/bind.js';
import type { Pipelining } from '../stream/pipelining.js';
import type { StreamFeature } from '../stream/stream-feature.js';
import type { TraceEvent } from '../trace/lifecycle-event.js';
import { checkDue, wholeTimeouts } from '../transport/timeouts.js';
import type { Timeouts, TlsPolicy, Transport } from '../transport/transport.js';
import { withDefaults } from '../xml/with-defaults.js';
import type { XmlLimits } from '../xml/xml-limits.js';
import type { StoredSession } from './stored-session.js';

/** XEP-0198: acknowledgements, and sessions that outlive a connection. */
export interface StreamManagementOptions {
  /** Whether the server is asked to keep the session for resumption; `true` by default. */
  readonly resume?: boolean;
  /** For how long, in seconds; the server decides by default. */
  readonly max?: number;
  /** When acknowledgements are asked for. */
  readonly acknowledgements?: Partial<AckPolicy>;
  /** `storedSession()`, with which `xmppClient` keeps its session for a reloaded page or a restarted process; none by default. */
  readonly store?: StoredSession;
}

/** What a connection is made from. */
export interface XmppOptions {
  /** Who connects. A resource in it is asked for when binding. */
  readonly jid?: Jid | string;
  /** In place of `jid`: the domain to be anonymous at (RFC 4505). */
  readonly domain?: string;
  /** What to authenticate with. */
  readonly credentials?: Credentials;
  /** `tcp()` from `rxmpp/node`, `websocket()`, or another. */
  readonly transport: Transport;
  /** Whether TLS is a must; `required` by default. */
  readonly tls?: TlsPolicy;
  /** The resource to ask for; the server picks one by default, which is best for most. */
  readonly resource?: string;
  /** What to ask for where another session has the resource; an error (`conflict`, phase `bind`) by default. */
  readonly onResourceConflict?: OnResourceConflict;
  /** Default language of what is sent, as a BCP 47 tag. */
  readonly lang?: string;
  /** Bounds of the phases, in milliseconds. */
  readonly timeouts?: Partial<Timeouts>;
  /** Milliseconds to the answer of an `iq()`; 30,000 by default. */
  readonly iqTimeout?: number;
  /** Bounds of what the server may send. */
  readonly limits?: Partial<XmlLimits>;
  /** Accepted SCRAM iteration counts; 4,096 (RFC 5802 section 5.1) to 1,000,000 by default. */
  readonly iterations?: { readonly min?: number; readonly max?: number };
  /** Keeps SCRAM keys across connections. */
  readonly keys?: ScramKeyCache;
  /** XEP-0198; on by default, with resumption where a client reconnects. */
  readonly streamManagement?: false | StreamManagementOptions;
  /** How a dead link is noticed (`keepAlive`); on by default. */
  readonly keepAlive?: false | Omit<KeepAliveConfig, 'scheduler'>;
  /** More stream features, tried after authentication and before resource binding. */
  readonly features?: readonly StreamFeature[];
  /** What stanzas go through in both directions: `intercept()`; nothing by default. */
  readonly interceptors?: Interceptors;
  /** `pipelining` saves round trips; none by default. */
  readonly pipelining?: () => Pipelining;
  /** Every timer; `asyncScheduler` by default. */
  readonly scheduler?: SchedulerLike;
  /** As `Math.random`; the platform's secure generator by default. */
  readonly random?: () => number;
  /** That of the transport by default (Node's own), or WebCrypto. */
  readonly crypto?: Crypto;
  /** Is told of every lifecycle event. */
  readonly trace?: (event: TraceEvent) => void;
}

/** Options with every default filled in, checked. What is not here is as it was given. */
export interface Prepared extends Omit<XmppOptions, 'jid' | 'pipelining'> {
  readonly jid: Jid | undefined;
  readonly local: string | undefined;
  /** The domain as the server knows it. */
  readonly domain: string;
  /** The domain for DNS and certificates. */
  readonly asciiDomain: string;
  readonly onConflict: OnResourceConflict | undefined;
  readonly credentials: Credentials;
  readonly tls: TlsPolicy;
  readonly timeouts: Timeouts;
  readonly iqTimeout: number;
  readonly iterations: { readonly min: number; readonly max: number };
  readonly streamManagement: false | StreamManagementOptions;
  readonly keepAlive: Omit<KeepAliveConfig, 'scheduler'>;
  /** The mechanism that worked before: nothing as weak as PLAIN is used after a stronger one (threat A1). */
  minimum?: string;
  readonly features: readonly StreamFeature[];
  readonly pipelining: Pipelining | undefined;
  readonly scheduler: SchedulerLike;
  readonly random: () => number;
  readonly crypto: Crypto;
  readonly trace: (event: TraceEvent) => void;
}

/**
 * @throws UsageError For options that contradict themselves or lack something.
 * @throws JidError For a malformed JID, domain or resource.
 */
export function prepareOptions(options: XmppOptions): Prepared {
  const {
    jid: given = options.domain,
    transport,
    credentials = {},
    tls = 'required',
    resource,
    iqTimeout = 30_000,
    streamManagement = NOTHING,
    keepAlive = NOTHING,
    features = NO_FEATURES,
    scheduler = asyncScheduler,
    random = secureRandom,
    trace = noop,
  } = options;
  check(given !== undefined, '`jid` is missing', 'no-jid');
  check(options.jid === undefined || options.domain === undefined, '`jid` and `domain` exclude each other');
  const account = typeof given === 'string' ? jid(given) : given!;
  const { local, domain, asciiDomain } = account;
  check(options.domain === undefined || account.toString() === domain, '`domain` is a domain alone');
  check(typeof transport?.connect === 'function', '`transport` is missing: tcp() or websocket()', 'no-transport');
  check(['required', 'preferred', 'disabled'].includes(tls), "`tls` is 'required', 'preferred' or 'disabled'");
  const { password, external, mechanisms } = credentials;
  const proof = external === true || password !== undefined || mechanisms !== undefined;
  // Never beside other credentials: whoever strips the list of mechanisms could choose it.
  const { anonymous = local === undefined && !proof } = credentials;
  check(anonymous || proof, '`credentials` lacks a password', 'no-credentials');
  const timeouts = wholeTimeouts(options.timeouts);
  const { idle, timeout } = keepAlive || {};
  for (const [name, due] of Object.entries(timeouts)) checkDue(`timeouts.${name}`, due);
  checkDue('keepAlive.idle', idle);
  checkDue('keepAlive.timeout', timeout);
  checkDue('iqTimeout', iqTimeout);
  return {
    ...options,
    jid: local === undefined ? undefined : account,
    local,
    domain,
    asciiDomain,
    resource: (resource === undefined ? account : account.withResource(resource)).resource,
    onConflict: options.onResourceConflict,
    // One object for all attempts: SCRAM keys are kept by it.
    credentials: anonymous && !credentials.anonymous ? { ...credentials, anonymous } : credentials,
    tls,
    timeouts,
    iqTimeout,
    iterations: withDefaults(defaultIterations, options.iterations),
    streamManagement,
    keepAlive: keepAlive || { idle: Infinity },
    features,
    pipelining: options.pipelining?.(),
    scheduler,
    random,
    crypto: options.crypto ?? transport.crypto ?? PLATFORM_CRYPTO,
    trace,
  };
}

// One for all, so that a client keeps none of its own.
const NOTHING: StreamManagementOptions & Omit<KeepAliveConfig, 'scheduler'> = {};
const NO_FEATURES: readonly StreamFeature[] = [];
/** It keeps nothing. */
const PLATFORM_CRYPTO = /* #__PURE__ */ webCrypto();

function check(isFine: boolean, text: string, condition = 'bad-option'): void {
  if (!isFine) throw new UsageError(condition, text);
}
