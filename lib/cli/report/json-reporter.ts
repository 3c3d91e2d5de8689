import type { XmppStatus } from '../../client/status.js';
import { XmppError } from '../../errors/index.js';
import type { Delivery } from '../../session/delivery.js';
import type { TraceEvent } from '../../trace/lifecycle-event.js';
import type { XmlElement } from '../../xml/index.js';
import { explain } from '../explain.js';
import { INVISIBLE } from '../visible.js';
import type { Reporter } from './reporter.js';
import { Stopwatches } from './stopwatch.js';

/**
 * Writes one JSON object a line, for machines. The first field, `event`, says which fields follow:
 * - `trace`: `attempt`, `ms` (since the attempt began), `time` (since 1970), `type`, and those of the lifecycle event;
 * - `status`: `kind`, and those of the status;
 * - `stanza`: `name`, `type`, `from`, `to`, `id`, `body`, where it has them, and `xml`, all of it;
 * - `delivery`: `id`, `to`, `state`; `undelivered`: `id`, `to`, `error`;
 * - `error`: `layer`, `condition`, `phase`, `retryable`, `text`, `sentence` (for people), `exitCode`;
 * - `scene`: `title`, `about`; `check`: `claim`, `holds`; `conclusion`: `text` (of the demonstration);
 * - `diagnosis`: all that `rxmpp doctor` found out, and `findings`.
 *
 * Each has `client` too where there are several. Errors within others are `{ name, layer, condition, phase, retryable, text }`.
 */
export class JsonReporter implements Reporter {
  readonly #stopwatches = new Stopwatches();

  constructor(
    private readonly out: (line: string) => void,
    private readonly err: (line: string) => void,
  ) {}

  trace(event: TraceEvent, client?: string): void {
    const { attempt, time, type, ...rest } = event;
    this.write('trace', { client, attempt, ms: this.#stopwatches.elapsed(event, client), time, type, ...rest });
  }

  status(status: XmppStatus, client?: string): void {
    this.write('status', { client, ...status });
  }

  stanza(stanza: XmlElement, client?: string): void {
    const { type, from, to, id } = stanza.attrs;
    const body = stanza.child('body')?.text();
    this.write('stanza', { client, name: stanza.name, type, from, to, id, body, xml: stanza.toString() });
  }

  delivery({ stanza, state }: Delivery, client?: string): void {
    const { id, to } = stanza.attrs;
    this.write('delivery', { client, id, to, state });
  }

  delivered(): void {
    return;
  }

  undelivered(stanza: XmlElement, error: unknown, client?: string): void {
    const { id, to } = stanza.attrs;
    this.write('undelivered', { client, id, to, error: error instanceof XmppError ? error : String(error) });
  }

  scene(title: string, about: string): void {
    this.write('scene', { title, about });
  }

  check(claim: string, holds: boolean): void {
    this.write('check', { claim, holds });
  }

  conclusion(text: string): void {
    this.write('conclusion', { text });
  }

  note(text: string): void {
    this.err(`rxmpp: ${text}`);
  }

  /** To people as well: whoever reads the lines of a pipe may be elsewhere. */
  error(error: unknown, exitCode: number): void {
    const sentence = explain(error);
    const known = error instanceof XmppError ? error.toJSON() : {};
    this.write('error', { ...known, sentence, exitCode });
    this.err(`rxmpp: ${sentence}`);
  }

  /** One line of output. What a terminal would obey is escaped, in case it ends up on one. */
  write(event: string, fields: object): void {
    const json = JSON.stringify({ event, ...fields });
    this.out(json.replace(INVISIBLE, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`));
  }
}
