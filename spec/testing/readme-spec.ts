import { join } from 'node:path';
import { projectRoot } from '../support/project-root.js';
import { snippetsOf, transpiled } from '../support/snippets.js';

const ENTRIES: Readonly<Record<string, string>> = {
  rxmpp: 'index',
  'rxmpp/node': 'node',
  'rxmpp/testing': 'testing',
  'rxmpp/testing/node': 'testing-node',
};

/** Snippets that are tests: they stand by themselves, imports and all. (That they compile: spec/types-spec.ts.) */
const tests = [
  ...snippetsOf('lib/testing/README.md').map((snippet, index): [string, string] => [
    `lib/testing/README.md, ${index + 1}`,
    snippet,
  ]),
  ...snippetsOf('README.md')
    .filter((snippet) => /'rxmpp\/testing'/.test(snippet) && !snippet.includes('provideXmpp'))
    .map((snippet, index): [string, string] => [`README.md, ${index + 1}`, snippet]),
];

describe('the examples of how to test', () => {
  it('are there', () => {
    expect(tests.length).toBeGreaterThan(7);
  });

  describe.each(tests)('%s', (_where, snippet) => {
    const load = (name: string): unknown => {
      const entry = ENTRIES[name];
      return jest.requireActual(entry === undefined ? name : join(projectRoot, 'lib', `${entry}.ts`));
    };
    // It declares its tests here.
    // eslint-disable-next-line @typescript-eslint/no-implied-eval
    (new Function('require', 'exports', 'it', 'expect', transpiled(snippet)) as (...args: unknown[]) => void)(
      load,
      {},
      it,
      expect,
    );
  });
});
