import { VirtualTimeScheduler } from 'rxjs';
import { xmppClient } from '../../../lib/client/xmpp-client.js';
import { cut, perConnection, scriptedTransport, type Script } from '../../../lib/testing.js';
import type { TraceEvent } from '../../../lib/trace/lifecycle-event.js';
import { NS } from '../../../lib/xml/index.js';
import { replayCrypto } from '../../support/wire-run.js';
import { ACCOUNT, BIND, PASSWORD, saslFailure } from '../../support/wire.js';
import type { Result } from '../attack.js';
import { tagOf } from '../attempt.js';
import { leakedOctets, shown } from '../leaks.js';
import type { Special } from '../special.js';
import { mute, reply, SURVIVED, Wire } from '../wire.js';

/** A client that reconnects, in virtual time, one script for each of its connections. */
function play(scripts: (wire: Wire) => readonly Script[], allowed: number): Result {
  const scheduler = new VirtualTimeScheduler(undefined, 3_600_000);
  const wire = new Wire('direct');
  const transport = scriptedTransport(perConnection(...scripts(wire)), { tls: true });
  const trace: TraceEvent[] = [];
  const notes: string[] = [];
  let outcome = 'a hang';
  const client = xmppClient({
    jid: ACCOUNT,
    credentials: { password: PASSWORD },
    crypto: replayCrypto,
    keepAlive: false,
    random: () => 0.5,
    scheduler,
    transport,
  });
  client.trace$.subscribe((event) => {
    trace.push(event);
    if (event.type === 'failed') notes.push(tagOf(event.error));
  });
  const settle = (what: string) => {
    if (outcome === 'a hang') outcome = what;
  };
  const held = client.session$.subscribe({
    error: (error: unknown) => settle(tagOf(error)),
    complete: () => settle('closed'),
  });
  held.add(
    client.stanza$.subscribe({
      next: ({ attrs }) => attrs.id === SURVIVED && settle('online'),
      error: () => undefined,
    }),
  );
  scheduler.flush();
  held.unsubscribe();
  scheduler.flush();
  const faults = transport.connections > allowed ? [`${transport.connections} connections`] : [];
  if (transport.open > 0) faults.push(`${transport.open} connections still held`);
  if (scheduler.actions.length > 0) faults.push(`${scheduler.actions.length} timers still run`);
  const leaked = leakedOctets({ clear: '', secure: transport.sent, told: shown(trace) });
  return { outcome, notes, faults, leaked };
}

/** T11: a refusal that will not change is asked for once. */
const FATAL: readonly Special[] = (
  [
    [
      'not-authorized',
      (wire) => [wire.offers('SCRAM-SHA-1'), wire.hears('auth'), reply(saslFailure('not-authorized')), mute()],
      'sasl not-authorized (sasl)',
    ],
    ...['conflict', 'policy-violation', 'not-authorized'].map((condition): [string, (wire: Wire) => Script, string] => [
      `the stream error ${condition}`,
      (wire) => [wire.online(), reply(wire.streamError(condition)), reply(wire.footer), mute()],
      `stream ${condition} (online)`,
    ]),
    [
      'the stream error host-unknown',
      (wire) => [wire.opens, reply(wire.header(), wire.streamError('host-unknown'), wire.footer), mute()],
      /^stream host-unknown \((open|features)\)$/,
    ],
    ['no mechanism', (wire) => [wire.offers('PLAIN'), mute()], 'sasl no-mechanism (sasl)'],
  ] as readonly [string, (wire: Wire) => Script, string | RegExp][]
).map(([what, script, end]) => ({
  row: 'T11',
  name: `${what}: not asked again`,
  via: 'scripted',
  ends: [end],
  play: async () => play((wire) => Array.from({ length: 50 }, () => script(wire)), 1),
}));

const RETRIED: readonly Special[] = [
  {
    row: 'T11',
    name: 'an outage of twenty attempts is waited out',
    via: 'scripted',
    ends: ['online'],
    play: async () =>
      play((wire) => [...Array.from({ length: 20 }, () => [wire.opens, cut()]), [wire.online(), wire.survives()]], 21),
  },
  {
    row: 'A1',
    name: 'PLAIN alone after SCRAM has worked: the pin holds',
    via: 'scripted',
    ends: ['sasl no-mechanism (sasl)'],
    play: async () =>
      play(
        (wire) => [
          [wire.online(), cut()],
          [wire.offers('PLAIN'), mute()],
        ],
        2,
      ),
  },
];

/** S8: a session is resumed by a server that counts wrongly. */
const RESUMPTIONS: readonly Special[] = ['5', '4294967295', '-1', '1e30', '', '０'].map((h) => ({
  row: 'S8',
  name: `<resumed h='${h}'/> with nothing sent`,
  via: 'scripted',
  ends: ['online'],
  notes: ['transport connection-reset (online)', 'stream undefined-condition (resume)'],
  play: async () =>
    play(
      (wire) => [
        [wire.managed(`<enabled xmlns='${NS.sm}' id='sm-1' resume='true'/>`), cut()],
        [
          wire.reopens(),
          reply(wire.header(), wire.features(BIND, `<sm xmlns='${NS.sm}'/>`)),
          wire.hears('resume'),
          reply(`<resumed xmlns='${NS.sm}' previd='sm-1' h='${h}'/>`),
          mute(),
        ],
        [wire.managed(), wire.survives()],
      ],
      3,
    ),
}));

const RESUME_SILENCE: Special = {
  row: 'T9',
  name: 'silence before <resumed/>',
  via: 'scripted',
  ends: ['online'],
  notes: ['transport connection-reset (online)', 'timeout timeout (resume)'],
  play: async () => {
    const again = (wire: Wire, ...answer: Script): Script => [
      wire.reopens(),
      reply(wire.header(), wire.features(BIND, `<sm xmlns='${NS.sm}'/>`)),
      wire.hears('resume'),
      ...answer,
    ];
    return play(
      (wire) => [
        [wire.managed(`<enabled xmlns='${NS.sm}' id='sm-1' resume='true'/>`), cut()],
        again(wire, mute()),
        again(wire, reply(`<resumed xmlns='${NS.sm}' previd='sm-1' h='0'/>`), wire.survives()),
      ],
      3,
    );
  },
};

export const RECONNECTING: readonly Special[] = [...FATAL, ...RETRIED, ...RESUMPTIONS, RESUME_SILENCE];
