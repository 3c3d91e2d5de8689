import { defer, filter, finalize, forkJoin, last, mergeMap, range, skip, switchMap, take, tap } from 'rxjs';
import { check } from './check.js';
import type { Scene } from './scene.js';

type Account = 'alice' | 'bob';

/** Messages each way. */
const BURST = 250;

/** How many of alice's the server has taken when it cuts her link. */
const CUT_AFTER = 100;

/** A link is cut in mid-burst. */
export const resuming: Scene = {
  title: 'A link cut in mid-burst, and nothing lost',
  about: `${BURST} messages each way at once; alice's link is cut after ${CUT_AFTER} of hers. The client resumes by itself (XEP-0198).`,
  brief: true,
  play: (stage) =>
    defer(() => {
      const { alice, bob } = stage;
      const { server } = stage.running;
      alice.quiet = bob.quiet = true;
      for (const { heard } of [alice, bob]) heard.length = 0;
      const jid = alice.client.session?.jid.toString();

      const acked = { alice: 0, bob: 0 };
      let ackedAtCut = 0;
      const cut = server.received$
        .pipe(
          filter(({ from, stanza }) => from === jid && stanza.name === 'message'),
          skip(CUT_AFTER - 1),
          take(1),
        )
        .subscribe(() => {
          ackedAtCut = acked.alice;
          server.cut(jid);
        });
      const resumed$ = alice.online$.pipe(
        filter(({ resumed }) => resumed),
        take(1),
      );
      const burst = (from: Account, to: Account) =>
        range(1, BURST).pipe(
          mergeMap((number) => stage[from].say(stage.address(to), String(number))),
          tap(({ state }) => (acked[from] += state === 'acked' ? 1 : 0)),
          last(),
        );
      return forkJoin([
        resumed$,
        burst('alice', 'bob'),
        burst('bob', 'alice'),
        alice.hears(BURST),
        bob.hears(BURST),
      ]).pipe(
        finalize(() => cut.unsubscribe()),
        switchMap(([online]) => [
          check(`the link was cut when ${ackedAtCut} of alice's messages were acknowledged`, ackedAtCut < BURST),
          check(
            `the session goes on: the same JID, resumed by attempt ${online.attempt}`,
            online.resumed && online.jid.toString() === jid,
          ),
          arrived('alice', acked.alice, bob.heard),
          arrived('bob', acked.bob, alice.heard),
        ]),
      );
    }),
};

function arrived(from: string, acked: number, heard: readonly string[]) {
  const lost = BURST - new Set(heard).size;
  const twice = heard.length - new Set(heard).size;
  const astray = heard.filter((body, index) => body !== String(index + 1)).length;
  return check(
    `of ${BURST} messages by ${from} ${acked} are acknowledged; ${lost} lost, ${twice} twice, ${astray} out of order`,
    acked === BURST && lost === 0 && twice === 0 && astray === 0,
  );
}
