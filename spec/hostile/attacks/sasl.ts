import { createHash } from 'node:crypto';
import { scramKeyCache } from '../../../lib/sasl/scram-key-cache.js';
import { exchange, expects, type Script } from '../../../lib/testing.js';
import { NS } from '../../../lib/xml/index.js';
import { BIND, PASSWORD, saslFailure } from '../../support/wire.js';
import type { Attack } from '../attack.js';
import { base64, challenge, mechanisms, mute, reply, success, type Wire } from '../wire.js';

const NO_MECHANISM = ['sasl no-mechanism (sasl)'];
const NOT_AUTHENTIC = ['sasl server-not-authentic (sasl)'];
const BAD_CHALLENGE = ['sasl bad-challenge (sasl)'];

/** A1: an offer that nobody who has a password should take. */
const OFFERS: Attack[] = (
  [
    ['PLAIN only', ['PLAIN']],
    ['unknown ones only', ['X-BEST', 'DIGEST-MD5', 'CRAM-MD5', 'LOGIN']],
    ['an empty list', []],
    ['an empty name', ['']],
    ['names in lower case', ['scram-sha-1', 'plain']],
    ['names with something before and behind', ['XSCRAM-SHA-1', 'SCRAM-SHA-1X', 'SCRAM-SHA-1 PLAIN']],
    ['ANONYMOUS and EXTERNAL only', ['ANONYMOUS', 'EXTERNAL']],
    ['-PLUS only, without channel binding', ['SCRAM-SHA-1-PLUS']],
    ['a thousand unknown ones', Array.from({ length: 1000 }, (_, index) => `X-${index}`)],
  ] as [string, string[]][]
).map(([what, names]) => ({
  row: 'A1',
  name: `mechanisms: ${what}`,
  script: (wire) => [wire.offers(...names), mute()],
  ends: what === '-PLUS only, without channel binding' ? [...NO_MECHANISM, 'timeout timeout (sasl)'] : NO_MECHANISM,
  ...(what.startsWith('-PLUS') && { silent: 'sasl' as const }),
  ...(what.startsWith('a thousand') && { stride: 97 }),
}));

const PLAINTEXT: Attack[] = [
  ...(['preferred', 'disabled'] as const).map((tls): Attack => ({
    row: 'A1',
    name: `PLAIN is asked for, and there is no TLS (policy ${tls})`,
    over: ['starttls'],
    script: (wire) => [wire.opens, reply(wire.header(), wire.features(mechanisms('PLAIN'))), mute()],
    options: { tls, credentials: { password: PASSWORD, allowPlain: true } },
    ends: NO_MECHANISM,
    own: true,
  })),
  {
    row: 'A1',
    name: 'no list of mechanisms',
    script: (wire) => [wire.secures(), reply(wire.header(), wire.features(BIND)), mute()],
    ends: NO_MECHANISM,
  },
  {
    row: 'A1',
    name: 'a list of another namespace',
    script: (wire) => [
      wire.secures(),
      reply(wire.header(), wire.features("<mechanisms xmlns='urn:example'><mechanism>PLAIN</mechanism></mechanisms>")),
      mute(),
    ],
    ends: NO_MECHANISM,
  },
  {
    row: 'A1',
    name: 'PLAIN that was asked for is refused, and the text repeats the password',
    script: (wire) => [
      wire.offers('PLAIN'),
      exchange([
        `<auth xmlns='${NS.sasl}' mechanism='PLAIN'>{data}</auth>`,
        saslFailure('not-authorized', `no: {data} ${PASSWORD.replaceAll('&', '&amp;')}`),
      ]),
      mute(),
    ],
    options: { credentials: { password: PASSWORD, allowPlain: true } },
    plain: true,
    ends: ['sasl not-authorized (sasl)'],
    own: true,
  },
];

const hashOfOffer = (...names: string[]) =>
  createHash('sha1')
    .update([...names].sort().join('\x1e'))
    .digest('base64');

/** A2 */
const TAMPERED: Attack[] = [
  {
    row: 'A2',
    name: 'the list was changed on the way (XEP-0474)',
    script: (wire) => {
      const h = hashOfOffer('SCRAM-SHA-1', 'SCRAM-SHA-256');
      const { script, challenges } = wire.hearsAuth('SHA-1', { extensions: `,h=${h}` });
      return [script, challenges(), mute()];
    },
    ends: ['sasl mechanisms-tampered (sasl)'],
    noProof: true,
  },
  {
    row: 'A2',
    name: 'the hash of the list is none',
    script: (wire) => {
      const { script, challenges } = wire.hearsAuth('SHA-1', { extensions: ',h=AAAA' });
      return [script, challenges(), mute()];
    },
    ends: ['sasl mechanisms-tampered (sasl)'],
    noProof: true,
  },
  {
    row: 'A2',
    name: 'the hash of the list is right',
    script: (wire) => {
      const h = hashOfOffer('SCRAM-SHA-1');
      const { script, challenges, hearsProof, succeeds } = wire.hearsAuth('SHA-1', { extensions: `,h=${h}` });
      return [
        [script, challenges(), hearsProof, succeeds(), wire.hearsHeader],
        [reply(wire.header(), wire.features(BIND)), wire.hears('iq'), reply(wire.bound()), wire.survives()],
      ];
    },
    ends: ['online'],
  },
];

