import { defer, map, noop, type Observable } from 'rxjs';
import { jid } from '../../jid/index.js';
import { nodeResolver } from '../../transport/node/index.js';
import { caFile, phaseTimeouts } from '../client-options.js';
import type { DoctorCommand } from '../command.js';
import { EXIT } from '../exit-code.js';
import { JsonReporter } from '../report/json-reporter.js';
import type { Paint } from '../report/paint.js';
import { doctor } from './doctor.js';
import { httpsFetch } from './https-fetch.js';
import { reportText } from './report-text.js';
import { verdict } from './verdict.js';

/** Seconds for each phase: whoever looks for what is wrong does not want to wait long for what is silent. */
const PHASE = 5_000;

/**
 * `rxmpp doctor`: examines, writes the report, and emits the exit code once.
 *
 * @throws UsageError For a CA file that cannot be used.
 */
export function examine(
  { who, dns, ca: file, timeout, json }: DoctorCommand,
  password: string | undefined,
  out: (line: string) => void,
  paint: Paint,
): Observable<number> {
  return defer(() => {
    const ca = file === undefined ? undefined : caFile(file);
    const resolver = nodeResolver({ servers: dns === undefined ? undefined : [dns] });
    const timeouts = phaseTimeouts(timeout ?? PHASE);
    return doctor({ who: jid(who), password, resolver, fetch: httpsFetch(resolver, ca), ca, timeouts });
  }).pipe(
    map((diagnosis) => {
      const findings = verdict(diagnosis);
      if (json) new JsonReporter(out, noop).write('diagnosis', { ...diagnosis, findings });
      else for (const line of reportText(diagnosis, findings, paint)) out(line);
      return findings.some(({ severity }) => severity === 'error') ? EXIT.failure : EXIT.ok;
    }),
  );
}
