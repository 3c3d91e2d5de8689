import { UsageError } from '../errors/usage-error.js';
import { Attributes, NO_ATTRIBUTES } from './attributes.js';
import { XmlElement, type XmlNode } from './xml-element.js';

/** Values of attributes; `undefined` and `null` leave the attribute out. */
export type XmlAttrsInit = Readonly<Record<string, string | number | boolean | undefined | null>>;

/** What `xml()` takes as content; `undefined`, `null` and `false` stand for nothing, which suits `condition && xml(...)`. */
export type XmlContent = XmlElement | string | number | null | undefined | false | readonly XmlContent[];

const NO_CHILDREN: readonly XmlNode[] = Object.freeze([]);

/**
 * Builds an element.
 *
 * ```ts
 * xml('message', { to: 'bob@example.org', type: 'chat' }, xml('body', {}, 'hello'));
 * xml('query', { xmlns: 'jabber:iq:roster' });
 * ```
 *
 * `attrs.xmlns` gives the namespace; without it the element is in the namespace of where it is written. Attributes with a
 * namespace are written as `xml:lang` or `{namespace}name`. Names and characters are checked when the element is
 * serialized.
 *
 * @throws UsageError `bad-content` for content that is neither element, text nor number
 */
export function xml(name: string, attrs?: XmlAttrsInit | null, ...children: XmlContent[]): XmlElement {
  let xmlns = '';
  let own: Record<string, string> | undefined;
  if (attrs) {
    for (const key of Object.keys(attrs)) {
      const value = attrs[key];
      if (value === undefined || value === null) continue;
      if (key === 'xmlns') {
        xmlns = String(value);
        if (xmlns !== '') continue;
      }
      (own ??= new Attributes())[key] = typeof value === 'string' ? value : String(value);
    }
  }
  return new XmlElement(name, xmlns, own ?? NO_ATTRIBUTES, children.length === 0 ? NO_CHILDREN : flatten(children, []));
}

function flatten(content: readonly XmlContent[], into: XmlNode[]): XmlNode[] {
  for (const item of content) {
    if (typeof item === 'string' || typeof item === 'number') {
      if (item === '') continue;
      const last = into.length - 1;
      if (typeof into[last] === 'string') into[last] += String(item);
      else into.push(String(item));
    } else if (Array.isArray(item)) {
      flatten(item, into);
    } else if (isElement(item)) {
      into.push(item);
    } else if (item !== undefined && item !== null && item !== false) {
      throw new UsageError('bad-content', `xml() takes elements, text and numbers, not ${describe(item)}`);
    }
  }
  return into;
}

/** Not `instanceof`: a page may have loaded the package twice. */
function isElement(item: XmlContent): item is XmlElement {
  return typeof item === 'object' && item !== null && 'children' in item && 'attrs' in item;
}

function describe(item: unknown): string {
  return typeof item === 'object' ? `an object (${(item as object).constructor?.name ?? 'no class'})` : typeof item;
}
