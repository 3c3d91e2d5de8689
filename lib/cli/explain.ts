import { StreamError, XmppError, XmppTimeoutError, type Phase } from '../errors/index.js';
import { DemoError } from './demo/demo-error.js';
import { visible } from './visible.js';

/** One sentence for whoever called the command: the phase, what happened, and what to do. */
export function explain(error: unknown): string {
  if (error instanceof DemoError) return error.message;
  if (!(error instanceof XmppError)) {
    // Nothing of ours: a defect, or a fault of the machine.
    return visible(`unexpectedly failed: ${error instanceof Error ? error.message : String(error)}`);
  }
  const { condition, phase } = error;
  const text = describe(error);
  if (error.layer === 'usage' || phase === undefined) return visible(text);
  return visible(`failed in phase ${phase} (${condition}): ${text}`);
}

function describe(error: XmppError): string {
  if (error instanceof XmppTimeoutError) return describeTimeout(error);
  const text = inOptions(error.text).replace(/\.$/, '');
  // What stands behind a semicolon is a remedy already.
  const remedy = text.includes('; ') ? undefined : remedyFor(error);
  return [text, remedy].filter(Boolean).join('; ');
}

const NO_XMPP =
  'is it an XMPP server, and the port right? (a port that wants TLS from the first byte needs --direct-tls)';

const TIMEOUTS: Partial<Record<Phase, string>> = {
  resolve: 'no answer from the DNS; is this machine online? (--host goes without the DNS)',
  connect: 'no connection; are host and port right, and does a firewall let them through?',
  tls: 'no end to the TLS handshake; does the server speak TLS on this port?',
  open: `the server takes connections and says nothing; ${NO_XMPP}`,
};

function describeTimeout({ phase, due, condition, text }: XmppTimeoutError): string {
  const within = `within ${due} ms`;
  if (phase === 'online') return `${text}; the link is dead`;
  const what = (phase && TIMEOUTS[phase]) ?? 'the server says nothing; try again later, or give it longer by --timeout';
  return `${condition === 'deadline' ? 'not online' : 'nothing'} ${within}: ${what}`;
}

/** Conditions whose text says only what is wrong. */
const REMEDIES: Readonly<Record<string, string>> = {
  'untrusted-certificate': 'is the file of --ca that of its CA?',
  'wrong-identity': 'is the domain of the JID right? (--host only says where to dial)',
  'tls-unavailable': 'use a server or port that has TLS; --tls preferred would go on without',
  'host-unknown': 'the server does not serve this domain; check the domain of the JID, and --host',
  conflict: 'the same resource was connected elsewhere; choose another by --resource',
  'system-shutdown': 'the server is going down; try again later',
  'server-not-authentic': 'this may be a false server; do not give it the password by other means',
  'feature-missing': 'ask the operator of the server',
  'policy-violation': 'ask the operator of the server',
  'not-allowed': 'ask the operator of the server',
  'resource-constraint': 'the server or the account has too many sessions; try again later',
};

/** RFC 6120 section 6.5, for people. */
const SASL_REMEDIES: Readonly<Record<string, string>> = {
  'not-authorized': 'are user name and password right?',
  'account-disabled': "the account is disabled: ask the server's administrator",
  'credentials-expired': 'the credentials have expired: new ones are needed',
  'temporary-auth-failure': 'try again later',
  'encryption-required': 'it wants TLS for that',
  'server-not-authentic': REMEDIES['server-not-authentic']!,
};

function remedyFor(error: XmppError): string | undefined {
  const { layer, condition, phase } = error;
  const beginning = phase === 'open' || phase === 'features';
  if (beginning && error instanceof StreamError && error.origin === 'local') return NO_XMPP;
  if (beginning && layer === 'transport') return NO_XMPP;
  if (layer === 'xml' || layer === 'transport') return undefined;
  return (layer === 'sasl' ? SASL_REMEDIES : REMEDIES)[condition];
}

/** What the library calls its options, in the words of the command. */
const WORDS: readonly (readonly [RegExp, string])[] = [
  [/pass (it|its certificate) as `tls: \{ ca \}`/g, 'give $1 by --ca FILE'],
  [/`tls: \{ ca \}`/g, '--ca FILE'],
  [/the `tls` options cannot be used/g, 'the file of --ca cannot be used'],
  [/try `security: 'starttls'`/g, 'try it without --direct-tls'],
  [/`security: 'direct'`/g, '--direct-tls'],
  [/give `host` and `port`, or leave `security` out/g, 'give --host and --port, or leave out --direct-tls'],
  [/`tls: ['"](required|preferred|disabled)['"]`/g, '--tls $1'],
  [/credentials\.allowPlain/g, '--allow-plain'],
  [/credentials\.anonymous/g, '--anonymous DOMAIN in place of --jid'],
  [/credentials\.password/g, 'XMPP_PASSWORD'],
  [/`localAddress` \(if given\)/g, 'the local address'],
  // The command has no WebSocket: the doctor only looks for one.
  [/; set `url`/g, ''],
];

export function inOptions(text: string): string {
  return WORDS.reduce((told, [words, ours]) => told.replace(words, ours), text);
}
