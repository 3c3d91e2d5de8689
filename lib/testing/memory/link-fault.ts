/** A fault of a link. Directions are the client's: `in` is what it receives, `out` what it sends. */
export interface LinkFault {
  /** `cut`: both ends lose the connection. `stall`: nothing more passes in this direction, and nobody is told. */
  readonly kind: 'cut' | 'stall';
  readonly direction: 'in' | 'out';
  /** How many octets pass before, counted from the connection's begin, TLS or not. */
  readonly at: number;
  /** Who learns of a cut. Default `both`; the other side keeps a half-open connection. */
  readonly tell?: 'both' | 'client' | 'server';
}

/** Counts the octets of one direction and lets them pass up to the fault. */
export class FaultGate {
  readonly fault: LinkFault | undefined;
  #passed = 0;

  constructor(direction: LinkFault['direction'], faults: readonly LinkFault[] = []) {
    const mine = faults.filter((fault) => fault.direction === direction);
    this.fault = mine.sort((one, other) => one.at - other.at)[0];
  }

  /** What has happened, once it has. */
  get reached(): LinkFault['kind'] | undefined {
    return this.fault && this.#passed >= this.fault.at ? this.fault.kind : undefined;
  }

  get passed(): number {
    return this.#passed;
  }

  /** The part of `bytes` that passes. */
  pass(bytes: Uint8Array): Uint8Array {
    const room = this.fault ? this.fault.at - this.#passed : Infinity;
    const part = bytes.length > room ? bytes.subarray(0, room) : bytes;
    this.#passed += part.length;
    return part;
  }
}
