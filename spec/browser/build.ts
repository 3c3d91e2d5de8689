import { missingFor } from '../support/needs.js';
import { buildApp } from './build-app.js';

/** Builds once, before the specs in Chromium begin beside one another, what all of them use. */
try {
  if (missingFor('chromium').length === 0) buildApp((line) => void process.stdout.write(`${line}\n`));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
