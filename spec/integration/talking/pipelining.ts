import { filter, Subscription } from 'rxjs';
import { backoff, pipelining, xmppClient, type TraceEvent, type XmppClientOptions } from '../../../lib/index.js';
import { tcp } from '../../../lib/node.js';
import type { RealServer } from '../../servers/index.js';
import { first, optionsFor } from '../support/attempt.js';
import { wiretap, type Wiretap } from '../support/wiretap.js';
import type { Topic } from '../support/topic.js';

/** What is said ahead of what it waits for. */
export const sayingAhead: Topic = {
  title: 'pipelining',
  specs: (_name, running) => {
    let server: RealServer;
    let link: Wiretap;
    let held: Subscription;

    beforeAll(() => void (server = running()));
    beforeEach(() => void (held = new Subscription()));
    afterEach(async () => {
      held.unsubscribe();
      await link.close();
    });

    for (const security of ['starttls', 'direct'] as const) {
      for (const streamManagement of [{}, false] as const) {
        const what = streamManagement ? 'resumes' : 'comes back';
        it(`${security}: takes what is sent ahead, the first time and when the client ${what}`, async () => {
          link = await wiretap({
            host: server.host,
            port: security === 'direct' ? server.ports.tls : server.ports.c2s,
          });
          const options: XmppClientOptions = {
            ...optionsFor(server, 'alice'),
            transport: tcp({ host: server.host, port: link.port, security, tls: { ca: server.ca } }),
            reconnect: { backoff: backoff({ initial: 50, max: 200 }) },
            streamManagement,
            pipelining,
          };
          const client = xmppClient(options);
          const trace: TraceEvent[] = [];
          held.add(client.trace$.subscribe((event) => trace.push(event)));
          const online = () => first(client.status$.pipe(filter(({ kind }) => kind === 'online')));
          held.add(client.connect());
          await online();
          const lost = first(client.status$.pipe(filter(({ kind }) => kind === 'waiting')));
          link.cut();
          await lost;
          await online();

          // One connection for each attempt: the server took it, and nothing had to be asked again.
          const types = trace.map(({ type, attempt }) => `${attempt} ${type}`);
          expect(types.filter((type) => type.endsWith('connected'))).toEqual(['1 connected', '2 connected']);
          const order = (attempt: number, ...wanted: string[]) =>
            types.filter((type) => wanted.some((one) => type === `${attempt} ${one}`)).map((type) => type.slice(2));
          // What the server told came after what was sent ahead of it.
          if (security === 'starttls') expect(order(1, 'starting-tls', 'opened').slice(0, 1)).toEqual(['starting-tls']);
          expect(order(1, 'authenticated', 'binding', 'opened').slice(-3)).toEqual([
            'authenticated',
            'binding',
            'opened',
          ]);
          const [begun] = order(2, 'authenticating', 'opened').slice(security === 'starttls' ? 1 : 0);
          expect(begun).toBe('authenticating');
          expect(types).toContain(streamManagement ? '2 resuming' : '2 binding');
        });
      }
    }
  },
};
