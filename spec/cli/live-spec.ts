import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { filter, firstValueFrom, take, toArray } from 'rxjs';
import { startServerAsync, type RunningServer } from '../../lib/testing/node/start-server.js';
import { xml } from '../../lib/xml/index.js';
import { builtCommand, type BuiltCommand, type Ended, type RunningCommand } from './support/command.js';

const PASSWORD = 'a pass phrase';
const ONLINE = '  online  ';

let command: BuiltCommand;
let server: RunningServer;
let folder: string;
let caFile: string;

beforeAll(() => {
  command = builtCommand();
  folder = mkdtempSync(join(tmpdir(), 'rxmpp-cli-'));
}, 60_000);
afterAll(() => {
  command.killAll();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  server = await startServerAsync({ accounts: { alice: PASSWORD, bob: 'builder' } });
  caFile = join(folder, `${server.port}.pem`);
  writeFileSync(caFile, server.ca);
});
afterEach(() => server.close());

interface Call {
  readonly argv?: readonly string[];
  readonly account?: readonly string[];
  readonly input?: string;
}

function start({ argv = [], account = ['--jid', 'alice@localhost'], input }: Call = {}): RunningCommand {
  return command.run([...account, '--host', server.host, '--port', String(server.port), '--ca', caFile, ...argv], {
    env: { XMPP_PASSWORD: PASSWORD },
    input,
  });
}

/** What the server saw of the client's stream, up to the end. */
const events = () => server.server.log.map(({ event }) => event).filter((event) => event !== 'received');
const objects = ({ stdout }: Ended) =>
  stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe('a conversation', () => {
  it('sends each line, shows what comes back, and ends with the input', async () => {
    const run = start({ argv: ['--to', 'echo@localhost'] });
    await run.prints(ONLINE);
    run.write('Grüße\r\n\n<b> & "quotes"\n');
    await run.prints('<- message chat from echo@localhost  "<b> & \\"quotes\\""');
    run.write('no end of line');
    run.end();
    const { code, stdout, stderr } = await run.ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('-> message to echo@localhost  "Grüße"  acked\n');
    expect(stdout).toContain('<- message chat from echo@localhost  "Grüße"\n');
    expect(stdout).toContain('-> message to echo@localhost  "no end of line"  acked\n');
    // An empty line is no message.
    expect(stdout.match(/^->/gm)).toHaveLength(3);
    expect(stdout).toMatch(/#1 +\d+ ms {2}closing\n(.*\n)*#1 +\d+ ms {2}closed\n$/);
    expect(stdout).not.toContain('\x1b');
    expect(events().slice(-1)).toEqual(['closed']);
    expect(server.server.connections).toBe(0);
  });

  it('is over when there is nothing to send', async () => {
    const { code, stdout, stderr } = await start({ input: '' }).ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(ONLINE);
    expect(events().at(-1)).toBe('closed');
  });

  it('sends presence, so that messages come', async () => {
    const run = start();
    await firstValueFrom(server.server.received$.pipe(filter(({ stanza }) => stanza.name === 'presence')));
    expect(server.server.sessions).toMatchObject([{ available: true }]);
    run.end();
    expect((await run.ended).code).toBe(0);
  });

  it('loses none of a long input, in order', async () => {
    const received = firstValueFrom(
      server.server.received$.pipe(
        filter(({ stanza }) => stanza.name === 'message'),
        take(2000),
        toArray(),
      ),
    );
    const input = Array.from({ length: 2000 }, (_, i) => `line ${i}`).join('\n');
    const { code, stdout } = await start({ argv: ['--to', 'bob@localhost', '--no-color'], input }).ended;
    expect(code).toBe(0);
    expect(stdout.match(/ {2}acked$/gm)).toHaveLength(2000);
    const bodies = (await received).map(({ stanza }) => stanza.child('body')!.text());
    expect(bodies.join('\n')).toBe(input);
  });

  it('reports a line that XML cannot hold, sends the others, and fails', async () => {
    const run = start({ argv: ['--to', 'bob@localhost'], input: 'before\nbell \x07\nafter\n' });
    const { code, stdout, stderr } = await run.ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^rxmpp: -> message to bob@localhost {2}"bell \\u0007" {2}illegal-character: .*U\+0007.*\n$/,
    );
    expect(stdout.match(/"(before|after)" {2}acked/g)).toHaveLength(2);
  });

  it('says that there is nobody to send to', async () => {
    const { code, stderr } = await start({ input: 'one\ntwo\n' }).ended;
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: 'rxmpp: there is nobody to send to; name somebody by --to JID\n',
    });
  });

  it('is possible without an account, and over direct TLS', async () => {
    const { code, stdout } = await start({
      account: ['--anonymous', 'localhost', '--direct-tls', '--port', String(server.directPort)],
      argv: ['--port', String(server.directPort), '--resource', 'desk'],
      input: '',
    }).ended;
    expect(code).toBe(0);
    expect(stdout).toMatch(/online +[^ ]+@localhost\/desk\n/);
    expect(stdout).toContain('ANONYMOUS');
  });

  it('shows stanzas of every kind on one line each, with nothing that moves a cursor', async () => {
    const run = start();
    await run.prints(ONLINE);
    const from = 'evil@localhost/\u009b2J';
    const send = (stanza: ReturnType<typeof xml>) => server.server.send('alice@localhost', stanza);
    send(xml('message', { from }, xml('body', null, 'one\ntwo\ttabs \u009b31m \u202eabc')));
    send(xml('message', { from: 'bob@localhost', type: 'groupchat' }, xml('subject', { xmlns: 'urn:x' })));
    send(xml('presence', { from: 'bob@localhost' }, xml('show', null, 'dnd'), xml('status', null, 'busy')));
    send(xml('presence', { from: 'bob@localhost', type: 'unavailable' }));
    send(xml('iq', { from: 'bob@localhost', type: 'get', id: '1' }, xml('ping', { xmlns: 'urn:xmpp:ping' })));
    send(
      xml(
        'message',
        { from: 'bob@localhost', type: 'error' },
        xml('body', null, 'mine'),
        xml('error', { type: 'cancel' }, xml('item-not-found', { xmlns: 'urn:ietf:params:xml:ns:xmpp-stanzas' })),
      ),
    );
    send(xml('message', { type: 'headline' }, xml('body', null, 'last')));
    await run.prints('"last"');
    run.end();
    const { stdout } = await run.ended;
    expect(stdout.split('\n').filter((line) => line.startsWith('<-') && !line.includes('echo@'))).toEqual([
      '<- message normal from evil@localhost/\\u{9b}2J  "one\\ntwo\\ttabs \\u{9b}31m \\u{202e}abc"',
      '<- message groupchat from bob@localhost  {urn:x}subject',
      '<- presence available from bob@localhost  "dnd" "busy"',
      '<- presence unavailable from bob@localhost',
      '<- iq get from bob@localhost  {urn:xmpp:ping}ping',
      '<- message error from bob@localhost  {urn:ietf:params:xml:ns:xmpp-stanzas}item-not-found',
      '<- message headline from (the server)  "last"',
    ]);
  });
});

