import { TlsError, TransportError } from '../../lib/errors/index.js';
import {
  after,
  cut,
  end,
  exchange,
  expects,
  expectsEnd,
  mute,
  perConnection,
  reply,
  run,
  scriptedTransport,
  ScriptError,
  stall,
  startTls,
  unstall,
  type Expected,
  type Script,
  type ScriptedTransportOptions,
} from '../../lib/testing.js';
import { NS, xml } from '../../lib/xml/index.js';
import { Attempt } from './support/attempt.js';

const HEADER = `<stream:stream to='example.org' version='1.0' xmlns='jabber:client' xmlns:stream='${NS.stream}'>`;
const SERVER_HEADER = `<stream:stream id='1' version='1.0' xmlns='jabber:client' xmlns:stream='${NS.stream}'>`;
const PING = `<iq type='get' id='a'><ping xmlns='urn:xmpp:ping'/></iq>`;

const attempt = (script: Script, options?: ScriptedTransportOptions) => {
  const transport = scriptedTransport(script, options);
  return { transport, client: new Attempt(transport).flush() };
};

describe('scriptedTransport', () => {
  it('plays its part: expects, answers, waits, cuts', () => {
    const { transport, client } = attempt([
      exchange([HEADER, SERVER_HEADER], [`<iq type='get' id='{id}'>*</iq>`, `<iq type='result' id='{id}'/>`]),
      after(100),
      cut(),
    ]);
    client.connection!.write(`<?xml version='1.0'?>${HEADER}`);
    client.connection!.write(PING);
    expect(client.text).toBe('');
    client.flush(50);
    expect(client.text).toBe(`${SERVER_HEADER}<iq type='result' id='a'/>`);
    client.flush();
    expect(client.events).toEqual([
      'connected',
      '100 input error: connection-reset: the scripted connection was cut',
      '100 connection error: connection-reset: the scripted connection was cut',
    ]);
    expect(() => transport.verify()).not.toThrow();
    expect(transport.sent).toBe(`<?xml version='1.0'?>${HEADER}${PING}`);
    expect(transport.open).toBe(0);
  });

  it('replays the script on every connection', () => {
    const transport = scriptedTransport([expects(HEADER), end()]);
    for (let count = 1; count <= 2; count++) {
      const client = new Attempt(transport).flush().write(HEADER);
      expect(client.events).toEqual(['connected', 'input complete']);
      client.subscription.unsubscribe();
      expect([transport.connections, transport.open]).toEqual([count, 0]);
    }
    transport.verify();
  });

  it('takes a script for each connection, and no more connections', () => {
    const transport = scriptedTransport(perConnection([reply('<a/>')], [reply('<b/>')]));
    expect(new Attempt(transport).flush().text).toBe('<a/>');
    expect(() => transport.verify()).toThrow('2 connections were expected, 1 were made');
    expect(new Attempt(transport).flush().text).toBe('<b/>');
    transport.verify();
    expect(new Attempt(transport).flush().events).toEqual(['connection error: there is no script for connection 3']);
    expect(() => transport.verify()).toThrow(ScriptError);
  });

  it('answers in a task of its own, never within write', () => {
    const { client } = attempt([exchange([HEADER, SERVER_HEADER])]);
    let within = true;
    client.onText = () => expect(within).toBe(false);
    client.connection!.write(HEADER);
    within = false;
    client.flush();
    expect(client.text).toBe(SERVER_HEADER);
  });

  it('keeps what arrives while nobody reads', () => {
    const { client } = attempt([expects(HEADER), reply('one'), after(10), reply('two'), end()]);
    client.pause();
    client.write(HEADER);
    expect(client.text).toBe('');
    client.read();
    client.flush();
    expect(client.text).toBe('onetwo');
    expect(client.events).toEqual(['connected', '10 input complete']);
  });

  describe('split', () => {
    const texts = ['<a>ü</a>', '<b/>'];
    const bytes = Buffer.from(texts.join(''));

    it.each([
      ['whole', [9, 4]],
      ['every-byte', Array.from(bytes, () => 1)],
      [4, [4, 5, 4]],
      [9, [9, 4]],
      [10, [9, 1, 3]],
      [0, [9, 4]],
    ] as const)('%s', (split, sizes) => {
      const { client } = attempt([reply(texts[0]!), reply(texts[1]!)], { split });
      expect(client.chunks.map((chunk) => chunk.length)).toEqual(sizes);
      expect(Buffer.concat(client.chunks as Uint8Array[])).toEqual(bytes);
      expect(client.connection!.bytesReceived).toBe(bytes.length);
    });

    it('spreads the chunks over time', () => {
      const client = new Attempt(
        scriptedTransport([reply('abc'), reply('d'), run(() => client.note('done'))], { split: 'every-byte', gap: 5 }),
      );
      client.onText = (text) => client.note(text);
      client.flush();
      expect(client.events).toEqual(['connected', 'a', '5 b', '10 c', '10 d', '10 done']);
    });
  });

  describe('what the client sends', () => {
    const same: [name: string, expected: Expected, sent: string][] = [
      ['attributes in another order', `<iq id='a' type='get'/>`, `<iq type='get' id='a'/>`],
      ['other quotes and white space', `<iq\n id="a" ></iq>`, `<iq id='a'/>`],
      ['white space between elements', `<iq> <a/> <b/> </iq>`, `<iq><a/><b/></iq>`],
      ['other prefixes', `<a:x xmlns:a='urn:a'/>`, `<x xmlns='urn:a'/>`],
      ['anything as an attribute', `<iq id='*'/>`, `<iq id='whatever'/>`],
      ['anything as content', `<iq>*</iq>`, `<iq><a/>b</iq>`],
      ['the same capture twice', `<iq id='{id}'><a ref='x-{id}-y'/></iq>`, `<iq id='7'><a ref='x-7-y'/></iq>`],
      [
        'an element',
        xml('iq', { id: '{id}' }, xml('ping', { xmlns: NS.ping })),
        `<iq id='1'><ping xmlns='urn:xmpp:ping'/></iq>`,
      ],
      ['a pattern', /<iq id='\d+'/, `<iq id='12'/>`],
      ['a function', (event) => event.kind === 'element' && event.element.attrs.id === '12', `<iq id='12'/>`],
      ['a footer', `</stream:stream>`, `</stream:stream>`],
      ['white space', ' ', '\n'],
    ];
    const different: [name: string, expected: Expected, sent: string, at: string][] = [
      ['another name', '<a/>', '<b/>', 'a: expected {jabber:client}a, received {jabber:client}b'],
      ['another namespace', `<a xmlns='x'/>`, `<a/>`, 'a: expected {x}a, received {jabber:client}a'],
      ['a namespace only on a child', `<a><b xmlns='x'/></a>`, `<a><b/></a>`, 'a/b: expected {x}b'],
      ['another value', `<a id='1'/>`, `<a id='2'/>`, 'a/@id: expected 1, received 2'],
      ['an attribute too few', `<a id='1'/>`, `<a/>`, 'a/@id: expected 1, received no such attribute'],
      ['an attribute too many', `<a/>`, `<a id='1'/>`, 'a/@id: expected no such attribute, received 1'],
      ['another text', `<a><b>x</b></a>`, `<a><b>y</b></a>`, 'a/b[1]#text: expected x, received y'],
      ['a child too few', `<a><b/><c/></a>`, `<a><b/></a>`, 'a[2]: expected <c/>'],
      ['a child too many', `<a><b/></a>`, `<a><b/><c/></a>`, 'a[2]: expected nothing'],
      ['captures that differ', `<a x='{v}' y='{v}'/>`, `<a x='1' y='2'/>`, 'a/@y: expected {v}, received 2'],
      ['nothing where a capture is', `<a x='{v}'/>`, `<a x=''/>`, 'a/@x'],
      ['an element for a header', HEADER, `<a/>`, ''],
      ['an element for a footer', '</stream:stream>', `<a/>`, 'expected a footer'],
      ['what a function objects to', () => 'I do not like it', `<a/>`, 'received I do not like it'],
      ['no XML', '<a/>', `<a></b>`, 'no XML'],
    ];
    const inStream = (expected: Expected): Script => [expects(HEADER), expects(expected), reply('yes')];

    it.each(same)('is the same with %s', (_, expected, sent) => {
      const { transport, client } = attempt(inStream(expected));
      client.write(HEADER + sent);
      transport.verify();
      expect(client.text).toBe('yes');
    });

    it.each(different)('differs with %s', (_, expected, sent, at) => {
      const { transport, client } = attempt(inStream(expected));
      client.write(HEADER + sent);
      expect(client.text).toBe('');
      expect(() => transport.verify()).toThrow(ScriptError);
      expect(() => transport.verify()).toThrow(at);
      expect(client.events).toHaveLength(3);
      expect(client.events[1]).toMatch(/^input error: step 2 of 3/);
    });

    it('is compared whole, however it is written', () => {
      const { transport, client } = attempt(inStream(`<iq id='1'>ü</iq>`));
      for (const character of `${HEADER}<iq id='1'>ü</iq>`) client.write(character);
      transport.verify();
    });

    it('may be overlooked in part where the expectation is loose', () => {
      const { transport, client } = attempt([expects(HEADER), expects(`<iq id='{i}'><b/>*</iq>`, { loose: true })]);
      client.write(`${HEADER}<iq id='1' type='get'><a/><b x='1'><c/></b>text</iq>`);
      transport.verify();
    });

    it('begins a new stream wherever it restarts', () => {
      const { transport, client } = attempt([
        exchange([HEADER, SERVER_HEADER], ['<auth/>', '<success/>'], [HEADER, SERVER_HEADER], ['<iq/>', 'bound']),
      ]);
      client.write(`${HEADER}<auth/>`);
      client.write(`<?xml version='1.0'?>${HEADER}`).write('<iq/>');
      transport.verify();
      expect(client.text).toBe(`${SERVER_HEADER}<success/>${SERVER_HEADER}bound`);
    });

    it('differs with another content namespace', () => {
      const { transport, client } = attempt([expects(HEADER)]);
      client.write(HEADER.replace('jabber:client', 'jabber:server'));
      expect(() => transport.verify()).toThrow('stream/@xmlns: expected jabber:client, received jabber:server');
    });

    it('is told where the script stopped', () => {
      const { transport, client } = attempt([expects(HEADER), expects('<a/>')]);
      client.write(`${HEADER}<b`);
      expect(() => transport.verify()).toThrow('connection 1 stopped: step 2 of 2 awaits <a/>; the client has sent <b');
    });

    it('must not be more than the script, but for a footer', () => {
      for (const [sent, fails] of [
        ['</stream:stream>', false],
        [' ', false],
        ['<a/>', true],
      ] as const) {
        const { transport, client } = attempt([expects(HEADER)]);
        client.write(HEADER).write(sent);
        if (fails) expect(() => transport.verify()).toThrow('nothing more');
        else transport.verify();
      }
    });

    it('is heeded no more once the server is mute', () => {
      const { transport, client } = attempt([expects(HEADER), mute(), reply('never')]);
      client.write(`${HEADER}<a/></b>`);
      transport.verify();
      expect(client.text).toBe('');
    });

    it('counts when it is flushed by unsubscribing', () => {
      const { transport, client } = attempt([expects(HEADER), expects('</stream:stream>'), expectsEnd()]);
      client.write(HEADER);
      client.connection!.write('</stream:stream>');
      client.connection!.end();
      client.subscription.unsubscribe();
      transport.verify();
      expect(client.events).toEqual(['connected']);
      expect(client.flush().events).toEqual(['connected']);
    });
  });

  it('fills captures into replies, escaped', () => {
    const { client } = attempt([
      expects(HEADER),
      expects(`<a id='{id}'>{text}</a>`),
      reply(`<b id='{id}'/>`, xml('c', {}, '{text}'), ({ id }) => `<d>${id!.length}</d>`, new Uint8Array([0xff])),
    ]);
    client.write(`${HEADER}<a id='&lt;&apos;'>x&amp;y</a>`);
    expect(client.text).toBe(`<b id='&#60;&#39;'/><c>x&#38;y</c><d>2</d>\xff`);
    expect(client.chunks).toHaveLength(1);
  });

  it('tells of a reply that names what was not captured', () => {
    const { transport } = attempt([reply(`<a id='{id}'/>`)]);
    expect(() => transport.verify()).toThrow('step 1 of 1: the reply names {id}');
  });

  it('completes when both sides have ended', () => {
    const { transport, client } = attempt([expects(HEADER), end(), expectsEnd()]);
    client.write(HEADER);
    expect(client.events).toEqual(['connected', 'input complete']);
    client.connection!.end();
    client.flush();
    expect(client.events).toEqual(['connected', 'input complete', 'connection complete']);
    transport.verify();
  });

  it('connects late, never, or not at all', () => {
    expect(attempt([], { connectDelay: 30 }).client.events).toEqual(['30 connected']);
    expect(attempt([], { connectDelay: Infinity }).client.events).toEqual([]);
    const refuse = new TransportError({ condition: 'connection-refused' });
    expect(attempt([], { connectDelay: 5, refuse }).client.events).toEqual(['5 connection error: connection-refused']);
  });

  it('emits nothing after unsubscribe, and leaves no timer', () => {
    const { transport, client } = attempt([reply('a'), after(10), reply('b'), cut()], { connectDelay: 1 });
    const late = new Attempt(transport);
    late.subscription.unsubscribe();
    late.flush();
    expect(late.events).toEqual([]);
    expect(late.scheduler.now()).toBe(0);
    expect(client.text).toBe('ab');
    expect(transport.open).toBe(0);
  });

  describe('STARTTLS', () => {
    const script = (step = startTls({ ms: 20, tls: { protocol: 'TLSv1.3' } })): Script => [
      exchange([HEADER, SERVER_HEADER], [`<starttls xmlns='${NS.tls}'/>`, `<proceed xmlns='${NS.tls}'/>`]),
      step,
      exchange([HEADER, 'secret']),
      after(10),
      cut(),
    ];
    const start = (client: Attempt) => client.write(`${HEADER}<starttls xmlns='${NS.tls}'/>`);

    it('gives a secured connection, which fails before the plain one', () => {
      const { transport, client } = attempt(script());
      start(client).secure();
      client.flush();
      expect(client.connection!.tls).toEqual({ protocol: 'TLSv1.3' });
      expect(client.connection!.startTls).toBeUndefined();
      client.write(HEADER);
      expect(client.events.map((event) => event.replace(/:.*/, ''))).toEqual([
        'connected',
        '20 secured',
        '30 input error',
        '30 tls error',
        '30 connection error',
      ]);
      expect(client.connection!.bytesSent).toBe(2 * HEADER.length + `<starttls xmlns='${NS.tls}'/>`.length);
      transport.verify();
    });

    it('fails as told, and never answers if told so', () => {
      const error = new TlsError({ condition: 'wrong-identity' });
      const { client } = attempt(script(startTls({ error })));
      start(client).secure();
      client.flush();
      expect(client.events).toEqual(['connected', 'tls error: wrong-identity', 'connection error: wrong-identity']);

      const silent = attempt(script(startTls({ ms: Infinity }))).client;
      start(silent).secure();
      silent.flush();
      expect(silent.events).toEqual(['connected']);
    });

    it('fails where plaintext is still unread', () => {
      const late = new Attempt(scriptedTransport([after(5), reply('more'), startTls()])).flush(1);
      late.pause();
      late.flush();
      late.secure();
      expect(late.events.at(-1)).toMatch(/tls error: handshake-failed/);
    });

    it('expects the client to start TLS before it writes on', () => {
      const { transport, client } = attempt(script());
      start(client).write(HEADER);
      expect(() => transport.verify()).toThrow('expected  the client to start TLS');
    });

    it('is there from the beginning with direct TLS', () => {
      const { client } = attempt([], { tls: true });
      expect(client.connection!.tls).toEqual({ protocol: 'unknown' });
      expect(client.connection!.startTls).toBeUndefined();
    });
  });

  describe('faults', () => {
    const script: Script = [exchange([HEADER, SERVER_HEADER], ['<a/>', '<b/>'])];
    const sent = `${HEADER}<a/>`;
    const received = `${SERVER_HEADER}<b/>`;

    it('cuts and stalls at every octet in either direction', () => {
      for (const direction of ['in', 'out'] as const)
        for (let at = 0; at < (direction === 'in' ? received : sent).length; at++)
          for (const kind of ['cut', 'stall'] as const) {
            const { client } = attempt(script, { faults: [{ kind, direction, at }] });
            client.write(sent);
            const [whole, heard] = direction === 'in' ? [received, client.text] : [sent, client.text];
            if (direction === 'in') expect(heard).toBe(whole.slice(0, at));
            else expect(received.startsWith(heard)).toBe(true);
            expect(client.events.some((event) => event.startsWith('input error: connection-reset'))).toBe(
              kind === 'cut',
            );
            expect(client.events).toHaveLength(kind === 'cut' ? 3 : 1);
          }
    });
  });

  it('stalls: writes stay buffered and are not told written until the server reads again', () => {
    const transport = scriptedTransport([stall(), after(50), unstall(), expects(HEADER), reply('ok')]);
    const writer = new Attempt(transport).flush(10);
    const written: number[] = [];
    writer.connection!.write(HEADER, () => written.push(writer.scheduler.now()));
    writer.flush(20);
    expect([writer.connection!.bufferedBytes, writer.connection!.bytesSent]).toEqual([HEADER.length, 0]);
    writer.flush();
    expect([writer.connection!.bufferedBytes, writer.connection!.bytesSent]).toEqual([0, HEADER.length]);
    expect(written).toEqual([50]);
    expect(writer.text).toBe('ok');
  });

  it('speaks frames', () => {
    const { transport, client } = attempt(
      [
        exchange([
          `<open xmlns='${NS.framing}' to='{to}' version='1.0'/>`,
          `<open xmlns='${NS.framing}' from='{to}'/>`,
        ]),
        exchange([`<auth xmlns='${NS.sasl}' mechanism='*'>*</auth>`, `<success xmlns='${NS.sasl}'/>`]),
        exchange([
          `<open xmlns='${NS.framing}' to='{to}' version='1.0'/>`,
          `<open xmlns='${NS.framing}' from='{to}'/>`,
        ]),
        exchange([`<iq xmlns='jabber:client' id='{id}'/>`]),
        exchange([`<close xmlns='${NS.framing}'/>`, `<close xmlns='${NS.framing}'/>`]),
      ],
      { framing: 'frames', tls: true },
    );
    const open = `<open xmlns='${NS.framing}' version='1.0' to='example.org'/>`;
    client.write(open).write(`<auth xmlns='${NS.sasl}' mechanism='X'>=</auth>`).write(open);
    client.write(`<iq xmlns='jabber:client' id='1'/>`).write(`<close xmlns='${NS.framing}'/>`);
    transport.verify();
    expect(client.chunks).toEqual([
      `<open xmlns='${NS.framing}' from='example.org'/>`,
      `<success xmlns='${NS.sasl}'/>`,
      `<open xmlns='${NS.framing}' from='example.org'/>`,
      `<close xmlns='${NS.framing}'/>`,
    ]);
  });
});
