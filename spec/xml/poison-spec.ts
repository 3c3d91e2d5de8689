import fc from 'fast-check';
import { StreamParser } from '../../lib/xml/stream-parser.js';
import { chunked, mutant, seeded } from './mutants.js';
import { HEADER, OPEN, parseChunks, utf8 } from './replay.js';

/** A document with a few changes to its text, and to its octets. */
function damaged(seed: number, header: string): Uint8Array {
  const random = seeded(seed);
  const bytes = new TextEncoder().encode(mutant(random, header));
  for (let n = Math.floor(random() * 3) - 1; n > 0; n--) {
    bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
  }
  return bytes;
}

const seed = fc.integer();
const isError = (line: string) => line.startsWith('error: ');

describe('I6: the first fault poisons the stream', () => {
  it('nothing is told after it, and it is told once, however the input is cut', () => {
    fc.assert(
      fc.property(seed, seed, (document, cut) => {
        const bytes = damaged(document, HEADER);
        const whole = parseChunks([bytes]);
        const fault = whole.findIndex(isError);
        if (fault >= 0) expect(fault).toBe(whole.length - 1);
        expect(parseChunks(chunked(seeded(cut), bytes))).toEqual(whole);
        if (fault >= 0)
          expect(parseChunks([...chunked(seeded(cut), bytes), utf8('<a/></stream:stream>')])).toEqual(whole);
      }),
      { numRuns: 1500, seed: 1 },
    );
  });

  it('what is told before a fault is what is told without what is at fault', () => {
    fc.assert(
      fc.property(seed, seed, (document, at) => {
        const bytes = damaged(document, HEADER);
        const whole = parseChunks([bytes]);
        const part = parseChunks([bytes.subarray(0, (at >>> 0) % (bytes.length + 1))]);
        expect(whole.slice(0, part.length)).toEqual(part);
      }),
      { numRuns: 2000, seed: 2 },
    );
  });

  it('in frames too', () => {
    fc.assert(
      fc.property(fc.array(seed, { maxLength: 4 }), (documents) => {
        const frames = documents.map((document) => damaged(document, ''));
        const log = parseChunks([OPEN, ...frames], { framing: 'frames' });
        const fault = log.findIndex(isError);
        if (fault >= 0) expect(fault).toBe(log.length - 1);
        // One thing told for each frame until the fault.
        else expect(log).toHaveLength(1 + frames.length);
      }),
      { numRuns: 1000, seed: 3 },
    );
  });

  it('disposed of anywhere, nothing more is told', () => {
    fc.assert(
      fc.property(seed, fc.nat({ max: 8 }), (document, after) => {
        let count = 0;
        const told = () => {
          if (++count > after) parser.dispose();
        };
        const parser: StreamParser = new StreamParser(
          { framing: 'stream' },
          { open: told, element: told, close: told, error: told },
        );
        for (const chunk of chunked(seeded(document), damaged(document, HEADER))) parser.write(chunk);
        parser.end();
        expect(count).toBeLessThanOrEqual(after + 1);
      }),
      { numRuns: 1000, seed: 4 },
    );
  });

  it('no input makes it throw', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.string({ unit: 'binary' }))), (chunks) => {
        for (const framing of ['stream', 'frames'] as const) {
          const log = parseChunks([framing === 'stream' ? HEADER : OPEN, ...chunks], { framing });
          expect(log.filter(isError).length).toBeLessThanOrEqual(1);
        }
      }),
      { numRuns: 400, seed: 5 },
    );
  });
});
