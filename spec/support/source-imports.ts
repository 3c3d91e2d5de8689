import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import ts from 'typescript';
import { projectRoot } from './project-root.js';

export interface SourceImport {
  /** As written. */
  readonly specifier: string;
  /** The source that a relative specifier names, from the project's root: `lib/xml/xml.ts`. */
  readonly file: string | undefined;
  /** Whether only types are imported, so that nothing of it is left at run time. */
  readonly typeOnly: boolean;
}

/** Every import and re-export of a module, static or dynamic. */
export function importsOf(file: string, text: string): SourceImport[] {
  const found: SourceImport[] = [];
  const add = (node: ts.Node, typeOnly: boolean) => {
    if (!ts.isStringLiteralLike(node)) return;
    const specifier = node.text;
    const relative = specifier.startsWith('.');
    found.push({
      specifier,
      file: relative ? posix.join(posix.dirname(file), specifier).replace(/\.js$/, '.ts') : undefined,
      typeOnly,
    });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      add(node.moduleSpecifier, node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword);
    } else if (ts.isExportDeclaration(node) && node.moduleSpecifier) {
      add(node.moduleSpecifier, node.isTypeOnly);
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      add(node.argument.literal, true);
    } else if (
      ts.isCallExpression(node) &&
      node.arguments[0] &&
      (node.expression.kind === ts.SyntaxKind.ImportKeyword || node.expression.getText() === 'require')
    ) {
      add(node.arguments[0], false);
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true));
  return found;
}

/** All sources of the library by their path from the project's root. */
export function librarySources(): Map<string, string> {
  const files = readdirSync(join(projectRoot, 'lib'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => `lib/${file.split('\\').join('/')}`)
    .sort();
  return new Map(files.map((file) => [file, readFileSync(join(projectRoot, file), 'utf8')]));
}
