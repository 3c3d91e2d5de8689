import { PassThrough } from 'node:stream';
import { Subject } from 'rxjs';
import type { Io, Signal } from '../../../lib/cli/io.js';
import { run } from '../../../lib/cli/run.js';

export interface InProcess {
  readonly stdin: PassThrough & { isTTY?: boolean; rawModes: boolean[] };
  readonly stdoutStream: PassThrough;
  readonly stdout: string;
  readonly stderr: string;
  readonly exit: Promise<number>;
  /** Exit codes so far. */
  readonly codes: readonly number[];
  signal(signal: Signal): void;
  readonly observed: boolean;
  stop(): void;
}

export interface Surroundings {
  readonly env?: Io['env'];
  /** Whether input and output are terminals. */
  readonly tty?: boolean;
}

/** Runs the command within this process, with streams of its own. */
export function runInProcess(argv: readonly string[], { env = {}, tty = false }: Surroundings = {}): InProcess {
  const rawModes: boolean[] = [];
  const stdin = Object.assign(new PassThrough(), {
    isTTY: tty,
    rawModes,
    setRawMode: (raw: boolean) => rawModes.push(raw),
  });
  const output = () => Object.assign(new PassThrough(), { isTTY: tty });
  const [out, err] = [output(), output()];
  let [stdout, stderr] = ['', ''];
  out.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  err.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const signal$ = new Subject<Signal>();
  const codes: number[] = [];
  let subscription = { unsubscribe: (): void => undefined };
  const exit = new Promise<number>((resolve, reject) => {
    subscription = run({
      argv,
      env,
      stdin,
      stdout: out,
      stderr: err,
      signal$,
      version: '1.2.3',
    }).subscribe({
      next: (code) => codes.push(code),
      error: reject,
      // What was written last is read in the next turn.
      complete: () => setImmediate(() => resolve(codes.at(-1)!)),
    });
  });
  return {
    stdin,
    stdoutStream: out,
    get stdout() {
      return stdout;
    },
    get stderr() {
      return stderr;
    },
    exit,
    codes,
    signal: (signal) => signal$.next(signal),
    get observed() {
      return signal$.observed;
    },
    stop: () => subscription.unsubscribe(),
  };
}
