import { StreamManagement } from '../../../lib/testing/server/stream-management.js';
import { xml } from '../../../lib/xml/index.js';
import { testServer, type TestPipe, type TestServer } from '../support/test-pipe.js';

const SM = `xmlns='urn:xmpp:sm:3'`;
const STANZAS = `xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'`;
const ID = '0'.repeat(32);
const to = (body: string | number) => `<message to='alice@example.org/desk'><body>${body}</body></message>`;
const from = (body: string | number) =>
  `<message to='alice@example.org/desk' from='bob@example.org/desk'><body>${body}</body></message>`;
const enabled = `<enabled ${SM} id='${ID}' resume='true' max='300'/>`;
const failed = (condition: string, h = '') => `<failed ${SM}${h}><${condition} ${STANZAS}/></failed>`;

describe('the server’s half of stream management', () => {
  let world: TestServer;
  let alice: TestPipe;
  let bob: TestPipe;

  beforeEach(() => {
    // Bob is bound, and not available: no presence to count.
    world = testServer({ presence: 'nobody' });
    alice = world.bind('alice', 'desk');
    bob = world.bind('bob', 'desk');
  });

  const enable = (attrs = `resume='true'`) => {
    alice.send(`<enable ${SM} ${attrs}/>`);
    return alice.take();
  };
  const resume = (h: number | string, pipe = world.authenticate('alice'), id = ID) => {
    pipe.send(`<resume ${SM} previd='${id}' h='${h}'/>`);
    return pipe;
  };
  const bodies = (text: string) => [...text.matchAll(/<body>(.*?)<\/body>/g)].map(([, body]) => body);

  it.each([
    [`resume='true'`, enabled],
    [`resume='1' max='60'`, `<enabled ${SM} id='${ID}' resume='true' max='60'/>`],
    [`resume='true' max='1000'`, enabled],
    [`resume='true' max='x'`, enabled],
    [`resume='false'`, `<enabled ${SM}/>`],
    [``, `<enabled ${SM}/>`],
  ])('is enabled by %j', (attrs, answer) => {
    expect(enable(attrs)).toBe(answer);
  });

  it('tells where to resume', () => {
    world = testServer({ streamManagement: { location: '[::1]:5222', max: 10 } });
    alice = world.bind('alice', 'desk');
    expect(enable()).toBe(`<enabled ${SM} id='${ID}' resume='true' max='10' location='[::1]:5222'/>`);
  });

  it('is not to be enabled twice, nor before bind', () => {
    enable();
    expect(enable()).toBe(failed('unexpected-request'));
    const early = world.authenticate('bob').send(`<enable ${SM}/>`);
    expect(early.take()).toBe(failed('unexpected-request'));
    alice.send(`<resume ${SM} previd='x' h='0'/>`);
    expect(alice.take()).toBe(failed('unexpected-request'));
  });

  it('is unknown where it is off', () => {
    world = testServer({ streamManagement: false });
    alice = world.bind('alice', 'desk');
    expect(enable()).toContain('<unsupported-stanza-type ');
    expect(resume(0).take()).toBe(failed('item-not-found'));
  });

  it.each([`<r ${SM}/>`, `<a ${SM} h='0'/>`])('takes no %s before it is enabled', (nonza) => {
    alice.send(nonza);
    expect(alice.take()).toContain('<unsupported-stanza-type ');
  });

  it('counts what it handles from <enable/> on, stanzas only', () => {
    alice.send(`<message to='bob@example.org/desk'/>`);
    enable();
    alice.send(
      `<r ${SM}/><message to='bob@example.org/desk'/><iq type='result' id='1'/> <presence to='bob@example.org'/><r ${SM}/><r ${SM}/>`,
    );
    expect(alice.take()).toBe(`<a ${SM} h='0'/><a ${SM} h='3'/><a ${SM} h='3'/>`);
  });

  it('asks for acknowledgement after five stanzas, or a second, one question at a time', () => {
    enable();
    for (let count = 1; count <= 12; count++) bob.send(to(count));
    expect(alice.take()).toBe(
      [1, 2, 3, 4, 5].map(from).join('') + `<r ${SM}/>` + [6, 7, 8, 9, 10, 11, 12].map(from).join(''),
    );
    alice.send(`<a ${SM} h='5'/>`);
    expect(alice.take()).toBe(`<r ${SM}/>`);
    alice.send(`<a ${SM} h='12'/>`);
    expect(world.server.sessions[0]!.management!.unacked).toBe(0);
    expect(alice.take()).toBe('');
    bob.send(to(13));
    alice.take();
    world.pass(999);
    expect(alice.take()).toBe('');
    world.pass(1);
    expect(alice.take()).toBe(`<r ${SM}/>`);
    world.pass(10_000);
    expect(alice.take()).toBe('');
  });

  it.each([
    ['more than was sent', '3'],
    ['a number beyond 2^32', '4294967296'],
    ['a negative number', '-1'],
    ['no number', 'NaN'],
    ['an exponent', '1e0'],
    ['Arabic digits', '٢'],
    ['nothing', ''],
  ])('ends the stream for an h of %s', (_, h) => {
    enable();
    bob.send(to(1) + to(2));
    alice.take();
    alice.send(`<a ${SM} h='${h}'/>`);
    expect(alice.take()).toContain(
      `<undefined-condition xmlns='urn:ietf:params:xml:ns:xmpp-streams'/><handled-count-too-high ${SM} h='${h}' send-count='2'/>`,
    );
    expect(alice.ended).toBe(true);
  });

  it('ends the stream for an h that goes back', () => {
    enable();
    bob.send(to(1) + to(2));
    alice.send(`<a ${SM} h='2'/>`).take();
    alice.send(`<a ${SM} h='1'/>`);
    expect(alice.take()).toContain('handled-count-too-high');
  });

  describe('resumption', () => {
    it('goes on after a cut: what was not seen is sent again, in order, and nothing else', () => {
      enable();
      alice.send(`<message to='bob@example.org/desk'/>`);
      bob.send(to(1) + to(2) + to(3));
      alice.close();
      bob.send(to(4));
      expect(world.server.sessions[0]).toMatchObject({ connected: false, management: { unacked: 4 } });
      const again = resume(2);
      const answer = again.take();
      expect(answer).toMatch(`<resumed ${SM} previd='${ID}' h='1'/>`);
      expect(answer.slice(answer.indexOf('/>') + 2)).toBe(from(3) + from(4));
      bob.send(to(5));
      again.send(`<r ${SM}/>`);
      expect(again.take()).toBe(`${from(5)}<a ${SM} h='1'/>`);
      again.send(`<a ${SM} h='5'/>`);
      expect(world.server.sessions[0]).toMatchObject({ connected: true, management: { unacked: 0 } });
    });

    it('keeps the JID, the priority and the presence', () => {
      const carol = world.online('alice', 'phone');
      alice.send('<presence><priority>7</priority></presence>');
      enable();
      carol.take();
      alice.close();
      expect(carol.take()).toBe('');
      const again = resume(0);
      again.take();
      bob.send(`<message to='alice@example.org'><body>x</body></message>`);
      expect(bodies(again.take())).toEqual(['x']);
    });

    it('takes the session from a stream that is not known to be dead', () => {
      enable();
      bob.send(to(1));
      const again = resume(0);
      expect(alice.output).toContain('<conflict ');
      expect(alice.ended).toBe(true);
      expect(bodies(again.take())).toEqual(['1']);
      alice.close();
      bob.send(to(2));
      expect(bodies(again.take())).toEqual(['2']);
      expect(world.server.sessions[0]!.connected).toBe(true);
    });

    it('may happen again and again', () => {
      enable();
      for (let count = 1; count <= 5; count++) {
        bob.send(to(count));
        alice.close();
        alice = resume(count - 1);
        expect(bodies(alice.take())).toEqual([String(count)]);
      }
    });

    it('ends with the session’s time, which begins anew with every loss', () => {
      enable(`resume='true' max='10'`);
      alice.close();
      world.pass(9_999);
      alice = resume(0);
      expect(alice.take()).toContain('<resumed');
      world.pass(60_000);
      alice.close();
      world.pass(10_000);
      expect(resume(0).take()).toBe(failed('item-not-found', ` h='0'`));
    });

    it.each([
      ['an id that is none', () => resume(0, world.authenticate('alice'), 'other').take()],
      ['another account’s id', () => resume(0, world.authenticate('bob')).take()],
    ])('fails for %s', (_, attempt) => {
      enable();
      alice.close();
      expect(attempt()).toBe(failed('item-not-found'));
      expect(resume(0).take()).toContain('<resumed');
    });

    it('fails where the session was not to be resumed, or was closed', () => {
      enable('');
      alice.close();
      expect(resume(0).take()).toBe(failed('item-not-found'));
      alice = world.bind('alice', 'desk');
      enable();
      alice.send('</stream:stream>').close();
      expect(resume(0).take()).toBe(failed('item-not-found', ` h='0'`));
    });

    it('may be followed by bind when it fails', () => {
      const pipe = resume(0);
      expect(pipe.take()).toBe(failed('item-not-found'));
      pipe.send(`<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>`);
      expect(pipe.take()).toContain('<jid>');
    });

    it('ends the stream for an h too high, and leaves the session to another try', () => {
      enable();
      bob.send(to(1));
      alice.close();
      const wrong = resume(2);
      expect(wrong.take()).toContain(`<handled-count-too-high ${SM} h='2' send-count='1'/>`);
      expect(bodies(resume(0).take())).toEqual(['1']);
    });
  });

  describe('what a session ends with unacknowledged', () => {
    const lose = (attrs?: string) => {
      enable(attrs);
      bob.send(to(1) + to(2) + to(3) + `<message type='headline' to='alice@example.org/desk'><body>h</body></message>`);
      bob.send(`<iq type='get' id='q' to='alice@example.org/desk'><a xmlns='x'/></iq>`);
      alice.send(`<a ${SM} h='1'/>`);
      bob.take();
      alice.close();
    };

    it('goes to the account’s other resource', () => {
      const phone = world.online('alice', 'phone');
      lose('');
      const got = phone.take();
      expect(bodies(got)).toEqual(['2', '3']);
      expect(got.match(/<delay /g)).toHaveLength(2);
    });

    it('waits for the account to come back', () => {
      lose(`resume='true' max='5'`);
      world.pass(5000);
      expect(bodies(world.bind('alice', 'desk').send('<presence/>').take())).toEqual(['2', '3']);
    });

    it('goes back as an error where it is a request', () => {
      lose('');
      expect(bob.take()).toBe(
        `<iq type='error' id='q' from='alice@example.org/desk' to='bob@example.org/desk'><error type='wait'><recipient-unavailable ${STANZAS}/></error></iq>`,
      );
    });

    it('goes back as an error where nothing is kept', () => {
      world = testServer({ offlineMessages: 0 });
      alice = world.bind('alice', 'desk');
      bob = world.bind('bob', 'desk');
      lose('');
      expect(bob.take().match(/<message type='error'/g)).toHaveLength(2);
    });

    it('is given to the session that replaces it', () => {
      lose();
      const newer = world.bind('alice', 'desk').send('<presence/>');
      expect(bodies(newer.take())).toEqual(['2', '3']);
    });

    it('is not delivered once more if the client says that it has seen it', () => {
      lose(`resume='true' max='5'`);
      world.pass(5000);
      const pipe = resume(2);
      expect(pipe.take()).toBe(failed('item-not-found', ` h='0'`));
      pipe.send(`<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq><presence/>`);
      expect(bodies(pipe.take())).toEqual(['3']);
    });

    it('is lost in a crash', () => {
      lose();
      world.server.stop({ crash: true });
      world.server.start();
      expect(resume(2).take()).toBe(failed('item-not-found'));
      expect(bodies(world.bind('alice', 'desk').send('<presence/>').take())).toEqual([]);
    });

    it('is delivered when the server stops in order', () => {
      lose();
      world.server.stop();
      world.server.start();
      expect(bodies(world.bind('alice', 'desk').send('<presence/>').take())).toEqual(['2', '3']);
    });
  });

  it('leaves no timer behind', () => {
    enable();
    bob.send(to(1));
    world.server.stop();
    alice.close();
    bob.close();
    const before = world.scheduler.now();
    world.scheduler.maxFrames = Infinity;
    world.scheduler.flush();
    expect(world.scheduler.now()).toBe(before);
  });

  it('counts beyond 2^32 (XEP-0198 section 4)', () => {
    const management = new StreamManagement('1', true, 1, { handled: 2 ** 32 - 2, sent: 2 ** 32 - 2 });
    for (let count = 0; count < 4; count++) {
      management.received();
      management.push(xml('message', { id: count }));
    }
    expect([management.handled, management.sent]).toEqual([2, 2]);
    expect(management.acknowledge('3')).toBe(false);
    expect(management.acknowledge('4294967293')).toBe(false);
    expect(management.acknowledge('4294967295')).toBe(true);
    expect(management.unacked.map(({ attrs }) => attrs.id)).toEqual(['1', '2', '3']);
    expect(management.acknowledge('1')).toBe(true);
    expect(management.unacked.map(({ attrs }) => attrs.id)).toEqual(['3']);
    expect(management.acknowledge('2')).toBe(true);
  });
});
