import type { Session } from '../../../lib/session/session.js';
import { after, cut, expects, type Script } from '../../../lib/testing.js';
import { NS, xml } from '../../../lib/xml/index.js';
import { BOUND, DOMAIN, iqError } from '../../support/wire.js';
import type { Attack } from '../attack.js';
import { mute, reply, type Wire } from '../wire.js';

const ROSTER = 'jabber:iq:roster';

/** Asks bob for his version, and notes who answered. */
const asks = (session: Session, note: (text: string) => void) =>
  void session.iq('get', xml('query', { xmlns: 'jabber:iq:version' }), 'bob@example.org/phone').subscribe({
    next: (answer) => note(`answered by ${answer.attrs.from ?? 'the server'}: ${answer.child('query')?.text() ?? ''}`),
    error: (error: { condition: string }) => note(error.condition),
  });

const answer = (wire: Wire, attrs: string, text: string, name = 'iq') =>
  wire.stanza(`<${name} ${attrs}><query xmlns='jabber:iq:version'>${text}</query></${name}>`);
const right = (wire: Wire) => answer(wire, "type='result' id='{iqId}' from='bob@example.org/phone'", 'right');

/** S1 */
const FORGED_ANSWERS: Attack[] = (
  [
    ['from a stranger', "type='result' id='{iqId}' from='eve@example.org/x'"],
    ['from nobody', "type='result' id='{iqId}'"],
    ['from the server', `type='result' id='{iqId}' from='${DOMAIN}'`],
    ['from our own account', `type='result' id='{iqId}' from='alice@${DOMAIN}'`],
    ['from the addressee, by another resource', "type='result' id='{iqId}' from='bob@example.org/desk'"],
    ['from the bare JID of the addressee', "type='result' id='{iqId}' from='bob@example.org'"],
    ['from a JID that is none', "type='result' id='{iqId}' from='@/'"],
    ['with another id', "type='result' id='{iqId}x' from='bob@example.org/phone'"],
    ['with an empty id', "type='result' id='' from='bob@example.org/phone'"],
    ['of no type', "id='{iqId}' from='bob@example.org/phone'"],
    ['of the type get', "type='get' id='{iqId}' from='bob@example.org/phone'"],
    ['as an error of a stranger', "type='error' id='{iqId}' from='eve@example.org/x'"],
  ] as const
).map(([who, attrs]) => ({
  row: 'S1',
  name: `an answer ${who}`,
  script: (wire) => [
    wire.online(),
    wire.hears('iq'),
    reply(answer(wire, attrs, 'forged')),
    reply(right(wire)),
    after(20),
    wire.survives(),
  ],
  use: asks,
  notes: ['answered by bob@example.org/phone: right'],
  ends: ['online'],
}));

const OTHER_KINDS: Attack[] = ['message', 'presence'].map((kind) => ({
  row: 'S1',
  name: `a ${kind} with the id of a request`,
  script: (wire) => [
    wire.online(),
    wire.hears('iq'),
    reply(answer(wire, "type='result' id='{iqId}' from='bob@example.org/phone'", 'forged', kind)),
    reply(right(wire)),
    wire.survives(),
  ],
  use: asks,
  notes: ['answered by bob@example.org/phone: right'],
  ends: ['online'],
}));

const TWICE: Attack[] = [
  {
    row: 'S1',
    name: 'an answer twice',
    script: (wire) => [
      wire.online(),
      wire.hears('iq'),
      reply(right(wire)),
      reply(right(wire).replace('right', 'again')),
      wire.survives(),
    ],
    use: asks,
    notes: ['answered by bob@example.org/phone: right'],
    ends: ['online'],
  },
  {
    row: 'S1',
    name: 'an error without a condition',
    script: (wire) => [
      wire.online(),
      wire.hears('iq'),
      reply(wire.stanza("<iq type='error' id='{iqId}' from='bob@example.org/phone'/>")),
      wire.survives(),
    ],
    use: asks,
    notes: ['undefined-condition'],
    ends: ['online'],
    own: true,
  },
];

