/** What keeps a process alive, by kind: sockets, timers, look-ups. Immediates come and go with every turn. */
export function resources(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) {
    if (kind !== 'Immediate') counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}

/**
 * Sockets leave a turn or two after they were let go; in the end there must be no more of anything than there was. There may be
 * less: a timer or a file of the test runner's own was over meanwhile.
 */
export async function expectResources(baseline: Record<string, number>, limit = 10_000): Promise<void> {
  const until = Date.now() + limit;
  const left = () => Object.entries(resources()).filter(([kind, count]) => count > (baseline[kind] ?? 0));
  while (left().length > 0 && Date.now() < until) await new Promise((turn) => setImmediate(turn));
  expect({ left: left(), baseline }).toEqual({ left: [], baseline });
}

/** The baseline: what there is once no connection of an earlier spec is on its way out any more. */
export async function quietResources(limit = 20_000): Promise<Record<string, number>> {
  const until = Date.now() + limit;
  const leaving = () => Object.keys(resources()).filter((kind) => /TCPSocket|Shutdown|TLSWrap|WriteWrap/.test(kind));
  while (leaving().length > 0 && Date.now() < until) await new Promise((turn) => setImmediate(turn));
  expect(leaving()).toEqual([]);
  return resources();
}
