import type { Phase } from '../errors/phase.js';
import type { XmppError } from '../errors/xmpp-error.js';

/** Where a connection is dialled to. */
export interface Target {
  readonly host: string;
  readonly port: number;
  readonly security: 'starttls' | 'direct' | 'none';
}

/** What is known of a TLS connection once it is established and the peer verified. */
export interface TlsInfo {
  /** `TLSv1.3`, or `unknown` where the platform does not tell (a browser). */
  readonly protocol: string;
  readonly cipher?: string;
  readonly alpn?: string;
  readonly resumed?: boolean;
  /** The peer's certificate, where the platform tells. */
  readonly certificate?: {
    readonly subject: string;
    readonly issuer: string;
    readonly validTo: string;
    readonly fingerprint256: string;
    readonly validFrom?: string;
    /** What it is for, as `DNS:example.org`. */
    readonly names?: readonly string[];
    /** SHA-256 of the SubjectPublicKeyInfo, in base64. */
    readonly publicKeySha256?: string;
  };
}

/**
 * Everything that happens to a connection attempt, in order. Every attempt ends in exactly one of `closed`, `failed` and
 * `cancelled`.
 */
export type LifecycleEvent =
  | { readonly type: 'resolving'; readonly domain: string }
  | { readonly type: 'resolved'; readonly targets: readonly Target[] }
  | { readonly type: 'connecting'; readonly target: Target; readonly address?: string }
  | { readonly type: 'target-failed'; readonly target: Target; readonly address?: string; readonly error: XmppError }
  | { readonly type: 'connected'; readonly target: Target; readonly address?: string }
  /** `<starttls/>` is sent, `<proceed/>` awaited. */
  | { readonly type: 'starting-tls' }
  /** The handshake begins. */
  | { readonly type: 'securing' }
  | { readonly type: 'secured'; readonly tls: TlsInfo }
  | { readonly type: 'opening' }
  | { readonly type: 'opened'; readonly id: string | undefined; readonly from: string | undefined }
  | { readonly type: 'features'; readonly names: readonly string[] }
  | { readonly type: 'authenticating'; readonly mechanism: string }
  | { readonly type: 'authenticated'; readonly mechanism: string }
  | { readonly type: 'binding' }
  | { readonly type: 'bound'; readonly jid: string }
  | { readonly type: 'resuming' }
  | { readonly type: 'redirected'; readonly to: string }
  | { readonly type: 'online'; readonly jid: string; readonly resumed: boolean }
  | { readonly type: 'closing' }
  | { readonly type: 'closed' }
  | { readonly type: 'failed'; readonly error: XmppError; readonly phase: Phase | undefined }
  | { readonly type: 'cancelled'; readonly phase: Phase };

/** A lifecycle event as `trace$` emits it. */
export type TraceEvent = LifecycleEvent & {
  /** Counts the attempts of one client or one `xmppStream`, from 1. For logs only. */
  readonly attempt: number;
  /** Milliseconds by the scheduler's clock. */
  readonly time: number;
};

/** Is told of every lifecycle event of an attempt. */
export type Trace = (event: LifecycleEvent) => void;
