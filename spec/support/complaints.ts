import { join } from 'node:path';
import ts from 'typescript';
import { projectRoot } from './project-root.js';

/**
 * What the compiler says of modules that are given as text by their file names. They see the sources as the package, by these
 * entry points.
 */
export function complaintsAbout(
  modules: ReadonlyMap<string, string>,
  entries: Readonly<Record<string, string>>,
): string[] {
  const paths = Object.entries(entries).map(([name, file]) => [name, [join(projectRoot, 'lib', `${file}.ts`)]]);
  const options: ts.CompilerOptions = {
    ...{ strict: true, noEmit: true, skipLibCheck: true, esModuleInterop: true, experimentalDecorators: true },
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    lib: ['lib.es2022.d.ts', 'lib.dom.d.ts', 'lib.esnext.disposable.d.ts'],
    types: ['node', 'jest'],
    paths: Object.fromEntries(paths) as ts.MapLike<string[]>,
  };
  const host = ts.createCompilerHost(options);
  const [read, exists, source] = [host.readFile, host.fileExists, host.getSourceFile].map((method) =>
    method.bind(host),
  ) as [typeof host.readFile, typeof host.fileExists, typeof host.getSourceFile];
  host.readFile = (file) => modules.get(file) ?? read(file);
  host.fileExists = (file) => modules.has(file) || exists(file);
  host.getSourceFile = (file, ...rest) => {
    const text = modules.get(file);
    return text === undefined ? source(file, ...rest) : ts.createSourceFile(file, text, ts.ScriptTarget.ES2022);
  };
  const program = ts.createProgram([...modules.keys()], options, host);
  // Of these alone: the sources are compiled elsewhere, and all of them take seconds.
  return [...modules.keys()].flatMap((file) => {
    const module = program.getSourceFile(file)!;
    return [...program.getSyntacticDiagnostics(module), ...program.getSemanticDiagnostics(module)].map(
      ({ messageText }) => `${file}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`,
    );
  });
}
