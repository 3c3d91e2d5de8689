import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { builtPackage } from '../../support/built-package.js';

/** The command as it is published: built, and run by Node in a process of its own. */
export interface BuiltCommand {
  readonly main: string;
  run(argv: readonly string[], options?: RunOptions): RunningCommand;
  /** Ends what still runs. */
  killAll(): void;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** All of the standard input, which then ends. By default it stays open. */
  readonly input?: string;
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningCommand {
  readonly process: ChildProcess;
  readonly stdout: string;
  readonly stderr: string;
  readonly ended: Promise<Ended>;
  /** Resolves when the output holds the text; rejects if the process ends without it. */
  prints(text: string): Promise<void>;
  write(text: string): void;
  end(): void;
  signal(signal: NodeJS.Signals): void;
}

/** How long a process may take before it counts as one that hangs. */
const LIMIT = 60_000;

export function builtCommand(): BuiltCommand {
  const main = join(builtPackage(), 'dist/esm/cli/main.js');
  const running = new Set<ChildProcess>();
  return {
    main,
    run: (argv, options) => start(main, argv, options, running),
    killAll: () => running.forEach((child) => child.kill('SIGKILL')),
  };
}

function start(
  main: string,
  argv: readonly string[],
  { env = {}, input }: RunOptions = {},
  all: Set<ChildProcess>,
): RunningCommand {
  const { PATH, HOME } = process.env;
  const child = spawn(process.execPath, [main, ...argv], { env: { PATH, HOME, ...env }, stdio: 'pipe' });
  all.add(child);
  let [stdout, stderr] = ['', ''];
  const waiting = new Set<() => void>();
  const heard = () => waiting.forEach((look) => look());
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    heard();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    heard();
  });
  // It may end before it has read everything.
  child.stdin.on('error', () => undefined);
  if (input !== undefined) child.stdin.end(input);

  const ended = new Promise<Ended>((resolve, reject) => {
    const limit = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`rxmpp ${argv.join(' ')} hangs:\n${stdout}\n${stderr}`));
    }, LIMIT);
    child.once('error', reject);
    child.once('close', (code, signal) => {
      clearTimeout(limit);
      all.delete(child);
      resolve({ code, signal, stdout, stderr });
    });
  });
  ended.catch(() => undefined);
  return {
    process: child,
    get stdout() {
      return stdout;
    },
    get stderr() {
      return stderr;
    },
    ended,
    prints: (text) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (!stdout.includes(text) && !stderr.includes(text)) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
        const missed = () => reject(new Error(`rxmpp ended without ${text}:\n${stdout}\n${stderr}`));
        void ended.then(missed, missed);
      }),
    write: (text) => void child.stdin.write(text),
    end: () => void child.stdin.end(),
    signal: (signal) => void child.kill(signal),
  };
}
