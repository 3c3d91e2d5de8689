import { defer, map, of, throwError, type Observable } from 'rxjs';
import { UsageError } from '../errors/index.js';
import { hiddenPrompt } from './hidden-prompt.js';
import { Interrupted } from './interrupted.js';
import type { Io } from './io.js';

/**
 * The account's password: `XMPP_PASSWORD`, or what is typed on a terminal without being shown. Never an argument, which every
 * user of the machine could read.
 *
 * Errors with `UsageError` where there is neither, and with `Interrupted`.
 */
export function password({ env, stdin, stderr }: Io, account: string): Observable<string> {
  return defer(() => {
    if (env['XMPP_PASSWORD']) return of(env['XMPP_PASSWORD']);
    if (!stdin.isTTY) return throwError(() => missing());
    // On standard error, since the output may go elsewhere.
    return hiddenPrompt(stdin, stderr, `Password of ${account}: `).pipe(
      map((answer) => {
        if (answer.kind === 'interrupted') throw new Interrupted('SIGINT');
        if (answer.text === '') throw missing();
        return answer.text;
      }),
    );
  });
}

function missing(): UsageError {
  return new UsageError(
    'no-password',
    'there is no password; set the environment variable XMPP_PASSWORD, or run it on a terminal to be asked',
  );
}
