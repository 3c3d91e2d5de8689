import { StreamError } from '../errors/stream-error.js';
import { TlsError } from '../errors/tls-error.js';
import { NS } from './namespaces.js';
import { Tokenizer } from './tokenizer.js';
import { TreeBuilder, type TreeSink } from './tree-builder.js';
import { Utf8Decoder } from './utf8-decoder.js';
import type { XmlElement } from './xml-element.js';
import { checkLimit, excerpt, XmlFault } from './xml-fault.js';
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
const NOTHING = new Uint8Array(0);
const LONE_SURROGATE = /[\ud800-\udfff]/u;
/** Thrown through the tokenizer to leave it at once after a handler ended the parsing. */
const STOP = Symbol('stop');

const enum State {
  Running,
  /** Nothing more is expected; what comes nevertheless is a fault. */
  Sealed,
  /** A fault was told, or the parser disposed of. */
  Dead,
}

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
export class StreamParser {
  readonly #handlers: StreamParserHandlers;
  readonly #limits: XmlLimits;
  readonly #frames: boolean;
  readonly #tokenizer: Tokenizer;
  readonly #tree: TreeBuilder;
  readonly #decoder = new Utf8Decoder();
  #state: State = State.Running;
  #begun = false;
  #opened = false;
  #closed = false;
  #seal: 'tls' | 'restart' | undefined;

  /** Octets taken since the last element at the top level ended. */
  #used = 0;
  /** Whether white space came since. */
  #whitespace = false;
  /** Characters of the slice being parsed that come after the last boundary; -1 if there was none in it. */
  #afterBoundary = -1;

  #writing = false;
  /** What was written from within a handler. */
  readonly #waiting: (Uint8Array | string)[] = [];
  #bytes: Uint8Array = NOTHING;
  #offset = 0;
  #highSurrogate = '';
  /** Elements completed in the current frame. */
  #inFrame = 0;

  constructor({ framing, limits }: StreamParserOptions, handlers: StreamParserHandlers) {
    this.#handlers = handlers;
    this.#limits = xmlLimits(limits);
    this.#frames = framing === 'frames';
    const sink: TreeSink = {
      root: (header, contentNs) => this.#onRoot(header, contentNs),
      top: (name, xmlns) => this.#onTop(name, xmlns),
      element: (element) => this.#onElement(element),
      rootEnd: () => this.#onFooter(undefined),
      whitespace: () => this.#onWhitespace(),
    };
    this.#tree = new TreeBuilder(sink, this.#limits, !this.#frames);
    this.#tokenizer = new Tokenizer(this.#tree, this.#limits, this.#frames);
  }

