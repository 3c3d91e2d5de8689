import { xml } from '../../../lib/xml/index.js';
import { testServer, type TestPipe, type TestServer } from '../support/test-pipe.js';

const STANZAS = `xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'`;
const error = (type: string, condition: string) => `<error type='${type}'><${condition} ${STANZAS}/></error>`;

/** Who got what. */
function routed(pipes: Record<string, TestPipe>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(pipes)
      .map(([name, pipe]) => [name, pipe.take()] as const)
      .filter(([, text]) => text !== ''),
  );
}

describe('the server’s routing', () => {
  let server: TestServer;
  let pipes: Record<string, TestPipe>;

  /** Alice at a desk, Bob on a phone (priority 5), a tablet (5), a watch (-1) and a bot that is not available. */
  beforeEach(() => {
    server = testServer();
    pipes = {
      alice: server.online('alice', 'desk'),
      phone: server.online('bob', 'phone', '<presence><priority>5</priority></presence>'),
      tablet: server.online('bob', 'tablet', '<presence><priority>5</priority></presence>'),
      watch: server.online('bob', 'watch', '<presence><priority>-1</priority></presence>'),
      bot: server.bind('bob', 'bot'),
    };
    routed(pipes);
  });

  const message = (attrs: string, body = 'x') => `<message${attrs}><body>${body}</body></message>`;
  const from = ` from='alice@example.org/desk'`;

  it.each([
    ['a full JID', ` to='bob@example.org/phone'`, ['phone']],
    ['a full JID in another form', ` to='BOB@Example.ORG/phone'`, ['phone']],
    ['a full JID of negative priority', ` to='bob@example.org/watch'`, ['watch']],
    ['a full JID that is not available', ` to='bob@example.org/bot'`, ['bot']],
    ['a bare JID', ` to='bob@example.org'`, ['phone', 'tablet']],
    ['a full JID that is not there', ` to='bob@example.org/none' type='chat'`, ['phone', 'tablet']],
    ['a headline', ` to='bob@example.org' type='headline'`, ['phone', 'tablet']],
    ['a headline to nobody', ` to='bob@example.org/none' type='headline'`, []],
    ['an error', ` to='bob@example.org' type='error'`, []],
    ['a message without addressee', ``, ['alice']],
  ])('delivers %s', (_, attrs, to) => {
    pipes.alice!.send(message(attrs));
    const got = routed(pipes);
    expect(Object.keys(got).sort()).toEqual([...to].sort());
    for (const text of Object.values(got)) expect(text).toContain(`<body>x</body>`);
    for (const text of Object.values(got)) expect(text).toContain(from);
  });

  it.each([
    [
      'a message to no account',
      `<message id='1' to='nobody@example.org' type='chat'/>`,
      `<message type='error' id='1' from='nobody@example.org'`,
      'cancel',
      'service-unavailable',
    ],
    [
      'a message to the server',
      `<message id='1' to='example.org'/>`,
      `<message type='error' id='1' from='example.org'`,
      'cancel',
      'service-unavailable',
    ],
    [
      'a message to another server',
      `<message id='1' to='bob@example.com'/>`,
      `<message type='error' id='1' from='bob@example.com'`,
      'cancel',
      'remote-server-not-found',
    ],
    [
      'a message to no JID',
      `<message id='1' to='@'/>`,
      `<message type='error' id='1' from='@'`,
      'modify',
      'jid-malformed',
    ],
    [
      'groupchat to an account',
      `<message id='1' to='bob@example.org' type='groupchat'/>`,
      `<message type='error' id='1' from='bob@example.org'`,
      'cancel',
      'service-unavailable',
    ],
    [
      'an IQ to a resource that is not there',
      `<iq type='get' id='1' to='bob@example.org/none'><a xmlns='x'/></iq>`,
      `<iq type='error' id='1' from='bob@example.org/none'`,
      'cancel',
      'service-unavailable',
    ],
    [
      'an IQ to no account',
      `<iq type='get' id='1' to='nobody@example.org'><ping xmlns='urn:xmpp:ping'/></iq>`,
      `<iq type='error' id='1' from='nobody@example.org'`,
      'cancel',
      'service-unavailable',
    ],
    [
      'an unknown IQ to the server',
      `<iq type='set' id='1' to='example.org'><a xmlns='x'/></iq>`,
      `<iq type='error' id='1' from='example.org'`,
      'cancel',
      'service-unavailable',
    ],
    [
      'an unknown IQ to an account',
      `<iq type='get' id='1' to='bob@example.org'><a xmlns='x'/></iq>`,
      `<iq type='error' id='1' from='bob@example.org'`,
      'cancel',
      'service-unavailable',
    ],
    [
      'an IQ without payload',
      `<iq type='get' id='1' to='bob@example.org/phone'/>`,
      `<iq type='error' id='1' from='bob@example.org/phone'`,
      'modify',
      'bad-request',
    ],
    [
      'an IQ with two payloads',
      `<iq type='get' id='1'><a xmlns='x'/><b xmlns='x'/></iq>`,
      `<iq type='error' id='1'`,
      'modify',
      'bad-request',
    ],
    ['an IQ of no type', `<iq id='1'><a xmlns='x'/></iq>`, `<iq type='error' id='1'`, 'modify', 'bad-request'],
  ])('refuses %s', (_, sent, head, type, condition) => {
    pipes.alice!.send(sent);
    expect(routed(pipes)).toEqual({
      alice: `${head} to='alice@example.org/desk'>${error(type, condition)}</${sent.slice(1, sent.indexOf(' '))}>`,
    });
  });

  it.each([
    ['an error to no account', `<message id='1' to='nobody@example.org' type='error'/>`],
    ['an IQ result to nobody', `<iq id='1' to='bob@example.org/none' type='result'/>`],
    ['an IQ error to the server', `<iq id='1' to='example.org' type='error'/>`],
    ['presence to no account', `<presence to='nobody@example.org'/>`],
    ['presence to another server', `<presence to='bob@example.com'/>`],
  ])('never answers %s', (_, sent) => {
    pipes.alice!.send(sent);
    expect(routed(pipes)).toEqual({});
  });

  it('delivers IQs to a full JID and their answers back', () => {
    pipes.alice!.send(`<iq type='get' id='1' to='bob@example.org/phone'><a xmlns='x'/></iq>`);
    expect(routed(pipes)).toEqual({
      phone: `<iq type='get' id='1' to='bob@example.org/phone'${from}><a xmlns='x'/></iq>`,
    });
    pipes.phone!.send(`<iq type='result' id='1' to='alice@example.org/desk'/>`);
    expect(routed(pipes)).toEqual({
      alice: `<iq type='result' id='1' to='alice@example.org/desk' from='bob@example.org/phone'/>`,
    });
  });

  it.each([
    ['a ping', ``, `<ping xmlns='urn:xmpp:ping'/>`, `/>`],
    ['a ping', ` to='example.org'`, `<ping xmlns='urn:xmpp:ping'/>`, `/>`],
    ['a ping', ` to='alice@example.org'`, `<ping xmlns='urn:xmpp:ping'/>`, `/>`],
    ['a ping', ` to='echo@example.org/x'`, `<ping xmlns='urn:xmpp:ping'/>`, `/>`],
    [
      'disco#info',
      ` to='example.org'`,
      `<query xmlns='http://jabber.org/protocol/disco#info'/>`,
      `<identity category='server' type='im' name='rxmpp'/><feature var=`,
    ],
    [
      'disco#items',
      ` to='example.org'`,
      `<query xmlns='http://jabber.org/protocol/disco#items'/>`,
      `<query xmlns='http://jabber.org/protocol/disco#items'/>`,
    ],
    [
      'a roster',
      ``,
      `<query xmlns='jabber:iq:roster'/>`,
      `<item jid='bob@example.org' name='bob' subscription='both'/><item jid='carol@example.org'`,
    ],
    ['a roster', ` to='alice@example.org'`, `<query xmlns='jabber:iq:roster'/>`, `<item jid='echo@example.org'`],
  ])('answers %s%s', (_, to, payload, answer) => {
    pipes.alice!.send(`<iq type='get' id='1'${to}>${payload}</iq>`);
    const { alice } = routed(pipes);
    expect(alice).toMatch(/^<iq type='result' id='1'/);
    expect(alice).toContain(answer);
  });

  it('gives nobody another’s roster', () => {
    pipes.alice!.send(`<iq type='get' id='1' to='bob@example.org'><query xmlns='jabber:iq:roster'/></iq>`);
    expect(routed(pipes).alice).toContain('service-unavailable');
  });

  it('echoes messages', () => {
    pipes.alice!.send(
      `<message type='chat' to='echo@example.org/any'><body>&lt;hi&gt;</body><thread>t</thread><x xmlns='y'/></message>`,
    );
    expect(routed(pipes)).toEqual({
      alice: `<message id='0000000000000000' type='chat' from='echo@example.org/any' to='alice@example.org/desk'><body>&lt;hi&gt;</body><thread>t</thread></message>`,
    });
    pipes.alice!.send(
      `<message type='error' to='echo@example.org'><body>x</body></message><message to='echo@example.org'/>`,
    );
    expect(routed(pipes)).toEqual({});
  });

  it('says who sends, and lets nobody say otherwise', () => {
    for (const sender of ['alice@example.org', 'alice@example.org/desk', 'Alice@example.org/desk'])
      pipes.alice!.send(`<message from='${sender}' to='bob@example.org/phone'/>`);
    expect(routed(pipes).phone).toBe(`<message from='alice@example.org/desk' to='bob@example.org/phone'/>`.repeat(3));
    pipes.alice!.send(`<message from='alice@example.org/other' to='bob@example.org/phone'/>`);
    const got = routed(pipes);
    expect(got.alice).toContain('<invalid-from ');
    expect(got.phone).toBe(`<presence from='alice@example.org/desk' type='unavailable' to='bob@example.org/phone'/>`);
  });

  it('keeps messages for whoever is not available, and stamps them', () => {
    server.pass(1000);
    pipes.alice!.send(`${message(` to='carol@example.org' id='1'`)}${message(` to='carol@example.org' id='2'`)}`);
    pipes.alice!.send(message(` to='carol@example.org' id='3' type='headline'`));
    const carol = server.bind('carol', 'home');
    carol.send('<presence><priority>-1</priority></presence>');
    expect(carol.take()).not.toContain('<message');
    carol.send(`<presence type='unavailable'/><presence/>`);
    const stamp = `<delay xmlns='urn:xmpp:delay' from='example.org' stamp='1970-01-01T00:00:01.000Z'/>`;
    const got = carol.take();
    expect(got.match(/<message .*/)![0]).toBe(
      ['1', '2']
        .map((id) => `<message to='carol@example.org' id='${id}'${from}><body>x</body>${stamp}</message>`)
        .join(''),
    );
    carol.send(`<presence type='unavailable'/><presence/>`);
    expect(carol.take()).not.toContain('<message');
  });

  it('keeps no more than it may', () => {
    const small = testServer({ offlineMessages: 1 });
    const alice = small.online('alice', 'desk');
    alice.send(message(` to='carol@example.org' id='1'`) + message(` to='carol@example.org' id='2'`));
    expect(alice.take()).toBe(
      `<message type='error' id='2' from='carol@example.org' to='alice@example.org/desk'>${error('cancel', 'service-unavailable')}</message>`,
    );
  });

  describe('presence', () => {
    it('tells a newcomer who is there, and all others of the newcomer', () => {
      const carol = server.bind('carol', 'home').send(`<presence><show>away</show></presence>`);
      const seen = carol.take();
      for (const jid of [
        'alice@example.org/desk',
        'bob@example.org/phone',
        'bob@example.org/tablet',
        'bob@example.org/watch',
        'echo@example.org/echo',
      ])
        expect(seen).toContain(`from='${jid}'`);
      expect(seen).not.toContain('bot');
      const got = routed(pipes);
      expect(Object.keys(got)).toEqual(['alice', 'phone', 'tablet', 'watch']);
      expect(got.alice).toBe(
        `<presence from='carol@example.org/home' to='alice@example.org/desk'><show>away</show></presence>`,
      );
    });

    it('tells of changes, and of the end however it comes', () => {
      const carol = server.online('carol', 'home');
      routed(pipes);
      carol.send('<presence><show>dnd</show></presence>');
      expect(routed(pipes).alice).toContain('<show>dnd</show>');
      expect(carol.take()).toBe('');
      carol.close();
      expect(routed(pipes).alice).toBe(
        `<presence from='carol@example.org/home' type='unavailable' to='alice@example.org/desk'/>`,
      );
      pipes.phone!.send(`<presence type='unavailable'><status>bye</status></presence>`);
      expect(routed(pipes).alice).toContain('<status>bye</status>');
      pipes.phone!.send('</stream:stream>');
      expect(routed(pipes).alice).toBeUndefined();
    });

    it('grants every subscription', () => {
      pipes.alice!.send(
        `<presence type='subscribe' to='bob@example.org'/><presence type='subscribe' to='echo@example.org'/>`,
      );
      expect(routed(pipes)).toEqual({
        alice:
          `<presence type='subscribed' from='bob@example.org' to='alice@example.org/desk'/>` +
          `<presence type='subscribed' from='echo@example.org' to='alice@example.org/desk'/>`,
      });
    });

    it('delivers what is directed', () => {
      pipes.alice!.send(`<presence to='bob@example.org/bot'/><presence to='bob@example.org'/>`);
      expect(Object.keys(routed(pipes))).toEqual(['phone', 'tablet', 'watch', 'bot']);
    });

    it('keeps quiet if told so, but for one’s own resources', () => {
      const quiet = testServer({ presence: 'nobody' });
      const alice = quiet.online('alice', 'desk');
      const phone = quiet.online('alice', 'phone');
      quiet.online('bob', 'desk');
      expect(alice.take()).toBe(`<presence from='alice@example.org/phone' to='alice@example.org/desk'/>`);
      expect(phone.take()).toBe('');
    });
  });

  describe('a resource that is bound already', () => {
    it('goes to the newer session by default', () => {
      const newer = server.bind('alice', 'desk');
      const alice = pipes.alice!;
      expect(alice.take()).toContain(`<conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>`);
      expect(alice.ended).toBe(true);
      alice.close();
      pipes.phone!.take();
      pipes.phone!.send(`<message to='alice@example.org/desk'/>`);
      expect(newer.take()).toBe(`<message to='alice@example.org/desk' from='bob@example.org/phone'/>`);
    });

    it.each([
      ['refuse', /<iq type='error' id='b'><error type='cancel'><conflict /],
      ['rename', /<jid>alice@example.org\/desk-00000000<\/jid>/],
    ] as const)('is otherwise dealt with: %s', (onConflict, answer) => {
      const strict = testServer({ onConflict });
      const older = strict.bind('alice', 'desk');
      const newer = strict.authenticate('alice');
      newer.send(
        `<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>desk</resource></bind></iq>`,
      );
      expect(newer.take()).toMatch(answer);
      expect(older.take()).toBe('');
    });
  });

  describe('in the hands of a test', () => {
    it('tells what it received, stamped', () => {
      const received: string[] = [];
      server.server.received$.subscribe(({ from: sender, stanza }) => received.push(`${sender}: ${stanza.toString()}`));
      pipes.alice!.send(`<message to='bob@example.org'/>`);
      expect(received).toEqual([
        `alice@example.org/desk: <message xmlns='jabber:client' to='bob@example.org' from='alice@example.org/desk'/>`,
      ]);
    });

    it('knows its sessions', () => {
      expect(
        server.server.sessions.map(({ jid, connected, available, priority }) => [jid, connected, available, priority]),
      ).toEqual([
        ['alice@example.org/desk', true, true, 0],
        ['bob@example.org/phone', true, true, 5],
        ['bob@example.org/tablet', true, true, 5],
        ['bob@example.org/watch', true, true, -1],
        ['bob@example.org/bot', true, false, 0],
      ]);
    });

    it('sends, writes, mutes, closes, disconnects, cuts', () => {
      const { server: it } = server;
      expect(it.send('bob@example.org', xml('message', { from: 'x' }))).toBe(4);
      expect(Object.values(routed(pipes))).toEqual(Array.from({ length: 4 }, () => `<message from='x'/>`));
      expect(it.write('alice@example.org/desk', '<a></b>')).toBe(1);
      expect(routed(pipes)).toEqual({ alice: '<a></b>' });
      it.mute('alice@example.org');
      pipes.alice!.send(`<iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>`);
      it.send('alice@example.org', xml('message'));
      expect(routed(pipes)).toEqual({});
      it.close('bob@example.org/watch');
      expect(pipes.watch!.take()).toBe('</stream:stream>');
      it.disconnect('bob@example.org/tablet', 'see-other-host', { content: '[::1]:5222', text: 'there' });
      expect(pipes.tablet!.take()).toContain(
        `<see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'>[::1]:5222</see-other-host><text xmlns='urn:ietf:params:xml:ns:xmpp-streams'>there</text>`,
      );
      it.cut('bob@example.org/phone');
      expect(pipes.phone!.destroyed).toBe(true);
      expect(it.sessions.map(({ jid }) => jid)).toEqual(['alice@example.org/desk', 'bob@example.org/bot']);
      // Muted, closed and disconnected ones stay until their clients end too, or their time is over.
      expect(it.connections).toBe(4);
      server.pass(5000);
      expect(it.connections).toBe(2);
      expect(pipes.watch!.destroyed).toBe(true);
    });

    it.each([
      ['in order', {}, /<system-shutdown .*<\/stream:stream>$/, false],
      ['by a crash', { crash: true }, /^$/, true],
    ])('stops %s and starts again', (_, options, told, destroyed) => {
      server.server.stop(options);
      expect(pipes.alice!.take()).toMatch(told);
      expect(pipes.alice!.destroyed).toBe(destroyed);
      expect(server.server.sessions).toEqual([]);
      expect(server.connect().destroyed).toBe(true);
      server.server.start();
      server.online('alice', 'desk');
      expect(server.server.sessions).toHaveLength(1);
    });

    it('takes accounts in and out', () => {
      server.server.setAccount('alice', 'other');
      expect(() => server.bind('alice', 'x')).toThrow('not bound');
      server.server.setAccount('alice', 'wonder');
      server.bind('alice', 'x');
      server.server.removeAccount('alice');
      expect(() => server.bind('alice', 'y')).toThrow('not bound');
    });

    it('forgets anonymous accounts with their last session', () => {
      const pipe = server.connect();
      pipe.send(
        `<stream:stream to='example.org' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>`,
      );
      pipe.send(`<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>`);
      const roster = () => {
        pipes.alice!.take();
        pipes.alice!.send(`<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>`);
        return pipes.alice!.take();
      };
      expect(roster()).toContain('0000000000000000@example.org');
      pipe.close();
      expect(roster()).not.toContain('0000000000000000@example.org');
    });
  });
});
