import { Subscription } from 'rxjs';
import { NS, serialize, StreamParser, xml, type XmlElement } from '../../xml/index.js';
import { later } from '../memory/later.js';
import type { FaultPhase, ServerFault } from './faults.js';
import { Negotiation } from './negotiation.js';
import { Online } from './online.js';
import type { ServerHost } from './server-host.js';
import type { ServerLogEntry } from './server-log.js';
import type { ServerPipe } from './server-pipe.js';
import type { ServerSession } from './server-session.js';
import { randomId, utf8 } from './text.js';

/** How a pipe stands to TLS when it is accepted. */
export type PipeTls =
  /** STARTTLS can be negotiated. The default where the pipe can do it. */
  | 'starttls-available'
  /** The server starts TLS at once (direct TLS, XEP-0368). */
  | 'direct'
  /** TLS is there already. */
  | 'active'
  /** There is none. */
  | 'none';

/** Who waits longer than this for a footer or the end of a connection waits no more. Milliseconds. */
const CLOSE_TIMEOUT = 5000;
/** Octets that may wait while an answer is delayed. */
const MAX_BACKLOG = 4_194_304;

type StreamEvent =
  | { readonly kind: 'open'; readonly header: XmlElement; readonly contentNs: string }
  | { readonly kind: 'element'; readonly element: XmlElement }
  | { readonly kind: 'close' }
  | { readonly kind: 'error'; readonly condition: string; readonly text: string };

/** One connection from a client: bytes to elements, elements to bytes, and the faults in between. */
export class ServerStream {
  /** Counts the server's connections from 1. */
  readonly id: number;
  /** The account once authenticated. */
  account: string | undefined;
  session: ServerSession | undefined;
  readonly host: ServerHost;
  readonly #pipe: ServerPipe;
  readonly #frames: boolean;
  readonly #tls: PipeTls;
  readonly #tasks = new Subscription();
  readonly #negotiation: Negotiation;
  readonly #online: Online;
  readonly #times = new Map<FaultPhase, number>();
  #secure: boolean;
  #parser: StreamParser | undefined;
  /** Octets that nobody has parsed yet: only up to what may restart the stream are they read. */
  #backlog: (Uint8Array | string)[] = [];
  #events: StreamEvent[] = [];
  /** An answer is delayed, and everything behind it waits. */
  #busy = false;
  #working = false;
  #headerSent = false;
  #muted = false;
  #closed = false;
  #gone = false;
  #sent = 0;
  #received = 0;

  constructor(host: ServerHost, pipe: ServerPipe, id: number, tls: PipeTls) {
    this.host = host;
    this.id = id;
    this.#pipe = pipe;
    this.#tls = tls;
    this.#frames = pipe.framing === 'frames';
    this.#secure = tls === 'active';
    this.#negotiation = new Negotiation(this);
    this.#online = new Online(this);
  }

  /** TLS is established, or was when the pipe came. */
  get secure(): boolean {
    return this.#secure;
  }

  get canStartTls(): boolean {
    return this.#tls === 'starttls-available' && !this.#secure && this.#pipe.startTls !== undefined;
  }

  get pipe(): ServerPipe {
    return this.#pipe;
  }

