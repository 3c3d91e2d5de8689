import { Observable, Subscription, type SchedulerLike, type Subscriber } from 'rxjs';
import { TlsError, TransportError } from '../../errors/index.js';
import type { ChannelBindingType, Connection } from '../../transport/transport.js';
import { serialize, StreamParser } from '../../xml/index.js';
import { later } from '../memory/later.js';
import { FaultGate, type LinkFault } from '../memory/link-fault.js';
import { MemoryConnection, type MemoryPeer } from '../memory/memory-connection.js';
import { diffEvents, fill, match, show } from './match.js';
import { ScriptError } from './script-error.js';
import type { Reply, ScriptStep, WireEvent } from './steps.js';

export interface ScriptRunInit {
  readonly steps: readonly ScriptStep[];
  readonly scheduler: SchedulerLike;
  readonly framing: Connection['framing'];
  readonly tls: Connection['tls'];
  readonly split: 'whole' | 'every-byte' | number;
  readonly gap: number;
  readonly faults: readonly LinkFault[];
  readonly channelBinding: ((type: ChannelBindingType) => Uint8Array | undefined) | undefined;
  readonly log: (direction: LinkFault['direction'], text: string) => void;
}

const UNKNOWN_TLS: NonNullable<Connection['tls']> = { protocol: 'unknown' };

/** One connection that plays a script. */
export class ScriptRun {
  readonly captures: Record<string, string> = Object.create(null);
  /** Why the script failed, if it did. */
  failure: ScriptError | undefined;
  #connection: MemoryConnection;
  readonly #init: ScriptRunInit;
  readonly #subscriber: Subscriber<Connection>;
  readonly #tasks = new Subscription();
  readonly #in: FaultGate;
  readonly #out: FaultGate;
  #cursor = 0;
  #waiting = false;
  #running = false;
  #muted = false;
  #closed = false;
  #clientEnded = false;
  #serverEnded = false;
  /** What the client sent and no expectation has taken yet: text of a byte stream, or messages. */
  #pending: string[] = [];
  #decoder = new TextDecoder();
  #parser: StreamParser | undefined;
  #events: WireEvent[] = [];
  #malformed: unknown;
  #handshake: Subscriber<Connection> | undefined;
  #secured: Subscriber<Connection> | undefined;

  constructor(init: ScriptRunInit, subscriber: Subscriber<Connection>) {
    this.#init = init;
    this.#subscriber = subscriber;
    this.#in = new FaultGate('in', init.faults);
    this.#out = new FaultGate('out', init.faults);
    this.#connection = this.#connect(init.tls);
  }

