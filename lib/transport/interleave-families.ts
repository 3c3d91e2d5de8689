import type { Address } from './dns-resolver.js';

/** Addresses with their families taking turns, the family of the first one first (RFC 8305 section 4). */
export function interleaveFamilies(addresses: readonly Address[]): Address[] {
  const first = addresses.filter(({ family }) => family === addresses[0]?.family);
  const other = addresses.filter(({ family }) => family !== addresses[0]?.family);
  return Array.from({ length: Math.max(first.length, other.length) }, (_, index) => [first[index], other[index]])
    .flat()
    .filter((address) => address !== undefined);
}
