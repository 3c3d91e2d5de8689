import { explain, inOptions } from '../../lib/cli/explain.js';
import {
  SaslError,
  StreamError,
  TlsError,
  TransportError,
  UsageError,
  XmppTimeoutError,
  type Phase,
} from '../../lib/errors/index.js';

describe('explain', () => {
  it.each<[string, unknown, string]>([
    ['wrong usage, without a phase', new UsageError('bad-usage', '--port is a number'), '--port is a number'],
    [
      'what the text says already',
      new SaslError({ condition: 'not-authorized', text: 'refused; check the password' }),
      'failed in phase sasl (not-authorized): refused; check the password',
    ],
    [
      'an error without a text',
      new StreamError({ condition: 'conflict', origin: 'remote', phase: 'online' }),
      'failed in phase online (conflict): the same resource was connected elsewhere; choose another by --resource',
    ],
    [
      'bytes that are no XMPP in a session, where it was one before',
      new StreamError({ condition: 'not-well-formed', text: 'bad', phase: 'online' }),
      'failed in phase online (not-well-formed): bad',
    ],
    [
      'what a server says, on one line',
      new StreamError({ condition: 'reset', origin: 'remote', text: 'said: a\n\u009bb', phase: 'online' }),
      'failed in phase online (reset): said: a\\n\\u{9b}b',
    ],
    [
      'a loss',
      new TransportError({ condition: 'connection-reset', text: '127.0.0.1:1 reset the connection', phase: 'online' }),
      'failed in phase online (connection-reset): 127.0.0.1:1 reset the connection',
    ],
    [
      'a dead link',
      new XmppTimeoutError('online', 15000, 'the server gave no sign of life within 15000 ms'),
      'failed in phase online (timeout): the server gave no sign of life within 15000 ms; the link is dead',
    ],
    [
      'a deadline',
      new XmppTimeoutError('bind', 60000, '', 'deadline'),
      'failed in phase bind (deadline): not online within 60000 ms: the server says nothing; try again later, or give it longer by --timeout',
    ],
    ['what is none of ours', new TypeError('x is not\na function'), 'unexpectedly failed: x is not\\na function'],
    ['what is no error', 'boo', 'unexpectedly failed: boo'],
  ])('%s', (_, error, sentence) => {
    expect(explain(error)).toBe(sentence);
  });

  it.each<Phase>(['resolve', 'connect', 'tls', 'open', 'features', 'starttls', 'sasl', 'bind', 'enable', 'resume'])(
    'a timeout in phase %s names it and what to do',
    (phase) => {
      expect(explain(new XmppTimeoutError(phase, 70))).toMatch(
        new RegExp(`^failed in phase ${phase} \\(timeout\\): nothing within 70 ms: .*(\\?|; try again).*$`),
      );
    },
  );

  it('names --ca where a certificate is not trusted, in one way or another', () => {
    const untrusted = (text: string) =>
      explain(new TlsError({ condition: 'untrusted-certificate', text, phase: 'tls' }));
    expect(untrusted('it leads nowhere; if private, pass its certificate as `tls: { ca }`')).toContain('--ca FILE');
    expect(untrusted('it has a wrong signature')).toContain('--ca');
  });

  it.each([
    ['pass it as `tls: { ca }`', 'give it by --ca FILE'],
    ["try `security: 'starttls'`", 'try it without --direct-tls'],
    ['`tls: "preferred"` would do', '--tls preferred would do'],
    ['PLAIN needs credentials.allowPlain', 'PLAIN needs --allow-plain'],
    ['ANONYMOUS needs credentials.anonymous', 'ANONYMOUS needs --anonymous DOMAIN in place of --jid'],
    ['PLAIN needs credentials.password', 'PLAIN needs XMPP_PASSWORD'],
    ['give `host` and `port`, or leave `security` out', 'give --host and --port, or leave out --direct-tls'],
    ['it does not tell where its WebSocket is; set `url`', 'it does not tell where its WebSocket is'],
    ['nothing of ours', 'nothing of ours'],
  ])('says "%s" in the words of the command', (text, told) => {
    expect(inOptions(text)).toBe(told);
  });
});
