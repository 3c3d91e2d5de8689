import { StreamParser } from '../../lib/xml/stream-parser.js';
import { XmlElement } from '../../lib/xml/xml-element.js';
import { HEADER, octets, parseChunks, replay, utf8 } from './replay.js';

const NSS = 'http://etherx.jabber.org/streams';
const OPENED = 'open stream jabber:client';

describe('StreamParser: what is told', () => {
  const told: [title: string, input: string, expected: string[]][] = [
    ['an empty element', '<presence/>', ['<presence/>']],
    ['attributes in both quotes', `<a b="it's" c='"'/>`, [`<a b='it&apos;s' c='&quot;'/>`]],
    ['white space in tags', "<a\n b = 'c'\t/><d ></d >", ["<a b='c'/>", '<d/>']],
    [
      'predefined entities',
      '<a b="&lt;&gt;&amp;&quot;&apos;">&lt;&gt;&amp;&quot;&apos;</a>',
      [`<a b='&lt;&gt;&amp;&quot;&apos;'>&lt;&gt;&amp;"'</a>`],
    ],
    ['a reference to the last character', '<a>&#x10FFFF;&#1114111;</a>', ['<a>\u{10ffff}\u{10ffff}</a>']],
    ['character references', '<a b="&#x41;&#66;&#10;">&#x1F600;&#13;</a>', ["<a b='AB&#10;'>\u{1f600}&#13;</a>"]],
    ['CDATA as text', '<a>x<![CDATA[<&]]>]]&gt;<![CDATA[]]]]><![CDATA[]]></a>', ['<a>x&lt;&amp;]]&gt;]]</a>']],
    ['] in text', '<a>]]x]>]</a>', ['<a>]]x]&gt;]</a>']],
    ['normalised line ends', '<a b="x\r\ny\tz">1\r\n2\r3\n</a>', ["<a b='x y z'>1\n2\n3\n</a>"]],
    [
      'Unicode',
      '<a b="ü">€ \u{1f600} \ufeff \ud7ff \ue000 \ufffd</a>',
      ["<a b='ü'>€ \u{1f600} \ufeff \ud7ff \ue000 \ufffd</a>"],
    ],
    ['names beyond ASCII', '<größe ñ="1" 名前="2"/>', ["<größe ñ='1' 名前='2'/>"]],
    ['mixed content', '<a>1<b/>2<c>3</c>4</a>', ['<a>1<b/>2<c>3</c>4</a>']],
    ['white space within stanzas', '<a> <b/>\n</a>', ['<a> <b/>\n</a>']],
    ['white space between stanzas is not', ' \n<a/>\t \r\n<b/>\r', ['<a/>', '<b/>']],
    [
      'names of Object.prototype',
      '<a __proto__="1" constructor="2" toString="3"/>',
      ["<a __proto__='1' constructor='2' toString='3'/>"],
    ],
    [
      'other namespaces',
      "<a xmlns='urn:a'><b/><c xmlns='urn:c'><d/></c><e/></a>",
      ["<a xmlns='urn:a'><b/><c xmlns='urn:c'><d/></c><e/></a>"],
    ],
    [
      'prefixes, resolved',
      "<p:a xmlns:p='urn:a' p:x='1'><b/><p:c/></p:a>",
      ["<a xmlns='urn:a' xmlns:n0='urn:a' n0:x='1'><b xmlns='jabber:client'/><c/></a>"],
    ],
    ['prefixes declared after use', "<p:a p:x='1' xmlns:p='urn:a'/>", ["<a xmlns='urn:a' xmlns:n0='urn:a' n0:x='1'/>"]],
    [
      'prefixes rebound within',
      "<p:a xmlns:p='urn:a'><p:a xmlns:p='urn:b'><p:c/></p:a><p:c/></p:a>",
      ["<a xmlns='urn:a'><a xmlns='urn:b'><c/></a><c/></a>"],
    ],
    ['no namespace', "<a><b xmlns=''><c/></b></a>", ["<a><b xmlns=''><c/></b></a>"]],
    ['no namespace, at the top level', "<a xmlns=''><b/></a>", ["<a xmlns=''><b/></a>"]],
    ['xml:lang', "<a xml:lang='de'/>", ["<a xml:lang='de'/>"]],
    ['other names of xml', "<a xml:lang='de' xml:space='preserve'/>", ["<a xml:lang='de' xml:space='preserve'/>"]],
    [
      'the prefix xml, declared',
      `<a xmlns:xml='http://www.w3.org/XML/1998/namespace' xml:lang='de'/>`,
      ["<a xml:lang='de'/>"],
    ],
    [
      'prefixes that are names of Object.prototype',
      "<__proto__:a xmlns:__proto__='urn:a'><constructor:b xmlns:constructor='urn:b'/><__proto__:c/></__proto__:a>",
      ["<a xmlns='urn:a'><b xmlns='urn:b'/><c/></a>"],
    ],
    [
      'features and error under any prefix',
      `<s:features xmlns:s='${NSS}'/><error xmlns='${NSS}'/>`,
      [`<stream:features xmlns:stream='${NSS}'/>`, `<stream:error xmlns:stream='${NSS}'/>`],
    ],
    [
      'stream:stream deep within a stanza is content',
      '<a><stream:stream/></a>',
      [`<a><stream:stream xmlns:stream='${NSS}'/></a>`],
    ],
    [
      'stream-like names in other namespaces',
      "<a><stream/></a><error xmlns='urn:x'/><stream/>",
      ['<a><stream/></a>', "<error xmlns='urn:x'/>", '<stream/>'],
    ],
    ['the footer', '<a/></stream:stream>', ['<a/>', 'close']],
    ['white space after the footer', '</stream:stream > \n', ['close']],
  ];

  it.each(told)('tells %s', (_, input, expected) => {
    expect(replay(HEADER + input)).toEqual([OPENED, ...expected]);
  });

  const headers: [title: string, input: string, expected: string][] = [
    ['no XML declaration', `<stream:stream xmlns='jabber:client' xmlns:stream='${NSS}'>`, 'jabber:client'],
    ['another prefix', `<s:stream xmlns:s='${NSS}' xmlns='jabber:server'>`, 'jabber:server'],
    ['no prefix', `<stream xmlns='${NSS}'>`, NSS],
    ['no content namespace', `<stream:stream xmlns:stream='${NSS}'>`, ''],
    [
      'encoding and standalone',
      `<?xml version="1.0" encoding="utf-8" standalone="yes" ?>\n<stream xmlns='${NSS}'>`,
      NSS,
    ],
    ['a later minor version of XML', `<?xml version='1.1'?><stream xmlns='${NSS}'>`, NSS],
    ['white space before', ` \n<stream xmlns='${NSS}'>`, NSS],
  ];

  it.each(headers)('tells a header with %s', (_, input, contentNs) => {
    expect(replay(input)).toEqual([`open stream ${contentNs}`]);
  });

  it('gives the header its attributes and no children', () => {
    let header: XmlElement | undefined;
    const parser = new StreamParser(
      { framing: 'stream' },
      { open: (element) => (header = element), element: fail, close: fail, error: fail },
    );
    parser.write(HEADER);
    expect(header).toBeInstanceOf(XmlElement);
    expect({ ...header!.attrs }).toEqual({ id: 's1', from: 'example.org', version: '1.0' });
    expect([header!.name, header!.xmlns, header!.children]).toEqual(['stream', NSS, []]);
  });

  it('tells a stream that is opened and closed at once', () => {
    expect(replay(`<stream:stream xmlns:stream='${NSS}'/>`)).toEqual(['open stream ', 'close']);
  });

  it('tells each element as soon as its last octet is there', () => {
    const log = parseChunks([HEADER, '<a>', '<b/></a']);
    expect(log).toEqual([OPENED]);
    expect(parseChunks([HEADER, '<a>', '<b/></a', '>'])).toEqual([OPENED, '<a><b/></a>']);
  });

  it('resolves xmlns of every element', () => {
    const elements: XmlElement[] = [];
    const parser = new StreamParser(
      { framing: 'stream' },
      { open: () => {}, element: (element) => elements.push(element), close: fail, error: fail },
    );
    parser.write(`${HEADER}<message xml:lang='de'><body/><p:x xmlns:p='urn:x' p:y='1' z='2'/></message>`);
    const [message] = elements;
    expect([message!.xmlns, message!.child('body')!.xmlns, message!.child('x')!.xmlns]).toEqual([
      'jabber:client',
      'jabber:client',
      'urn:x',
    ]);
    expect({ ...message!.attrs }).toEqual({ 'xml:lang': 'de' });
    expect({ ...message!.child('x')!.attrs }).toEqual({ '{urn:x}y': '1', z: '2' });
  });
});

