import { isIP } from 'node:net';
import { parseArgs, type ParseArgsConfig } from 'node:util';
import { JidError, UsageError } from '../errors/index.js';
import { jid, type Jid } from '../jid/index.js';
import type { TlsPolicy } from '../transport/transport.js';
import type { Appearance, Command, DoctorCommand } from './command.js';

const OPTIONS = {
  jid: { type: 'string' },
  anonymous: { type: 'string' },
  host: { type: 'string' },
  port: { type: 'string' },
  ca: { type: 'string' },
  dns: { type: 'string' },
  'direct-tls': { type: 'boolean' },
  tls: { type: 'string' },
  to: { type: 'string' },
  resource: { type: 'string' },
  timeout: { type: 'string' },
  'allow-plain': { type: 'boolean' },
  json: { type: 'boolean' },
  'no-color': { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'V' },
} as const satisfies ParseArgsConfig['options'];

/** Options that make sense without an account. */
const FOR_ALL: readonly string[] = ['json', 'no-color', 'help', 'version'];

const POLICIES: readonly string[] = ['required', 'preferred', 'disabled'] satisfies TlsPolicy[];

/** A day: longer than anybody waits, and short enough for a timer. */
const MAX_TIMEOUT = 86_400;

/**
 * Reads the command line. Values that are wrong are not repeated where they could be a password.
 *
 * @throws UsageError With one sentence that names the option and the remedy.
 */
export function parseCommand(argv: readonly string[]): Command {
  const { values, positionals } = parse(argv);
  if (values.help) return { kind: 'help' };
  if (values.version) return { kind: 'version' };
  const appearance = { json: values.json ?? false, color: !values['no-color'] };
  if (positionals.length > 0) return doctorCommand(positionals, values, appearance);
  if (values.dns !== undefined) throw usage('--dns is for rxmpp doctor; --host goes without the DNS');
  if (values.jid === undefined && values.anonymous === undefined) {
    const idle = Object.keys(values).find((name) => !FOR_ALL.includes(name));
    if (idle) throw usage(`--${idle} needs --jid user@example.org (without --jid a demonstration is run)`);
    return { kind: 'demo', ...appearance };
  }
  const tls = policy(values.tls);
  const directTls = values['direct-tls'] ?? false;
  if (directTls && tls === 'disabled') throw usage('--direct-tls and --tls disabled exclude each other; leave one out');
  const account = accountOf(values.jid, values.anonymous);
  if (values.host === '') throw usage('--host is empty; give a host name or an IP address, or leave it out');
  if (values.ca === '') throw usage('--ca is empty; give the name of a file with PEM certificates');
  return {
    kind: 'live',
    ...appearance,
    account,
    host: values.host,
    port: port(values.port),
    ca: values.ca,
    directTls,
    tls,
    to: values.to === undefined ? undefined : address('to', values.to).toString(),
    resource: resource(values.resource),
    timeout: timeout(values.timeout),
    allowPlain: values['allow-plain'] ?? false,
  };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: OPTIONS, strict: true, allowPositionals: true });
  } catch (error) {
    throw usage(explainSyntax(error as Error & { code?: string }));
  }
}

/** Node's messages, in our words: they quote arguments, and one of these could be a password. */
function explainSyntax({ code, message }: Error & { code?: string }): string {
  const option = /--?[a-z][\w-]*/i.exec(message)?.[0] ?? 'an option';
  switch (code) {
    case 'ERR_PARSE_ARGS_UNKNOWN_OPTION':
      if (/^--?pass/i.test(option)) {
        return 'a password is not taken from the command line, where others could read it; set XMPP_PASSWORD, or type it when asked';
      }
      return `there is no option ${option}; see rxmpp --help`;
    default: {
      const takes = Object.entries(OPTIONS).find(([name]) => option === `--${name}`)?.[1].type !== 'boolean';
      return takes ? `${option} needs a value; see rxmpp --help` : `${option} takes no value; see rxmpp --help`;
    }
  }
}

/** Options that an examination takes. */
const FOR_DOCTOR: readonly string[] = ['ca', 'dns', 'timeout', 'json', 'no-color'];

function doctorCommand(
  [command, who, ...more]: readonly string[],
  values: ReturnType<typeof parse>['values'],
  appearance: Appearance,
): DoctorCommand {
  if (command !== 'doctor') {
    throw usage('there is an argument that belongs to no option (an account is given by --jid); see rxmpp --help');
  }
  if (who === undefined || more.length > 0) {
    throw usage('rxmpp doctor takes one domain or JID, as in rxmpp doctor example.org');
  }
  const idle = Object.keys(values).find((name) => !FOR_DOCTOR.includes(name));
  if (idle) throw usage(`rxmpp doctor takes no --${idle}; see rxmpp --help`);
  if (values.ca === '') throw usage('--ca is empty; give the name of a file with PEM certificates');
  return {
    kind: 'doctor',
    ...appearance,
    who: address('doctor', who).toString(),
    dns: dnsServer(values.dns),
    ca: values.ca,
    timeout: timeout(values.timeout),
  };
}

function dnsServer(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const [, v6, v4, at] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = v6 ?? v4 ?? '';
  const number = at === undefined ? 53 : Number(at);
  if (isIP(host) === (v6 === undefined ? 4 : 6) && number > 0 && number < 65_536) return text;
  throw usage('--dns is the IP address of a DNS server, as in --dns 192.0.2.53 or --dns [2001:db8::53]:5353');
}

function accountOf(given: string | undefined, anonymous: string | undefined) {
  if (given !== undefined && anonymous !== undefined) {
    throw usage('--jid and --anonymous exclude each other; leave one out');
  }
  if (anonymous !== undefined) {
    const domain = address('anonymous', anonymous);
    if (domain.local !== undefined || domain.resource !== undefined) {
      throw usage('--anonymous takes a domain alone, as in --anonymous example.org');
    }
    return { domain: domain.toString() };
  }
  const account = address('jid', given!);
  if (account.local === undefined) {
    throw usage('--jid has no user name before an @; write user@example.org (or use --anonymous with a domain)');
  }
  return { jid: account.toString() };
}

function address(option: 'jid' | 'anonymous' | 'to' | 'doctor', text: string): Jid {
  try {
    return jid(text);
  } catch (error) {
    if (!(error instanceof JidError)) throw error;
    const form = option === 'anonymous' || option === 'doctor' ? 'example.org' : 'user@example.org';
    const name = option === 'doctor' ? 'what rxmpp doctor is given' : `--${option}`;
    throw usage(`${name} cannot be used: ${error.text}; write it as ${form}`, error);
  }
}

function resource(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  try {
    return jid('example.org').withResource(text).resource;
  } catch (error) {
    if (!(error instanceof JidError)) throw error;
    throw usage(`--resource cannot be used: ${error.text}; leave it out, and the server chooses one`, error);
  }
}

function policy(text = 'required'): TlsPolicy {
  if (POLICIES.includes(text)) return text as TlsPolicy;
  throw usage('--tls is required, preferred or disabled; leave it out for required');
}

function port(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const number = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (number > 0 && number < 65_536) return number;
  throw usage('--port is a number of 1 to 65535, as in --port 5222');
}

function timeout(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : 0;
  if (seconds > 0 && seconds <= MAX_TIMEOUT) return Math.ceil(seconds * 1000);
  throw usage(`--timeout is a number of seconds above 0, at most ${MAX_TIMEOUT}, as in --timeout 2.5`);
}

function usage(text: string, cause?: unknown): UsageError {
  return new UsageError('bad-usage', text, cause);
}