  /** Octets received and sent. */
  get octets(): { readonly received: number; readonly sent: number } {
    return { received: this.#received, sent: this.#sent };
  }

  start(): void {
    this.note('accepted');
    this.#pipe.onClose((error) => this.#onClose(error));
    this.answer(
      'connect',
      () => {
        if (this.#tls === 'direct')
          this.answer(
            'tls',
            () => this.#startTls(),
            () => this.cut(),
          );
        this.#checkOctets();
      },
      () => this.cut(),
    );
    this.#pipe.onData((data) => this.#onData(data));
  }

  /**
   * Does `act`, unless a fault strikes here; `refuse` is what a refusal in this phase is (default: a stream error).
   */
  answer(
    phase: FaultPhase,
    act: () => void,
    refuse: (condition: string | undefined, text: string | undefined) => void = (condition, text) =>
      this.fail(condition ?? 'internal-server-error', { text }),
    step?: number,
  ): void {
    const nth = step ?? (this.#times.get(phase) ?? 0) + 1;
    this.#times.set(phase, nth);
    const fault = this.host.faults.strike(phase, nth, this);
    if (!fault) return act();
    this.note('fault', `${fault.do} at ${phase}`);
    this.#suffer(fault, act, refuse);
  }

  writeElement(element: XmlElement): void {
    // In a frame nothing is inherited from the stream (RFC 7395 section 3.3.3).
    this.write(serialize(element, this.#frames ? '' : NS.client));
  }

  write(text: string): void {
    if (this.#muted || this.#closed || this.#gone) return;
    const octets = utf8(text);
    const end = this.host.faults.octets('sent', this.#sent, this);
    if (this.#sent + octets.length < end) {
      this.#sent += octets.length;
      this.#pipe.write(text);
    } else {
      const part = octets.subarray(0, end - this.#sent);
      this.#sent = end;
      if (part.length > 0) this.#pipe.write(part);
      this.#checkOctets();
    }
  }

  /** TLS from here on; the stream begins anew. What came before it in plaintext was injected (CVE-2011-0411). */
  startTls(): void {
    if (this.#backlog.length > 0 || this.#events.length > 0)
      return this.fail('policy-violation', { text: 'plaintext after <starttls/>' });
    this.answer(
      'starttls',
      () => {
        this.writeElement(xml('proceed', { xmlns: NS.tls }));
        this.answer(
          'tls',
          () => this.#startTls(),
          () => this.cut(),
        );
      },
      () => {
        // RFC 6120 section 5.4.2.2: after a failure the server closes the stream.
        this.writeElement(xml('failure', { xmlns: NS.tls }));
        this.close();
      },
    );
  }

  /** The client will send a new header (RFC 6120 section 4.3.3). */
  restart(): void {
    this.#parser?.dispose();
    this.#parser = undefined;
    this.#headerSent = false;
  }

  /** A stream error, and the end (RFC 6120 section 4.9.1.1). The session is over unless it is to be kept for resumption. */
  fail(condition: string, { text, application, content, keepSession = false }: StreamFailure = {}): void {
    if (this.#closed || this.#gone) return;
    this.note('stream-error', condition);
    this.#sendHeader();
    this.writeElement(
      xml(
        'error',
        { xmlns: NS.stream },
        xml(condition, { xmlns: NS.streams }, content),
        text !== undefined && xml('text', { xmlns: NS.streams }, text),
        application,
      ),
    );
    if (keepSession) this.detach();
    this.close();
  }

  /** Our footer, and the end of our side. */
  close(): void {
    if (this.#closed || this.#gone) return;
    this.note('closed');
    this.#sendHeader();
    this.write(this.#frames ? `<close xmlns='${NS.framing}'/>` : '</stream:stream>');
    this.#endSide();
    this.session?.end();
  }

  /** Drops the connection. The session is lost, not ended: it may be resumed. */
  cut(): void {
    if (this.#gone) return;
    this.#pipe.destroy();
    this.#onClose();
  }

  /** Says and heeds nothing more, and stays open. */
  mute(): void {
    this.#muted = true;
    this.#parser?.dispose();
    this.#backlog = [];
    this.#events = [];
  }

  /** The session lives without this stream. */
  detach(): void {
    const { session } = this;
    this.session = undefined;
    session?.lost();
  }

  note(event: ServerLogEntry['event'], detail?: string, element?: XmlElement): void {
    const time = this.host.settings.scheduler.now();
    this.host.log.add({
      time,
      stream: this.id,
      event,
      ...(detail === undefined ? {} : { detail }),
      ...(element && { element }),
    });
  }

  #suffer(fault: ServerFault, act: () => void, refuse: (condition?: string, text?: string) => void): void {
    switch (fault.do) {
      case 'mute':
        return this.mute();
      case 'cut':
        return this.cut();
      case 'end':
        this.detach();
        return this.#endSide();
      case 'drop':
        return;
      case 'say':
        return this.write(fault.text);
      case 'refuse':
        return refuse(fault.condition, fault.text);
      case 'delay':
        this.#busy = true;
        later(this.host.settings.scheduler, this.#tasks, fault.ms, () => {
          this.#busy = false;
          // A session that goes on elsewhere by now is told again what this stream never answered.
          if (this.#closed || this.#gone) return;
          act();
          this.#work();
        });
    }
  }

  #startTls(): void {
    this.#secure = true;
    this.restart();
    this.#backlog = [];
    this.#pipe.startTls?.();
    this.note('secured');
  }

  #onData(data: Uint8Array | string): void {
    if (this.#muted || this.#closed || this.#gone) return;
    const whole = typeof data === 'string' && !this.#frames ? utf8(data) : data;
    const size = typeof whole === 'string' ? utf8(whole).length : whole.length;
    const end = this.host.faults.octets('received', this.#received, this);
    const fits = this.#received + size < end;
    const part = fits ? whole : typeof whole === 'string' ? '' : whole.subarray(0, end - this.#received);
    this.#received = fits ? this.#received + size : end;
    if (part.length > 0) this.#backlog.push(part);
    if (this.#busy && this.#backlog.reduce((sum, { length }) => sum + length, 0) > MAX_BACKLOG) return this.cut();
    this.#work();
    if (!fits) this.#checkOctets();
  }

  /** Cuts or mutes at the octet that a fault names. */
  #checkOctets(): void {
    for (const direction of ['sent', 'received'] as const) {
      const octet = direction === 'sent' ? this.#sent : this.#received;
      const fault = this.host.faults.strikeOctet(direction, octet, this);
      if (!fault) continue;
      this.note('fault', `${fault.do} after ${octet} octets ${direction}`);
      if (fault.do === 'mute') this.mute();
      else this.cut();
    }
  }

  #work(): void {
    if (this.#working) return;
    this.#working = true;
    try {
      while (!this.#busy && !this.#closed && !this.#gone) {
        const event = this.#events.shift();
        if (event) this.#handle(event);
        else if (!this.#parseNext()) break;
      }
    } finally {
      this.#working = false;
    }
  }

  /** Feeds the parser up to where an element may end: what follows may belong to another stream. */
  #parseNext(): boolean {
    const chunk = this.#backlog.shift();
    if (chunk === undefined) return false;
    this.#parser ??= new StreamParser(
      { framing: this.#frames ? 'frames' : 'stream', limits: this.host.settings.limits },
      {
        open: (header, contentNs) => void this.#events.push({ kind: 'open', header, contentNs }),
        element: (element) => void this.#events.push({ kind: 'element', element }),
        close: () => void this.#events.push({ kind: 'close' }),
        error: ({ condition, text }) => void this.#events.push({ kind: 'error', condition, text }),
      },
    );
    if (this.#frames || this.session || typeof chunk === 'string') {
      this.#parser.write(chunk);
      return true;
    }
    const end = chunk.indexOf(0x3e) + 1;
    if (end > 0 && end < chunk.length) this.#backlog.unshift(chunk.subarray(end));
    this.#parser.write(end > 0 ? chunk.subarray(0, end) : chunk);
    return true;
  }

  #handle(event: StreamEvent): void {
    switch (event.kind) {
      case 'open':
        return this.#open(event.header, event.contentNs);
      case 'element':
        this.note('received', undefined, event.element.xmlns === NS.sasl ? xml(event.element.name) : event.element);
        return this.session
          ? this.#online.handle(this.session, event.element)
          : this.#negotiation.handle(event.element);
      case 'close':
        return this.#onFooter();
      case 'error':
        return this.fail(event.condition, { text: event.text });
    }
  }

  #open(header: XmlElement, contentNs: string): void {
    this.answer('header', () => {
      const { settings } = this.host;
      const { to, version, from } = header.attrs;
      if (!this.#frames && contentNs !== NS.client)
        return this.fail('invalid-namespace', { text: `the content namespace is not ${NS.client}` });
      if (to !== undefined && to.toLowerCase() !== settings.domain && to !== settings.domain)
        return this.fail('host-unknown');
      if (to === undefined) return this.fail('host-unknown', { text: 'the header has no "to"' });
      if (!/^[1-9]\d*\.\d+$/.test(version ?? '')) return this.fail('unsupported-version');
      // The client's address is not echoed in clear (RFC 6120 section 4.7.1).
      this.#sendHeader(this.#secure ? from : undefined);
      this.note('opened');
      this.answer('features', () => this.writeElement(this.#negotiation.features()));
    });
  }

  #sendHeader(to?: string): void {
    if (this.#headerSent) return;
    this.#headerSent = true;
    const { domain, random } = this.host.settings;
    const attrs = { id: randomId(random), from: domain, to, version: '1.0', 'xml:lang': 'en' };
    if (this.#frames) return this.write(serialize(xml('open', { xmlns: NS.framing, ...attrs }), ''));
    const empty = serialize(xml('stream', { xmlns: NS.stream, ...attrs }), '');
    this.write(`<?xml version='1.0'?>${empty.replace(/\/>$/, ` xmlns='${NS.client}'>`)}`);
  }

  #onFooter(): void {
    // The client has said goodbye, whether it is answered or not.
    this.session?.end();
    this.answer('close', () => this.close());
  }

  #onClose(error?: unknown): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#stop();
    this.#tasks.unsubscribe();
    if (!this.#closed) this.note('lost', error instanceof Error ? error.message : undefined);
    this.detach();
    if (this.account !== undefined) this.host.left(this.account);
    this.host.released(this);
  }

  #endSide(): void {
    this.#closed = true;
    this.#pipe.end();
    this.#stop();
    // A client that never ends its side must not keep the connection for ever.
    later(this.host.settings.scheduler, this.#tasks, CLOSE_TIMEOUT, () => this.cut());
  }

  #stop(): void {
    this.#parser?.dispose();
    this.#backlog = [];
    this.#events = [];
  }
}

export interface StreamFailure {
  readonly text?: string | undefined;
  /** An application-specific condition. */
  readonly application?: XmlElement;
  /** Content of the condition: where `see-other-host` points to. */
  readonly content?: string;
  readonly keepSession?: boolean;
}
