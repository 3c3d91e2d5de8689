import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The programs without which a spec cannot run. */
const programs = {
  prosody: ['prosody', 'setpriv'],
  ejabberd: ['ejabberdctl', 'erl', 'setpriv'],
  chromium: ['chromium'],
} as const;

export type Need = keyof typeof programs;

const places = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'];
const isInstalled = (program: string) => places.some((place) => existsSync(join(place, program)));

/** The programs that a need lacks on this machine. */
export const missingFor = (need: Need): string[] => programs[need].filter((program) => !isInstalled(program));

/**
 * A suite against a real counterpart. Where that is not installed the suite is left out and says so, so that a clean
 * clone passes with nothing but Node; with `CI=true` it is a failure, so that no run counts as complete without it.
 */
export function describeWith(need: Need, body: () => void): void {
  const missing = missingFor(need);
  // Starting a server takes longer than a spec may where the machine is busy.
  jest.setTimeout(120_000);
  if (missing.length === 0) {
    describe(need, body);
  } else if (process.env['CI'] === 'true') {
    describe(need, () => {
      it('is installed', () => {
        throw new Error(`${missing.join(', ')} must be installed where CI=true (apt-get install ${need})`);
      });
    });
  } else {
    console.warn(`Left out: the specs against ${need}, since ${missing.join(', ')} is not installed.`);
    describe.skip(need, body);
  }
}
