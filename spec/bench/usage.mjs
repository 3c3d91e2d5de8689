// What the operating system says of this process.
import { readFileSync, writeFileSync } from 'node:fs';
import { memoryUsage } from 'node:process';
import { Session } from 'node:inspector';
import v8 from 'node:v8';
import vm from 'node:vm';

/**
 * CPU milliseconds so far: of all threads (getrusage: garbage collection, compilation and native cryptography run on
 * threads of their own), and of the main thread alone (schedstat of the kernel, in nanoseconds).
 */
export function cpu() {
  if (process.env.BENCH_PROFILE) startProfile();
  const { user, system } = process.cpuUsage();
  return { all: (user + system) / 1000, main: mainThread() };
}

function mainThread() {
  try {
    return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
  } catch {
    return NaN;
  }
}

export const since = (before) => {
  const now = cpu();
  return { all: now.all - before.all, main: now.main - before.main };
};

let collect;
/** Octets in use after a full collection: of the heap and of buffers outside it; and resident, as the system counts. */
export function memory() {
  v8.setFlagsFromString('--expose-gc');
  collect ??= vm.runInNewContext('gc');
  for (let i = 0; i < 4; i++) collect();
  const { heapUsed, external, rss } = memoryUsage();
  return { heap: heapUsed + external, rss };
}

export const median = (list) => {
  const sorted = [...list].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};

let profiler;
/** With BENCH_PROFILE, from the first measurement on: neither loading nor warming up. */
function startProfile() {
  if (profiler) return;
  profiler = new Session();
  profiler.connect();
  profiler.post('Profiler.enable');
  profiler.post('Profiler.setSamplingInterval', { interval: 200 });
  profiler.post('Profiler.start');
}

export function writeProfile() {
  profiler?.post('Profiler.stop', (_error, { profile }) =>
    writeFileSync(process.env.BENCH_PROFILE, JSON.stringify(profile)),
  );
}
