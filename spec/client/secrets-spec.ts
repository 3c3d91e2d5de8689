import { from, tap } from 'rxjs';
import type { Crypto } from '../../lib/crypto/crypto.js';
import { scramKeyCache } from '../../lib/sasl/scram-key-cache.js';
import { cut, exchange, expects, mute, reply, type Script } from '../../lib/testing.js';
import { NS } from '../../lib/xml/index.js';
import {
  BIND,
  bindResult,
  binds,
  challenge,
  features,
  FOOTER,
  hearsBind,
  lifetime,
  mechanisms,
  opens,
  PASSWORD,
  saslFailure,
  scramExchange,
  serverHeader,
  streamError,
  success,
  turns,
  upTo,
} from '../support/wire.js';
import { replayCrypto, show, watchUnhandled, WireRun } from '../support/wire-run.js';

/** How a thing shows in a log: as it is, in base64 and in hex. */
function spellings(secret: Uint8Array | string): string[] {
  const bytes = Buffer.from(secret);
  const plain = typeof secret === 'string' ? [secret] : [];
  return [...plain, bytes.toString('base64'), bytes.toString('hex'), [...bytes].join(', '), [...bytes].join(',')];
}

/** Notes all that it computes: salted passwords, keys, proofs and signatures. */
function noting(secrets: Set<string>): Crypto {
  const note = (bytes: Uint8Array) => spellings(bytes).forEach((spelling) => secrets.add(spelling));
  return {
    ...replayCrypto,
    digest: (...args) => from(replayCrypto.digest(...args)).pipe(tap(note)),
    hmac: (...args) => from(replayCrypto.hmac(...args)).pipe(tap(note)),
    pbkdf2: (...args) => from(replayCrypto.pbkdf2(...args)).pipe(tap(note)),
  };
}

const streamErrorWith = (content: string, text = '') =>
  `<stream:error>${content}${text && `<text xmlns='${NS.streams}'>${text}</text>`}</stream:error>`;

const iqErrorWith = (id: string, text: string) =>
  `<iq type='error' id='${id}'><error type='cancel' by='${text}'><conflict xmlns='${NS.stanzas}'/><text xmlns='${NS.stanzas}'>${text}</text></error></iq>`;

/** The proofs of SCRAM in what was sent. */
function proofsIn(sent: string): string[] {
  return [...sent.matchAll(/<response[^>]*>([^<]+)</g)].flatMap(
    ([, data]) => /,p=(.+)/.exec(Buffer.from(data!, 'base64').toString())?.[1] ?? [],
  );
}

/** SCRAM-SHA-1, after which `{data}` is the proof. */
function scramThatKeepsTheProof(): Script {
  const { hearsAuth, challenges, hearsProof, succeeds } = scramExchange('SHA-1');
  if (hearsProof.step !== 'expect' || typeof hearsProof.expected !== 'function') throw new Error('another step');
  const { expected } = hearsProof;
  return [
    hearsAuth,
    challenges(),
    expects(function scramProof(event, captures) {
      const verdict = expected(event, captures);
      if (typeof verdict !== 'object' || event.kind !== 'element') return verdict;
      return { ...verdict, data: proofsIn(event.element.toString())[0]! };
    }),
    succeeds(),
  ];
}