describe('StreamParser: faults', () => {
  const faults: [title: string, input: string, condition: string][] = [
    // X1, RFC 6120 section 11.1
    ['X1 comment', '<!-- x -->', 'restricted-xml'],
    ['X1 comment, only begun', '<!-', 'restricted-xml'],
    ['X1 comment within a stanza', '<a>x<!-- x --></a>', 'restricted-xml'],
    ['X1 processing instruction', '<?php ?>', 'restricted-xml'],
    ['X1 processing instruction within a stanza', '<a><?x?></a>', 'restricted-xml'],
    ['X1 second XML declaration', "<?xml version='1.0'?>", 'restricted-xml'],
    ['X1 DTD', '<!DOCTYPE a>', 'restricted-xml'],
    ['X1 DTD within a stanza', '<a><!DOCTYPE a [ <!ENTITY x "y"> ]></a>', 'restricted-xml'],
    ['X1 declaration of an entity', '<a><!ENTITY x "y"></a>', 'restricted-xml'],
    ['X1 entity in text', '<a>&nbsp;</a>', 'restricted-xml'],
    ['X1 entity in a value', '<a b="&x;"/>', 'restricted-xml'],
    ['X1 entity named as an inherited property', '<a>&constructor;</a>', 'restricted-xml'],
    // Well-formedness
    ['wrong end tag', '<a></b>', 'not-well-formed'],
    ['wrong end tag, by case', '<a></A>', 'not-well-formed'],
    ['wrong end tag, by length', '<ab></a>', 'not-well-formed'],
    ['end tag by another prefix', "<p:a xmlns:p='u' xmlns:q='u'></q:a>", 'not-well-formed'],
    ['end tag without a name', '<a></>', 'not-well-formed'],
    ['end tag with an attribute', '<a></a b="">', 'not-well-formed'],
    ['footer within a stanza', '<a></stream:stream>', 'not-well-formed'],
    ['unquoted value', '<a b=c/>', 'not-well-formed'],
    ['no value', '<a b/>', 'not-well-formed'],
    ['no value before >', '<a b>', 'not-well-formed'],
    ['duplicate attribute', '<a b="" b=""/>', 'not-well-formed'],
    ['duplicate xmlns', '<a xmlns="u" xmlns="u"/>', 'not-well-formed'],
    ['duplicate declaration', '<a xmlns:p="u" xmlns:p="u"/>', 'not-well-formed'],
    ['no space between attributes', '<a b=""c=""/>', 'not-well-formed'],
    ['< in a value', '<a b="<"/>', 'not-well-formed'],
    ['stray /', '<a / b=""/>', 'not-well-formed'],
    ['space before a name', '< a/>', 'not-well-formed'],
    ['name that begins with a digit', '<1/>', 'not-well-formed'],
    ['attribute that begins with a dash', '<a -b=""/>', 'not-well-formed'],
    ['<>', '<>', 'not-well-formed'],
    ['<<', '<<a/>', 'not-well-formed'],
    ['& alone', '<a>& </a>;', 'not-well-formed'],
    ['empty reference', '<a>&;</a>', 'not-well-formed'],
    ['reference to no character', '<a>&#0;</a>', 'not-well-formed'],
    ['reference to a surrogate', '<a>&#xD800;</a>', 'not-well-formed'],
    ['reference beyond Unicode', '<a>&#x110000;</a>', 'not-well-formed'],
    ['reference to a control character', '<a b="&#1;"/>', 'not-well-formed'],
    ['reference with letters', '<a>&#12a;</a>', 'not-well-formed'],
    ['control character in text', '<a>\u0001</a>', 'not-well-formed'],
    ['NUL in a value', '<a b="\0"/>', 'not-well-formed'],
    ['U+FFFE', '<a>\ufffe</a>', 'not-well-formed'],
    ['U+FFFF in a value', '<a b="\uffff"/>', 'not-well-formed'],
    [']]> in text', '<a>]]></a>', 'not-well-formed'],
    [']]> in text, after more brackets', '<a>x]]]></a>', 'not-well-formed'],
    ['unknown <![', '<a><![RCDATA[]]></a>', 'not-well-formed'],
    ['second root', '</stream:stream><a/>', 'not-well-formed'],
    ['text after the footer', '</stream:stream>x', 'not-well-formed'],
    ['second footer', '</stream:stream></stream:stream>', 'not-well-formed'],
    // Namespaces in XML 1.0
    ['unbound prefix of an element', '<p:a/>', 'bad-namespace-prefix'],
    ['unbound prefix of an attribute', '<a p:b=""/>', 'bad-namespace-prefix'],
    ['prefix of Object.prototype', '<toString:a/>', 'bad-namespace-prefix'],
    ['prefix __proto__ out of its scope', "<a><b xmlns:__proto__='u'/><__proto__:c/></a>", 'bad-namespace-prefix'],
    ['prefix out of its scope', "<a><b xmlns:p='u'/><p:c/></a>", 'bad-namespace-prefix'],
    ['prefix of an earlier stanza', "<a xmlns:p='u'/><p:c/>", 'bad-namespace-prefix'],
    ['attributes that are the same by namespace', "<a xmlns:p='u' xmlns:q='u' p:b='' q:b=''/>", 'not-well-formed'],
    ['prefix xml, bound elsewhere', "<a xmlns:xml='u'/>", 'not-well-formed'],
    ["xml's namespace, by another prefix", "<a xmlns:p='http://www.w3.org/XML/1998/namespace'/>", 'not-well-formed'],
    ["xml's namespace, by default", "<a xmlns='http://www.w3.org/XML/1998/namespace'/>", 'not-well-formed'],
    ['prefix xmlns, declared', "<a xmlns:xmlns='http://www.w3.org/2000/xmlns/'/>", 'not-well-formed'],
    ['prefix xmlns, declared as something else', "<a xmlns:xmlns='urn:x'/>", 'not-well-formed'],
    ["xmlns' namespace, by default", "<a xmlns='http://www.w3.org/2000/xmlns/'/>", 'not-well-formed'],
    ["xmlns' namespace, by a prefix", "<a xmlns:p='http://www.w3.org/2000/xmlns/'/>", 'not-well-formed'],
    ['prefix xmlns of an element', '<xmlns:a/>', 'not-well-formed'],
    ['prefix, undeclared', "<a xmlns:p='u'><b xmlns:p=''/></a>", 'not-well-formed'],
    ['declaration without a prefix', "<a xmlns:='u'/>", 'not-well-formed'],
    ['name without a prefix', '<:a/>', 'not-well-formed'],
    ['name without a local part', "<p: xmlns:p='u'/>", 'not-well-formed'],
    ['name with two colons', "<p:a:b xmlns:p='u'/>", 'not-well-formed'],
    ['local part that begins with a digit', "<p:1 xmlns:p='u'/>", 'not-well-formed'],
    ['attribute with two colons', "<a xmlns:p='u' p:b:c=''/>", 'not-well-formed'],
    ['declared prefix with a colon', "<a xmlns:p:q='u'/>", 'not-well-formed'],
    // X4: what may stand at the top level of a stream
    ['X4 second header', HEADER.slice(HEADER.indexOf('<stream')), 'bad-format'],
    ['X4 second header, by another prefix', `<s:stream xmlns:s='${NSS}'>`, 'bad-format'],
    ['X4 second header, without a prefix', `<stream xmlns='${NSS}'>`, 'bad-format'],
    ['X4 stream:message', '<stream:message/>', 'bad-format'],
    [
      'X4 stream prefix bound to something else after',
      `<error xmlns='${NSS}'/><p:Error xmlns:p='${NSS}'/>`,
      'bad-format',
    ],
    ['text', 'x', 'bad-format'],
    ['text after a stanza', '<a/>x<b/>', 'bad-format'],
    ['text and an entity', 'x&foo;', 'bad-format'],
    ['no-break space', '\u00a0', 'bad-format'],
    ['zero width no-break space', '\ufeff', 'bad-format'],
    ['character reference', '&#32;', 'bad-format'],
    ['CDATA', '<![CDATA[ ]]>', 'bad-format'],
  ];

  it.each(faults)('%s', (_, input, condition) => {
    const log = replay(`${HEADER}${input}<after/>`);
    expect(log[0]).toBe(OPENED);
    expect(log.at(-1)).toBe(`error: ${condition}`);
    expect(log.filter((line) => line.includes('after'))).toEqual([]);
    expect(log.filter((line) => line.startsWith('error'))).toHaveLength(1);
  });

  const headerFaults: [title: string, input: string | Uint8Array, condition: string][] = [
    ['X6 wrong namespace', "<stream:stream xmlns:stream='http://etherx.jabber.org/stream'>", 'invalid-namespace'],
    ['X6 no namespace', '<stream>', 'invalid-namespace'],
    ['X6 content namespace only', "<stream xmlns='jabber:client'>", 'invalid-namespace'],
    ['X4 prefix bound to something else', "<stream:stream xmlns:stream='jabber:client'>", 'invalid-namespace'],
    ['X6 unbound prefix', "<stream:stream xmlns='jabber:client'>", 'bad-namespace-prefix'],
    ['X6 another element', `<streams xmlns='${NSS}'>`, 'bad-format'],
    ['X6 features at once', `<stream:features xmlns:stream='${NSS}'>`, 'bad-format'],
    ['a frame of WebSocket', "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>", 'bad-format'],
    ['HTTP', 'HTTP/1.1 400 Bad Request\r\n\r\n<html>', 'not-well-formed'],
    ['SSH', 'SSH-2.0-OpenSSH_9.2\r\n', 'not-well-formed'],
    ['a TLS alert', octets([0x15, 3, 1, 0, 2, 2, 70]), 'not-well-formed'],
    ['X3 byte order mark', octets([0xef, 0xbb, 0xbf], HEADER), 'not-well-formed'],
    ['X3 UTF-16', octets([0xff, 0xfe, 0x3c, 0]), 'unsupported-encoding'],
    ['X3 another encoding', "<?xml version='1.0' encoding='ISO-8859-1'?><a>", 'unsupported-encoding'],
    ['X3 UTF-16, declared', "<?xml version='1.0' encoding='UTF-16'?><a>", 'unsupported-encoding'],
    ['X1 DTD', '<!DOCTYPE stream>', 'restricted-xml'],
    ['X1 comment', '<!-- -->', 'restricted-xml'],
    ['X1 processing instruction', '<?xml-stylesheet href="x"?>', 'restricted-xml'],
    ['X1 processing instruction after the declaration', "<?xml version='1.0'?><?x?>", 'restricted-xml'],
    ['X1 second declaration', "<?xml version='1.0'?><?xml version='1.0'?>", 'restricted-xml'],
    ['X1 declaration after white space', " <?xml version='1.0'?>", 'restricted-xml'],
    ['declaration without a version', "<?xml encoding='utf-8'?>", 'not-well-formed'],
    ['declaration with a version unknown', "<?xml version='2.0'?>", 'not-well-formed'],
    ['end tag', '</stream:stream>', 'not-well-formed'],
    ['CDATA', '<![CDATA[x]]>', 'not-well-formed'],
    ['text after the declaration', "<?xml version='1.0'?>x<a/>", 'not-well-formed'],
  ];

  it.each(headerFaults)('header: %s', (_, input, condition) => {
    expect(replay(input)).toEqual([`error: ${condition}`]);
  });

  it('says that a peer which begins otherwise speaks no XMPP', () => {
    const log: string[] = [];
    const parser = new StreamParser(
      { framing: 'stream' },
      { open: fail, element: fail, close: fail, error: (error) => log.push(error.message) },
    );
    parser.write('SSH-2.0-OpenSSH_9.2\r\n');
    expect(log).toEqual([expect.stringContaining('the peer begins no XMPP stream')]);
  });

  it('says who, what and where for people, without much of what the peer sent', () => {
    const errors: unknown[] = [];
    const parser = new StreamParser(
      { framing: 'stream' },
      { open: () => {}, element: fail, close: fail, error: (error) => errors.push(error) },
    );
    parser.write(`${HEADER}<p:${'x'.repeat(200)}/>`);
    expect(errors).toEqual([
      expect.objectContaining({
        name: 'StreamError',
        layer: 'stream',
        origin: 'local',
        condition: 'bad-namespace-prefix',
      }),
    ]);
    expect((errors[0] as Error).message.length).toBeLessThan(150);
  });
});