/** S2 to S5: what only our own server, or our own account, may say. */
const IMPOSTORS: Attack[] = (
  [
    [
      'S2',
      'a roster push of a stranger',
      `<iq type='set' id='p1' from='eve@example.org'><query xmlns='${ROSTER}'><item jid='eve@example.org' subscription='both'/></query></iq>`,
    ],
    [
      'S2',
      'a roster push of another resource of ours',
      `<iq type='set' id='p1' from='alice@example.org/other'><query xmlns='${ROSTER}'><item jid='eve@example.org'/></query></iq>`,
    ],
    [
      'S2',
      'a roster push of another server',
      `<iq type='set' id='p1' from='evil.example.net'><query xmlns='${ROSTER}'><item jid='eve@example.org'/></query></iq>`,
    ],
  ] as const
).map(([row, name, stanza]) => ({
  row,
  name,
  script: (wire) => [
    wire.online(),
    reply(wire.stanza(stanza)),
    expects(function refusal(event) {
      if (event.kind !== 'element') return 'no element';
      const { element } = event;
      return element.name === 'iq' && element.attrs.type === 'error' ? { iqId: 'none' } : `${element}`;
    }),
    wire.survives(),
  ],
  ends: ['online'],
}));

const FORWARDED: Attack[] = (
  [
    [
      'S3',
      'a carbon of a stranger',
      `<message from='eve@example.org'><received xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='bob@example.org'><body>send money</body></message></forwarded></received></message>`,
    ],
    [
      'S3',
      'a carbon within a carbon',
      `<message from='alice@example.org'><received xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='eve@example.org'><sent xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'><message from='bob@example.org'><body>x</body></message></forwarded></sent></message></forwarded></received></message>`,
    ],
    [
      'S4',
      'an archive result that nobody asked for',
      `<message from='eve@example.org'><result xmlns='urn:xmpp:mam:2' queryid='q1' id='1'><forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='bob@example.org'><body>x</body></message></forwarded></result></message>`,
    ],
    [
      'S5',
      'a correction by another sender',
      `<message from='eve@example.org'><body>no</body><replace xmlns='urn:xmpp:message-correct:0' id='m1'/></message>`,
    ],
    [
      'S7',
      'entity capabilities with a hash that is wrong',
      `<presence from='bob@example.org/phone'><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='urn:x' ver='AAAA'/></presence>`,
    ],
  ] as const
).map(([row, name, stanza]) => ({
  row,
  name,
  script: (wire) => [wire.online(), reply(wire.stanza(stanza)), wire.survives()],
  use: (session, note) =>
    session.stanza$.subscribe((heard) => {
      // It is what it says that it is, and from whom: nothing within it is taken for a stanza of its own.
      if (heard.attrs.id !== 'survived') note(`${heard.name} from ${heard.attrs.from}`);
    }),
  notes: [`${/^<(\w+)/.exec(stanza)![1]} from ${/from='([^']*)'/.exec(stanza)![1]}`],
  ends: ['online'],
}));

/** S6: the JID that a server binds. */
const JIDS: Attack[] = (
  [
    ['nothing', ''],
    ['a domain', 'example.org'],
    ['a bare JID', 'alice@example.org'],
    ['an empty resource', 'alice@example.org/'],
    ['an empty localpart', '@example.org/x'],
    ['an empty domain', 'alice@/x'],
    ['1,024 octets', `alice@example.org/${'x'.repeat(1024)}`],
    ['a localpart that is not allowed', 'al ice@example.org/x'],
    ['a NUL by reference', 'alice@example.org/&#0;'],
  ] as const
).map(([what, jid]) => ({
  row: 'S6',
  name: `bind gives ${what}`,
  script: (wire) => [wire.hearsBind(), reply(wire.bound(jid)), mute()],
  ends: [/^stream (bad-format|not-well-formed) \(bind\)$/],
}));

