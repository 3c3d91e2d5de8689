// One measurement in a fresh process:  node worker.mjs CLIENT TASK '{"tcp":1234,...}'   prints one line of JSON.
import { tasks } from './tasks.mjs';
import { writeProfile } from './usage.mjs';

const [client, task, given] = process.argv.slice(2);
// What a library prints is none of the result.
console.debug = console.log = console.info = console.warn = () => undefined;
try {
  const result = await tasks[task](client, JSON.parse(given));
  writeProfile();
  process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
} catch (error) {
  process.stderr.write(`${client}, ${task}: ${error?.stack ?? error}\n`, () => process.exit(1));
}
