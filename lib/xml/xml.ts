import { UsageError } from '../errors/usage-error.js';
import { Attributes, NO_ATTRIBUTES } from './attributes.js';
import { XmlElement, type XmlNode } from './xml-element.js';

/** Values of attributes; `undefined` and `null` leave the attribute out. */
export type XmlAttrsInit = Readonly<Record<string, string | number | boolean | undefined | null>>;

/** What `xml()` takes as content; `undefined`, `null` and `false` stand for nothing, which suits `condition && xml(...)`. */
export type XmlContent = XmlElement | string | number | null | undefined | false | readonly XmlContent[];

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
  let own: Attributes | undefined;
  for (const key of Object.keys(attrs ?? {})) {
    const value = attrs![key] ?? undefined;
    if (value === undefined) continue;
    if (key === 'xmlns' && value !== '') xmlns = `${value}`;
    // With `xmlns: ''`, in no namespace: '' alone stands for that of wherever the element is.
    else (own ??= new Attributes())[key] = `${value}`;
  }
  return new XmlElement(name, xmlns, own ?? NO_ATTRIBUTES, flatten(children, []));
}

function flatten(content: readonly XmlContent[], into: XmlNode[]): XmlNode[] {
  for (const item of content) {
    if (typeof item === 'string' || typeof item === 'number') {
      const last = into.length - 1;
      if (typeof into[last] === 'string') into[last] += `${item}`;
      else if (item !== '') into.push(`${item}`);
    } else if (Array.isArray(item)) flatten(item, into);
    // Not `instanceof`: a page may have loaded the package twice.
    else if ((item as XmlElement)?.attrs && (item as XmlElement).children) into.push(item as XmlElement);
    else if ((item ?? false) !== false)
      // By what it is: an object need not be able to say so itself.
      throw new UsageError(
        'bad-content',
        `xml() takes elements, text and numbers, not ${Object.prototype.toString.call(item)} (${typeof item})`,
      );
  }
  return into;
}
