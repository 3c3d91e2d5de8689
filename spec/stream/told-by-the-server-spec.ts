import { Subject } from 'rxjs';
import type { StanzaError, StreamError, XmppError } from '../../lib/errors/index.js';
import { Secrets } from '../../lib/stream/secrets.js';
import { XmlStream } from '../../lib/stream/xml-stream.js';
import { expects, mute, reply } from '../../lib/testing.js';
import { NS, xml } from '../../lib/xml/index.js';
import { sessionInit, sessionRun } from '../support/session-run.js';
import { stubConnection } from '../support/stub-connection.js';
import { BIND, DOMAIN, features, hearsBind, mechanisms, opens, auth, serverHeader } from '../support/wire.js';
import { tag, watchUnhandled, WireRun } from '../support/wire-run.js';

const SECRET = 'pencil';
const defined = (name: string, text = '') => `<${name} xmlns='${NS.streams}'>${text}</${name}>`;
const OWN = `<x xmlns='urn:y'/>`;

describe('a stream error of the server (RFC 6120 section 4.9)', () => {
  watchUnhandled();

  function received(content: string, ...secrets: string[]): StreamError {
    const input$ = new Subject<string>();
    const own = new XmlStream(stubConnection(input$, { tls: { protocol: 'TLSv1.3' } }));
    own.secrets.add(...secrets);
    let error: StreamError | undefined;
    own.open({ to: DOMAIN });
    own.element$.subscribe({ error: (reason: StreamError) => (error = reason) });
    input$.next(`${serverHeader()}<stream:error>${content}</stream:error>`);
    return error!;
  }

  it.each<[string, string, string, RegExp]>([
    ['a condition alone', defined('reset'), 'reset', /server[^:]*$/],
    ['with a text', defined('reset') + defined('text', ' gone\n'), 'reset', /: gone$/],
    ['a text before it', defined('text', ' gone\n') + defined('reset'), 'reset', /: gone$/],
    ['with a condition of its own', defined('reset') + OWN, 'reset', /: \{urn:y\}x$/],
    ['with both', defined('reset') + defined('text', 'gone') + OWN, 'reset', /: gone \{urn:y\}x$/],
    ['white space between', `\n${defined('reset')}\n`, 'reset', /server[^:]*$/],
    ['nothing', '', 'undefined-condition', /server[^:]*$/],
    ['one of its own alone', OWN, 'undefined-condition', /: \{urn:y\}x$/],
    ['a text of another namespace', `<text xmlns='urn:y'>a</text>`, 'undefined-condition', /: \{urn:y\}text$/],
  ])('%s', (_, content, condition, text) => {
    const error = received(content);
    expect(error).toMatchObject({ layer: 'stream', condition, origin: 'remote', location: undefined });
    expect(error.text).toMatch(text);
  });

  it('says nothing that it was told in secret, and is known by its condition all the same', () => {
    const error = received(defined('reset') + defined('text', `no ${SECRET}`), SECRET, 'res');
    expect(error.condition).toBe('reset');
    expect(error.text).not.toContain(SECRET);
    expect(received(defined(SECRET), SECRET).condition).toBe('undefined-condition');
  });

  it('sends us on only by see-other-host, and never by a secret', () => {
    expect(received(defined('see-other-host', 'b.example')).location).toBe('b.example');
    expect(received(defined('see-other-host', `${SECRET}.example`), SECRET).location).toBeUndefined();
    expect(received(defined('host-gone', 'b.example')).location).toBeUndefined();
  });
});

describe('secrets', () => {
  const secretsOf = (...known: (string | undefined)[]) => {
    const secrets = new Secrets();
    secrets.add(...known);
    return secrets;
  };

  it('are what was sent, but for an empty response', () => {
    const secrets = secretsOf('abc', undefined, '', '=');
    expect(secrets.told('a = b')).toBe('a = b');
    expect(secrets.told('xabcx')).toBe('');
    expect(secrets.told('')).toBe('');
  });

  it('of three letters do not change what a condition means', () => {
    const secrets = secretsOf('res', 'conf', 'item');
    expect(secrets.condition('reset')).toBe('reset');
    expect(secrets.condition('conflict')).toBe('undefined-condition');
    expect(secrets.condition(undefined)).toBe('undefined-condition');
  });
});

