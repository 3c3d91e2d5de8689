import type { XmppError } from 'rxmpp';

/** What of an error helps whoever reads it. */
const sentences: Record<string, string> = {
  'not-authorized': 'The address or the password is wrong.',
  'account-disabled': 'This account is disabled. Ask whoever runs the server.',
  'credentials-expired': 'The password has expired. Set a new one with your provider.',
  'temporary-auth-failure': 'The server cannot check passwords at the moment. Try again in a minute.',
  'websocket-failed': 'The server cannot be reached. Check the address, and your connection.',
  'subprotocol-mismatch': 'There is something at this address, but no chat server.',
  'insecure-url': 'The connection would not be encrypted. The server’s address must begin with wss://.',
  'bad-url': 'The server’s address must begin with wss://.',
  'discovery-failed': 'We could not find the chat server of this domain. Enter its address under “Server”.',
  'network-unreachable': 'There is no network.',
  'connection-closed': 'The server closed the connection.',
  'host-unknown': 'This server does not know the domain of your address.',
  'remote-connection-failed': 'The server cannot be reached at the moment.',
  'system-shutdown': 'The server is restarting.',
  conflict: 'You signed in somewhere else, and this session was ended.',
  timeout: 'The server did not answer in time.',
};

export function describeError(error: XmppError): string {
  return sentences[error.condition] ?? `Something went wrong: ${error.message}`;
}
