import { connect as connectSocket, createServer, type AddressInfo } from 'node:net';
import { filter, firstValueFrom, of } from 'rxjs';
import { StreamError } from '../../../lib/errors/index.js';
import { whitespace, xml, type XmlElement, type XmppError } from '../../../lib/index.js';
import { NS } from '../../../lib/xml/index.js';
import { authority } from '../../support/certificates.js';
import { tcpServer } from '../../support/loopback.js';
import { body, closed, dial, JULIET, listen, releaseAll, ROMEO } from '../support/peers.js';

const FEATURE = xml('ice', { xmlns: 'urn:example:ice' });

afterEach(releaseAll);

describe('p2p and p2pListen', () => {
  it('D16: features are those of the hook when the stream opens, at every stream; each side knows the other', async () => {
    const features: XmlElement[] = [];
    const { port, watched } = await listen({ features });
    for (let stream = 1; stream <= 2; stream++) {
      // The hook: whoever announces us knows only now what there is to offer.
      features.push(FEATURE);
      const attempt = dial(port);
      const session = await attempt.first;
      expect([String(session.jid), String(session.peer)]).toEqual([JULIET, ROMEO]);
      expect(session.features.children).toHaveLength(stream);
      expect(session.features.child('ice', 'urn:example:ice')).toBeDefined();
      attempt.unsubscribe();
    }
    const theirs = await watched.first;
    expect([String(theirs.jid), String(theirs.peer)]).toEqual([ROMEO, JULIET]);
  });

  it('messages and requests go both ways, stamped; what comes is from the peer, whatever it says', async () => {
    const { port, watched } = await listen();
    const ours = await dial(port).first;
    const theirs = await watched.first;
    const there = firstValueFrom(theirs.message$);
    ours.send(xml('message', { from: 'mercutio@elsewhere' }, xml('body', {}, 'Art thou not Romeo?')));
    expect((await there).attrs).toMatchObject({ from: JULIET, to: ROMEO });
    const here = firstValueFrom(ours.message$);
    theirs.send(body('Neither, fair maid'));
    expect((await here).attrs).toMatchObject({ from: ROMEO, to: JULIET });
    ours.handle('get', 'urn:q', () => of(xml('q', { xmlns: 'urn:q' }, 'yes')));
    const answer = await firstValueFrom(theirs.iq('get', xml('q', { xmlns: 'urn:q' }), JULIET));
    expect(answer.child('q')?.text()).toBe('yes');
    expect(await firstValueFrom(ours.iq('get', xml('ping', { xmlns: NS.ping }), ROMEO))).toMatchObject({ name: 'iq' });
  });

  it('white space keeps the way to a peer that answers no requests', async () => {
    const { port, watched } = await listen();
    const ours = await dial(port, { keepAlive: { idle: 10, timeout: 10_000, probe: whitespace } }).first;
    const theirs = await watched.first;
    const { received } = theirs.bytes;
    const later = await firstValueFrom(theirs.bytes$.pipe(filter((bytes) => bytes.received > received + 3)));
    // Nothing but the spaces, and nothing back.
    expect([later, ours.bytes.received]).toEqual([
      { received: received + 4, sent: theirs.bytes.sent },
      theirs.bytes.sent,
    ]);
  });

  it('close() ends both sides in good order, and unsubscribing too', async () => {
    const { port, watched, failures } = await listen();
    const attempt = dial(port);
    const ours = await attempt.first;
    const theirs = await watched.first;
    const end = closed(theirs);
    ours.close().subscribe();
    await Promise.all([attempt.ended, end]);
    expect([attempt.log.at(-1), failures, watched.log]).toEqual(['complete', [], ['next']]);
  });

  it('unsubscribing the listener closes every session, and the port', async () => {
    const { port, watched } = await listen();
    const attempt = dial(port);
    await attempt.first;
    watched.unsubscribe();
    await attempt.ended;
    expect(attempt.error).toMatchObject({ condition: 'stream-closed' });
    const late = dial(port);
    await late.ended;
    expect(late.error).toMatchObject({ condition: 'connection-refused' });
  });

  it('who means somebody else is refused, and the others go on', async () => {
    const { port, failure, watched } = await listen();
    const wrong = dial(port, { to: 'paris@forza.example' });
    await wrong.ended;
    expect(wrong.error).toBeInstanceOf(StreamError);
    expect(await failure()).toMatchObject({ condition: 'host-unknown', phase: 'open' });
    await dial(port).first;
    await watched.first;
  });

  it('who answers as somebody else is refused', async () => {
    const { port } = await listen({ jid: 'tybalt@forza.example' });
    const attempt = dial(port);
    await attempt.ended;
    expect(['invalid-from', 'host-unknown']).toContain((attempt.error as XmppError).condition);
  });

  it('silence has a bound, at both ends', async () => {
    const mute = await tcpServer();
    const attempt = dial(mute.port, { timeouts: { open: 30 } });
    await attempt.ended;
    expect(attempt.error).toMatchObject({ name: 'XmppTimeoutError', phase: 'open' });
    await mute.close();
    const { port, failure } = await listen({ timeouts: { open: 30 } });
    const socket = connectSocket(port, '127.0.0.1').on('error', () => undefined);
    expect(await failure()).toMatchObject({ name: 'XmppTimeoutError', phase: 'open' });
    socket.destroy();
  });

  it('a peer of before XMPP 1.0 has no features', async () => {
    const old = await tcpServer((socket) =>
      socket.once('data', () =>
        socket.write(`<stream:stream xmlns='${NS.client}' xmlns:stream='${NS.stream}' from='${ROMEO}'>`),
      ),
    );
    const session = await dial(old.port).first;
    expect(session.features.children).toEqual([]);
    await old.close();
  });

  it('answers a peer that has not said who it is to nobody in particular (RFC 6120 section 4.7.2)', async () => {
    const { port } = await listen();
    const socket = connectSocket(port, '127.0.0.1').on('error', () => undefined);
    socket.write(`<stream:stream xmlns='${NS.client}' xmlns:stream='${NS.stream}' version='1.0'>`);
    const header = await new Promise<string>((told) => socket.once('data', (octets) => told(octets.toString())));
    expect(header).toMatch(/<stream:stream [^>]*from='romeo@forza[^>]*>/);
    expect(header).not.toMatch(/ to=/);
    socket.destroy();
  });

  it('over direct TLS, where both ends want it: verified for the domain of the peer', async () => {
    const ca = await authority();
    const { cert, key } = await ca.issue({ dns: ['forza.example'] });
    const { port, watched } = await listen({ tlsOptions: { cert, key }, security: 'direct' });
    const attempt = dial(port, { tlsOptions: { ca: ca.cert }, security: 'direct' });
    const session = await attempt.first;
    const there = firstValueFrom((await watched.first).message$);
    session.send(body('hello'));
    expect((await there).child('body')?.text()).toBe('hello');
    for (const [options, condition] of [
      [{ tls: 'required' }, 'untrusted-certificate'],
      [{ tlsOptions: { ca: ca.cert }, to: 'romeo@elsewhere.example' }, 'wrong-identity'],
    ] as const) {
      const refused = dial(port, { ...options, security: 'direct' });
      await refused.ended;
      expect(refused.error).toMatchObject({ layer: 'tls', condition });
    }
  });

  it('connectP2PWithSocket: over a socket that is there already', async () => {
    const { port } = await listen();
    const duplex = connectSocket({ port, host: '127.0.0.1', allowHalfOpen: true });
    await new Promise((resolve) => duplex.once('connect', resolve));
    const session = await dial(0, { host: undefined, port: undefined, duplex }).first;
    expect(String(session.peer)).toBe(ROMEO);
  });

  it('a port that is taken is an error that says so', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as AddressInfo;
    await expect(listen({ port })).rejects.toMatchObject({
      condition: 'connection-failed',
      text: expect.stringContaining(String(port)),
    });
    await new Promise((resolve) => taken.close(resolve));
  });

  it('early unsubscribe gives the dial up, and holds nothing', async () => {
    const mute = await tcpServer();
    const attempt = dial(mute.port);
    const socket = await mute.next();
    const gone = new Promise((resolve) => socket.once('close', resolve));
    attempt.unsubscribe();
    socket.resume();
    socket.end();
    await gone;
    await mute.close();
    expect(attempt.log).toEqual([]);
  });
});