/** A server that says no to what it hears. */
const refuses = (wire: Wire, offer: readonly string[], ...conditions: string[]): Script => [
  wire.offers(...offer),
  conditions.map((condition): Script => [wire.hears('auth'), reply(saslFailure(condition))]),
  mute(),
];

/** A3 */
const BINDING = new Uint8Array(32).fill(9);
const RELAYS: Attack[] = [
  {
    row: 'A3',
    name: 'a relay: the server has seen other channel-binding data',
    over: ['direct', 'starttls'],
    script: (wire) => [
      wire.offers('SCRAM-SHA-1-PLUS', 'SCRAM-SHA-1'),
      expects(function auth(event) {
        return event.kind === 'element' && event.element.attrs.mechanism === 'SCRAM-SHA-1-PLUS';
      }),
      reply(saslFailure('not-authorized')),
      // It comes again, once, without -PLUS: the relay takes it no further.
      wire.hears('auth'),
      reply(saslFailure('not-authorized')),
      mute(),
    ],
    channelBinding: BINDING,
    ends: ['sasl not-authorized (sasl)'],
    own: true,
  },
  {
    row: 'A3',
    name: '-PLUS refused where the server said which bindings it knows: no way down',
    over: ['direct', 'starttls'],
    script: (wire) => [
      wire.secures(),
      reply(
        wire.header(),
        wire.features(
          mechanisms('SCRAM-SHA-1-PLUS', 'SCRAM-SHA-1'),
          `<sasl-channel-binding xmlns='${NS.channelBinding}'><channel-binding type='tls-exporter'/></sasl-channel-binding>`,
        ),
      ),
      wire.hears('auth'),
      reply(saslFailure('not-authorized')),
      mute(),
    ],
    channelBinding: BINDING,
    ends: ['sasl not-authorized (sasl)'],
    own: true,
  },
  {
    row: 'A3',
    name: '-PLUS offered over WebSocket',
    over: ['frames'],
    script: (wire) => [
      wire.offers('SCRAM-SHA-1-PLUS', 'SCRAM-SHA-1'),
      expects(function auth(event) {
        return event.kind === 'element' && event.element.attrs.mechanism === 'SCRAM-SHA-1';
      }),
      reply(saslFailure('temporary-auth-failure')),
      mute(),
    ],
    ends: ['sasl temporary-auth-failure (sasl)'],
  },
];

const REFUSALS: Attack[] = [
  ...['not-authorized', 'account-disabled', 'credentials-expired', 'invalid-mechanism', 'temporary-auth-failure'].map(
    (condition): Attack => ({
      row: 'A1',
      name: `refused: ${condition}`,
      script: (wire) => refuses(wire, ['SCRAM-SHA-1'], condition),
      ends: [`sasl ${condition} (sasl)`],
    }),
  ),
  {
    row: 'A1',
    name: 'refused with a condition of the server’s own',
    script: (wire) => refuses(wire, ['SCRAM-SHA-1'], 'x-own'),
    ends: ['sasl not-authorized (sasl)'],
  },
];

/** A4: the server does not prove that it knows the password. */
const FINALS: Attack[] = (
  [
    ['no signature', () => ''],
    ['an empty signature', () => 'v='],
    ['another signature', () => `v=${base64('x'.repeat(20))}`],
    ['a truncated signature', (right) => right.slice(0, -5)],
    [
      'a signature that is too long',
      (right) => `v=${base64(Buffer.from(right.slice(2), 'base64').toString('latin1') + 'x')}`,
    ],
    ['a signature that is our proof', () => 'v=AAAAAAAAAAAAAAAAAAAAAAAAAAA='],
    ['an attribute of another name', (right) => right.replace('v=', 'w=')],
    ['an error that is none', () => 'e='],
    ['two signatures', (right) => `v=AAAA,${right}`],
  ] as [string, (right: string) => string][]
).map(([what, final]) => ({
  row: 'A4',
  name: `success with ${what}`,
  script: (wire) => {
    const { script, challenges, hearsProof, succeeds } = wire.hearsAuth();
    return [
      [script, challenges(), hearsProof, succeeds(final)],
      // Whoever takes that for authenticated opens a stream, and is given one.
      [wire.hearsHeader, reply(wire.header(), wire.features(BIND)), wire.hears('iq'), reply(wire.bound())],
      mute(),
    ];
  },
  ends: NOT_AUTHENTIC,
}));

