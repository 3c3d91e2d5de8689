import { simulate, unhandledErrors } from './simulate.js';

/**
 * Whole clients against a server in memory over a bad network, in virtual time. `npm run simulate` runs more seeds and shows
 * the trace of one.
 */
describe('simulation', () => {
  const SEEDS = 1_000;
  const SHARE = 100;
  const total: Record<string, number> = {};

  it.each(Array.from({ length: SEEDS / SHARE }, (_, index) => index * SHARE))(
    'keeps every invariant: seeds from %i on',
    (first) => {
      for (let seed = first; seed < first + SHARE; seed++) {
        const { violations, counts } = simulate(seed);
        // The seed stands in the difference that a failure shows.
        expect({ seed, violations }).toEqual({ seed, violations: [] });
        for (const [name, count] of Object.entries(counts)) total[name] = (total[name] ?? 0) + count;
      }
    },
    120_000,
  );

  it('has seen what it is about', () => {
    for (const name of ['resumed', 'bound', 'received', 'sent: acked', 'sent: unknown', 'sent: failed', 'iq failed']) {
      expect({ name, often: (total[name] ?? 0) > 1_000 }).toEqual({ name, often: true });
    }
  });

  it('leaves no error unhandled', () => {
    expect(unhandledErrors).toEqual([]);
  });

  it('gives the same trace for the same seed (I12)', () => {
    for (const seed of [3, 77, 1276]) expect(simulate(seed).trace).toEqual(simulate(seed).trace);
  });
});
