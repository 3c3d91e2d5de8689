import {
  concat,
  defer,
  endWith,
  filter,
  finalize,
  ignoreElements,
  map,
  merge,
  of,
  switchMap,
  take,
  tap,
  Subscription,
  type Observable,
} from 'rxjs';
import { xmppClient, type XmppClient } from '../client/xmpp-client.js';
import { xml } from '../xml/index.js';
import { clientOptions } from './client-options.js';
import type { LiveCommand } from './command.js';
import { EXIT } from './exit-code.js';
import { Interrupted } from './interrupted.js';
import type { Input, Signal } from './io.js';
import type { Reporter } from './report/reporter.js';
import { LineSender } from './send-lines.js';

export interface LiveContext {
  readonly stdin: Input;
  readonly reporter: Reporter;
  /** Somebody asks for the end, by a signal, or because nobody reads the output any more. */
  readonly quit$: Observable<Signal | 'unread'>;
}

/**
 * A connection to a server: shows what happens and what arrives, sends what is typed. Emits the exit code once, when the
 * stream is closed: because the input has ended and what was sent has arrived, or because somebody asked for the end.
 *
 * ```text
 * session$   -----s---------------------|     presence is sent
 * stdin           a  b  |                     read from the first session on
 * acked              a    b
 * live       ----------------------------(0|)
 * ```
 *
 * Errors with what the connection failed with for good, or with `Interrupted` where there was no session to close.
 */
export function live(command: LiveCommand, password: string | undefined, context: LiveContext): Observable<number> {
  const { stdin, reporter, quit$ } = context;
  return defer(() => {
    let online = false;
    const client = xmppClient(clientOptions(command, password, () => online));
    const sender = new LineSender(client, command.to, reporter);

    const kept$ = client.session$.pipe(
      tap((session) => {
        online = true;
        // Without it no message would be routed to us (RFC 6121 section 4.2).
        if (!session.resumed) session.send(xml('presence'));
      }),
      switchMap((session) => session.stanza$),
      tap((stanza) => reporter.stanza(stanza)),
      ignoreElements(),
      endWith('end' as const),
    );
    const sent$ = client.session$.pipe(
      take(1),
      switchMap(() => concat(sender.sendAll(stdin), close(client, of('end' as const)))),
    );
    const asked$ = quit$.pipe(
      take(1),
      switchMap((reason) => close(client, ending(reason))),
    );

    const watching = watch(client, reporter);
    return merge(kept$, sent$, asked$).pipe(
      take(1),
      map(() => (sender.failures > 0 ? EXIT.failure : EXIT.ok)),
      // The last to go, so that the end of the attempt is told too.
      finalize(() => watching.unsubscribe()),
    );
  });
}

/** Closes the session, whose end is told by `session$`; without a session it is `otherwise`. */
function close<T>(client: XmppClient, otherwise: Observable<T>): Observable<T> {
  return defer(() => (client.session ? client.close() : otherwise));
}

function ending(reason: Signal | 'unread'): Observable<'end'> {
  return defer(() => {
    if (reason !== 'unread') throw new Interrupted(reason);
    return of('end' as const);
  });
}

/** Tells what becomes of the connection, without holding it. */
function watch(client: XmppClient, reporter: Reporter): Subscription {
  const watching = new Subscription();
  watching.add(client.trace$.subscribe((event) => reporter.trace(event)));
  watching.add(client.status$.subscribe((status) => reporter.status(status)));
  watching.add(
    client.undelivered$
      // Presence and automatic answers are nobody's loss.
      .pipe(filter(({ stanza }) => stanza.name === 'message'))
      .subscribe(({ stanza, error }) => reporter.undelivered(stanza, error)),
  );
  return watching;
}
