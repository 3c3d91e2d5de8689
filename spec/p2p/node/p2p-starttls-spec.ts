import { connect as connectSocket } from 'node:net';
import { EMPTY, firstValueFrom, NEVER, of, throwError, type ObservableInput } from 'rxjs';
import type { TraceEvent, XmppError } from '../../../lib/index.js';
import type { P2pListenOptions, P2pOptions } from '../../../lib/node.js';
import { NS } from '../../../lib/xml/index.js';
import { wiretap } from '../../integration/support/wiretap.js';
import { authority, type Authority, type Identity } from '../../support/certificates.js';
import { tcpServer } from '../../support/loopback.js';
import { body, dial, JULIET, listen, releaseAll, ROMEO } from '../support/peers.js';

const HEADER = (from: string, to: string, version = "version='1.0'") =>
  `<stream:stream xmlns='${NS.client}' xmlns:stream='${NS.stream}' from='${from}' to='${to}' ${version}>`;
const STARTTLS = `<starttls xmlns='${NS.tls}'/>`;
const PROCEED = `<proceed xmlns='${NS.tls}'/>`;

let ca: Authority;
let forza: Identity;
let pronto: Identity;
let elsewhere: Identity;
/** Signed by nobody but itself. */
let own: Identity;
beforeAll(async () => {
  ca = await authority();
  forza = await ca.issue({ dns: ['forza.example'] });
  pronto = await ca.issue({ dns: ['pronto.example'], usage: 'client' });
  elsewhere = await ca.issue({ dns: ['elsewhere.example'], usage: 'client' });
  own = await authority();
});
afterEach(releaseAll);

const failureOf = async (attempt: ReturnType<typeof dial>) => {
  await attempt.ended;
  return attempt.error as XmppError;
};

