import { receivedStreamError } from '../../lib/stream/received-stream-error.js';
import { Secrets } from '../../lib/stream/secrets.js';
import { stanzaError } from '../../lib/stream/stanza-error-of.js';
import { headerFault, streamHeader } from '../../lib/stream/stream-header.js';
import { NS, xml, type XmlElement } from '../../lib/xml/index.js';

const defined = (name: string, ns: string, ...children: string[]) => xml(name, { xmlns: ns }, ...children);
const SECRET = 'w0nder';

function secretsOf(...known: (string | undefined)[]): Secrets {
  const secrets = new Secrets();
  secrets.add(...known);
  return secrets;
}

describe('a stream error of the server (RFC 6120 section 4.9)', () => {
  const received = (children: (XmlElement | string)[], secrets = new Secrets(), follow = true) =>
    receivedStreamError(xml('error', { xmlns: NS.stream }, ...children), secrets, () => follow);
  const TEXT = defined('text', NS.streams, '  gone\n');

  it.each<[string, (XmlElement | string)[], string, RegExp]>([
    ['a condition alone', [defined('reset', NS.streams)], 'reset', /^the server ended the stream$/],
    ['with a text', [defined('reset', NS.streams), TEXT], 'reset', /: gone$/],
    ['a text before it', [TEXT, defined('reset', NS.streams)], 'reset', /: gone$/],
    ['with a condition of its own', [defined('reset', NS.streams), defined('x', 'urn:y')], 'reset', /: \{urn:y\}x$/],
    ['with both', [defined('reset', NS.streams), TEXT, defined('x', 'urn:y')], 'reset', /: gone \{urn:y\}x$/],
    ['white space between', ['\n', defined('reset', NS.streams), '\n'], 'reset', /stream$/],
    ['nothing', [], 'undefined-condition', /stream$/],
    ['one of its own alone', [defined('x', 'urn:y')], 'undefined-condition', /: \{urn:y\}x$/],
    [
      'a text of another namespace is none',
      [defined('text', 'urn:y', 'gone')],
      'undefined-condition',
      /\{urn:y\}text$/,
    ],
  ])('%s', (_, children, condition, text) => {
    const error = received(children);
    expect(error).toMatchObject({ layer: 'stream', condition, origin: 'remote', location: undefined });
    expect(error.text).toMatch(text);
  });

  it('says nothing that it was told in secret, and is known by its condition all the same', () => {
    const secrets = secretsOf(SECRET, 'res');
    const error = received([defined('reset', NS.streams), defined('text', NS.streams, `no ${SECRET}`)], secrets);
    expect([error.condition, error.text]).toEqual(['reset', 'the server ended the stream']);
    expect(received([defined(SECRET, NS.streams)], secrets).condition).toBe('undefined-condition');
  });

  it('sends us on only by see-other-host, where we may follow, and never by a secret', () => {
    const to = (name: string, host: string, follow = true) =>
      received([defined(name, NS.streams, host)], secretsOf(SECRET), follow).location;
    expect(to('see-other-host', 'b.example')).toBe('b.example');
    expect(to('see-other-host', 'b.example', false)).toBeUndefined();
    expect(to('see-other-host', `${SECRET}.example`)).toBeUndefined();
    expect(to('host-gone', 'b.example')).toBeUndefined();
  });
});

