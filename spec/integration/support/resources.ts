/** What keeps a process alive, by kind: sockets, timers, look-ups. Immediates come and go with every turn. */
export function resources(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) {
    if (kind !== 'Immediate') counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}

/** Sockets leave a turn or two after they were let go; in the end all must be as it was. */
export async function expectResources(baseline: Record<string, number>, limit = 10_000): Promise<void> {
  const until = Date.now() + limit;
  const same = () => JSON.stringify(sorted(resources())) === JSON.stringify(sorted(baseline));
  while (!same() && Date.now() < until) await new Promise((turn) => setImmediate(turn));
  expect(resources()).toEqual(baseline);
}

const sorted = (counts: Record<string, number>) => Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1));