const BINDS: Attack[] = [
  ...(
    [
      ['conflict', 'stanza conflict (bind)'],
      ['resource-constraint', 'stanza resource-constraint (bind)'],
      ['x-unknown', /^stanza [a-z-]+ \(bind\)$/],
    ] as const
  ).map(([condition, end]): Attack => ({
    row: 'S6',
    name: `bind is refused: ${condition}`,
    script: (wire) => [wire.hearsBind(), reply(wire.stanza(iqError('{iqId}', condition))), mute()],
    ends: [end],
  })),
  {
    row: 'S6',
    name: 'bind is answered with the id of another request',
    script: (wire) => [wire.hearsBind(), reply(wire.bound().replace('{iqId}', 'other')), mute()],
    silent: 'bind',
    ends: ['timeout timeout (bind)', /^stream [a-z-]+ \(bind\)$/],
  },
  {
    row: 'S6',
    name: 'a message with the id of bind comes first',
    script: (wire) => [
      wire.hearsBind(),
      reply(wire.bound('alice@example.org/evil').replaceAll(/<(\/?)iq/g, '<$1message')),
      reply(wire.bound()),
      wire.survives(),
    ],
    use: ({ jid }, note) => note(jid.toString()),
    notes: [BOUND],
    ends: ['online'],
  },
];

/** S8 */
const COUNTS = [
  '1',
  '2',
  '-1',
  '4294967295',
  '4294967296',
  '1e30',
  'NaN',
  '',
  ' 0',
  '０',
  '0x0',
  '99999999999999999999',
];
const MANAGEMENT: Attack[] = [
  ...COUNTS.map((h): Attack => ({
    row: 'S8',
    name: `<a h='${h}'/> with nothing sent`,
    script: (wire) => [wire.managed(), reply(`<a xmlns='${NS.sm}' h='${h}'/>`), mute()],
    ends: ['stream undefined-condition (online)'],
    own: true,
  })),
  {
    row: 'S8',
    name: '<a/> without h',
    script: (wire) => [wire.managed(), reply(`<a xmlns='${NS.sm}'/>`), mute()],
    ends: ['stream undefined-condition (online)'],
    own: true,
  },
  {
    row: 'S8',
    name: '<a/> that goes back',
    script: (wire) => [
      wire.managed(),
      wire.hears('message'),
      reply(`<a xmlns='${NS.sm}' h='1'/>`),
      reply(`<a xmlns='${NS.sm}' h='0'/>`),
      mute(),
    ],
    use: (session) => session.send(xml('message', { to: DOMAIN })),
    ends: ['stream undefined-condition (online)'],
    own: true,
  },
  {
    row: 'S8',
    name: 'thousands of <r/>',
    script: (wire) => [
      wire.managed(),
      ...(wire.frames
        ? Array.from({ length: 2_000 }, () => reply(`<r xmlns='${NS.sm}'/>`))
        : [reply(`<r xmlns='${NS.sm}'/>`.repeat(2_000))]),
      wire.survives(),
    ],
    ends: ['online'],
    stride: 9_973,
  },
  {
    row: 'S8',
    name: '<enabled/> that nobody asked for',
    script: (wire) => [wire.online(), reply(`<enabled xmlns='${NS.sm}' id='x' resume='true'/>`), wire.survives()],
    ends: ['online'],
  },
  {
    row: 'S8',
    name: '<resumed/> that nobody asked for',
    script: (wire) => [wire.online(), reply(`<resumed xmlns='${NS.sm}' previd='x' h='0'/>`), wire.survives()],
    ends: ['online'],
  },
  {
    row: 'S8',
    name: '<enable/> is answered with something else',
    script: (wire) => [wire.managed(`<resumed xmlns='${NS.sm}' previd='x' h='0'/>`), mute()],
    ends: ['stream invalid-xml (enable)'],
    own: true,
  },
  {
    row: 'S8',
    name: '<enable/> is refused',
    script: (wire) => [
      wire.managed(`<failed xmlns='${NS.sm}'><unexpected-request xmlns='${NS.stanzas}'/></failed>`),
      wire.survives(),
    ],
    ends: ['online'],
  },
];

