import { scram, type XmppOptions } from '../../../lib/index.js';
import { nodeResolver, tcp } from '../../../lib/node.js';
import { dnsServer, type DnsServer } from '../../servers/dns.js';
import { freePorts, type HostOptions, type RealServer } from '../../servers/index.js';
import { attempt, close, disconnectAll, optionsFor, overDirectTls, overStartTls, soon } from '../support/attempt.js';
import { mechanismsIn, overTls } from '../support/features.js';
import type { Topic } from '../support/topic.js';

const transports = { STARTTLS: overStartTls, 'direct TLS': overDirectTls } as const;

/** What is told of an attempt that goes online and is closed, by how TLS came about. */
const toTls = {
  STARTTLS: ['connecting', 'connected', 'opening', 'opened', 'features', 'starting-tls', 'securing', 'secured'],
  'direct TLS': ['connecting', 'connected', 'securing', 'secured'],
} as const;
const fromTls = (authentication: readonly string[]) => [
  ...['opening', 'opened', 'features', ...authentication],
  ...['opening', 'opened', 'features', 'binding', 'bound', 'online'],
];

const servers = {
  prosody: {
    hashes: ['SHA-1', 'SHA-256'],
    strongest: 'SCRAM-SHA-256',
    authentication: ['authenticating SCRAM-SHA-1', 'authenticated SCRAM-SHA-1'],
    onlyPlain: 'disable_sasl_mechanisms = { "SCRAM-SHA-1", "SCRAM-SHA-1-PLUS" }',
  },
  ejabberd: {
    hashes: ['SHA-1', 'SHA-256', 'SHA-512'],
    strongest: 'SCRAM-SHA-512',
    // It offers -PLUS and knows only `tls-unique`, which TLS 1.3 has not.
    authentication: [
      ...['authenticating SCRAM-SHA-1-PLUS'],
      ...['authenticating SCRAM-SHA-1', 'authenticated SCRAM-SHA-1'],
    ],
    onlyPlain: 'disable_sasl_mechanisms: ["digest-md5", "scram-sha-1", "scram-sha-1-plus", "x-oauth2"]',
  },
} as const satisfies Record<RealServer['name'], unknown>;

const odd = { 'a=b,c': 'p,=w "\\', jürgen: 'Müße 𝕏 ¼', 'x.y-z_1': "]]> '&<" };
/** The hashes that passwords can be stored for beside the default, which is the first, and the domain where they are. */
const hashedAt = (name: RealServer['name']) =>
  servers[name].hashes.slice(1).map((hash) => [hash, `${hash.toLowerCase()}.test`] as const);

const hostsOf = (name: RealServer['name']): Record<string, HostOptions> => ({
  ...Object.fromEntries(hashedAt(name).map(([scram, domain]) => [domain, { users: { bob: 'builder' }, scram }])),
  'bücher.test': { users: odd, scram: 'plain' },
  'plain.test': { users: { alice: 'wonder' }, config: servers[name].onlyPlain },
  'example.test': { users: { alice: 'wonder' } },
});

