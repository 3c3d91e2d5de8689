import type { TraceEvent } from '../../trace/lifecycle-event.js';

/** Milliseconds since the attempt of an event began; of one client, whose attempts follow one another. */
export class Stopwatch {
  #attempt: number | undefined;
  #start = 0;

  elapsed({ attempt, time }: TraceEvent): number {
    if (attempt !== this.#attempt) {
      this.#attempt = attempt;
      this.#start = time;
    }
    return time - this.#start;
  }
}

/** A stopwatch for each client. */
export class Stopwatches {
  readonly #byClient = new Map<string, Stopwatch>();

  elapsed(event: TraceEvent, client = ''): number {
    let stopwatch = this.#byClient.get(client);
    if (!stopwatch) this.#byClient.set(client, (stopwatch = new Stopwatch()));
    return stopwatch.elapsed(event);
  }
}