describe('StreamParser: names that came before', () => {
  it('are known by all of their letters, whatever else has their place in the table', () => {
    const letters = [...'abcdefghijklmnopqrstuvwxyz'];
    const names = letters.flatMap((a) => letters.flatMap((b) => [a, a + b, a, a + b + a, a + b]));
    const elements = names.map((name) => `<${name}/>`);
    expect(parseChunks([HEADER + elements.join('')])).toEqual([OPENED, ...elements]);
  });
});

describe('StreamParser: UTF-8 (X3)', () => {
  const bad: [title: string, ...bytes: number[]][] = [
    ['overlong NUL', 0xc0, 0x80],
    ['overlong <', 0xc0, 0xbc],
    ['overlong, three octets', 0xe0, 0x80, 0xbc],
    ['overlong, four octets', 0xf0, 0x80, 0x80, 0xbc],
    ['surrogate', 0xed, 0xa0, 0x80],
    ['surrogate pair (CESU-8)', 0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80],
    ['beyond U+10FFFF', 0xf4, 0x90, 0x80, 0x80],
    ['F5', 0xf5, 0x80, 0x80, 0x80],
    ['FE', 0xfe],
    ['FF', 0xff],
    ['continuation alone', 0x80],
    ['two octets, one missing', 0xc3],
    ['three octets, one missing', 0xe2, 0x82],
    ['four octets, one missing', 0xf0, 0x9f, 0x98],
    ['EB, which lenient decoders let swallow the < (CVE-2022-22787)', 0xeb],
    ['F0, likewise', 0xf0],
    ['what U+FFFD begins with, before another character', 0xef, 0xe2, 0x82, 0xac],
    ['two octets of U+FFFD, before another character', 0xef, 0xbf, 0xe2, 0x82, 0xac],
  ];

  it('nothing behind them is told, however far', () => {
    const chunk = octets('<a>', 0xff, 'x'.repeat(5000), '</a><b/>');
    expect(parseChunks([HEADER, chunk])).toEqual([OPENED, 'error: unsupported-encoding']);
  });

  it.each(bad)('%s', (_, ...bytes) => {
    expect(replay(octets(`${HEADER}<a/><b>x`, bytes, '</b><c/>'))).toEqual([
      OPENED,
      '<a/>',
      'error: unsupported-encoding',
    ]);
  });

  it('tells what came before the bad octet, also in the same chunk', () => {
    expect(replay(octets(HEADER, '<a/>', 0xff))).toEqual([OPENED, '<a/>', 'error: unsupported-encoding']);
  });

  it('takes U+FEFF within the stream for the character that it is', () => {
    expect(replay(`${HEADER}<a>\ufeff</a>`)).toEqual([OPENED, '<a>\ufeff</a>']);
    expect(replay(octets("<stream xmlns='", NSS, "' id='", [0xef, 0xbb, 0xbf], "'>"))).toEqual([`open stream ${NSS}`]);
  });

  it('takes text as well, with pairs cut in two', () => {
    const text = `${HEADER}<a>\u{1f600}</a>`;
    for (let at = 1; at < text.length; at++) {
      expect(parseChunks([text.slice(0, at), text.slice(at)])).toEqual([OPENED, '<a>\u{1f600}</a>']);
    }
    expect(parseChunks([`${HEADER}<a>\ud83d`, '</a>'])).toEqual([OPENED, 'error: unsupported-encoding']);
    expect(parseChunks([`${HEADER}<a>\ude00</a>`])).toEqual([OPENED, 'error: unsupported-encoding']);
  });

  it.each([new Uint8Array(1), Buffer.alloc(1)])(
    'keeps nothing of a buffer that the socket uses again (%p)',
    (buffer) => {
      const bytes = utf8(`${HEADER}<a>€</a>`);
      const log: string[] = [];
      const parser = new StreamParser(
        { framing: 'stream' },
        { open: () => {}, element: (element) => log.push(String(element)), close: fail, error: fail },
      );
      for (const octet of bytes) {
        buffer[0] = octet;
        parser.write(buffer);
      }
      expect(log).toEqual(["<a xmlns='jabber:client'>€</a>"]);
    },
  );
});

