/**
 * Where the server is when a fault strikes: about to
 * - `connect`: accept the connection; `tls`: shake hands (direct TLS, or after `<proceed/>`);
 * - `header`: answer the client's header; `features`: send features (of any of the streams: see `nth`);
 * - `starttls`: answer `<starttls/>`; `sasl`: answer a step (`nth` 1 is the answer to `<auth/>`);
 * - `bind`, `session`, `enable`, `resume`: answer these;
 * - `online`: handle a stanza of a bound session; `ack`: answer `<r/>`; `iq`: answer an IQ request that is for the server;
 * - `close`: answer the client's footer.
 */
export type FaultPhase =
  | 'connect'
  | 'tls'
  | 'header'
  | 'features'
  | 'starttls'
  | 'sasl'
  | 'bind'
  | 'session'
  | 'enable'
  | 'resume'
  | 'online'
  | 'ack'
  | 'iq'
  | 'close';

/**
 * A fault on request.
 * - `mute`: from here on the stream says nothing and heeds nothing, but stays open; the half-open peer;
 * - `cut`: the connection is dropped; `end`: our side is ended, without a footer;
 * - `drop`: this one answer is not given, everything else goes on;
 * - `delay`: the answer comes `ms` later, and so does everything behind it;
 * - `refuse`: the answer is a refusal with `condition`: a SASL or TLS failure, a stanza error, `<failed/>`, else a stream error;
 * - `say`: `text` is written as it is, in place of the answer.
 */
export type ServerFault = {
  /** A phase, or an octet of the connection: `{ sent: n }`, `{ received: n }` (with `cut` and `mute` only). */
  readonly at: FaultPhase | { readonly sent: number } | { readonly received: number };
  /** Which time a connection is in this phase, from 1. For `sasl` the step. Default: every time. */
  readonly nth?: number;
  /** How often the fault strikes before it is over. Default: for ever. */
  readonly times?: number;
  /** Only connections that this accepts, by their number from 1 and the account once it is known. */
  readonly only?: (stream: { readonly id: number; readonly account: string | undefined }) => boolean;
} & (
  | { readonly do: 'mute' | 'cut' | 'end' | 'drop' }
  | { readonly do: 'delay'; readonly ms: number }
  | { readonly do: 'refuse'; readonly condition?: string; readonly text?: string }
  | { readonly do: 'say'; readonly text: string }
);

interface Armed {
  readonly fault: ServerFault;
  left: number;
}

/** The faults of one server. */
export class Faults {
  readonly #armed: Armed[] = [];

  constructor(faults: readonly ServerFault[] = []) {
    for (const fault of faults) this.add(fault);
  }

  /** Returns what takes the fault away again. */
  add(fault: ServerFault): () => void {
    const armed = { fault, left: fault.times ?? Infinity };
    this.#armed.push(armed);
    return () => this.#remove(armed);
  }

  clear(): void {
    this.#armed.length = 0;
  }

  /** The first fault for this phase, used up by the asking. */
  strike(phase: FaultPhase, nth: number, stream: { id: number; account: string | undefined }): ServerFault | undefined {
    return this.#find((fault) => fault.at === phase && (fault.nth ?? nth) === nth && (fault.only?.(stream) ?? true));
  }

  /** The nearest octet of this direction at which a fault strikes. */
  octets(direction: 'sent' | 'received', from: number, stream: { id: number; account: string | undefined }): number {
    return Math.min(
      ...this.#armed.map(({ fault }) => {
        const octet = octetOf(fault, direction);
        return octet !== undefined && octet >= from && (fault.only?.(stream) ?? true) ? octet : Infinity;
      }),
      Infinity,
    );
  }

  strikeOctet(
    direction: 'sent' | 'received',
    octet: number,
    stream: { id: number; account: string | undefined },
  ): ServerFault | undefined {
    return this.#find((fault) => octetOf(fault, direction) === octet && (fault.only?.(stream) ?? true));
  }

  #find(test: (fault: ServerFault) => boolean): ServerFault | undefined {
    const armed = this.#armed.find(({ fault }) => test(fault));
    if (armed && --armed.left <= 0) this.#remove(armed);
    return armed?.fault;
  }

  #remove(armed: Armed): void {
    const index = this.#armed.indexOf(armed);
    if (index >= 0) this.#armed.splice(index, 1);
  }
}

function octetOf(fault: ServerFault, direction: 'sent' | 'received'): number | undefined {
  return typeof fault.at === 'object' ? (fault.at as { sent?: number; received?: number })[direction] : undefined;
}
