import type { Script } from '../../lib/testing.js';
import { goesOnline } from './wire.js';
import { WireRun, type WireInit } from './wire-run.js';

/** How a spec of a session begins: online over direct TLS at time 0, with as few bytes as can be. */
export const sessionInit = ({ options, transport, ...init }: WireInit = {}): WireInit => ({
  ...init,
  options: { credentials: { external: true }, ...options },
  transport: { tls: true, ...transport },
});

/** A session, online, whose server goes on by this script. */
export function sessionRun(script: Script = [], init: WireInit = {}): WireRun {
  const run = new WireRun(goesOnline(...script), sessionInit(init)).flush(0);
  if (run.sessions.length !== 1) throw new Error(`not online: ${run.outcome}`);
  return run;
}

/** What an observable did, in order: values by their text, `|` or the error. */
export function recorded(run: WireRun): {
  readonly log: string[];
  observer: { next(value: unknown): void; error(error: unknown): void; complete(): void };
} {
  const log: string[] = [];
  const note = (text: string) => log.push(`${run.scheduler.now()} ${text}`);
  return {
    log,
    observer: {
      next: (value) => note(String(value)),
      error: (error) => note(error instanceof Error ? `# ${error.name} ${error.message}` : `# ${String(error)}`),
      complete: () => note('|'),
    },
  };
}
