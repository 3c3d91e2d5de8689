import { spawn } from 'node:child_process';

export interface DaemonConfig {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Record<string, string>;
  /** The line of output that says that everything is up. A TCP connect says less: somebody else may listen there. */
  readonly ready: RegExp;
  /** Output that says that it never will be. */
  readonly broken: RegExp;
  /** Milliseconds; 60,000 by default: a busy machine is no failure. */
  readonly limit?: number;
}

export interface Daemon {
  readonly pid: number;
  readonly running: boolean;
  output(): string;
  /** Sends the signal and waits for the end; after ten seconds the end is SIGKILL. */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  signal(signal: NodeJS.Signals): void;
}

/** Runs a server until `end`, or until this process dies, however it dies: no run leaves an orphan behind. */
export function startDaemon(config: DaemonConfig): Promise<Daemon> {
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', config.command, ...config.args], {
    cwd: config.cwd,
    env: { PATH: `${process.env['PATH']}:/usr/sbin:/sbin`, LANG: 'C.UTF-8', ...config.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let running = true;
  const ended = new Promise<void>((resolve) => {
    const settle = () => {
      running = false;
      resolve();
    };
    child.once('error', (error) => {
      output += String(error);
      settle();
    });
    child.once('exit', settle);
  });

  const end = async (signal: 'SIGTERM' | 'SIGKILL') => {
    if (running) child.kill(signal);
    const impatience = setTimeout(() => child.kill('SIGKILL'), 10_000);
    await ended;
    clearTimeout(impatience);
  };

  return new Promise((resolve, reject) => {
    const fail = (why: string) => {
      clearTimeout(limit);
      void end('SIGKILL').then(() => reject(new Error(`${config.command} ${why}:\n${output.slice(-4000)}`)));
    };
    const limit = setTimeout(() => fail('took too long to start'), config.limit ?? 60_000);
    let settled = false;
    const read = (chunk: Buffer) => {
      output += chunk.toString();
      if (settled) return;
      if (config.broken.test(output)) {
        settled = true;
        fail('cannot start');
      } else if (config.ready.test(output)) {
        settled = true;
        clearTimeout(limit);
        resolve({
          pid: child.pid!,
          get running() {
            return running;
          },
          output: () => output,
          end,
          signal: (signal) => void child.kill(signal),
        });
      }
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    void ended.then(() => {
      if (!settled) fail('ended by itself');
      settled = true;
    });
  });
}
