import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import ts from 'typescript';

const root = resolve(__dirname, '..');

/** What the snippets take for granted. */
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

function snippetsOf(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8');
  return [...text.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map((match) => match[1]!);
}

/** The snippet without its imports, which stand in the prelude, and with a client where it makes none. */
function moduleOf(snippet: string): string {
  const body = snippet.replace(/^import .*$/gm, '');
  return PRELUDE + (/\bclient\b/.test(body) && !/const client\b/.test(body) ? CLIENT : '') + body;
}

function complaintsAbout(modules: ReadonlyMap<string, string>): string[] {
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    lib: ['lib.es2022.d.ts', 'lib.dom.d.ts'],
    types: ['node'],
    paths: Object.fromEntries(
      Object.entries({ rxmpp: 'index', 'rxmpp/node': 'node', 'rxmpp/testing': 'testing' }).map(([name, file]) => [
        name,
        [join(root, 'lib', `${file}.ts`)],
      ]),
    ),
  };
  const host = ts.createCompilerHost(options);
  const read = host.readFile.bind(host);
  const exists = host.fileExists.bind(host);
  const source = host.getSourceFile.bind(host);
  host.readFile = (file) => modules.get(file) ?? read(file);
  host.fileExists = (file) => modules.has(file) || exists(file);
  host.getSourceFile = (file, ...rest) => {
    const text = modules.get(file);
    return text === undefined ? source(file, ...rest) : ts.createSourceFile(file, text, ts.ScriptTarget.ES2022);
  };
  const program = ts.createProgram([...modules.keys()], options, host);
  return ts
    .getPreEmitDiagnostics(program)
    .filter(({ file }) => file !== undefined && modules.has(file.fileName))
    .map(({ file, messageText }) => `${file!.fileName}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`);
}

describe('README.md', () => {
  // Those for Angular and for marbles live in an application and a spec that are not there; like code is in spec/angular.
  const snippets = snippetsOf('README.md').filter(
    // What tests is run by spec/testing/readme-spec.ts.
    (snippet) => !/provideXmpp|injectXmpp|'rxmpp\/testing'/.test(snippet),
  );
  const wrong = join(root, 'readme-0.ts');
  let complaints: string[];
  beforeAll(() => {
    const modules = new Map(
      snippets.map((snippet, index) => [join(root, `readme-${index + 1}.ts`), moduleOf(snippet)]),
    );
    modules.set(wrong, moduleOf(`xmppClient({ jid: 'a@b', transprt: tcp() });`));
    complaints = complaintsAbout(modules);
  }, 60_000);

  it('has snippets that compile against the library', () => {
    expect(snippets.length).toBeGreaterThan(2);
    expect(complaints.filter((complaint) => !complaint.startsWith(wrong))).toEqual([]);
  });

  it('would be found out if one used what is not there', () => {
    expect(complaints.filter((complaint) => complaint.startsWith(wrong))).toHaveLength(1);
  });
});
