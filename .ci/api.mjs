// The API report: what each entry point shows, as text that is committed, so that the API changes only on purpose.
//   npm run api              writes .ci/api/*.api.md
//   npm run api -- --check   fails where they differ
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Extractor, ExtractorConfig } from '@microsoft/api-extractor';

const root = resolve(import.meta.dirname, '..');
const { values: args } = parseArgs({ options: { check: { type: 'boolean', default: false } } });
const reports = join(root, '.ci/api');
// Inside the project, or the declarations could not find rxjs; not in node_modules, or they would be foreign.
const built = join(root, '.cache/api');
const silent = { default: { logLevel: 'none' } };

const { status } = spawnSync(process.execPath, [join(root, '.ci/build.mjs'), '--out', built], { stdio: 'inherit' });
if (status !== 0) process.exit(status ?? 1);
mkdirSync(reports, { recursive: true });

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
let [different, broken] = [0, 0];
for (const [name, entry] of Object.entries(manifest.exports).filter(([, { import: file }]) => file)) {
  const source = basename(entry.import, '.js');
  const extractorConfig = ExtractorConfig.prepare({
    packageJsonFullPath: join(root, 'package.json'),
    configObjectFullPath: join(root, '.ci/api.mjs'),
    configObject: {
      projectFolder: root,
      mainEntryPointFilePath: join(built, 'esm', `${source}.d.ts`),
      newlineKind: 'lf',
      compiler: {
        overrideTsconfig: {
          compilerOptions: {
            ...{ target: 'ES2022', lib: ['ES2022', 'DOM'], module: 'NodeNext', moduleResolution: 'NodeNext' },
            ...{ strict: true, skipLibCheck: true, types: ['node'] },
          },
          files: [join(built, 'esm', `${source}.d.ts`)],
        },
      },
      apiReport: { enabled: true, reportFileName: `${source}.api.md`, reportFolder: reports, reportTempFolder: built },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      messages: {
        compilerMessageReporting: silent,
        tsdocMessageReporting: silent,
        extractorMessageReporting: {
          ...silent,
          // Types that the main entry point shows and does not export; the others lean on it.
          ...(name === '.' && { 'ae-forgotten-export': { logLevel: 'warning', addToApiReportFile: true } }),
        },
      },
    },
  });
  const result = Extractor.invoke(extractorConfig, {
    localBuild: !args.check,
    // All of its news are in the report, or in the lines below.
    messageCallback: (message) => (message.handled = message.logLevel !== 'error'),
  });
  broken += result.errorCount;
  if (!result.apiReportChanged) continue;
  if (args.check) different++;
  console.log(args.check ? `${name}: the API is not what .ci/api/${source}.api.md says:` : `${name}: report written`);
  const [was, is] = [join(reports, `${source}.api.md`), join(built, `${source}.api.md`)];
  if (args.check) spawnSync('diff', ['-u', '--label', 'reported', '--label', 'now', was, is], { stdio: 'inherit' });
}
rmSync(built, { recursive: true, force: true });
if (different > 0) console.log('If that is on purpose: npm run api, and commit the report.');
process.exitCode = different + broken > 0 ? 1 : 0;
