import { Attributes, NO_ATTRIBUTES } from './attributes.js';
import * as NS from './namespaces.js';
import type { TokenHandler } from './token-handler.js';
import { XmlElement, type XmlNode } from './xml-element.js';
import { checkLimit, unexpected } from './xml-fault.js';
import type { XmlLimits } from './xml-limits.js';

/** Stays empty. */
const NO_CHILDREN: XmlNode[] = [];
/** The list of nodes of a parser that is between elements, for whoever needs one next: what is idle keeps none. */
let spare: XmlNode[] | undefined;

/** An element whose end tag is awaited. */
interface Open {
  readonly name: string;
  readonly xmlns: string;
  readonly attrs: Readonly<Attributes>;
  /** The default namespace outside of it. */
  readonly outer: string;
  /** The prefixes that it declares and what they stood for outside, in turn. */
  readonly replaced: (string | undefined)[] | undefined;
  /** Where its children begin in the list of nodes. */
  readonly start: number;
  readonly parent: Open | undefined;
}

/**
 * Makes elements of tokens and resolves their namespaces (Namespaces in XML 1.0); declaring, looking up and leaving take
 * constant time each, whatever the depth. With a root, the outermost element stays open and its children are the top level
 * (RFC 6120 section 4.2); without, the top level is outermost (RFC 7395).
 */
export abstract class TreeBuilder implements TokenHandler {
  /** Elements open at the top level and within. -1: the root is awaited. */
  #depth: number;
  // Of the element at the top level.
  #elements = 0;
  #attributes = 0;

  /** What is open, but for the root: nothing that its end tag ends is of use after it. */
  #open: Open | undefined;
  /** The children of what is open, until their parents are complete; no list of its own between elements. */
  #nodes = NO_CHILDREN;
  #count = 0;

  /** The default namespace in scope, and the prefixes. */
  #default = '';
  readonly #prefixes = new Map<string, string>([['xml', NS.xml]]);

  constructor(
    protected readonly limits: XmlLimits,
    root: boolean,
  ) {
    this.#depth = root ? -1 : 0;
  }

  /** The start tag of the root that stays open; `contentNs` is the default namespace that it declares. */
  protected abstract root(header: XmlElement, contentNs: string): void;
  /** An element at the top level begins. */
  protected abstract top(name: string, xmlns: string): void;
  /** An element at the top level is complete. */
  protected abstract element(element: XmlElement): void;
  /** The root was closed. */
  protected abstract rootEnd(): void;
  /** White space between elements at the top level was read. */
  abstract whitespace(): void;

  /** Whether no element at the top level is open. */
  protected get atTop(): boolean {
    return this.#depth <= 0;
  }

  startTag(
    qname: string,
    attributes: Attributes | undefined,
    declared: string | undefined,
    prefixed: boolean,
    count: number,
  ): void {
    const depth = ++this.#depth;
    const { limits } = this;
    if (depth <= 1) {
      this.#elements = this.#attributes = 0;
      this.#nodes = spare ?? [];
      spare = undefined;
    }
    checkLimit('depth', depth, limits.depth);
    checkLimit('elements', ++this.#elements, limits.elements);
    checkLimit('allAttributes', (this.#attributes += count), limits.allAttributes);
    const outer = this.#default;
    if (declared !== undefined) this.#default = checked('', declared);
    let attrs: Readonly<Attributes> = attributes ?? NO_ATTRIBUTES;
    let replaced: (string | undefined)[] | undefined;
    if (prefixed) attrs = this.#resolveAttributes(attrs, (replaced = []));

    const colon = qname.indexOf(':');
    const xmlns = colon < 0 ? this.#default : this.#resolve(qname, colon);
    const name = qname.slice(colon + 1);
    const parent = this.#open;
    if (depth === 1) this.top(name, xmlns);
    // In no namespace, where '' alone would say "in the parent's". At the top level that is all that '' can say.
    if (xmlns === '' && depth > 0 && (declared === '' || (depth > 1 && parent!.xmlns !== '')))
      attrs = Object.assign(new Attributes(), attrs, { xmlns });
    if (depth === 0) this.root(new XmlElement(name, xmlns, attrs, NO_CHILDREN), this.#default);
    else this.#open = { name, xmlns, attrs, outer, replaced, start: this.#count, parent };
  }

  endTag(): void {
    const depth = this.#depth--;
    if (depth === 0) return this.rootEnd();
    const { name, xmlns, attrs, outer, replaced, start, parent } = this.#open!;
    this.#open = parent;
    this.#default = outer;
    while (replaced && replaced.length > 0) {
      const ns = replaced.pop();
      const prefix = replaced.pop()!;
      if (ns) this.#prefixes.set(prefix, ns);
      else this.#prefixes.delete(prefix);
    }
    const element = new XmlElement(name, xmlns, attrs, this.#takeNodes(start));
    if (depth === 1) {
      if (this.#nodes.length <= 1024) spare = this.#nodes;
      this.#nodes = NO_CHILDREN;
      this.element(element);
    } else {
      this.#nodes[start] = element;
      this.#count = start + 1;
    }
  }

  text(text: string): void {
    this.#nodes[this.#count++] = text;
  }

  /** The children from `start` on, in an array of just their number; nothing keeps them here any longer. */
  #takeNodes(start: number): readonly XmlNode[] {
    const end = this.#count;
    this.#count = start;
    if (end === start) return NO_CHILDREN;
    const nodes = this.#nodes;
    const taken = end === start + 1 ? [nodes[start]!] : nodes.slice(start, end);
    for (let i = start; i < end; i++) nodes[i] = '';
    return taken;
  }

  /** Declarations first, wherever they stand: they apply to the element's own attributes too. */
  #resolveAttributes(attributes: Readonly<Attributes>, replaced: (string | undefined)[]): Readonly<Attributes> {
    const prefixes = this.#prefixes;
    const others: string[] = [];
    for (const name in attributes) {
      if (name.startsWith('xmlns:')) {
        const prefix = name.slice(6);
        const ns = checked(prefix, attributes[name]!);
        if (ns === '') throw unexpected(name);
        replaced.push(prefix, prefixes.get(prefix));
        prefixes.set(prefix, ns);
      } else others.push(name);
    }
    if (others.length === 0) return NO_ATTRIBUTES;
    const resolved = new Attributes();
    for (const name of others) {
      const colon = name.indexOf(':');
      let key = name;
      if (colon >= 0) {
        const ns = this.#resolve(name, colon);
        const local = name.slice(colon + 1);
        key = ns === NS.xml ? `xml:${local}` : `{${ns}}${local}`;
      }
      if (resolved[key] !== undefined) throw unexpected(name);
      resolved[key] = attributes[name]!;
    }
    return resolved;
  }

  /** The namespace of the name's prefix, which ends before `colon`. */
  #resolve(qname: string, colon: number): string {
    const prefix = qname.slice(0, colon);
    const ns = this.#prefixes.get(prefix);
    if (ns === undefined) throw unexpected(qname, prefix === 'xmlns' ? undefined : 'bad-namespace-prefix');
    return ns;
  }
}

/** The namespace that is declared. What `xml` and `xmlns` stand for is bound for ever (section 3). */
function checked(prefix: string, ns: string): string {
  if (prefix === 'xmlns' || (prefix === 'xml') !== (ns === NS.xml) || ns === NS.xmlns) throw unexpected(ns);
  return ns;
}
