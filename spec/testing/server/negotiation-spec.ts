import { createHash, pbkdf2Sync } from 'node:crypto';
import type { XmppServerOptions } from '../../../lib/testing.js';
import { nobleCrypto } from '../../../lib/testing/server/noble-crypto.js';
import { rememberKeys } from '../../../lib/testing/server/server-crypto.js';
import { b64, HEADER, ScramClient, SERVER_HEADER, TestPipe, testServer, unb64 } from '../support/test-pipe.js';

const SASL = 'urn:ietf:params:xml:ns:xmpp-sasl';
const STREAMS = 'urn:ietf:params:xml:ns:xmpp-streams';
const FEATURES = `<stream:features xmlns:stream='http://etherx.jabber.org/streams'>`;
const STARTTLS = `<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>`;
const mechanisms = (...names: string[]) =>
  `${FEATURES}<mechanisms xmlns='${SASL}'>${names.map((name) => `<mechanism>${name}</mechanism>`).join('')}</mechanisms></stream:features>`;
const BOUND = `${FEATURES}<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/><session xmlns='urn:ietf:params:xml:ns:xmpp-session'><optional/></session><sm xmlns='urn:xmpp:sm:3'/></stream:features>`;
const SCRAMS = ['SCRAM-SHA-512', 'SCRAM-SHA-256', 'SCRAM-SHA-1'];
const auth = (mechanism: string, data = '') => `<auth xmlns='${SASL}' mechanism='${mechanism}'>${data}</auth>`;
const response = (data: string) => `<response xmlns='${SASL}'>${data}</response>`;
const failure = (condition: string) => `<failure xmlns='${SASL}'><${condition}/></failure>`;
const streamError = (condition: string, text?: string) =>
  `<stream:error xmlns:stream='http://etherx.jabber.org/streams'><${condition} xmlns='${STREAMS}'/>${
    text === undefined ? '' : `<text xmlns='${STREAMS}'>${text}</text>`
  }</stream:error></stream:stream>`;
const PLAIN = auth('PLAIN', b64('\0alice\0wonder'));
const SUCCESS = `<success xmlns='${SASL}'/>`;
const bind = (resource?: string) =>
  `<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>${resource === undefined ? '' : `<resource>${resource}</resource>`}</bind></iq>`;
const bound = (jid: string) =>
  `<iq type='result' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>${jid}</jid></bind></iq>`;

type Row = [sent: string, answered: string | RegExp];
interface Case {
  readonly name: string;
  readonly options?: XmppServerOptions;
  readonly tls?: 'starttls-available' | 'direct' | 'active' | 'none';
  readonly pipe?: () => TestPipe;
  readonly rows: readonly Row[];
  /** Means something else in parts. */
  readonly wholeOnly?: boolean;
  /** How it ends. */
  readonly end?: 'open' | 'ended' | 'destroyed';
}

const withBinding = (types: readonly string[] = ['tls-exporter']) => {
  const pipe = new TestPipe();
  pipe.channelBinding = (type) => (types.includes(type) ? Buffer.from(`data of ${type}`) : undefined);
  return pipe;
};

