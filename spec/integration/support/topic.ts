import { realServers, type RealServer, type ServerOptions } from '../../servers/index.js';
import { describeWith } from '../../support/needs.js';

/** Specs of one thing that hold at both servers, and run at one that others use too. */
export interface Topic {
  readonly title: string;
  /** What they need that a server has not by itself. */
  readonly needs?: (name: RealServer['name']) => Pick<ServerOptions, 'users' | 'hosts' | 'config'>;
  /** @param server What runs by the time that a spec does. */
  readonly specs: (name: RealServer['name'], server: () => RealServer) => void;
}

/** Runs topics one after the other at one server of each kind: ejabberd takes two seconds of the processor to start. */
export function atOneServer(topics: readonly Topic[], options: Pick<ServerOptions, 'tls'> = {}): void {
  for (const name of ['prosody', 'ejabberd'] as const) {
    describeWith(name, () => {
      let server: RealServer;
      beforeAll(async () => {
        const needs = topics.map((topic) => topic.needs?.(name) ?? {});
        const merged = <K extends 'users' | 'hosts'>(key: K) => Object.assign({}, ...needs.map((one) => one[key]));
        server = await realServers[name]({
          users: { alice: 'wonder', bob: 'builder', ...merged('users') },
          hosts: merged('hosts'),
          config: needs.flatMap(({ config }) => config ?? []).join('\n'),
          ...options,
        });
      });
      // A spec that fails while the server is frozen or gone must not fail those behind it.
      afterEach(async () => {
        server?.thaw();
        if (server && !server.running) await server.restart();
      }, 60_000);
      afterAll(() => server?.stop());

      for (const { title, specs } of topics) describe(title, () => specs(name, () => server));
    });
  }
}
