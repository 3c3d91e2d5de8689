// Builds the package: node .ci/build.mjs [--js] [--out FOLDER]
//
// Every source becomes one file in dist/esm and one in dist/cjs: no bundle, so that an application keeps what it uses
// and that all entry points share one copy of every class. A source that imports a package which an application does
// not have (a devDependency) is bundled together with that package: the published package depends on rxjs alone, and
// its ES modules import no CommonJS module that a bundler would warn about. The command is one file that has everything it
// runs: a process of its own shares no class with an application, and hundreds of files fewer to find let it start sooner.
//
// --js leaves out the declarations (they take most of the time). The entry points are those of package.json's `exports`.
import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import ts from 'typescript';

const root = resolve(import.meta.dirname, '..');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const { values: args } = parseArgs({ options: { js: { type: 'boolean', default: false }, out: { type: 'string' } } });
const out = resolve(args.out ?? join(root, 'dist'));
const lib = join(root, 'lib');

/** What an application has: these are imported, never bundled. */
const provided = new Set(Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies }));
/** What an application need not have: imported where it is used first. */
const optional = Object.keys(manifest.peerDependenciesMeta);
/** Whoever imports a declaration of this folder has the package. */
const isFor = (name, file) => name === '@angular/core' && file.includes('/angular/');
const packageOf = (specifier) => specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
const isBundled = (specifier) =>
  !specifier.startsWith('.') && !specifier.startsWith('node:') && !provided.has(packageOf(specifier));

const filesIn = (folder, ending) =>
  readdirSync(folder, { recursive: true })
    .filter((file) => file.endsWith(ending))
    .sort()
    .map((file) => join(folder, file));
/** Every module that a text names. TypeScript's scan does not see `export * as`. */
const importsOf = (text) => {
  const seen = text.replace(/^export (type )?\* as [^\s]+ from/gm, 'export * from');
  return ts.preProcessFile(seen, true, true).importedFiles.map((file) => file.fileName);
};
const fail = (message) => {
  console.error(`build: ${message}`);
  process.exit(1);
};

const options = {
  absWorkingDir: root,
  outbase: lib,
  target: 'es2022',
  sourcemap: true,
  // The sources are in the package, where the maps point.
  sourcesContent: false,
  logLevel: 'warning',
};

/** Leaves our own modules and what an application has where they are, and bundles the rest. */
const onlyForeignCode = {
  name: 'only-foreign-code',
  setup({ onResolve }) {
    onResolve({ filter: /.*/ }, ({ path, importer, kind }) => {
      if (kind === 'entry-point') return undefined;
      const ours = importer.startsWith(lib + '/') && path.startsWith('.');
      if (ours || path.startsWith('node:') || provided.has(packageOf(path))) return { path, external: true };
      return undefined;
    });
  },
};

async function javascript() {
  const ofTheCommand = (file) => file.startsWith(join(lib, 'cli') + '/');
  const entryPoints = filesIn(lib, '.ts').filter((file) => !file.endsWith('.d.ts') && !ofTheCommand(file));
  const owners = new Map();
  const licences = new Set();
  const licencesOf = ({ outputs }) => {
    const inputs = Object.values(outputs).flatMap((output) => Object.entries(output.inputs));
    for (const [input, { bytesInOutput }] of inputs) {
      const folder = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0];
      if (folder && bytesInOutput > 0) licences.add(folder);
    }
  };
  for (const format of ['esm', 'cjs']) {
    const outdir = join(out, format);
    // 'node' makes esbuild list the exports of a CommonJS file so that Node's ES modules see them.
    const platform = format === 'cjs' ? 'node' : 'neutral';
    const { outputFiles } = await build({
      ...options,
      entryPoints,
      format,
      platform,
      outdir,
      bundle: false,
      write: false,
    });
    const alone = [];
    for (const { path, text } of outputFiles) {
      const foreign = path.endsWith('.js') ? importsOf(text).filter(isBundled) : [];
      if (foreign.length > 0) alone.push(join(lib, relative(outdir, path).replace(/\.js$/, '.ts')));
      for (const name of foreign.map(packageOf)) {
        const owner = owners.get(name) ?? path.replace(`/${format}/`, '/esm/');
        if (owner !== path.replace(`/${format}/`, '/esm/'))
          fail(
            `${name} is imported by two sources (${relative(out, owner)}, ${relative(out, path)}): it would be twice in the package`,
          );
        owners.set(name, owner);
      }
    }
    for (const { path, contents } of outputFiles) {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, contents);
    }
    if (alone.length > 0) {
      const { metafile } = await build({
        ...options,
        sourcesContent: true,
        entryPoints: alone,
        format,
        outdir,
        bundle: true,
        metafile: true,
        platform: 'neutral',
        mainFields: ['module', 'main'],
        plugins: [onlyForeignCode],
      });
      licencesOf(metafile);
    }
  }
  const { metafile } = await build({
    ...options,
    entryPoints: [join(lib, 'cli/main.ts')],
    format: 'esm',
    outdir: join(out, 'esm'),
    bundle: true,
    metafile: true,
    // Names stay, for stack traces.
    minifySyntax: true,
    minifyWhitespace: true,
    platform: 'neutral',
    mainFields: ['module', 'main'],
    // RxJS as modules of ES2015, of which what is not used is left out.
    conditions: ['es2015'],
    external: ['node:*', ...optional],
  });
  licencesOf(metafile);
  writeFileSync(join(out, 'cjs', 'package.json'), '{ "type": "commonjs" }\n');
  writeFileSync(join(out, 'THIRD-PARTY-LICENSES.txt'), [...licences].sort().map(licence).join('\n\n'));
}

