import { defaultIfEmpty, ignoreElements, mergeMap, tap } from 'rxjs';
import { p2p, p2pListen, type PeerSession } from '../../../lib/node.js';
import { xml } from '../../../lib/index.js';

/**
 * One of two processes that talk to each other: `listen <count>` or `connect <port> <count>`. Each sends so many messages, counts those
 * of the other, and says when all have come; the initiator then closes. The result is one line of JSON.
 */
const [role, ...numbers] = process.argv.slice(2);
const count = Number(numbers.at(-1));
const result = { received: 0, inOrder: true };
const print = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);
const say = (session: PeerSession, body: string) => session.send(xml('message', {}, xml('body', {}, body)));

/** Emits once when both sides have all; completes with the session. */
function talk(session: PeerSession) {
  let othersHaveAll = false;
  const talked$ = session.message$.pipe(
    mergeMap((message) => {
      const body = message.child('body')?.text();
      if (body === 'all') othersHaveAll = true;
      else {
        result.inOrder &&= body === String(result.received);
        result.received++;
        if (result.received === count) say(session, 'all');
      }
      return othersHaveAll && result.received === count ? [session] : [];
    }),
  );
  const sent$ = tap({
    subscribe: () => {
      for (let index = 0; index < count; index++) say(session, String(index));
    },
  });
  return talked$.pipe(sent$);
}

if (role === 'listen') {
  const listening = p2pListen({
    jid: 'romeo@forza',
    host: '127.0.0.1',
    port: 0,
    listening: ({ port }) => print({ port }),
    failed: ({ message }) => print({ failed: message }),
  })
    .pipe(mergeMap((session) => talk(session).pipe(ignoreElements(), defaultIfEmpty(session))))
    .subscribe((session) => {
      print({ ...result, peer: String(session.peer), ended: 'closed' });
      listening.unsubscribe();
    });
} else {
  p2p({ jid: 'juliet@pronto', to: 'romeo@forza', host: '127.0.0.1', port: Number(numbers[0]) })
    .pipe(mergeMap((session) => talk(session).pipe(mergeMap(() => session.close()))))
    .subscribe({
      error: (error: Error) => print({ ...result, ended: error.message }),
      complete: () => print({ ...result, ended: 'closed' }),
    });
}
