import { serialize } from './serialize.js';

/** What an element holds: elements and text, in document order. Adjacent texts are one text, and no text is empty. */
export type XmlNode = XmlElement | string;

/** Attributes by name. Nothing is inherited: `attrs.constructor` is an attribute or `undefined`. */
export interface XmlAttrs {
  /** Those of every stanza (RFC 6120 section 8.1), by names that a compiler knows. */
  readonly from?: string;
  readonly to?: string;
  readonly id?: string;
  readonly type?: string;
  readonly [name: string]: string | undefined;
}

/**
 * An XML element; immutable. Made by `xml()` or by a parser.
 *
 * Elements are compared by `{namespace}name` only: prefixes are not kept.
 */
export class XmlElement {
  /** The local name. */
  readonly name: string;
  /**
   * The namespace. `''` stands for the namespace of wherever the element is written (the parent's, or the stream's content
   * namespace). An element that is in *no* namespace although its parent is in one has `attrs.xmlns === ''` too.
   */
  readonly xmlns: string;
  /** Unprefixed attributes by their name, `xml:` ones as `xml:lang`, other prefixed ones as `{namespace}name`. */
  readonly attrs: XmlAttrs;
  readonly children: readonly XmlNode[];

  /** @internal Takes `attrs` and `children` as they are: `xml()` and the parsers see to their form. */
  constructor(name: string, xmlns: string, attrs: XmlAttrs, children: readonly XmlNode[]) {
    this.name = name;
    this.xmlns = xmlns;
    this.attrs = attrs;
    this.children = children;
  }

  /** The element's own text (not that of its children), `''` if there is none. */
  text(): string {
    let text = '';
    for (const child of this.children) if (typeof child === 'string') text += child;
    return text;
  }

  /** The first child element of this name, in this namespace if one is given. */
  child(name: string, xmlns?: string): XmlElement | undefined {
    return this.children.find((child) => this.#holds(child, name, xmlns)) as XmlElement | undefined;
  }

  /** All child elements of this name, in this namespace if one is given. */
  childrenOf(name: string, xmlns?: string): XmlElement[] {
    return this.children.filter((child) => this.#holds(child, name, xmlns)) as XmlElement[];
  }

  /** Whether the element has this name, and is in this namespace if one is given. */
  is(name: string, xmlns?: string): boolean {
    return this.name === name && (xmlns === undefined || this.xmlns === xmlns);
  }

  /** The element as a document of its own: `serialize(this, '')`. Throws `XmlError` as that does. */
  toString(): string {
    return serialize(this, '');
  }

  /** A child that was built without a namespace is in its parent's. */
  #holds(child: XmlNode, name: string, xmlns: string | undefined): boolean {
    return (
      typeof child !== 'string' &&
      (child.is(name, xmlns) || (child.is(name, '') && this.xmlns === xmlns && child.attrs.xmlns === undefined))
    );
  }
}
