import { filter, lastValueFrom, Subscription, take, toArray } from 'rxjs';
import { WebSocket } from 'ws';
import {
  backoff,
  oauthBearer,
  pipelining,
  plain,
  websocket,
  xml,
  xmppClient,
  xOauth2,
  type Session,
  type TokenSupplier,
  type TraceEvent,
  type WebSocketCtor,
  type XmppClientOptions,
} from '../../lib/index.js';
import { realServers, type RealServer } from '../servers/index.js';
import { describeWith } from '../support/needs.js';
import { watch } from '../support/watch.js';
import { show } from '../support/wire-run.js';
import {
  attempt,
  close,
  disconnectAll,
  first,
  optionsFor,
  overDirectTls,
  overStartTls,
  soon,
} from './support/attempt.js';
import { wiretap, type Wiretap } from './support/wiretap.js';

const servers = {
  prosody: {
    ...{ mechanism: 'OAUTHBEARER', make: oauthBearer, other: xOauth2 },
    messageOf: (token: string) => `n,a=alice@localhost,\x01auth=Bearer ${token}\x01\x01`,
    expired: 'credentials-expired',
    strangers: 'invalid-authzid',
  },
  ejabberd: {
    ...{ mechanism: 'X-OAUTH2', make: xOauth2, other: oauthBearer },
    messageOf: (token: string) => `\0alice\0${token}`,
    // It does not say why.
    expired: 'not-authorized',
    strangers: 'not-authorized',
  },
} as const;

const INVENTED = 'bm90LWEtdG9rZW4.1nvented';

