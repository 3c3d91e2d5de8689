import { Attributes, NO_ATTRIBUTES } from './attributes.js';
import * as NS from './namespaces.js';
import { Tokenizer, type Open } from './tokenizer.js';
import { XmlElement, type XmlNode } from './xml-element.js';
import { checkLimit, unexpected } from './xml-fault.js';

/** Stays empty. */
const NO_CHILDREN: XmlNode[] = [];

/** An element in the making. */
interface Unfinished extends Open<Unfinished> {
  readonly name: string;
  readonly xmlns: string;
  readonly attrs: Readonly<Attributes>;
  /** The default namespace outside of it. */
  readonly outer: string;
  /** The prefixes that it declares and what they stood for outside, in turn. */
  readonly replaced: (string | undefined)[] | undefined;
  /** Its children so far. */
  children: XmlNode[];
}

/**
 * Makes elements of tokens and resolves their namespaces (Namespaces in XML 1.0); declaring, looking up and leaving take
 * constant time each, whatever the depth. With a root, the outermost element stays open and its children are the top level
 * (RFC 6120 section 4.2); without, the top level is outermost (RFC 7395).
 */
export abstract class TreeBuilder extends Tokenizer<Unfinished> {
  // Of the element at the top level.
  #elements = 0;
  #attributes = 0;

  /** The default namespace in scope, and the prefixes. */
  #default = '';
  readonly #prefixes: Record<string, string | undefined> = Object.assign(new Attributes(), { xml: NS.xml });

  /** The start tag of the root that stays open; `contentNs` is the default namespace that it declares. */
  protected abstract root(header: XmlElement, contentNs: string): void;
  /** An element at the top level begins. */
  protected abstract top(name: string, xmlns: string): void;
  /** An element at the top level is complete. */
  protected abstract element(element: XmlElement): void;
  /** The root was closed. */
  protected abstract rootEnd(): void;

  /** Whether no element at the top level is open. */
  protected get atTop(): boolean {
    return this.depth <= 0;
  }

  protected startTag(
    qname: string,
    attributes: Attributes | undefined,
    declared: string | undefined,
    prefixed: boolean,
    count: number,
  ): Unfinished {
    const { depth, limits, open: parent } = this;
    if (depth <= 1) this.#elements = this.#attributes = 0;
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
    if (depth === 1) this.top(name, xmlns);
    // In no namespace, where '' alone would say "in the parent's". At the top level that is all that '' can say.
    if (xmlns === '' && depth > 0 && (declared === '' || (depth > 1 && parent!.xmlns !== '')))
      attrs = Object.assign(new Attributes(), attrs, { xmlns });
    if (depth === 0) {
      this.root(new XmlElement(name, xmlns, attrs, NO_CHILDREN), this.#default);
      // It stays open, and nothing is looked up or restored at its end.
      attrs = NO_ATTRIBUTES;
      replaced = undefined;
    }
    return { qname, name, xmlns, attrs, outer, replaced, children: NO_CHILDREN, parent };
  }

  protected endTag({ name, xmlns, attrs, outer, replaced, children, parent }: Unfinished): void {
    const { depth } = this;
    if (depth < 0) return this.rootEnd();
    this.#default = outer;
    while (replaced && replaced.length > 0) {
      const ns = replaced.pop();
      const prefix = replaced.pop()!;
      if (ns) this.#prefixes[prefix] = ns;
      else delete this.#prefixes[prefix];
    }
    // In an array of just their number: one that has grown has room for more.
    const element = new XmlElement(name, xmlns, attrs, children.length > 1 ? children.slice() : children);
    if (depth === 0) this.element(element);
    else add(parent!, element);
  }

  protected text(text: string): void {
    add(this.open!, text);
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
        replaced.push(prefix, prefixes[prefix]);
        prefixes[prefix] = ns;
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
    const ns = this.#prefixes[prefix];
    if (ns === undefined) throw unexpected(qname, prefix === 'xmlns' ? undefined : 'bad-namespace-prefix');
    return ns;
  }
}

function add(parent: Unfinished, node: XmlNode): void {
  if (parent.children === NO_CHILDREN) parent.children = [node];
  else parent.children.push(node);
}

/** The namespace that is declared. What `xml` and `xmlns` stand for is bound for ever (section 3). */
function checked(prefix: string, ns: string): string {
  if (prefix === 'xmlns' || (prefix === 'xml') !== (ns === NS.xml) || ns === NS.xmlns) throw unexpected(ns);
  return ns;
}
