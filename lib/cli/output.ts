import { ReplaySubject, type Observable } from 'rxjs';
import type { Output } from './io.js';

export interface LineWriter {
  /** Writes a line; nothing, once nobody reads any more. */
  line(text: string): void;
  /** Emits once when nobody reads any more: the other end of a pipe is closed (`| head`), or the terminal is gone. */
  readonly broken$: Observable<void>;
}

/** Writes lines to a stream of the process, which may end before we do. */
export function lineWriter(output: Output): LineWriter {
  const broken$ = new ReplaySubject<void>(1);
  let broken = false;
  // Never taken away: errors of what was written last come after the end of everything else.
  output.on('error', () => {
    broken = true;
    broken$.next();
  });
  return {
    line: (text) => void (broken || output.write(`${text}\n`)),
    broken$: broken$.asObservable(),
  };
}