describe('a stanza error (RFC 6120 section 8.3)', () => {
  watchUnhandled();

  function answered(error: string): StanzaError {
    const run = sessionRun([
      expects(/<iq (?=.* id='(?<id>[^']+)')/),
      reply(`<iq type='error' id='{id}' from='bob@b.example'><query xmlns='urn:example'/>${error}</iq>`),
      mute(),
    ]);
    let told: StanzaError | undefined;
    run.session
      .iq('get', xml('query', { xmlns: 'urn:example' }), 'bob@b.example')
      .subscribe({ error: (reason: StanzaError) => (told = reason) });
    run.flush(1);
    run.unsubscribe();
    return told!;
  }
  const stanza = (name: string, text = '') => `<${name} xmlns='${NS.stanzas}'>${text}</${name}>`;

  it('is told as it is', () => {
    expect(
      answered(
        `<error type='modify' by='b.example'>\n${stanza('text', ' no\n')}${stanza('bad-request')}${OWN}</error>`,
      ),
    ).toMatchObject({
      condition: 'bad-request',
      phase: 'online',
      type: 'modify',
      by: 'b.example',
      application: '{urn:y}x',
      text: 'no',
    });
  });

  it('has its condition in its own namespace alone', () => {
    expect(answered(`<error>${OWN}${stanza('gone')}</error>`)).toMatchObject({
      condition: 'gone',
      application: '{urn:y}x',
    });
  });

  it.each(['auth', 'cancel', 'continue', 'modify', 'wait'])('of type %s', (type) => {
    expect(answered(`<error type='${type}'/>`)).toMatchObject({ type, retryable: type === 'wait' });
  });

  it.each(['', `type=''`, `type='fatal'`, `type='xwait'`, `type='waits'`])(
    'of type cancel, where it is of none: %s',
    (attrs) => {
      expect(answered(`<error ${attrs}/>`).type).toBe('cancel');
    },
  );

  it('that says nothing comes from whom it comes', () => {
    const nothing = { condition: 'undefined-condition', by: 'bob@b.example', application: undefined, text: '' };
    expect(answered('')).toMatchObject(nothing);
    expect(answered('<error/>')).toMatchObject(nothing);
  });

  it('repeats no secret', () => {
    const error = `<error by='${SECRET}'>${stanza(SECRET)}${stanza('text', SECRET)}<x xmlns='${SECRET}'/></error>`;
    const run = new WireRun(
      [
        opens(features(mechanisms('EXTERNAL')), { secure: true }),
        auth('EXTERNAL', ''),
        opens(features(BIND), { secure: true }),
        hearsBind(),
        reply(`<iq type='error' id='{bind}'>${error}</iq>`),
        mute(),
      ],
      sessionInit({ options: { credentials: { external: true, password: SECRET } } }),
    ).flush(0);
    expect(tag(run.error)).toBe('stanza undefined-condition (bind)');
    expect(run.error).toMatchObject({ by: undefined, application: undefined });
    expect((run.error as XmppError).text).not.toContain(SECRET);
  });
});

describe("a server's header (RFC 6120 section 4.7)", () => {
  watchUnhandled();

  const outcome = (attrs: Readonly<Record<string, string | null>>) => {
    const run = new WireRun([opens(features(), { header: serverHeader(attrs) }), mute()]).flush(0);
    const error = run.error as XmppError | undefined;
    run.unsubscribe();
    return error ? `${tag(error)} ${error.text}` : run.outcome;
  };

  it.each([
    [{}],
    [{ from: DOMAIN.toUpperCase() }],
    [{ from: null }],
    [{ version: '1.1' }],
    [{ version: '2.0' }],
    [{ version: '10.25' }],
  ])('is one: %j', (attrs) => {
    // It goes on, and asks for TLS.
    expect(outcome(attrs)).toBe('pending');
  });

  it.each<[Record<string, string | null>, RegExp]>([
    [{ version: null }, /^stream unsupported-version \(open\) local .*\w/],
    [{ version: '0.9' }, /^stream unsupported-version \(open\) local .*0\.9/],
    [{ version: '1' }, /^stream unsupported-version \(open\) local .*'1'/],
    [{ version: '1.' }, /^stream unsupported-version /],
    [{ version: 'x1.0' }, /^stream unsupported-version /],
    [{ version: '1.0x' }, /^stream unsupported-version /],
    [{ id: null }, /^stream bad-format \(open\) local .*id/],
    [{ id: '' }, /^stream bad-format \(open\) local .*id/],
    [{ from: 'other.example' }, /^stream invalid-from \(open\) local .*other\.example/],
    [{ from: `a@${DOMAIN}` }, /^stream invalid-from /],
    [{ from: `${DOMAIN}/a` }, /^stream invalid-from /],
    [{ from: '@' }, /^stream invalid-from /],
    [{ xmlns: 'jabber:server' }, /^stream invalid-namespace \(open\) local .*jabber:server/],
  ])('is none: %j', (attrs, expected) => {
    expect(outcome(attrs)).toMatch(expected);
  });
});