describe('STARTTLS between peers (RFC 6120 section 5)', () => {
  it('both require it: verified for the domain of the peer, and nothing else is said in clear', async () => {
    const events: string[] = [];
    const trace = ({ type }: TraceEvent) => void events.push(type);
    const { port, watched } = await listen({ tlsOptions: forza, trace });
    const tap = await wiretap({ host: '127.0.0.1', port });
    const attempt = dial(tap.port, { tlsOptions: { ca: ca.cert } });
    const session = await attempt.first;
    const theirs = await watched.first;
    expect([String(session.peer), String(theirs.peer)]).toEqual([ROMEO, JULIET]);
    expect(session.features.child('starttls', NS.tls)).toBeUndefined();
    const there = firstValueFrom(theirs.message$);
    session.send(body('hello'));
    expect((await there).child('body')?.text()).toBe('hello');
    expect(tap.sent).toMatch(new RegExp(`^<\\?xml version='1.0'\\?><stream:stream [^>]*>${STARTTLS}\\x16\\x03`));
    expect(tap.received).toMatch(new RegExp(`^[^\\x16]*<required/></starttls></[^>]*features>${PROCEED}\\x16\\x03`));
    expect(events.slice(0, 7)).toEqual([
      'opened',
      'opening',
      'starting-tls',
      'securing',
      'secured',
      'opened',
      'opening',
    ]);
    attempt.unsubscribe();
    await tap.close();
  });

  it.each<[string, P2pOptions['tls'], P2pListenOptions['tls'], string]>([
    ['required', 'required', 'required', 'TLS'],
    ['where it is to be had', 'preferred', 'required', 'TLS'],
    ['where it is to be had', 'preferred', 'preferred', 'TLS'],
    ['required', 'required', 'preferred', 'TLS'],
    ['nobody wants it', 'disabled', 'disabled', 'clear'],
    ['there is none', 'preferred', 'disabled', 'clear'],
    ['the initiator wants none', 'disabled', 'preferred', 'clear'],
    ['required, and there is none', 'required', 'disabled', 'tls tls-unavailable starttls'],
    ['required, and the initiator wants none', 'disabled', 'required', 'stream policy-violation online'],
  ])('%s: %s and %s', async (_, ours, theirs, expected) => {
    const { port, message$ } = await listen({ tls: theirs, tlsOptions: forza, timeouts: { starttls: 20_000 } });
    const secured: boolean[] = [];
    const trace = ({ type }: TraceEvent) => void (type === 'secured' && secured.push(true));
    const attempt = dial(port, { tls: ours, tlsOptions: { ca: ca.cert }, trace });
    void attempt.first.then((session) => session.send(body('hello'))).catch(() => undefined);
    const heard = firstValueFrom(message$);
    const outcome = await Promise.race([
      heard.then((message) => [message.child('body')?.text(), secured.length > 0 ? 'TLS' : 'clear'].join(' ')),
      failureOf(attempt).then(({ layer, condition, phase }) => [layer, condition, phase].join(' ')),
    ]);
    expect(outcome.replace(/^hello /, '')).toBe(expected);
  });

  it('preferred: who says nothing goes on without, and what it says later is not lost', async () => {
    const { port, watched } = await listen({ tls: 'preferred', tlsOptions: forza, timeouts: { starttls: 20 } });
    const session = await dial(port).first;
    const there = firstValueFrom((await watched.first).message$);
    session.send(body('late'));
    expect((await there).child('body')?.text()).toBe('late');
  });

  describe('D15: what comes in clear behind the agreement was put there', () => {
    it.each(['', ' ', '\n', '<mess', '<message/>', HEADER(ROMEO, JULIET), '</stream:stream>', '\0'])(
      'behind <proceed/>: %j',
      async (injected) => {
        const rogue = await tcpServer((socket) => {
          const features = `<stream:features><starttls xmlns='${NS.tls}'/></stream:features>`;
          socket.once('data', () => {
            socket.write(HEADER(ROMEO, JULIET) + features);
            socket.once('data', () => socket.end(PROCEED + injected));
          });
        });
        const error = await failureOf(dial(rogue.port, { tlsOptions: { ca: ca.cert } }));
        const expected = injected
          ? ['tls', 'data-after-proceed', 'starttls']
          : ['transport', 'connection-reset', 'tls'];
        expect([error.layer, error.condition, error.phase]).toEqual(expected);
        await rogue.close();
      },
    );

    it.each([' ', '\n', '<mess', '<message/>', HEADER(JULIET, ROMEO), '</stream:stream>', '\0'])(
      'behind <starttls/>: %j',
      async (injected) => {
        const { port, failure } = await listen({ tlsOptions: forza });
        const socket = connectSocket(port, '127.0.0.1').on('error', () => undefined);
        let received = '';
        socket.on('data', (chunk) => (received += String(chunk)));
        const gone = new Promise((resolve) => socket.once('close', resolve));
        socket.write(HEADER(JULIET, ROMEO) + STARTTLS + injected);
        expect(await failure()).toMatchObject({ layer: 'tls', condition: 'data-after-proceed', phase: 'starttls' });
        await gone;
        expect(received).not.toContain('proceed');
      },
    );

    it('in a later segment it goes to the handshake, which takes it for a record', async () => {
      const { port, failure, watched } = await listen({ tlsOptions: forza });
      const socket = connectSocket(port, '127.0.0.1').on('error', () => undefined);
      socket.on('data', (chunk) => String(chunk).includes('proceed') && socket.write('<message/>'));
      socket.write(HEADER(JULIET, ROMEO) + STARTTLS);
      expect(await failure()).toMatchObject({ layer: 'tls', condition: 'handshake-failed', phase: 'tls' });
      expect(watched.log).toEqual([]);
    });
  });

  describe('the initiator verifies', () => {
    const answers: [string, () => ObservableInput<boolean>, boolean][] = [
      ['true', () => of(true), true],
      ['a promise of true', () => Promise.resolve(true), true],
      ['false', () => of(false), false],
      ['something like true', () => of(1 as unknown as boolean), false],
      ['nothing', () => EMPTY, false],
      ['an error', () => throwError(() => new Error('no')), false],
    ];
    it.each(answers)('verifyPeer decides about a self-signed certificate: %s', async (_, verifyPeer, good) => {
      const { port } = await listen({ tlsOptions: own });
      const attempt = dial(port, { verifyPeer });
      if (good) expect(String((await attempt.first).peer)).toBe(ROMEO);
      else expect(await failureOf(attempt)).toMatchObject({ layer: 'tls', condition: 'untrusted-certificate' });
    });

    it.each<[string, () => Partial<P2pOptions>, string]>([
      ['nobody who decides, and no CA', () => ({ tls: 'required' }), 'untrusted-certificate'],
      ['the same, where TLS is preferred', () => ({ tls: 'preferred' }), 'untrusted-certificate'],
      ['another domain', () => ({ tlsOptions: { ca: ca.cert }, to: 'romeo@elsewhere.example' }), 'wrong-identity'],
      [
        'a CA and verifyPeer, which does not agree',
        () => ({ tlsOptions: { ca: ca.cert }, verifyPeer: () => of(false) }),
        'untrusted-certificate',
      ],
      [
        'another CA, whatever verifyPeer says',
        () => ({ tlsOptions: { ca: own.cert }, verifyPeer: () => of(true) }),
        'untrusted-certificate',
      ],
    ])('fails closed: %s', async (_, options, condition) => {
      const { port } = await listen({ jid: options().to ?? ROMEO, tlsOptions: forza });
      expect(await failureOf(dial(port, options()))).toMatchObject({ layer: 'tls', condition, phase: 'tls' });
    });

    it('verifyPeer that is silent has the bound of the handshake', async () => {
      const { port } = await listen({ tlsOptions: own });
      const error = await failureOf(dial(port, { verifyPeer: () => NEVER, timeouts: { tls: 200 } }));
      expect(error).toMatchObject({ name: 'XmppTimeoutError', phase: 'tls' });
    });
  });

  describe.each(['starttls', 'direct'] as const)('the listener verifies, over %s', (security) => {
    it('verifyPeer is given the certificate, and who it is to be for', async () => {
      const asked: string[] = [];
      const { port, watched } = await listen({
        ...{ tlsOptions: forza, security },
        verifyPeer: ({ fingerprint256 }, peer) => {
          asked.push(`${String(peer)} ${fingerprint256}`);
          return of(true);
        },
      });
      const attempt = dial(port, { tlsOptions: { ca: ca.cert, ...own }, security });
      await attempt.first;
      expect(String((await watched.first).peer)).toBe(JULIET);
      expect(asked).toEqual([expect.stringMatching(new RegExp(`^${JULIET} ([0-9A-F]{2}:){31}`))]);
    });

    it.each<[string, () => P2pListenOptions, () => P2pOptions['tlsOptions'], string | undefined]>([
      ['verifyPeer says no', () => ({ verifyPeer: () => of(false) }), () => own, 'untrusted-certificate'],
      [
        'no certificate: verifyPeer is not asked',
        () => ({ verifyPeer: () => of(true) }),
        () => ({}),
        'untrusted-certificate',
      ],
      [
        'another CA',
        () => ({ tlsOptions: { ...forza, requestCert: true, ca: ca.cert } }),
        () => own,
        'untrusted-certificate',
      ],
      [
        'another domain than it says',
        () => ({ tlsOptions: { ...forza, requestCert: true, ca: ca.cert } }),
        () => elsewhere,
        'wrong-identity',
      ],
      [
        'the domain that it says',
        () => ({ tlsOptions: { ...forza, requestCert: true, ca: ca.cert } }),
        () => pronto,
        undefined,
      ],
    ])('%s', async (_, listener, client, condition) => {
      const { port, failure, watched } = await listen({ tlsOptions: forza, security, ...listener() });
      const attempt = dial(port, { tlsOptions: { ca: ca.cert, ...client() }, security });
      if (condition === undefined) {
        await attempt.first;
        expect(String((await watched.first).peer)).toBe(JULIET);
        return;
      }
      expect(await failure()).toMatchObject({ layer: 'tls', condition });
      await attempt.ended;
      expect([attempt.log, watched.log]).toEqual([['error'], []]);
    });
  });

  it('TLS without a certificate to show is an error before anybody is listened to', async () => {
    for (const options of [{ tls: 'required' }, { tls: 'preferred' }, { tlsOptions: { cert: forza.cert } }] as const) {
      await expect(listen(options)).rejects.toMatchObject({ name: 'UsageError', condition: 'bad-tls-options' });
    }
  });

  it('silence has a bound at every step, at both ends', async () => {
    const say = (...words: string[]) =>
      tcpServer((socket) => {
        socket.on('data', () => {
          const next = words.shift();
          if (next) socket.write(next);
        });
      });
    const features = `${HEADER(ROMEO, JULIET)}<stream:features><starttls xmlns='${NS.tls}'/></stream:features>`;
    for (const [words, phase] of [
      [[features], 'starttls'],
      [[features, PROCEED], 'tls'],
    ] as const) {
      const mute = await say(...words);
      const timeouts = { starttls: 50, tls: 50 };
      const error = await failureOf(dial(mute.port, { tlsOptions: { ca: ca.cert }, timeouts }));
      expect(error).toMatchObject({ name: 'XmppTimeoutError', phase });
      await mute.close();
    }
    for (const [words, phase] of [
      [HEADER(JULIET, ROMEO), 'starttls'],
      [HEADER(JULIET, ROMEO) + STARTTLS, 'tls'],
    ] as const) {
      const { port, failure } = await listen({ tlsOptions: forza, timeouts: { starttls: 50, tls: 50 } });
      const socket = connectSocket(port, '127.0.0.1').on('error', () => undefined);
      socket.resume().write(words);
      expect(await failure()).toMatchObject({ name: 'XmppTimeoutError', phase });
      socket.destroy();
    }
  });

  it('who speaks no XMPP 1.0 has no TLS', async () => {
    const old = await tcpServer((socket) => socket.once('data', () => socket.write(HEADER(ROMEO, JULIET, ''))));
    const error = await failureOf(dial(old.port, { tls: 'required' }));
    expect(error).toMatchObject({ layer: 'tls', condition: 'tls-unavailable', phase: 'starttls' });
    expect(String((await dial(old.port, { tls: 'preferred' }).first).peer)).toBe(ROMEO);
    await old.close();
    const { port, failure } = await listen({ tlsOptions: forza });
    const socket = connectSocket(port, '127.0.0.1').on('error', () => undefined);
    socket.resume().write(`${HEADER(JULIET, ROMEO, '')}<message/>`);
    expect(await failure()).toMatchObject({ condition: 'policy-violation' });
    socket.destroy();
  });

  it('early unsubscribe, at either end, in the midst of the handshake holds nothing', async () => {
    const { port, watched } = await listen({ tlsOptions: forza });
    const socket = connectSocket(port, '127.0.0.1').on('error', () => undefined);
    const proceeded = new Promise<void>((resolve) =>
      socket.on('data', (chunk) => String(chunk).includes('proceed') && resolve()),
    );
    const gone = new Promise((resolve) => socket.once('close', resolve));
    socket.write(HEADER(JULIET, ROMEO) + STARTTLS);
    await proceeded;
    watched.unsubscribe();
    await gone;
  });
});
