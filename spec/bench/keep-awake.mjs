// Keeps the processors from going to sleep, with work of the least priority that gives way to all else.
import { spawn } from 'node:child_process';
import os from 'node:os';

/** @returns How to let them sleep again. Where the system has no `chrt` they sleep on, and it is said. */
export function keepAwake() {
  // By policy, not only by niceness: of a run with real-time priority they would have that too.
  const loops = os
    .cpus()
    .map(() => spawn('chrt', ['--idle', '0', process.execPath, '--eval', 'for (;;);'], { stdio: 'ignore' }));
  loops[0].on('error', () => process.stderr.write('there is no `chrt`: the processors sleep in iq-awake too\n'));
  for (const loop of loops) loop.on('error', () => undefined);
  return () => loops.forEach((loop) => loop.kill());
}
