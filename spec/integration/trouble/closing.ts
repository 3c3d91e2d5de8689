import { connect } from 'node:net';
import { Subscription } from 'rxjs';
import { xml, xmppClient, xmppStream, type Session, type TraceEvent, type XmppOptions } from '../../../lib/index.js';
import { tcp } from '../../../lib/node.js';
import type { RealServer } from '../../servers/index.js';
import { watch } from '../../support/watch.js';
import { attempt, close, disconnectAll, optionsFor, overDirectTls, overStartTls, soon } from '../support/attempt.js';
import { answering } from '../support/presence.js';
import { expectResources, quietResources } from '../support/resources.js';
import type { Topic } from '../support/topic.js';

const FOOTER = '</stream:stream>';

/** Without TLS, so that one can listen: what goes over the wire, as Latin-1. */
function overheard({ host, ports }: RealServer) {
  const wire = { sent: '', received: '' };
  const duplex = () => {
    const socket = connect({ host, port: ports.c2s, allowHalfOpen: true });
    const latin1 = (chunk: unknown) => Buffer.from(chunk as Uint8Array).toString('latin1');
    const write = socket.write.bind(socket) as (...args: unknown[]) => boolean;
    const emit = socket.emit.bind(socket) as (...args: unknown[]) => boolean;
    return Object.assign(socket, {
      write: (...args: unknown[]) => {
        wire.sent += latin1(args[0]);
        return write(...args);
      },
      emit: (...args: unknown[]) => {
        if (args[0] === 'data') wire.received += latin1(args[1]);
        return emit(...args);
      },
    });
  };
  return { wire, options: { transport: tcp({ duplex }), tls: 'disabled' } as const };
}

/** At which moments an attempt is left: in the very midst of an event, and a turn of the event loop later. */
const MOMENTS = ['in the midst of', 'a turn after'] as const;

const turn = () => new Promise((turned) => setImmediate(turned));

/** Calls `leave` at the event with this index; resolves once that is done, or with the events where there are fewer. */
function leftAt(index: number, moment: (typeof MOMENTS)[number]) {
  const events: string[] = [];
  let reached!: () => void;
  const left = new Promise<void>((resolve) => (reached = resolve));
  const see = ({ type }: TraceEvent, leave: () => void) => {
    events.push(type);
    if (events.length !== index + 1) return;
    if (moment === 'in the midst of') leave();
    void turn().then(() => {
      leave();
      reached();
    });
  };
  return { events, left, see };
}