const EARLY: Attack[] = (
  [
    ['success in place of a challenge', success()],
    ['success with a signature in place of a challenge', success(base64('v=AAAA'))],
    ['success with an equals sign in place of a challenge', success('=')],
  ] as const
).map(([what, answer]) => ({
  row: 'A4',
  name: what,
  script: (wire) => [
    [wire.hearsAuth().script, reply(answer)],
    [wire.hearsHeader, reply(wire.header(), wire.features(BIND)), wire.hears('iq'), reply(wire.bound())],
    mute(),
  ],
  ends: NOT_AUTHENTIC,
}));

/** A5, A6: first messages with something wrong. The right one comes in. */
const CHALLENGES: [string, string, (right: string) => string, string?][] = [
  ...[
    '0',
    '1',
    '4095',
    '2147483648',
    '1e30',
    '4096x',
    '-1',
    '04096',
    '4096.5',
    '',
    ' 4096',
    '１００００',
    '999999999999999999999',
  ].map((count): [string, string, (right: string) => string] => [
    'A5',
    `iteration count '${count}'`,
    (right) => right.replace(/i=\d+/, `i=${count}`),
  ]),
  ['A5', 'the iteration count twice', (right) => `${right},i=4096`],
  ['A6', 'a nonce that is none of ours', (right) => right.replace(/^r=[^,]*/, 'r=abcdefghijklmnop')],
  ['A6', 'our nonce, with nothing added', (right) => right.replace(/^(r=[^,]{10})[^,]*/, '$1')],
  ['A6', 'our nonce behind another', (right) => right.replace(/^r=/, 'r=x')],
  ['A6', 'an empty nonce', (right) => right.replace(/^r=[^,]*/, 'r=')],
  ['A6', 'a nonce with a comma less', (right) => right.replace(',s=', 's=')],
  ['A6', 'an extension that is mandatory', (right) => `m=ext,${right}`],
  ['A6', 'a mandatory extension at the end', (right) => `${right},m=ext`],
  ['A6', 'attributes out of order', (right) => right.split(',').reverse().join(',')],
  ['A6', 'no salt', (right) => right.replace(/,s=[^,]*/, '')],
  ['A6', 'an empty salt', (right) => right.replace(/,s=[^,]*/, ',s=')],
  ['A6', 'a salt that is no base64', (right) => right.replace(/,s=[^,]*/, ',s=%%%')],
  ['A6', 'a salt with white space', (right) => right.replace(/,s=(..)/, ',s=$1 ')],
  ['A6', 'no iteration count', (right) => right.replace(/,i=\d+/, '')],
  ['A6', 'a NUL', (right) => `${right}\0`],
  ['A6', 'an attribute without a name', (right) => `${right},=x`],
  ['A6', 'nothing', () => ''],
  ['A6', 'a final message', () => 'v=AAAA'],
];

const FIRSTS: Attack[] = CHALLENGES.map(([row, what, first]) => ({
  row,
  name: `a challenge with ${what}`,
  script: (wire) => {
    const { script, challenges } = wire.hearsAuth();
    // Whoever answers is told that all is well.
    return [script, challenges(first), wire.hears('response'), mute()];
  },
  ends: BAD_CHALLENGE,
  noProof: true,
}));

const ENCODINGS: Attack[] = (
  [
    ['no base64', challenge('?')],
    ['base64 without padding', challenge('cj1')],
    ['base64 of the URL alphabet', challenge('cj1-_w==')],
    ['an equals sign', challenge('=')],
    ['octets that are no UTF-8', challenge(Buffer.from([0xff, 0xfe, 0x2c]).toString('base64'))],
    ['an element within', `<challenge xmlns='${NS.sasl}'><x/></challenge>`],
  ] as const
).map(([what, answer]) => ({
  row: 'A6',
  name: `a challenge: ${what}`,
  script: (wire) => [wire.hearsAuth().script, reply(answer), mute()],
  ends: BAD_CHALLENGE,
  noProof: true,
}));

/** What has no place in the exchange. */
const STRANGE: Attack[] = (
  [
    ['a stanza', (wire: Wire) => wire.message('hello')],
    ['features', (wire: Wire) => wire.features(BIND)],
    ['success of another namespace', () => "<success xmlns='urn:example'/>"],
    ['a challenge of SASL2', () => "<challenge xmlns='urn:xmpp:sasl:2'/>"],
    ['a bound JID', (wire: Wire) => wire.bound().replace('{iqId}', '1')],
  ] as const
).map(([what, answer]) => ({
  row: 'A4',
  name: `${what} in the midst of SASL`,
  script: (wire) => [wire.hearsAuth().script, reply(answer(wire)), mute()],
  ends: BAD_CHALLENGE,
}));

