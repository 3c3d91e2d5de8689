import { Subscription, VirtualTimeScheduler } from 'rxjs';
import type { ConnectContext, Connection, Transport } from '../../../lib/transport/transport.js';

/** A minute for everything: these specs are not about timeouts. */
const timeouts = Object.fromEntries(
  'resolve target connect tls open features starttls sasl bind close deadline'.split(' ').map((name) => [name, 60_000]),
) as unknown as ConnectContext['timeouts'];

export function contextOf(scheduler: VirtualTimeScheduler, domain = 'example.org'): ConnectContext {
  return { domain, tls: 'required', timeouts, scheduler, random: () => 0.5, trace: () => undefined };
}

/** A client without any protocol: it holds one connection in virtual time, and notes all that comes. */
export class Attempt {
  readonly scheduler: VirtualTimeScheduler;
  /** `next:<text>`, `complete`, `error:<message>`, of the connection and of its input, with the time where it is not 0. */
  readonly events: string[] = [];
  readonly chunks: (Uint8Array | string)[] = [];
  readonly subscription = new Subscription();
  connection: Connection | undefined;
  #input: Subscription | undefined;
  #decoder = new TextDecoder();

  constructor(transport: Transport, scheduler = new VirtualTimeScheduler(), onText?: (text: string) => void) {
    this.scheduler = scheduler;
    this.onText = onText;
    this.subscription.add(
      transport.connect(contextOf(scheduler)).subscribe({
        next: (connection) => this.use(connection),
        error: (error: Error) => this.note(`connection error: ${error.message}`),
        complete: () => this.note('connection complete'),
      }),
    );
  }

  onText: ((text: string) => void) | undefined;

  get text(): string {
    return this.chunks
      .map((chunk) => (typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('latin1')))
      .join('');
  }

  note(event: string): void {
    const time = this.scheduler.now();
    this.events.push(time ? `${time} ${event}` : event);
  }

  /** Reads from this connection from now on. */
  use(connection: Connection): void {
    this.connection = connection;
    this.note(connection.tls ? 'secured' : 'connected');
    this.read();
  }

  read(): void {
    this.#input = this.connection!.input$.subscribe({
      next: (chunk) => {
        this.chunks.push(chunk);
        this.onText?.(typeof chunk === 'string' ? chunk : this.#decoder.decode(chunk, { stream: true }));
      },
      error: (error: Error) => this.note(`input error: ${error.message}`),
      complete: () => this.note('input complete'),
    });
  }

  pause(): void {
    this.#input?.unsubscribe();
  }

  secure(): void {
    this.pause();
    this.subscription.add(
      this.connection!.startTls!().subscribe({
        next: (connection) => this.use(connection),
        error: (error: Error) => this.note(`tls error: ${error.message}`),
        complete: () => this.note('tls complete'),
      }),
    );
  }

  write(text: string): this {
    this.connection!.write(text);
    return this.flush();
  }

  /** Runs all that is due, for `ms` virtual milliseconds or until nothing is left. */
  flush(ms = Infinity): this {
    this.scheduler.maxFrames = ms === Infinity ? Infinity : this.scheduler.now() + ms;
    this.scheduler.flush();
    return this;
  }
}
