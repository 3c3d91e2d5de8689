import { withDefaults } from './with-defaults.js';

/**
 * Bounds of what a peer may send. Each is counted before the tree is built, and what exceeds one ends the stream with
 * `policy-violation` (RFC 6120 sections 4.9.3.14 and 13.12). Together they keep the memory that a stanza can take within
 * four times `stanzaBytes`.
 */
export interface XmlLimits {
  /** Octets of one stream header or one element at the top level of the stream. 1,048,576 by default. */
  readonly stanzaBytes: number;
  /** Levels of one element at the top level, itself included. 64 by default. */
  readonly depth: number;
  /** Elements within one element at the top level, itself included. 8,000 by default. */
  readonly elements: number;
  /** Attributes of one element, namespace declarations included. 64 by default. */
  readonly attributes: number;
  /** Attributes of one element at the top level and of all elements within it. 16,000 by default. */
  readonly allAttributes: number;
  /** UTF-16 code units of a name, prefix included. 256 by default. */
  readonly nameLength: number;
}

export const DEFAULT_XML_LIMITS: XmlLimits = /* #__PURE__ */ Object.freeze({
  stanzaBytes: 1_048_576,
  depth: 64,
  elements: 8_000,
  attributes: 64,
  allAttributes: 16_000,
  nameLength: 256,
});

/** The limits, with the defaults for what is left out. */
export const xmlLimits = (given?: Partial<XmlLimits>): XmlLimits => withDefaults(DEFAULT_XML_LIMITS, given);
