import type { Script } from '../../../lib/testing.js';
import { NS } from '../../../lib/xml/index.js';
import { BIND } from '../../support/wire.js';
import type { Attack } from '../attack.js';
import { mechanisms, mute, reply, type Reply, type Wire } from '../wire.js';

type Moment = 'in clear' | 'during SASL' | 'online';

/** Where the server sends it. */
const MOMENTS: Record<Moment, (wire: Wire) => Script> = {
  'in clear': (wire) => [wire.opens, reply(wire.header())],
  'during SASL': (wire) => wire.hearsAuth().script,
  online: (wire) => wire.online(),
};
const PHASES: Record<Moment, string> = { 'in clear': 'features', 'during SASL': 'sasl', online: 'online' };

const limits = { stanzaBytes: 1_500, depth: 6, elements: 20, attributes: 6, nameLength: 64 };

const within =
  (...octets: number[]) =>
  (wire: Wire) => {
    const [before, behind] = wire.message('@').split('@');
    return Buffer.concat([Buffer.from(before!), Uint8Array.from(octets), Buffer.from(behind!)]);
  };

interface Fault {
  readonly row: string;
  readonly name: string;
  readonly bytes: (wire: Wire) => Reply;
  readonly condition: string | readonly string[];
  /** Octets have no place in a text frame, which real WebSockets see to by themselves. */
  readonly octets?: boolean;
  readonly over?: Attack['over'];
  readonly own?: boolean;
}

