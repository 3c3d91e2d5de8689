import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { transformSync, type Options } from '@swc/core';
import { projectRoot } from './project-root.js';

/** Every snippet in TypeScript of a page: `README.md`. */
export const snippetsOf = (page: string): string[] => snippetsIn(readFileSync(join(projectRoot, page), 'utf8'));

/** The one of README.md below this heading: `## Options`. */
export function snippetBelow(heading: string): string {
  const [, section = ''] = readFileSync(join(projectRoot, 'README.md'), 'utf8').split(`\n${heading}\n`);
  const [snippet, ...more] = snippetsIn(section.split(/\n##+ /)[0]!);
  if (snippet === undefined || more.length > 0) throw new Error(`below "${heading}" there is not one snippet`);
  return snippet;
}

/** As CommonJS, of which the types are gone. */
export function transpiled(snippet: string): string {
  const options = JSON.parse(readFileSync(join(projectRoot, 'spec/support/swc.json'), 'utf8')) as Options;
  return transformSync(snippet, options).code;
}

function snippetsIn(markdown: string): string[] {
  return [...markdown.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map((match) => match[1]!);
}
