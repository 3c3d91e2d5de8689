import { Observable, Subject, VirtualTimeScheduler } from 'rxjs';
import type { DnsMessage, MulticastDns, MulticastGroup } from '../../../lib/node.js';

/** A local network in virtual time: what one sends, all hear a millisecond later, itself too. */
export class MemoryMdns {
  readonly scheduler = new VirtualTimeScheduler(undefined, 0);
  /** What was sent, by whom and when. */
  readonly sent: { readonly at: number; readonly by: string; readonly message: DnsMessage }[] = [];
  /** How many groups are joined. */
  joined = 0;
  /** What is lost. */
  lost: (message: DnsMessage, to: string) => boolean = () => false;
  readonly #members = new Map<Subject<DnsMessage>, string>();

  machine(name: string, addresses: readonly string[] = ['10.0.0.1']): MulticastDns {
    return {
      join: () =>
        new Observable<MulticastGroup>((subscriber) => {
          const message$ = new Subject<DnsMessage>();
          this.#members.set(message$, name);
          this.joined++;
          subscriber.add(() => {
            this.#members.delete(message$);
            this.joined--;
          });
          const send = (message: DnsMessage) => this.#send(name, message);
          subscriber.next({ host: `${name}.local`, addresses, message$: message$.asObservable(), send });
        }),
    };
  }

  /** Says something that nobody's code made. */
  inject(message: DnsMessage): void {
    this.#send('injected', message);
  }

  /** Goes on by so many milliseconds. */
  pass(milliseconds: number): void {
    this.scheduler.maxFrames = this.scheduler.frame + milliseconds;
    this.scheduler.schedule(() => undefined, milliseconds);
    this.scheduler.flush();
    // `flush` stays at the last action.
    this.scheduler.frame = this.scheduler.maxFrames;
  }

  #send(by: string, message: DnsMessage): void {
    this.sent.push({ at: this.scheduler.now(), by, message });
    this.scheduler.schedule(() => {
      for (const [member, name] of [...this.#members]) if (!this.lost(message, name)) member.next(message);
    }, 1);
  }
}