const FAULTS: readonly Fault[] = [
  // X1 (RFC 6120 section 11.1)
  { row: 'X1', name: 'a DTD', bytes: () => '<!DOCTYPE x [<!ENTITY a "b">]>', condition: 'restricted-xml' },
  {
    row: 'X1',
    name: 'a DTD of a billion laughs',
    bytes: () => '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><message>&b;</message>',
    condition: 'restricted-xml',
  },
  {
    row: 'X1',
    name: 'an external entity',
    bytes: () => '<!DOCTYPE x SYSTEM "file:///etc/passwd">',
    condition: 'restricted-xml',
  },
  { row: 'X1', name: 'a processing instruction', bytes: () => '<?php?>', condition: 'restricted-xml' },
  {
    row: 'X1',
    name: 'an XML declaration in the midst',
    bytes: () => "<?xml version='1.0'?>",
    condition: 'restricted-xml',
    over: ['starttls', 'direct'],
  },
  { row: 'X1', name: 'a comment', bytes: () => '<!-- hi -->', condition: 'restricted-xml' },
  {
    row: 'X1',
    name: 'a comment within a stanza',
    bytes: (wire) => wire.message('<!-- hi -->'),
    condition: 'restricted-xml',
  },
  { row: 'X1', name: 'an entity', bytes: (wire) => wire.message('&lol;'), condition: 'restricted-xml' },
  {
    row: 'X1',
    name: 'an entity in an attribute',
    bytes: (wire) => wire.stanza("<message id='&lol;'/>"),
    condition: 'restricted-xml',
  },
  // X2
  {
    row: 'X2',
    name: 'endless text',
    bytes: (wire) => wire.stanza(`<message><body>${'x'.repeat(2_000)}`),
    condition: ['policy-violation', 'not-well-formed'],
    own: true,
  },
  {
    row: 'X2',
    name: 'an endless attribute',
    bytes: (wire) => wire.stanza(`<message id='${'x'.repeat(2_000)}`),
    condition: ['policy-violation', 'not-well-formed'],
    own: true,
  },
  {
    row: 'X2',
    name: 'an endless name',
    bytes: () => `<${'x'.repeat(2_000)}`,
    condition: ['policy-violation', 'not-well-formed'],
    own: true,
  },
  {
    row: 'X2',
    name: 'a name that is too long',
    bytes: () => `<${'x'.repeat(100)}/>`,
    condition: 'policy-violation',
    own: true,
  },
  {
    row: 'X2',
    name: 'too deep',
    bytes: () => `${'<a>'.repeat(10)}${'</a>'.repeat(10)}`,
    condition: 'policy-violation',
    own: true,
  },
  {
    row: 'X2',
    name: 'too many attributes',
    bytes: () => `<a ${Array.from({ length: 10 }, (_, n) => `a${n}=''`).join(' ')}/>`,
    condition: 'policy-violation',
    own: true,
  },
  {
    row: 'X2',
    name: 'too many elements',
    bytes: () => `<a>${'<b/>'.repeat(50)}</a>`,
    condition: 'policy-violation',
    own: true,
  },
  // X3
  {
    row: 'X3',
    name: 'an overlong NUL (C0 80)',
    bytes: within(0xc0, 0x80),
    condition: 'unsupported-encoding',
    octets: true,
  },
  {
    row: 'X3',
    name: 'a surrogate (ED A0 80)',
    bytes: within(0xed, 0xa0, 0x80),
    condition: 'unsupported-encoding',
    octets: true,
  },
  {
    row: 'X3',
    name: 'beyond Unicode (F4 90)',
    bytes: within(0xf4, 0x90, 0x80, 0x80),
    condition: 'unsupported-encoding',
    octets: true,
  },
  {
    row: 'X3',
    name: 'an octet that is none (FF)',
    bytes: within(0xff),
    condition: 'unsupported-encoding',
    octets: true,
  },
  { row: 'X3', name: 'half a character', bytes: within(0xe2, 0x82), condition: 'unsupported-encoding', octets: true },
  { row: 'X3', name: 'a continuation alone', bytes: within(0x80), condition: 'unsupported-encoding', octets: true },
  {
    row: 'X3',
    name: 'an overlong slash (E0 80 AF)',
    bytes: within(0xe0, 0x80, 0xaf),
    condition: 'unsupported-encoding',
    octets: true,
  },
  {
    row: 'X3',
    name: 'UTF-16',
    bytes: () => Buffer.from('<message/>', 'utf16le'),
    condition: ['not-well-formed', 'bad-format', 'restricted-xml'],
    octets: true,
  },
  {
    row: 'X3',
    name: 'a byte order mark',
    bytes: () => '\ufeff<message/>',
    condition: ['bad-format', 'not-well-formed'],
  },
  // X4
  {
    row: 'X4',
    name: 'a second header',
    bytes: (wire) => wire.header().replace(/^<[?].*?[?]>/, ''),
    condition: 'bad-format',
  },
  {
    row: 'X4',
    name: 'a stanza of the namespace of the stream',
    bytes: () => `<stream:message xmlns:stream='${NS.stream}'/>`,
    condition: 'bad-format',
  },
  { row: 'X4', name: 'a footer of no stream', bytes: () => '</stream>', condition: ['not-well-formed', 'bad-format'] },
  {
    row: 'X4',
    name: 'a stanza across the footer',
    bytes: () => '<message></stream:stream>',
    condition: 'not-well-formed',
  },
  { row: 'X4', name: 'an unbound prefix', bytes: () => '<x:message/>', condition: 'bad-namespace-prefix' },
  {
    row: 'X4',
    name: 'an unbound prefix of an attribute',
    bytes: (wire) => wire.stanza("<message x:id='1'/>"),
    condition: 'bad-namespace-prefix',
  },
  { row: 'X4', name: 'text between stanzas', bytes: () => 'hello', condition: ['bad-format', 'not-well-formed'] },
  {
    row: 'X4',
    name: 'a CDATA section between stanzas',
    bytes: () => '<![CDATA[<message/>]]>',
    condition: ['bad-format', 'not-well-formed'],
  },
  {
    row: 'X4',
    name: 'the prefix xmlns declared',
    bytes: () => "<message xmlns:xmlns='urn:x'/>",
    condition: ['not-well-formed', 'bad-namespace-prefix'],
  },
  {
    row: 'X4',
    name: 'the prefix xml bound to something else',
    bytes: () => "<message xmlns:xml='urn:x'/>",
    condition: ['not-well-formed', 'bad-namespace-prefix'],
  },
  { row: 'X4', name: 'an attribute twice', bytes: () => "<message id='1' id='2'/>", condition: 'not-well-formed' },
  {
    row: 'X4',
    name: 'an attribute twice, by two prefixes',
    bytes: () => "<message xmlns:a='urn:x' xmlns:b='urn:x' a:id='1' b:id='2'/>",
    condition: ['not-well-formed', 'bad-namespace-prefix'],
  },
  // X5, received
  { row: 'X5', name: 'a control character', bytes: (wire) => wire.message('\u0001'), condition: 'not-well-formed' },
  { row: 'X5', name: 'a reference to one', bytes: (wire) => wire.message('&#1;'), condition: 'not-well-formed' },
  {
    row: 'X5',
    name: 'a reference to a surrogate',
    bytes: (wire) => wire.message('&#xD800;'),
    condition: 'not-well-formed',
  },
  {
    row: 'X5',
    name: 'a reference beyond Unicode',
    bytes: (wire) => wire.message('&#x110000;'),
    condition: 'not-well-formed',
  },
  { row: 'X5', name: 'an attribute without quotes', bytes: () => '<message id=1/>', condition: 'not-well-formed' },
  {
    row: 'X5',
    name: 'a less-than sign in an attribute',
    bytes: () => "<message id='<'/>",
    condition: 'not-well-formed',
  },
  { row: 'X5', name: ']]> in a text', bytes: (wire) => wire.message(']]>'), condition: 'not-well-formed' },
];

