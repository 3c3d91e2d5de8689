import { XmlError } from '../errors/xml-error.js';
import { codePoint, ENTITIES, ENTITY_NAMES, ILLEGAL, isNcName, quoted } from './characters.js';
import * as NS from './namespaces.js';
import type { XmlElement } from './xml-element.js';

type Condition = 'illegal-character' | 'bad-name' | 'bad-namespace' | 'too-deep';

/** Deeper trees are refused rather than left to overflow the stack; no peer would take them. */
const MAX_DEPTH = 1024;

// What cannot be written as it is. `>` always, so that `]]>` cannot arise; CR, and TAB and LF in values, because a parser would
// normalise them.
const UNUSUAL_TEXT = /[<>&\0-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]/gu;
const UNUSUAL_VALUE = /[<>&"'\0-\x1f\ud800-\udfff\ufffe\uffff]/gu;

/** The names of what is being written, for errors. One for all: nothing is called meanwhile that could write, too. */
const PATH: string[] = [];

/** `{namespace}name`, or a name of XML's own namespace. */
const NAMESPACED = /^(?:xml:|\{(.*)\})(.+)$/s;

/**
 * Writes an element as XML.
 *
 * `contextNs` is the default namespace of where it is written; `xmlns` is written only where it differs. Elements in the
 * stream namespace get the customary prefix `stream`, declared where it is used. Attributes of other namespaces get
 * prefixes of ours.
 *
 * @param contextNs the stream's content namespace; `''` for a document of its own
 * @param streamBound whether the prefix `stream` stands for the stream namespace there, as it does within a stream over TCP
 * @throws XmlError `illegal-character` (characters that XML 1.0 does not allow, lone surrogates), `bad-name`,
 *   `bad-namespace` or `too-deep`, with the path of where: `message/body#text`, `message/@id`
 */
export function serialize(element: XmlElement, contextNs: string = NS.client, streamBound = false): string {
  return write(element, contextNs, contextNs, streamBound, 0);
}

/**
 * @param parentNs What an absent namespace stands for.
 * @param defaultNs What an absent declaration stands for on the wire.
 * @param depth How many elements it is in.
 */
function write(el: XmlElement, parentNs: string, defaultNs: string, streamBound: boolean, depth: number): string {
  const { name, attrs, children } = el;
  PATH[depth] = name;
  if (depth === MAX_DEPTH) fail('too-deep', depth, `depth > ${MAX_DEPTH}`);
  if (!isNcName(name)) fail('bad-name', depth, quoted(name));
  const ns = el.xmlns !== '' || attrs.xmlns === '' ? el.xmlns : parentNs;
  let qname = name;
  let declared = '';
  if (ns === NS.stream && defaultNs !== ns) {
    qname = `stream:${name}`;
    if (!streamBound) declared = ` xmlns:stream='${ns}'`;
    streamBound = true;
  } else if (ns === NS.xml) {
    qname = `xml:${name}`;
  } else if (ns === NS.xmlns) {
    fail('bad-namespace', depth, ns);
  } else if (ns !== defaultNs) {
    declared = ` xmlns='${escaped(ns, depth, 'xmlns')}'`;
    defaultNs = ns;
  }
  let out = `<${qname}${declared}`;
  let prefixes: string[] | undefined;
  for (const key in attrs) {
    let written = key;
    if (key === 'xmlns') {
      if (attrs.xmlns === '') continue;
      // The namespace of an element stands in its property.
      fail('bad-namespace', depth, quoted(attrs.xmlns!), attribute(key));
    }
    if (!isNcName(key)) {
      const [, attrNs = NS.xml, local = ''] = NAMESPACED.exec(key) ?? [];
      if (!isNcName(local)) fail('bad-name', depth, `${quoted(key)} is no name or {namespace}name`, attribute(key));
      if (attrNs === '' || attrNs === NS.xmlns) fail('bad-namespace', depth, quoted(attrNs), attribute(key));
      if (attrNs === NS.xml) written = `xml:${local}`;
      else {
        prefixes ??= [];
        if (!prefixes.includes(attrNs)) out += ` xmlns:n${prefixes.push(attrNs) - 1}='${escaped(attrNs, depth, key)}'`;
        written = `n${prefixes.indexOf(attrNs)}:${local}`;
      }
    }
    out += ` ${written}='${escaped(attrs[key]!, depth, key)}'`;
  }
  if (children.length === 0) return `${out}/>`;
  out += '>';
  for (const child of children)
    out += typeof child === 'string' ? escaped(child, depth) : write(child, ns, defaultNs, streamBound, depth + 1);
  return `${out}</${qname}>`;
}

/** The text, or the value of the attribute `key`, with references. */
function escaped(text: string, depth: number, key?: string): string {
  const unusual = key === undefined ? UNUSUAL_TEXT : UNUSUAL_VALUE;
  // Nearly always there is nothing. (Where there is, `replace` begins anew, and leaves the expression ready to begin anew.)
  if (!unusual.test(text)) return text;
  return text.replace(unusual, (c) => {
    const name = ENTITY_NAMES[ENTITIES.indexOf(c)];
    if (name === undefined && ILLEGAL.test(c))
      fail('illegal-character', depth, codePoint(c), key === undefined ? '#text' : attribute(key));
    return `&${name ?? `#${c.charCodeAt(0)}`};`;
  });
}

function fail(condition: Condition, depth: number, text: string, where = ''): never {
  const all =
    PATH.slice(0, depth + 1)
      .map(shown)
      .join('/') + where;
  const at = all.length > 200 ? `${all.slice(0, 200)}...` : all;
  throw new XmlError(condition, at, `${text} (${at})`);
}

/** As a path shows it: what cannot stand in a log is escaped. */
const shown = (name: string): string => quoted(name).slice(1, -1);
const attribute = (key: string): string => `/@${shown(key)}`;
