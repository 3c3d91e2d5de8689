import type { XmlElement } from './xml-element.js';

/** The children of an element without the text between them. */
export function elements(element: XmlElement | undefined): XmlElement[] {
  return element?.children.filter((child) => typeof child !== 'string') ?? [];
}
