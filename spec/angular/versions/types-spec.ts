import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { projectRoot } from '../../support/project-root.js';

declare const angularFolder: string;

/** Where this version has the types of each of its entry points. */
function typesOfAngular(): Record<string, string[]> {
  const paths: Record<string, string[]> = {};
  for (const name of ['common', 'compiler', 'core', 'platform-browser', 'platform-server', 'router']) {
    const folder = join(angularFolder, 'node_modules/@angular', name);
    const { exports } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
      readonly exports: Readonly<Record<string, { readonly types?: string }>>;
    };
    for (const [path, { types }] of Object.entries(exports)) {
      if (types !== undefined && existsSync(join(folder, types))) {
        paths[join('@angular', name, path)] = [join(folder, types)];
      }
    }
  }
  return paths;
}

function complaintsAbout(files: readonly string[], extra: ReadonlyMap<string, string> = new Map()): string[] {
  const config = join(projectRoot, 'tsconfig.json');
  const { options } = ts.parseJsonConfigFileContent(
    ts.readConfigFile(config, ts.sys.readFile).config,
    ts.sys,
    projectRoot,
  );
  const all: ts.CompilerOptions = { ...options, module: ts.ModuleKind.ESNext, paths: typesOfAngular() };
  all.moduleResolution = ts.ModuleResolutionKind.Bundler;
  const host = ts.createCompilerHost(all);
  const { fileExists, getSourceFile } = host;
  host.fileExists = (file) => extra.has(file) || fileExists.call(host, file);
  host.getSourceFile = (file, ...rest) => {
    const text = extra.get(file);
    return text === undefined
      ? getSourceFile.call(host, file, ...rest)
      : ts.createSourceFile(file, text, ts.ScriptTarget.ES2022);
  };
  const program = ts.createProgram([...files, ...extra.keys()], all, host);
  const found = program.getSourceFiles().filter(({ fileName }) => fileName.includes('/@angular/'));
  // Of this version, and of no other.
  expect(found.length).toBeGreaterThan(5);
  expect(found.filter(({ fileName }) => !fileName.startsWith(angularFolder))).toEqual([]);
  return ts
    .getPreEmitDiagnostics(program)
    .map((fault) => `${fault.file?.fileName}: ${ts.flattenDiagnosticMessageText(fault.messageText, '\n')}`);
}

describe('rxmpp/angular', () => {
  it('compiles with this version, and so does what uses it', () => {
    const folders = ['spec/angular', 'spec/angular/versions', 'spec/angular/versions/support'];
    const specs = folders.flatMap((folder) =>
      readdirSync(join(projectRoot, folder))
        .filter((name) => name.endsWith('.ts'))
        .map((name) => join(folder, name)),
    );
    const files = ['lib/angular.ts', 'lib/testing.ts', ...specs].map((file) => join(projectRoot, file));
    expect(files.length).toBeGreaterThan(8);
    const wrong = join(projectRoot, 'spec/angular/wrong.ts');
    const text = `import { provideXmpp } from '../../lib/angular.js'; provideXmpp({ jid: 1 });`;
    expect(complaintsAbout(files, new Map([[wrong, text]]))).toEqual([expect.stringMatching(wrong)]);
  });
});