const AROUND: Attack[] = [
  {
    row: 'A4',
    name: 'an endless exchange',
    script: (wire) => {
      const { script, challenges, hearsProof } = wire.hearsAuth();
      const again: Script = [reply(({ final }) => challenge(base64(final!))), wire.hears('response')];
      return [script, challenges(), hearsProof, again, Array.from({ length: 20 }, () => again), mute()];
    },
    ends: BAD_CHALLENGE,
  },
  {
    row: 'A4',
    name: 'a second challenge in place of success',
    script: (wire) => {
      const { script, challenges, hearsProof } = wire.hearsAuth();
      return [script, challenges(), hearsProof, challenges(), mute()];
    },
    ends: [...BAD_CHALLENGE, ...NOT_AUTHENTIC],
  },
  {
    row: 'A4',
    name: 'a stanza behind <success/>, of the old stream',
    over: ['starttls', 'direct'],
    script: (wire) => [wire.authenticates().slice(0, -1), afterSuccess(wire, wire.message('x')), mute()],
    ends: ['stream policy-violation (sasl)', 'stream bad-format (open)', 'stream not-well-formed (open)'],
  },
  {
    row: 'A4',
    name: 'a whole stream behind <success/>, before we asked for one',
    over: ['starttls', 'direct'],
    script: (wire) => [
      wire.authenticates().slice(0, -1),
      afterSuccess(wire, wire.header() + wire.features(BIND)),
      mute(),
    ],
    ends: [
      /^stream [a-z-]+ \((sasl|open|features)\)$/,
      'timeout timeout (bind)',
      'timeout timeout (open)',
      'timeout timeout (features)',
    ],
    virtual: true,
  },
  {
    row: 'A4',
    name: 'nothing that was offered before SASL counts after',
    script: (wire) => [
      wire.secures(),
      reply(wire.header(), wire.features(mechanisms('SCRAM-SHA-1'), BIND)),
      ...rest(wire),
      wire.hearsHeader,
      reply(wire.header(), wire.features()),
      mute(),
    ],
    ends: ['stream feature-missing (bind)'],
  },
  {
    row: 'A4',
    name: 'SASL is offered again after it succeeded',
    script: (wire) => [wire.reopens(), reply(wire.header(), wire.features(mechanisms('SCRAM-SHA-1', 'PLAIN'))), mute()],
    ends: ['stream feature-missing (bind)'],
  },
  {
    row: 'A5',
    name: 'an iteration count that is allowed, and slow',
    script: (wire) => {
      const { script, challenges } = wire.hearsAuth('SHA-1', { iterations: 5_000 });
      return [script, challenges(), wire.hears('response'), reply(saslFailure('not-authorized')), mute()];
    },
    options: { keys: scramKeyCache() },
    ends: ['sasl not-authorized (sasl)'],
  },
];

/** SCRAM after its offer, to success. */
function rest(wire: Wire): Script {
  const { hearsAuth, challenges, hearsProof, succeeds } = wire.hearsAuth();
  return [hearsAuth, challenges(), hearsProof, succeeds()];
}

/** The last step of `authenticates`, with something behind it. */
function afterSuccess(wire: Wire, more: string): Script {
  void wire;
  return [reply(({ final }) => success(base64(final!)) + more)];
}

/** A7: the server repeats what it was sent, wherever it can put a text. */
const ECHOES: Attack[] = [
  {
    row: 'A7',
    name: 'a refusal that repeats the proof',
    script: (wire) => {
      const { script, challenges } = wire.hearsAuth();
      return [
        [script, challenges()],
        exchange([`<response xmlns='${NS.sasl}'>{proof}</response>`, saslFailure('not-authorized', '{proof}')]),
        mute(),
      ];
    },
    ends: ['sasl not-authorized (sasl)'],
  },
  {
    row: 'A7',
    name: 'a stream error that repeats the proof',
    script: (wire) => {
      const { script, challenges } = wire.hearsAuth();
      const text = `<text xmlns='${NS.streams}'>{proof}</text>`;
      const error = wire.streamError('not-authorized').replace('</stream:error>', `${text}</stream:error>`);
      return [
        [script, challenges()],
        [exchange([`<response xmlns='${NS.sasl}'>{proof}</response>`, error]), reply(wire.footer)],
        mute(),
      ];
    },
    ends: ['stream not-authorized (sasl)'],
  },
];

export const SASL: readonly Attack[] = [
  ...OFFERS,
  ...PLAINTEXT,
  ...TAMPERED,
  ...RELAYS,
  ...REFUSALS,
  ...FINALS,
  ...EARLY,
  ...FIRSTS,
  ...ENCODINGS,
  ...STRANGE,
  ...AROUND,
  ...ECHOES,
];