describe('a loss', () => {
  it('after a session is mended, and what was typed meanwhile arrives', async () => {
    const run = start({ argv: ['--to', 'echo@localhost'] });
    await run.prints(ONLINE);
    server.server.cut();
    await run.prints('for the next attempt: failed in phase online (connection-reset)');
    run.write('meanwhile\n');
    await run.prints(' (resumed)');
    await run.prints('<- message chat from echo@localhost  "meanwhile"');
    run.end();
    const { code, stdout, stderr } = await run.ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^#2 .* online +alice@localhost\/\w+ \(resumed\)$/m);
    expect(stdout).toContain('"meanwhile"  acked');
  });

  it('for good ends it with a sentence', async () => {
    const run = start();
    await run.prints(ONLINE);
    server.server.disconnect('alice@localhost', 'conflict');
    const { code, stderr } = await run.ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(/^rxmpp: failed in phase online \(conflict\): .*choose another by --resource\n$/);
  });

  it('with the server gone does not outlast a Ctrl-C', async () => {
    const run = start();
    await run.prints(ONLINE);
    await server.close();
    await run.prints('for the next attempt');
    run.signal('SIGINT');
    expect(await run.ended).toMatchObject({ code: 130, stderr: '' });
  });
});

describe('a signal', () => {
  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('%s closes the stream in good order', async (signal) => {
    const run = start({ argv: ['--to', 'bob@localhost'] });
    await run.prints(ONLINE);
    run.write('hello\n');
    await run.prints('acked');
    run.signal(signal);
    const ended = await run.ended;
    expect(ended).toMatchObject({ code: 0, signal: null, stderr: '' });
    expect(ended.stdout).toMatch(/closing\n(.*\n)*.*closed\n$/);
    expect(events().at(-1)).toBe('closed');
  });

  it('twice at once, as npm passes on a Ctrl-C, is one', async () => {
    const run = start();
    await run.prints(ONLINE);
    run.signal('SIGINT');
    run.signal('SIGINT');
    expect(await run.ended).toMatchObject({ code: 0, stderr: '' });
    expect(events().at(-1)).toBe('closed');
  });

  it('once more ends it at once, whatever the server does', async () => {
    server.server.fault({ at: 'close', do: 'mute' });
    const run = start({ argv: ['--timeout', '50'] });
    await run.prints(ONLINE);
    run.signal('SIGINT');
    await run.prints('closing');
    const impatience = setInterval(() => run.signal('SIGINT'), 100);
    try {
      const { code, signal, stderr } = await run.ended;
      // One more may come when it no longer listens, and end it as the system does: to a shell that is 130, too.
      expect([signal === 'SIGINT' ? 130 : code, stderr]).toEqual([130, '']);
    } finally {
      clearInterval(impatience);
    }
  }, 30_000);

  it('is bounded where the server does not answer the footer', async () => {
    server.server.fault({ at: 'close', do: 'mute' });
    const run = start({ argv: ['--timeout', '1'] });
    await run.prints(ONLINE);
    run.signal('SIGINT');
    expect(await run.ended).toMatchObject({ code: 0, stderr: '' });
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s before there is a session gives up', async (signal, code) => {
    server.server.fault({ at: 'sasl', do: 'mute' });
    const run = start();
    await run.prints('authenticating');
    run.signal(signal);
    const ended = await run.ended;
    expect(ended).toMatchObject({ code, signal: null, stderr: '' });
    expect(ended.stdout).toMatch(/cancelled +in phase sasl\n$/);
  });
});

