import { PassThrough } from 'node:stream';
import { hiddenPrompt, type Answer } from '../../lib/cli/hidden-prompt.js';
import { startServerAsync, type RunningServer } from '../../lib/testing/node/start-server.js';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runInProcess } from './support/in-process.js';

function ask() {
  const rawModes: boolean[] = [];
  const input = Object.assign(new PassThrough(), { isTTY: true, setRawMode: (raw: boolean) => rawModes.push(raw) });
  const output = new PassThrough().setEncoding('utf8');
  let shown = '';
  output.on('data', (text: string) => (shown += text));
  const told: (Answer | 'complete')[] = [];
  const subscription = hiddenPrompt(input, output, 'Password: ').subscribe({
    next: (answer) => told.push(answer),
    complete: () => told.push('complete'),
  });
  return { input, output, told, rawModes, subscription, shown: () => shown };
}

/** Streams hand on what was written in later turns. */
const settled = async () => {
  for (let i = 0; i < 5; i++) await new Promise(setImmediate);
};

const text = (typed: string): Answer => ({ kind: 'text', text: typed });

describe('hiddenPrompt', () => {
  it.each<[string, (string | Buffer)[], Answer]>([
    ['what is typed', ['secret\r'], text('secret')],
    ['line feeds', ['secret\n'], text('secret')],
    ['nothing', ['\r'], text('')],
    ['characters one by one', ['s', 'e', 'c', '\r'], text('sec')],
    ['spaces, also at the ends', [' a b \r'], text(' a b ')],
    ['backspace', ['sex\x7fcret\b\bet\r'], text('secret')],
    ['backspace at the beginning', ['\x7f\x7fa\r'], text('a')],
    ['a whole character taken back', ['a👩\x7fb\r'], text('ab')],
    ['Ctrl-U', ['wrong\x15right\r'], text('right')],
    ['arrow keys, dropped', ['a\x1b[Db\x1b[1;5Cc\x1bOAd\r'], text('abcd')],
    ['other controls, dropped', ['a\x01\x0b\tb\r'], text('ab')],
    ['Ctrl-D behind something, dropped', ['a\x04b\r'], text('ab')],
    ['UTF-8 in pieces', [...Buffer.from('pä👩\r')].map((byte) => Buffer.of(byte)), text('pä👩')],
    ['Ctrl-C', ['sec\x03'], { kind: 'interrupted' }],
    ['Ctrl-D on an empty line', ['\x04'], { kind: 'interrupted' }],
  ])('takes %s', async (_, chunks, answer) => {
    const { input, told, rawModes, shown } = ask();
    for (const chunk of chunks) {
      input.write(chunk);
      await settled();
    }
    expect(told).toEqual([answer, 'complete']);
    expect(rawModes).toEqual([true, false]);
    expect(shown()).toBe('Password: \n');
    expect(input.isPaused()).toBe(true);
    expect(['data', 'end'].map((event) => input.listenerCount(event))).toEqual([0, 0]);
  });

  it('stops the echo before it asks, and shows nothing after', () => {
    const order: string[] = [];
    const input = Object.assign(new PassThrough(), { setRawMode: (raw: boolean) => order.push(`raw ${raw}`) });
    const output = new PassThrough();
    output.write = (text: string) => order.push(text) > 0;
    hiddenPrompt(input, output, 'Password: ').subscribe().unsubscribe();
    expect(order).toEqual(['raw true', 'Password: ', 'raw false', '\n']);
  });

  it('is interrupted by the end of the input', async () => {
    const { input, told, rawModes } = ask();
    input.end();
    await settled();
    expect(told).toEqual([{ kind: 'interrupted' }, 'complete']);
    expect(rawModes).toEqual([true, false]);
  });

  it.each([
    ['fails', (input: PassThrough) => void input.destroy(new Error('EIO'))],
    ['is gone', (input: PassThrough) => void input.destroy()],
  ])('is interrupted where the terminal %s', async (_, leave) => {
    const { input, told, rawModes } = ask();
    leave(input);
    await settled();
    expect(told).toEqual([{ kind: 'interrupted' }, 'complete']);
    expect(rawModes).toEqual([true, false]);
  });

  it('leaves what was typed ahead to the next reader', async () => {
    const { input, told } = ask();
    input.write('secret\rhello\n');
    await settled();
    expect(told).toEqual([text('secret'), 'complete']);
    expect(String(input.read())).toBe('hello\n');
  });

  it('gives the terminal back when it is let go', async () => {
    const { input, told, rawModes, subscription, shown } = ask();
    input.write('sec');
    await settled();
    subscription.unsubscribe();
    await settled();
    expect({ told, rawModes, shown: shown() }).toEqual({ told: [], rawModes: [true, false], shown: 'Password: \n' });
    expect(input.listenerCount('data')).toBe(0);
  });
});

