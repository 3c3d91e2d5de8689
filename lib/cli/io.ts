import type { Readable, Writable } from 'node:stream';
import type { Observable } from 'rxjs';

/** Standard input: a terminal where `isTTY` is true. */
export interface Input extends Readable {
  readonly isTTY?: boolean;
  setRawMode?(raw: boolean): unknown;
}

export interface Output extends Writable {
  readonly isTTY?: boolean;
}

/** What asks the command to end, in the words of POSIX. */
export type Signal = 'SIGINT' | 'SIGTERM' | 'SIGHUP';

/** The outside world, as the command sees it: `main.ts` gives it the process, specs give it theirs. */
export interface Io {
  /** The arguments, without the program's own name. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: Input;
  readonly stdout: Output;
  readonly stderr: Output;
  /** Hot. While nobody is subscribed a signal does what it does by default. */
  readonly signal$: Observable<Signal>;
  readonly version: string;
}
