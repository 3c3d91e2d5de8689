import type { SrvRecord } from '../../transport/dns-resolver.js';
import type { Target, TlsInfo } from '../../trace/lifecycle-event.js';

/** Why something did not work. */
export interface Failure {
  readonly phase: string | undefined;
  readonly condition: string;
  /** One sentence for people. */
  readonly sentence: string;
}

/** One SRV look-up. */
export interface ServiceReport {
  /** As `_xmpp-client._tcp.example.org`. */
  readonly name: string;
  readonly records: readonly SrvRecord[];
  readonly failure?: Failure;
}

/** What the domain publishes for browsers (XEP-0156). */
export interface WebReport {
  readonly urls: readonly string[];
  readonly failure?: Failure;
}

/** One address of one target. */
export interface ServerReport {
  readonly host: string;
  readonly port: number;
  readonly security: Target['security'];
  /** Absent where the host has none. */
  readonly address?: string;
  /** Milliseconds to the TCP connection. */
  readonly connectMs?: number;
  /** Milliseconds of the TLS handshake. */
  readonly tlsMs?: number;
  readonly tls?: TlsInfo;
  /** Days until the certificate expires; below zero since it has. */
  readonly daysLeft?: number;
  /** Why a client would refuse the certificate; the rest was then looked at without it, and without credentials. */
  readonly certificateFailure?: Failure;
  /** Mechanisms that were offered before TLS. */
  readonly saslInClear?: boolean;
  /** Names of the stream features under TLS. */
  readonly features?: readonly string[];
  readonly mechanisms?: readonly string[];
  /** Channel bindings that the server says it knows (XEP-0440). */
  readonly channelBindings?: readonly string[];
  /** Why it could not be looked at to the end. */
  readonly failure?: Failure;
}

/** What an account finds behind the doors. */
export interface SignInReport {
  readonly mechanism?: string;
  readonly jid?: string;
  /** Names of the stream features after authentication. */
  readonly features?: readonly string[];
  /** XEP-0198: whether stanzas are acknowledged. */
  readonly streamManagement?: boolean;
  readonly failure?: Failure;
}

export interface Finding {
  /** `error`: clients cannot connect, or not safely; `warning`: they can, and it should be mended; `note`: could be better. */
  readonly severity: 'error' | 'warning' | 'note';
  /** What is the matter, and what to do. */
  readonly text: string;
}

/** All that `rxmpp doctor` found out. */
export interface Diagnosis {
  readonly domain: string;
  readonly services: readonly ServiceReport[];
  readonly web: WebReport;
  readonly servers: readonly ServerReport[];
  /** Absent where no account was given. */
  readonly signIn?: SignInReport;
}
