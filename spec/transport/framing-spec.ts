import { framesFraming, framingOf, streamFraming } from '../../lib/transport/framing.js';
import { NS, xml } from '../../lib/xml/index.js';

/** Tag, attributes in no order, and how it ends. */
function tag(text: string) {
  const [, before, name, attributes, end] = /^(<\?xml[^>]*\?>)?<([\w:]+)((?: [\w:]+='[^']*')*)(\/?>)$/.exec(text)!;
  const pairs = [...attributes!.matchAll(/ ([\w:]+)='([^']*)'/g)].map(([, key, value]) => [key, value]);
  return { before, name, attributes: Object.fromEntries(pairs) as Record<string, string>, end };
}

describe('framing: <stream:stream> (RFC 6120)', () => {
  it('opens a document, and leaves its root open', () => {
    expect(tag(streamFraming.header({ to: 'example.org' }))).toEqual({
      before: `<?xml version='1.0'?>`,
      name: 'stream:stream',
      attributes: { 'xmlns:stream': NS.stream, xmlns: NS.client, to: 'example.org', version: '1.0' },
      end: '>',
    });
  });

  it('says who we are and our language where it is told, escaped', () => {
    const { attributes } = tag(streamFraming.header({ to: 'a.example', from: `o'neil&co@a.example`, lang: 'de' }));
    expect(attributes).toMatchObject({ to: 'a.example', from: 'o&apos;neil&amp;co@a.example', 'xml:lang': 'de' });
  });

  it('closes it', () => {
    expect(streamFraming.footer).toBe('</stream:stream>');
  });

  it('declares no namespace that the header has declared', () => {
    expect(streamFraming.element(xml('presence'))).toBe('<presence/>');
    expect(streamFraming.element(xml('r', { xmlns: 'urn:xmpp:sm:3' }))).toBe(`<r xmlns='urn:xmpp:sm:3'/>`);
  });

  it('tells an error by the prefix that the header has declared', () => {
    expect(streamFraming.error('bad-format', '')).toBe(
      `<stream:error><bad-format xmlns='${NS.streams}'/></stream:error>`,
    );
    const told = streamFraming.error('bad-format', 'why & how');
    expect(told).toMatch(
      /^<stream:error><bad-format xmlns='[^']*'\/><text [^>]*>why &amp; how<\/text><\/stream:error>$/,
    );
    expect(tag(/<text [^>]*>/.exec(told)![0]).attributes).toEqual({ xmlns: NS.streams, 'xml:lang': 'en' });
  });
});

describe('framing: frames (RFC 7395)', () => {
  it('opens by an element of its own', () => {
    expect(tag(framesFraming.header({ to: 'example.org', from: 'a@example.org', lang: 'de' }))).toEqual({
      before: undefined,
      name: 'open',
      attributes: { xmlns: NS.framing, to: 'example.org', from: 'a@example.org', version: '1.0', 'xml:lang': 'de' },
      end: '/>',
    });
  });

  it('closes by one, too', () => {
    expect(framesFraming.footer).toBe(`<close xmlns='${NS.framing}'/>`);
  });

  it('declares the namespace of each element, since nothing is inherited', () => {
    expect(framesFraming.element(xml('presence'))).toBe(`<presence xmlns='jabber:client'/>`);
    expect(framesFraming.element(xml('message', { to: 'a' }, xml('body', {}, 'hi')))).toBe(
      `<message xmlns='jabber:client' to='a'><body>hi</body></message>`,
    );
    expect(framesFraming.element(xml('r', { xmlns: 'urn:xmpp:sm:3' }))).toBe(`<r xmlns='urn:xmpp:sm:3'/>`);
  });

  it('tells an error as a frame of its own', () => {
    const told = framesFraming.error('bad-format', 'why');
    expect(told).toMatch(/^<(stream:)?error /);
    expect(told).toContain(NS.stream);
    expect(told).toContain(`<bad-format xmlns='${NS.streams}'/>`);
    expect(tag(/<text [^>]*>/.exec(told)![0]).attributes).toEqual({ xmlns: NS.streams, 'xml:lang': 'en' });
    expect(framesFraming.error('bad-format', '')).not.toContain('<text');
  });
});

it('framingOf', () => {
  expect([framingOf('stream'), framingOf('frames')]).toEqual([streamFraming, framesFraming]);
  expect([streamFraming.name, framesFraming.name]).toEqual(['stream', 'frames']);
});
