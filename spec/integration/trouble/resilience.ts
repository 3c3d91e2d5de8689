import { filter, map, merge, Subscription, tap, type Observable } from 'rxjs';
import {
  backoff,
  clientState,
  whitespace,
  storedSession,
  xml,
  xmppClient,
  type ResumptionState,
  type XmppClientOptions,
  type XmppError,
} from '../../../lib/index.js';
import { tcp } from '../../../lib/node.js';
import type { RealServer } from '../../servers/index.js';
import { attempt, disconnectAll, first, optionsFor } from '../support/attempt.js';
import { wiretap, type Wiretap } from '../support/wiretap.js';
import type { Topic } from '../support/topic.js';

/** A link that is cut, a server that is frozen or goes: what a client makes of it. */
export const resilience: Topic = {
  title: 'a client',
  specs: (name, running) => {
    let server: RealServer;
    let link: Wiretap;
    let held: Subscription;

    beforeAll(() => void (server = running()));
    beforeEach(async () => {
      held = new Subscription();
      link = await wiretap({ host: server.host, port: server.ports.c2s });
    });
    afterEach(async () => {
      disconnectAll();
      held.unsubscribe();
      await link.close();
    });

    /** A client of alice's whose link can be cut. It sends to itself: what arrives has been all the way. */
    function client(options: Partial<XmppClientOptions> = {}) {
      const { host, ca } = server;
      const made = xmppClient({
        ...optionsFor(server, 'alice'),
        transport: tcp({ host, port: link.port, security: 'starttls', tls: { ca } }),
        reconnect: { backoff: backoff({ initial: 50, max: 200 }) },
        streamManagement: { acknowledgements: { every: 5, after: 200 } },
        ...options,
      });
      const received: string[] = [];
      held.add(made.message$.subscribe((message) => message.child('body') && received.push(message.attrs.id!)));
      return { client: made, received };
    }
    type Made = ReturnType<typeof client>['client'];

    const online = (made: Made, resumed: boolean) =>
      first(made.status$.pipe(filter((status) => status.kind === 'online' && status.resumed === resumed)));
    const ids = (count: number, prefix: string) => Array.from({ length: count }, (_, index) => `${prefix}${index}`);
    /** Looked at whenever octets come or go, or the status changes. */
    const until = (made: Made, condition: () => boolean) =>
      first(merge(made.bytes$, made.status$).pipe(filter(condition)));
    const message = (id: string, made: Made) =>
      xml('message', { id, to: made.session!.jid.toString(), type: 'chat' }, xml('body', {}, `text of ${id}`));
    const acked = (made: Made, id: string, onAck: () => void): Observable<unknown> =>
      made.deliver(message(id, made)).pipe(
        filter(({ state }) => state === 'acked'),
        tap(onAck),
      );

    it('cut in mid-burst, twice: nothing is lost, doubled or out of order, and the request is answered', async () => {
      const { client: made, received } = client();
      await online(made, false);
      const { jid } = made.session!;
      const settled: string[] = [];
      // Each burst is less than Prosody reads at once (4,096 octets), so that none is cut within a stanza: see below.
      const [one, two] = [ids(30, 'a'), ids(20, 'b')];
      const speak = (burst: readonly string[]) => {
        for (const id of burst) held.add(acked(made, id, () => settled.push(id)).subscribe());
      };
      const answers: (string | undefined)[] = [];
      const ping$ = made.iq('get', xml('ping', { xmlns: 'urn:xmpp:ping' }), server.domain);
      const all = [...one, ...two];
      const done = until(
        made,
        () => received.length >= all.length && settled.length >= all.length && answers.length > 0,
      );
      speak(one);
      held.add(ping$.subscribe(({ attrs }) => answers.push(attrs.type)));
      await until(made, () => received.length >= 10);
      link.cut();
      await online(made, true);
      speak(two);
      await until(made, () => received.length >= 35);
      link.cut();
      await done;
      await online(made, true);
      expect(received).toEqual(all);
      expect(settled).toEqual(all);
      expect(answers).toEqual(['result']);
      expect(made.session!.jid.equals(jid)).toBe(true);
    });

    it('cut within a stanza: the client is back, and every message is accounted for', async () => {
      const { client: made, received } = client();
      await online(made, false);
      const settled: string[] = [];
      const burst = ids(500, 'm');
      for (const id of burst) {
        held.add(
          acked(made, id, () => settled.push(`${id} acked`)).subscribe({
            error: ({ condition }: XmppError) => settled.push(`${id} ${condition}`),
          }),
        );
      }
      await until(made, () => received.length >= 10);
      link.cut();
      // Prosody 0.12 ends a session that was cut so once it is resumed; what it has handled it tells all the same.
      await until(made, () => settled.length === burst.length);
      await first(made.status$.pipe(filter(({ kind }) => kind === 'online')));
      expect(new Set(settled.map((line) => line.split(' ')[0]))).toEqual(new Set(burst));
      expect(settled.filter((line) => !/ (acked|delivery-unknown)$/.test(line))).toEqual([]);
      expect(received).toEqual([...new Set(received)]);
      if (name === 'ejabberd') expect(settled).toEqual(burst.map((id) => `${id} acked`));
    });

    it('a server that is frozen is found by keepAlive, and the session goes on once it thaws', async () => {
      const { client: made, received } = client({ keepAlive: { idle: 300, timeout: 300 } });
      await online(made, false);
      const failures = first(made.trace$.pipe(filter(({ type }) => type === 'failed')));
      server.freeze();
      try {
        made.send(message('frozen', made));
        expect(await failures).toMatchObject({ error: { layer: 'timeout', phase: 'online' } });
      } finally {
        server.thaw();
      }
      await online(made, true);
      await until(made, () => received.length > 0);
      expect(received).toEqual(['frozen']);
    });

    it('white space keeps a session without acknowledgements, and the server takes it without a word', async () => {
      const keepAlive = { idle: 20, timeout: 10_000, probe: whitespace };
      const { client: made } = client({ streamManagement: false, keepAlive, reconnect: false });
      await online(made, false);
      const { bytes, bytes$ } = made.session!;
      const later = await first(bytes$.pipe(filter(({ sent }) => sent >= bytes.sent + 10)));
      expect(later).toEqual({ received: bytes.received, sent: bytes.sent + 10 });
      const answer = await first(made.iq('get', xml('ping', { xmlns: 'urn:xmpp:ping' }), server.domain));
      expect(answer.attrs.type).toBe('result');
    });

    it('an orderly restart ends a session, and is no reason for a client to stay away', async () => {
      const { client: made } = client();
      await online(made, false);
      const before = made.session!;
      const single = attempt(optionsFor(server, 'alice'));
      // In clear, so that one can listen.
      const clear = attempt(
        optionsFor(server, 'alice', { tls: 'disabled', transport: tcp({ host: server.host, port: link.port }) }),
      );
      await Promise.all([single.online(), clear.online()]);
      const gone = first(made.status$.pipe(filter(({ kind }) => kind === 'waiting')));
      const [error, heard] = await Promise.all([single.failure(), clear.failure(), server.restart()]);
      expect(error).toMatchObject({ phase: 'online', retryable: true });
      expect(error.condition).toMatch(/^system-shutdown$|^connection-(closed|reset)$/);
      expect(single.log).toEqual(['next', 'error']);
      expect(single.events.slice(-2)).toEqual(['online', 'failed']);
      // It says so if it can: both often close the connection before their last words are out.
      expect(heard).toMatchObject(
        link.received.includes('<system-shutdown')
          ? { name: 'StreamError', layer: 'stream', condition: 'system-shutdown', origin: 'remote' }
          : { name: 'TransportError', layer: 'transport', condition: 'connection-closed' },
      );
      expect(heard).toMatchObject({ phase: 'online', retryable: true });
      await gone;
      await first(made.status$.pipe(filter(({ kind }) => kind === 'online')));
      expect(made.session).not.toBe(before);
    });

    it('another process resumes what was stored, and gets what came meanwhile', async () => {
      let text: string | undefined;
      const store = {
        load: () => [text === undefined ? undefined : (JSON.parse(text) as ResumptionState)],
        save: (state: ResumptionState) => void (text = JSON.stringify(state)),
        clear: () => void (text = undefined),
      };
      const dead = client({ streamManagement: { store: storedSession(store) } });
      await online(dead.client, false);
      const { jid } = dead.client.session!;
      await first(dead.client.deliver(message('before', dead.client)).pipe(filter(({ state }) => state === 'acked')));
      await until(dead.client, () => dead.received.includes('before'));
      await new Promise((turn) => setTimeout(turn, 50));
      // Killed: it says nothing more, and what it would still store is not stored.
      const kept = text;
      expect(kept).toBeDefined();
      link.open = false;
      link.cut();
      held.unsubscribe();
      held = new Subscription();
      link.open = true;
      text = kept;
      const next = client({ streamManagement: { store: storedSession(store) } });
      await online(next.client, true);
      expect(next.client.session!.jid.equals(jid)).toBe(true);
      next.client.send(message('after', next.client));
      await until(next.client, () => next.received.includes('after'));
      expect(next.received).toEqual(['after']);
    });

    it('is told whether somebody looks, before and after a resumption (XEP-0352)', async () => {
      const { client: made } = client();
      const told: string[] = [];
      await online(made, false);
      const offered = made.session!.features.child('csi', 'urn:xmpp:csi:0') !== undefined;
      held.add(clientState(made, made.status$.pipe(map(() => false))).subscribe((state) => told.push(state)));
      link.cut();
      await online(made, true);
      expect(told).toEqual(offered ? ['inactive', 'inactive'] : []);
      expect(offered).toBe(true);
    });
  },
};
