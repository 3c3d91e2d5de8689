import type { Readable } from 'node:stream';
import { defer, finalize, mergeMap, Observable } from 'rxjs';

/**
 * The lines of a stream, without their ends; completes with the stream. Reads while subscribed, and pauses after, so that an
 * idle input keeps no process alive.
 */
export function lines(input: Readable): Observable<string> {
  return new Observable<string>((subscriber) => {
    const decoder = new TextDecoder();
    let begun = '';
    const onData = (chunk: Uint8Array | string) => {
      const parts = (begun + (typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true }))).split('\n');
      begun = parts.pop()!;
      for (const part of parts) subscriber.next(part.replace(/\r$/, ''));
    };
    const onEnd = () => {
      if (begun !== '') subscriber.next(begun);
      subscriber.complete();
    };
    input.on('data', onData);
    input.on('end', onEnd);
    input.on('close', onEnd);
    // A terminal that is gone: there will be no more lines.
    input.on('error', onEnd);
    subscriber.add(() => {
      input.off('data', onData);
      input.off('end', onEnd);
      input.off('close', onEnd);
      input.pause();
    });
    if (input.readableEnded || input.destroyed) onEnd();
    else input.resume();
  });
}

/**
 * Does something for each line, in order of their beginnings, at most `limit` at once: meanwhile no more is read. Completes when the
 * stream has ended and all is done.
 */
export function forEachLine<T>(
  input: Readable,
  limit: number,
  project: (line: string) => Observable<T>,
): Observable<T> {
  return defer(() => {
    let busy = 0;
    let over = false;
    return lines(input).pipe(
      mergeMap((line) => {
        if (++busy >= limit) input.pause();
        return project(line).pipe(
          finalize(() => {
            if (--busy < limit && !over) input.resume();
          }),
        );
      }, limit),
      finalize(() => {
        over = true;
        input.pause();
      }),
    );
  });
}
