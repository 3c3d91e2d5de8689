#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { fromEvent, map, merge } from 'rxjs';
import type { Signal } from './io.js';
import { run } from './run.js';

const SIGNALS: readonly Signal[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

const manifest = new URL('../../../package.json', import.meta.url);

// The process ends by itself when nothing is left open; nothing here ends it.
run({
  argv: process.argv.slice(2),
  env: process.env,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  signal$: merge(...SIGNALS.map((signal) => fromEvent(process, signal).pipe(map(() => signal)))),
  get version() {
    return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version;
  },
}).subscribe((exitCode) => {
  process.exitCode = exitCode;
});
