import { demo } from '../../lib/cli/demo/demo.js';
import { DemoError } from '../../lib/cli/demo/demo-error.js';
import { ACCOUNTS } from '../../lib/cli/demo/stage.js';
import { JsonReporter } from '../../lib/cli/report/json-reporter.js';
import type { StartServerOptions } from '../../lib/testing/node/start-server.js';
import { watch } from '../support/watch.js';
import { builtCommand, type BuiltCommand } from './support/command.js';

const SECRETS = Object.values(ACCOUNTS).flatMap((secret) => [secret, Buffer.from(secret).toString('base64')]);

interface Told {
  readonly event: string;
  readonly [field: string]: unknown;
}

/** Plays it within this process. */
async function play(options?: StartServerOptions) {
  const told: Told[] = [];
  const reporter = new JsonReporter(
    (line) => told.push(JSON.parse(line) as Told),
    () => undefined,
  );
  const played = watch(demo(reporter, options));
  await played.ended;
  return { told, codes: played.values, error: played.error };
}

describe('the demonstration', () => {
  let command: BuiltCommand;
  beforeAll(() => {
    command = builtCommand();
  }, 60_000);
  afterAll(() => command.killAll());

  it('needs nothing, holds what it claims, and ends by itself', async () => {
    const { code, signal, stdout, stderr } = await command.run([]).ended;
    expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: '' });
    expect(stdout.match(/^\d\. .*$/gm)).toEqual([
      '1. From a JID to a session',
      '2. Messages, both ways',
      '3. New options cancel a stale attempt',
      '4. A server that says nothing',
      '5. A link cut in mid-burst, and nothing lost',
      '6. Goodbye',
    ]);
    // Each event of the two who connect first, with its milliseconds.
    for (const name of ['alice', 'bob  ']) {
      for (const event of ['connecting', 'connected', 'secured', 'features', 'authenticated', 'bound', 'online']) {
        expect(stdout).toMatch(new RegExp(`^${name} #1 +\\d+ ms  ${event} `, 'm'));
      }
    }
    expect(stdout).toMatch(/^carol #1 +\d+ ms {2}cancelled +in phase sasl$/m);
    expect(stdout).toMatch(/^carol #2 +\d+ ms {2}online +carol@localhost\/tablet$/m);
    expect(stdout).toMatch(/^carol #1 +\d+ ms {2}failed +timeout in phase open$/m);
    expect(stdout).toMatch(/^alice #2 +\d+ ms {2}online +alice@localhost\/\w+ \(resumed\)$/m);
    expect(stdout.match(/0 lost, 0 twice, 0 out of order/g)).toHaveLength(2);
    expect(stdout).toMatch(/^bob +<- message chat from alice@localhost.*Grüße.*👩‍🚀"$/m);
    expect(stdout).toMatch(/\nAll 11 claims hold\. /);
    expect(stdout).not.toMatch(/FAIL|\x1b/);
    for (const secret of SECRETS) expect(stdout).not.toContain(secret);
    // One screen or two.
    expect(stdout.split('\n').length).toBeLessThan(120);
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(140);
  });

  it('speaks JSON', async () => {
    const { code, stdout, stderr } = await command.run(['--json']).ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const told = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Told);
    const checks = told.filter(({ event }) => event === 'check');
    expect(checks).toHaveLength(11);
    expect(checks.every(({ holds }) => holds === true)).toBe(true);
    expect(told.filter(({ event }) => event === 'trace').every(({ client }) => typeof client === 'string')).toBe(true);
    expect(told.at(-1)).toMatchObject({ event: 'conclusion' });
  });

  it('is left by Ctrl-C', async () => {
    const run = command.run([]);
    await run.prints('alice #1');
    run.signal('SIGINT');
    expect(await run.ended).toMatchObject({ code: 130, stderr: '' });
  });

  it('ends without a word when nobody reads on', async () => {
    const run = command.run([]);
    await run.prints('1. ');
    run.process.stdout!.destroy();
    expect(await run.ended).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('a demonstration that does not hold', () => {
  it.each<[string, StartServerOptions, RegExp]>([
    [
      'since another mechanism is used',
      { mechanisms: ['PLAIN'] },
      /^the scene "1\. From a JID to a session" was cut short: failed in phase sasl \(no-mechanism\)/,
    ],
    [
      'since nothing is acknowledged',
      { streamManagement: false },
      /^the scene "2\. Messages, both ways" does not hold what it claims: both arrived .* and are acknowledged$/,
    ],
    [
      'since the session cannot be resumed',
      { streamManagement: { resume: false } },
      /^the scene "5\. A link cut in mid-burst, and nothing lost" was cut short: .*delivery-unknown/,
    ],
    [
      'since there is no account',
      { accounts: {} },
      /^the scene "1\. From a JID to a session" was cut short: failed in phase sasl \(not-authorized\)/,
    ],
  ])(
    'says which, %s',
    async (_, options, message) => {
      const { error, codes, told } = await play(options);
      expect(error).toBeInstanceOf(DemoError);
      expect((error as DemoError).message).toMatch(message);
      expect(codes).toEqual([]);
      expect(told.some(({ event }) => event === 'conclusion')).toBe(false);
    },
    60_000,
  );
});
