import type { XmppStatus } from '../../client/status.js';
import { XmppError } from '../../errors/index.js';
import type { Delivery } from '../../session/delivery.js';
import type { TraceEvent } from '../../trace/lifecycle-event.js';
import type { XmlElement } from '../../xml/index.js';
import { explain } from '../explain.js';
import { visible } from '../visible.js';
import { describeEvent } from './describe-event.js';
import { describeStanza, typeOf } from './describe-stanza.js';
import type { Colour, Paint } from './paint.js';
import type { Reporter } from './reporter.js';
import { Stopwatches } from './stopwatch.js';

const EVENT_COLOURS: Partial<Record<TraceEvent['type'], Colour>> = {
  online: 'green',
  failed: 'red',
  'target-failed': 'red',
  cancelled: 'yellow',
  redirected: 'yellow',
};

const MILESTONES: ReadonlySet<TraceEvent['type']> = new Set([
  'connecting',
  'secured',
  'authenticating',
  'resuming',
  'online',
  'closing',
  'closed',
  'failed',
  'cancelled',
] as const);

/** The widest name of a client in the demonstration. */
const CLIENT_WIDTH = 6;

/** Writes lines for people: `out` for what happens, `err` for remarks and errors. */
export class TextReporter implements Reporter {
  readonly #stopwatches = new Stopwatches();
  #brief = false;

  constructor(
    private readonly out: (line: string) => void,
    private readonly err: (line: string) => void,
    private readonly paint: Paint,
  ) {}

  trace(event: TraceEvent, client?: string): void {
    const elapsed = this.#stopwatches.elapsed(event, client);
    const clock = `${String(elapsed).padStart(6)} ms`;
    if (this.#brief && !MILESTONES.has(event.type)) return;
    const detail = visible(describeEvent(event));
    const name = this.paint(EVENT_COLOURS[event.type], detail ? event.type.padEnd(15) : event.type);
    this.#line(client, `${this.paint('dim', `#${event.attempt} ${clock}`)}  ${name}${detail && ` ${detail}`}`);
  }

  /** Only the wait for the next attempt: all else is told by the trace. */
  status(status: XmppStatus, client?: string): void {
    if (status.kind !== 'waiting') return;
    const again = `waiting ${(status.delay / 1000).toFixed(1)} s for the next attempt: ${explain(status.error)}`;
    this.#line(client, this.paint('yellow', again));
  }

  stanza(stanza: XmlElement, client?: string): void {
    const from = stanza.attrs.from ?? '(the server)';
    const line = `<- ${stanza.name} ${typeOf(stanza)} from ${visible(from)}  ${visible(describeStanza(stanza))}`;
    this.#line(client, this.paint('cyan', line.trimEnd()));
  }

  /** On the way: of interest to machines only. */
  delivery(): void {
    return;
  }

  delivered({ stanza, state }: Delivery, client?: string): void {
    this.#line(client, `${this.#outgoing(stanza)}  ${this.paint('green', state)}`);
  }

  undelivered(stanza: XmlElement, error: unknown): void {
    const why = error instanceof XmppError ? `${error.condition}: ${error.text}` : String(error);
    this.err(visible(`rxmpp: ${this.#outgoing(stanza)}  ${why}`));
  }

  scene(title: string, about: string, brief = false): void {
    this.#brief = brief;
    this.out(`\n${this.paint('bold', title)}\n${this.paint('dim', about)}\n`);
  }

  check(claim: string, holds: boolean): void {
    this.out(holds ? this.paint('green', `  ok   ${claim}`) : this.paint('red', `  FAIL ${claim}`));
  }

  conclusion(text: string): void {
    this.out(`\n${this.paint('bold', text)}`);
  }

  note(text: string): void {
    this.err(visible(`rxmpp: ${text}`));
  }

  error(error: unknown): void {
    this.err(`rxmpp: ${explain(error)}`);
  }

  #outgoing(stanza: XmlElement): string {
    return visible(`-> ${stanza.name} to ${stanza.attrs.to ?? '(the server)'}  ${describeStanza(stanza)}`);
  }

  #line(client: string | undefined, text: string): void {
    this.out(client === undefined ? text : `${this.paint('bold', client.padEnd(CLIENT_WIDTH))}${text}`);
  }
}