/** The notice that a bundled package asks to be kept. */
function licence(folder) {
  const { name, version, license } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
  const file = readdirSync(join(root, folder)).find((entry) => /^licen[cs]e/i.test(entry));
  const text = file ? readFileSync(join(root, folder, file), 'utf8').trim() : `Licensed under ${license}.`;
  return `${name} ${version} (${license})\n\n${text}\n`;
}

async function declarations() {
  const esm = join(out, 'esm');
  const code = await new Promise((done, failed) => {
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    spawn(process.execPath, [tsc, '-p', join(root, '.ci/tsconfig.build.json'), '--outDir', esm], { stdio: 'inherit' })
      .once('error', failed)
      .once('exit', done);
  });
  if (code !== 0) fail('the declarations do not compile');

  // Only what an entry point reaches is published; and nothing of it may name a package that an application lacks.
  const entries = Object.values(manifest.exports).flatMap((entry) =>
    entry.import ? [join(root, entry.import).replace(join(root, 'dist'), out).replace(/\.js$/, '.d.ts')] : [],
  );
  const reached = new Set(entries);
  for (const file of reached) {
    if (!existsSync(file)) fail(`no source for ${relative(out, file)}, which package.json exports`);
    for (const specifier of importsOf(readFileSync(file, 'utf8'))) {
      if (specifier.startsWith('.')) reached.add(join(dirname(file), specifier).replace(/\.js$/, '.d.ts'));
      else if (isBundled(specifier) || (optional.includes(packageOf(specifier)) && !isFor(packageOf(specifier), file)))
        fail(`${relative(out, file)} shows types of ${specifier}, which applications do not have`);
    }
  }
  for (const file of filesIn(esm, '.d.ts')) {
    if (!reached.has(file)) [file, `${file}.map`].forEach((unreached) => rmSync(unreached, { force: true }));
    else writeFileSync(file, takingUndefined(file, readFileSync(file, 'utf8')));
  }
  const isDeclaration = (file) => /\.d\.ts(\.map)?$/.test(file);
  for (const file of readdirSync(esm, { recursive: true }).filter(isDeclaration)) {
    cpSync(join(esm, file), join(out, 'cjs', file));
  }
}

/**
 * Declarations where the optional members of interfaces take `undefined` by every setting of an application. The sources are compiled without
 * `exactOptionalPropertyTypes`: to them, what is not given and what is `undefined` are the same.
 */
function takingUndefined(file, text) {
  const insertions = [];
  const visit = (node) => {
    const { type } = node;
    const isOptional = ts.isPropertySignature(node) && node.questionToken && type;
    if (isOptional && !/(^|\| )(undefined|unknown|any)$/.test(type.getText())) {
      const isOpen = ts.isFunctionTypeNode(type) || ts.isConditionalTypeNode(type);
      if (isOpen) insertions.push([type.getStart(), '(']);
      insertions.push([type.end, isOpen ? ') | undefined' : ' | undefined']);
    }
    if (ts.isTypeReferenceNode(node) && node.typeName.getText() === 'Partial') {
      const [of] = node.typeArguments;
      const whole = of.getText();
      insertions.push([node.getStart(), `{ [K in keyof ${whole}]?: `, of.getStart()]);
      insertions.push([of.end, '[K] | undefined }', node.end]);
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true));
  // From the end, so that the places before stay where they are.
  return insertions
    .sort(([a], [b]) => a - b)
    .reduceRight((all, [from, what, to = from]) => all.slice(0, from) + what + all.slice(to), text);
}

if (!args.js) rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
await Promise.all([javascript(), args.js ? undefined : declarations()]);
