import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { of } from 'rxjs';
import type { XmppClientOptions } from '../client/client-options.js';
import { UsageError } from '../errors/index.js';
import { tcp } from '../transport/node/index.js';
import { DEFAULT_TIMEOUTS } from '../transport/timeouts.js';
import type { Timeouts } from '../transport/transport.js';
import type { LiveCommand } from './command.js';

/** How many messages may wait while there is no connection. */
const QUEUE = 1000;

/**
 * The options of a client, from those of the command line. It comes back after a loss only once there was a session: whoever
 * calls a command wants to hear at once that it cannot work.
 *
 * @param password `undefined` for ANONYMOUS.
 * @throws UsageError For a CA file that cannot be used.
 */
export function clientOptions(
  command: LiveCommand,
  password: string | undefined,
  hadSession: () => boolean,
): XmppClientOptions {
  const { account, host, port, directTls, tls, resource, timeout, allowPlain } = command;
  const ca = command.ca === undefined ? undefined : caFile(command.ca);
  return {
    ...account,
    credentials: password === undefined ? { anonymous: true } : { password, allowPlain },
    transport: tcp({ host, port, security: directTls ? 'direct' : undefined, tls: ca ? { ca } : undefined }),
    tls,
    resource,
    timeouts: timeout === undefined ? undefined : phaseTimeouts(timeout),
    // Whoever types wants to see soon that it has arrived.
    streamManagement: { acknowledgements: { after: 100 } },
    reconnect: { veto: () => of(hadSession()) },
    whileOffline: { queue: QUEUE },
  };
}

/** The same bound for each phase. Those of several steps keep their proportion to it. */
export function phaseTimeouts(phase: number): Timeouts {
  const scaled = (due: number) => Math.max(due, (due / DEFAULT_TIMEOUTS.target) * phase);
  return {
    ...Object.fromEntries(Object.keys(DEFAULT_TIMEOUTS).map((name) => [name, phase])),
    connect: (DEFAULT_TIMEOUTS.connect / DEFAULT_TIMEOUTS.target) * phase,
    deadline: scaled(DEFAULT_TIMEOUTS.deadline),
  } as Timeouts;
}

/** Reads the file of `--ca`. Node itself takes any text for certificates, and then trusts nobody. */
export function caFile(file: string): string {
  let pem: string;
  try {
    pem = readFileSync(file, 'utf8');
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const reason = { ENOENT: 'there is no such file', EACCES: 'it may not be read', EISDIR: 'it is a folder' };
    throw unusable(file, reason[code as keyof typeof reason] ?? code ?? message, cause);
  }
  const found = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  if (found.length === 0) throw unusable(file, 'it holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)');
  try {
    for (const certificate of found) new X509Certificate(certificate);
  } catch (cause) {
    throw unusable(file, 'it holds a certificate that is damaged', cause);
  }
  return pem;
}

function unusable(file: string, why: string, cause?: unknown): UsageError {
  return new UsageError(
    'bad-ca',
    `--ca ${file} cannot be used: ${why}; give the CA's certificate as a PEM file`,
    cause,
  );
}
