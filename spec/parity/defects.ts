/** A change of ours that gives a client one of their defects, and the spec that is to notice. */
export interface Defect {
  /** As in the table of defects. */
  readonly id: string;
  /** What the change makes of the client. */
  readonly effect: string;
  /** The file that is changed. */
  readonly file: string;
  /** Each text, which stands there once, and what takes its place. */
  readonly edits: readonly (readonly [find: string, replace: string])[];
  readonly spec: string;
  /** How the title begins of the specs, or of their suite. It begins with the number of the defect. */
  readonly title: string;
}

/**
 * Every defect, most of them as they were: where our shape has no place for one, it is the nearest change with the same effect for
 * whoever uses the client, and a comment says so.
 */
export const defects: readonly Defect[] = [
  {
    id: 'D1',
    effect: 'giving up dials the next target',
    file: 'lib/transport/in-turn.ts',
    edits: [
      [
        'tap(() => (opened = true)),',
        `tap({
          next: () => (opened = true),
          unsubscribe: () => { if (!opened) attempt(index + 1).subscribe({ error: () => undefined }); },
        }),`,
      ],
    ],
    spec: 'spec/transport/node/tcp-spec.ts',
    title: 'D1: unsubscribing while the first of two targets is dialled dials no other',
  },
  {
    id: 'D1',
    effect: 'targets after the first have no timer',
    file: 'lib/transport/node/dial-target.ts',
    edits: [
      // Which target is the first is not known there: the second of the spec is `b`.
      ['const due = timeouts.target;', "const due = text.startsWith('b:') ? 1e9 : timeouts.target;"],
    ],
    spec: 'spec/transport/node/tcp-spec.ts',
    title: 'D1: each target has a timer of its own',
  },
  {
    id: 'D2',
    effect: 'the timer of a look-up outlives it',
    // It finds nobody: the attempt that it would end is all that it knows of. That it is there at all is the defect.
    file: 'lib/transport/look-up.ts',
    edits: [['return defer(query).pipe(', 'scheduler.schedule(() => undefined, due);\n  return defer(query).pipe(']],
    spec: 'spec/transport/node/tcp-spec.ts',
    title: 'D2, D3: unsubscribing during SRV cancels the queries and the timer',
  },
  {
    id: 'D3',
    effect: 'an end during the look-up is not told',
    file: 'lib/client/attempt.ts',
    edits: [
      [
        "    this.end(() => {\n      this.#tell({ type: 'failed'",
        "    if (known.phase === 'resolve') return super.unsubscribe();\n    this.end(() => {\n      this.#tell({ type: 'failed'",
      ],
      ['if (cancelled) this', "if (cancelled && this.phase !== 'resolve') this"],
    ],
    spec: 'spec/client/ends-spec.ts',
    title: 'D3: an end during the look-up is told exactly once',
  },
  {
    id: 'D4',
    effect: 'the header after STARTTLS may take for ever',
    file: 'lib/stream/open-stream.ts',
    edits: [
      [
        "bounded('open', stage)",
        "bounded('open', stream.connection.tls ? { ...stage, timeouts: { ...stage.timeouts, open: Infinity } } : stage)",
      ],
    ],
    spec: 'spec/client/silence-spec.ts',
    title: 'D4: silence at every server step',
  },
  {
    id: 'D4',
    effect: 'the header after authentication may take for ever',
    file: 'lib/stream/open-stream.ts',
    edits: [
      [
        "bounded('open', stage)",
        "bounded('open', authenticated ? { ...stage, timeouts: { ...stage.timeouts, open: Infinity } } : stage)",
      ],
    ],
    spec: 'spec/client/silence-spec.ts',
    title: 'D4: silence at every server step',
  },
  {
    id: 'D5',
    effect: 'authenticating and binding are told as offline',
    // There are no flags beside the status, so it is the status that says the wrong thing.
    file: 'lib/client/status.ts',
    edits: [
      [
        'if (!KINDS.test(kind)) return undefined;',
        "if (!KINDS.test(kind)) return undefined;\n  if (kind === 'authenticating' || kind === 'binding') return { kind: 'offline' };",
      ],
    ],
    spec: 'spec/client/xmpp-client-spec.ts',
    title: 'D5: each stage up to the session',
  },
  {
    id: 'D6',
    effect: '`family` has no effect',
    // A transport is made anew for other options; what is left of the defect is that the option is not heeded.
    file: 'lib/transport/node/dial-target.ts',
    edits: [['{ resolver, family = 0 }: Dialer,', '{ resolver, as: family = 0 }: Dialer & { as?: 0 | 4 | 6 },']],
    spec: 'spec/transport/node/tcp-spec.ts',
    title: 'D6: keeps to one family',
  },
  {
    id: 'D7',
    effect: 'the resource of one attempt is asked for in the next',
    // The state hangs on the function, since nothing else outlives the attempt.
    file: 'lib/stream/features/bind.ts',
    edits: [
      [
        'switchMap((other) => ask(other ?? undefined,',
        'switchMap((other) => ask(((bind as { stale?: string }).stale = other ?? undefined),',
      ],
      ['return ask(resource, 1)', 'return ask((bind as { stale?: string }).stale ?? resource, 1)'],
    ],
    spec: 'spec/stream/features/resource-conflict-spec.ts',
    title: 'D7: is forgotten with the attempt',
  },
  {
    id: 'D8',
    effect: 'what is held back in one session goes out in the next',
    file: 'lib/session/intercept.ts',
    edits: [
      [
        'for (const outgoing of held) lose(outgoing, reason);',
        'for (const outgoing of held) if (reason) ends.memory.waiting.push(outgoing);',
      ],
    ],
    spec: 'spec/session/intercept-spec.ts',
    title: 'D8: what they hold back when the session is lost',
  },
  {
    id: 'D8',
    effect: 'what waits for one account goes out on the session of the next',
    file: 'lib/client/account.ts',
    edits: [
      ['super(new SessionMemory(', 'super((Account as { shared?: SessionMemory }).shared ??= new SessionMemory('],
      ['this.memory.stop(lost(text, cause instanceof XmppError ? cause : undefined));', ''],
    ],
    spec: 'spec/session/delivery-spec.ts',
    title: 'D8: options that are replaced',
  },
  {
    id: 'D9',
    effect: 'an error of bind that is no conflict is asked about again',
    file: 'lib/stream/features/bind.ts',
    edits: [
      ['if (!isConflict || !onConflict', 'if (!isConflict) return ask(wanted, conflicts);\n        if (!onConflict'],
    ],
    spec: 'spec/stream/features/bind-spec.ts',
    title: 'D9: ',
  },
  {
    id: 'D10',
    effect: 'authenticated without a resource, and nobody is told',
    file: 'lib/stream/negotiate.ts',
    edits: [
      [
        'this.subscriber.next({ stream, jid, resumed });',
        'this.subscriber.next({ stream, jid, resumed });\n    if (authenticated) return;',
      ],
    ],
    spec: 'spec/stream/features/bind-spec.ts',
    title: 'D10: nothing to bind by',
  },
  {
    id: 'D11',
    effect: 'a filtered stanza stays among those to be acknowledged',
    file: 'lib/session/intercept.ts',
    edits: [['outgoing.filtered();', 'ends.memory.sent(outgoing);']],
    spec: 'spec/session/intercept-spec.ts',
    title: 'D11: a stanza that is dropped settles its own delivery',
  },
  {
    id: 'D12',
    effect: 'edits of presences are discarded',
    file: 'lib/session/intercept.ts',
    edits: [['ends.take(result)', "ends.take(stanza.name === 'presence' ? stanza : result)"]],
    spec: 'spec/session/intercept-spec.ts',
    title: 'D12: edits of presences are what is received',
  },
  {
    id: 'D13',
    effect: 'a refused registration looks like one that went well',
    file: 'lib/stream/features/request.ts',
    edits: [
      ["if (answer.attrs.type === 'error') throw", "if (answer.attrs.type === 'error' && phase !== 'register') throw"],
    ],
    spec: 'spec/extensions/registration-spec.ts',
    title: 'D13: what the server refuses is told',
  },
  {
    id: 'D14',
    effect: 'certificates are verified against the host',
    file: 'lib/transport/node/secure-socket.ts',
    edits: [['return checkIdentity(domain, raw);', "return checkIdentity(peer.split(':')[0]!, raw);"]],
    spec: 'spec/transport/node/tls-spec.ts',
    title: 'D14: certificates are verified against the domain of the JID',
  },
  {
    id: 'D14',
    effect: 'a TLS option drops the verification of names',
    file: 'lib/transport/node/secure-socket.ts',
    edits: [['return checkIdentity(domain, raw);', 'return options.ca ? undefined : checkIdentity(domain, raw);']],
    spec: 'spec/transport/node/tls-spec.ts',
    title: 'D14: lets no option change which name is asked for and verified',
  },
  {
    id: 'D15',
    effect: 'what comes behind <proceed/> is let pass',
    // It is not processed either: the stream over TLS has a parser of its own. That it is not refused is what is left of the defect.
    file: 'lib/stream/xml-stream.ts',
    edits: [['this.#parser!.seal(reason);', "if (reason !== 'tls') this.#parser!.seal(reason);"]],
    spec: 'spec/stream/start-tls-spec.ts',
    title: 'D15: plaintext after <proceed/>',
  },
  {
    id: 'D16',
    effect: 'the features are those of when it began to listen',
    file: 'lib/p2p/node/p2p-listen.ts',
    edits: [
      ['let peers = 0;', 'let peers = 0;\n  const features = [...(options.features ?? [])];'],
      ['{ scheduler = asyncScheduler, features, limits }', '{ scheduler = asyncScheduler, limits }'],
    ],
    spec: 'spec/p2p/node/p2p-spec.ts',
    title: 'D16: features are those of the hook',
  },
  {
    id: 'D16',
    effect: 'a listener takes one stream, and no other',
    file: 'lib/p2p/node/p2p-listen.ts',
    edits: [['sessionOn(socket, ++peers)', '(++peers > 1 ? EMPTY : sessionOn(socket, peers))']],
    spec: 'spec/p2p/node/p2p-spec.ts',
    title: 'D16: features are those of the hook',
  },
  {
    id: 'D17',
    effect: 'what is not acknowledged is not sent again',
    file: 'lib/session/live-session.ts',
    edits: [['for (const outgoing of unacknowledged) {', 'for (const outgoing of unacknowledged.slice(0, 0)) {']],
    spec: 'spec/session/stream-management-spec.ts',
    title: 'D17: resends what was not acknowledged',
  },
  {
    id: 'D17',
    effect: 'h wraps to one',
    file: 'lib/stream/management/unacknowledged.ts',
    edits: [['return (counter + 1) >>> 0;', 'return (counter % 0xffffffff) + 1;']],
    spec: 'spec/session/stream-management-spec.ts',
    title: 'D17: wraps at 2^32',
  },
  {
    id: 'D18',
    effect: 'a stream that we ended ourselves is not come back from',
    file: 'lib/client/is-retryable.ts',
    edits: [["error.origin === 'local' || ", '']],
    spec: 'spec/client/reconnect-spec.ts',
    title: 'D18: which errors are retried',
  },
  {
    id: 'G1',
    effect: 'an old attempt closes the socket of the new one',
    // Sockets are objects here, and not numbers that are used again: the old one has to be shown the newest.
    file: 'lib/transport/node/socket-resource.ts',
    edits: [
      [
        'class OpenSocket implements Unsubscribable, SocketHolder {',
        'class OpenSocket implements Unsubscribable, SocketHolder {\n  static newest: OpenSocket;',
      ],
      ['this.#socket = socket;', 'this.#socket = socket;\n    OpenSocket.newest = this;'],
      ['else socket.destroy();', 'else setImmediate(() => OpenSocket.newest.#socket.destroy());'],
    ],
    spec: 'spec/transport/node/tcp-spec.ts',
    title: 'G1: a new attempt through switchMap never sees the socket of the old one',
  },
  {
    id: 'G2',
    effect: 'the timer of the next address is neither cancelled nor checked',
    file: 'lib/transport/happy-eyeballs.ts',
    edits: [
      ['if (won || subscriber.closed || started', 'if (started'],
      ['              nextStart.unsubscribe();\n', ''],
    ],
    spec: 'spec/transport/happy-eyeballs-spec.ts',
    title: 'G2: leaves no timer once it is won, lost or given up',
  },
  {
    id: 'G3',
    effect: 'one address of each family is tried',
    file: 'lib/transport/node/dial-target.ts',
    edits: [
      [
        'return interleaveFamilies(usable);',
        'return [4, 6].flatMap((kind) => usable.filter((one) => one.family === kind).slice(0, 1));',
      ],
    ],
    spec: 'spec/transport/node/tcp-spec.ts',
    title: 'G3: tries the next address of a host at once where one refuses',
  },
  {
    id: 'G3',
    effect: 'an address that fails at once does not start the next',
    file: 'lib/transport/happy-eyeballs.ts',
    edits: [['} else {\n              startNext();', '} else {']],
    spec: 'spec/transport/node/tcp-spec.ts',
    title: 'G3: tries the next address of a host at once where one refuses',
  },
  {
    id: 'G4',
    effect: 'the error of the last address is all that is kept',
    file: 'lib/transport/happy-eyeballs.ts',
    edits: [['allFailed(candidates.map((_, at) => errors.get(at)))', 'allFailed([error])']],
    spec: 'spec/transport/node/tcp-spec.ts',
    title: 'G4: keeps the errors of all addresses, and tells of each',
  },
  {
    id: 'G4',
    effect: 'the error of the last target is all that is kept',
    file: 'lib/transport/in-turn.ts',
    edits: [['errors.push(error);', 'errors.splice(0, 1, error);']],
    spec: 'spec/transport/node/tcp-spec.ts',
    title: 'G4: keeps the errors of all targets where all are dead',
  },
];
