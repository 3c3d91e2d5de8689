import {
  catchError,
  concat,
  defer,
  finalize,
  switchMap,
  take,
  tap,
  throwError,
  timeout,
  toArray,
  map,
  type Observable,
} from 'rxjs';
import { startServer, type StartServerOptions } from '../../testing/node/start-server.js';
import { EXIT } from '../exit-code.js';
import { explain } from '../explain.js';
import type { Reporter } from '../report/reporter.js';
import type { Check } from './check.js';
import { closing } from './closing.js';
import { connecting } from './connecting.js';
import { DemoError } from './demo-error.js';
import { replacing } from './replacing.js';
import { resuming } from './resuming.js';
import type { Scene } from './scene.js';
import { silence } from './silence.js';
import { ACCOUNTS, Stage } from './stage.js';
import { talking } from './talking.js';

const SCENES: readonly Scene[] = [connecting, talking, replacing, silence, resuming, closing];

/** No scene takes a second; a machine may be busy. Milliseconds. */
const SCENE_LIMIT = 15_000;

/**
 * Shows what rxmpp does, on an embedded server that it starts and ends. Every claim that it makes is checked: emits the exit
 * code once all of them held; errors with `DemoError` as soon as one does not, and says which.
 *
 * @param options Of the server; specs break it to see that the demonstration notices.
 */
export function demo(reporter: Reporter, options: StartServerOptions = {}): Observable<number> {
  return startServer({ accounts: ACCOUNTS, ...options }).pipe(
    switchMap((running) => {
      const stage = new Stage(running, reporter);
      return concat(...SCENES.map((scene, index) => play(scene, `${index + 1}. ${scene.title}`, stage))).pipe(
        finalize(() => stage.clear()),
      );
    }),
    take(SCENES.length),
    toArray(),
    map((checks) => {
      reporter.conclusion(
        `All ${checks.flat().length} claims hold. Now with a server of yours: npm start -- --jid user@example.org --to friend@example.org`,
      );
      return EXIT.ok;
    }),
  );
}

/** One scene; emits all of its checks at its end. */
function play(scene: Scene, title: string, stage: Stage): Observable<readonly Check[]> {
  return defer(() => {
    stage.reporter.scene(title, scene.about, scene.brief);
    return scene.play(stage);
  }).pipe(
    toArray(),
    timeout({
      first: SCENE_LIMIT,
      with: () => throwError(() => new DemoError(`the scene "${title}" did not end within ${SCENE_LIMIT} ms`)),
    }),
    tap((checks) => {
      for (const { claim, holds } of checks) stage.reporter.check(claim, holds);
      const wrong = checks.filter(({ holds }) => !holds).map(({ claim }) => claim);
      if (wrong.length > 0)
        throw new DemoError(`the scene "${title}" does not hold what it claims: ${wrong.join('; ')}`);
    }),
    catchError((error: unknown) =>
      throwError(() =>
        error instanceof DemoError ? error : new DemoError(`the scene "${title}" was cut short: ${explain(error)}`),
      ),
    ),
  );
}
