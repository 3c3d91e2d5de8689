import { dirname, join } from 'node:path';
import { inspect } from 'node:util';
import { xmppClient, type TraceEvent, type XmppError, type XmppStatus } from '../../../lib/index.js';
import { createAuthority, freePorts, type RealServer } from '../../servers/index.js';
import { watch } from '../../support/watch.js';
import { attempt, disconnectAll, optionsFor, overDirectTls, overStartTls, soon } from '../support/attempt.js';
import { mechanismsIn, overTcp, overTls } from '../support/features.js';
import type { Topic } from '../support/topic.js';
import { wiretap } from '../support/wiretap.js';

const FIRST_COME = { prosody: 'conflict_resolve = "kick_new"', ejabberd: 'resource_conflict: closenew' };
const ALICE = { users: { alice: 'wonder' } };

/** What is refused, and what ends against the will of the one who uses it. */
export const failure: Topic = {
  title: 'failure',
  needs: (name) => ({
    hosts: {
      'first-come.test': { ...ALICE, config: FIRST_COME[name] },
      'unnamed.test': { ...ALICE, certificateHosts: ['*.unnamed.test'] },
    },
  }),
  specs: (_name, running) => {
    let server: RealServer;
    beforeAll(() => void (server = running()));
    afterEach(disconnectAll);

    describe('an attempt', () => {
      const ways = () => [overStartTls(server), overDirectTls(server)];

      it('fails with a wrong password, an unknown user, and says nothing of the password', async () => {
        for (const [user, password] of [
          ['alice', 'Wonder-not-this'],
          ['nobody', 'Wonder-not-this'],
        ] as const) {
          for (const transport of ways()) {
            const made = attempt(optionsFor(server, user, { credentials: { password }, transport }));
            const error = await made.failure();
            expect(error).toMatchObject({
              ...{ name: 'SaslError', layer: 'sasl', condition: 'not-authorized', phase: 'sasl', retryable: false },
              mechanism: 'SCRAM-SHA-1',
            });
            expect(made.events.at(-1)).toBe('failed');
            expect(made.events).not.toContain('authenticated SCRAM-SHA-1');
            expect(inspect([made.trace, error], { depth: 9 }) + JSON.stringify(error)).not.toContain(password);
          }
        }
      });

      it('with a wrong password is not made again by a client', async () => {
        const trace: TraceEvent[] = [];
        const statuses: XmppStatus[] = [];
        const client = xmppClient({
          ...optionsFor(server, 'alice', { credentials: { password: 'wrong' } }),
          // Any retry would come at once.
          reconnect: { backoff: () => 0 },
        });
        client.trace$.subscribe((event) => trace.push(event));
        client.status$.subscribe((status) => statuses.push(status));
        const watched = watch(client.session$);
        await soon(watched.ended, 'the end of the client');
        expect(watched.error).toMatchObject({ layer: 'sasl', condition: 'not-authorized' });
        expect(new Set(trace.map(({ attempt }) => attempt))).toEqual(new Set([1]));
        expect(statuses.at(-1)).toEqual({ kind: 'offline', error: watched.error });
        expect(statuses.map(({ kind }) => kind)).not.toContain('waiting');
      });

      it('fails where the certificate is of an authority that is not trusted', async () => {
        for (const transport of [
          overStartTls(server, { tls: {} }),
          overDirectTls(server, { tls: {} }),
          overStartTls(server, { tls: { ca: strangersCa(server) } }),
          overDirectTls(server, { tls: { ca: strangersCa(server) } }),
        ]) {
          const made = attempt(optionsFor(server, 'alice', { transport }));
          expect(await made.failure()).toMatchObject({
            ...{ name: 'TlsError', layer: 'tls', condition: 'untrusted-certificate', phase: 'tls', retryable: false },
          });
          expect(made.events.filter((event) => event !== 'target-failed').slice(-2)).toEqual(['securing', 'failed']);
        }
      });

      it('fails where the certificate is for another host', async () => {
        const unnamed = server.at('unnamed.test');
        for (const transport of [overStartTls(unnamed), overDirectTls(unnamed)]) {
          const made = attempt(optionsFor(unnamed, 'alice', { transport }));
          const error = await made.failure();
          expect(error).toMatchObject({
            ...{ name: 'TlsError', layer: 'tls', condition: 'wrong-identity', phase: 'tls', retryable: false },
          });
          expect(error.text).toContain('*.unnamed.test');
          expect(made.events.filter((event) => event !== 'target-failed').slice(-2)).toEqual(['securing', 'failed']);
        }
      });

      it('fails where nobody listens', async () => {
        const [port] = await freePorts(1);
        for (const transport of [overStartTls(server, { port }), overDirectTls(server, { port })]) {
          const made = attempt(optionsFor(server, 'alice', { transport }));
          expect(await made.failure()).toMatchObject({
            ...{ name: 'TransportError', layer: 'transport', condition: 'connection-refused', phase: 'connect' },
            retryable: true,
          });
        }
      });

      it('fails on the port of a web server, which waits for the rest of a request', async () => {
        const { http, https } = server.ports;
        const options = { timeouts: { tls: 500, open: 500 } };
        for (const transport of [overStartTls(server, { port: http }), overDirectTls(server, { port: https })]) {
          expect(await attempt(optionsFor(server, 'alice', { transport, ...options })).failure()).toMatchObject({
            ...{ name: 'XmppTimeoutError', condition: 'timeout', phase: 'open', due: 500 },
          });
        }
        const transport = overDirectTls(server, { port: http });
        expect(await attempt(optionsFor(server, 'alice', { transport, ...options })).failure()).toMatchObject({
          ...{ phase: 'tls', text: expect.stringContaining('does it speak TLS on this port?') },
        });
      });

      it('fails where direct TLS meets the port of STARTTLS, and the other way round', async () => {
        const { c2s, tls } = server.ports;
        const direct = attempt(optionsFor(server, 'alice', { transport: overDirectTls(server, { port: c2s }) }));
        expect(await direct.failure()).toMatchObject({ layer: 'tls', condition: 'handshake-failed', phase: 'tls' });

        const starttls = attempt(
          optionsFor(server, 'alice', { transport: overStartTls(server, { port: tls }), timeouts: { open: 500 } }),
        );
        const error = await starttls.failure();
        expect([error.layer, error.phase]).toEqual([expect.stringMatching(/^(transport|stream|timeout)$/), 'open']);
      });

      it('fails where the server does not know the domain', async () => {
        const made = attempt(optionsFor(server, 'alice', { jid: 'alice@elsewhere.test' }));
        expect(await made.failure()).toMatchObject({
          ...{ name: 'StreamError', layer: 'stream', condition: 'host-unknown', origin: 'remote', retryable: false },
        });
        expect(made.events).not.toContain('securing');
        // Over direct TLS the certificate tells before the server does.
        const direct = attempt(
          optionsFor(server, 'alice', { jid: 'alice@elsewhere.test', transport: overDirectTls(server) }),
        );
        expect((await direct.failure()).layer).toBe('tls');
      });

      it('uses TLS that is optional, unless it is disabled', async () => {
        for (const tls of ['required', 'preferred', 'disabled'] as const) {
          const made = attempt(optionsFor(server, 'alice', { tls }));
          await made.online();
          expect(made.events.filter((event) => event === 'secured')).toHaveLength(tls === 'disabled' ? 0 : 1);
        }
      });

      it('tells nobody who is asked for before TLS', async () => {
        const tap = await wiretap({ host: server.host, port: server.ports.c2s });
        await attempt(optionsFor(server, 'alice', { transport: overStartTls(server, { port: tap.port }) })).online();
        const clear = tap.sent.slice(0, tap.sent.indexOf('<starttls'));
        expect(clear).toMatch(/<stream:stream [^>]*to=["']localhost["'][^>]*>$/);
        expect(clear).not.toContain('alice');
        await tap.close();
      });
    });

    describe('a session', () => {
      it('ends with the server that was killed', async () => {
        const made = attempt(optionsFor(server, 'alice'));
        await made.online();
        const { pid, ports } = server;
        const [error] = await Promise.all([made.failure(), server.kill9()]);
        expect(error).toMatchObject({ name: 'TransportError', layer: 'transport', phase: 'online', retryable: true });
        expect(error.condition).toMatch(/^connection-(reset|closed)$/);
        expect(server.running).toBe(false);
        await expect(overTcp(server)).rejects.toMatchObject({ code: 'ECONNREFUSED' });

        // It comes back on its ports with the certificate that it had, as all others rely on.
        await server.restart();
        expect(server.running).toBe(true);
        expect(server.pid).not.toBe(pid);
        expect(server.ports).toEqual(ports);
        expect(mechanismsIn(await overTls(server))).toContain('SCRAM-SHA-1');
      });

      it('ends when the server gives no sign of life any more', async () => {
        const made = attempt(optionsFor(server, 'alice', { keepAlive: { idle: 200, timeout: 200 } }));
        await made.online();
        server.freeze();
        try {
          expect(await made.failure()).toMatchObject({
            ...{ name: 'XmppTimeoutError', layer: 'timeout', condition: 'timeout', phase: 'online', retryable: true },
          });
        } finally {
          server.thaw();
        }
      });

      it('lives on while the server answers', async () => {
        const made = attempt(optionsFor(server, 'alice', { keepAlive: { idle: 20, timeout: 5_000 } }));
        const session = await made.online();
        // Several probes and their answers.
        let previous = session.bytes.received;
        await soon(
          new Promise<void>((probed) => {
            let answers = 0;
            session.bytes$.subscribe(({ received }) => {
              if (received > previous && ++answers === 4) probed();
              previous = received;
            });
          }),
          'four answers',
        );
        expect(made.log).toEqual(['next']);
      });

      it('gives way to another one with the same resource, and a client does not fight for it', async () => {
        const client = xmppClient({
          ...optionsFor(server, 'alice', { resource: 'desk' }),
          reconnect: { backoff: () => 0 },
        });
        const attempts = new Set<number>();
        client.trace$.subscribe((event) => attempts.add(event.attempt));
        const watched = watch(client.session$);
        await soon(watched.first, 'a session');
        const second = attempt(optionsFor(server, 'alice', { resource: 'desk' }));
        const session = await second.online();
        expect(session.jid.resource).toBe('desk');
        await soon(watched.ended, 'the end of the first');
        expect(watched.error).toMatchObject({
          ...{ name: 'StreamError', condition: 'conflict', origin: 'remote', phase: 'online', retryable: false },
        });
        expect(attempts).toEqual(new Set([1]));
        expect(second.log).toEqual(['next']);
      });

      it('is not given where the server lets the old one keep the resource', async () => {
        const options = optionsFor(server.at('first-come.test'), 'alice', { resource: 'desk' });
        const first = attempt(options);
        await first.online();
        const error: XmppError = await attempt(options).failure();
        expect(error).toMatchObject({ condition: 'conflict', phase: 'bind', retryable: false });
        expect(first.log).toEqual(['next']);
      });
    });
  },
};

function strangersCa(server: RealServer): string {
  return createAuthority(join(dirname(server.caFile), 'strangers')).ca;
}
