// Starts the replay server (server.mjs).
import { fork } from 'node:child_process';
import { join } from 'node:path';

/** @returns Its ports, and how to stop it. */
export function startReplay() {
  return new Promise((resolve, reject) => {
    const server = fork(join(import.meta.dirname, 'server.mjs'));
    server.once('message', (ports) => resolve({ ports, stop: () => server.disconnect() }));
    server.once('exit', () => reject(new Error('the replay server ended')));
  });
}