/** Each at the worst moment for it, and some at all. */
const EVERYWHERE = new Set([
  'a DTD',
  'an entity',
  'a comment',
  'an overlong NUL (C0 80)',
  'endless text',
  'too deep',
  'an unbound prefix',
  'text between stanzas',
  'a stanza across the footer',
]);

const WELL_FORMED: Attack[] = FAULTS.flatMap(({ row, name, bytes, condition, octets, over, own }) =>
  (Object.keys(MOMENTS) as Moment[]).flatMap((moment): Attack[] => {
    if (moment !== 'online' && !EVERYWHERE.has(name)) return [];
    const links = moment === 'in clear' ? (['starttls'] as const) : (['starttls', 'direct', 'frames'] as const);
    const usable = links.filter((link) => !(octets && link === 'frames') && (over ?? links).includes(link as never));
    const conditions = typeof condition === 'string' ? [condition] : condition;
    return [
      {
        row,
        name: `${name}, ${moment}`,
        over: usable,
        script: (wire) => [MOMENTS[moment](wire), reply(bytes(wire)), reply(wire.message('too late')), mute()],
        use: (session, note) => session.stanza$.subscribe((stanza) => note(`heard ${stanza}`)),
        options: { limits },
        ends: conditions.map((one) => `stream ${one} (${PHASES[moment]})`),
        own,
      },
    ];
  }),
);

/** X2: within the limits, and yet too much for somebody. */
const FLOODS: Attack[] = [
  {
    row: 'X2',
    name: 'a flood of tiny stanzas',
    script: (wire) => [
      wire.online(),
      ...(wire.frames
        ? Array.from({ length: 300 }, () => reply(wire.message('x')))
        : [reply(wire.message('x').repeat(300))]),
      wire.survives(),
    ],
    use: (session, note) => {
      let count = 0;
      session.message$.subscribe(() => {
        if (++count === 300) note('300 heard');
      });
    },
    notes: ['300 heard'],
    ends: ['online'],
    stride: 499,
  },
  {
    row: 'X2',
    name: 'an endless header',
    over: ['starttls', 'direct'],
    script: (wire) => [wire.opens, reply(wire.header({ id: 'x'.repeat(3_000) })), mute()],
    options: { limits },
    ends: ['stream policy-violation (open)'],
    own: true,
    stride: 13,
  },
];

