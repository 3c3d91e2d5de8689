import { firstValueFrom, take, toArray } from 'rxjs';
import { xmppStream } from '../../../lib/client/xmpp-stream.js';
import type { Session } from '../../../lib/session/session.js';
import { tcp } from '../../../lib/transport/node/index.js';
import { xml } from '../../../lib/xml/index.js';
import { builtCommand, type BuiltCommand, type RunningCommand } from '../../cli/support/command.js';
import type { RealServer } from '../../servers/index.js';
import { watch, type Watch } from '../../support/watch.js';
import type { Topic } from '../support/topic.js';

const UNICODE = 'Grüße 你好 👩‍🚀 – <b> & "quotes" \u0301e';

/** `rxmpp` as its users call it. */
export const command: Topic = {
  title: 'the command',
  specs: (_name, running) => {
    let command: BuiltCommand;
    let server: RealServer;
    beforeAll(() => {
      command = builtCommand();
      server = running();
    });
    afterAll(() => command?.killAll());

    /** Calls the command as alice, who knows her password. */
    function alice(argv: readonly string[], { direct = false, input }: { direct?: boolean; input?: string } = {}) {
      const where = direct
        ? ['--port', String(server.ports.tls), '--direct-tls']
        : ['--port', String(server.ports.c2s)];
      return command.run(['--host', server.host, ...where, ...argv], {
        env: { XMPP_PASSWORD: server.users['alice']! },
        input,
      });
    }
    const account = () => ['--jid', `alice@${server.domain}`, '--ca', server.caFile];

    async function bob(): Promise<Watch<Session>> {
      const watched = watch(
        xmppStream({
          jid: `bob@${server.domain}`,
          credentials: { password: server.users['bob']! },
          transport: tcp({ host: server.host, port: server.ports.c2s, tls: { ca: server.ca } }),
        }),
      );
      (await watched.first).send(xml('presence'));
      return watched;
    }

    const expectGood = async (run: RunningCommand) => {
      const ended = await run.ended;
      expect({ code: ended.code, stderr: ended.stderr }).toEqual({ code: 0, stderr: '' });
      expect(ended.stdout).not.toContain(server.users['alice']);
      expect(ended.stdout).toMatch(/ closing\n(.*\n)*#1 +\d+ ms {2}closed\n$/);
      return ended;
    };

    it.each([
      ['STARTTLS', false],
      ['direct TLS', true],
    ])('talks to another over %s, both ways, and ends with its input', async (_, direct) => {
      const other = await bob();
      try {
        const session = await other.first;
        const received = firstValueFrom(session.message$.pipe(take(2), toArray()));
        const run = alice([...account(), '--to', `bob@${server.domain}`], { direct });
        await run.prints('  online  ');
        run.write(`${UNICODE}\nsecond\n`);
        await run.prints('second"  acked');
        // The server has taken them over; that they have arrived is another matter.
        const messages = await received;
        expect(messages.map((message) => message.child('body')?.text())).toEqual([UNICODE, 'second']);
        const from = messages[0]!.attrs.from!;
        session.send(xml('message', { to: from, type: 'chat' }, xml('body', null, UNICODE)));
        await run.prints(`<- message chat from ${session.jid.toString()}  ${JSON.stringify(UNICODE)}`);
        run.end();
        const { stdout } = await expectGood(run);
        expect(stdout).toMatch(/secured +TLSv1\.3/);
        expect(stdout).toMatch(/authenticated +SCRAM-SHA-1/);
      } finally {
        other.unsubscribe();
      }
    });

    it('closes the stream on Ctrl-C', async () => {
      const run = alice(account());
      await run.prints('  online  ');
      run.signal('SIGINT');
      await expectGood(run);
    });

    it('needs no account where the server asks for none', async () => {
      const run = alice(['--anonymous', server.anonymousDomain, '--ca', server.caFile], { input: '' });
      expect((await expectGood(run)).stdout).toContain('ANONYMOUS');
    });

    it('names what is wrong', async () => {
      const trusting = { JID: `alice@${server.domain}`, ca: ['--ca', server.caFile] };
      for (const [argv, password, sentence] of [
        [
          ['--jid', trusting.JID, ...trusting.ca],
          'wrong',
          /^rxmpp: failed in phase sasl \(not-authorized\): .*are user name and password right/,
        ],
        [['--jid', trusting.JID], 'x', /^rxmpp: failed in phase tls \(untrusted-certificate\): .*--ca FILE\n$/],
        [
          ['--jid', 'alice@elsewhere.test', ...trusting.ca],
          'x',
          /^rxmpp: failed in phase (tls|open|features|starttls) \((wrong-identity|host-unknown)\): .*domain/,
        ],
      ] as const) {
        const { code, stderr } = await command.run(
          ['--host', server.host, '--port', String(server.ports.c2s), ...argv],
          { env: { XMPP_PASSWORD: password }, input: '' },
        ).ended;
        expect(stderr).toMatch(sentence);
        expect(stderr.split('\n')).toHaveLength(2);
        expect(code).toBe(1);
      }
    });

    it('comes back when the server does', async () => {
      const run = alice([...account(), '--to', `alice@${server.domain}`]);
      await run.prints('  online  ');
      await server.kill9();
      await run.prints('for the next attempt');
      await server.restart();
      await run.prints('#2');
      run.write('back again\n');
      await run.prints('<- message chat');
      run.end();
      const { code, stdout } = await run.ended;
      expect(code).toBe(0);
      expect(stdout).toContain('"back again"  acked');
    });
  },
};
