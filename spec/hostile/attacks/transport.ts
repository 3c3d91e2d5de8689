import { after, cut, end, type Script } from '../../../lib/testing.js';
import { NS, xml } from '../../../lib/xml/index.js';
import { BIND, BOUND, DOMAIN, saslFailure, TLS_FAILURE } from '../../support/wire.js';
import type { Attack } from '../attack.js';
import { mechanisms, mute, PROCEED, reply, STARTTLS, success, type Wire } from '../wire.js';

const starttls = ['starttls'] as const;
const PASSWORD_MECHANISMS = mechanisms('PLAIN', 'SCRAM-SHA-1');

/** A server that offers no TLS, takes whatever comes next, and answers. */
const stripped = (wire: Wire, answer: string, offer = PASSWORD_MECHANISMS): Script => [
  wire.opens,
  reply(wire.header(), wire.features(offer)),
  wire.hearsSomething,
  reply(answer),
  mute(),
];

const UNAVAILABLE = ['tls tls-unavailable (starttls)'];

/** T1 */
const STRIPPED: Attack[] = [
  ...(
    [
      ['answered by <failure/>', TLS_FAILURE],
      ['answered by a refusal of SASL', saslFailure('encryption-required')],
      ['answered by success', success()],
      ['answered by a challenge', `<challenge xmlns='${NS.sasl}'/>`],
      ['answered by features again', '<stream:features/>'],
      ['answered by <proceed/> of another namespace', "<proceed xmlns='urn:example'/>"],
      ['answered by <proceed/> of the namespace of SASL', `<proceed xmlns='${NS.sasl}'/>`],
      ['answered by a stanza', `<message from='${DOMAIN}'/>`],
      ['answered by a bound JID', `<iq type='result'><bind xmlns='${NS.bind}'><jid>${BOUND}</jid></bind></iq>`],
    ] as const
  ).map(([how, answer]): Attack => ({
    row: 'T1',
    name: `STARTTLS stripped, ${how}`,
    over: starttls,
    script: (wire) => stripped(wire, answer),
    ends: UNAVAILABLE,
  })),
  {
    row: 'T1',
    name: 'STARTTLS stripped, answered by a stream error',
    over: starttls,
    script: (wire) => stripped(wire, wire.streamError('not-authorized') + wire.footer),
    ends: UNAVAILABLE,
  },
  {
    row: 'T1',
    name: 'STARTTLS stripped, then silence',
    over: starttls,
    script: (wire) => [wire.opens, reply(wire.header(), wire.features(PASSWORD_MECHANISMS)), mute()],
    silent: 'starttls',
    ends: ['timeout timeout (starttls)'],
  },
  {
    row: 'T1',
    name: 'STARTTLS stripped, then a footer',
    over: starttls,
    script: (wire) => stripped(wire, wire.footer),
    ends: ['stream stream-closed (starttls)'],
  },
  {
    row: 'T1',
    name: 'STARTTLS stripped, then the end',
    over: starttls,
    script: (wire) => [wire.opens, reply(wire.header(), wire.features()), wire.hearsSomething, end(), mute()],
    ends: ['transport connection-closed (starttls)', 'transport connection-reset (starttls)'],
  },
  {
    row: 'T1',
    name: 'no features but mechanisms that need no TLS',
    over: starttls,
    script: (wire) => stripped(wire, TLS_FAILURE, mechanisms('ANONYMOUS', 'EXTERNAL', 'PLAIN')),
    ends: UNAVAILABLE,
  },
  {
    row: 'T1',
    name: 'STARTTLS of another namespace',
    over: starttls,
    script: (wire) => stripped(wire, TLS_FAILURE, `<starttls xmlns='urn:example'/>${PASSWORD_MECHANISMS}`),
    ends: UNAVAILABLE,
  },
  {
    row: 'T1',
    name: 'STARTTLS behind the mechanisms, and refused',
    over: starttls,
    script: (wire) => stripped(wire, TLS_FAILURE, PASSWORD_MECHANISMS + STARTTLS),
    ends: UNAVAILABLE,
  },
  {
    row: 'T1',
    name: 'success without having been asked, in place of features',
    over: starttls,
    script: (wire) => [wire.opens, reply(wire.header(), success()), mute()],
    ends: ['stream invalid-xml (features)'],
  },
];

/** T2 */
const INJECTED = (wire: Wire): [string, string][] => [
  ['a stanza', wire.message('injected')],
  ['features', wire.features(PASSWORD_MECHANISMS)],
  ['a whole stream', wire.header() + wire.features(PASSWORD_MECHANISMS)],
  ['success', success()],
  ['a footer', wire.footer],
  ['half an element', '<message'],
  ['a NUL', '\0'],
  ['white space', ' '],
  ['another <proceed/>', PROCEED],
  ['a stream error', wire.streamError('see-other-host', 'evil.example.net')],
];

