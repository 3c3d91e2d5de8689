import { soak } from '../soak/soak.js';
import { describeWith } from '../support/needs.js';

/** `npm run soak` in small. */
for (const name of ['prosody', 'ejabberd'] as const) {
  describeWith(name, () => {
    it('resets and a kill -9 of the server: nothing lost, nothing doubled, everything accounted for', async () => {
      const burst = 120;
      const report = await soak(name, { sessions: 10, resets: 3, messages: 300, burst, seed: 1, pace: 80 });
      expect(report.violations).toEqual([]);
      const none = { failed: 0, unknown: 0, lost: 0, duplicated: 0, returned: 0 };
      // By a server at most: what clients make of the order is among the violations.
      const { reordered } = report.resets;
      expect(report.resets).toEqual({ sent: 300, acked: 300, received: 300, reordered, ...none });
      const { sent, acked, unknown, failed, duplicated } = report.kill;
      expect({ sent, settled: acked + unknown + failed, duplicated }).toEqual({
        sent: burst,
        settled: burst,
        duplicated: 0,
      });
      // It was in the midst of it.
      expect(failed + unknown).toBeGreaterThan(0);
      expect(report.resetByOctet).toBeGreaterThan(report.resetByHand);
      expect([report.bound, report.boundAfterKill]).toEqual([10, 10]);
    }, 120_000);
  });
}