describe('StreamParser: its life', () => {
  const parse = (handle: (parser: StreamParser, log: string[], text: string) => void) => {
    const log: string[] = [];
    const told = (text: string) => {
      log.push(text);
      handle(parser, log, text);
    };
    const parser: StreamParser = new StreamParser(
      { framing: 'stream' },
      {
        open: () => told('open'),
        element: (element) => told(element.name),
        close: () => told('close'),
        error: (error) => told(`error: ${error.condition}`),
      },
    );
    return { parser, log };
  };

  it.each(['open', 'a', 'b', 'close'])('tells nothing after dispose() within %s', (when) => {
    const { parser, log } = parse((parser, _, text) => text === when && parser.dispose());
    parser.write(`${HEADER}<a/><b/></stream:stream><!-- -->`);
    parser.write('<c/>');
    parser.end();
    expect(log).toEqual(['open', 'a', 'b', 'close'].slice(0, log.indexOf(when) + 1));
    expect(log).toContain(when);
  });

  it('parses what is written from within a handler afterwards, in order', () => {
    const { parser, log } = parse((parser, _, text) => {
      if (text === 'open') parser.write('<c/><d');
      if (text === 'a') parser.write('/>');
    });
    parser.write(`${HEADER}<a/><b/>`);
    expect(log).toEqual(['open', 'a', 'b', 'c', 'd']);
  });

  it('lets the exception of a handler through, and is disposed of', () => {
    const { parser, log } = parse((_, __, text) => {
      if (text === 'a') throw new RangeError('mine');
    });
    expect(() => parser.write(`${HEADER}<a/><b/>`)).toThrow(new RangeError('mine'));
    parser.write('<c/>');
    expect(log).toEqual(['open', 'a']);
  });

  const ends: [input: string, expected: string[]][] = [
    ['', []],
    [HEADER, ['open']],
    [`${HEADER}<a/> `, ['open', 'a']],
    [`${HEADER}<a/></stream:stream>`, ['open', 'a', 'close']],
    [`${HEADER}<a/><`, ['open', 'a', 'error: not-well-formed']],
    [`${HEADER}<a>`, ['open', 'error: not-well-formed']],
    [`${HEADER}<a/></stream:stream`, ['open', 'a', 'error: not-well-formed']],
    ['<stream:stream', ['error: not-well-formed']],
  ];

  it.each(ends)('end() after %j', (input, expected) => {
    const { parser, log } = parse(() => {});
    parser.write(input);
    parser.end();
    parser.end();
    parser.write('<z/>');
    expect(log).toEqual(expected);
  });

  it('end() within a character', () => {
    const { parser, log } = parse(() => {});
    parser.write(octets(HEADER, 0xe2));
    parser.end();
    expect(log).toEqual(['open', 'error: not-well-formed']);
  });
});