describe('an output that nobody reads any more', () => {
  it('closes the stream, without a word', async () => {
    const run = start();
    await run.prints(ONLINE);
    run.process.stdout!.destroy();
    server.server.send('alice@localhost', xml('message', { from: 'bob@localhost' }, xml('body', null, 'hello')));
    expect(await run.ended).toMatchObject({ code: 0, stderr: '' });
    expect(events().at(-1)).toBe('closed');
  });

  it('from the beginning is no reason for a word either', async () => {
    const run = command.run(['--help']);
    run.process.stdout!.destroy();
    expect(await run.ended).toMatchObject({ stderr: '' });
  });
});

describe('--json', () => {
  it('tells everything in objects with stable fields', async () => {
    const run = start({ argv: ['--to', 'echo@localhost', '--json'] });
    await run.prints('"kind":"online"');
    run.write('hello \u009b\u202e\n');
    await run.prints('"event":"stanza"');
    run.end();
    const ended = await run.ended;
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(ended.stdout).not.toMatch(/[\u009b\u202e]/);
    const told = objects(ended);
    const of = (event: string) => told.filter((object) => object['event'] === event);

    const traces = of('trace');
    for (const trace of traces) {
      expect(Object.keys(trace).slice(0, 5)).toEqual(['event', 'attempt', 'ms', 'time', 'type']);
      expect(trace).toMatchObject({ attempt: 1 });
      expect(trace['ms']).toBe((trace['time'] as number) - (traces[0]!['time'] as number));
    }
    const types = traces.map(({ type }) => type);
    expect(types[0]).toBe('connecting');
    expect(types).toEqual(expect.arrayContaining(['secured', 'authenticated', 'bound', 'online', 'closing']));
    expect(types.at(-1)).toBe('closed');
    const target = { host: server.host, port: server.port, security: 'starttls' };
    expect(traces[0]).toMatchObject({ target });

    const jid = expect.stringMatching(/^alice@localhost\/\w+$/) as string;
    expect(of('status').map(({ kind }) => kind)).toEqual([
      ...['offline', 'connecting', 'securing', 'authenticating', 'binding', 'online', 'closing', 'offline'],
    ]);
    expect(of('status')).toContainEqual({ event: 'status', kind: 'online', attempt: 1, jid, resumed: false });

    const id = of('delivery')[0]!['id'] as string;
    expect(of('delivery')).toEqual(
      ['queued', 'written', 'acked'].map((state) => ({ event: 'delivery', id, to: 'echo@localhost', state })),
    );
    expect(of('stanza')).toContainEqual(
      expect.objectContaining({
        ...{ event: 'stanza', name: 'message', type: 'chat', from: 'echo@localhost', body: 'hello \u009b\u202e' },
        xml: expect.stringContaining('<body>hello \u009b\u202e</body>') as string,
      }),
    );
  });

  it('tells errors too, and a person in a sentence', async () => {
    server.server.setAccount('alice', 'another');
    const ended = await start({ argv: ['--json'] }).ended;
    expect(ended.code).toBe(1);
    const error = objects(ended).at(-1)!;
    expect(error).toEqual({
      event: 'error',
      name: 'SaslError',
      layer: 'sasl',
      condition: 'not-authorized',
      phase: 'sasl',
      retryable: false,
      text: 'the server refused SCRAM-SHA-512',
      sentence: ended.stderr.slice('rxmpp: '.length, -1),
      exitCode: 1,
    });
    expect(ended.stdout).not.toContain(PASSWORD);
  });

  it('tells wrong usage', async () => {
    const ended = await command.run(['--json', '--jid', '@']).ended;
    expect(ended.code).toBe(2);
    expect(objects(ended)).toMatchObject([{ event: 'error', layer: 'usage', condition: 'bad-usage', exitCode: 2 }]);
    expect(ended.stderr).toMatch(/^rxmpp: --jid .*\n$/);
  });

  it('tells what may not have arrived', async () => {
    server.server.fault({ at: 'ack', do: 'drop' });
    server.server.fault({ at: 'online', do: 'drop' });
    const run = start({ argv: ['--to', 'bob@localhost', '--json'] });
    await run.prints('"kind":"online"');
    run.write('hello\n');
    await run.prints('"state":"written"');
    server.server.disconnect('alice@localhost', 'conflict');
    const ended = await run.ended;
    expect(ended.code).toBe(1);
    expect(objects(ended)).toContainEqual(
      expect.objectContaining({
        ...{ event: 'undelivered', to: 'bob@localhost' },
        error: expect.objectContaining({ layer: 'stanza', condition: 'delivery-unknown' }) as unknown,
      }),
    );
  });
});
