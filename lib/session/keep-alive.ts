import {
  asyncScheduler,
  EMPTY,
  Observable,
  Subscription,
  type MonoTypeOperatorFunction,
  type SchedulerLike,
} from 'rxjs';
import { XmppTimeoutError } from '../errors/timeout-error.js';
import { liveSession, type LiveSession } from './live-session.js';
import type { Session } from './session.js';

export interface KeepAliveConfig {
  /** Milliseconds without a byte from the server before it is asked; 60,000 by default, `Infinity` for never. */
  readonly idle?: number;
  /** Milliseconds that the server has to send something then, or to take what we write; 15,000 by default. */
  readonly timeout?: number;
  /** Asks at once: the machine woke up, the network changed, the page is visible again. */
  readonly wake$?: Observable<unknown>;
  readonly scheduler?: SchedulerLike;
}

/**
 * Notices a dead link: when nothing came for a while, the server is asked for a sign of life (by XEP-0198 `<r/>` where it is
 * enabled, else by an XEP-0199 ping, which a server answers even if only by an error), and a server that stays silent has
 * lost us. Any byte counts as life. So does progress of what we write: bytes that nobody takes are a dead link too.
 *
 * ```text
 * session               --s----------------------
 * in                      a  b
 * out                                  <r/>
 * keepAlive({ idle: 8,  --s---------------------#     { condition: 'timeout', phase: 'online' }
 *   timeout: 9 })
 * ```
 *
 * Errors with `XmppTimeoutError` at `idle + timeout` after the last byte at the latest, and writes no footer then, so that the
 * session can be resumed.
 */
export function keepAlive(config: KeepAliveConfig = {}): MonoTypeOperatorFunction<Session> {
  return (source) =>
    new Observable<Session>((subscriber) => {
      const watching = new Subscription();
      subscriber.add(watching);
      subscriber.add(
        source.subscribe({
          next: (session) => {
            try {
              watching.add(watch(liveSession(session), config));
            } catch (error) {
              return subscriber.error(error);
            }
            subscriber.next(session);
          },
          error: (error: unknown) => {
            watching.unsubscribe();
            subscriber.error(error);
          },
          complete: () => {
            watching.unsubscribe();
            subscriber.complete();
          },
        }),
      );
    });
}

/**
 * Ends the session's stream when its link is dead. What has elapsed is told by octets and by this timer as far as can be: the
 * clock may be set back or forward meanwhile.
 */
function watch(live: LiveSession, config: KeepAliveConfig): Subscription {
  const { idle = 60_000, timeout = 15_000, wake$ = EMPTY, scheduler = asyncScheduler } = config;
  const { stream } = live;
  const { connection } = stream;
  const watching = new Subscription();
  let timer: Subscription | undefined;
  let scheduled = 0;
  /** How much had come when this was last looked at, and how long there may be silence from then on. */
  let silence = { received: connection.bytesReceived, left: idle };
  /** While bytes wait and none is taken: how many had been taken, and how long that may last. */
  let stall: { readonly sent: number; left: number } | undefined;
  /** While a question is out: how much had come when it was asked, and how long the answer may take. */
  let asked: { readonly received: number; left: number } | undefined;
  /** Whether the time is up, and only what has arrived already may still be read. */
  let overdue = false;

  const schedule = (due: number) => {
    timer?.unsubscribe();
    scheduled = due;
    if (due === Infinity) return;
    timer = scheduler.schedule(check, due);
    watching.add(timer);
  };
  const probe = () => {
    if (asked?.received === connection.bytesReceived) return;
    asked = { received: connection.bytesReceived, left: timeout };
    live.probe();
    awaitAnswer();
  };
  // The answer is looked for once in an idle time, so that the next silence is not told late where that is short.
  const awaitAnswer = () => schedule(Math.min(asked!.left, idle));
  const fail = (text: string) => {
    if (!overdue) {
      // A process that was stopped, or busy for long, finds its timers due before it has read what came meanwhile.
      overdue = true;
      return schedule(0);
    }
    watching.unsubscribe();
    stream.fail(new XmppTimeoutError('online', timeout, text));
  };
  const check = () => {
    const { bufferedBytes, bytesReceived, bytesSent } = connection;
    if (bufferedBytes === 0) stall = undefined;
    else if (stall?.sent !== bytesSent) stall = { sent: bytesSent, left: timeout };
    else if ((stall.left -= scheduled) <= 0) return fail(`the server takes no bytes; ${bufferedBytes} wait`);

    if (asked?.received === bytesReceived) {
      if ((asked.left -= scheduled) > 0) return awaitAnswer();
      return fail(`the server gave no sign of life within ${timeout} ms`);
    }
    asked = undefined;
    overdue = false;
    if (bytesReceived === silence.received) {
      silence.left -= scheduled;
    } else {
      const left = stream.receivedAt + idle - scheduler.now();
      silence = { received: bytesReceived, left: Math.min(left, idle) };
    }
    if (silence.left > 0) schedule(Math.min(silence.left, stall?.left ?? Infinity));
    else probe();
  };

  schedule(idle);
  watching.add(wake$.subscribe({ next: probe, error: () => undefined }));
  return watching;
}