/** How it comes online: over what, found how, by which mechanism. */
export const connecting: Topic = {
  title: 'connecting',
  needs: (name) => ({ hosts: hostsOf(name) }),
  specs: (name, running) => {
    const { hashes, strongest, authentication } = servers[name];
    const hashed = hashedAt(name);
    let server: RealServer;
    beforeAll(() => void (server = running()));
    afterEach(disconnectAll);

    describe('with its defaults', () => {
      it.each(['STARTTLS', 'direct TLS'] as const)('is connected to over %s, each step told in order', async (way) => {
        const made = attempt(optionsFor(server, 'alice', { transport: transports[way](server) }));
        const { trace } = made;
        const session = await made.online();
        expect(session.jid.bare().toString()).toBe('alice@localhost');
        expect(session.jid.resource).toBeTruthy();
        expect(session.resumed).toBe(false);
        expect(session.managed).toBe(true);
        await close(session);
        await made.ended();
        expect(made.log).toEqual(['next', 'complete']);

        expect(made.events).toEqual([...toTls[way], ...fromTls(authentication), 'closing', 'closed']);
        expect(new Set(trace.map((event) => event.attempt))).toEqual(new Set([1]));
        const times = trace.map(({ time }) => time);
        expect(times).toEqual([...times].sort((a, b) => a - b));
        const security = way === 'STARTTLS' ? 'starttls' : 'direct';
        expect(trace[1]).toMatchObject({ type: 'connected', target: { security }, address: '127.0.0.1' });
        expect(trace.find(({ type }) => type === 'secured')).toMatchObject({
          tls: { protocol: 'TLSv1.3', certificate: { issuer: 'CN=rxmpp specs' } },
        });
        expect(trace.find(({ type }) => type === 'online')).toMatchObject({ jid: session.jid.toString() });
      });

      it.each(['STARTTLS', 'direct TLS'] as const)('is connected to over %s by TLS 1.2', async (way) => {
        const transport = transports[way](server, { tls: { ca: server.ca, maxVersion: 'TLSv1.2' } });
        const { online, trace } = attempt(optionsFor(server, 'alice', { transport }));
        await close(await online());
        expect(trace.find(({ type }) => type === 'secured')).toMatchObject({ tls: { protocol: 'TLSv1.2' } });
      });

      it('authenticates by SCRAM-SHA-1, for which passwords are stored', () => offersAndTakes('SHA-1', server));

      it('takes the resource that is asked for, or picks one', async () => {
        // Both servers know Unicode 3.2, as RFC 3920 had it.
        const asked = await attempt(optionsFor(server, 'alice', { resource: 'Büro ☎ 𐌰' })).online();
        expect(asked.jid.toString()).toBe('alice@localhost/Büro ☎ 𐌰');
        const inJid = await attempt(optionsFor(server, 'alice', { jid: 'alice@localhost/desk' })).online();
        expect(inJid.jid.resource).toBe('desk');
        const [one, two] = await Promise.all([1, 2].map(() => attempt(optionsFor(server, 'alice')).online()));
        expect(one!.jid.resource).not.toBe(two!.jid.resource);
      });

      it.each(['STARTTLS', 'direct TLS'] as const)('lets the anonymous in over %s', async (way) => {
        const made = anonymous(server, transports[way](server));
        const session = await made.online();
        expect(session.jid.domain).toBe('anon.localhost');
        expect(session.jid.local).toBeTruthy();
        expect(made.mechanism).toBe('ANONYMOUS');
        await close(session);
      });

      it('makes another one of each anonymous user', async () => {
        const made = [1, 2].map(() => anonymous(server, overStartTls(server)));
        const [one, two] = await Promise.all(made.map(({ online }) => online()));
        expect(one!.jid.bare().toString()).not.toBe(two!.jid.bare().toString());
      });

      it('is used without stream management where that is not wanted', async () => {
        const session = await attempt(optionsFor(server, 'alice', { streamManagement: false })).online();
        expect(session.managed).toBe(false);
        await close(session);
      });
    });

    it.each(hashed)('authenticates by SCRAM-%s where passwords are stored for it', (hash, domain) =>
      offersAndTakes(hash, server.at(domain)),
    );

    it('chooses the strongest hash, takes any other on demand, and knows users by odd names and passwords', async () => {
      for (const [user, password] of Object.entries(odd)) {
        for (const mechanisms of [undefined, ...hashes.map((hash) => [scram(hash)])]) {
          const made = attempt(optionsFor(server.at('bücher.test'), user, { credentials: { password, mechanisms } }));
          expect((await made.online()).jid.bare().toString()).toBe(`${user}@bücher.test`);
          expect(made.events).toContain(`authenticated ${mechanisms?.[0]?.name ?? strongest}`);
        }
      }
    });

    it('uses PLAIN only where it is allowed', async () => {
      const refused = attempt(optionsFor(server.at('plain.test'), 'alice'));
      expect(await refused.failure()).toMatchObject({
        layer: 'sasl',
        condition: 'no-mechanism',
        phase: 'sasl',
        retryable: false,
      });
      expect(refused.mechanism).toBeUndefined();

      const credentials = { password: 'wonder', allowPlain: true };
      const allowed = attempt(optionsFor(server.at('plain.test'), 'alice', { credentials }));
      await close(await allowed.online());
      expect(allowed.events).toContain('authenticated PLAIN');
    });

    describe('found by the DNS', () => {
      let dns: DnsServer;
      let dead: number;
      beforeAll(async () => {
        dns = await dnsServer();
        [dead] = (await freePorts(1)) as [number];
      });
      afterAll(() => dns?.close());

      // The certificate is for the domain, and for none of the hosts that the records name.
      const found = (options: Partial<XmppOptions> = {}) =>
        attempt(
          optionsFor(server.at('example.test'), 'alice', {
            transport: tcp({ tls: { ca: server.ca }, resolver: nodeResolver({ servers: [dns.address] }) }),
            ...options,
          }),
        );
      const hosts = {
        'xmpp1.example.test A': ['127.0.0.1'],
        'xmpp2.example.test A': ['127.0.0.1'],
        'xmpp1.example.test AAAA': [],
        'xmpp2.example.test AAAA': [],
      };

      it('takes STARTTLS where only that has a record', async () => {
        dns.zone = {
          ...hosts,
          '_xmpp-client._tcp.example.test SRV': [{ target: 'xmpp1.example.test', port: server.ports.c2s }],
        };
        const made = found();
        const session = await made.online();
        expect(session.jid.domain).toBe('example.test');
        expect(made.events).toEqual(['resolving', 'resolved', ...toTls.STARTTLS, ...fromTls(authentication)]);
        expect(made.trace[1]).toMatchObject({
          targets: [{ host: 'xmpp1.example.test', port: server.ports.c2s, security: 'starttls' }],
        });
      });

      it('takes direct TLS where that has the better priority', async () => {
        dns.zone = {
          ...hosts,
          '_xmpp-client._tcp.example.test SRV': [{ target: 'xmpp1.example.test', port: dead, priority: 2 }],
          '_xmpps-client._tcp.example.test SRV': [
            { target: 'xmpp2.example.test', port: server.ports.tls, priority: 1 },
          ],
        };
        const made = found();
        await made.online();
        expect(made.events).toEqual(['resolving', 'resolved', ...toTls['direct TLS'], ...fromTls(authentication)]);
      });

      it('goes on to the next target where the first one is dead', async () => {
        dns.zone = {
          ...hosts,
          '_xmpps-client._tcp.example.test SRV': [{ target: 'xmpp1.example.test', port: dead, priority: 1 }],
          '_xmpp-client._tcp.example.test SRV': [{ target: 'xmpp2.example.test', port: server.ports.c2s, priority: 2 }],
        };
        const made = found();
        await made.online();
        expect(made.trace.find(({ type }) => type === 'target-failed')).toMatchObject({
          target: { host: 'xmpp1.example.test', port: dead, security: 'direct' },
          error: { layer: 'transport', condition: 'connection-refused' },
        });
        expect(made.events.at(-1)).toBe('online');
      });

      it('fails where all are dead, and names them', async () => {
        dns.zone = {
          ...hosts,
          '_xmpps-client._tcp.example.test SRV': [{ target: 'xmpp1.example.test', port: dead }],
          '_xmpp-client._tcp.example.test SRV': [{ target: 'xmpp2.example.test', port: dead }],
        };
        expect(await found().failure()).toMatchObject({
          ...{ layer: 'transport', condition: 'all-targets-failed', phase: 'connect', retryable: true },
          errors: [{ condition: 'connection-refused' }, { condition: 'connection-refused' }],
        });
      });

      it('is not asked for where the DNS says that there is none', async () => {
        dns.zone = {
          '_xmpps-client._tcp.example.test SRV': [{ target: '.', port: 0 }],
          '_xmpp-client._tcp.example.test SRV': [{ target: '.', port: 0 }],
        };
        expect(await found().failure()).toMatchObject({ condition: 'dns-not-offered', phase: 'resolve' });
      });

      it('is given up with its look-up by unsubscribing', async () => {
        dns.zone = {
          '_xmpp-client._tcp.example.test SRV': 'silence',
          '_xmpps-client._tcp.example.test SRV': 'silence',
        };
        const made = found();
        await soon(dns.asked('_xmpp-client._tcp.example.test'), 'a query');
        made.unsubscribe();
        expect(made.events).toEqual(['resolving', 'cancelled']);
      });
    });

    async function offersAndTakes(hash: string, server: RealServer) {
      const offered = mechanismsIn(await overTls(server)).filter((mechanism) => mechanism.startsWith('SCRAM'));
      expect(offered).toEqual([`SCRAM-${hash}`]);
      for (const transport of [overStartTls(server), overDirectTls(server)]) {
        const made = attempt(optionsFor(server, 'bob', { transport }));
        await close(await made.online());
        expect(made.events).toContain(`authenticated SCRAM-${hash}`);
      }
    }

    function anonymous(server: RealServer, transport: XmppOptions['transport']) {
      return attempt({ domain: server.anonymousDomain, transport, keepAlive: false });
    }
  },
};
