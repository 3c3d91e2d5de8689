import { VirtualTimeScheduler } from 'rxjs';
import { TlsError } from '../../../lib/errors/index.js';
import { inMemoryServer, type MemoryLink, type XmppServerOptions } from '../../../lib/testing.js';
import { Attempt } from '../support/attempt.js';
import { b64, HEADER } from '../support/test-pipe.js';

const STARTTLS = `<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>`;
const SASL = `xmlns='urn:ietf:params:xml:ns:xmpp-sasl'`;
const PLAIN = `<auth ${SASL} mechanism='PLAIN'>${b64('\0alice\0wonder')}</auth>`;
const BIND = `<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>desk</resource></bind></iq>`;
const ECHO = `<message to='echo@example.org'><body>hö</body></message>`;

function world(link: MemoryLink = {}, options: XmppServerOptions = {}) {
  const scheduler = new VirtualTimeScheduler();
  const { server, transport } = inMemoryServer({
    domain: 'example.org',
    accounts: { alice: 'wonder' },
    random: () => 0,
    scheduler,
    ...options,
  });
  const joined = transport(link);
  const client = (onText?: (text: string) => void) => new Attempt(joined, scheduler, onText);
  return { scheduler, server, transport: joined, client };
}

/** A whole conversation, by what the server says; it starts TLS where it is asked to proceed. */
function converse(link: MemoryLink = {}, options: XmppServerOptions = {}) {
  const { client: connect, ...rest } = world(link, options);
  const heard: string[] = [];
  let buffer = '';
  const answers: [RegExp, string][] = [
    [/<starttls.*<\/stream:features>$/, STARTTLS],
    [/<mechanisms.*<\/stream:features>$/, PLAIN],
    [/<success [^>]*>$/, HEADER],
    [/<bind.*<\/stream:features>$/, BIND],
    [/<jid>.*<\/iq>$/, ECHO],
    [/<\/message>$/, '</stream:stream>'],
  ];
  const client = connect((text) => {
    buffer += text;
    heard.push(text);
    if (/<proceed [^>]*>$/.test(buffer)) {
      buffer = '';
      client.secure();
    } else if (buffer.endsWith('</stream:stream>')) {
      client.connection!.end();
    } else {
      const answer = answers.find(([pattern]) => pattern.test(buffer));
      if (!answer) return;
      buffer = '';
      client.connection!.write(answer[1]);
    }
  });
  const use = client.use.bind(client);
  client.use = (connection) => {
    use(connection);
    if (connection.tls || link.security === 'none' || !connection.startTls || options.tls !== 'off')
      connection.write(HEADER);
  };
  return { ...rest, client, heard };
}

