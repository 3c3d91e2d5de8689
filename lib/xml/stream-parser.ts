import { StreamError } from '../errors/stream-error.js';
import { TlsError } from '../errors/tls-error.js';
import * as NS from './namespaces.js';
import { TreeBuilder } from './tree-builder.js';
import { completeEnd, concat, decode, encode, NOTHING, notUtf8 } from './utf8.js';
import type { XmlElement } from './xml-element.js';
import { checkLimit, unexpected, XmlFault } from './xml-fault.js';
import { xmlLimits, type XmlLimits } from './xml-limits.js';

export interface StreamParserOptions {
  /** `stream`: one document whose root stays open (RFC 6120); `frames`: each write is one element (RFC 7395). */
  readonly framing: 'stream' | 'frames';
  readonly limits?: Partial<XmlLimits>;
}

/** What a parser calls, synchronously from within `write`, `end` or `seal`. Nothing is called after `error`. */
export interface StreamParserHandlers {
  /**
   * The peer's header: `<stream:stream>` or `<open/>`, without children. `contentNs` is the default namespace that it
   * declares (RFC 6120 section 4.8.2), `''` with `frames`.
   */
  open(header: XmlElement, contentNs: string): void;
  /** A complete element at the top level of the stream. */
  element(element: XmlElement): void;
  /** The peer's footer: `</stream:stream>`, or `<close/>`, which is given since it can say where else to go. */
  close(footer?: XmlElement): void;
  /** The first fault, and the last call. */
  error(error: StreamError | TlsError): void;
}

/**
 * How much is decoded and parsed at a time. V8's substrings keep the string alive that they were cut from: a small slice
 * bounds what one kept text retains. Slices of 4096 octets would take a tenth less time, and retain 4 KB.
 */
const SLICE = 1536;
/** Thrown through the tokenizer to leave it at once after a handler ended the parsing. */
const STOP = {};

/**
 * Parses what a peer sends on one stream: octets or text in, elements out, as soon as each is complete.
 *
 * The first fault ends it (RFC 6120 section 4.9.1.1): conditions are `not-well-formed`, `restricted-xml` (section 11.1),
 * `unsupported-encoding` (octets that are not UTF-8, or declared to be something else), `bad-namespace-prefix`,
 * `invalid-namespace` and `bad-format` (a wrong header or wrong things at the top level), and `policy-violation` (`limits`).
 * What came before the fault was told before it, however the input was cut into chunks.
 *
 * White space between elements is taken for keep-alives and not told (section 4.6.1).
 *
 * A restart (TLS, SASL) needs a new parser; `seal` the old one. An exception from a handler passes through `write` and
 * leaves the parser disposed.
 */
export class StreamParser extends TreeBuilder {
  readonly #handlers: StreamParserHandlers;
  readonly #frames: boolean;
  /**
   * How the parsing ended: sealed, so that nothing more is expected, and what comes nevertheless is a fault; or dead, since a
   * fault was told or the parser disposed of.
   */
  #end: 'tls' | 'restart' | 'dead' | undefined;
  #opened = false;
  #closed = false;

  /** Octets taken since the last element at the top level ended. */
  #used = 0;
  /** Whether white space came since. */
  #whitespace = false;

  #writing = false;
  /** What was written from within a handler. */
  readonly #waiting: (Uint8Array | string)[] = [];
  /** What is being written, from where on it is not decoded yet, and what is known to be wrong with it after that. */
  #octets: Uint8Array = NOTHING;
  #offset = 0;
  #fault: XmlFault | undefined;
  /** Of a character that is not complete: up to three octets, or one half of a pair of surrogates. */
  #pending: Uint8Array = NOTHING;
  #high = '';
  /** Elements completed in the current frame. */
  #inFrame = 0;

  constructor({ framing, limits }: StreamParserOptions, handlers: StreamParserHandlers) {
    const frames = framing === 'frames';
    super(xmlLimits(limits), !frames);
    this.#handlers = handlers;
    this.#frames = frames;
  }