describe('no secret is told to anybody but the server (A7)', () => {
  watchUnhandled();

  const ends: [string, Script][] = [
    ['silence', [mute()]],
    ['a cut', [cut()]],
    ['a footer', [reply(FOOTER)]],
    ['garbage', [reply('<<')]],
    ['a stream error', [reply(streamError('not-authorized'))]],
    ['a refusal', [reply(saslFailure('not-authorized', 'no'))]],
    ['an empty challenge', [reply(challenge())]],
    ['an early success', [reply(success())]],
  ];
  const rows = turns()
    .filter(({ name }) => name !== 'handshake')
    .flatMap(({ name }) => ends.map(([how, script]) => ({ name, how, script: () => [upTo(name), script] })));

  const expectNone = (run: WireRun, secrets: Set<string>) => {
    const shown = [run.trace, run.error, run.sessions, run.sessions[0]].map(show).join('\n');
    for (const secret of secrets) {
      if (secret.length > 3 && shown.includes(secret)) throw new Error(`it shows ${secret.slice(0, 8)}...`);
    }
  };

  it.each([...rows, { name: 'nothing', how: 'it goes well', script: () => [lifetime()] }])(
    'in place of $name: $how',
    ({ script }) => {
      const secrets = new Set(spellings(PASSWORD));
      const keys = scramKeyCache();
      const run = new WireRun(script(), { options: { crypto: noting(secrets), keys } }).flush();
      expectNone(run, secrets);
      run.unsubscribe();
      expectNone(run, secrets);
      expect(show(keys)).not.toContain(PASSWORD);
    },
  );

  it('not even where the server repeats what it was told', () => {
    const echo = (answer: string): Script => [
      opens(features(mechanisms('PLAIN')), { secure: true }),
      exchange([`<auth xmlns='${NS.sasl}' mechanism='PLAIN'>{data}</auth>`, answer]),
      opens(features(BIND), { secure: true }),
      binds(),
    ];
    const secrets = new Set([...spellings(PASSWORD), ...spellings(`\0alice\0${PASSWORD}`)]);
    for (const answer of [
      saslFailure('not-authorized', '{data}'),
      saslFailure('not-authorized', PASSWORD.replace('&', '&amp;')),
      challenge('{data}'),
      success('{data}'),
    ]) {
      const run = new WireRun(echo(answer), {
        options: { credentials: { password: PASSWORD, allowPlain: true } },
        transport: { tls: true },
      }).flush(0);
      expect(run.outcome).not.toBe('pending');
      expectNone(run, secrets);
      run.unsubscribe();
    }
  });

  describe('not even by a server that repeats it when the exchange is over', () => {
    const escaped = (text: string) => text.replaceAll('&', '&amp;');
    const SM = `<sm xmlns='${NS.sm}'/>`;
    /** The server heard the password in PLAIN, or the proof of SCRAM, which is as good until the next exchange. */
    const told: [string, Script, (secrets: Set<string>) => void][] = [
      [
        'in PLAIN',
        [
          opens(features(mechanisms('PLAIN')), { secure: true }),
          exchange([`<auth xmlns='${NS.sasl}' mechanism='PLAIN'>{data}</auth>`, success()]),
        ],
        (secrets) => spellings(`\0alice\0${PASSWORD}`).forEach((spelling) => secrets.add(spelling)),
      ],
      [
        'in SCRAM',
        [opens(features(mechanisms('SCRAM-SHA-1')), { secure: true }), scramThatKeepsTheProof()],
        () => undefined,
      ],
    ];
    const words: [string, (said: (text: string) => string) => string][] = [
      ['the text of a stream error', (said) => streamErrorWith(`<reset xmlns='${NS.streams}'/>`, said('{data}'))],
      ['a text around it', (said) => streamErrorWith(`<reset xmlns='${NS.streams}'/>`, said('who sent {data}?'))],
      ['the password', (said) => streamErrorWith(`<reset xmlns='${NS.streams}'/>`, said(escaped(PASSWORD)))],
      [
        'the password in base64',
        (said) => streamErrorWith(`<reset xmlns='${NS.streams}'/>`, said(Buffer.from(PASSWORD).toString('base64'))),
      ],
      ['a namespace', (said) => streamErrorWith(`<reset xmlns='${NS.streams}'/><x xmlns='${said('{data}')}'/>`)],
      [
        'a redirect',
        (said) => streamErrorWith(`<see-other-host xmlns='${NS.streams}'>${said('{data}')}</see-other-host>`),
      ],
      ['what is no XMPP', (said) => `<x xmlns='${said('{data}')}'/>`],
      ['a stanza error', (said) => iqErrorWith('{bind}', said('{data}'))],
      ['a JID', (said) => bindResult(said('{data}'))],
    ];
    const places: [string, (bytes: string) => Script][] = [
      ['in place of its header', (bytes) => [reply(serverHeader() + bytes)]],
      ['in place of features', (bytes) => [opens(bytes, { secure: true })]],
      ['in place of a bound JID', (bytes) => [opens(features(BIND), { secure: true }), hearsBind(), reply(bytes)]],
      [
        'in place of <enabled/>',
        (bytes) => [
          opens(features(BIND, SM), { secure: true }),
          binds(),
          expects(`<enable xmlns='${NS.sm}'/>`),
          reply(bytes),
        ],
      ],
      ['in the session', (bytes) => [opens(features(BIND), { secure: true }), binds(), reply(bytes)]],
    ];
    /** What was sent, and comes back. */
    const repeated = ({ sent }: WireRun) => [
      ...[...sent.matchAll(/<(?:auth|response)[^>]*>([^<]{30,})</g)].map(([, data]) => data!),
      ...proofsIn(sent),
    ];
    const rows = told.flatMap(([how, authenticates, note]) =>
      words.flatMap(([what, say]) =>
        places.map(([where, script]) => ({
          how,
          what,
          where,
          note,
          script: [...authenticates, ...script(say((text) => text))],
        })),
      ),
    );

    it.each(rows)('$how: $what, $where', ({ script, note }) => {
      const secrets = new Set(spellings(PASSWORD));
      note(secrets);
      const run = new WireRun(script, {
        options: { credentials: { password: PASSWORD, allowPlain: true } },
        transport: { tls: true },
      }).flush(0);
      for (const secret of repeated(run)) secrets.add(secret);
      expect(run.trace.map(({ type }) => type)).toContain('authenticated');
      expectNone(run, secrets);
      run.unsubscribe();
      expectNone(run, secrets);
    });

    it.each(
      told.flatMap(([how, authenticates]) =>
        ['id', 'from', 'version', 'xmlns', 'xmlns:stream'].map((name) => ({ how, name, authenticates })),
      ),
    )('$how: the $name of its header', ({ authenticates, name }) => {
      const header = serverHeader({ [name]: '{data}' });
      const script = [...authenticates, opens(features(BIND), { secure: true, header }), binds()];
      const run = new WireRun(script, {
        options: { credentials: { password: PASSWORD, allowPlain: true } },
        transport: { tls: true },
      }).flush(0);
      expect(run.outcome).toMatch(name === 'id' ? 'online' : /^stream [a-z-]+ \(open\) local$/);
      // The session itself has the header as it came.
      const shown = show([run.trace, run.error]);
      for (const secret of [PASSWORD, ...repeated(run)]) expect(shown).not.toContain(secret);
      run.unsubscribe();
    });

    it('what is none stays in the error', () => {
      const script: Script = [
        told[0]![1],
        opens(streamErrorWith(`<reset xmlns='${NS.streams}'/>`, 'for alice, at noon'), { secure: true }),
      ].flat();
      const run = new WireRun(script, {
        options: { credentials: { password: PASSWORD, allowPlain: true } },
        transport: { tls: true },
      }).flush(0);
      expect(run.error).toMatchObject({ condition: 'reset', text: expect.stringContaining('for alice, at noon') });
    });

    it('a condition is what it is, whatever the password', () => {
      const script: Script = [told[0]![1], opens(streamError('conflict'), { secure: true })].flat();
      const run = new WireRun(script, {
        options: { credentials: { password: 'con', allowPlain: true } },
        transport: { tls: true },
      }).flush(0);
      expect(run.outcome).toBe('stream conflict (features) remote');
    });
  });

  it('and this spec would tell', () => {
    const secrets = new Set(spellings(PASSWORD));
    const run = new WireRun(lifetime());
    run.error = new Error('no', { cause: { nested: [PASSWORD] } });
    expect(() => expectNone(run, secrets)).toThrow('it shows w0nder');
    run.error = Buffer.from(PASSWORD).toString('base64');
    expect(() => expectNone(run, secrets)).toThrow('it shows');
    run.error = undefined;
    run.unsubscribe();
  });
});