/** X3: what is UTF-8 arrives as it is, however it is cut. */
const SPLIT_UTF8: Attack = {
  row: 'X3',
  name: 'characters of two, three and four octets',
  script: (wire) => [wire.online(), reply(wire.message('äß €𝒳 👩‍🚀')), wire.survives()],
  use: (session, note) =>
    session.message$.subscribe((stanza) => {
      const body = stanza.child('body')?.text();
      if (body !== undefined) note(body);
    }),
  notes: ['äß €𝒳 👩‍🚀'],
  ends: ['online'],
};

/** X4: prefixes are names for namespaces and nothing else. */
const SMUGGLED: Attack[] = (
  [
    ['a message of another namespace', "<message xmlns='urn:example'><body>x</body></message>", 'no message'],
    [
      'a message by a prefix',
      `<c:message xmlns:c='jabber:client' from='bob@example.org'><c:body>x</c:body></c:message>`,
      'message x',
    ],
    [
      'a body of another namespace',
      `<message xmlns='jabber:client'><body xmlns='urn:example'>x</body></message>`,
      'message undefined',
    ],
    [
      'stream:error within a stanza',
      `<message xmlns='jabber:client'><e:error xmlns:e='${NS.stream}'><reset xmlns='${NS.streams}'/></e:error></message>`,
      'message undefined',
    ],
    [
      'a stream within a stanza',
      `<message xmlns='jabber:client'><s:stream xmlns:s='${NS.stream}' to='x'/><body>x</body></message>`,
      'message x',
    ],
    ['success online', `<success xmlns='${NS.sasl}'/>`, 'no message'],
    ['<proceed/> online', `<proceed xmlns='${NS.tls}'/>`, 'no message'],
    ['features online', `<s:features xmlns:s='${NS.stream}'>${BIND}</s:features>`, 'no message'],
  ] as const
).map(([name, element, heard]) => ({
  row: 'X4',
  name,
  script: (wire) => [wire.online(), reply(element), wire.survives()],
  use: (session, note) =>
    session.message$.subscribe((stanza) => {
      if (stanza.attrs.id !== 'survived') note(`message ${stanza.child('body', NS.client)?.text()}`);
    }),
  notes: heard === 'no message' ? [] : [heard],
  ends: name === 'features online' ? ['online', 'stream bad-format (online)'] : ['online'],
}));

/** X6: headers. */
const HEADERS: Attack[] = (
  [
    ['no id', { id: null }, 'bad-format'],
    ['an empty id', { id: '' }, 'bad-format'],
    ['no version', { version: null }, 'unsupported-version'],
    ['version 0.9', { version: '0.9' }, 'unsupported-version'],
    ['a version that is none', { version: 'one' }, 'unsupported-version'],
    ['another from', { from: 'evil.example.net' }, 'invalid-from'],
    ['a from with a localpart', { from: 'admin@example.org' }, 'invalid-from'],
    ['a from that is no JID', { from: '@@' }, 'invalid-from'],
  ] as const
).flatMap(([what, attrs, condition]): Attack[] => [
  {
    row: 'X6',
    name: `a header with ${what}`,
    script: (wire) => [wire.opens, reply(wire.header(attrs)), reply(wire.features(mechanisms('SCRAM-SHA-1'))), mute()],
    ends: [`stream ${condition} (open)`],
  },
  {
    row: 'X6',
    name: `a header with ${what}, after SASL`,
    script: (wire) => [wire.reopens(), reply(wire.header(attrs)), reply(wire.features(BIND)), mute()],
    ends: [`stream ${condition} (open)`],
  },
]);

