import { catchError, defer, map, merge, of, share, skip, switchMap, take, throttleTime, type Observable } from 'rxjs';
import type { Command, LiveCommand } from './command.js';
import { demo } from './demo/demo.js';
import { examine } from './doctor/command.js';
import { EXIT, exitCodeOf, exitCodeOfSignal } from './exit-code.js';
import { HELP } from './help.js';
import { Interrupted } from './interrupted.js';
import type { Io, Signal } from './io.js';
import { live } from './live.js';
import { lineWriter, type LineWriter } from './output.js';
import { parseCommand } from './parse-command.js';
import { password } from './password.js';
import { JsonReporter } from './report/json-reporter.js';
import { paintFor } from './report/paint.js';
import type { Reporter } from './report/reporter.js';
import { TextReporter } from './report/text-reporter.js';

/** On Ctrl-C a terminal signals npm and us, and npm signals us once more: within so many milliseconds it is one wish. */
const ONE_WISH = 300;

/** What a command works with. */
interface Surroundings {
  readonly io: Io;
  readonly out: LineWriter;
  readonly err: LineWriter;
  readonly interrupt$: Observable<Signal>;
}

/**
 * The `rxmpp` command: does what the arguments say, and emits the exit code once, when all of it is over and released. It never
 * errors and never ends the process.
 */
export function run(io: Io): Observable<number> {
  return defer(() => {
    const surroundings: Surroundings = {
      io,
      out: lineWriter(io.stdout),
      err: lineWriter(io.stderr),
      interrupt$: io.signal$.pipe(throttleTime(ONE_WISH), share()),
    };
    let reporter = reporterFor({ json: io.argv.includes('--json'), color: false }, surroundings);
    return defer(() => {
      const command = parseCommand(io.argv);
      if (command.kind !== 'help' && command.kind !== 'version') reporter = reporterFor(command, surroundings);
      return perform(command, surroundings, reporter);
    }).pipe(
      catchError((error: unknown) => {
        if (error instanceof Interrupted) return of(exitCodeOfSignal(error.signal));
        const exitCode = exitCodeOf(error);
        reporter.error(error, exitCode);
        return of(exitCode);
      }),
      take(1),
    );
  });
}

/** Signals are listened to before anything else begins: somebody may be quick. */
function perform(command: Command, surroundings: Surroundings, reporter: Reporter): Observable<number> {
  const { io, out, interrupt$ } = surroundings;
  switch (command.kind) {
    case 'help':
      out.line(HELP.trimEnd());
      return of(EXIT.ok);
    case 'version':
      out.line(io.version);
      return of(EXIT.ok);
    case 'demo':
      return merge(interrupt$.pipe(map(interrupted)), out.broken$.pipe(map(() => EXIT.ok)), demo(reporter)).pipe(
        take(1),
      );
    case 'doctor':
      return merge(
        interrupt$.pipe(map(interrupted)),
        out.broken$.pipe(map(() => EXIT.ok)),
        examine(command, io.env['XMPP_PASSWORD'] || undefined, out.line, paintFor(io, command.color)),
      ).pipe(take(1));
    case 'live':
      return merge(
        // Once more is at once.
        interrupt$.pipe(skip(1), map(exitCodeOfSignal)),
        connect(command, surroundings, reporter),
      ).pipe(take(1));
  }
}

function connect(command: LiveCommand, { io, out, interrupt$ }: Surroundings, reporter: Reporter): Observable<number> {
  const secret$ = 'domain' in command.account ? of(undefined) : password(io, command.account.jid);
  return merge(interrupt$.pipe(map(interrupted)), secret$).pipe(
    take(1),
    switchMap((secret) => {
      const quit$ = merge(interrupt$, out.broken$.pipe(map(() => 'unread' as const)));
      return live(command, secret, { stdin: io.stdin, reporter, quit$ });
    }),
  );
}

function interrupted(signal: Signal): never {
  throw new Interrupted(signal);
}

function reporterFor(
  { json, color }: { readonly json: boolean; readonly color: boolean },
  { io, out, err }: Surroundings,
): Reporter {
  return json ? new JsonReporter(out.line, err.line) : new TextReporter(out.line, err.line, paintFor(io, color));
}
