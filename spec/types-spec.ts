import { compile, type Compiled } from './support/compile.js';
import { snippetBelow, snippetsOf } from './support/snippets.js';

/** What the others of README.md take for granted. */
const PRELUDE = `
import { BehaviorSubject, of } from 'rxjs';
import { jid, register, xml, xmppClient, xmppStream, websocket } from 'rxmpp';
import type { Credentials, Transport, XmppClient, XmppClientOptions, XmppOptions } from 'rxmpp';
import { tcp } from 'rxmpp/node';
declare const credentials: Credentials;
declare const transport: Transport;
declare const options: XmppOptions;
export {};
`;
const CLIENT = 'declare const client: XmppClient;\n';

const ENTRIES = {
  rxmpp: 'index',
  'rxmpp/node': 'node',
  'rxmpp/angular': 'angular',
  'rxmpp/testing': 'testing',
  'rxmpp/testing/node': 'testing-node',
};

/** These stand by themselves. */
const complete = ['## With Angular', '## With plain RxJS', '## Testing with marbles', '### In Angular'].map(
  snippetBelow,
);

/** The snippet without its imports, which stand in the prelude, and with a client where it makes none. */
function moduleOf(snippet: string): string {
  if (complete.includes(snippet)) return snippet;
  const body = snippet.replace(/^import .*$/gm, '');
  return PRELUDE + (/\bclient\b/.test(body) && !/const client\b/.test(body) ? CLIENT : '') + body;
}

const pages = {
  'README.md': snippetsOf('README.md').map(moduleOf),
  // All of these stand by themselves.
  'lib/testing/README.md': snippetsOf('lib/testing/README.md'),
  wrong: [
    moduleOf(`xmppClient({ jid: 'a@b', transprt: tcp() });`),
    snippetBelow('## With Angular').replace('injectXmppStatus()', 'injectXmppStatus(1)'),
    `import { startServer } from 'rxmpp/testing'; startServer();`,
  ],
};
const fileOf = (page: string, index: number) => `${page.replaceAll(/\W/g, '-')}-snippet-${index + 1}.ts`;
const snippets = new Map(
  Object.entries(pages).flatMap(([page, texts]) => texts.map((text, index) => [fileOf(page, index), text])),
);

/** Jest only strips types. All in one program, as each has the same declarations to read. */
describe('sources, specs, and the snippets of the pages', () => {
  let complaints: readonly Compiled[];

  beforeAll(async () => {
    complaints = await compile({
      name: 'types',
      config: {
        compilerOptions: {
          tsBuildInfoFile: 'tsbuildinfo',
          // Of snippets alone: what an application with Angular sets, and the sources as the package.
          experimentalDecorators: true,
          paths: Object.fromEntries(Object.entries(ENTRIES).map(([name, file]) => [name, [`../../lib/${file}.ts`]])),
        },
      },
      modules: snippets,
    });
  }, 300_000);

  it('compile, with what spec/types expects of types', () => {
    expect(complaints.filter(({ file }) => !snippets.has(file))).toEqual([]);
  });

  it('compile against the library, where they are snippets', () => {
    expect(pages['README.md'].length).toBeGreaterThan(5);
    expect(pages['lib/testing/README.md'].length).toBeGreaterThan(5);
    const ofSnippets = complaints.filter(({ file, unused }) => snippets.has(file) && !unused);
    expect(ofSnippets.filter(({ file }) => !file.startsWith('wrong'))).toEqual([]);
  });

  it.each(pages.wrong.map((_, index) => fileOf('wrong', index)))(
    'would be found out if one used what is not there (%#)',
    (wrong) => {
      expect(complaints.filter(({ file, unused }) => file === wrong && !unused)).toHaveLength(1);
    },
  );
});

it('what a browser loads uses no global of Node', async () => {
  const complaints = await compile({
    name: 'types-in-browsers',
    config: {
      compilerOptions: { tsBuildInfoFile: 'tsbuildinfo', types: [] },
      files: ['index', 'angular', 'testing'].map((entry) => `../../lib/${entry}.ts`),
      include: [],
    },
  });
  expect(complaints).toEqual([]);
}, 300_000);