/** What is let go of, and what is closed: nothing is left, and nothing is lost. */
export const closing: Topic = {
  title: 'the end',
  needs: () => ({ users: { observer: 'of all' } }),
  specs: (_name, running) => {
    let server: RealServer;
    beforeAll(() => void (server = running()));
    afterEach(disconnectAll);

    const ways = { STARTTLS: overStartTls, 'direct TLS': overDirectTls } as const;

    /** The events of an attempt that nobody disturbs, up to online. */
    async function undisturbed(options: XmppOptions): Promise<readonly string[]> {
      const made = attempt(options);
      const session = await made.online();
      const events = made.trace.map(({ type }) => type);
      await close(session);
      return events;
    }

    /** Nobody is online by these resources. */
    async function expectNobody(resourcesTaken: readonly string[]): Promise<void> {
      const observer = await attempt(optionsFor(server, 'observer')).online();
      expect(
        await answering(
          observer,
          resourcesTaken.map((resource) => `alice@localhost/${resource}`),
        ),
      ).toEqual([]);
      await close(observer);
    }

    it.each(['STARTTLS', 'direct TLS'] as const)(
      'an attempt over %s that is let go of leaves nothing behind, whatever it is doing (T10, I2)',
      async (way) => {
        const events = await undisturbed(optionsFor(server, 'alice', { transport: ways[way](server) }));
        const baseline = await quietResources();
        const taken: string[] = [];
        for (const moment of MOMENTS) {
          for (const [index, type] of events.entries()) {
            const resource = `${way} ${moment} ${index}`;
            taken.push(resource);
            const { events: told, left, see } = leftAt(index, moment);
            // An event may come while subscribing.
            const subscription = new Subscription();
            const leave = () => subscription.unsubscribe();
            const options = { resource, transport: ways[way](server), trace: (event: TraceEvent) => see(event, leave) };
            subscription.add(xmppStream(optionsFor(server, 'alice', options)).subscribe());
            await soon(left, type, () => told.join(' '));
            expect([moment, type, told.slice(0, index + 1)]).toEqual([moment, type, events.slice(0, index + 1)]);
            expect(told.filter((event) => event === 'cancelled')).toHaveLength(1);
            expect(told.at(-1)).toBe('cancelled');
            await expectResources(baseline);
            expect(told.at(-1)).toBe('cancelled');
          }
        }
        await expectNobody(taken);
        await expectResources(baseline);
      },
    );

    it('a client that is closed leaves nothing behind, whatever it is doing', async () => {
      const events = await undisturbed(optionsFor(server, 'alice'));
      const baseline = await quietResources();
      const taken: string[] = [];
      for (const moment of MOMENTS) {
        for (const [index, type] of events.entries()) {
          const resource = `${moment} ${index}`;
          taken.push(resource);
          const client = xmppClient(optionsFor(server, 'alice', { resource }));
          const { left, see } = leftAt(index, moment);
          const closings: ReturnType<typeof watch>[] = [];
          const watched = client.trace$.subscribe((event) => see(event, () => closings.push(watch(client.close()))));
          const made = watch(client.session$);
          await soon(left, type);
          await soon(Promise.all([made.ended, ...closings.map(({ ended }) => ended)]), 'the end');
          expect([type, made.log.at(-1), ...closings.map(({ log }) => log.join())]).toEqual([
            type,
            'complete',
            ...closings.map(() => 'complete'),
          ]);
          watched.unsubscribe();
          await expectResources(baseline);
        }
      }
      await expectNobody(taken);
      await expectResources(baseline);
    });

    describe('a session', () => {
      const BODIES = Array.from({ length: 200 }, (_, index) => `body ${index} \u{1f98a}`);

      /** Bob, who notes what he gets, and tells when it is all there. */
      async function listening(bodies: readonly string[]) {
        const bob = await attempt(optionsFor(server, 'bob', { resource: 'desk' })).online();
        const got: (string | undefined)[] = [];
        const all = new Promise<void>((resolve) => {
          bob.message$.subscribe((message) => {
            got.push(message.child('body')?.text());
            if (got.length === bodies.length) resolve();
          });
        });
        return { bob, got, all: () => soon(all, 'all messages', () => `${got.length} came`) };
      }
      const sayTo = (session: Session, bodies: readonly string[]) => {
        for (const body of bodies) {
          // An archive would be what takes time.
          const hint = xml('no-store', { xmlns: 'urn:xmpp:hints' });
          session.send(xml('message', { to: 'bob@localhost/desk', type: 'chat' }, xml('body', {}, body), hint));
        }
      };

      it('that is closed in mid-speech says all that it was given, then the footer, and hears the other one', async () => {
        const baseline = await quietResources();
        const { bob, got, all } = await listening(BODIES);
        const { wire, options } = overheard(server);
        // The bound never strikes: it ends because the server has closed the stream too.
        const made = attempt(optionsFor(server, 'alice', { ...options, timeouts: { close: Infinity } }));
        const session = await made.online();
        sayTo(session, BODIES);
        const closing = close(session);
        expect(() => session.send(xml('presence'))).toThrow('session-lost');
        await closing;
        await made.ended();
        expect(made.log).toEqual(['next', 'complete']);
        expect(made.events.slice(-3)).toEqual(['online', 'closing', 'closed']);
        await all();
        expect(got).toEqual(BODIES);
        const lastBody = wire.sent.lastIndexOf('</message>');
        expect(wire.sent.indexOf(FOOTER)).toBeGreaterThan(lastBody);
        expect(wire.sent.endsWith(FOOTER)).toBe(true);
        expect(wire.received.trimEnd().endsWith(FOOTER)).toBe(true);
        await close(bob);
        await expectResources(baseline);
      });

      it.each(['STARTTLS', 'direct TLS'] as const)('over %s too', async (way) => {
        const baseline = await quietResources();
        const { bob, got, all } = await listening(BODIES);
        const options = { transport: ways[way](server), timeouts: { close: Infinity } };
        const made = attempt(optionsFor(server, 'alice', options));
        const session = await made.online();
        sayTo(session, BODIES);
        await close(session);
        await made.ended();
        expect(made.log).toEqual(['next', 'complete']);
        await all();
        expect(got).toEqual(BODIES);
        await close(bob);
        await expectResources(baseline);
      });

      /** Few stanzas, so that the server has read them within the bound, and more octets than it reads at once. */
      const LONG = Array.from({ length: 12 }, (_, index) => `${index} ${'long '.repeat(1_200)}`);

      it('that is let go of in mid-speech has said all that it was given, and the footer', async () => {
        const baseline = await quietResources();
        const { bob, got, all } = await listening(LONG);
        const { wire, options } = overheard(server);
        const made = attempt(optionsFor(server, 'alice', options));
        sayTo(await made.online(), LONG);
        made.unsubscribe();
        expect(made.events.at(-1)).toBe('cancelled');
        await all();
        expect(got).toEqual(LONG);
        await close(bob);
        await expectResources(baseline);
        expect(wire.sent.endsWith(FOOTER)).toBe(true);
        expect(made.events.at(-1)).toBe('cancelled');
      });

      it('that is closed while it is being told hears what comes until the footer, and not after', async () => {
        const bob = await attempt(optionsFor(server, 'bob', { resource: 'desk' })).online();
        const made = attempt(optionsFor(server, 'alice', { resource: 'home', timeouts: { close: Infinity } }));
        const session = await made.online();
        const heard: string[] = [];
        let ended = false;
        const closing = new Promise<void>((resolve) => {
          session.message$.subscribe({
            next: (message) => {
              heard.push(message.child('body')?.text() ?? '');
              if (heard.length === 1) resolve(close(session));
            },
            complete: () => (ended = true),
          });
        });
        for (const body of BODIES) {
          bob.send(xml('message', { to: 'alice@localhost/home', type: 'chat' }, xml('body', {}, body)));
        }
        await soon(closing, 'the end of close()');
        await made.ended();
        expect(made.log).toEqual(['next', 'complete']);
        expect(ended).toBe(true);
        expect(heard).toEqual(BODIES.slice(0, heard.length));
      });

      it('a server that is frozen does not keep it: neither what is closed nor what is let go of', async () => {
        const baseline = await quietResources();
        const closed = attempt(optionsFor(server, 'alice', { timeouts: { close: 300 } }));
        const left = attempt(optionsFor(server, 'bob'));
        const [one, two] = await Promise.all([closed.online(), left.online()]);
        // Much more than the kernel takes for somebody who does not read.
        const heavy = xml('message', { to: 'observer@localhost' }, xml('body', {}, 'x'.repeat(400_000)));
        server.freeze();
        try {
          for (const session of [one, two]) for (let count = 0; count < 40; count++) session.send(heavy);
          const closing = watch(one.close());
          left.unsubscribe();
          await soon(Promise.all([closing.ended, closed.ended()]), 'the end');
          expect(closed.log).toEqual(['next', 'complete']);
          expect([closed.events.at(-1), left.events.at(-1)]).toEqual(['closed', 'cancelled']);
          await expectResources(baseline);
        } finally {
          server.thaw();
        }
      });
    });
  },
};
