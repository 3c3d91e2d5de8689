import * as NS from './namespaces.js';

export { NS };
export { elements } from './elements.js';
export { XmlElement, type XmlAttrs, type XmlNode } from './xml-element.js';
export { xml, type XmlAttrsInit, type XmlContent } from './xml.js';
export { serialize } from './serialize.js';
export { DEFAULT_XML_LIMITS, type XmlLimits } from './xml-limits.js';
export { StreamParser, type StreamParserHandlers, type StreamParserOptions } from './stream-parser.js';
export { parseStream, type StreamEvent } from './parse-stream.js';
