import { Queue } from '../../lib/stream/queue.js';

describe('Queue', () => {
  it('gives the oldest first, and nothing where there is none', () => {
    const queue = new Queue<number>();
    queue.push(1);
    queue.push(2);
    expect([queue.shift(), queue.shift(), queue.shift()]).toEqual([1, 2, undefined]);
    expect(queue.size).toBe(0);
    queue.push(3);
    expect(queue.list()).toEqual([3]);
  });

  it.each([1, 2, 31, 32, 33, 3_000])('knows what is left of %i, however many were taken', (count) => {
    const queue = new Queue<number>();
    const all = Array.from({ length: count }, (_, index) => index);
    for (const item of all) queue.push(item);
    for (const item of all) {
      expect(queue.size).toBe(count - item);
      if (item % 500 < 40) expect(queue.list()).toEqual(all.slice(item));
      expect(queue.shift()).toBe(item);
    }
    expect(queue.list()).toEqual([]);
  });

  it('takes back the newest, where there is one', () => {
    const queue = new Queue<number>();
    queue.pop();
    for (const item of [1, 2, 3]) queue.push(item);
    queue.pop();
    expect(queue.shift()).toBe(1);
    queue.pop();
    queue.pop();
    expect(queue.size).toBe(0);
    queue.push(4);
    expect([queue.list(), queue.shift(), queue.size]).toEqual([[4], 4, 0]);
  });
});
