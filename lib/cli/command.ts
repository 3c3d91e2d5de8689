import type { TlsPolicy } from '../transport/transport.js';

export interface Appearance {
  /** One JSON object a line, in place of text for people. */
  readonly json: boolean;
  /** Colours were not ruled out. */
  readonly color: boolean;
}

/** A connection to a server that is not ours. */
export interface LiveCommand extends Appearance {
  readonly kind: 'live';
  /** Who connects; with `anonymous` a domain alone. */
  readonly account: { readonly jid: string } | { readonly domain: string };
  readonly host: string | undefined;
  readonly port: number | undefined;
  /** A file of PEM certificates. */
  readonly ca: string | undefined;
  readonly directTls: boolean;
  readonly tls: TlsPolicy;
  /** Who gets what is typed. */
  readonly to: string | undefined;
  readonly resource: string | undefined;
  /** Milliseconds for each phase. */
  readonly timeout: number | undefined;
  readonly allowPlain: boolean;
}

/** An examination of a domain's service. */
export interface DoctorCommand extends Appearance {
  readonly kind: 'doctor';
  /** A domain, or an account to sign in to as well. */
  readonly who: string;
  /** A DNS server to ask, as `host:port`. */
  readonly dns: string | undefined;
  readonly ca: string | undefined;
  /** Milliseconds for each phase. */
  readonly timeout: number | undefined;
}

/** What the command line asks for. */
export type Command =
  | { readonly kind: 'help' }
  | { readonly kind: 'version' }
  | (Appearance & { readonly kind: 'demo' })
  | LiveCommand
  | DoctorCommand;
