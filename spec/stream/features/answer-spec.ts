import { exchange, mute, reply, type Script } from '../../../lib/testing.js';
import { NS } from '../../../lib/xml/index.js';
import {
  BIND,
  binds,
  features,
  FOOTER,
  goesOnline,
  hearsBind,
  hearsStreamError,
  LEGACY_SESSION,
  message,
  opens,
  auth,
  mechanisms,
} from '../../support/wire.js';
import { replay, watchUnhandled, WireRun, type WireInit } from '../../support/wire-run.js';

const SM = `<sm xmlns='${NS.sm}'/>`;
const ENABLED = `<enabled xmlns='${NS.sm}'/>`;
const TINY = `<message/>`;

const init = (limits = {}): WireInit => ({
  options: { credentials: { external: true }, limits },
  transport: { tls: true },
});
/** From authentication on. */
const authenticated = (...advertised: string[]): Script => [
  opens(features(mechanisms('EXTERNAL')), { secure: true }),
  auth('EXTERNAL', ''),
  opens(features(...advertised), { secure: true }),
];

describe('a flood while an answer is awaited (X2)', () => {
  watchUnhandled();

  const waits: [string, () => Script, string][] = [
    ['bind', () => [authenticated(BIND), hearsBind()], 'bind'],
    [
      'the legacy session',
      () => [
        authenticated(BIND, LEGACY_SESSION),
        binds(),
        exchange([`<iq type='set' id='{session}'>${LEGACY_SESSION}</iq>`, ' ']),
      ],
      'bind',
    ],
    ['enable', () => [authenticated(BIND, SM), binds(), exchange([`<enable xmlns='${NS.sm}'/>`, ' '])], 'enable'],
  ];

  it.each(waits)('%s: more elements than a stanza may have', (_name, script, phase) => {
    const flooded = () => [...script(), reply(TINY.repeat(101)), hearsStreamError('policy-violation')];
    replay(
      flooded,
      init({ elements: 100 }),
      (run) => {
        expect(run.outcome).toBe(`stream policy-violation (${phase}) local`);
        expect(run.sent.endsWith(FOOTER)).toBe(true);
      },
      { stride: 211 },
    );
  });

  it.each(waits)('%s: more octets than a stanza may have', (_name, script, phase) => {
    const long = message('x'.repeat(900));
    const flooded = () => [
      ...script(),
      ...Array.from({ length: 5 }, () => reply(long)),
      hearsStreamError('policy-violation'),
    ];
    replay(
      flooded,
      init({ stanzaBytes: 4_000 }),
      (run) => expect(run.outcome).toBe(`stream policy-violation (${phase}) local`),
      { stride: 499 },
    );
  });

  it.each(waits)('%s: all at once, and as much as comes in one chunk', (_name, script) => {
    const run = new WireRun([...script(), reply(TINY.repeat(50_000)), mute()], init()).flush(0).check();
    expect(run.outcome).toMatch(/^stream policy-violation /);
    expect(run.received).toBeLessThan(50_000 * TINY.length + 5_000);
  });

  it('what stays within the bounds is no flood, and waits', () => {
    let received = 0;
    const script = [
      authenticated(BIND, SM),
      binds(),
      exchange([`<enable xmlns='${NS.sm}'/>`, TINY.repeat(100) + ENABLED]),
    ];
    replay(
      () => {
        received = 0;
        return script;
      },
      { ...init({ elements: 100 }), use: (session) => session.message$.subscribe(() => received++) },
      (run) => expect([run.outcome, received]).toEqual(['online', 100]),
      { stride: 211 },
    );
  });

  it('once online there is no such bound: who reads gets each at once', () => {
    let received = 0;
    const script = goesOnline(reply(TINY.repeat(1_000)));
    const run = new WireRun(script, {
      ...init({ elements: 100 }),
      use: (session) => session.message$.subscribe(() => received++),
    }).flush(0);
    expect([run.outcome, received]).toEqual(['online', 1_000]);
    run.unsubscribe().check();
  });
});