/** S9, S10: nothing is left open by a loss. */
const settles = (session: Session, note: (text: string) => void) => {
  for (let index = 0; index < 3; index++) {
    session.deliver(xml('message', { to: DOMAIN }, xml('body', {}, String(index)))).subscribe({
      error: (error: { condition: string }) => note(`${index} ${error.condition}`),
      complete: () => note(`${index} done`),
    });
  }
};

const LOST: Attack[] = [
  {
    row: 'S9',
    name: 'a cut between sends that the server acknowledges',
    script: (wire) => [wire.managed(), wire.hears('message'), reply(`<a xmlns='${NS.sm}' h='1'/>`), cut()],
    use: settles,
    ends: ['transport connection-reset (online)', 'transport connection-closed (online)'],
    own: true,
  },
  {
    row: 'S10',
    name: 'a thousand requests that nobody answers, and a cut',
    script: (wire) => [wire.online(), Array.from({ length: 1_000 }, () => wire.hears('iq')), cut()],
    use: (session, note) => {
      let failed = 0;
      for (let index = 0; index < 1_000; index++)
        session.iq('get', xml('ping', { xmlns: NS.ping })).subscribe({
          error: () => {
            if (++failed === 1_000) note('1000 failed');
          },
        });
    },
    ends: ['transport connection-reset (online)', 'transport connection-closed (online)'],
    stride: 97,
    own: true,
  },
  {
    row: 'S11',
    name: 'a subscriber that throws',
    script: (wire) => [wire.online(), reply(wire.message('x')), reply(wire.message('y')), wire.survives()],
    use: (session, note) => {
      session.message$.subscribe(() => {
        throw new Error('of the application');
      });
      session.message$.subscribe((message) => {
        const body = message.child('body')?.text();
        if (body !== undefined) note(body);
      });
    },
    notes: ['x', 'y'],
    ends: ['online'],
    // By each of the three messages: x, y and the last.
    reports: 3,
    own: true,
  },
];

/** Stream errors, as servers say them. */
const ERRORS: Attack[] = [
  'not-authorized',
  'conflict',
  'policy-violation',
  'host-unknown',
  'system-shutdown',
  'reset',
].map((condition) => ({
  row: 'T11',
  name: `the stream error ${condition}`,
  script: (wire: Wire): Script => [wire.online(), reply(wire.streamError(condition)), reply(wire.footer), mute()],
  ends: [`stream ${condition} (online)`],
}));

const ODD_ERRORS: Attack[] = (
  [
    ['without a condition', ''],
    ['with two conditions', `<reset xmlns='${NS.streams}'/><conflict xmlns='${NS.streams}'/>`],
    ['with a condition of another namespace', "<reset xmlns='urn:example'/>"],
    ['with text alone', 'broken'],
  ] as const
).map(([what, content]) => ({
  row: 'X4',
  name: `a stream error ${what}`,
  script: (wire) => [
    wire.online(),
    reply(wire.streamError('x').replace(/<x [^>]*><\/x>/, content)),
    reply(wire.footer),
    mute(),
  ],
  ends: [/^stream [a-z-]+ \(online\)$/],
}));

export const STANZAS: readonly Attack[] = [
  ...FORGED_ANSWERS,
  ...OTHER_KINDS,
  ...TWICE,
  ...IMPOSTORS,
  ...FORWARDED,
  ...JIDS,
  ...BINDS,
  ...MANAGEMENT,
  ...LOST,
  ...ERRORS,
  ...ODD_ERRORS,
];