for (const name of ['prosody', 'ejabberd'] as const) {
  const { mechanism, make, other, messageOf, expired, strangers } = servers[name];

  describeWith(name, () => {
    let server: RealServer;
    beforeAll(async () => {
      server = await realServers[name]({ oauth: true });
    });
    afterEach(disconnectAll);
    afterAll(() => server?.stop());

    /** The credentials of somebody who could come in by a password, and by PLAIN at that, if anything went down to it. */
    const credentialsOf = (user: string, supplier: TokenSupplier, how = make) => ({
      credentials: { password: server.users[user]!, allowPlain: true, mechanisms: [how(supplier)] },
    });
    /** A supplier that answers later, as one over HTTP does; `asked` is what it was told each time. */
    const supplierOf = (give: (refused: boolean) => string | Promise<string>) => {
      const asked: boolean[] = [];
      const supplier: TokenSupplier = async (refused) => {
        asked.push(refused);
        return give(refused);
      };
      return { asked, supplier };
    };
    const mechanismsOf = (events: readonly string[]) => events.filter((event) => event.startsWith('authenticat'));
    const tried = `authenticating ${mechanism}`;
    const accepted = `authenticated ${mechanism}`;
    const hidden = (token: string) => [token, messageOf(token), Buffer.from(messageOf(token)).toString('base64')];
    const message = (to: Session, text: string) =>
      xml('message', { to: to.jid.toString(), type: 'chat' }, xml('body', {}, text));
    const overWebSocket = () => {
      const { ca, ports } = server;
      const WebSocketCtor = class extends WebSocket {
        constructor(url: string, protocols: string[]) {
          super(url, protocols, { ca });
        }
      } as unknown as WebSocketCtor;
      return websocket({ url: `wss://localhost:${ports.https}/xmpp-websocket`, WebSocketCtor });
    };

    it.each([
      ['STARTTLS', () => overStartTls(server)],
      ['direct TLS', () => overDirectTls(server)],
      ['WebSocket', overWebSocket],
    ])(`${mechanism}: a token is the proof, over %s, and messages flow`, async (_, transport) => {
      const made = ['alice', 'bob'].map((user) => {
        const { asked, supplier } = supplierOf(() => server.tokens.issue(user));
        const options = optionsFor(server, user, { ...credentialsOf(user, supplier), transport: transport() });
        return { asked, ...options, made: attempt(options) };
      });
      const [alice, bob] = (await Promise.all(made.map((each) => each.made.online()))) as [Session, Session];
      expect(made.map(({ asked, made: { events } }) => [asked, mechanismsOf(events)])).toEqual([
        [[false], [tried, accepted]],
        [[false], [tried, accepted]],
      ]);
      for (const [from, to] of [
        [alice, bob],
        [bob, alice],
      ] as const) {
        const got = watch(to.message$.pipe(filter((stanza) => stanza.child('body') !== undefined)));
        const delivery = watch(from.deliver(message(to, `from ${from.jid.local}`)));
        expect((await soon(got.first, 'the message')).child('body')?.text()).toBe(`from ${from.jid.local}`);
        await soon(delivery.ended, 'the acknowledgement');
        expect(delivery.values.at(-1)?.state).toBe('acked');
      }
      await Promise.all([close(alice), close(bob)]);
    });

    it.each([
      ['has expired', () => server.tokens.issue('alice', 0)],
      [
        'was revoked',
        async () => {
          const token = await server.tokens.issue('alice');
          await server.tokens.revoke(token);
          return token;
        },
      ],
      ['nobody issued', () => INVENTED],
    ])(`${mechanism}: a token that %s is refreshed, once, on the same stream`, async (_, stale) => {
      const { asked, supplier } = supplierOf((refused) => (refused ? server.tokens.issue('alice') : stale()));
      const made = attempt(optionsFor(server, 'alice', credentialsOf('alice', supplier)));
      await close(await made.online());
      expect(asked).toEqual([false, true]);
      expect(mechanismsOf(made.events)).toEqual([tried, tried, accepted]);
      expect(made.events.filter((event) => event === 'connecting')).toHaveLength(1);
    });

    it.each([
      ['nobody issued', () => INVENTED, 'not-authorized'],
      ['have expired', () => server.tokens.issue('alice', 0), expired],
    ])(`${mechanism}: tokens that %s are an error, and stand in none`, async (_, stale, condition) => {
      const given: string[] = [];
      const { asked, supplier } = supplierOf(async () => {
        given.push(await stale());
        return given.at(-1)!;
      });
      const made = attempt(optionsFor(server, 'alice', credentialsOf('alice', supplier)));
      const error = await made.failure();
      expect(error).toMatchObject({
        ...{ name: 'SaslError', layer: 'sasl', phase: 'sasl', retryable: false },
        ...{ condition, mechanism },
      });
      expect(asked).toEqual([false, true]);
      expect(mechanismsOf(made.events)).toEqual([tried, tried]);
      const shown = show([error, made.trace]);
      for (const secret of given.flatMap(hidden)) expect(shown).not.toContain(secret);
    });

    it(`${mechanism}: somebody else's token lets nobody in`, async () => {
      const { asked, supplier } = supplierOf(() => server.tokens.issue('bob'));
      const made = attempt(optionsFor(server, 'alice', credentialsOf('alice', supplier)));
      expect(await made.failure()).toMatchObject({ layer: 'sasl', condition: strangers, retryable: false });
      expect(asked).toEqual(strangers === 'not-authorized' ? [false, true] : [false]);
    });

    it('where the server has not the mechanism, no token is asked for, and no password is sent in its place', async () => {
      const { asked, supplier } = supplierOf(() => server.tokens.issue('alice'));
      const made = attempt(optionsFor(server, 'alice', credentialsOf('alice', supplier, other)));
      expect(await made.failure()).toMatchObject({ layer: 'sasl', condition: 'no-mechanism', retryable: false });
      expect([asked, made.mechanism]).toEqual([[], undefined]);
      // It could have been: there is a way down.
      const { credentials } = credentialsOf('alice', supplier);
      const down = attempt(optionsFor(server, 'alice', { credentials: { ...credentials, mechanisms: [plain] } }));
      await close(await down.online());
      expect(mechanismsOf(down.events)).toEqual(['authenticating PLAIN', 'authenticated PLAIN']);
    });

    describe('a client that comes back', () => {
      let link: Wiretap;
      let held: Subscription;
      beforeEach(async () => {
        held = new Subscription();
        link = await wiretap({ host: server.host, port: server.ports.c2s });
      });
      afterEach(async () => {
        held.unsubscribe();
        await link.close();
      });

      function client(supplier: TokenSupplier, options: Partial<XmppClientOptions> = {}) {
        const made = xmppClient({
          ...optionsFor(server, 'alice', credentialsOf('alice', supplier)),
          transport: overStartTls(server, { port: link.port }),
          reconnect: { backoff: backoff({ initial: 50, max: 200 }) },
          ...options,
        });
        const trace: TraceEvent[] = [];
        held.add(made.trace$.subscribe((event) => trace.push(event)));
        return { client: made, trace };
      }
      type Client = ReturnType<typeof client>['client'];

      const online = (made: Client, resumed: boolean) =>
        first(made.status$.pipe(filter((status) => status.kind === 'online' && status.resumed === resumed)));
      const tries = (trace: readonly TraceEvent[]) =>
        trace.flatMap((event) => (event.type === 'authenticating' ? event.mechanism : []));

      it.each([
        ['one step after another', undefined],
        ['pipelined', pipelining],
      ])('asks for a token each time, and again where it has expired meanwhile: %s', async (_, saving) => {
        let token = await server.tokens.issue('alice');
        const { asked, supplier } = supplierOf(async (refused) => {
          if (refused) token = await server.tokens.issue('alice');
          return token;
        });
        const { client: made, trace } = client(supplier, { ...(saving && { pipelining: saving }) });
        const bodies = lastValueFrom(
          made.message$.pipe(
            filter((stanza) => stanza.child('body') !== undefined),
            take(3),
            toArray(),
          ),
        );
        held.add(made.session$.subscribe());
        await online(made, false);
        const { jid } = made.session!;
        made.send(message(made.session!, 'before'));

        const back = async () => {
          const gone = first(made.status$.pipe(filter(({ kind }) => kind !== 'online')));
          link.cut();
          await gone;
          await online(made, true);
        };
        await back();
        expect(asked).toEqual([false, false]);
        made.send(message(made.session!, 'between'));

        await server.tokens.revoke(token);
        await back();
        expect(asked).toEqual([false, false, false, true]);
        expect(made.session!.jid.equals(jid)).toBe(true);
        made.send(message(made.session!, 'after'));
        const texts = (await soon(bodies, 'the messages')).map((stanza) => stanza.child('body')?.text());
        expect(texts).toEqual(['before', 'between', 'after']);
        expect(tries(trace)).toEqual(Array(4).fill(mechanism));
        expect(link.connections).toBe(3);
      });

      it('stays away where there is no token any more that the server takes', async () => {
        const token = await server.tokens.issue('alice');
        const { asked, supplier } = supplierOf(() => token);
        const { client: made, trace } = client(supplier);
        const watched = watch(made.session$);
        await online(made, false);
        await server.tokens.revoke(token);
        link.cut();
        await soon(watched.ended, 'the end of the client');
        expect(watched.error).toMatchObject({ name: 'SaslError', condition: 'not-authorized', mechanism });
        expect([asked, link.connections]).toEqual([[false, false, true], 2]);
        expect(tries(trace)).toEqual(Array(3).fill(mechanism));
        const shown = show([watched.error, trace]);
        for (const secret of hidden(token)) expect(shown).not.toContain(secret);
      });
    });
  });
}
