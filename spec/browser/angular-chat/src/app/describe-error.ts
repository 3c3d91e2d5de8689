import type { XmppError } from 'rxmpp';

/** What of an error means something to whoever reads it. */
const sentences: Record<string, string> = {
  'not-authorized': 'The address or the password is wrong.',
  'account-disabled': 'This account is disabled.',
  'credentials-expired': 'The password has expired.',
  'temporary-auth-failure': 'The server cannot check passwords at the moment.',
  'websocket-failed': 'The server cannot be reached.',
  'subprotocol-mismatch': 'There is something at this address, but no chat server.',
  'insecure-url': 'The connection would not be encrypted.',
  'bad-url': 'The server’s address must begin with wss://.',
  'discovery-failed': 'We could not find the chat server of this domain.',
  'network-unreachable': 'There is no network.',
  'connection-closed': 'The server closed the connection.',
  'host-unknown': 'This server does not know the domain of your address.',
  'remote-connection-failed': 'The server cannot be reached at the moment.',
  'system-shutdown': 'The server is restarting.',
  conflict: 'You signed in somewhere else, and this session was ended.',
  timeout: 'The server did not answer in time.',
};

/** What whoever is signing in can do about it. */
const advice: Record<string, string> = {
  'account-disabled': 'Ask whoever runs the server.',
  'credentials-expired': 'Set a new one with your provider.',
  'temporary-auth-failure': 'Try again in a minute.',
  'websocket-failed': 'Check the address, and your connection.',
  'insecure-url': 'The server’s address must begin with wss://.',
  'discovery-failed': 'Enter its address under “Server”.',
};

/** What happened, in one sentence. */
export function describeError(error: XmppError): string {
  return sentences[error.condition] ?? `Something went wrong: ${error.message}`;
}

/** What happened, and what to do. */
export function describeWithAdvice(error: XmppError): string {
  return [describeError(error), advice[error.condition] ?? ''].join(' ').trim();
}
