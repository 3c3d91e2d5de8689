import type { SrvRecord } from './dns-resolver.js';

/**
 * SRV records in the order in which to try them: by priority, and within a priority by weighted lot, so that a record is
 * first as often as its share of the weights says (RFC 2782, "Usage rules" of weight).
 *
 * @param random As `Math.random`; called once for each record that has others beside it.
 */
export function srvOrder<T extends SrvRecord>(records: readonly T[], random: () => number): T[] {
  const byPriority = new Map<number, T[]>();
  for (const record of records) {
    const group = byPriority.get(record.priority);
    if (group) group.push(record);
    else byPriority.set(record.priority, [record]);
  }
  return [...byPriority.entries()].sort(([a], [b]) => a - b).flatMap(([, group]) => byWeight(group, random));
}

function byWeight<T extends SrvRecord>(group: readonly T[], random: () => number): T[] {
  // Weight 0 comes first, so that it is drawn only when the lot falls on 0: rarely, but not never.
  const left = [...group.filter(({ weight }) => weight === 0), ...group.filter(({ weight }) => weight !== 0)];
  let total = left.reduce((sum, { weight }) => sum + weight, 0);
  const ordered: T[] = [];
  while (left.length > 1) {
    // An integer of 0 to the total, both included.
    const lot = Math.min(Math.floor(random() * (total + 1)), total);
    let running = 0;
    const index = left.findIndex(({ weight }) => (running += weight) >= lot);
    const [drawn] = left.splice(index, 1);
    total -= drawn!.weight;
    ordered.push(drawn!);
  }
  return [...ordered, ...left];
}
