import fc from 'fast-check';
import type { SrvRecord } from '../../lib/transport/dns-resolver.js';
import { srvOrder } from '../../lib/transport/srv-order.js';

const record = (name: string, priority: number, weight: number): SrvRecord => ({ name, priority, weight, port: 5222 });
const names = (records: readonly SrvRecord[]) => records.map(({ name }) => name).join('');

/** Gives the numbers of a list, and then fails. */
const lots = (...numbers: number[]) => {
  return () => {
    if (numbers.length === 0) throw new Error('one lot too many');
    return numbers.shift()!;
  };
};

describe('srvOrder (T7)', () => {
  it.each<[string, SrvRecord[], number[], string]>([
    ['none', [], [], ''],
    ['one alone needs no lot', [record('a', 1, 1)], [], 'a'],
    ['priority before weight', [record('a', 20, 65535), record('b', 10, 0)], [], 'ba'],
    // Weights 1, 3: lots are 0..4, of which 0 and 1 draw the first record and 2 to 4 the second.
    ['lot 0', [record('a', 1, 1), record('b', 1, 3)], [0], 'ab'],
    ['lot 1', [record('a', 1, 1), record('b', 1, 3)], [0.39], 'ab'],
    ['lot 2', [record('a', 1, 1), record('b', 1, 3)], [0.4], 'ba'],
    ['lot 4', [record('a', 1, 1), record('b', 1, 3)], [0.99], 'ba'],
    ['random() of 1, against its contract', [record('a', 1, 1), record('b', 1, 3)], [1], 'ba'],
    // Weight 0 is drawn by lot 0 alone, wherever the record stands in the answer.
    ['weight 0, lot 0', [record('a', 1, 1), record('z', 1, 0)], [0], 'za'],
    ['weight 0, lot 1', [record('a', 1, 1), record('z', 1, 0)], [0.5], 'az'],
    ['all weights 0 keep the order of the answer', [record('a', 1, 0), record('b', 1, 0)], [0.99], 'ab'],
    [
      'lots are drawn anew among those that are left',
      [record('a', 1, 1), record('b', 1, 1), record('c', 1, 2)],
      [0.5, 0.6],
      'bca',
    ],
    ['of the weights of these alone', [record('a', 1, 1), record('b', 1, 1), record('c', 1, 2)], [0.5, 0.4], 'bac'],
  ])('%s', (_, records, numbers, expected) => {
    expect(names(srvOrder(records, lots(...numbers)))).toBe(expected);
  });

  it('draws each record first as often as its share says (RFC 2782)', () => {
    const records = [record('a', 1, 10), record('b', 1, 30), record('c', 1, 60)];
    const firsts: Record<string, number> = { a: 0, b: 0, c: 0 };
    // All 101 lots, each once.
    for (let lot = 0; lot <= 100; lot++) firsts[srvOrder(records, () => (lot + 0.5) / 101)[0]!.name]!++;
    expect(firsts).toEqual({ a: 11, b: 30, c: 60 });
  });

  it('loses and invents no record, and keeps priorities in order', () => {
    const records = fc.array(
      fc.record({ name: fc.string(), port: fc.nat(), priority: fc.nat(3), weight: fc.nat(65535) }),
    );
    fc.assert(
      fc.property(
        records,
        fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })),
        (input, stream) => {
          const ordered = srvOrder(input, () => stream.next().value as number);
          expect(new Set(ordered)).toEqual(new Set(input));
          expect(ordered).toHaveLength(input.length);
          const priorities = ordered.map(({ priority }) => priority);
          expect(priorities).toEqual([...priorities].sort((a, b) => a - b));
        },
      ),
    );
  });
});
