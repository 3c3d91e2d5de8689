// Keeps the processors from going to sleep, with work of the least priority that gives way to all else.
import { spawn } from 'node:child_process';
import os from 'node:os';

/** @returns How to let them sleep again. Where the system has no `chrt` they sleep on, and the figure says so by its ratio. */
export function keepAwake() {
  // By policy, not only by niceness: of a run with real-time priority they would have that too.
  const loops = os
    .cpus()
    .map(() => spawn('chrt', ['--idle', '0', process.execPath, '--eval', 'for (;;);'], { stdio: 'ignore' }));
  for (const loop of loops) loop.on('error', () => undefined);
  return () => loops.forEach((loop) => loop.kill());
}
