const LEAD = 2 ** 21;
const TRAIL = 2 ** 32;

/** As `Math.random`, from the platform's secure generator: what we name by it cannot be guessed. */
export function secureRandom(): number {
  const [high, low] = globalThis.crypto.getRandomValues(new Uint32Array(2));
  return ((high! % LEAD) * TRAIL + low!) / 2 ** 53;
}