describe('secrets', () => {
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
  const stanza = (attrs: Record<string, string>, ...children: (XmlElement | string)[]) =>
    xml('iq', { type: 'error', from: 'bob@b.example' }, xml('query'), xml('error', attrs, ...children));

  it('is told as it is', () => {
    const error = stanzaError(
      stanza(
        { type: 'modify', by: 'b.example' },
        '\n',
        defined('text', NS.stanzas, ' no\n'),
        defined('bad-request', NS.stanzas),
        defined('x', 'urn:y'),
      ),
    );
    expect(error).toMatchObject({
      condition: 'bad-request',
      phase: 'online',
      type: 'modify',
      by: 'b.example',
      application: '{urn:y}x',
      text: 'no',
    });
  });

  it.each(['auth', 'cancel', 'continue', 'modify', 'wait'])('of type %s', (type) => {
    expect(stanzaError(stanza({ type }), 'bind')).toMatchObject({ type, phase: 'bind', retryable: type === 'wait' });
  });

  it.each([{}, { type: '' }, { type: 'fatal' }])('of type cancel, where it is of none: %j', (attrs) => {
    expect(stanzaError(stanza(attrs as Record<string, string>)).type).toBe('cancel');
  });

  it('that says nothing comes from whom it comes', () => {
    const nothing = stanzaError(xml('iq', { type: 'error', from: 'bob@b.example' }));
    expect(nothing).toMatchObject({
      condition: 'undefined-condition',
      by: 'bob@b.example',
      application: undefined,
      text: '',
    });
    expect(stanzaError(xml('iq')).by).toBeUndefined();
  });

  it('repeats no secret', () => {
    const error = stanzaError(
      stanza({ by: SECRET }, defined(SECRET, NS.stanzas), defined('text', NS.stanzas, SECRET), defined('x', SECRET)),
      'bind',
      secretsOf(SECRET),
    );
    expect(error).toMatchObject({
      condition: 'undefined-condition',
      by: undefined,
      application: undefined,
      text: '',
    });
  });
});

describe("a server's header (RFC 6120 section 4.7)", () => {
  const fault = (
    attrs: Record<string, string | undefined>,
    framing: 'stream' | 'frames' = 'stream',
    ns: string = NS.client,
  ) => {
    const header = streamHeader(xml('stream', { id: '1', version: '1.0', ...attrs }), ns);
    const found = headerFault(header, framing, 'bücher.example');
    return found && `${found.condition} ${found.phase} ${found.text}`;
  };

  it.each([
    [{}],
    [{ from: 'bücher.example' }],
    [{ from: 'BÜCHER.example' }],
    [{ from: 'xn--bcher-kva.example' }],
    [{ version: '1.1' }],
    [{ version: '2.0' }],
    [{ version: '10.25' }],
  ])('is one: %j', (attrs) => {
    expect(fault(attrs)).toBeUndefined();
  });

  it.each([
    [{ version: undefined }, /^unsupported-version open .*none/],
    [{ version: '0.9' }, /^unsupported-version open .*0\.9/],
    [{ version: '1' }, /^unsupported-version open .*'1'/],
    [{ version: '1.' }, /^unsupported-version open/],
    [{ version: 'x1.0' }, /^unsupported-version open/],
    [{ version: '1.0x' }, /^unsupported-version open/],
    [{ id: undefined }, /^bad-format open .*id/],
    [{ id: '' }, /^bad-format open .*id/],
    [{ from: 'other.example' }, /^invalid-from open .*other\.example.*bücher\.example/],
    [{ from: 'a@bücher.example' }, /^invalid-from open/],
    [{ from: 'bücher.example/a' }, /^invalid-from open/],
    [{ from: '@' }, /^invalid-from open/],
  ])('is none: %j', (attrs, expected) => {
    expect(fault(attrs)).toMatch(expected);
  });

  it('is for clients; a frame declares its namespace by itself', () => {
    expect(fault({}, 'stream', 'jabber:server')).toMatch(/^invalid-namespace open .*jabber:server.*jabber:client/);
    expect(fault({}, 'frames', '')).toBeUndefined();
  });

  it('is read whole', () => {
    const attrs = { id: '1', from: 'a', to: 'b', version: '1.0', 'xml:lang': 'de' };
    expect(streamHeader(xml('stream', attrs), 'urn:x')).toEqual({
      ...{ id: '1', from: 'a', to: 'b', version: '1.0', lang: 'de' },
      contentNs: 'urn:x',
    });
  });
});
