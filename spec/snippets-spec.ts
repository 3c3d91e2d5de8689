import { join } from 'node:path';
import { complaintsAbout } from './support/complaints.js';
import { projectRoot } from './support/project-root.js';
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

/** Compiled together, as each program takes seconds. */
describe('the snippets of the pages', () => {
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
  const fileOf = (page: string, index: number) =>
    join(projectRoot, `${page.replaceAll(/\W/g, '-')}-snippet-${index + 1}.ts`);
  let complaints: string[];

  beforeAll(() => {
    const files = Object.entries(pages).flatMap(([page, snippets]) =>
      snippets.map((snippet, index) => [fileOf(page, index), snippet] as const),
    );
    complaints = complaintsAbout(new Map(files), ENTRIES);
  }, 120_000);

  it('compile against the library', () => {
    expect(pages['README.md'].length).toBeGreaterThan(5);
    expect(pages['lib/testing/README.md'].length).toBeGreaterThan(5);
    expect(complaints.filter((complaint) => !complaint.startsWith(join(projectRoot, 'wrong')))).toEqual([]);
  });

  it.each(pages.wrong.map((_, index) => fileOf('wrong', index)))(
    'would be found out if one used what is not there (%#)',
    (file) => {
      expect(complaints.filter((complaint) => complaint.startsWith(`${file}:`))).toHaveLength(1);
    },
  );
});
