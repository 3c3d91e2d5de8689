import type { Address } from '../../lib/transport/dns-resolver.js';
import { interleaveFamilies } from '../../lib/transport/interleave-families.js';

const addresses = (text: string): Address[] =>
  [...text].map((letter) => ({ address: letter, family: letter === letter.toUpperCase() ? 6 : 4 }));

it.each([
  ['', ''],
  ['a', 'a'],
  ['abc', 'abc'],
  ['ABab', 'AaBb'],
  ['aAB', 'aAB'],
  ['abAB', 'aAbB'],
  ['ABCa', 'AaBC'],
  ['Aabc', 'Aabc'],
])('interleaveFamilies: %j becomes %j', (given, expected) => {
  expect(interleaveFamilies(addresses(given))).toEqual(addresses(expected));
});
