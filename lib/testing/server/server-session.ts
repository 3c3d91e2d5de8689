import { Subscription } from 'rxjs';
import { NS, xml, type XmlElement } from '../../xml/index.js';
import { later } from '../memory/later.js';
import { qualified } from './elements.js';
import type { ServerStream } from './server-stream.js';
import type { ServerSettings } from './settings.js';
import type { StreamManagement } from './stream-management.js';

/** What a session tells the server. */
export interface SessionHost {
  readonly settings: ServerSettings;
  /** The session is over: for the router to take it out, and hand back what it has not acknowledged. */
  ended(session: ServerSession): void;
}

/**
 * A bound resource. With stream management it outlives its stream: it waits, and queues what is sent to it, until it is
 * resumed or its time is over.
 */
export class ServerSession {
  readonly account: string;
  readonly resource: string;
  /** The full JID. */
  readonly jid: string;
  /** The last available presence, if the resource is available. */
  presence: XmlElement | undefined;
  /** Whether the legacy session was established. */
  established = false;
  management: StreamManagement | undefined;
  readonly #host: SessionHost;
  #stream: ServerStream | undefined;
  #ended = false;
  #requested = false;
  #unasked = 0;
  readonly #tasks = new Subscription();
  #expiry: Subscription | undefined;
  #request: Subscription | undefined;

  constructor(host: SessionHost, stream: ServerStream, account: string, resource: string) {
    this.#host = host;
    this.#stream = stream;
    this.account = account;
    this.resource = resource;
    this.jid = `${account}@${host.settings.domain}/${resource}`;
  }

  /** `undefined` while the session waits to be resumed. */
  get stream(): ServerStream | undefined {
    return this.#stream;
  }

  get connected(): boolean {
    return this.#stream !== undefined;
  }

  get ended(): boolean {
    return this.#ended;
  }

  get priority(): number {
    const text = this.presence?.child('priority')?.text().trim() ?? '';
    return /^[+-]?\d{1,3}$/.test(text) ? Number(text) : 0;
  }

  /** Sends a stanza to the client, now or when it is back. */
  send(stanza: XmlElement): void {
    if (this.#ended) return;
    const whole = qualified(stanza);
    this.management?.push(whole);
    this.#stream?.writeElement(whole);
    this.#ask();
  }

  acknowledged(): void {
    this.#requested = false;
    this.#unasked = this.management?.unacked.length ?? 0;
    this.#ask(0);
  }

  /** The stream is lost without a word. */
  lost(): void {
    if (this.#ended || !this.#stream) return;
    this.#stream = undefined;
    this.#request?.unsubscribe();
    const { management } = this;
    if (!management?.resumable) return this.end();
    this.#expiry = later(this.#host.settings.scheduler, this.#tasks, management.max * 1000, () => this.end());
  }

  /** Goes on over another stream: what the client has not seen is sent again, in order (XEP-0198 section 5). */
  resume(stream: ServerStream): void {
    this.#expiry?.unsubscribe();
    this.#stream = stream;
    this.#requested = false;
    for (const stanza of this.management?.unacked ?? []) stream.writeElement(stanza);
    this.#unasked = this.management?.unacked.length ?? 0;
    this.#ask(0);
  }

  /** Over for good. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#stream = undefined;
    this.#tasks.unsubscribe();
    this.#host.ended(this);
  }

  /** Over as if it had never been: the server has crashed. */
  abandon(): void {
    this.#ended = true;
    this.#stream = undefined;
    this.#tasks.unsubscribe();
  }

  /** Requests an acknowledgement: after so many stanzas, or after a while. One request is open at a time. */
  #ask(added = 1): void {
    const options = this.#host.settings.streamManagement;
    if (!this.management || !options || !this.#stream) return;
    this.#unasked += added;
    if (this.#requested || this.#unasked === 0) return;
    if (options.requestEvery > 0 && this.#unasked >= options.requestEvery) return this.#askNow();
    if (options.requestAfter > 0 && (!this.#request || this.#request.closed)) {
      const { scheduler } = this.#host.settings;
      this.#request = later(scheduler, this.#tasks, options.requestAfter, () => {
        this.#request = undefined;
        if (this.#unasked > 0 && !this.#requested) this.#askNow();
      });
    }
  }

  #askNow(): void {
    this.#request?.unsubscribe();
    this.#request = undefined;
    this.#requested = true;
    this.#unasked = 0;
    this.#stream?.writeElement(xml('r', { xmlns: NS.sm }));
  }
}
