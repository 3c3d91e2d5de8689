import { defer, forkJoin, map, switchMap } from 'rxjs';
import { xml } from '../../xml/index.js';
import { check } from './check.js';
import type { Scene } from './scene.js';

const QUESTION = 'Grüße, Bob! 你好 – do you read me? 👩‍🚀';
const ANSWER = 'Привет, Alice: <b>every</b> "character" & sign 🎉';

/** A message each way. */
export const talking: Scene = {
  title: 'Messages, both ways',
  about: 'deliver(stanza) tells how far a message came: acked means that the server has taken it over (XEP-0198).',
  play: (stage) =>
    defer(() => {
      const { alice, bob } = stage;
      for (const { client } of [alice, bob]) client.send(xml('presence'));
      const asked$ = forkJoin([bob.hears(1), alice.say(stage.address('bob'), QUESTION)]);
      const answered$ = defer(() => forkJoin([alice.hears(1), bob.say(stage.address('alice'), ANSWER)]));
      return asked$.pipe(
        switchMap(([, { state }]) => answered$.pipe(map(([, answer]) => [state, answer.state]))),
        map((states) =>
          check(
            'both arrived as they were written, and are acknowledged',
            bob.heard[0] === QUESTION && alice.heard[0] === ANSWER && states.every((state) => state === 'acked'),
          ),
        ),
      );
    }),
};