const INJECTIONS: Attack[] = INJECTED({
  message: () => '',
  features: () => '',
  header: () => '',
  streamError: () => '',
} as never).flatMap(([what], index): Attack[] => {
  const injected = (wire: Wire) => INJECTED(wire)[index]![1];
  const ask = (wire: Wire): Script => [
    wire.opens,
    reply(wire.header(), wire.features(STARTTLS)),
    wire.hears('starttls'),
  ];
  return [
    {
      row: 'T2',
      name: `${what} behind <proceed/>`,
      over: starttls,
      script: (wire) => [ask(wire), reply(PROCEED, injected(wire)), wire.shakesHands(), mute()],
      ends: ['tls data-after-proceed (starttls)', 'tls handshake-failed (tls)'],
    },
    {
      row: 'T2',
      name: `${what} in the segment after <proceed/>`,
      over: starttls,
      script: (wire) => [ask(wire), reply(PROCEED), reply(injected(wire)), wire.shakesHands(), mute()],
      ends: ['tls data-after-proceed (starttls)', 'tls handshake-failed (tls)'],
    },
  ];
});

const FORGOTTEN: Attack[] = [
  {
    row: 'T2',
    name: 'features of before TLS do not count after',
    over: starttls,
    script: (wire) => [
      wire.opens,
      reply(wire.header(), wire.features(STARTTLS, PASSWORD_MECHANISMS, BIND)),
      wire.hears('starttls'),
      reply(PROCEED),
      wire.shakesHands(),
      wire.hearsHeader,
      reply(wire.header(), wire.features()),
      mute(),
    ],
    ends: ['sasl no-mechanism (sasl)'],
  },
  {
    row: 'T2',
    name: 'the stream goes on over TLS without a new header',
    over: starttls,
    script: (wire) => [
      wire.opens,
      reply(wire.header(), wire.features(STARTTLS)),
      wire.hears('starttls'),
      reply(PROCEED),
      wire.shakesHands(),
      wire.hearsHeader,
      reply(wire.features(mechanisms('PLAIN', 'SCRAM-SHA-1'))),
      mute(),
    ],
    ends: [/^stream (bad-format|bad-namespace-prefix|invalid-namespace) \(open\)$/],
  },
  {
    row: 'T2',
    name: 'STARTTLS is offered again over TLS, as the only feature',
    over: starttls,
    script: (wire) => [wire.secures(), reply(wire.header(), wire.features(STARTTLS)), mute()],
    ends: ['sasl no-mechanism (sasl)'],
  },
];

const sendsOn = (wire: Wire, to: string): Script => [
  wire.secures(),
  reply(wire.header(), wire.streamError('see-other-host', to), wire.footer),
  mute(),
];

/** T5 */
const REDIRECTS: Attack[] = [
  ...['evil.example.net', '[2001:db8::1]:5222', DOMAIN, '127.0.0.1:1'].map((to): Attack => ({
    row: 'T5',
    name: `sent on to ${to} before TLS`,
    over: starttls,
    script: (wire) => [wire.opens, reply(wire.header(), wire.streamError('see-other-host', to), wire.footer), mute()],
    ends: [/^stream see-other-host \((open|features)\)$/],
  })),
  {
    row: 'T5',
    name: 'sent on in place of <proceed/>',
    over: starttls,
    script: (wire) => [
      wire.opens,
      reply(wire.header(), wire.features(STARTTLS)),
      wire.hears('starttls'),
      reply(wire.streamError('see-other-host', 'evil.example.net')),
      mute(),
    ],
    ends: ['stream see-other-host (starttls)'],
  },
  {
    row: 'T5',
    name: 'sent round and round',
    over: ['direct'],
    script: (wire) => ({ scripts: Array.from({ length: 100 }, () => sendsOn(wire, `${DOMAIN}:5222`)) }),
    ends: [/^stream see-other-host \((open|features)\)$/],
    connections: 6,
    virtual: true,
  },
  ...['ws://example.org/ws', 'http://example.org/', 'wss:', 'javascript:alert(1)', ''].map((to): Attack => ({
    row: 'T5',
    name: `see-other-uri to '${to}'`,
    over: ['frames'],
    script: (wire) => [
      wire.opens,
      reply(wire.header()),
      reply(`<close xmlns='${NS.framing}' see-other-uri='${to}'/>`),
      mute(),
    ],
    ends: ['stream see-other-host (features)', 'stream see-other-host (open)'],
  })),
];

/** T8 */
const HALF_OPEN: Attack[] = [
  {
    row: 'T8',
    name: 'the peer falls silent once online',
    script: (wire) => [wire.online(), mute()],
    options: { keepAlive: { idle: 300, timeout: 200 } },
    ends: ['timeout timeout (online)', 'timeout timeout (close)'],
    own: true,
  },
  {
    row: 'T8',
    name: 'the peer reads no more',
    script: (wire) => [wire.online(), { step: 'stall', stalled: true }, mute()],
    options: { keepAlive: { idle: 300, timeout: 200 } },
    use: (session) => session.send(xml('message', { to: DOMAIN }, xml('body', {}, 'hello'))),
    ends: ['timeout timeout (online)', 'timeout timeout (close)'],
    virtual: true,
    own: true,
  },
  {
    row: 'T8',
    name: 'white space now and then is a sign of life',
    over: ['starttls', 'direct'],
    script: (wire) => [
      wire.online(),
      Array.from({ length: 20 }, (): Script => [after(250), reply(' ')]),
      wire.survives(),
    ],
    options: { keepAlive: { idle: 300, timeout: 200 } },
    ends: ['online'],
    virtual: true,
  },
];