describe('memoryTransport', () => {
  it.each([
    ['STARTTLS', {}, ['connected', 'secured', 'input complete', 'tls complete', 'connection complete']],
    ['direct TLS', { security: 'direct' }, ['secured', 'input complete', 'connection complete']],
  ] as const)('carries a whole session: %s', (_, link, events) => {
    const { client, server, transport } = converse(link);
    client.flush();
    expect(client.events).toEqual(events);
    expect(client.text).toContain('<body>h\u00c3\u00b6</body>');
    expect([server.connections, server.accepted, transport.connections, transport.open]).toEqual([0, 1, 1, 0]);
    expect(client.scheduler.now()).toBe(0);
  });

  it('carries one without TLS', () => {
    const { client } = converse({ security: 'none' }, { tls: 'off', features: (all) => all });
    client.flush();
    expect(client.connection!.startTls).toBeUndefined();
    expect(client.text).toContain('<mechanisms');
  });

  it('takes its time: a round trip to connect, one for TLS, one for each question', () => {
    const { client } = converse({ latency: { in: 30, out: 20 } });
    client.flush();
    // TCP, header, STARTTLS, TLS, header, SASL, header, bind, echo, footer; the end is told one way later.
    expect(client.events.map((event) => event.split(' ')[0])).toEqual(['50', '200', '500', '500', '500']);
  });

  it('keeps the order however the latency varies', () => {
    let turn = 0;
    const { client } = converse({ latency: () => [40, 0, 25, 10][turn++ % 4]! });
    client.flush();
    expect(client.text).toContain('</stream:stream>');
  });

  it('sends what is written in one tick as one segment', () => {
    const { client: connect, scheduler } = world({ latency: 5 });
    const client = connect().flush();
    client.connection!.write(HEADER.slice(0, 10));
    client.connection!.write(HEADER.slice(10));
    const written: number[] = [];
    client.connection!.write(' ', () => written.push(scheduler.now()));
    client.flush();
    expect(written).toEqual([10]);
    expect(client.chunks).toHaveLength(2);
    expect(client.connection!.bytesSent).toBe(HEADER.length + 1);
  });

  it('is cold, and lets go of everything when unsubscribed at any time', () => {
    for (let ms = 0; ms <= 500; ms += 5) {
      const { client, server, transport } = converse({ latency: 25 });
      client.flush(ms);
      const { events } = client;
      const before = [...events];
      client.subscription.unsubscribe();
      expect(transport.open).toBe(0);
      client.flush();
      expect(events).toEqual(before);
      expect(server.connections).toBe(0);
      expect(server.sessions).toEqual([]);
    }
  });

  it('leaves not even a timer behind where there is no latency', () => {
    const { client: connect, scheduler, server } = world();
    const client = connect().flush();
    client.connection!.write(HEADER);
    client.connection!.write('</stream:stream>');
    client.subscription.unsubscribe();
    expect(server.log.map(({ event }) => event)).toContain('opened');
    expect(server.connections).toBe(0);
    expect(scheduler.actions.filter(({ closed }) => !closed)).toHaveLength(0);
  });

  it('flushes what was written when unsubscribed', () => {
    const { client: connect, server } = world({ latency: 5 });
    const client = connect().flush();
    client.connection!.write(HEADER);
    client.subscription.unsubscribe();
    client.flush();
    expect(server.log.map(({ event }) => event)).toEqual(['accepted', 'opened', 'lost']);
  });

  describe('losses', () => {
    it('cut at every octet in either direction: both ends learn of it, after what came before', () => {
      const whole = converse();
      whole.client.flush();
      const { bytesReceived, bytesSent } = whole.client.connection!;
      for (const direction of ['in', 'out'] as const)
        for (let at = 0; at < (direction === 'in' ? bytesReceived : bytesSent); at += at < 20 ? 1 : 7) {
          const { client, server, transport } = converse({ faults: [{ kind: 'cut', direction, at }], latency: 3 });
          client.flush();
          expect(client.events.filter((event) => event.includes('complete'))).toEqual([]);
          expect(client.events.at(-1)).toMatch(/connection error: connection-reset/);
          expect(client.events.filter((event) => /input error/.test(event)).length).toBe(1);
          expect([server.connections, transport.open]).toEqual([0, 0]);
          if (direction === 'in') expect(client.text).toBe(whole.client.text.slice(0, at));
        }
    });

    it('stall at any octet: nobody is told, and it goes on when healed', () => {
      for (const direction of ['in', 'out'] as const)
        for (const at of [0, 1, 50, 200, 300]) {
          const { client, server, transport } = converse({ faults: [{ kind: 'stall', direction, at }] });
          client.flush();
          expect(client.events.join()).not.toMatch(/error|complete/);
          expect(server.connections).toBe(1);
          transport.heal();
          client.flush();
          expect(client.events.at(-1)).toBe('connection complete');
          expect(client.text).toContain('<body>');
        }
    });

    it('tell only one end', () => {
      for (const tell of ['client', 'server'] as const) {
        const { client, server, transport } = converse({ latency: 10 });
        client.flush(150);
        transport.cut({ tell });
        client.flush(100);
        expect([client.events.some((event) => event.includes('error')), server.connections === 0]).toEqual(
          tell === 'client' ? [true, false] : [false, true],
        );
      }
    });

    it('stall by hand, both ways or one', () => {
      const { client, transport } = converse({ latency: 10 });
      client.flush(50);
      const before = client.text;
      transport.stall();
      client.flush(10_000);
      expect(client.text).toBe(before);
      transport.heal();
      client.flush();
      expect(client.text).toContain('</stream:stream>');
    });

    it('hold writes back once the network takes no more', () => {
      const { client: connect, transport } = world({ latency: 1 });
      const client = connect().flush();
      transport.stall('out');
      const text = `<a>${'x'.repeat(40_000)}`;
      let written = 0;
      for (let count = 0; count < 4; count++) {
        client.connection!.write(text, () => written++);
        client.flush(5);
      }
      expect([written, client.connection!.bufferedBytes]).toEqual([2, 2 * text.length]);
      transport.heal();
      client.flush(5);
      expect([written, client.connection!.bufferedBytes]).toEqual([4, 0]);
    });

    it('come from the server too', () => {
      const { client, server } = converse({ latency: 10 }, { faults: [{ at: 'bind', do: 'cut' }] });
      client.flush();
      expect(client.events.slice(-3)).toEqual([
        expect.stringContaining('input error: connection-reset'),
        expect.stringContaining('tls error: connection-reset'),
        expect.stringContaining('connection error: connection-reset'),
      ]);
      expect(server.connections).toBe(0);
    });
  });

  it('is refused by a server that takes no connections', () => {
    for (const refuse of ['stop', 'fault'] as const) {
      const { client: connect, server } = world({ latency: 10 });
      if (refuse === 'stop') server.stop();
      else server.fault({ at: 'connect', do: 'refuse' });
      expect(connect().flush().events).toEqual([
        '20 connection error: connection-refused: the server takes no connections',
      ]);
    }
  });

  describe('TLS', () => {
    it('fails by the client’s verdict, and the server loses the connection', () => {
      const error = new TlsError({ condition: 'wrong-identity' });
      for (const [security, events] of [
        ['starttls', ['connected', 'tls error: wrong-identity', 'connection error: wrong-identity']],
        ['direct', ['connection error: wrong-identity']],
      ] as const) {
        const { client, server } = converse({ security, tlsError: () => error });
        client.flush();
        expect(client.events).toEqual(events);
        expect(server.connections).toBe(0);
      }
    });

    it('never answers a client whose server is mute', () => {
      for (const security of ['starttls', 'direct'] as const) {
        const { client, server } = converse({ security }, { faults: [{ at: 'tls', do: 'mute' }] });
        client.flush();
        expect(client.events).toEqual(security === 'direct' ? [] : ['connected']);
        expect(server.connections).toBe(1);
        client.subscription.unsubscribe();
        client.flush();
        expect(server.connections).toBe(0);
      }
    });

    it('takes no plaintext', () => {
      const { client: connect, server } = world();
      const client = connect().flush();
      client.write(HEADER).write(STARTTLS);
      expect(client.text).toContain('<proceed');
      client.write(PLAIN);
      expect(client.events.at(-1)).toMatch(/connection error: connection-reset/);
      expect(server.connections).toBe(0);
    });

    it('drops what came in plaintext with <starttls/> (CVE-2011-0411)', () => {
      const { client: connect } = world();
      const client = connect()
        .flush()
        .write(HEADER)
        .write(STARTTLS + PLAIN);
      expect(client.text).toContain('<policy-violation');
      expect(client.text).not.toContain('<proceed');
    });

    it('binds channels: the same data at both ends, another for each connection', () => {
      const { client: connect, scheduler } = world({ security: 'direct' });
      const [one, other] = [connect().flush(), connect().flush()];
      const data = (client: Attempt, type: 'tls-exporter' | 'tls-server-end-point') =>
        Buffer.from(client.connection!.channelBinding!(type)!).toString('hex');
      expect(data(one, 'tls-exporter')).not.toBe(data(other, 'tls-exporter'));
      expect(data(one, 'tls-server-end-point')).toBe(data(other, 'tls-server-end-point'));
      expect(scheduler.now()).toBe(0);
      const none = world({ security: 'direct', channelBinding: false }).client().flush();
      expect(none.connection!.channelBinding!('tls-exporter')).toBeUndefined();
    });
  });

  it('carries frames', () => {
    const { client: connect } = world({ framing: 'frames' });
    const client = connect().flush();
    expect(client.connection!.tls).toBeDefined();
    expect(client.connection!.framing).toBe('frames');
    client.write(`<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='example.org' version='1.0'/>`);
    expect(client.chunks).toEqual([expect.stringMatching(/^<open /), expect.stringMatching(/^<stream:features /)]);
    client.connection!.write(`<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>`);
    client.flush(0);
    expect(client.events).toEqual(['secured', 'input complete']);
    client.connection!.end();
    expect(client.flush().events.at(-1)).toBe('connection complete');
  });
});
