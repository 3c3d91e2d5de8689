import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { domainToASCII } from 'node:url';
import { createAuthority, type Authority, type Certificate } from './certificates.js';
import type { Daemon } from './daemon.js';
import { freePorts } from './free-ports.js';
import { noTokens, type Tokens } from './tokens.js';

export interface Ports {
  /** STARTTLS. */
  readonly c2s: number;
  /** Direct TLS (XEP-0368). */
  readonly tls: number;
  /** `ws://` at `/xmpp-websocket`. */
  readonly http: number;
  /** `wss://` at `/xmpp-websocket`. */
  readonly https: number;
}

/**
 * How passwords are stored, which decides what SCRAM can be offered: the one hash, or with `plain` all that the server knows.
 * Prosody 0.12 has no SHA-512.
 */
export type Scram = 'SHA-1' | 'SHA-256' | 'SHA-512' | 'plain';

/** A domain of its own on the same server, which costs far less than another server. */
export interface HostOptions {
  readonly users: Readonly<Record<string, string>>;
  /** SHA-1 by default. */
  readonly scram?: Scram;
  /** Lines to add to the host's configuration, in the server's own language. */
  readonly config?: string;
  /** DNS names that the server's certificate has for it; by default its own. */
  readonly certificateHosts?: readonly string[];
}

export interface ServerOptions {
  /** `localhost` by default. ANONYMOUS is at `anon.<domain>`, rooms are at `conference.<domain>`. */
  readonly domain?: string;
  /** Names and passwords; alice/wonder and bob/builder by default. */
  readonly users?: Readonly<Record<string, string>>;
  /** DNS names of the server's certificate; by default those of all its hosts. Others make it a certificate for a wrong host. */
  readonly certificateHosts?: readonly string[];
  /** What the STARTTLS port asks for: TLS `required` (default) or `optional`, or no STARTTLS at all (`absent`). */
  readonly tls?: 'required' | 'optional' | 'absent';
  /** Whether clients authenticate by a certificate of `authority.issueClient` (EXTERNAL), and by nothing else at Prosody. */
  readonly external?: boolean;
  /** Whether access tokens of `tokens` are taken too: ejabberd by X-OAUTH2, Prosody by OAUTHBEARER. */
  readonly oauth?: boolean;
  /** More domains, by name: `at` gives them. */
  readonly hosts?: Readonly<Record<string, HostOptions>>;
  /** Lines to add at the top level of the server's configuration, in its own language. */
  readonly config?: string;
}

export interface RealServer {
  readonly name: 'prosody' | 'ejabberd';
  /** The address that it listens on. */
  readonly host: string;
  readonly domain: string;
  readonly anonymousDomain: string;
  readonly conferenceDomain: string;
  readonly users: Readonly<Record<string, string>>;
  /** The server as that of one of `hosts`. */
  at(domain: string): RealServer;
  readonly ports: Ports;
  /** PEM text of the authority that signed the server's certificate, and the file that has it. */
  readonly ca: string;
  readonly caFile: string;
  /** For more certificates of the same authority. */
  readonly authority: Authority;
  readonly tokens: Tokens;
  readonly running: boolean;
  readonly pid: number;
  log(): string;
  /** Ends the server in an orderly way and removes its files. */
  stop(): Promise<void>;
  /** Ends it without a chance to say goodbye; `restart` brings it back with what it had stored. */
  kill9(): Promise<void>;
  /** Ends it in an orderly way if it runs, and starts it again on the same ports with the same data and certificate. */
  restart(): Promise<void>;
  /** Stops and continues the process: connections stay, and nobody answers. */
  freeze(): void;
  thaw(): void;
}

/** What a kind of server is given to make its files and start from. */
export interface Place {
  readonly folder: string;
  readonly ports: Ports;
  readonly certificate: Certificate;
  readonly caFile: string;
  readonly options: Required<ServerOptions>;
  readonly anonymousDomain: string;
  readonly conferenceDomain: string;
}

/** Makes folder, ports and certificate for a server, and starts it. */
export async function startServer(
  name: RealServer['name'],
  given: ServerOptions,
  configure: (place: Place) => () => Promise<Daemon>,
  tokensOf: (place: Place) => Tokens,
): Promise<RealServer> {
  const domain = given.domain ?? 'localhost';
  const anonymousDomain = `anon.${domain}`;
  const conferenceDomain = `conference.${domain}`;
  const certificateHosts = Object.entries(given.hosts ?? {}).flatMap(
    ([name, host]) => host.certificateHosts ?? [domainToASCII(name)],
  );
  const options: Required<ServerOptions> = {
    domain,
    users: { alice: 'wonder', bob: 'builder' },
    certificateHosts: [domain, anonymousDomain, conferenceDomain, ...certificateHosts],
    tls: 'required',
    external: false,
    oauth: false,
    hosts: {},
    config: '',
    ...given,
  };
  const folder = mkdtempSync(join(tmpdir(), `rxmpp-${name}-`));
  try {
    const authority = createAuthority(join(folder, 'certs'));
    const certificate = authority.issue('server', options.certificateHosts);
    // Between finding a free port and listening on it somebody else may take it.
    for (let attempt = 1; ; attempt++) {
      const [c2s, tls, http, https] = await freePorts(4);
      const ports: Ports = { c2s, tls, http, https };
      const place = {
        folder,
        ports,
        certificate,
        caFile: authority.caFile,
        options,
        anonymousDomain,
        conferenceDomain,
      };
      mkdirSync(join(folder, 'data'), { recursive: true });
      const launch = configure(place);
      let daemon: Daemon;
      try {
        daemon = await launch();
      } catch (error) {
        if (attempt < 3 && /Failed to open (server port|socket)|EADDRINUSE/i.test(String(error))) continue;
        throw error;
      }
      let earlier = '';
      const server: RealServer = {
        name,
        host: '127.0.0.1',
        domain,
        anonymousDomain,
        conferenceDomain,
        users: options.users,
        at: (domain) => Object.create(server, asHost(domain, options.hosts)) as RealServer,
        ports,
        ca: authority.ca,
        caFile: authority.caFile,
        authority,
        tokens: options.oauth ? tokensOf(place) : noTokens,
        get running() {
          return daemon.running;
        },
        get pid() {
          return daemon.pid;
        },
        log: () => earlier + daemon.output(),
        stop: async () => {
          daemon.signal('SIGCONT');
          await daemon.end('SIGTERM');
          rmSync(folder, { recursive: true, force: true });
        },
        kill9: () => daemon.end('SIGKILL'),
        restart: async () => {
          await daemon.end('SIGTERM');
          earlier += daemon.output();
          daemon = await launch();
        },
        freeze: () => daemon.signal('SIGSTOP'),
        thaw: () => daemon.signal('SIGCONT'),
      };
      return server;
    }
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

function asHost(domain: string, hosts: Required<ServerOptions>['hosts']): PropertyDescriptorMap {
  const host = hosts[domain];
  if (!host) throw new Error(`the server has no host ${domain}`);
  return { domain: { value: domain }, users: { value: host.users } };
}
