import { backoff } from '../../lib/client/backoff.js';
import { seededRandom } from '../../lib/testing/seeded-random.js';

/** The largest delay after each number of failures. */
const bounds = (delayOf: (failures: number) => number, count: number) =>
  Array.from({ length: count }, (_, failures) => delayOf(failures));

describe('backoff (T11)', () => {
  const most = () => 1 - Number.EPSILON;

  it('doubles from 1 s and stays at 120 s by default', () => {
    expect(bounds(backoff({ random: most }), 10)).toEqual(
      [1, 2, 4, 8, 16, 32, 64, 120, 120, 120].map((seconds) => seconds * 1_000 - 1),
    );
  });

  it.each([
    [{ initial: 500, max: 3_000 }, [499, 999, 1_999, 2_999, 2_999]],
    [{ initial: 100, factor: 10, max: 50_000 }, [99, 999, 9_999, 49_999, 49_999]],
    [{ initial: 100, factor: 1 }, [99, 99, 99, 99, 99]],
    [{ initial: 5_000, max: 1_000 }, [999, 999, 999, 999, 999]],
  ])('%j', (config, expected) => expect(bounds(backoff({ ...config, random: most }), 5)).toEqual(expected));

  it('is drawn from zero on: full jitter', () => {
    expect(bounds(backoff({ random: () => 0 }), 9)).toEqual(Array(9).fill(0));
    expect(bounds(backoff({ random: () => 0.5 }), 4)).toEqual([500, 1_000, 2_000, 4_000]);
  });

  it('stays at the cap after any number of failures', () => {
    const delayOf = backoff({ random: most });
    for (const failures of [100, 1_023, 1_024, 1e6, Number.MAX_SAFE_INTEGER]) expect(delayOf(failures)).toBe(119_999);
  });

  it('is spread evenly, and never out of bounds', () => {
    const delayOf = backoff({ random: seededRandom(1) });
    const tenths = Array<number>(10).fill(0);
    for (let n = 0; n < 20_000; n++) {
      const delay = delayOf(20);
      if (!(Number.isInteger(delay) && delay >= 0 && delay < 120_000)) throw new Error(`${delay}`);
      tenths[Math.floor(delay / 12_000)]!++;
    }
    for (const count of tenths) expect(Math.abs(count - 2_000)).toBeLessThan(200);
  });

  it('by default from a generator that differs from client to client', () => {
    const draws = new Set(Array.from({ length: 50 }, () => backoff()(20)));
    expect(draws.size).toBeGreaterThan(40);
  });
});
