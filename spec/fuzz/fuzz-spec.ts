import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { BOUND, fuzz } from './campaign.js';
import { compareWithExpat, Expat, hasNewerNames } from './differential.js';
import { sequences } from './sequences.js';
import { subject } from './subject.js';
import { SUBJECTS } from './subjects.js';

const ALL = [...SUBJECTS, sequences];
const corpus = JSON.parse(readFileSync(join(__dirname, 'corpus.json'), 'utf8')) as {
  readonly subject: string;
  readonly why: string;
  readonly value: never;
}[];

describe('whatever is given (npm run fuzz is more of it)', () => {
  it.each(ALL)('$name', async (one) => {
    const { failure, unhandled, slowest } = await fuzz(one, one === sequences ? 150 : 400 * (one.share ?? 1), 7);
    expect({ failure, unhandled }).toEqual({ failure: undefined, unhandled: 0 });
    expect(slowest).toBeLessThan(BOUND);
  });

  it.each(corpus)('what failed once, or is known to be hard: $why', ({ subject: name, value }) => {
    const known = ALL.find((one) => one.name === name);
    expect(known?.holds(value)).toBeUndefined();
    expect(known).toBeDefined();
  });

  it('tells what fails, and what is too slow', async () => {
    const small = subject<number>({
      name: 'x',
      given: fc.integer({ min: 0, max: 100 }),
      holds: (value) => {
        if (value > 10) throw new Error('too large');
      },
    });
    expect((await fuzz(small, 1_000, 1)).failure).toEqual({ message: 'too large', value: 11 });
  });

  it.each([
    [`<a b='\u00e9'>\u00e9</a>`, false],
    [`<a b='>'>1 > 2</a><c d="e'">\u00e9</c>`, false],
    [`<a b='>'>1 > 2</a><c \u{10000}='&apos;'>'</c>`, true],
    [`<a><\u00e9/></a>`, true],
  ])('%s: names that expat may not know: %s', (document, expected) => {
    expect(hasNewerNames(Buffer.from(document))).toBe(expected);
  });

  it('what is accepted, expat accepts too, and reads as the same', async () => {
    const expat = await Expat.start();
    if (!expat) {
      process.stderr.write('Left out: the comparison with expat, since there is no python3 with it.\n');
      return;
    }
    try {
      const { compared, differences } = await compareWithExpat(expat, 1_000, 7);
      expect(differences).toEqual([]);
      expect(compared).toBeGreaterThan(100);
    } finally {
      expat.stop();
    }
  });
});
