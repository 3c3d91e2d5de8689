import { after, cut, expects, mute, reply, type Script } from '../../lib/testing.js';
import type { ConnectContext, Transport } from '../../lib/transport/transport.js';
import { NS } from '../../lib/xml/index.js';
import {
  authenticates,
  begins,
  ClientRun,
  hears,
  hello,
  manages,
  says,
  type ClientInit,
} from '../support/client-run.js';
import {
  auth,
  BIND,
  DOMAIN,
  features,
  FOOTER,
  hearsBind,
  lifetime,
  mechanisms,
  opens,
  PASSWORD,
  PROCEED,
  STARTTLS,
  streamError,
  upTo,
} from '../support/wire.js';
import { watchUnhandled, WireRun } from '../support/wire-run.js';

const elsewhere = (to: string) => streamError('see-other-host', to) + FOOTER;
/** A server that sends us on as soon as it is heard over TLS. */
const sendsOn = (to: string): Script => opens(elsewhere(to), { secure: true });

/** A client whose dials are listed. */
function dialling(scripts: readonly Script[], init: ClientInit = {}) {
  const contexts: ConnectContext[] = [];
  const { transport } = new ClientRun(scripts, init);
  const over: Transport = {
    name: 'listed',
    connect: (context) => {
      contexts.push(context);
      return transport.connect(context);
    },
  };
  const run = new ClientRun([], { ...init, over }).connect();
  return { run, transport, contexts, dialled: () => contexts.map(({ location }) => location) };
}

