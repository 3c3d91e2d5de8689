import { Attributes, NO_ATTRIBUTES } from './attributes.js';
import { NamespaceScope, type Replaced } from './namespace-scope.js';
import { NS } from './namespaces.js';
import type { TokenHandler } from './tokenizer.js';
import { XmlElement, type XmlNode } from './xml-element.js';
import { checkLimit, malformed } from './xml-fault.js';
import type { XmlLimits } from './xml-limits.js';

const NO_CHILDREN: readonly XmlNode[] = Object.freeze([]);

/** What a tree builder hands on. */
export interface TreeSink {
  /** The start tag of the root that stays open (`root: true`); `contentNs` is the default namespace that it declares. */
  root(header: XmlElement, contentNs: string): void;
  /** An element at the top level begins. */
  top(name: string, xmlns: string): void;
  /** An element at the top level is complete. */
  element(element: XmlElement): void;
  /** The root was closed. */
  rootEnd(): void;
  /** White space between elements at the top level was read. */
  whitespace(): void;
}

/** An element whose end tag is awaited. */
class Open {
  name = '';
  xmlns = '';
  attrs: Readonly<Attributes> = NO_ATTRIBUTES;
  /** The default namespace outside of it. */
  outerDefault = '';
  /** The prefixes that it declared. */
  replaced: Replaced | undefined;
  /** Where its children begin in the list of nodes. */
  start = 0;
}

/**
 * Makes elements of tokens and resolves their namespaces. With `root`, the outermost element stays open and its children
 * are the top level (RFC 6120 section 4.2); without, the top level is outermost (RFC 7395).
 */
export class TreeBuilder implements TokenHandler {
  readonly #sink: TreeSink;
  readonly #limits: XmlLimits;
  readonly #scope = new NamespaceScope();
  /** Elements open at the top level and within. -1: the root is awaited. */
  #depth: number;
  // Of the element at the top level.
  #elements = 0;
  #attributes = 0;

  /** What is open, by depth; 0 is the root. The objects are used again and again. */
  readonly #open: Open[] = [new Open()];
  /** The children of what is open, until their parents are complete. */
  #nodes: XmlNode[] = [];
  #count = 0;

  constructor(sink: TreeSink, limits: XmlLimits, root: boolean) {
    this.#sink = sink;
    this.#limits = limits;
    this.#depth = root ? -1 : 0;
  }

  /** Whether no element at the top level is open. */
  get atTop(): boolean {
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
    this.#checkLimits(depth, count);
    const open = (this.#open[depth] ??= new Open());
    const scope = this.#scope;
    open.outerDefault = scope.default;
    if (declared !== undefined) scope.declareDefault(declared);
    let attrs: Readonly<Attributes> = attributes ?? NO_ATTRIBUTES;
    if (prefixed) attrs = this.#resolveAttributes(attrs, (open.replaced = []));

    const colon = qname.indexOf(':');
    const xmlns = colon < 0 ? scope.default : scope.resolve(qname, colon);
    const name = colon < 0 ? qname : qname.slice(colon + 1);
    if (depth === 0) {
      this.#sink.root(new XmlElement(name, xmlns, attrs, NO_CHILDREN), scope.default);
      return;
    }
    if (depth === 1) this.#sink.top(name, xmlns);
    // In no namespace, where '' alone would say "in the parent's". At the top level that is all that '' can say.
    if (xmlns === '' && (declared === '' || (depth > 1 && this.#open[depth - 1]!.xmlns !== ''))) {
      attrs = Object.assign(new Attributes(), attrs, { xmlns: '' });
    }
    open.name = name;
    open.xmlns = xmlns;
    open.attrs = attrs;
    open.start = this.#count;
  }

  endTag(): void {
    const depth = this.#depth--;
    const open = this.#open[depth]!;
    this.#scope.default = open.outerDefault;
    if (open.replaced !== undefined) {
      this.#scope.restore(open.replaced);
      open.replaced = undefined;
    }
    if (depth === 0) {
      this.#sink.rootEnd();
      return;
    }
    const { start } = open;
    const element = new XmlElement(open.name, open.xmlns, open.attrs, this.#takeNodes(start));
    open.attrs = NO_ATTRIBUTES;
    if (depth === 1) {
      if (this.#nodes.length > 1024) this.#nodes = [];
      this.#sink.element(element);
    } else {
      this.#nodes[start] = element;
      this.#count = start + 1;
    }
  }

  text(text: string): void {
    this.#nodes[this.#count++] = text;
  }

  whitespace(): void {
    this.#sink.whitespace();
  }

  #checkLimits(depth: number, attributes: number): void {
    const limits = this.#limits;
    checkLimit(depth, limits.depth, 'levels');
    if (depth <= 1) this.#elements = this.#attributes = 0;
    checkLimit(++this.#elements, limits.elements, 'elements');
    checkLimit((this.#attributes += attributes), limits.allAttributes, 'attributes');
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
  #resolveAttributes(attributes: Readonly<Attributes>, replaced: Replaced): Readonly<Attributes> {
    const scope = this.#scope;
    let others = false;
    for (const name in attributes) {
      if (name.startsWith('xmlns:')) scope.declare(name.slice(6), attributes[name]!, replaced);
      else others = true;
    }
    if (!others) return NO_ATTRIBUTES;
    const resolved = new Attributes();
    for (const name in attributes) {
      if (name.startsWith('xmlns:')) continue;
      const colon = name.indexOf(':');
      let key = name;
      if (colon >= 0) {
        const ns = scope.resolve(name, colon);
        const local = name.slice(colon + 1);
        key = ns === NS.xml ? `xml:${local}` : `{${ns}}${local}`;
      }
      if (resolved[key] !== undefined) throw malformed(key);
      resolved[key] = attributes[name]!;
    }
    return resolved;
  }
}
