import { ignoreElements, merge, mergeMap, of, ReplaySubject, tap, type Observable } from 'rxjs';
import { p2p, p2pListen, type P2pListenOptions, type P2pOptions, type PeerSession } from '../../../lib/node.js';
import { xml, type XmlElement, type XmppError } from '../../../lib/index.js';
import { watch, type Watch } from '../../support/watch.js';

export const JULIET = 'juliet@pronto.example';
export const ROMEO = 'romeo@forza.example';

const held: { unsubscribe(): void }[] = [];
/** For an `afterEach`: whatever a spec left is let go. */
export const releaseAll = (): void => held.splice(0).forEach((one) => one.unsubscribe());

export interface Listening {
  readonly port: number;
  readonly watched: Watch<PeerSession>;
  readonly failures: XmppError[];
  /** What all peers say, from the first word on. */
  readonly message$: Observable<XmlElement>;
  /** Resolves with each failure in turn. */
  failure(): Promise<XmppError>;
}

export async function listen(options: P2pListenOptions = {}): Promise<Listening> {
  const failures: XmppError[] = [];
  const message$ = new ReplaySubject<XmlElement>(100);
  let told: ((error: XmppError) => void) | undefined;
  let watched!: Watch<PeerSession>;
  const port = await new Promise<number>((resolve, reject) => {
    watched = watch(
      p2pListen({
        ...{ jid: ROMEO, host: '127.0.0.1', port: 0, keepAlive: false },
        listening: (address) => resolve(address.port),
        failed: (error) => {
          failures.push(error);
          told?.(error);
        },
        ...options,
      }).pipe(
        mergeMap((session) =>
          merge(
            of(session),
            session.message$.pipe(
              tap((message) => message$.next(message)),
              ignoreElements(),
            ),
          ),
        ),
      ),
    );
    held.push(watched);
    void watched.ended.then(() => reject(watched.error as Error));
  });
  return {
    port,
    watched,
    message$,
    failures,
    failure: () => new Promise((resolve) => (failures.length > 0 ? resolve(failures.at(-1)!) : (told = resolve))),
  };
}

export const dial = (port: number, options: Partial<P2pOptions> = {}) => {
  const watched = watch(p2p({ jid: JULIET, to: ROMEO, host: '127.0.0.1', port, keepAlive: false, ...options }));
  held.push(watched);
  return watched;
};
export const body = (text: string) => xml('message', {}, xml('body', {}, text));
export const closed = ({ stanza$ }: PeerSession) => new Promise<void>((complete) => stanza$.subscribe({ complete }));