describe('StreamParser.seal', () => {
  const seal = (reason: 'tls' | 'restart') => (parser: StreamParser, xml: string) => {
    if (xml.includes('proceed')) parser.seal(reason);
  };
  const PROCEED = "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
  const before = `${HEADER}<a/>${PROCEED}`;

  const sealed: [title: string, reason: 'tls' | 'restart', after: string | number[], error: string][] = [
    ['nothing', 'tls', '', ''],
    ['T2 an element', 'tls', '<b/>', 'data-after-proceed'],
    ['T2 one character', 'tls', '<', 'data-after-proceed'],
    ['T2 white space', 'tls', ' ', 'data-after-proceed'],
    ['T2 CR, which saxes keeps back', 'tls', '\r', 'data-after-proceed'],
    ['T2 part of a character', 'tls', [0xe2, 0x82], 'data-after-proceed'],
    ['T2 octets that are no text', 'tls', [0x16, 0x03, 0xff], 'data-after-proceed'],
    ['T2 the footer', 'tls', '</stream:stream>', 'data-after-proceed'],
    ['nothing', 'restart', '', ''],
    ['white space', 'restart', ' \r\n\t\r', ''],
    ['an element', 'restart', ' <b/>', 'policy-violation'],
    ['one character', 'restart', '<', 'policy-violation'],
    ['part of a character', 'restart', [0xe2], 'policy-violation'],
    ['octets that are no text', 'restart', [0x20, 0xff], 'policy-violation'],
  ];

  it.each(sealed)('%s after it (%s)', (_, reason, after, error) => {
    const log = replay(octets(before, after), {}, seal(reason));
    expect(log).toEqual([OPENED, '<a/>', PROCEED, ...(error ? [`error: ${error}`] : [])]);
  });

  it('tells of the injection even if it came in a far slice of the same chunk', () => {
    const input = octets(before, ' '.repeat(20_000), '<b/>');
    expect(parseChunks([input], {}, seal('restart')).at(-1)).toBe('error: policy-violation');
  });

  it('counts what was written from within the handler before', () => {
    const log = parseChunks([before], {}, (parser, xml) => {
      if (!xml.includes('proceed')) return;
      parser.write('<b/>');
      parser.seal('tls');
    });
    expect(log).toEqual([OPENED, '<a/>', PROCEED, 'error: data-after-proceed']);
  });

  const later: [title: string, more: string | number[], reason: 'tls' | 'restart', error: string | undefined][] = [
    ['at rest', '', 'tls', undefined],
    ['after white space', ' ', 'tls', 'data-after-proceed'],
    ['after white space', ' ', 'restart', undefined],
    ['within a tag', '<b', 'restart', 'policy-violation'],
    ['within an element', '<b>', 'restart', 'policy-violation'],
    ['within a character', [0xc3], 'restart', 'policy-violation'],
  ];

  it.each(later)('called later, %s (%j, %s)', (_, more, reason, error) => {
    const log: string[] = [];
    const parser = new StreamParser(
      { framing: 'stream' },
      { open: () => {}, element: () => {}, close: fail, error: ({ condition }) => log.push(condition) },
    );
    parser.write(octets(before, more));
    parser.seal(reason);
    parser.seal(reason);
    parser.end();
    expect(log).toEqual(error ? [error] : []);
  });

  it('does nothing after a fault or dispose()', () => {
    const parser = new StreamParser(
      { framing: 'stream' },
      { open: () => {}, element: () => {}, close: fail, error: fail },
    );
    parser.write(octets(before, '<b'));
    parser.dispose();
    expect(() => parser.seal('tls')).not.toThrow();
  });
});