const cases: Case[] = [
  {
    name: 'answers a header with features: SASL under TLS',
    rows: [[HEADER, SERVER_HEADER + mechanisms(...SCRAMS, 'PLAIN', 'ANONYMOUS')]],
  },
  {
    name: 'offers nothing but STARTTLS where that is required',
    options: { tls: 'required' },
    tls: 'starttls-available',
    rows: [
      [
        `<?xml version='1.0'?>\n${HEADER}`,
        `${SERVER_HEADER}${FEATURES}<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>`,
      ],
      [STARTTLS, `<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>`],
      [HEADER, SERVER_HEADER + mechanisms(...SCRAMS, 'PLAIN', 'ANONYMOUS')],
      [PLAIN, SUCCESS],
      [HEADER, SERVER_HEADER + BOUND],
      [bind('desk'), bound('alice@example.org/desk')],
      ['</stream:stream>', '</stream:stream>'],
    ],
    end: 'ended',
  },
  {
    name: 'offers no PLAIN and no channel binding in clear',
    tls: 'starttls-available',
    pipe: withBinding,
    options: { mechanisms: ['SCRAM-SHA-1-PLUS', 'SCRAM-SHA-1', 'PLAIN'] },
    rows: [
      [
        HEADER,
        SERVER_HEADER +
          `${FEATURES}<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/><mechanisms xmlns='${SASL}'><mechanism>SCRAM-SHA-1</mechanism></mechanisms></stream:features>`,
      ],
      [PLAIN, failure('invalid-mechanism')],
    ],
  },
  {
    name: 'lets nobody authenticate in clear where TLS is required, though not offered',
    options: { tls: 'required', features: () => [] },
    tls: 'starttls-available',
    rows: [
      [HEADER, SERVER_HEADER + FEATURES.replace(/>$/, '/>')],
      [auth('SCRAM-SHA-1', b64('n,,n=alice,r=x')), failure('encryption-required')],
      [STARTTLS, `<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>`],
    ],
  },
  {
    name: 'refuses STARTTLS where there is none',
    options: { tls: 'off' },
    tls: 'starttls-available',
    rows: [
      [HEADER, SERVER_HEADER + mechanisms(...SCRAMS, 'ANONYMOUS')],
      [STARTTLS, `<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:stream>`],
    ],
    end: 'ended',
  },
  {
    name: 'starts TLS at once on a direct pipe',
    tls: 'direct',
    options: { tls: 'required' },
    rows: [[HEADER, SERVER_HEADER + mechanisms(...SCRAMS, 'PLAIN', 'ANONYMOUS')]],
  },
  {
    name: 'binds a resource of its own choice',
    rows: [
      [HEADER, /./],
      [PLAIN, SUCCESS],
      [HEADER, SERVER_HEADER + BOUND],
      [bind(), bound('alice@example.org/000000000000')],
    ],
  },
  {
    name: 'takes pipelined input in one piece',
    rows: [
      [HEADER + PLAIN, SERVER_HEADER + mechanisms(...SCRAMS, 'PLAIN', 'ANONYMOUS') + SUCCESS],
      [
        `${HEADER}${bind('a')}<iq id='p' type='get'><ping xmlns='urn:xmpp:ping'/></iq>`,
        SERVER_HEADER + BOUND + bound('alice@example.org/a') + `<iq type='result' id='p' to='alice@example.org/a'/>`,
      ],
    ],
  },
  {
    name: 'refuses a resource that is none',
    rows: [
      [HEADER + PLAIN, /success/],
      [HEADER, /bind/],
      [
        bind('x'.repeat(1024)),
        /<iq type='error' id='b'><error type='modify'><bad-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'\/>/,
      ],
      [bind('a'), bound('alice@example.org/a')],
      [bind('b'), /<iq type='error' id='b' to='alice@example.org\/a'><error type='cancel'><not-allowed /],
    ],
  },
  {
    name: 'requires the legacy session if told so',
    options: { legacySession: 'required', streamManagement: false },
    rows: [
      [HEADER + PLAIN, /success/],
      [
        HEADER,
        `${SERVER_HEADER}${FEATURES}<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></stream:features>`,
      ],
      [bind('a'), bound('alice@example.org/a')],
      [`<iq id='p' type='get'><ping xmlns='urn:xmpp:ping'/></iq>`, /<iq type='error' id='p' .*not-authorized/],
      [
        `<iq id='s' type='set'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>`,
        `<iq type='result' id='s' to='alice@example.org/a'/>`,
      ],
      [
        `<iq id='p' type='get'><ping xmlns='urn:xmpp:ping'/></iq>`,
        `<iq type='result' id='p' to='alice@example.org/a'/>`,
      ],
    ],
  },
  {
    name: 'changes features as told',
    options: { features: (standard) => standard.slice(0, 0) },
    rows: [[HEADER, SERVER_HEADER + FEATURES.replace(/>$/, '/>')]],
  },

  // What clients do wrong (RFC 6120 section 4.9.3).
  {
    name: 'another host',
    rows: [[HEADER.replace('example.org', 'example.com'), SERVER_HEADER + streamError('host-unknown')]],
    end: 'ended',
  },
  {
    name: 'no host',
    rows: [
      [
        HEADER.replace(`to='example.org'`, ''),
        SERVER_HEADER + streamError('host-unknown', 'the header has no &quot;to&quot;').replaceAll('&quot;', '"'),
      ],
    ],
    end: 'ended',
  },
  {
    name: 'no version',
    rows: [[HEADER.replace(`version='1.0'`, ''), SERVER_HEADER + streamError('unsupported-version')]],
    end: 'ended',
  },
  {
    name: 'version 0.9',
    rows: [[HEADER.replace(`1.0`, '0.9'), SERVER_HEADER + streamError('unsupported-version')]],
    end: 'ended',
  },
  {
    name: 'another content namespace',
    rows: [[HEADER.replace(`jabber:client`, 'jabber:server'), new RegExp(`<invalid-namespace xmlns='${STREAMS}'`)]],
    end: 'ended',
  },
  {
    name: 'another stream namespace',
    rows: [
      [HEADER.replace(`http://etherx.jabber.org/streams`, 'urn:x'), /^<\?xml.*<invalid-namespace .*<\/stream:stream>$/],
    ],
    end: 'ended',
  },
  { name: 'no XML', rows: [['GET / HTTP/1.1\r\n\r\n<', /<not-well-formed .*<\/stream:stream>$/]], end: 'ended' },
  {
    name: 'broken XML',
    rows: [
      [HEADER, /./],
      [`<a></b>`, /^<stream:error.*<not-well-formed .*<\/stream:stream>$/],
    ],
    end: 'ended',
  },
  { name: 'a DTD', rows: [[`<!DOCTYPE x [<!ENTITY a 'b'>]>`, /<restricted-xml /]], end: 'ended' },
  {
    name: 'too much',
    options: { limits: { stanzaBytes: 1000 } },
    rows: [
      [HEADER, /./],
      [`<message><body>${'x'.repeat(1000)}`, /<policy-violation /],
    ],
    end: 'ended',
  },
  {
    name: 'a stanza before authentication',
    rows: [
      [HEADER, /./],
      ['<message/>', streamError('not-authorized')],
    ],
    end: 'ended',
  },
  {
    name: 'a stanza before bind',
    rows: [
      [HEADER + PLAIN, /./],
      [HEADER, /./],
      ['<presence/>', streamError('not-authorized', 'no resource is bound')],
    ],
    end: 'ended',
  },
  {
    name: 'an unknown element',
    rows: [
      [HEADER, /./],
      [`<x xmlns='${SASL}'/>`, streamError('unsupported-stanza-type')],
    ],
    end: 'ended',
  },
  {
    name: 'plaintext after <starttls/>',
    wholeOnly: true,
    tls: 'starttls-available',
    rows: [
      [HEADER, /./],
      [`${STARTTLS}<`, /<policy-violation .*plaintext after &lt;starttls\/&gt;/],
    ],
    end: 'ended',
  },
  {
    name: 'STARTTLS twice',
    rows: [
      [HEADER, /./],
      [STARTTLS, `<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:stream>`],
    ],
    end: 'ended',
  },

  // SASL
  {
    name: 'an unknown mechanism',
    rows: [
      [HEADER, /./],
      [auth('DIGEST-MD5'), failure('invalid-mechanism')],
    ],
  },
  {
    name: 'a mechanism that is not offered',
    options: { mechanisms: ['SCRAM-SHA-1'] },
    rows: [
      [HEADER, /./],
      [PLAIN, failure('invalid-mechanism')],
    ],
  },
  {
    name: 'base64 with a gap',
    rows: [
      [HEADER, /./],
      [auth('PLAIN', 'AGFs aWNl'), failure('incorrect-encoding')],
    ],
  },
  {
    name: 'a response out of the blue',
    rows: [
      [HEADER, /./],
      [response('AA=='), failure('malformed-request')],
    ],
  },
  {
    name: 'an abort',
    rows: [
      [HEADER, /./],
      [auth('SCRAM-SHA-1', b64('n,,n=alice,r=x')), /challenge/],
      [`<abort xmlns='${SASL}'/>`, failure('aborted')],
      [PLAIN, SUCCESS],
    ],
  },
  {
    name: 'PLAIN in two steps',
    rows: [
      [HEADER, /./],
      [auth('PLAIN'), `<challenge xmlns='${SASL}'/>`],
      [response(b64('\0alice\0wonder')), SUCCESS],
    ],
  },
  {
    name: 'PLAIN as oneself',
    rows: [
      [HEADER, /./],
      [auth('PLAIN', b64('alice@example.org\0alice\0wonder')), SUCCESS],
    ],
  },
  {
    name: 'PLAIN as somebody else',
    rows: [
      [HEADER, /./],
      [auth('PLAIN', b64('bob\0alice\0wonder')), failure('invalid-authzid')],
    ],
  },
  {
    name: 'PLAIN with a wrong password',
    rows: [
      [HEADER, /./],
      [auth('PLAIN', b64('\0alice\0wrong')), failure('not-authorized')],
    ],
  },
  {
    name: 'PLAIN without an account',
    rows: [
      [HEADER, /./],
      [auth('PLAIN', b64('\0nobody\0wonder')), failure('not-authorized')],
    ],
  },
  {
    name: 'PLAIN with a name that is none',
    rows: [
      [HEADER, /./],
      [auth('PLAIN', b64('\0a b\0wonder')), failure('not-authorized')],
    ],
  },
  {
    name: 'PLAIN with too few parts',
    rows: [
      [HEADER, /./],
      [auth('PLAIN', b64('alice\0wonder')), failure('malformed-request')],
    ],
  },
  {
    name: 'PLAIN that is not UTF-8',
    rows: [
      [HEADER, /./],
      [auth('PLAIN', 'AP8A/w=='), failure('malformed-request')],
    ],
  },
  {
    name: 'PLAIN with = for nothing',
    rows: [
      [HEADER, /./],
      [auth('PLAIN', '='), failure('malformed-request')],
    ],
  },
  {
    name: 'five failures',
    rows: [
      [HEADER, /./],
      ...Array.from({ length: 4 }, (): Row => [auth('PLAIN', b64('\0alice\0wrong')), failure('not-authorized')]),
      [
        auth('PLAIN', b64('\0alice\0wrong')),
        failure('not-authorized') + streamError('policy-violation', 'too many attempts'),
      ],
    ],
    end: 'ended',
  },
  {
    name: 'ANONYMOUS',
    rows: [
      [HEADER, /./],
      [auth('ANONYMOUS', '='), SUCCESS],
      [HEADER, /bind/],
      [bind('a'), bound('0000000000000000@example.org/a')],
    ],
  },
  {
    name: 'EXTERNAL by the certificate',
    pipe: () => Object.assign(new TestPipe(), { clientIdentities: () => ['alice@example.org'] }),
    rows: [
      [HEADER, /EXTERNAL/],
      [auth('EXTERNAL', b64('bob')), failure('invalid-authzid')],
      [auth('EXTERNAL', '='), SUCCESS],
      [HEADER, /bind/],
      [bind('a'), bound('alice@example.org/a')],
    ],
  },
  {
    name: 'EXTERNAL by one of the certificate’s names',
    pipe: () => Object.assign(new TestPipe(), { clientIdentities: () => ['alice@example.org', 'bob@example.org'] }),
    rows: [
      [HEADER, /EXTERNAL/],
      [auth('EXTERNAL', '='), failure('not-authorized')],
      [auth('EXTERNAL', b64('bob@example.org')), SUCCESS],
    ],
  },
  {
    name: 'channel binding is told',
    options: { mechanisms: ['SCRAM-SHA-1-PLUS', 'SCRAM-SHA-1'] },
    pipe: withBinding,
    rows: [
      [
        HEADER,
        SERVER_HEADER +
          mechanisms('SCRAM-SHA-1-PLUS', 'SCRAM-SHA-1').replace(
            '</stream:features>',
            `<sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'><channel-binding type='tls-exporter'/></sasl-channel-binding></stream:features>`,
          ),
      ],
    ],
  },
  ...(
    [
      ['a client that was deceived about channel binding', 'SCRAM-SHA-1', 'y,,n=alice,r=x', 'not-authorized'],
      ['channel binding without -PLUS', 'SCRAM-SHA-1', 'p=tls-exporter,,n=alice,r=x', 'malformed-request'],
      ['-PLUS without channel binding', 'SCRAM-SHA-1-PLUS', 'n,,n=alice,r=x', 'malformed-request'],
      ['another channel binding', 'SCRAM-SHA-1-PLUS', 'p=tls-unique,,n=alice,r=x', 'not-authorized'],
      ['one that this connection has not', 'SCRAM-SHA-1-PLUS', 'p=tls-server-end-point,,n=alice,r=x', 'not-authorized'],
    ] as const
  ).map(([name, mechanism, first, condition]): Case => ({
    name,
    options: { mechanisms: ['SCRAM-SHA-1-PLUS', 'SCRAM-SHA-1'] },
    pipe: withBinding,
    rows: [
      [HEADER, /./],
      [auth(mechanism, b64(first)), new RegExp(`<failure xmlns='${SASL}'><${condition}/>`)],
    ],
  })),
  ...(
    [
      ['no gs2 header', 'n=alice,r=x'],
      ['no nonce', 'n,,n=alice'],
      ['an empty nonce', 'n,,n=alice,r='],
      ['a comma in the nonce', 'n,,n=alice,r=a,b'],
      ['an empty name', 'n,,n=,r=x'],
      ['a bare = in the name', 'n,,n=a=b,r=x'],
      ['a mandatory extension', 'n,,m=x,n=alice,r=x'],
      ['attributes the wrong way round', 'n,,r=x,n=alice'],
    ] as const
  ).map(([name, first]): Case => ({
    name: `SCRAM with ${name}`,
    rows: [
      [HEADER, /./],
      [auth('SCRAM-SHA-1', b64(first)), new RegExp(`<failure xmlns='${SASL}'><malformed-request/>`)],
    ],
  })),
];