const ROOTS: Attack[] = (
  [
    ['of another content', { xmlns: 'jabber:server' }, /^stream invalid-namespace \(open\)$/],
    ['of no stream', { 'xmlns:stream': 'urn:example' }, /^stream (invalid-namespace|bad-namespace-prefix) \(open\)$/],
    ['without the prefix', { 'xmlns:stream': null }, /^stream (invalid-namespace|bad-namespace-prefix) \(open\)$/],
    ['without a default namespace', { xmlns: null }, /^stream invalid-namespace \(open\)$/],
  ] as const
).map(([what, attrs, end]) => ({
  row: 'X6',
  name: `a header ${what}`,
  over: ['starttls', 'direct'],
  script: (wire) => [wire.opens, reply(wire.header(attrs)), reply(wire.features(mechanisms('SCRAM-SHA-1'))), mute()],
  ends: [end],
}));

const NO_STREAM: Attack[] = (
  [
    ['HTTP', 'HTTP/1.1 400 Bad Request\r\n\r\n'],
    ['SSH', 'SSH-2.0-OpenSSH_9.2\r\n'],
    ['HTML', '<html><body>hello</body></html>'],
    ['an open element of no stream', '<stream>'],
    ['TLS', Buffer.from([0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x28])],
    ['NULs', Buffer.alloc(64)],
  ] as const
).map(([what, bytes]) => ({
  row: 'X6',
  name: `no header but ${what}`,
  over: ['starttls', 'direct'],
  script: (wire) => [wire.opens, reply(bytes), mute()],
  ends: [
    /^stream (not-well-formed|bad-format|invalid-namespace|bad-namespace-prefix|restricted-xml|unsupported-encoding) \(open\)$/,
  ],
}));

/** X7: frames (RFC 7395). */
const FRAMES: Attack[] = (
  [
    ['two elements in a frame', (wire: Wire) => wire.message('x') + wire.message('y')],
    ['half an element in a frame', (wire: Wire) => wire.message('x').slice(0, -5)],
    [
      'the header of TCP',
      () => `<stream:stream id='1' from='example.org' version='1.0' xmlns='jabber:client' xmlns:stream='${NS.stream}'>`,
    ],
    ['an empty frame', () => ''],
    ['a frame of white space', () => ' '],
    ['text in a frame', () => 'hello'],
    ['a frame with something behind its element', (wire: Wire) => `${wire.message('x')}x`],
    ['an XML declaration and a DTD', () => "<?xml version='1.0'?><!DOCTYPE a><message/>"],
  ] as const
).map(([name, frame]) => ({
  row: 'X7',
  name,
  over: ['frames'],
  script: (wire) => [wire.online(), reply(frame(wire)), wire.survives()],
  ends:
    name.startsWith('a frame of white') || name.startsWith('an empty')
      ? ['online', /^stream [a-z-]+ \(online\)$/]
      : [/^stream [a-z-]+ \(online\)$/],
}));

const OPENS: Attack[] = [
  {
    row: 'X7',
    name: 'the header of TCP over WebSocket',
    over: ['frames'],
    script: (wire) => [
      wire.opens,
      reply(
        `<stream:stream id='1' from='example.org' version='1.0' xmlns='jabber:client' xmlns:stream='${NS.stream}'>`,
      ),
      reply(wire.features(mechanisms('SCRAM-SHA-1'))),
      mute(),
    ],
    ends: [/^stream [a-z-]+ \(open\)$/],
  },
  {
    row: 'X7',
    name: 'features before <open/>',
    over: ['frames'],
    script: (wire) => [wire.opens, reply(wire.features(mechanisms('SCRAM-SHA-1'))), mute()],
    ends: [/^stream [a-z-]+ \(open\)$/],
  },
  {
    row: 'X7',
    name: '<open/> twice',
    over: ['frames'],
    script: (wire) => [wire.opens, reply(wire.header()), reply(wire.header()), mute()],
    ends: [/^stream [a-z-]+ \((open|features)\)$/],
  },
];

export const XML: readonly Attack[] = [
  ...WELL_FORMED,
  ...FLOODS,
  SPLIT_UTF8,
  ...SMUGGLED,
  ...HEADERS,
  ...ROOTS,
  ...NO_STREAM,
  ...FRAMES,
  ...OPENS,
];
