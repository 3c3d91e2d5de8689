import { TlsError } from '../../errors/tls-error.js';
import { TransportError, type TransportCondition } from '../../errors/transport-error.js';
import type { XmppError } from '../../errors/xmpp-error.js';

const CONNECTING: Record<string, [TransportCondition, string]> = {
  ECONNREFUSED: [
    'connection-refused',
    'refused the connection; is an XMPP server running there, and is the port right?',
  ],
  EHOSTUNREACH: ['host-unreachable', 'cannot be reached; is the address right, and the host up?'],
  EHOSTDOWN: ['host-unreachable', 'is down'],
  ETIMEDOUT: ['host-unreachable', 'does not answer; is the host up, and does a firewall let the port through?'],
  ENETUNREACH: ['network-unreachable', 'is in a network that cannot be reached from here; is this machine online?'],
  ENETDOWN: ['network-unreachable', 'cannot be reached because the network is down'],
  EADDRNOTAVAIL: [
    'network-unreachable',
    'cannot be reached from the local address; is `localAddress` (if given) an address of this machine?',
  ],
  ECONNRESET: ['connection-reset', 'reset the connection while it was being opened'],
  EADDRINUSE: ['connection-failed', 'cannot be reached from `localPort`, which is in use; leave it out'],
  ENOENT: ['connection-failed', 'does not exist; is `path` right, and the server running?'],
  EACCES: ['connection-failed', 'may not be connected to by this user'],
  EPERM: ['connection-failed', 'may not be connected to; does a local firewall forbid it?'],
  EMFILE: ['connection-failed', 'cannot be connected to: this process has too many open files'],
};

const IN_USE: Record<string, [TransportCondition, string]> = {
  ECONNRESET: ['connection-reset', 'reset the connection'],
  ECONNABORTED: ['connection-reset', 'was lost: the connection was aborted'],
  ETIMEDOUT: ['connection-reset', 'was lost: it has acknowledged nothing for too long'],
  EPIPE: ['write-failed', 'has closed the connection, so that nothing more can be written'],
  EHOSTUNREACH: ['host-unreachable', 'cannot be reached any more'],
  ENETUNREACH: ['network-unreachable', 'cannot be reached any more; is this machine online?'],
  ENETDOWN: ['network-unreachable', 'cannot be reached any more: the network is down'],
};

/** What a connect failed with. `peer` is `host:port`, for people. */
export function connectError(error: NodeJS.ErrnoException, peer: string): TransportError {
  const [condition, text] = CONNECTING[error.code ?? ''] ?? [
    'connection-failed',
    `cannot be connected to (${reason(error)})`,
  ];
  return new TransportError({ condition, text: `${peer} ${text}`, phase: 'connect', cause: error });
}

/** What an open connection was lost with. Its phase is known only to whoever uses the connection. */
export function lossError(error: NodeJS.ErrnoException, peer: string): XmppError {
  if (error.code?.startsWith('ERR_SSL_') || error.code === 'EPROTO') {
    // In TLS 1.3 a server refuses a client certificate only after its side of the handshake.
    return new TlsError({
      condition: 'handshake-failed',
      text: `${peer} broke off TLS (${reason(error)})`,
      cause: error,
    });
  }
  const [condition, text] = IN_USE[error.code ?? ''] ?? ['connection-failed', `was lost (${reason(error)})`];
  return new TransportError({ condition, text: `${peer} ${text}`, cause: error });
}

export function closedError(peer: string): TransportError {
  return new TransportError({ condition: 'connection-closed', text: `${peer} closed the connection` });
}

export function reason(error: NodeJS.ErrnoException): string {
  return error.code ?? error.message;
}
