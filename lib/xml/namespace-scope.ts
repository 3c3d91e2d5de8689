import { NS } from './namespaces.js';
import { excerpt, malformed, XmlFault } from './xml-fault.js';

/** What a declaration replaced: prefix and earlier namespace, in turn. */
export type Replaced = (string | undefined)[];

/**
 * The prefixes in scope (Namespaces in XML 1.0). Declaring, looking up and leaving take constant time each, whatever the
 * depth.
 */
export class NamespaceScope {
  /** The default namespace in scope. */
  default = '';
  readonly #prefixes = new Map<string, string>([['xml', NS.xml]]);

  /** Takes a declaration, and notes in `replaced` what `restore` needs. */
  declare(prefix: string, ns: string, replaced: Replaced): void {
    checkDeclaration(prefix, ns);
    if (ns === '') throw malformed(prefix);
    replaced.push(prefix, this.#prefixes.get(prefix));
    this.#prefixes.set(prefix, ns);
  }

  declareDefault(ns: string): void {
    checkDeclaration('', ns);
    this.default = ns;
  }

  restore(replaced: Replaced): void {
    for (let i = replaced.length - 2; i >= 0; i -= 2) {
      const ns = replaced[i + 1];
      if (ns === undefined) this.#prefixes.delete(replaced[i]!);
      else this.#prefixes.set(replaced[i]!, ns);
    }
  }

  /** The namespace of the name's prefix, which ends before `colon`. */
  resolve(qname: string, colon: number): string {
    const prefix = qname.slice(0, colon);
    const ns = this.#prefixes.get(prefix);
    if (prefix === 'xmlns') throw malformed(qname);
    if (ns === undefined) throw new XmlFault('bad-namespace-prefix', `unbound prefix: ${excerpt(qname)}`);
    return ns;
  }
}

/** What `xml` and `xmlns` stand for is bound for ever (section 3). */
function checkDeclaration(prefix: string, ns: string): void {
  if (prefix === 'xmlns' || (prefix === 'xml') !== (ns === NS.xml) || ns === NS.xmlns) throw malformed(ns);
}
