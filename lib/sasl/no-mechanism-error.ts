import { SaslError } from '../errors/index.js';
import { isPlus } from './channel-binding.js';
import type { SaslContext } from './mechanism.js';
import { isPinnedAgainstPlain } from './plain.js';
import { usernameOf } from './prepare.js';

/** What a mechanism may be called (RFC 4422 section 3.1). Anything else is the server's, and stays out of logs. */
const registrable = /^[A-Z0-9_-]{1,20}$/;

/** Says what the server offered and what it would take, where `selectMechanism` finds nothing. */
export function noMechanismError(context: SaslContext): SaslError {
  return new SaslError({ condition: 'no-mechanism', text: `${offer(context)}; ${remedy(context)}` });
}

function offer({ offered }: SaslContext): string {
  const names = offered.filter((name) => registrable.test(name));
  if (names.length === 0) return `the server offers no ${offered.length ? 'known' : 'SASL'} mechanism`;
  return `the server offers ${names.length === 1 ? 'only ' : ''}${names.slice(0, 16).join(', ')}`;
}

function remedy(context: SaslContext): string {
  const { credentials, secure } = context;
  const wanted = credentials.mechanisms?.map(({ name }) => name);
  const offered = wanted ? context.offered.filter((name) => wanted.includes(name)) : context.offered;
  const offers = (test: (name: string) => boolean) => offered.some(test);
  const takesPassword = (name: string) => name === 'PLAIN' || name.startsWith('SCRAM-');

  if (wanted && offered.length === 0) return `credentials.mechanisms allows only ${wanted.join(', ') || 'none'}`;
  if (credentials.anonymous) return 'credentials.anonymous needs ANONYMOUS';
  if (credentials.external && !secure) return 'credentials.external needs TLS';
  if (credentials.external && credentials.password === undefined) return 'credentials.external needs EXTERNAL';
  if (credentials.password === undefined) {
    if (offers(takesPassword)) return 'set credentials.password';
    if (offers((name) => name === 'ANONYMOUS')) return 'set credentials.anonymous to permit it';
    if (offers((name) => name === 'EXTERNAL')) return 'set credentials.external to permit it';
    return 'there are no credentials that it takes';
  }
  if (offers(takesPassword) && usernameOf(context) === undefined) return 'set credentials.username';
  if (offers((name) => name === 'PLAIN')) {
    if (isPinnedAgainstPlain(context)) {
      return 'PLAIN is refused because this account has authenticated with a better mechanism before';
    }
    if (!secure) return 'PLAIN needs TLS';
    if (!credentials.allowPlain) return 'set credentials.allowPlain to permit it';
  }
  if (offers((name) => name.startsWith('SCRAM-') && isPlus(name))) {
    return 'SCRAM with channel binding needs a TLS connection that gives the binding data';
  }
  return wanted ? 'the credentials are not what it takes' : 'a password needs SCRAM-SHA-1, -256 or -512, or PLAIN';
}
