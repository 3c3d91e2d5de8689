import { execFile } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { projectRoot } from './project-root.js';

const run = promisify(execFile);

export interface Compiled {
  /** Given as text (`modules`), or of the project; empty where the configuration is at fault. */
  readonly file: string;
  readonly message: string;
  /** For what is written and not used, which examples may have. */
  readonly unused: boolean;
}

export interface Compilation {
  /** Names a folder in `.cache`, where tsc keeps what it knows until the next time. */
  readonly name: string;
  /** What differs from tsconfig.json; the project's root is `../..` from here. What it includes stays, unless this includes other things. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Modules to compile with it, by their names. */
  readonly modules?: ReadonlyMap<string, string>;
}

/** What tsc complains of. A process of its own: Jest would take half as long again to load and run it. */
export async function compile({ name, config, modules = new Map() }: Compilation): Promise<Compiled[]> {
  const folder = join(projectRoot, '.cache', name);
  const texts = join(folder, 'modules');
  rmSync(texts, { recursive: true, force: true });
  mkdirSync(texts, { recursive: true });
  for (const [file, text] of modules) writeFileSync(join(texts, file), text);
  const files = [...modules.keys()].map((file) => `modules/${file}`);
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ extends: '../../tsconfig.json', files, ...config }));
  const tsc = join(projectRoot, 'node_modules/typescript/bin/tsc');
  return run(process.execPath, [tsc, '--pretty', 'false', '-p', folder], { cwd: projectRoot }).then(
    () => [],
    ({ stdout, stderr, message }: { stdout: string; stderr: string; message: string }) => {
      const found = [...stdout.matchAll(/^(?:(\S.*?)\(\d+,\d+\): )?error TS(\d+): (.*(?:\n .*)*)/gm)];
      // A compiler that cannot run at all complains of nothing.
      if (found.length === 0) throw new Error(stdout + stderr || message);
      return found.map(([, file = '', code, text]) => ({
        file: file.replace(`.cache/${name}/modules/`, ''),
        message: text!,
        unused: UNUSED.includes(code!),
      }));
    },
  );
}

/** A local, all imports of a declaration, a type, all that is taken apart, a private property: noUnusedLocals. */
const UNUSED = ['6133', '6192', '6196', '6198', '6138'];