describe('the server’s half of negotiation', () => {
  describe.each([
    ['whole', false],
    ['octet by octet', true],
  ])('input %s', (_, everyByte) => {
    it.each(cases.filter(({ wholeOnly }) => !(everyByte && wholeOnly)))(
      '$name',
      ({ options, tls, pipe: make, rows, end = 'open' }) => {
        const { connect } = testServer(options);
        const pipe = make?.() ?? new TestPipe();
        connect({ pipe, tls });
        pipe.everyByte = everyByte;
        for (const [sent, answered] of rows) {
          pipe.send(sent);
          if (typeof answered === 'string') expect(pipe.take()).toBe(answered);
          else expect(pipe.take()).toMatch(answered);
        }
        expect({ ended: pipe.ended, destroyed: pipe.destroyed }).toEqual({
          ended: end === 'ended',
          destroyed: end === 'destroyed',
        });
      },
    );
  });

  describe('SCRAM', () => {
    const exchange = (
      client: ScramClient,
      mechanism: string,
      options: XmppServerOptions = {},
      pipe = new TestPipe(),
    ) => {
      testServer(options).connect({ pipe });
      pipe.send(HEADER).take();
      pipe.send(auth(mechanism, b64(client.first)));
      const challenge = unb64(/<challenge [^>]*>([^<]*)/.exec(pipe.take())![1]!);
      return { pipe, challenge };
    };

    it.each([
      ['SCRAM-SHA-1', 'sha1'],
      ['SCRAM-SHA-256', 'sha256'],
      ['SCRAM-SHA-512', 'sha512'],
    ] as const)('%s: proves both sides', (mechanism, hash) => {
      const client = new ScramClient(hash, 'alice', 'wonder');
      const { pipe, challenge } = exchange(client, mechanism);
      expect(challenge).toMatch(/^r=client0{32},s=[A-Za-z0-9+/]{22}==,i=4096$/);
      pipe.send(response(b64(client.final(challenge))));
      expect(pipe.take()).toBe(`<success xmlns='${SASL}'>${b64(client.signature)}</success>`);
    });

    it('binds the channel', () => {
      const client = new ScramClient(
        'sha256',
        'alice',
        'wonder',
        'p=tls-exporter,,',
        Buffer.from('data of tls-exporter'),
      );
      const options = { mechanisms: ['SCRAM-SHA-256-PLUS'] };
      const { pipe, challenge } = exchange(client, 'SCRAM-SHA-256-PLUS', options, withBinding());
      pipe.send(response(b64(client.final(challenge))));
      expect(pipe.take()).toContain('<success');

      const relayed = new ScramClient('sha256', 'alice', 'wonder', 'p=tls-exporter,,', Buffer.from('data of another'));
      const other = exchange(relayed, 'SCRAM-SHA-256-PLUS', options, withBinding());
      other.pipe.send(response(b64(relayed.final(other.challenge))));
      expect(other.pipe.take()).toBe(failure('not-authorized'));
    });

    it('protects the list of mechanisms (XEP-0474)', () => {
      const client = new ScramClient('sha1', 'alice', 'wonder');
      const { challenge } = exchange(
        client,
        'SCRAM-SHA-1',
        { downgradeProtection: true, mechanisms: ['SCRAM-SHA-256', 'SCRAM-SHA-1-PLUS', 'SCRAM-SHA-1'] },
        withBinding(['tls-server-end-point', 'tls-exporter']),
      );
      const list = 'SCRAM-SHA-1\x1eSCRAM-SHA-1-PLUS\x1eSCRAM-SHA-256\x1ftls-exporter\x1etls-server-end-point';
      expect(challenge).toContain(`,h=${createHash('sha1').update(list).digest('base64')}`);
    });

    it('knows names and passwords in any form of Unicode (SASLprep), and escaped', () => {
      const accounts = { ünsal: 'I\u00adX', 'a=b': 'pässword' };
      for (const [user, password] of [
        ['u\u0308nsal', 'IX'],
        ['a=3Db', 'pässword'],
      ]) {
        const client = new ScramClient('sha1', user!, password!);
        const { pipe, challenge } = exchange(client, 'SCRAM-SHA-1', { accounts });
        pipe.send(response(b64(client.final(challenge))));
        expect(pipe.take()).toContain('<success');
      }
    });

    it.each([
      ['a wrong proof', (message: string) => message.replace(/p=.*/, `p=${'A'.repeat(27)}=`), 'not-authorized'],
      ['a short proof', (message: string) => message.replace(/p=.*/, `p=AAAA`), 'not-authorized'],
      ['no proof', (message: string) => message.replace(/,p=.*/, ''), 'malformed-request'],
      ['a proof that is no base64', (message: string) => message.replace(/p=.*/, 'p=A'), 'malformed-request'],
      ['another nonce', (message: string) => message.replace('r=client', 'r=other'), 'not-authorized'],
      ['another channel', (message: string) => message.replace(/c=[^,]*/, `c=${b64('y,,')}`), 'not-authorized'],
    ])('refuses %s', (_, change, condition) => {
      const client = new ScramClient('sha1', 'alice', 'wonder');
      const { pipe, challenge } = exchange(client, 'SCRAM-SHA-1');
      pipe.send(response(b64(client.final(challenge, change))));
      expect(pipe.take()).toBe(failure(condition));
    });

    it('refuses a wrong password, and names that do not exist only after the same exchange', () => {
      const salts = ['nobody', 'alice', 'nobody'].map((user) => {
        const client = new ScramClient('sha1', user, 'wrong');
        const { pipe, challenge } = exchange(client, 'SCRAM-SHA-1');
        pipe.send(response(b64(client.final(challenge))));
        expect(pipe.take()).toBe(failure('not-authorized'));
        return /s=([^,]*)/.exec(challenge)![1];
      });
      expect(salts[0]).toBe(salts[2]);
      expect(salts[0]).not.toBe(salts[1]);
    });

    it('derives each key once, however many servers and connections there are', () => {
      const derived: string[] = [];
      const crypto = rememberKeys({
        ...nobleCrypto,
        pbkdf2(hash, password, salt, iterations) {
          derived.push(`${hash} ${Buffer.from(password).toString()}`);
          const name = hash.replace('-', '').toLowerCase();
          return pbkdf2Sync(password, salt, iterations, { 'SHA-1': 20, 'SHA-256': 32, 'SHA-512': 64 }[hash], name);
        },
      });
      for (const password of ['wonder', 'wonder', 'other', 'wonder']) {
        for (const mechanism of ['SCRAM-SHA-256', 'SCRAM-SHA-1']) {
          const { pipe, challenge } = exchange(new ScramClient('sha1', 'alice', password), mechanism, {
            accounts: { alice: password },
            crypto,
          });
          expect(challenge).toContain('i=4096');
          pipe.close();
        }
      }
      expect(derived).toEqual(['SHA-256 wonder', 'SHA-1 wonder', 'SHA-256 other', 'SHA-1 other']);
    });
  });

  it('speaks frames (RFC 7395)', () => {
    const { connect } = testServer();
    const pipe = connect({ framing: 'frames' });
    const open = `<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='example.org' version='1.0'/>`;
    pipe.send(open).send(PLAIN).send(open).send(bind('a').replace('<iq', `<iq xmlns='jabber:client'`));
    pipe.send(`<message xmlns='jabber:client' to='echo@example.org'><body>hi</body></message>`);
    pipe.send(`<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>`);
    const answer = `<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' id='000000000000000000000000' from='example.org' version='1.0' xml:lang='en'/>`;
    expect(pipe.messages).toEqual([
      answer,
      mechanisms(...SCRAMS, 'PLAIN', 'ANONYMOUS'),
      SUCCESS,
      answer,
      BOUND,
      bound('alice@example.org/a').replace('<iq', `<iq xmlns='jabber:client'`),
      `<message xmlns='jabber:client' id='0000000000000000' from='echo@example.org' to='alice@example.org/a'><body>hi</body></message>`,
      `<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>`,
    ]);
    expect(pipe.ended).toBe(true);
  });

  it('tells the log no secret', () => {
    const { server, bind: bindAs } = testServer();
    bindAs('alice', 'a');
    const told = server.log.map(({ element, ...entry }) => JSON.stringify(entry) + String(element ?? '')).join('\n');
    expect(told).toContain('authenticated');
    expect(told).not.toContain(b64('\0alice\0wonder'));
    expect(told).not.toContain('wonder');
  });
});
