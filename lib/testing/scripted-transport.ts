import { Observable, type SchedulerLike } from 'rxjs';
import type { ChannelBindingType, Connection, Transport } from '../transport/transport.js';
import { later } from './memory/later.js';
import type { LinkFault } from './memory/link-fault.js';
import { ScriptError } from './script/script-error.js';
import { ScriptRun } from './script/script-run.js';
import { flatten, type Script } from './script/steps.js';

export interface ScriptedTransportOptions {
  /** `stream` (default): bytes, RFC 6120; `frames`: one text a message, RFC 7395. */
  readonly framing?: Connection['framing'];
  /** TLS from the beginning (direct TLS). `true` says that the protocol is unknown. Default: none, STARTTLS is possible. */
  readonly tls?: NonNullable<Connection['tls']> | boolean;
  /**
   * How the bytes of replies are cut into chunks: as each `reply` gives them (`whole`, default), every octet by itself, or
   * in two at this octet of the whole connection. A frame is never cut.
   */
  readonly split?: 'whole' | 'every-byte' | number;
  /** Milliseconds between the chunks of one reply. Default 0: one after the other in the same moment. */
  readonly gap?: number;
  /** Milliseconds until the connection is ready (default 0); `Infinity` never is. */
  readonly connectDelay?: number;
  /** In place of a connection: the error that `connect` ends with, after `connectDelay`. */
  readonly refuse?: unknown;
  /** Cuts and stalls by octet, in either direction. */
  readonly faults?: readonly LinkFault[];
  /** Channel-binding data of the secured connection. Default: none. */
  readonly channelBinding?: (type: ChannelBindingType) => Uint8Array | undefined;
  /** Default: that of each attempt's context. */
  readonly scheduler?: SchedulerLike;
}

export interface ScriptedTransport extends Transport {
  /** All that passed, in order. `out` is what the client sent, `in` what it was sent; `time` is the scheduler's. */
  readonly log: readonly { readonly time: number; readonly direction: 'in' | 'out'; readonly text: string }[];
  /** All that the client sent, over all connections, as one text. */
  readonly sent: string;
  /** How often `connect` was subscribed to, and how many of these are still held. */
  readonly connections: number;
  readonly open: number;
  /** Throws a `ScriptError` that says what went wrong: the first difference, or the step at which a script stopped. */
  verify(): void;
}

/** One script for each connection in turn; one connection more than there are scripts is an error. */
export function perConnection(...scripts: readonly Script[]): { readonly scripts: readonly Script[] } {
  return { scripts };
}

/**
 * A transport whose server is a script: what it expects, what it answers, when, and how it fails. In virtual or in real
 * time, by the scheduler of the attempt. Every connection plays the script from its beginning.
 *
 * ```ts
 * const transport = scriptedTransport([
 *   expects(`<stream:stream to='example.org' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>`),
 *   reply(`<stream:stream id='1' from='example.org' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>`),
 *   reply(`<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>`),
 *   exchange([`<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>`, `<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>`]),
 *   startTls({ ms: 20 }),
 *   ...
 *   exchange([`<iq type='get' id='{id}'><ping xmlns='urn:xmpp:ping'/></iq>`, `<iq type='result' id='{id}'/>`]),
 *   after(100),
 *   cut(),
 * ], { split: 'every-byte' });
 * ...
 * transport.verify();
 * ```
 *
 * Steps: `expects(xml | RegExp | function, { loose })`, `expectsEnd()`, `reply(...)`, `exchange([expects, reply], ...)`, `after(ms)`,
 * `startTls({ tls, error, ms })`, `cut(error?)`, `end()`, `mute()`, `stall()`, `unstall()`, `run(task)`; see each. In XML, `*` stands for
 * any attribute value, text or content, and `{name}` for a text that is remembered, and filled in where a reply names it.
 *
 * A client that does not keep to the script loses the connection with a `ScriptError`, and `verify` throws that. A footer
 * after the last step is welcome; anything else is not. After `mute` all is.
 *
 * Answers come in the frame of what they answer, but never within `write`: each turn is a task of the scheduler with delay 0.
 */
export function scriptedTransport(
  script: Script | { readonly scripts: readonly Script[] },
  options: ScriptedTransportOptions = {},
): ScriptedTransport {
  const runs: ScriptRun[] = [];
  const log: { time: number; direction: 'in' | 'out'; text: string }[] = [];
  let connections = 0;
  let open = 0;
  let surplus: ScriptError | undefined;

  return {
    name: 'scripted',
    connect: (context) =>
      new Observable((subscriber) => {
        const { framing = 'stream', split = 'whole', gap = 0, connectDelay = 0, faults = [], channelBinding } = options;
        const scheduler = options.scheduler ?? context.scheduler;
        const mine = 'scripts' in script ? script.scripts[connections] : script;
        connections++;
        open++;
        subscriber.add(() => open--);
        if (connectDelay === Infinity) return;
        later(scheduler, subscriber, connectDelay, () => {
          if (options.refuse !== undefined) return subscriber.error(options.refuse);
          if (!mine)
            return subscriber.error((surplus ??= new ScriptError(`there is no script for connection ${connections}`)));
          const run = new ScriptRun(
            {
              steps: flatten(mine),
              scheduler,
              framing,
              tls: options.tls === true ? { protocol: 'unknown' } : options.tls || undefined,
              split,
              gap,
              faults,
              channelBinding,
              log: (direction, text) => void log.push({ time: scheduler.now(), direction, text }),
            },
            subscriber,
          );
          runs.push(run);
          subscriber.add(() => run.close());
          run.start();
        });
      }),
    get log() {
      return log;
    },
    get sent() {
      return log
        .filter(({ direction }) => direction === 'out')
        .map(({ text }) => text)
        .join('');
    },
    get connections() {
      return connections;
    },
    get open() {
      return open;
    },
    verify() {
      const failure = surplus ?? runs.find((run) => run.failure)?.failure;
      if (failure) throw failure;
      for (const [index, { unfinished }] of runs.entries())
        if (unfinished !== undefined) throw new ScriptError(`connection ${index + 1} stopped: ${unfinished}`);
      const scripts = 'scripts' in script ? script.scripts.length : 1;
      if (options.refuse === undefined && runs.length < scripts)
        throw new ScriptError(`${scripts} connections were expected, ${runs.length} were made`);
    },
  };
}