  start(): void {
    this.#subscriber.next(this.#connection);
    if (this.#in.reached === 'cut' || this.#out.reached === 'cut') this.#lose(lost());
    else this.#advance();
  }

  close(): void {
    if (this.#closed) return;
    // Closing hands over what was written: the script may still expect it.
    this.#connection.close();
    this.#closed = true;
    this.#tasks.unsubscribe();
    this.#parser?.dispose();
  }

  /** Why the script is not done, or `undefined`. */
  get unfinished(): string | undefined {
    const step = this.#init.steps[this.#cursor];
    if (!step || step.step === 'mute') return undefined;
    const what = step.step === 'expect' ? `awaits ${describe(step)}` : `is ${describe(step)}`;
    const sent = this.#pending.join('');
    return `${this.#where()} ${what}${sent ? `; the client has sent ${sent}` : ''}`;
  }

  // The steps.

  #advance(): void {
    if (this.#running) return;
    this.#running = true;
    try {
      while (!this.#closed && !this.#waiting && !this.failure && this.#cursor < this.#init.steps.length) {
        if (!this.#perform(this.#init.steps[this.#cursor]!)) return;
        this.#cursor++;
      }
      if (this.#cursor >= this.#init.steps.length) this.#checkRest();
    } finally {
      this.#running = false;
    }
  }

  /** Returns whether the step is done. */
  #perform(step: ScriptStep): boolean {
    switch (step.step) {
      case 'expect':
        return this.#expect(step);
      case 'expect-end':
        if (this.#pending.join('').trim() !== '') this.#mismatch('the end of the connection', this.#pending.join(''));
        return this.#clientEnded;
      case 'reply':
        return this.#reply(step.replies);
      case 'after':
        this.#pause(step.ms);
        return true;
      case 'start-tls':
        return this.#startTls(step);
      case 'cut':
        this.#lose(step.error ?? lost());
        return true;
      case 'end':
        this.#endServer();
        return true;
      case 'mute':
        this.#muted = true;
        return false;
      case 'stall':
        this.#connection.stall(step.stalled);
        return true;
      case 'run':
        this.#guard(() => step.task(this.captures));
        return true;
    }
  }

  #expect(step: ScriptStep & { step: 'expect' }): boolean {
    const event = this.#take(step);
    if (this.#malformed !== undefined) {
      const reason = this.#malformed instanceof Error ? this.#malformed.message : String(this.#malformed);
      this.#mismatch(describe(step), `what is no XML: ${reason}`);
      return false;
    }
    if (!event) {
      if (this.#clientEnded) this.#mismatch(describe(step), 'the end of the connection');
      return false;
    }
    const difference = this.#guard(() =>
      match(step.expected, event, { ...this.#init, loose: step.loose, captures: this.captures }),
    );
    if (!difference) return !this.failure;
    const { path, expected, received } = difference;
    const shown = path === undefined ? '' : `\n  at        ${path}: expected ${expected}, received ${received}`;
    const diff = diffEvents(step.expected, event, this.#init.framing);
    this.#mismatch(describe(step), show(event) + shown + (diff === undefined ? '' : `\n${diff}`));
    return false;
  }

  #reply(replies: readonly Reply[]): boolean {
    const parts = this.#guard(() => replies.map((part) => this.#render(part)));
    if (!parts) return false;
    if (this.#init.framing === 'frames') {
      for (const part of parts) this.#deliver(part);
      return true;
    }
    const chunks = this.#chunks(
      concat(parts.map((part) => (typeof part === 'string' ? new TextEncoder().encode(part) : part))),
    );
    if (this.#init.gap === 0) {
      for (const chunk of chunks) this.#deliver(chunk);
      return true;
    }
    chunks.forEach((chunk, index) =>
      later(this.#init.scheduler, this.#tasks, index * this.#init.gap, () => this.#deliver(chunk)),
    );
    this.#pause((chunks.length - 1) * this.#init.gap);
    return true;
  }

  #startTls({ tls, error, ms = 0 }: ScriptStep & { step: 'start-tls' }): boolean {
    const subscriber = this.#handshake;
    if (!subscriber) {
      if (this.#pending.join('').trim() !== '') this.#mismatch('the client to start TLS', this.#pending.join(''));
      return false;
    }
    if (ms === Infinity) return true;
    this.#waiting = true;
    later(this.#init.scheduler, this.#tasks, ms, () => {
      this.#waiting = false;
      if (error !== undefined) return this.#lose(error);
      if (this.#connection.unread) return this.#lose(plaintext());
      this.#handshake = undefined;
      this.#pending = [];
      this.#resetParser();
      this.#secured = subscriber;
      const plain = this.#connection;
      plain.close();
      this.#connection = this.#connect(tls ?? UNKNOWN_TLS, plain);
      subscriber.next(this.#connection);
      this.#advance();
    });
    return true;
  }

  #pause(ms: number): void {
    if (ms === Infinity) this.#muted = true;
    this.#waiting = true;
    if (ms !== Infinity)
      later(this.#init.scheduler, this.#tasks, ms, () => {
        this.#waiting = false;
        this.#advance();
      });
  }

  // What the client does.

  #connect(tls: Connection['tls'], before?: MemoryConnection): MemoryConnection {
    const peer: MemoryPeer = {
      receive: (text) => this.#receive(text),
      end: () => {
        this.#clientEnded = true;
        this.#advance();
        this.#completeIfBothEnded();
      },
      channelBinding: (type) => this.#init.channelBinding?.(type),
      ...(this.#init.framing === 'stream' && tls === undefined ? { startTls: () => this.#secure() } : {}),
    };
    const { framing, scheduler } = this.#init;
    return new MemoryConnection({ framing, tls, scheduler, peer, before });
  }

  #secure(): Observable<Connection> {
    return new Observable((subscriber) => {
      if (this.#connection.unread) {
        subscriber.error(plaintext());
        return undefined;
      }
      this.#handshake = subscriber;
      later(this.#init.scheduler, this.#tasks, 0, () => this.#advance());
      return () => this.close();
    });
  }

  #receive(text: string): void {
    const passed = this.#out.pass(new TextEncoder().encode(text));
    const heard =
      this.#init.framing === 'frames'
        ? this.#out.reached
          ? ''
          : text
        : this.#decoder.decode(passed, { stream: true });
    if (heard) this.#init.log('out', heard);
    if (!this.#muted && heard) this.#pending.push(heard);
    if (this.#out.reached === 'cut') this.#lose(lost());
    else this.#advance();
  }

  /** The next thing that the client sent, read no further than needed: what follows may belong to a new stream. */
  #take(step: ScriptStep & { step: 'expect' }): WireEvent | undefined {
    if (this.#init.framing === 'frames') {
      const message = this.#pending.shift();
      if (message === undefined) return undefined;
      if (/^\s*<open[\s/>]/.test(message)) this.#resetParser();
      this.#feed(message);
      return this.#events.shift();
    }
    let text = this.#pending.join('');
    if (typeof step.expected === 'string' && step.expected.trim() === '') {
      const space = /^\s+/.exec(text)?.[0];
      if (space !== undefined) this.#pending = [text.slice(space.length)];
      return space === undefined ? undefined : { kind: 'whitespace' };
    }
    // A header begins a new document, wherever it comes.
    if (/^\s*<(\?xml|(\w+:)?stream[\s>])/.test(text)) this.#resetParser();
    while (this.#events.length === 0 && this.#malformed === undefined) {
      const length = text.indexOf('>') + 1;
      if (length === 0) break;
      this.#feed(text.slice(0, length));
      text = text.slice(length);
    }
    this.#pending = text ? [text] : [];
    return this.#events.shift();
  }

  #feed(text: string): void {
    this.#parser ??= new StreamParser(
      { framing: this.#init.framing },
      {
        open: (header, contentNs) => void this.#events.push({ kind: 'open', header, contentNs }),
        element: (element) => void this.#events.push({ kind: 'element', element }),
        close: () => void this.#events.push({ kind: 'close' }),
        error: (error) => (this.#malformed = error),
      },
    );
    this.#parser.write(text);
  }

  #resetParser(): void {
    this.#parser?.dispose();
    this.#parser = undefined;
    this.#events = [];
  }

  #checkRest(): void {
    if (this.#muted) return;
    const rest = this.#pending.join('').trim();
    // A client that is released says goodbye: that needs no line in every script. An element that is not whole yet is
    // judged once it is.
    if (rest === '' || /^(<\/stream:stream>|<close [^>]*\/>)$/.test(rest) || /^\s*<[^>]*$/.test(rest)) return;
    this.#mismatch('nothing more', rest);
  }

  // What the server does.

  #render(part: Reply): string | Uint8Array {
    const value = typeof part === 'function' ? part(this.captures) : part;
    if (value instanceof Uint8Array) return value;
    const text = typeof value === 'string' ? value : serialize(value);
    return typeof part === 'function' ? text : fill(text, this.captures);
  }

  #chunks(bytes: Uint8Array): Uint8Array[] {
    const { split } = this.#init;
    if (split === 'every-byte') return Array.from(bytes, (_, index) => bytes.subarray(index, index + 1));
    if (split === 'whole') return [bytes];
    const at = split - this.#in.passed;
    return at > 0 && at < bytes.length ? [bytes.subarray(0, at), bytes.subarray(at)] : [bytes];
  }

  #deliver(chunk: Uint8Array | string): void {
    if (this.#closed) return;
    if (typeof chunk === 'string') {
      this.#in.pass(new TextEncoder().encode(chunk));
      if (this.#in.reached === undefined) this.#push(chunk, chunk);
    } else {
      const passed = this.#in.pass(chunk);
      if (passed.length > 0) this.#push(passed, new TextDecoder().decode(passed));
    }
    if (this.#in.reached === 'cut') this.#lose(lost());
  }

  #push(chunk: Uint8Array | string, text: string): void {
    this.#init.log('in', text);
    this.#connection.push(chunk);
  }

  #endServer(): void {
    this.#serverEnded = true;
    if (this.#in.reached) return;
    this.#connection.finish();
    this.#completeIfBothEnded();
  }

  #completeIfBothEnded(): void {
    if (!this.#serverEnded || !this.#clientEnded || this.#closed) return;
    later(this.#init.scheduler, this.#tasks, 0, () => {
      this.#secured?.complete();
      this.#subscriber.complete();
    });
  }

  #lose(error: unknown): void {
    if (this.#closed) return;
    this.#muted = true;
    this.#connection.fail(error);
    // After `input$`, which may still be reading what arrived before.
    later(this.#init.scheduler, this.#tasks, 0, () => {
      this.#handshake?.error(error);
      this.#secured?.error(error);
      this.#subscriber.error(error);
    });
  }

