import { secureRandom } from '../../lib/session/secure-random.js';

/** What it makes of these 64 bits of the platform's generator. */
function from(high: number, low: number): number {
  const original = Object.getOwnPropertyDescriptor(globalThis, 'crypto')!;
  const getRandomValues = (array: Uint32Array) => (array.set([high, low]), array);
  Object.defineProperty(globalThis, 'crypto', { value: { getRandomValues }, configurable: true });
  try {
    return secureRandom();
  } finally {
    Object.defineProperty(globalThis, 'crypto', original);
  }
}

const ALL = 2 ** 32 - 1;

describe('secureRandom: as Math.random, a multiple of 2^-53 from 0 to below 1', () => {
  it.each([
    ['no bit set', 0, 0, 0],
    ['the lowest', 0, 1, 2 ** -53],
    ['the highest of the lower ones', 0, 2 ** 31, 2 ** -22],
    ['the lowest of the upper ones', 1, 0, 2 ** -21],
    ['the highest', 2 ** 20, 0, 0.5],
    ['all of them', 2 ** 21 - 1, ALL, 1 - 2 ** -53],
    ['more than fit', 2 ** 21, 0, 0],
    ['really all of them', ALL, ALL, 1 - 2 ** -53],
  ])('%s', (_, high, low, value) => {
    expect(from(high, low)).toBe(value);
    expect(from(high, low)).toBeLessThan(1);
  });
});
