import { StreamError } from '../errors/stream-error.js';
import type { XmlElement } from '../xml/xml-element.js';

/** The stream error for an element in place of the one that was due. */
export function unexpected({ name, xmlns }: XmlElement, due: string, retryable = false): StreamError {
  const text = `the server sent <${name} xmlns='${xmlns}'/> in place of <${due}/>`;
  return new StreamError({ condition: 'invalid-xml', text, retryable });
}