describe('the command on a terminal', () => {
  const PASSWORD = 'correct horse';
  let server: RunningServer;
  let folder: string;
  let argv: string[];
  beforeAll(async () => {
    server = await startServerAsync({ accounts: { alice: PASSWORD } });
    folder = mkdtempSync(join(tmpdir(), 'rxmpp-cli-'));
    writeFileSync(join(folder, 'ca.pem'), server.ca);
    argv = ['--jid', 'alice@localhost', '--host', server.host, '--port', String(server.port)];
    argv.push('--ca', join(folder, 'ca.pem'), '--to', 'echo@localhost');
  });
  afterAll(async () => {
    await server.close();
    rmSync(folder, { recursive: true });
  });

  it('asks for the password, does not show it, and goes on with what follows', async () => {
    const command = runInProcess(argv, { tty: true });
    command.stdin.write(`${PASSWORD}\rhello\n`);
    command.stdin.end();
    expect(await command.exit).toBe(0);
    expect(command.stdin.rawModes).toEqual([true, false]);
    expect(command.stderr).toBe('Password of alice@localhost: \n');
    expect(command.stdout).toContain('-> message to echo@localhost  "hello"');
    expect(command.stdout + command.stderr).not.toContain(PASSWORD);
    expect(command.observed).toBe(false);
  });

  it('uses colours, unless told not to', async () => {
    const looks = await Promise.all(
      [
        { argv, env: {}, tty: true },
        { argv: [...argv, '--no-color'], env: {}, tty: true },
        { argv, env: { NO_COLOR: '1' }, tty: true },
        { argv, env: { TERM: 'dumb' }, tty: true },
        { argv, env: {}, tty: false },
      ].map(async ({ argv: args, env, tty }) => {
        const command = runInProcess(args, { env: { ...env, XMPP_PASSWORD: PASSWORD }, tty });
        command.stdin.end();
        expect(await command.exit).toBe(0);
        return command.stdout.includes('\x1b[');
      }),
    );
    expect(looks).toEqual([true, false, false, false, false]);
  });

  it('does not ask where the environment has it', async () => {
    const command = runInProcess(argv, { tty: true, env: { XMPP_PASSWORD: PASSWORD } });
    command.stdin.end();
    expect(await command.exit).toBe(0);
    expect(command.stdin.rawModes).toEqual([]);
    expect(command.stderr).toBe('');
  });

  it.each([
    ['Ctrl-C', (command: ReturnType<typeof runInProcess>) => command.stdin.write('cor\x03'), 130],
    ['SIGTERM', (command: ReturnType<typeof runInProcess>) => command.signal('SIGTERM'), 143],
  ] as const)('can be left by %s while it asks', async (_, leave, code) => {
    const accepted = server.server.accepted;
    const command = runInProcess(argv, { tty: true });
    leave(command);
    expect(await command.exit).toBe(code);
    expect(command.stdin.rawModes).toEqual([true, false]);
    expect(command.stdout).toBe('');
    expect(server.server.accepted).toBe(accepted);
    expect(command.observed).toBe(false);
  });

  it('can be left as soon as it asks', async () => {
    const command = runInProcess(argv, { tty: true });
    expect(command.observed).toBe(true);
    command.signal('SIGINT');
    expect(await command.exit).toBe(130);
  });

  it('takes nothing for a missing password', async () => {
    const command = runInProcess(argv, { tty: true });
    command.stdin.write('\r');
    expect(await command.exit).toBe(2);
    expect(command.stderr).toMatch(/^Password of alice@localhost: \nrxmpp: there is no password; .*\n$/);
  });

  it('releases everything when it is let go', async () => {
    const command = runInProcess(argv, { env: { XMPP_PASSWORD: PASSWORD } });
    expect(command.observed).toBe(true);
    command.stop();
    expect(command.observed).toBe(false);
    expect(command.codes).toEqual([]);
    expect(command.stdin.listenerCount('data')).toBe(0);
  });
});

it.each([
  ['--help', /^rxmpp: an XMPP client.*\n[^]*--jid JID[^]*Exit code/],
  ['--version', /^1\.2\.3\n$/],
])('%s is answered, and that is all', async (option, expected) => {
  const command = runInProcess([option]);
  expect(await command.exit).toBe(0);
  expect(command.stdout).toMatch(expected);
  expect(command.stderr).toBe('');
});
