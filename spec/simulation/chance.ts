import { seededRandom } from '../../lib/testing/seeded-random.js';

/** Draws from a seed. Streams of one seed are independent: what one party draws does not shift what another does. */
export interface Chance {
  readonly random: () => number;
  /** An integer from `low` to `high`, both included. */
  int(low: number, high: number): number;
  bool(probability: number): boolean;
  pick<T>(items: readonly T[]): T;
  bytes(length: number): Uint8Array;
}

export function chance(seed: number, stream: number): Chance {
  const random = seededRandom(Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(stream + 1, 0x85ebca6b));
  // The first draws of neighbouring seeds are alike.
  for (let i = 0; i < 4; i++) random();
  const int = (low: number, high: number) => low + Math.floor(random() * (high - low + 1));
  return {
    random,
    int,
    bool: (probability) => random() < probability,
    pick: (items) => items[int(0, items.length - 1)]!,
    bytes: (length) => Uint8Array.from({ length }, () => int(0, 255)),
  };
}