  /** Parses a chunk, or with `frames` a whole frame. After a fault or `dispose` it does nothing. */
  write(chunk: Uint8Array | string): void {
    if (this.#state === State.Dead) return;
    if (this.#state === State.Sealed) {
      if (this.#breaksSeal(chunk)) this.#failSealed();
      return;
    }
    if (this.#writing) {
      this.#waiting.push(chunk);
      return;
    }
    this.#writing = true;
    try {
      for (let next: Uint8Array | string | undefined = chunk; next !== undefined; next = this.#waiting.shift()) {
        if (this.#frames) this.#parseFrame(next);
        else if (typeof next === 'string') this.#parseText(next);
        else this.#parse(next);
      }
    } catch (error) {
      if (error instanceof XmlFault) this.#fail(error);
      else if (error !== STOP) {
        this.dispose();
        throw error;
      }
    } finally {
      this.#writing = false;
      this.#bytes = NOTHING;
      this.#offset = 0;
    }
  }

  /**
   * Ends the parsing after the element that is being told, because the stream is restarted there. A restart is safe only
   * if nothing follows before it: octets that are there already, or come later, are told as an error (injected before TLS:
   * `TlsError` `data-after-proceed`; before a restart after SASL, where white space may follow: `StreamError`
   * `policy-violation`).
   */
  seal(reason: 'tls' | 'restart'): void {
    if (this.#state !== State.Running) return;
    this.#seal = reason;
    this.#state = State.Sealed;
    const left = this.#writing
      ? this.#breaksSeal(this.#tokenizer.rest) ||
        this.#breaksSeal(this.#bytes.subarray(this.#offset)) ||
        this.#waiting.some((chunk) => this.#breaksSeal(chunk))
      : !this.#atRest || (reason === 'tls' && this.#whitespace);
    if (left || this.#decoder.pending > 0 || this.#decoder.fault || this.#highSurrogate !== '') this.#failSealed();
  }

  /** The peer ended its side. An error if that is within an element or a character; the footer is not insisted on. */
  end(): void {
    if (this.#state !== State.Running) return;
    const whole = this.#atRest && this.#decoder.pending === 0 && this.#highSurrogate === '';
    if (whole) this.dispose();
    else this.#fail(new XmlFault('not-well-formed', 'the input ended within an element'));
  }

  /** From here on nothing is called, not even for the rest of a chunk that is being parsed. */
  dispose(): void {
    this.#state = State.Dead;
    this.#waiting.length = 0;
  }

  #parse(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.#offset = 0;
    while (this.#offset < bytes.length) {
      // Never more than the limit goes to the tokenizer, so what is buffered there is bounded, whatever it is.
      const room = this.#limits.stanzaBytes - this.#used;
      checkLimit(this.#used + 1, this.#limits.stanzaBytes, 'octets');
      const start = this.#offset;
      // A view of one kind, whatever is given (Node's sockets give a Buffer): engines read it faster then.
      let slice = new Uint8Array(bytes.buffer, bytes.byteOffset + start, Math.min(bytes.length - start, room, SLICE));
      // Nothing is cut in two where that can be helped.
      if (start + slice.length < bytes.length) slice = slice.subarray(0, slice.lastIndexOf(0x3e) + 1 || SLICE);
      this.#offset += slice.length;
      const ascii = this.#decoder.pending === 0;
      const text = this.#decoder.decode(slice);
      this.#feed(text, slice.length, ascii && text.length === slice.length ? slice : undefined);
      if (this.#decoder.fault) throw this.#decoder.fault;
    }
  }

  /** @param ascii The octets, if they all are ASCII. */
  #feed(text: string, octets: number, ascii: Uint8Array | undefined): void {
    if (!this.#begun && text !== '') {
      this.#begun = true;
      // In XMPP it is a character, which has no place here (RFC 6120 section 11.6).
      if (text.charCodeAt(0) === 0xfeff) throw new XmlFault('not-well-formed', 'a byte order mark');
    }
    this.#afterBoundary = -1;
    this.#tokenizer.write(text, ascii);
    const after = this.#afterBoundary;
    if (after < 0) this.#used += octets;
    else this.#used = this.#decoder.pending + (ascii ? after : utf8Length(text, text.length - after));
  }

  #parseFrame(frame: Uint8Array | string): void {
    const size = typeof frame === 'string' ? utf8LengthWithin(frame, this.#limits.stanzaBytes) : frame.length;
    checkLimit(size, this.#limits.stanzaBytes, 'octets');
    this.#inFrame = 0;
    this.#used = 0;
    if (typeof frame !== 'string') {
      this.#parse(frame);
    } else {
      if (LONE_SURROGATE.test(frame)) throw loneSurrogate();
      if (frame.length > SLICE) this.#parse(new TextEncoder().encode(frame));
      else this.#feed(frame, size, undefined);
    }
    if (this.#inFrame !== 1 || !this.#atRest || this.#decoder.pending > 0) {
      throw notOneElement();
    }
  }

  /** A pair of surrogates may be cut by the end of a chunk. */
  #parseText(chunk: string): void {
    let text = this.#highSurrogate + chunk;
    const last = text.charCodeAt(text.length - 1);
    this.#highSurrogate = last >= 0xd800 && last <= 0xdbff ? text.slice(-1) : '';
    if (this.#highSurrogate !== '') text = text.slice(0, -1);
    const lone = text.search(LONE_SURROGATE);
    this.#parse(new TextEncoder().encode(lone < 0 ? text : text.slice(0, lone)));
    if (lone >= 0) throw loneSurrogate();
  }

  get #atRest(): boolean {
    return this.#tree.atTop && this.#tokenizer.betweenTokens;
  }

  #onRoot(header: XmlElement, contentNs: string): void {
    if (header.name !== 'stream') throw new XmlFault('bad-format', `the stream begins with ${excerpt(header.name)}`);
    if (header.xmlns !== NS.stream) {
      throw new XmlFault('invalid-namespace', `the stream's namespace is ${excerpt(header.xmlns)}`);
    }
    this.#opened = true;
    this.#boundary();
    this.#handlers.open(header, contentNs);
    this.#leaveUnlessRunning();
  }

  #onTop(name: string, xmlns: string): void {
    // The stream is unfinished business until its header came; and no other header may follow (CVE-2022-22787).
    if (this.#frames) {
      if (this.#inFrame > 0) throw notOneElement();
      if (this.#closed) throw new XmlFault('bad-format', `${excerpt(name)} after <close/>`);
      if (xmlns === NS.framing && (name === 'close' || (name === 'open' && !this.#opened))) return;
      if (!this.#opened || xmlns === NS.framing) {
        throw new XmlFault('bad-format', `${excerpt(name)} where a stream must ${this.#opened ? 'go on' : 'begin'}`);
      }
    }
    if (xmlns === NS.stream && name !== 'features' && name !== 'error') {
      throw new XmlFault('bad-format', `stream:${excerpt(name)} within a stream`);
    }
  }

  #onElement(element: XmlElement): void {
    this.#boundary();
    if (this.#frames) {
      this.#inFrame++;
      // Nothing of a frame counts unless all of it is right.
      if (this.#tokenizer.remaining > 0 || this.#offset < this.#bytes.length || this.#decoder.pending > 0) {
        throw notOneElement();
      }
      if (element.xmlns === NS.framing) {
        if (element.children.length > 0) throw new XmlFault('bad-format', `${element.name} has no content`);
        if (element.name === 'close') {
          this.#onFooter(element);
          return;
        }
        this.#opened = true;
        this.#handlers.open(element, '');
        this.#leaveUnlessRunning();
        return;
      }
    }
    this.#handlers.element(element);
    this.#leaveUnlessRunning();
  }

  #onFooter(footer: XmlElement | undefined): void {
    this.#boundary();
    this.#closed = true;
    this.#handlers.close(footer);
    this.#leaveUnlessRunning();
  }

  #onWhitespace(): void {
    if (this.#frames) throw new XmlFault('bad-format', 'white space outside of any stanza');
    this.#boundary();
    this.#whitespace = true;
  }

  #boundary(): void {
    this.#afterBoundary = this.#tokenizer.remaining;
    this.#whitespace = false;
  }

  #leaveUnlessRunning(): void {
    if (this.#state !== State.Running) throw STOP;
  }

  #breaksSeal(chunk: Uint8Array | string): boolean {
    if (this.#seal === 'tls') return chunk.length > 0;
    if (typeof chunk === 'string') return /[^ \t\r\n]/.test(chunk);
    return chunk.some((octet) => octet !== 0x20 && octet !== 0x0a && octet !== 0x0d && octet !== 0x09);
  }

  #failSealed(): void {
    this.dispose();
    this.#handlers.error(
      this.#seal === 'tls'
        ? new TlsError({ condition: 'data-after-proceed', text: 'the peer sent plaintext after <proceed/>' })
        : new StreamError({
            condition: 'policy-violation',
            text: 'the peer sent data before the stream was restarted',
          }),
    );
  }

  #fail(fault: XmlFault): void {
    if (this.#state === State.Dead) return;
    this.dispose();
    // Most often a wrong port: a web server, SSH, TLS.
    const text = this.#opened ? fault.text : `the peer begins no XMPP stream (${fault.text})`;
    this.#handlers.error(new StreamError({ condition: fault.condition, text }));
  }
}

function notOneElement(): XmlFault {
  return new XmlFault('bad-format', 'a frame must hold exactly one element');
}

function loneSurrogate(): XmlFault {
  return new XmlFault('unsupported-encoding', 'the text has a lone surrogate');
}

/** The octets that `text` takes in UTF-8 from `start` on; surrogates count two each, as a pair takes four. */
function utf8Length(text: string, start = 0): number {
  let length = 0;
  for (let i = start; i < text.length; i++) {
    const code = text.charCodeAt(i);
    length += code < 0x80 ? 1 : code < 0x800 || (code >= 0xd800 && code <= 0xdfff) ? 2 : 3;
  }
  return length;
}

/** As `utf8Length`, but any number within `limit` will do if the text cannot exceed it. */
function utf8LengthWithin(text: string, limit: number): number {
  return text.length * 3 <= limit || text.length > limit ? text.length : utf8Length(text);
}