function fail(): never {
  throw new Error('not expected');
}

describe('StreamParser: parsers beside one another', () => {
  const parser = (told: string[], then: () => void = () => undefined) => {
    const made = new StreamParser(
      { framing: 'stream' },
      {
        open: () => undefined,
        element: (element) => {
          told.push(String(element));
          then();
        },
        close: () => undefined,
        error: (error) => told.push(String(error)),
      },
    );
    made.write(HEADER);
    return made;
  };

  it('have elements open at the same time, and none of what the others read', () => {
    const [as, bs]: [string[], string[]] = [[], []];
    const [a, b] = [parser(as), parser(bs)];
    a.write('<x>1<y/>');
    b.write('<z>2');
    a.write('3</x><v>');
    b.write('<w/></z>');
    a.write('4</v>');
    expect([as, bs]).toEqual([
      ["<x xmlns='jabber:client'>1<y/>3</x>", "<v xmlns='jabber:client'>4</v>"],
      ["<z xmlns='jabber:client'>2<w/></z>"],
    ]);
  });

  it('can be written to while one tells of an element', () => {
    const [as, bs]: [string[], string[]] = [[], []];
    const b = parser(bs);
    const a = parser(as, () => b.write('<z>2<w/>'));
    a.write('<x>1<y/></x>');
    a.write('<x>3</x>');
    b.write('</z></z>');
    expect([as, bs]).toEqual([
      ["<x xmlns='jabber:client'>1<y/></x>", "<x xmlns='jabber:client'>3</x>"],
      ["<z xmlns='jabber:client'>2<w/><z>2<w/></z></z>"],
    ]);
  });
});
