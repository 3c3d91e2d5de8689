// What is measured: each figure has its contenders (a client and a task each), and what must be reached against whom.
// `ratio` says how the figure compares: how many times less ('lower') or more ('higher') rxmpp takes, or the value itself.

/** @param scale 1 for the whole run, less for `--quick`. */
export function figures({ scale, replay, prosody }) {
  const n = (count) => Math.max(1, Math.round(count * scale));
  const receive = (transport, kind, count) => ({
    task: 'receive',
    given: { ...replay, transport, kind, count: n(count), warmUp: n(count / 3) },
  });
  const online = (transport, runs = 20) => ({ task: 'online', given: { ...prosody.plain, transport, runs: n(runs) } });
  const trips = (security, more = {}) => ({
    task: 'roundTrips',
    given: { ...prosody.tls, security, ...more },
    // A count, which a shorter run takes once.
    once: scale < 1,
  });
  const all = ['rxmpp', 'xmpp-js', 'stanza', 'strophe'];
  const overTcp = { rxmpp: 'tcp', bare: 'tcp', 'xmpp-js': 'tcp', stanza: 'ws', strophe: 'ws' };
  // It takes twenty times as long, and would be most of the run.
  const ofStanza = (client, count) => (client === 'stanza' ? count / 3 : count);
  const each = (clients, make) => Object.fromEntries(clients.map((client) => [client, make(client)]));
  const iq =
    (inFlight, count, more = {}) =>
    (client) => ({
      task: 'iq',
      given: { ...replay, transport: overTcp[client], inFlight, count: n(count), warmUp: n(count / 3), ...more },
    });
  // A session begins without stream management, as with the peers; the last two have it, and resume.
  const withoutSm = { options: { streamManagement: false, pipelining: true } };
  const managed = { options: { pipelining: true } };

  return [
    {
      name: 'receive-chat',
      title: 'receive a chat stanza (351 B) over TCP (stanza, strophe: WebSocket)',
      unit: 'us CPU',
      contenders: each(all, (client) => receive(overTcp[client], 'chat', ofStanza(client, 60_000))),
      targets: [{ against: 'xmpp-js', atLeast: 3 }],
    },
    {
      name: 'receive-archive',
      title: 'receive a 1 KB archive result over TCP (stanza, strophe: WebSocket)',
      unit: 'us CPU',
      contenders: each(all, (client) => receive(overTcp[client], 'archive', ofStanza(client, 30_000))),
      targets: [{ against: 'xmpp-js', atLeast: 2 }],
    },
    {
      name: 'receive-websocket',
      title: 'receive a chat stanza over WebSocket',
      unit: 'us CPU',
      contenders: each(all, (client) => receive('ws', 'chat', ofStanza(client, 60_000))),
      targets: [{ against: 'xmpp-js', atLeast: 3 }],
    },
    {
      name: 'parse',
      title: 'parse into trees, 64 KB chunks, geometric mean of chat, archive, presence, roster',
      unit: 'MB/s CPU',
      ratio: 'higher',
      contenders: each(['rxmpp', 'xmpp-js'], () => ({ task: 'parse', given: { runs: n(6) } })),
      targets: [{ against: 'xmpp-js', atLeast: 1 }],
    },
    {
      name: 'send',
      title: 'build and send a message, 100 in each turn of the event loop',
      unit: 'us CPU',
      contenders: each([...all, 'xmpp-js sendMany'], (client) => ({
        task: 'send',
        given: { ...replay, transport: overTcp[client.split(' ')[0]], count: n(20_000), warmUp: n(10_000) },
      })),
      targets: [{ against: 'xmpp-js', atLeast: 2.5 }],
    },
    {
      name: 'iq-100',
      title: 'an IQ and its answer, 100 in flight',
      unit: 'us CPU',
      contenders: each(all, (client) => iq(100, client === 'rxmpp' || client === 'xmpp-js' ? 30_000 : 6_000)(client)),
      targets: [{ against: 'xmpp-js', atLeast: 3 }],
    },
    {
      name: 'iq-sequential',
      title: 'an IQ and its answer, one after the other over TCP, wall clock; @xmpp/client with setNoDelay',
      unit: 'us',
      metric: 'wall',
      contenders: each(['rxmpp', 'xmpp-js', 'bare'], iq(1, 6_000, { noDelay: true })),
      targets: [{ against: 'xmpp-js', atLeast: 1.2 }],
    },
    {
      name: 'iq-awake',
      title: 'the same on processors that do not go to sleep meanwhile',
      unit: 'us',
      metric: 'wall',
      awake: true,
      contenders: each(['rxmpp', 'xmpp-js', 'bare'], iq(1, 6_000, { noDelay: true })),
      targets: [],
    },
    {
      name: 'online-cpu',
      title: 'time to online on Prosody, SCRAM-SHA-1 with 10,000 iterations, no key cached',
      unit: 'ms CPU',
      contenders: {
        rxmpp: online('tcp'),
        // Two seconds each.
        'xmpp-js': online('tcp', 5),
        stanza: online('ws'),
        strophe: online('ws'),
      },
      targets: [{ against: 'xmpp-js', atLeast: 25 }],
    },
    {
      name: 'online-websocket',
      title: 'the same over WebSocket, wall clock',
      unit: 'ms',
      metric: 'wall',
      contenders: each(['rxmpp', 'stanza', 'strophe', 'bare'], () => online('ws')),
      targets: [{ against: 'strophe', atLeast: 1.3 }],
    },
    ...[
      ['starttls', 'STARTTLS', 7, 6],
      ['direct', 'direct TLS', 6, 5],
    ].map(([security, what, first, again]) => ({
      name: `round-trips-${security}`,
      title: `round trips to online over ${what}, SCRAM and bind, TCP connect included; rxmpp with pipelining`,
      unit: 'round trips',
      contenders: {
        rxmpp: trips(security, withoutSm),
        'rxmpp again': trips(security, { ...withoutSm, again: true }),
        'rxmpp not pipelined': trips(security, { options: { streamManagement: false } }),
        'rxmpp with stream management': trips(security, managed),
        'rxmpp resumed': trips(security, { ...managed, again: true }),
        'xmpp-js': trips(security),
      },
      targets: [
        { of: 'rxmpp', atMost: first },
        { of: 'rxmpp again', atMost: again },
      ],
    })),
    {
      name: 'round-trips-websocket',
      title: 'round trips to online over WebSocket, SCRAM and bind, TCP connect included; rxmpp with pipelining',
      unit: 'round trips',
      contenders: {
        rxmpp: trips(undefined, { transport: 'ws', ...withoutSm }),
        'rxmpp again': trips(undefined, { transport: 'ws', ...withoutSm, again: true }),
        'xmpp-js': trips(undefined, { transport: 'ws' }),
        stanza: trips(undefined, { transport: 'ws' }),
        strophe: trips(undefined, { transport: 'ws' }),
      },
      targets: [],
    },
    {
      name: 'heap',
      title: 'heap of an idle TCP session, of 500 (stanza, strophe: WebSocket)',
      unit: 'KB',
      contenders: each(all, (client) => ({
        task: 'idle',
        given: { ...replay, transport: overTcp[client], sessions: n(500) },
      })),
      targets: [{ against: 'xmpp-js', atLeast: 1.6 }],
    },
    {
      name: 'retained',
      title: 'retained by a kept body of 100 characters, one of each 64 KB received',
      unit: 'KB',
      contenders: each(['rxmpp', 'xmpp-js'], (client) => ({
        task: 'retained',
        given: { ...replay, transport: overTcp[client], count: n(90_000) },
      })),
      targets: [{ of: 'rxmpp', atMost: 2 }],
    },
    {
      name: 'linear-text',
      title: 'four times as much text of one element, 1,400 B chunks, up to 4 MB, takes (4 is linear)',
      unit: 'times',
      contenders: each(['rxmpp', 'xmpp-js'], () => ({
        task: 'linear',
        once: true,
        given: { shape: 'text', runs: n(6) },
      })),
      targets: [{ of: 'rxmpp', atMost: 5.5 }],
    },
    {
      name: 'linear-octets',
      title: 'four times as much, octet by octet, up to 1 MB, takes (4 is linear)',
      unit: 'times',
      contenders: each(['rxmpp', 'xmpp-js'], () => ({
        task: 'linear',
        once: true,
        given: { shape: 'octets', runs: n(6) },
      })),
      targets: [{ of: 'rxmpp', atMost: 5.5 }],
    },
    {
      name: 'size',
      title: 'added to a browser application that has rxjs, gzip -9',
      unit: 'KB',
      contenders: each(all, () => ({ task: 'size', once: true, given: {} })),
      targets: [{ of: 'rxmpp', atMost: 20 }],
    },
  ];
}