  /** Parses a chunk, or with `frames` a whole frame. After a fault or `dispose` it does nothing. */
  write(chunk: Uint8Array | string): void {
    if (this.#end) {
      if (this.#breaksSeal(chunk)) this.#failSealed();
      return;
    }
    if (this.#writing) {
      this.#waiting.push(chunk);
      return;
    }
    this.#writing = true;
    try {
      for (let next: typeof chunk | undefined = chunk; next !== undefined; next = this.#waiting.shift())
        this.#parse(next);
    } catch (error) {
      if (error instanceof XmlFault) this.#fail(error);
      else if (error !== STOP) {
        this.dispose();
        throw error;
      }
    } finally {
      this.#writing = false;
      this.#octets = NOTHING;
    }
  }

  /**
   * Ends the parsing after the element that is being told, because the stream is restarted there. A restart is safe only
   * if nothing follows before it: octets that are there already, or come later, are told as an error (injected before TLS:
   * `TlsError` `data-after-proceed`; before a restart after SASL, where white space may follow: `StreamError`
   * `policy-violation`).
   */
  seal(reason: 'tls' | 'restart'): void {
    if (this.#end) return;
    this.#end = reason;
    const left = [this.rest, this.#octets.subarray(this.#offset), ...this.#waiting];
    if (
      left.some((chunk) => this.#breaksSeal(chunk)) ||
      !this.#atRest ||
      (reason === 'tls' && this.#whitespace) ||
      this.#fault
    )
      this.#failSealed();
  }

  /** The peer ended its side. An error if that is within an element or a character; the footer is not insisted on. */
  end(): void {
    if (!this.#end && !this.#atRest) this.#fail(new XmlFault('not-well-formed', 'unexpected end'));
    this.dispose();
  }

  /** From here on nothing is called, not even for the rest of a chunk that is being parsed. */
  dispose(): void {
    this.#end = 'dead';
    this.#waiting.length = 0;
  }

  #parse(chunk: Uint8Array | string): void {
    if (this.#frames) {
      this.#inFrame = this.#used = 0;
      checkLimit('stanzaBytes', chunk.length, this.limits.stanzaBytes);
    }
    let text: string | undefined;
    let all: Uint8Array;
    if (typeof chunk === 'string') {
      all = encode(chunk);
      // As long in octets is ASCII: it is sound, and most of what comes.
      text = all.length === chunk.length && !this.#high ? chunk : this.#whole(chunk);
      // A frame of text is at fault as a whole.
      if (this.#frames && this.#fault) throw this.#fault;
      if (text !== chunk) all = encode(text);
    } else all = chunk;
    this.#octets = all;
    this.#offset = 0;
    while (this.#offset < all.length) {
      // Never more than the limit goes to the tokenizer, so what is buffered there is bounded, whatever it is.
      checkLimit('stanzaBytes', this.#used + 1, this.limits.stanzaBytes);
      const left = all.length - this.#offset;
      const size = Math.min(left, this.limits.stanzaBytes - this.#used, SLICE);
      let slice = all;
      if (text === undefined || size < all.length) {
        // A view of one kind, whatever is given (Node's sockets give a Buffer): engines read it faster then.
        slice = new Uint8Array(all.buffer, all.byteOffset + this.#offset, size);
        // Nothing is cut in two where that can be helped.
        if (size < left) slice = slice.subarray(0, slice.lastIndexOf(0x3e) + 1 || SLICE);
      }
      this.#offset += slice.length;
      this.#used += slice.length;
      if (slice === all && text !== undefined && this.#pending.length === 0) this.tokenize(text, slice);
      else this.#take(slice);
    }
    if (this.#fault) throw this.#fault;
    if (this.#frames && (this.#inFrame !== 1 || !this.#atRest)) throw notOneElement();
  }

  /** The text up to what no XML may hold beyond ASCII. Half a pair of surrogates at the end of a chunk waits for the other half. */
  #whole(chunk: string): string {
    const text = this.#high + chunk;
    const end = text.search(/[\ud800-\udfff\ufffe\uffff]/u);
    this.#high = '';
    if (end < 0) return text;
    const char = text[end]!;
    if (end === text.length - 1 && char < '\udc00' && !this.#frames) this.#high = char;
    else this.#fault = char < '\ufffe' ? notUtf8() : unexpected(char);
    return text.slice(0, end);
  }

  #take(slice: Uint8Array): void {
    let octets = this.#pending.length > 0 ? concat(this.#pending, slice) : slice;
    const end = completeEnd(octets);
    this.#pending = NOTHING;
    if (end < octets.length) {
      // Copied, as a socket may use its buffer again.
      this.#pending = octets.slice(end);
      octets = octets.subarray(0, end);
    }
    const [text, sound, fault] = decode(octets);
    if (fault) this.#fault = fault;
    this.tokenize(text, sound);
    if (fault) throw fault;
  }

  /** Whether no element, tag or character is unfinished. */
  get #atRest(): boolean {
    return this.atTop && this.betweenTokens && this.#pending.length === 0 && this.#high === '';
  }

  protected root(header: XmlElement, contentNs: string): void {
    if (header.name !== 'stream') throw unexpected(header.name, 'bad-format');
    if (header.xmlns !== NS.stream) throw unexpected(header.xmlns, 'invalid-namespace');
    this.#opened = true;
    this.#tell('open', header, contentNs);
  }

  protected top(name: string, xmlns: string): void {
    if (this.#inFrame > 0) throw notOneElement();
    // Frames have no root: the stream is unfinished business until `<open/>` came, and over after `<close/>`. And no other header
    // may follow (CVE-2022-22787).
    const wrong =
      this.#frames &&
      (this.#closed ||
        (xmlns === NS.framing ? !(name === 'close' || (name === 'open' && !this.#opened)) : !this.#opened));
    if (wrong || (xmlns === NS.stream && name !== 'features' && name !== 'error')) throw unexpected(name, 'bad-format');
  }

  protected element(element: XmlElement): void {
    if (this.#frames) {
      this.#inFrame++;
      // Nothing of a frame counts unless all of it is right.
      if (this.#fault) throw this.#fault;
      if (this.rest.length > 0 || this.#offset < this.#octets.length || !this.#atRest) throw notOneElement();
      if (element.xmlns === NS.framing) {
        if (element.children.length > 0) throw unexpected(element.name, 'bad-format');
        if (element.name === 'open') {
          this.#opened = true;
          this.#tell('open', element, '');
        } else this.rootEnd(element);
        return;
      }
    }
    this.#tell('element', element);
    // The header and the first element, its features, last as long as the stream.
    this.kept = false;
  }

  protected rootEnd(footer?: XmlElement): void {
    this.#closed = true;
    this.#tell('close', footer);
  }

  protected whitespace(): void {
    if (this.#frames) throw unexpected(' ', 'bad-format');
    this.#boundary();
    this.#whitespace = true;
  }

  #boundary(): void {
    this.#used = this.rest.length + this.#pending.length;
    this.#whitespace = false;
  }

  #tell(what: 'open' | 'element' | 'close', element: XmlElement | undefined, contentNs?: string): void {
    this.#boundary();
    (this.#handlers[what] as (element?: XmlElement, contentNs?: string) => void)(element, contentNs);
    if (this.#end) throw STOP;
  }

  #breaksSeal(chunk: Uint8Array | string): boolean {
    if (this.#end === 'dead') return false;
    const octets = typeof chunk === 'string' ? encode(chunk) : chunk;
    return octets.some((octet) => this.#end === 'tls' || ![9, 10, 13, 32].includes(octet));
  }

  #failSealed(): void {
    const tls = this.#end === 'tls';
    this.dispose();
    this.#handlers.error(
      tls
        ? new TlsError({ condition: 'data-after-proceed' })
        : new StreamError({ condition: 'policy-violation', text: 'data before the restart' }),
    );
  }

  #fail({ condition, text }: XmlFault): void {
    if (this.#end === 'dead') return;
    this.dispose();
    // Most often a wrong port: a web server, SSH, TLS.
    this.#handlers.error(
      new StreamError({ condition, text: this.#opened ? text : `the peer begins no XMPP stream (${text})` }),
    );
  }
}

const notOneElement = (): XmlFault => new XmlFault('bad-format', 'a frame must hold exactly one element');
