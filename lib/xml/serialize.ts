import { XmlError } from '../errors/xml-error.js';
import { ILLEGAL, isNcName } from './names.js';
import { NS } from './namespaces.js';
import type { XmlElement } from './xml-element.js';

/** Deeper trees are refused rather than left to overflow the stack; no peer would take them. */
const MAX_DEPTH = 1024;

// Where these find nothing, the text is written as it is.
const UNUSUAL_TEXT = /[<>&\r\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]/;
const UNUSUAL_VALUE = /[<>&"'\0-\x1f\ud800-\udfff\ufffe\uffff]/;

// `>` always, so that `]]>` cannot arise; CR, and TAB and LF in values, because a parser would normalise them.
const ESCAPED_IN_TEXT = /[<>&\r]/g;
const ESCAPED_IN_VALUE = /[<>&"'\t\n\r]/g;
const REFERENCES: Readonly<Record<string, string>> = {
  '<': '&lt;',
  '>': '&gt;',
  '&': '&amp;',
  '"': '&quot;',
  "'": '&apos;',
  '\t': '&#9;',
  '\n': '&#10;',
  '\r': '&#13;',
};

/**
 * Writes an element as XML.
 *
 * `contextNs` is the default namespace of where it is written; `xmlns` is written only where it differs. Elements in the
 * stream namespace get the customary prefix `stream`, declared where it is used. Attributes of other namespaces get
 * prefixes of ours.
 *
 * @param contextNs the stream's content namespace; `''` for a document of its own
 * @throws XmlError `illegal-character` (characters that XML 1.0 does not allow, lone surrogates), `bad-name`,
 *   `bad-namespace` or `too-deep`, with the path of where: `message/body#text`, `message/@id`
 */
export function serialize(element: XmlElement, contextNs: string = NS.client): string {
  try {
    return write(element, contextNs, contextNs, false, 0);
  } catch (error) {
    throw error instanceof Fault ? error.asXmlError() : error;
  }
}

/** `parentNs` is what an absent namespace stands for, `defaultNs` what an absent declaration stands for on the wire. */
function write(el: XmlElement, parentNs: string, defaultNs: string, streamBound: boolean, depth: number): string {
  try {
    if (depth === MAX_DEPTH) throw new Fault('too-deep', '', `more than ${MAX_DEPTH} levels`);
    const { name, attrs, children } = el;
    if (!isNcName(name)) throw new Fault('bad-name', '', `${quote(name)} is no name of an element`);
    const ns = el.xmlns !== '' || attrs.xmlns === '' ? el.xmlns : parentNs;
    let qname = name;
    let out: string;
    if (ns === NS.stream && defaultNs !== NS.stream) {
      qname = `stream:${name}`;
      out = streamBound ? `<${qname}` : `<${qname} xmlns:stream='${NS.stream}'`;
      streamBound = true;
    } else if (ns !== defaultNs) {
      if (ns === NS.xml || ns === NS.xmlns) throw new Fault('bad-namespace', '', `no element may be in ${ns}`);
      out = `<${name} xmlns='${escapeValue(ns, 'xmlns')}'`;
      defaultNs = ns;
    } else {
      out = `<${name}`;
    }
    let prefixes: string[] | undefined;
    for (const key in attrs) {
      if (isNcName(key) && key !== 'xmlns') {
        out += ` ${key}='${escapeValue(attrs[key]!, key)}'`;
      } else if (key !== 'xmlns') {
        out += writeNamespaced(key, attrs[key]!, (prefixes ??= []));
      } else if (attrs[key] !== '') {
        throw new Fault('bad-namespace', '/@xmlns', 'the namespace of an element stands in its xmlns property');
      }
    }
    if (children.length === 0) return `${out}/>`;
    out += '>';
    for (const child of children) {
      out += typeof child === 'string' ? escapeText(child) : write(child, ns, defaultNs, streamBound, depth + 1);
    }
    return `${out}</${qname}>`;
  } catch (error) {
    if (error instanceof Fault) error.within(el.name);
    throw error;
  }
}

const NAMESPACED = /^\{([^{}]*)\}(.+)$/s;

/** An attribute with a namespace: `xml:lang`, or `{namespace}name` with a prefix that the element declares itself. */
function writeNamespaced(key: string, value: string, prefixes: string[]): string {
  if (key.startsWith('xml:') && isNcName(key.slice(4))) return ` ${key}='${escapeValue(value, key)}'`;
  const match = NAMESPACED.exec(key);
  if (!match || !isNcName(match[2]!)) {
    const hint = key.includes(':') ? ' (write an attribute with a namespace as {namespace}name)' : '';
    throw new Fault('bad-name', `/@${path(key)}`, `${quote(key)} is no name of an attribute${hint}`);
  }
  const [, ns, local] = match as unknown as [string, string, string];
  if (ns === NS.xml) return ` xml:${local}='${escapeValue(value, key)}'`;
  if (ns === '' || ns === NS.xmlns) {
    throw new Fault('bad-namespace', `/@${path(key)}`, `no attribute may be in the namespace ${quote(ns)}`);
  }
  const known = prefixes.indexOf(ns);
  if (known >= 0) return ` n${known}:${local}='${escapeValue(value, key)}'`;
  const prefix = `n${prefixes.push(ns) - 1}`;
  return ` xmlns:${prefix}='${escapeValue(ns, key)}' ${prefix}:${local}='${escapeValue(value, key)}'`;
}

function escapeText(text: string): string {
  if (!UNUSUAL_TEXT.test(text)) return text;
  rejectIllegal(text, '#text');
  return text.replace(ESCAPED_IN_TEXT, (c) => REFERENCES[c]!);
}

function escapeValue(value: string, name: string): string {
  if (!UNUSUAL_VALUE.test(value)) return value;
  rejectIllegal(value, `/@${path(name)}`);
  return value.replace(ESCAPED_IN_VALUE, (c) => REFERENCES[c]!);
}

function rejectIllegal(text: string, where: string): void {
  const match = ILLEGAL.exec(text);
  if (!match) return;
  const code = match[0].charCodeAt(0);
  const kind = code >= 0xd800 && code <= 0xdfff ? 'the lone surrogate' : 'the character';
  throw new Fault('illegal-character', where, `XML cannot hold ${kind} ${codePoint(code)}`);
}

function codePoint(code: number): string {
  return `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
}

/** Collects the path while it travels up through `write`, so that serializing keeps no path while all is well. */
class Fault {
  constructor(
    readonly condition: 'illegal-character' | 'bad-name' | 'bad-namespace' | 'too-deep',
    private path: string,
    private readonly text: string,
  ) {}

  within(name: string): void {
    const joint = this.path === '' || this.path.startsWith('#') || this.path.startsWith('/') ? '' : '/';
    this.path = `${path(name)}${joint}${this.path}`;
  }

  asXmlError(): XmlError {
    const at = this.path.length > 200 ? `${this.path.slice(0, 200)}...` : this.path;
    return new XmlError(this.condition, at, `${this.text} (${at})`);
  }
}

/** A name as a path shows it: what cannot stand in a log is escaped. */
function path(name: string): string {
  return isNcName(name) ? name : quote(name).slice(1, -1);
}

function quote(text: string): string {
  const short = text.length > 40 ? `${text.slice(0, 40)}...` : text;
  // JSON escapes control characters and lone surrogates; the other two that XML forbids are made visible here.
  return JSON.stringify(short).replace(/[\ufffe\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16)}`);
}
