import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * What `npm run defects` wants to know of a run of Jest. Its own `--json` holds all that an expectation compared, and fails where
 * that is circular, as timers of a scheduler are.
 */
export default class {
  constructor({ rootDir }) {
    this.file = join(rootDir, 'report.json');
  }

  onRunComplete(_contexts, { testResults }) {
    const tests = testResults.flatMap(({ testResults: results }) =>
      results.map(({ fullName, status, failureMessages: [why = ''] }) => ({ fullName, status, why })),
    );
    const broken = testResults.flatMap(({ testExecError }) => (testExecError ? [testExecError.message] : []));
    writeFileSync(this.file, JSON.stringify({ tests, broken }));
  }
}
