import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import ts from 'typescript';
import { complaintsAbout } from '../support/complaints.js';

const root = resolve(__dirname, '../..');
const ENTRIES: Readonly<Record<string, string>> = {
  rxmpp: 'index',
  'rxmpp/node': 'node',
  'rxmpp/testing': 'testing',
  'rxmpp/testing/node': 'testing-node',
};

const snippetsOf = (file: string) =>
  [...readFileSync(join(root, file), 'utf8').matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map((match) => match[1]!);

/** Snippets that are tests: they stand by themselves, imports and all. */
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
  it('compile', () => {
    expect(tests.length).toBeGreaterThan(7);
    const modules = new Map(tests.map(([, snippet], index) => [join(root, `snippet-${index}.ts`), snippet]));
    const wrong = join(root, 'snippet-wrong.ts');
    modules.set(wrong, "import { startServer } from 'rxmpp/testing'; startServer();");
    const complaints = complaintsAbout(modules, ENTRIES);
    expect(complaints.filter((complaint) => !complaint.startsWith(wrong))).toEqual([]);
    expect(complaints).toHaveLength(1);
  }, 120_000);

  describe.each(tests)('%s', (_where, snippet) => {
    const { outputText } = ts.transpileModule(snippet, {
      compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 },
    });
    const load = (name: string): unknown => {
      const entry = ENTRIES[name];
      return jest.requireActual(entry === undefined ? name : join(root, 'lib', `${entry}.ts`));
    };
    // It declares its tests here.
    // eslint-disable-next-line @typescript-eslint/no-implied-eval
    (new Function('require', 'exports', 'it', 'expect', outputText) as (...args: unknown[]) => void)(
      load,
      {},
      it,
      expect,
    );
  });
});
