import { WriteQueue } from '../../lib/session/write-queue.js';
import type { Outgoing } from '../../lib/session/delivery.js';

describe('WriteQueue', () => {
  /** A stanza that notes what is told to it. */
  const stanza = (name: number, told: string[], counted = false) =>
    ({ counted, written: (last: boolean) => told.push(`${name}${last ? ' at last' : ''}`) }) as unknown as Outgoing;

  it('tells the oldest of each write, and whether anything more is to come', () => {
    const told: string[] = [];
    const queue = new WriteQueue();
    queue.push(stanza(1, told, true));
    queue.push(stanza(2, told));
    queue.written();
    queue.written();
    // Nothing is on its way: somebody else's write.
    queue.written();
    expect(told).toEqual(['1', '2 at last']);
  });

  it('knows what is still on its way, however many have gone', () => {
    const told: string[] = [];
    const queue = new WriteQueue();
    const all = Array.from({ length: 3_000 }, (_, index) => stanza(index, told));
    for (const one of all) queue.push(one);
    for (let written = 0; written <= 3_000; written += 500) {
      expect(queue.list()).toEqual(all.slice(written));
      for (let index = 0; index < 500; index++) queue.written();
    }
    expect(told).toEqual(all.map((_, index) => `${index} at last`));
    expect(queue.list()).toEqual([]);
  });

  it('forgets the last one where it was not written after all', () => {
    const told: string[] = [];
    const queue = new WriteQueue();
    queue.push(stanza(1, told));
    queue.push(stanza(2, told));
    queue.pop();
    queue.push(stanza(3, told));
    queue.written();
    queue.written();
    expect(told).toEqual(['1 at last', '3 at last']);
  });
});