/** T9: the server falls silent wherever it is due to speak. */
const SILENCES: Attack[] = (
  [
    ['before its header', 'open', (wire) => wire.opens],
    ['before its features', 'features', (wire) => [wire.opens, reply(wire.header())]],
    [
      'before <proceed/>',
      'starttls',
      (wire) => [wire.opens, reply(wire.header(), wire.features(STARTTLS)), wire.hears('starttls')],
    ],
    [
      'in the handshake',
      'tls',
      (wire) => [wire.opens, reply(wire.header(), wire.features(STARTTLS)), wire.hears('starttls'), reply(PROCEED)],
    ],
    ['before its header over TLS', 'open', (wire) => wire.secures()],
    ['before its features over TLS', 'features', (wire) => [wire.secures(), reply(wire.header())]],
    ['before the challenge', 'sasl', (wire) => wire.hearsAuth().script],
    [
      'before <success/>',
      'sasl',
      (wire) => {
        const { script, challenges, hearsProof } = wire.hearsAuth();
        return [script, challenges(), hearsProof];
      },
    ],
    ['before its header after SASL', 'open', (wire) => wire.reopens()],
    ['before its features after SASL', 'features', (wire) => [wire.reopens(), reply(wire.header())]],
    ['before a JID is bound', 'bind', (wire) => wire.hearsBind()],
    ['before <enabled/>', 'enable', (wire) => [wire.online(`<sm xmlns='${NS.sm}'/>`), wire.hears('enable')]],
  ] as [string, NonNullable<Attack['silent']>, (wire: Wire) => Script][]
).map(([when, phase, script]) => ({
  row: 'T9',
  name: `silence ${when}`,
  ...(when === 'before <proceed/>' || when === 'in the handshake' ? { over: starttls } : {}),
  script: (wire) => [script(wire), mute()],
  silent: phase,
  ends: [`timeout timeout (${phase})`],
}));

const SILENCE_AT_THE_END: Attack = {
  row: 'T9',
  name: 'silence after our footer',
  script: (wire) => [wire.online(), mute()],
  use: (session) => session.close().subscribe(),
  silent: 'close',
  ends: ['closed', 'timeout timeout (close)'],
  own: true,
};

const TRICKLE: Attack = {
  row: 'T9',
  name: 'white space in place of an answer does not extend the bound',
  over: ['starttls', 'direct'],
  script: (wire) => [wire.hearsBind(), Array.from({ length: 50 }, (): Script => [after(1000), reply(' ')])],
  ends: ['timeout timeout (bind)'],
  virtual: true,
};

/** T10: we give up, and the server goes on as if nothing had happened. */
const ABORTS: Attack[] = (
  [
    'opening',
    'opened',
    'features',
    'securing',
    'secured',
    'authenticating',
    'authenticated',
    'binding',
    'bound',
    'online',
  ] as const
).map((event) => ({
  row: 'T10',
  name: `we give up at '${event}'`,
  ...(event === 'securing' || event === 'secured' ? { over: starttls } : {}),
  script: (wire) => [wire.online(), wire.survives()],
  abortAt: event,
  ends: ['cancelled'],
  own: true,
}));

/** Losses at any moment: the end, a cut. */
const LOSSES: Attack[] = (
  [
    ['instead of a header', (wire) => wire.opens, 'open'],
    ['instead of a challenge', (wire) => wire.hearsAuth().script, 'sasl'],
    ['instead of a bound JID', (wire) => wire.hearsBind(), 'bind'],
    ['once online', (wire) => wire.online(), 'online'],
  ] as [string, (wire: Wire) => Script, string][]
).flatMap(([when, script, phase]): Attack[] => [
  {
    row: 'T8',
    name: `the connection is reset ${when}`,
    script: (wire) => [script(wire), cut()],
    ends: [`transport connection-reset (${phase})`, `transport connection-closed (${phase})`],
  },
  {
    row: 'T8',
    name: `the server ends its side ${when}`,
    script: (wire) => [script(wire), end(), mute()],
    ends: [`transport connection-closed (${phase})`, `transport connection-reset (${phase})`],
  },
  {
    row: 'T8',
    name: `a footer ${when}`,
    script: (wire) => [script(wire), reply(...(phase === 'open' ? [wire.header()] : []), wire.footer), mute()],
    ends: [`stream stream-closed (${phase})`, 'stream stream-closed (features)'],
  },
]);

export const TRANSPORT: readonly Attack[] = [
  ...STRIPPED,
  ...INJECTIONS,
  ...FORGOTTEN,
  ...REDIRECTS,
  ...HALF_OPEN,
  ...SILENCES,
  SILENCE_AT_THE_END,
  TRICKLE,
  ...ABORTS,
  ...LOSSES,
];
