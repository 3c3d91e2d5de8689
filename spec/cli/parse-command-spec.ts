import { parseCommand } from '../../lib/cli/parse-command.js';
import { UsageError } from '../../lib/errors/index.js';

const live = {
  kind: 'live',
  json: false,
  color: true,
  account: { jid: 'alice@example.org' },
  host: undefined,
  port: undefined,
  ca: undefined,
  directTls: false,
  tls: 'required',
  to: undefined,
  resource: undefined,
  timeout: undefined,
  allowPlain: false,
};
const account = ['--jid', 'alice@example.org'];

describe('parseCommand', () => {
  it.each<[string, string[], object]>([
    ['nothing', [], { kind: 'demo', json: false, color: true }],
    ['the look of the demonstration', ['--json', '--no-color'], { kind: 'demo', json: true, color: false }],
    ['help', ['--help'], { kind: 'help' }],
    ['help, short, whatever else', ['-h', '--jid', '@@'], { kind: 'help' }],
    ['the version', ['-V'], { kind: 'version' }],
    ['an account', account, live],
    ['a JID, prepared', ['--jid', 'Alice@EXAMPLE.org/Phone'], { ...live, account: { jid: 'alice@example.org/Phone' } }],
    ['a value after =', ['--jid=alice@example.org', '--port=5269'], { ...live, port: 5269 }],
    ['no account', ['--anonymous', 'Example.org'], { ...live, account: { domain: 'example.org' } }],
    [
      'everything',
      [
        ...[...account, '--host', '::1', '--port', '65535', '--ca', 'ca.pem', '--direct-tls', '--tls', 'preferred'],
        ...['--to', 'Bob@example.org/x', '--resource', 'desk', '--timeout', '2.5', '--allow-plain', '--json'],
      ],
      {
        ...live,
        ...{ host: '::1', port: 65535, ca: 'ca.pem', directTls: true, tls: 'preferred', to: 'bob@example.org/x' },
        ...{ resource: 'desk', timeout: 2500, allowPlain: true, json: true },
      },
    ],
    ['the shortest time', [...account, '--timeout', '0.0001'], { ...live, timeout: 1 }],
    ['the last of two values', [...account, '--port', '1', '--port', '2'], { ...live, port: 2 }],
  ])('takes %s', (_, argv, command) => {
    expect(parseCommand(argv)).toEqual(command);
  });

  it.each<[string, string[], RegExp]>([
    ['an unknown option', ['--jidd', 'x@y'], /^there is no option --jidd; see rxmpp --help$/],
    ['an unknown short option', ['-x'], /^there is no option -x; see/],
    ['a password', [...account, '--password', 'hunter2'], /^a password is not taken .* XMPP_PASSWORD/],
    ['a password after =', ['--pass=hunter2'], /^a password is not taken .* XMPP_PASSWORD/],
    [
      'an argument without an option',
      [...account, 'hunter2'],
      /^there is an argument that belongs to no option \(.* --jid\); see/,
    ],
    ['an option without its value', ['--jid'], /^--jid needs a value/],
    ['an option in the place of a value', ['--jid', '--json'], /^--jid needs a value/],
    ['a value for none', [...account, '--json=hunter2'], /^--json takes no value/],
    ['an option that needs an account', ['--host', 'localhost'], /^--host needs --jid user@example.org/],
    ['two accounts', [...account, '--anonymous', 'example.org'], /^--jid and --anonymous exclude each other/],
    ['an empty JID', ['--jid', ''], /^--jid cannot be used: the domain part .*; write it as user@example\.org$/],
    ['a JID without a domain', ['--jid', 'alice@'], /^--jid cannot be used: the domain part/],
    ['a JID without a name before @', ['--jid', '@example.org'], /^--jid cannot be used: the local part/],
    ['a JID without a resource after /', ['--jid', 'a@example.org/'], /^--jid cannot be used: the resource part/],
    ['a JID with a space', ['--jid', 'al ice@example.org'], /^--jid cannot be used: the local part/],
    ['a JID with a password', ['--jid', 'alice:hunter2@example.org'], /^--jid cannot be used: the local part/],
    ['a domain as JID', ['--jid', 'example.org'], /^--jid has no user name before an @.*--anonymous/],
    ['an account as domain', ['--anonymous', 'a@example.org'], /^--anonymous takes a domain alone/],
    ['a bad addressee', [...account, '--to', 'bob@'], /^--to cannot be used: the domain part/],
    ['an empty resource', [...account, '--resource', ''], /^--resource cannot be used: .*leave it out/],
    ['an empty host', [...account, '--host', ''], /^--host is empty/],
    ['an empty file name', [...account, '--ca', ''], /^--ca is empty/],
    ...['0', '65536', '-1', '5222x', '1e3', '', ' 5222', '99999999'].map((port): [string, string[], RegExp] => [
      `port "${port}"`,
      [...account, `--port=${port}`],
      /^--port is a number of 1/,
    ]),
    ...['0', '-1', 'x', '', 'Infinity', '1e3', '86401'].map((time): [string, string[], RegExp] => [
      `timeout "${time}"`,
      [...account, `--timeout=${time}`],
      /^--timeout is a number/,
    ]),
    ['an unknown policy', [...account, '--tls', 'maybe'], /^--tls is required, preferred or disabled/],
    ['TLS and none', [...account, '--direct-tls', '--tls', 'disabled'], /^--direct-tls and --tls disabled exclude/],
  ])('refuses %s', (_, argv, message) => {
    let error: unknown;
    try {
      parseCommand(argv);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(UsageError);
    expect((error as UsageError).text).toMatch(message);
    expect((error as UsageError).text).not.toContain('hunter2');
  });
});
