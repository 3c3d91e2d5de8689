import fc from 'fast-check';
import { increment, parseCount, Unacknowledged } from '../../../lib/stream/management/unacknowledged.js';

const MODULUS = 2 ** 32;

describe('parseCount (S8)', () => {
  it.each([
    ['0', 0],
    ['1', 1],
    ['007', 7],
    ['4294967295', MODULUS - 1],
    ['0000000000', 0],
    ['4294967296', undefined],
    ['9999999999', undefined],
    ['00000000001', undefined],
    ['99999999999999999999999', undefined],
    ['-1', undefined],
    ['-0', undefined],
    ['+1', undefined],
    ['1.0', undefined],
    ['1e3', undefined],
    ['1e30', undefined],
    ['0x10', undefined],
    ['NaN', undefined],
    ['Infinity', undefined],
    ['', undefined],
    [' ', undefined],
    [' 1', undefined],
    ['1\n', undefined],
    ['1 2', undefined],
    ['١٢', undefined],
    ['１', undefined],
    ['𝟏', undefined],
    ['null', undefined],
    ['1_000', undefined],
    [undefined, undefined],
  ])('%j is %p', (text, count) => expect(parseCount(text)).toBe(count));
});

describe('increment', () => {
  it.each([
    [0, 1],
    [MODULUS - 2, MODULUS - 1],
    // D17: the reset is to zero, not to one.
    [MODULUS - 1, 0],
  ])('%p -> %p', (from, to) => expect(increment(from)).toBe(to));
});

/** Items 1..n after a server that has acknowledged `acknowledged`. */
function sent(acknowledged: number, n: number): Unacknowledged<number> {
  return new Unacknowledged(
    acknowledged,
    Array.from({ length: n }, (_, index) => index + 1),
  );
}

describe('Unacknowledged (S8, D17)', () => {
  it.each([
    // the last h, items out, h, what is acknowledged
    [0, 3, 0, []],
    [0, 3, 2, [1, 2]],
    [0, 3, 3, [1, 2, 3]],
    [0, 3, 4, undefined],
    [0, 0, 1, undefined],
    [5, 3, 4, undefined],
    [5, 3, 0, undefined],
    [5, 3, 5, []],
    [0, 3, MODULUS - 1, undefined],
    [MODULUS - 3, 5, MODULUS - 3, []],
    [MODULUS - 3, 5, MODULUS - 4, undefined],
    [MODULUS - 3, 5, MODULUS - 1, [1, 2]],
    [MODULUS - 3, 5, 0, [1, 2, 3]],
    [MODULUS - 3, 5, 1, [1, 2, 3, 4]],
    [MODULUS - 3, 5, 2, [1, 2, 3, 4, 5]],
    [MODULUS - 3, 5, 3, undefined],
    [MODULUS - 1, 1, 0, [1]],
    [MODULUS - 1, 1, 1, undefined],
  ])('after %p with %p out, h=%p acknowledges %p', (acknowledged, out, h, expected) => {
    const list = sent(acknowledged, out);
    expect(list.acknowledge(h)).toEqual(expected);
    expect(list.acknowledged).toBe(expected ? h : acknowledged);
    expect(list.size).toBe(out - (expected?.length ?? 0));
  });

  it('keeps the order and what is left', () => {
    const list = sent(0, 3);
    list.acknowledge(1);
    list.push(4);
    expect(list.list()).toEqual([2, 3, 4]);
    expect(list.acknowledge(4)).toEqual([2, 3, 4]);
    expect(list.list()).toEqual([]);
  });

  it('takes the newest back, and never what is acknowledged', () => {
    const list = sent(0, 2);
    list.acknowledge(1);
    list.pop();
    list.pop();
    expect([list.list(), list.size, list.acknowledge(2)]).toEqual([[], 0, undefined]);
  });

  it('what a process stored that was killed may lag behind the server, at its first word only', () => {
    const stored = () => new Unacknowledged(5, [6, 7], true);
    expect(stored().acknowledge(7)).toEqual([6, 7]);
    expect(stored().acknowledge(9)).toEqual([6, 7]);
    expect(stored().acknowledge(4)).toBeUndefined();
    const list = stored();
    list.acknowledge(9);
    expect(list.acknowledged).toBe(9);
    list.push(10);
    expect(list.acknowledge(11)).toBeUndefined();
    expect(list.acknowledge(10)).toEqual([10]);
    expect(new Unacknowledged(MODULUS - 2, [1], true).acknowledge(3)).toEqual([1]);
  });

  it('agrees with BigInt arithmetic across 2^32, whatever the order of sends and acknowledgements', () => {
    const start = fc.oneof(
      fc.integer({ min: 0, max: 20 }),
      fc.integer({ min: MODULUS - 20, max: MODULUS - 1 }),
      fc.integer({ min: 0, max: MODULUS - 1 }),
    );
    const step = fc.oneof(
      fc.record({ send: fc.integer({ min: 1, max: 9 }) }),
      fc.record({ ahead: fc.integer({ min: -4, max: 12 }) }),
    );
    fc.assert(
      fc.property(start, fc.array(step, { maxLength: 60 }), (begin, steps) => {
        // The model counts without wrapping.
        let sentInAll = BigInt(begin);
        let acknowledged = BigInt(begin);
        const list = new Unacknowledged<bigint>(begin);
        for (const one of steps) {
          if ('send' in one) {
            for (let n = 0; n < one.send; n++) list.push(++sentInAll);
            continue;
          }
          const claimed = acknowledged + BigInt(one.ahead);
          const h = Number(BigInt.asUintN(32, claimed));
          const valid = claimed >= acknowledged && claimed <= sentInAll;
          const expected: bigint[] = [];
          for (let id = acknowledged + 1n; id <= claimed; id++) expected.push(id);
          expect(list.acknowledge(h)).toEqual(valid ? expected : undefined);
          if (valid) acknowledged = claimed;
        }
        expect(list.size).toBe(Number(sentInAll - acknowledged));
        expect(list.acknowledged).toBe(Number(BigInt.asUintN(32, acknowledged)));
      }),
      { numRuns: 500 },
    );
  });

  it('costs no more by the thousand', () => {
    const list = new Unacknowledged<number>(MODULUS - 50_000);
    const taken: number[] = [];
    for (let n = 0; n < 100_000; n++) list.push(n);
    for (let n = 0; n < 100_000; n++) taken.push(...list.acknowledge((MODULUS - 50_000 + n + 1) % MODULUS)!);
    expect(list.size).toBe(0);
    expect(taken.every((item, index) => item === index)).toBe(true);
    expect(taken).toHaveLength(100_000);
  });
});