  #mismatch(expected: string, received: string): void {
    this.#fail(
      `${this.#where()}: the client did not keep to the script\n  expected  ${expected}\n  received  ${received}`,
    );
  }

  #fail(text: string): void {
    if (this.failure) return;
    this.failure = new ScriptError(text);
    this.#lose(this.failure);
  }

  /** A script's own functions and templates may be wrong: that fails the script, not the scheduler. */
  #guard<T>(task: () => T): T | undefined {
    try {
      return task();
    } catch (error) {
      this.#fail(`${this.#where()}: ${error instanceof Error ? error.message : String(error)}`);
      return undefined;
    }
  }

  #where(): string {
    return `step ${Math.min(this.#cursor + 1, this.#init.steps.length)} of ${this.#init.steps.length}`;
  }
}

function describe(step: ScriptStep): string {
  if (step.step !== 'expect') return step.step;
  const { expected } = step;
  return typeof expected === 'function' ? expected.name || 'what a function accepts' : String(expected);
}

function lost(): TransportError {
  return new TransportError({ condition: 'connection-reset', text: 'the scripted connection was cut' });
}

/** What the handshake takes for TLS records. */
function plaintext(): TlsError {
  return new TlsError({
    condition: 'handshake-failed',
    phase: 'tls',
    text: 'plaintext in place of a TLS record',
  });
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
