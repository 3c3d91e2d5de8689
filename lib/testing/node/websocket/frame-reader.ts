import { CloseCode, Opcode } from './frame.js';

/** What frames add up to. */
export interface FrameEvents {
  text(message: string): void;
  ping(payload: Uint8Array): void;
  /** The client closes. `code` is absent where it says none. */
  close(code: number | undefined): void;
  /** The client broke the protocol; nothing more is read. */
  error(code: number, reason: string): void;
}

/** Octets of the longest message: what stanzas may have is the parser's to say, and is less. */
const MAX_MESSAGE = 4 * 1024 * 1024;

interface Header {
  readonly final: boolean;
  readonly opcode: number;
  readonly length: number;
  readonly mask: Buffer;
}

/**
 * Reads the frames of a client (RFC 6455 section 5): takes them apart wherever the network has cut them, and puts messages
 * together from their fragments. No extension is ever negotiated, so none is known.
 */
export class FrameReader {
  readonly #events: FrameEvents;
  readonly #maxMessage: number;
  #chunks: Buffer[] = [];
  #length = 0;
  #header: Header | undefined;
  /** Of a message that is not complete; its first frame was text. */
  #fragments: Buffer[] | undefined;
  #messageLength = 0;
  #over = false;

  constructor(events: FrameEvents, maxMessage = MAX_MESSAGE) {
    this.#events = events;
    this.#maxMessage = maxMessage;
  }

  write(data: Buffer): void {
    if (this.#over) return;
    this.#chunks.push(data);
    this.#length += data.length;
    while (!this.#over && this.#next());
  }

  /** One step, if there are enough octets for it. */
  #next(): boolean {
    const header = (this.#header ??= this.#readHeader());
    if (!header || this.#over || this.#length < header.length) return false;
    this.#header = undefined;
    const payload = this.#take(header.length);
    for (let i = 0; i < payload.length; i++) payload[i]! ^= header.mask[i & 3]!;
    if (header.opcode >= Opcode.close) this.#control(header.opcode, payload);
    else this.#data(header, payload);
    return true;
  }

  #readHeader(): Header | undefined {
    if (this.#length < 2) return undefined;
    const [first, second] = this.#peek(2) as unknown as [number, number];
    const opcode = first & 0x0f;
    const final = (first & 0x80) !== 0;
    const short = second & 0x7f;
    if ((first & 0x70) !== 0) return this.#fail(CloseCode.protocolError, 'reserved bits are set');
    if (!Object.values<number>(Opcode).includes(opcode)) return this.#fail(CloseCode.protocolError, 'unknown opcode');
    // Section 5.1: a server closes on a frame that is not masked.
    if ((second & 0x80) === 0) return this.#fail(CloseCode.protocolError, 'a frame is not masked');
    if (opcode >= Opcode.close && (!final || short > 125))
      return this.#fail(CloseCode.protocolError, 'a control frame is long or fragmented');
    // RFC 7395 section 3.2: text alone.
    if (opcode === Opcode.binary) return this.#fail(CloseCode.unsupported, 'a binary message');
    if ((opcode === Opcode.continuation) !== (this.#fragments !== undefined) && opcode < Opcode.close)
      return this.#fail(CloseCode.protocolError, 'fragments out of order');
    const extended = short === 126 ? 2 : short === 127 ? 8 : 0;
    if (this.#length < 6 + extended) return undefined;
    const octets = this.#take(6 + extended);
    const length = extended === 2 ? octets.readUInt16BE(2) : extended === 8 ? Number(octets.readBigUInt64BE(2)) : short;
    if (opcode < Opcode.close && this.#messageLength + length > this.#maxMessage)
      return this.#fail(CloseCode.tooBig, `a message is longer than ${this.#maxMessage} octets`);
    return { final, opcode, length, mask: octets.subarray(-4) };
  }

  #data({ final }: Header, payload: Buffer): void {
    this.#fragments ??= [];
    this.#fragments.push(payload);
    this.#messageLength += payload.length;
    if (!final) return;
    const whole = Buffer.concat(this.#fragments);
    this.#fragments = undefined;
    this.#messageLength = 0;
    let text: string;
    try {
      text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(whole);
    } catch {
      return void this.#fail(CloseCode.notUtf8, 'a message is not UTF-8');
    }
    this.#events.text(text);
  }

  #control(opcode: number, payload: Buffer): void {
    if (opcode === Opcode.ping) return this.#events.ping(payload);
    if (opcode !== Opcode.close) return;
    if (payload.length === 1) return void this.#fail(CloseCode.protocolError, 'half a close code');
    this.#over = true;
    this.#events.close(payload.length === 0 ? undefined : payload.readUInt16BE(0));
  }

  #fail(code: number, reason: string): undefined {
    this.#over = true;
    this.#chunks = [];
    this.#events.error(code, reason);
  }

  #peek(count: number): Buffer {
    // Joined only once there is enough, or a long message in small pieces would be copied again and again.
    if (this.#chunks[0]!.length < count) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0]!.subarray(0, count);
  }

  /** A copy: it is unmasked in place. */
  #take(count: number): Buffer {
    if (count === 0) return Buffer.alloc(0);
    const taken = Buffer.from(this.#peek(count));
    const rest = this.#chunks[0]!.subarray(count);
    if (rest.length > 0) this.#chunks[0] = rest;
    else this.#chunks.shift();
    this.#length -= count;
    return taken;
  }
}
