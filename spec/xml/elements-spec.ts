import { elements } from '../../lib/xml/elements.js';
import { xml } from '../../lib/xml/xml.js';

describe('elements', () => {
  it('gives the child elements, without the text between them', () => {
    const [one, two] = [xml('one'), xml('two')];
    expect(elements(xml('a', {}, 'text', one, 'more', two))).toEqual([one, two]);
    expect(elements(xml('a', {}, 'text'))).toEqual([]);
  });

  it('gives none of no element', () => {
    expect(elements(undefined)).toEqual([]);
  });
});