describe('see-other-host (T5, RFC 6120 section 4.9.3.19)', () => {
  watchUnhandled();

  it.each([
    ['a host', 'b.example.org', 'b.example.org'],
    ['a host and a port', 'b.example.org:5269', 'b.example.org:5269'],
    ['an IPv6 address in brackets', '[2001:db8::1]', '[2001:db8::1]'],
    ['an IPv6 address and a port', '[2001:db8::1]:5222', '[2001:db8::1]:5222'],
    ['an address', '192.0.2.7:5222', '192.0.2.7:5222'],
    ['white space around it', '\n  b.example.org ', 'b.example.org'],
  ])('%s: followed, in the same attempt', (_name, to, expected) => {
    const { run, dialled, transport } = dialling([sendsOn(to), begins(says('here'), after(1e6))]);
    run.flush(0);
    expect([run.status.kind, run.received]).toEqual(['online', ['here']]);
    expect(dialled()).toEqual([undefined, expected]);
    expect(run.trace.map(({ type, attempt }) => `${attempt} ${type}`).join(' ')).toBe(
      '1 opening 1 opened 1 redirected ' +
        '1 opening 1 opened 1 features 1 authenticating 1 authenticated 1 opening 1 opened 1 features 1 binding 1 bound 1 online',
    );
    expect(run.trace.find(({ type }) => type === 'redirected')).toMatchObject({ to: expected });
    transport.verify();
  });

  it('domain, identity, policy and bounds stay the same', () => {
    const { run, contexts } = dialling([sendsOn('evil.example.net'), begins(after(1e6))]);
    run.flush(0);
    const [first, second] = contexts.map(({ domain, tls, timeouts }) => ({ domain, tls, timeouts }));
    expect(second).toEqual(first);
    expect(first).toMatchObject({ domain: DOMAIN, tls: 'required' });
  });

  it('at each step of the negotiation', () => {
    const steps: Record<string, Script> = {
      'after SASL': [
        opens(features(mechanisms('EXTERNAL')), { secure: true }),
        auth('EXTERNAL', ''),
        opens(elsewhere('b'), { secure: true }),
      ],
      bind: [authenticates(BIND), hearsBind(), reply(elsewhere('b'))],
    };
    for (const [name, script] of Object.entries(steps)) {
      const { run, dialled } = dialling([script, begins(after(1e6))]);
      run.flush(0);
      expect([name, run.status.kind, dialled()]).toEqual([name, 'online', [undefined, 'b']]);
    }
  });

  it.each([
    ['in place of the first features', opens(elsewhere('evil.example.net'))],
    ['with the first features', [opens(features(STARTTLS) + elsewhere('evil.example.net')), mute()]],
    ['in place of <proceed/>', [upTo('proceed'), reply(elsewhere('evil.example.net'))]],
  ] as [string, Script][])('before TLS it is not followed: %s', (_name, script) => {
    const run = new WireRun([script, mute()], {}).flush();
    expect(run.outcome).toMatch(/^stream see-other-host \((features|starttls|open)\) remote$/);
    expect(run.error).toMatchObject({ location: undefined, retryable: false });
    expect([run.transport.connections, run.events.includes('redirected')]).toEqual([1, false]);
    run.check();
  });

  it('nor what was injected behind <proceed/>', () => {
    const run = new WireRun([upTo('proceed'), reply(PROCEED + elsewhere('evil.example.net')), mute()], {}).flush();
    expect([run.outcome, run.transport.connections]).toEqual(['tls data-after-proceed (starttls)', 1]);
    run.check();
  });

  it('without TLS at all it is not followed', () => {
    const run = new WireRun([opens(elsewhere('b.example.org')), mute()], {
      options: { tls: 'disabled', credentials: { anonymous: true }, jid: undefined, domain: DOMAIN },
    }).flush();
    expect([run.outcome, run.transport.connections]).toEqual(['stream see-other-host (features) remote', 1]);
  });

  it('every hop is secured anew: STARTTLS again, and no credential before', () => {
    const redirecting: Script = [upTo('features over TLS'), reply(elsewhere('b.example.org')), mute()];
    const run = new WireRun({ scripts: [redirecting, lifetime()] }, {}).flush();
    expect(run.outcome).toBe('online');
    expect(run.events.match(/securing/g)).toHaveLength(2);
    run.transport.verify();
    run.unsubscribe().check();
  });

  it('a self loop ends after 5 hops, typed, and is not retried', () => {
    const { run, dialled } = dialling(Array.from({ length: 100 }, () => sendsOn('loop.example.org')));
    run.flush(600_000);
    expect(dialled()).toEqual([undefined, ...Array<string>(5).fill('loop.example.org')]);
    expect(run.end).toBe('stream see-other-host (features) remote');
    expect(run.trace.filter(({ type }) => type === 'redirected')).toHaveLength(5);
    run.check();
  });

  it('five hops are followed', () => {
    const { run, dialled } = dialling([...'abcde'].map((to) => sendsOn(to)).concat([begins(after(1e6))]));
    run.flush(0);
    expect([run.status.kind, dialled()]).toEqual(['online', [undefined, ...'abcde']]);
  });

  it('nowhere is nowhere', () => {
    for (const to of ['', '  ']) {
      const { run, dialled } = dialling([sendsOn(to)]);
      run.flush(0);
      expect([run.end, dialled()]).toEqual(['stream see-other-host (features) remote', [undefined]]);
    }
  });

  it('the deadline bounds all hops together', () => {
    const slow = (to: string): Script => [after(400), sendsOn(to)];
    const { run } = dialling(
      Array.from({ length: 6 }, () => slow('b')),
      { options: { timeouts: { deadline: 1_000 }, reconnect: false } },
    );
    run.flush();
    expect(run.end).toBe('timeout deadline (open)');
    expect(run.trace.at(-1)).toMatchObject({ type: 'failed', time: 1_000 });
    run.check();
  });

  it('releases each connection before it dials the next, and lets go of any', () => {
    const { run, transport } = dialling([
      sendsOn('b'),
      [opens(features(mechanisms('EXTERNAL')), { secure: true }), mute()],
    ]);
    run.flush(10);
    expect([transport.connections, transport.open]).toEqual([2, 1]);
    run.disconnect();
    expect([transport.open, run.ends, run.scheduler.actions.length]).toEqual([0, '1 cancelled', 0]);
  });

  it('what fails elsewhere is an error of the attempt; the next one goes the usual way', () => {
    const { run, dialled } = dialling([sendsOn('b'), [cut()], begins(after(1e6))]);
    run.flush(5_000);
    expect([run.status, dialled()]).toMatchObject([{ kind: 'online', attempt: 2 }, [undefined, 'b', undefined]]);
  });

  describe('in a session', () => {
    it('is a loss, and the next attempt begins there', () => {
      const { run, dialled } = dialling([
        manages(hears('a'), reply(elsewhere(' b.example.org ')), mute()),
        [
          authenticates(BIND, `<sm xmlns='${NS.sm}'/>`),
          expects(/resume/),
          reply(`<resumed xmlns='${NS.sm}' h='1' previd='sm-1'/>`),
          after(10),
          cut(),
        ],
        [cut()],
      ]);
      run.flush(0);
      const a = run.deliver(hello('a'));
      run.flush(1_005);
      expect([run.status.kind, run.session.resumed, a.told.at(-1)]).toEqual(['online', true, 'complete']);
      run.flush(2_500);
      // Once: a server that cannot be reached there is looked for in the usual way again.
      expect(dialled()).toEqual([undefined, 'b.example.org', undefined]);
      run.disconnect();
    });

    it('of xmppStream is its error, with the location', () => {
      const run = new WireRun([lifetime(), reply(elsewhere('b.example.org'))], {
        options: { credentials: { password: PASSWORD } },
      }).flush();
      expect(run.outcome).toBe('stream see-other-host (online) remote');
      expect(run.error).toMatchObject({ location: 'b.example.org' });
      run.check();
    });
  });
});
